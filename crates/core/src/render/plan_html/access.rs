//! Who may do what before and after, as a matrix.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::TopologyChange;
use crate::access::{Right, Scope};
use crate::name::ResourceName;
use crate::render::access::UserAccess;
use crate::render::escape;
use crate::render::scope_text::scope_text;

type Rights = BTreeMap<Scope<ResourceName>, BTreeSet<Right>>;

/// A section for each user: its places down, the rights across.
pub(super) fn access_matrix(topology: &TopologyChange) -> Markup {
    if topology.access.is_empty() {
        return html! {};
    }
    html! {
        h2 { "Access" }
        p.legend { "What users are able to do: ● as before, + gained, − lost. What a wider place gives is not repeated." }
        @for (before, after) in &topology.access { (user(before.as_ref(), after.as_ref())) }
    }
}

fn user(before: Option<&UserAccess>, after: Option<&UserAccess>) -> Markup {
    let Some(access) = after.or(before) else {
        return html! {};
    };
    let (old, new) = (rights(before), rights(after));
    let places: BTreeSet<&Scope<ResourceName>> = old.keys().chain(new.keys()).collect();
    let columns: BTreeSet<Right> = old
        .values()
        .chain(new.values())
        .flatten()
        .copied()
        .collect();
    let is_changed = old != new;
    let row = if is_changed { "warning" } else { "plain" };
    let note = match (&access.unknown, access.standing.root, before, after) {
        (_, true, _, _) => "root: may do everything",
        (Some(_), ..) => "permissions not known",
        (_, _, None, _) => "new",
        (_, _, _, None) => "loses everything",
        _ if is_changed => "changes",
        _ if places.is_empty() => "may do nothing",
        _ => "as before",
    };
    html! {
        details.section open[is_changed] {
            summary data-row=(row) { code { "user/" (escape(access.user.as_str())) } span.faint { (note) } }
            @if !places.is_empty() {
                div.scroll {
                    table {
                        thead { tr { th { "On" } @for right in &columns { th { (right.to_string()) } } } }
                        tbody {
                            @for place in places {
                                tr data-row=(row) {
                                    td { code { (scope_text(place.as_ref())) } }
                                    @for right in &columns {
                                        (cell(has(&old, place, *right), has(&new, place, *right)))
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn has(rights: &Rights, place: &Scope<ResourceName>, right: Right) -> bool {
    rights
        .get(place)
        .is_some_and(|rights| rights.contains(&right))
}

fn cell(before: bool, after: bool) -> Markup {
    match (before, after) {
        (true, true) => html! { td { "●" } },
        (false, true) => html! { td.gained title="gained" { "+" } },
        (true, false) => html! { td.lost title="lost" { "−" } },
        (false, false) => html! { td {} },
    }
}

fn rights(access: Option<&UserAccess>) -> Rights {
    let scopes = access.into_iter().flat_map(|access| &access.rights);
    scopes
        .map(|scope| {
            let rights = scope.rights.iter().map(|right| right.right);
            (scope.on.clone(), rights.collect())
        })
        .collect()
}
