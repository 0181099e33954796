//! A topology as SVG: by itself, or in a page.

use maud::{Markup, PreEscaped, html};

use super::layout::{Drawing, DrawnStream, DrawnTopic, DrawnUser, Place, draw, partitions_text};
use super::model::{Mark, Reach, TopologyGraph};
use super::selection::{Cap, Selection};
use crate::address::Address;
use crate::render::escape;

/// Of the picture; in a page it has the same names. It says with a sign and not only with a
/// colour what changes.
pub(in crate::render) const STYLE: &str = "\
.topology { --ink: #1f2328; --faint: #656d76; --line: #afb8c1; --box: #f6f8fa; --row: #ffffff; --square: #54aeff; \
--created: #1a7f37; --changed: #9a6700; --removed: #cf222e; --blocked: #8250df; --sends: #1a7f37; --polls: #0969da; \
font: 12px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; }
.topology text { fill: var(--ink); } .topology .faint { fill: var(--faint); }
.topology .stream > .frame { fill: var(--box); stroke: var(--line); }
.topology .topic > .frame { fill: var(--row); stroke: var(--line); }
.topology .user > .frame, .topology .group > .frame { fill: var(--row); stroke: var(--line); }
.topology .stream > text { font-weight: bold; }
.topology .square { fill: var(--square); stroke: none; }
.topology .created > .frame { stroke: var(--created); stroke-width: 2; } .topology .created > .sign { fill: var(--created); }
.topology .changed > .frame { stroke: var(--changed); stroke-width: 2; } .topology .changed > .sign { fill: var(--changed); }
.topology .removed > .frame { stroke: var(--removed); stroke-width: 2; } .topology .removed > .sign { fill: var(--removed); }
.topology .blocked > .frame { stroke: var(--blocked); stroke-width: 2; stroke-dasharray: 4 3; } .topology .blocked > .sign { fill: var(--blocked); }
.topology .sign { font-weight: bold; }
.topology .lines path { fill: none; stroke: var(--faint); stroke-width: 1.2; opacity: .7; }
.topology .lines .sends { stroke: var(--sends); } .topology .lines .polls { stroke: var(--polls); }
.topology .lines .administers { stroke-dasharray: 3 3; }
.topology .lines .head { fill: var(--faint); stroke: none; }
.topology .lines .head.sends { fill: var(--sends); } .topology .lines .head.polls { fill: var(--polls); }
.topology .user:hover .lines path { stroke-width: 2.6; opacity: 1; }
@media (prefers-color-scheme: dark) { .topology { --ink: #e6edf3; --faint: #8d96a0; --line: #3d444d; --box: #161b22; \
--row: #0d1117; --square: #388bfd; --created: #3fb950; --changed: #d29922; --removed: #f85149; --blocked: #a371f7; \
--sends: #3fb950; --polls: #58a6ff; } }
";

impl TopologyGraph {
    /// As a file of its own.
    #[must_use]
    pub fn to_svg(&self) -> String {
        self.picture("Topology", true).into_string() + "\n"
    }

    /// The picture alone, for a page that has [`STYLE`].
    pub(in crate::render) fn picture(&self, title: &str, alone: bool) -> Markup {
        let cap = Cap::PICTURE;
        match draw(&Selection::of(self, cap), cap.lines) {
            Ok(drawing) => svg(&drawing, title, alone),
            // Only a mistake of ours could be the cause.
            Err(error) => html! { p { "The picture could not be laid out: " (error.to_string()) } },
        }
    }
}

fn svg(drawing: &Drawing, title: &str, alone: bool) -> Markup {
    let (width, height) = (drawing.width.max(120.0), drawing.height.max(40.0));
    html! {
        svg.topology xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {width:.0} {height:.0}"))
            width=(format!("{width:.0}")) height=(format!("{height:.0}")) role="img" {
            title { (title) }
            @if alone { style { (PreEscaped(STYLE)) } }
            @for user in &drawing.users { (user_group(user)) }
            @for stream in &drawing.streams { (stream_group(stream)) }
            @for (place, text) in &drawing.notes {
                text.faint.more x=(number(place.x + 4.0)) y=(baseline(place)) { (text) }
            }
        }
    }
}

fn user_group(user: &DrawnUser) -> Markup {
    let Place { x, y, .. } = user.place;
    let address = Address::User(user.label.name.clone()).to_string();
    html! {
        g class=(class("user", user.mark)) {
            title { (escape(&address)) }
            g.lines { @for (end, reach) in &user.lines { (line(&user.place, end, *reach)) } }
            (rect(&user.place, 13.0))
            (sign(user.mark, x + 6.0, y + 17.0))
            text x=(number(x + 18.0)) y=(number(y + 17.0)) { (user.label.text) }
            @if let Some(note) = &user.note {
                text.faint x=(number(x + 18.0)) y=(number(y + 33.0)) { (note) }
            }
        }
    }
}

fn line(from: &Place, to: &Place, reach: Reach) -> Markup {
    let (x, y) = (from.x + from.width, from.y + 13.0);
    let (end, level) = (to.x, to.y + to.height / 2.0);
    let bend = (end - x) / 2.0;
    let class = match reach {
        Reach {
            sends: true,
            polls: false,
            ..
        } => "sends",
        Reach {
            sends: false,
            polls: true,
            ..
        } => "polls",
        Reach {
            sends: true,
            polls: true,
            ..
        } => "both",
        Reach {
            sends: false,
            polls: false,
            ..
        } => "administers",
    };
    let path = format!(
        "M{x:.1} {y:.1} C{:.1} {y:.1} {:.1} {level:.1} {end:.1} {level:.1}",
        x + bend,
        end - bend
    );
    let to_topic = format!(
        "M{:.1} {:.1} L{end:.1} {level:.1} L{:.1} {:.1} z",
        end - 8.0,
        level - 4.0,
        end - 8.0,
        level + 4.0
    );
    let to_user = format!(
        "M{:.1} {:.1} L{x:.1} {y:.1} L{:.1} {:.1} z",
        x + 8.0,
        y - 4.0,
        x + 8.0,
        y + 4.0
    );
    html! {
        path class=(class) d=(path) {}
        @if reach.sends { path class="head sends" d=(to_topic) {} }
        @if reach.polls { path class="head polls" d=(to_user) {} }
    }
}

fn stream_group(stream: &DrawnStream) -> Markup {
    let address = Address::Stream(stream.label.name.clone()).to_string();
    html! {
        g class=(class("stream", stream.mark)) {
            title { (escape(&address)) }
            (rect(&stream.place, 6.0))
            (sign(stream.mark, stream.head.x, stream.head.y + 15.0))
            text x=(number(stream.head.x + indent(stream.mark))) y=(baseline(&stream.head)) { (stream.label.text) }
            @for topic in &stream.topics { (topic_group(stream, topic)) }
        }
    }
}

fn topic_group(stream: &DrawnStream, topic: &DrawnTopic) -> Markup {
    let name = (stream.label.name.clone(), topic.label.name.clone());
    let address = Address::Topic(name.0.clone(), name.1.clone()).to_string();
    let (squares, count) = &topic.squares;
    let partitions = match topic.partitions {
        Some(1) => "1 partition".to_owned(),
        Some(count) => format!("{count} partitions"),
        None => "partitions not declared".to_owned(),
    };
    let text = partitions_text(topic.partitions);
    let after = squares.x + f32::from(u8::try_from(*count).unwrap_or(0)) * 9.0 + 4.0;
    html! {
        g class=(class("topic", topic.mark)) {
            title { (escape(&address)) ", " (partitions) }
            (rect(&topic.place, 4.0))
            (sign(topic.mark, topic.name.x, topic.name.y + 15.0))
            text x=(number(topic.name.x + indent(topic.mark))) y=(baseline(&topic.name)) { (topic.label.text) }
            @for place in 0..*count {
                @let left = squares.x + f32::from(u8::try_from(place).unwrap_or(0)) * 9.0;
                rect.square x=(number(left)) y=(number(squares.y + 5.0)) width="7" height="12" {}
            }
            text.faint x=(number(after)) y=(baseline(squares)) { (text) }
            @for (place, label, mark) in &topic.groups {
                @let group = Address::ConsumerGroup(name.0.clone(), name.1.clone(), label.name.clone()).to_string();
                g class=(class("group", *mark)) {
                    title { (escape(&group)) }
                    (rect(place, 11.0))
                    (sign(*mark, place.x + 8.0, place.y + 15.0))
                    text x=(number(place.x + 8.0 + indent(*mark))) y=(baseline(place)) { (label.text) }
                }
            }
        }
    }
}

fn class(kind: &str, mark: Option<Mark>) -> String {
    match mark {
        Some(mark) => format!("{kind} {}", mark.class()),
        None => kind.to_owned(),
    }
}

fn indent(mark: Option<Mark>) -> f32 {
    if mark.is_some() { 12.0 } else { 0.0 }
}

fn sign(mark: Option<Mark>, x: f32, y: f32) -> Markup {
    let Some(mark) = mark else {
        return html! {};
    };
    let sign = match mark {
        Mark::Created => "+",
        Mark::Changed => "~",
        Mark::Removed => "−",
        Mark::Blocked => "!",
    };
    html! { text.sign x=(number(x)) y=(number(y)) { (sign) } }
}

fn rect(place: &Place, radius: f32) -> Markup {
    html! {
        rect.frame x=(number(place.x)) y=(number(place.y)) width=(number(place.width)) height=(number(place.height))
            rx=(number(radius)) {}
    }
}

fn baseline(place: &Place) -> String {
    number(place.y + 15.0)
}

fn number(value: f32) -> String {
    format!("{value:.1}")
}
