//! The topology before and after, as pictures; and a page of a topology alone.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::shell::{controls, keys, page};
use crate::address::Address;
use crate::name::ResourceName;
use crate::render::access::{AccessOverview, UserAccess};
use crate::render::escape;
use crate::render::graph::TopologyGraph;
use crate::render::plan_report::{ChangeVerb, PlanReport};
use crate::state::desired::DesiredState;
use crate::state::observed::{AccessReading, ObservedState};
use crate::wording::counted;

/// What a plan makes of a topology, for its pictures and the access matrix.
#[derive(Debug, Clone, Default)]
pub struct TopologyChange {
    before: TopologyGraph,
    after: TopologyGraph,
    /// Users with what they may do before and after.
    pub(super) access: Vec<(Option<UserAccess>, Option<UserAccess>)>,
}

impl TopologyChange {
    /// Of a plan, what it was made from.
    #[must_use]
    pub fn of(plan: &PlanReport, desired: &DesiredState, observed: &ObservedState) -> Self {
        let graph = TopologyGraph::of_server(observed);
        Self {
            before: graph.before(plan),
            after: graph.after(plan, desired),
            access: access(plan, desired, observed),
        }
    }
}

fn access(
    plan: &PlanReport,
    desired: &DesiredState,
    observed: &ObservedState,
) -> Vec<(Option<UserAccess>, Option<UserAccess>)> {
    let live = match &observed.access {
        AccessReading::Read(access) => Some(AccessOverview::of_server(access)),
        AccessReading::NotNeeded | AccessReading::Refused { .. } => None,
    };
    let declared = AccessOverview::of_manifests(desired);
    let before = |name: &ResourceName| live.as_ref().and_then(|live| live.user(name));
    let mut pairs = Vec::new();
    let mut named: BTreeSet<ResourceName> = BTreeSet::new();
    for change in &plan.changes {
        let Address::User(name) = &change.address else {
            continue;
        };
        let old = match &change.previous {
            Some(Address::User(old)) => old,
            _ => name,
        };
        named.extend([name.clone(), old.clone()]);
        let unchanged = || before(old);
        let after = match change.verb {
            ChangeVerb::Deactivate | ChangeVerb::Delete => None,
            ChangeVerb::Blocked => unchanged(),
            ChangeVerb::Create | ChangeVerb::Update | ChangeVerb::Rename => declared
                .user(name)
                .filter(|user| user.unknown.is_none())
                .or_else(unchanged),
        };
        pairs.push((before(old), after));
    }
    let others: Vec<UserAccess> = live
        .iter()
        .flat_map(AccessOverview::users)
        .filter(|name| !named.contains(*name))
        .filter_map(before)
        .collect();
    pairs.extend(
        others
            .into_iter()
            .map(|user| (Some(user.clone()), Some(user))),
    );
    pairs
}

/// Both pictures; the script shows one at a time.
pub(super) fn pictures(topology: &TopologyChange) -> Markup {
    let TopologyChange { before, after, .. } = topology;
    if before.is_empty() && after.is_empty() {
        return html! {};
    }
    html! {
        section #pictures {
            h2 { "Topology" }
            div.tabs hidden role="group" aria-label="Which picture" {
                button type="button" data-tab="before" { "Before" }
                button type="button" data-tab="after" { "After" }
                button type="button" data-tab="both" { "Both" }
            }
            div.pictures {
                figure data-panel="before" tabindex="0" { figcaption { "Before" } (before.picture("Topology before", false)) }
                figure data-panel="after" tabindex="0" { figcaption { "After" } (after.picture("Topology after", false)) }
            }
            (legend(true))
        }
    }
}

fn legend(with_changes: bool) -> Markup {
    html! {
        p.legend {
            "A box is a stream, a line in it a topic with its partitions (squares) and consumer groups. "
            "A green line sends, a blue one polls, a dashed one does neither. "
            @if with_changes { "+ new, ~ changed, − removed, ! blocked. " }
            "Streams, topics and users that change are drawn first."
        }
    }
}

impl TopologyGraph {
    /// As one page: the picture, and a list of everything that can be filtered.
    #[must_use]
    pub fn to_html(&self, title: &str) -> String {
        let topics: usize = self
            .streams
            .values()
            .map(|stream| stream.topics.len())
            .sum();
        let groups = self
            .streams
            .values()
            .flat_map(|stream| stream.topics.values());
        let groups: usize = groups.map(|topic| topic.groups.len()).sum();
        let open = topics <= super::OPEN_UP_TO;
        let title = escape(title);
        let body = html! {
            h1 { (title) }
            ul.counts {
                li { b { (self.streams.len()) } " streams" }
                li { b { (topics) } " topics" }
                li { b { (groups) } " consumer groups" }
                li { b { (self.users.len()) } " users" }
            }
            main {
                section #pictures {
                    h2 { "Picture" }
                    figure tabindex="0" { (self.picture("Topology", false)) }
                    (legend(false))
                }
                h2 { "Everything" }
                (controls(&[]))
                @for (name, stream) in &self.streams {
                    details.section open[open] {
                        summary {
                            code { (escape(&Address::Stream(name.clone()).to_string())) }
                            span.faint { (counted(stream.topics.len(), "topic")) }
                        }
                        @for (topic, value) in &stream.topics {
                            div.row data-row="plain" {
                                span.sign {}
                                code { (escape(&Address::Topic(name.clone(), topic.clone()).to_string())) }
                                ul {
                                    @match value.partitions {
                                        Some(count) => { li { (counted(count, "partition")) } }
                                        None => { li.faint { "partitions not declared" } }
                                    }
                                    @if !value.groups.is_empty() {
                                        li { "groups: "
                                            @for (place, group) in value.groups.iter().enumerate() {
                                                @if place > 0 { ", " }
                                                code { (escape(group.as_str())) }
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
                (keys())
            }
        };
        page(&title, &body)
    }
}
