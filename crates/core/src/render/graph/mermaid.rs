//! A topology as Mermaid, which GitHub and GitLab draw in markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::label::Label;
use super::layout::partitions_text;
use super::model::{Mark, TopologyGraph};
use super::selection::{Cap, Selection};
use crate::access::Scope;
use crate::name::ResourceName;
use crate::wording::counted;

/// Mermaid draws no text that is longer than 50,000 characters, and no more than 500 lines.
const LONGEST: usize = 45_000;
const MOST_LINES: usize = 450;

const CLASSES: &str = "  classDef created stroke:#1a7f37,stroke-width:2px
  classDef changed stroke:#9a6700,stroke-width:2px
  classDef removed stroke:#cf222e,stroke-width:2px
  classDef blocked stroke:#8250df,stroke-width:2px,stroke-dasharray:4 3
";

impl TopologyGraph {
    /// As a flowchart of Mermaid, without the fence around it.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        let mut cap = Cap::PICTURE;
        loop {
            let chart = Chart::of(&Selection::of(self, cap), cap.lines);
            let fits = chart.text.len() <= LONGEST && chart.lines <= MOST_LINES;
            if fits || cap == cap.half() {
                return chart.text;
            }
            cap = cap.half();
        }
    }
}

struct Chart {
    text: String,
    lines: usize,
}

impl Chart {
    fn of(selection: &Selection<'_>, lines: usize) -> Self {
        let mut chart = Self {
            text: "flowchart LR\n".to_owned(),
            lines: 0,
        };
        let mut ids: BTreeMap<Scope<ResourceName>, String> = BTreeMap::new();
        let mut links = String::new();
        for (place, stream) in selection.streams.iter().enumerate() {
            let id = format!("s{place}");
            let name = literal(stream.name);
            chart.line(&format!("  subgraph {id}[\"{}{name}\"]", sign(stream.mark)));
            chart.line("    direction LR");
            ids.insert(Scope::Stream(stream.name.clone()), id.clone());
            for (place, topic) in stream.topics.iter().enumerate() {
                let topic_id = format!("{id}t{place}");
                let partitions = match topic.partitions {
                    Some(count) => counted(count, "partition"),
                    None => format!("{} partitions", partitions_text(None)),
                };
                chart.node(
                    &topic_id,
                    ("[\"", "\"]"),
                    topic.name,
                    &format!(" · {partitions}"),
                    topic.mark,
                );
                let scope = Scope::Topic(stream.name.clone(), topic.name.clone());
                ids.insert(scope, topic_id.clone());
                for (place, (group, mark)) in topic.groups.iter().enumerate() {
                    let group_id = format!("{topic_id}g{place}");
                    chart.node(&group_id, ("([\"", "\"])"), group, "", *mark);
                    chart.link(&mut links, &format!("  {topic_id} --- {group_id}"));
                }
                if topic.more_groups > 0 {
                    let more = counted(topic.more_groups, "more group");
                    chart.line(&format!("    {topic_id}more[\"{more}\"]"));
                    chart.link(&mut links, &format!("  {topic_id} --- {topic_id}more"));
                }
            }
            if stream.more_topics > 0 {
                let more = counted(stream.more_topics, "more topic");
                chart.line(&format!("    {id}more[\"{more}\"]"));
            }
            chart.line("  end");
        }
        if selection.more_streams > 0 {
            let more = counted(selection.more_streams, "more stream");
            chart.line(&format!("  more[\"{more}\"]"));
        }
        for (place, user) in selection.users.iter().enumerate() {
            let id = format!("u{place}");
            let reach = user.user.reach.as_ref();
            let suffix = if user.user.is_root {
                " · everything"
            } else if reach.is_some_and(|reach| reach.contains_key(&Scope::Server)) {
                " · everywhere"
            } else {
                ""
            };
            chart.node(&id, ("{{\"", "\"}}"), user.name, suffix, user.mark);
            let reach = reach.into_iter().flatten();
            let drawn: Vec<_> = reach
                .filter(|(scope, _)| **scope != Scope::Server)
                .map(|(scope, reach)| (ids.get(scope), reach))
                .collect();
            let mut left_out = 0;
            for (place, (target, reach)) in drawn.into_iter().enumerate() {
                let Some(target) = target.filter(|_| place < lines) else {
                    left_out += 1;
                    continue;
                };
                if reach.sends {
                    chart.link(&mut links, &format!("  {id} -- sends --> {target}"));
                }
                if reach.polls {
                    chart.link(&mut links, &format!("  {target} -- polled by --> {id}"));
                }
                if !reach.sends && !reach.polls {
                    chart.link(&mut links, &format!("  {id} -. administers .-> {target}"));
                }
            }
            if left_out > 0 {
                let more = counted(left_out, "more place");
                chart.line(&format!("  {id}more[\"{more}\"]"));
                chart.link(&mut links, &format!("  {id} -.-> {id}more"));
            }
        }
        if selection.more_users > 0 {
            let more = counted(selection.more_users, "more user");
            chart.line(&format!("  moreusers[\"{more}\"]"));
        }
        chart.text.push_str(&links);
        chart.text.push_str(CLASSES);
        chart
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn link(&mut self, links: &mut String, link: &str) {
        links.push_str(link);
        links.push('\n');
        self.lines += 1;
    }

    fn node(
        &mut self,
        id: &str,
        shape: (&str, &str),
        name: &ResourceName,
        suffix: &str,
        mark: Option<Mark>,
    ) {
        let (open, close) = shape;
        let class = mark.map_or_else(String::new, |mark| format!(":::{}", mark.class()));
        let sign = sign(mark);
        self.line(&format!(
            "    {id}{open}{sign}{}{suffix}{close}{class}",
            literal(name)
        ));
    }
}

fn sign(mark: Option<Mark>) -> &'static str {
    match mark {
        None => "",
        Some(Mark::Created) => "#43; ",
        Some(Mark::Changed) => "#126; ",
        Some(Mark::Removed) => "− ",
        Some(Mark::Blocked) => "#33; ",
    }
}

/// Letters and digits stay; everything else is written by its number, so that it can be
/// neither Mermaid's syntax nor markdown nor HTML.
fn literal(name: &ResourceName) -> String {
    let mut text = String::new();
    for character in Label::of(name).text.chars() {
        if character.is_alphanumeric() || character == ' ' || character == '…' {
            text.push(character);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "#{};", u32::from(character));
        }
    }
    text
}
