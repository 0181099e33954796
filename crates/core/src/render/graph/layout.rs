//! Where everything is drawn. Boxes are laid out by a library for user interfaces, which
//! gives the same places for the same input; lines go from users to what they reach.

use std::collections::BTreeMap;

use taffy::prelude::*;

use super::label::{Label, text_width};
use super::model::{Mark, Reach};
use super::note::note_of;
use super::selection::{SelectedStream, SelectedTopic, Selection};
use crate::access::Scope;
use crate::name::ResourceName;
use crate::wording::counted;

/// Squares of partitions; more are only a number.
const SQUARES: u32 = 12;
const SQUARE: f32 = 9.0;
const ROW: f32 = 22.0;
const PAD: f32 = 10.0;
/// How wide streams may get beside each other when no lines lead to them.
const WIDE: f32 = 1180.0;

/// A place in the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) width: f32,
    pub(super) height: f32,
}

/// Everything with its place.
pub(super) struct Drawing {
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) users: Vec<DrawnUser>,
    pub(super) streams: Vec<DrawnStream>,
    /// What says how much is not drawn.
    pub(super) notes: Vec<(Place, String)>,
}

pub(super) struct DrawnUser {
    pub(super) place: Place,
    pub(super) label: Label,
    pub(super) mark: Option<Mark>,
    /// What no line can show.
    pub(super) note: Option<String>,
    /// From its right edge to the left edge of what it reaches.
    pub(super) lines: Vec<(Place, Reach)>,
}

pub(super) struct DrawnStream {
    pub(super) place: Place,
    pub(super) head: Place,
    pub(super) label: Label,
    pub(super) mark: Option<Mark>,
    pub(super) topics: Vec<DrawnTopic>,
}

pub(super) struct DrawnTopic {
    pub(super) place: Place,
    pub(super) name: Place,
    pub(super) label: Label,
    pub(super) mark: Option<Mark>,
    pub(super) partitions: Option<u32>,
    pub(super) squares: (Place, u32),
    pub(super) groups: Vec<(Place, Label, Option<Mark>)>,
}

struct StreamNodes {
    frame: NodeId,
    head: NodeId,
    topics: Vec<TopicNodes>,
    more: Option<(NodeId, String)>,
}

struct TopicNodes {
    row: NodeId,
    name: NodeId,
    squares: NodeId,
    groups: Vec<NodeId>,
    more: Option<(NodeId, String)>,
}

/// Lays out what is drawn.
pub(super) fn draw(selection: &Selection<'_>, lines: usize) -> Result<Drawing, taffy::TaffyError> {
    let mut tree: TaffyTree<()> = TaffyTree::new();
    let mut users = Vec::new();
    for user in &selection.users {
        let note = note_of(user, selection, lines);
        let label = Label::of(user.name);
        let width = label.width().max(note.as_deref().map_or(0.0, text_width)) + 2.0 * PAD + 14.0;
        let height = if note.is_some() { 40.0 } else { 26.0 };
        let node = leaf(&mut tree, width, height)?;
        users.push((node, label, note));
    }
    let more_users = more(&mut tree, selection.more_users, "user")?;
    let mut streams = Vec::new();
    for stream in &selection.streams {
        streams.push(stream_nodes(&mut tree, stream)?);
    }
    let more_streams = more(&mut tree, selection.more_streams, "stream")?;

    let left: Vec<NodeId> = users
        .iter()
        .map(|(node, ..)| *node)
        .chain(more_users.iter().map(|(node, _)| *node))
        .collect();
    let right: Vec<NodeId> = streams
        .iter()
        .map(|stream| stream.frame)
        .chain(more_streams.iter().map(|(node, _)| *node))
        .collect();
    let has_users = !left.is_empty();
    let left = tree.new_with_children(column(12.0), &left)?;
    let beside = Style {
        display: Display::Flex,
        flex_direction: FlexDirection::Row,
        flex_wrap: FlexWrap::Wrap,
        align_items: AlignItems::START,
        size: Size {
            width: length(WIDE),
            height: auto(),
        },
        gap: length(16.0),
        ..Style::default()
    };
    // A line to a stream behind another one could not be followed.
    let has_lines = selection.users.iter().any(|user| {
        let mut scopes = user.user.reach.iter().flat_map(BTreeMap::keys);
        scopes.any(|scope| *scope != Scope::Server)
    });
    let right = tree.new_with_children(if has_lines { column(16.0) } else { beside }, &right)?;
    let columns: &[NodeId] = if has_users { &[left, right] } else { &[right] };
    let style = Style {
        gap: length(if has_lines { 110.0 } else { 24.0 }),
        padding: length(PAD),
        ..row(0.0)
    };
    let root = tree.new_with_children(style, columns)?;
    tree.compute_layout(root, Size::MAX_CONTENT)?;

    let size = tree.layout(root)?.size;
    let mut notes = Vec::new();
    for (node, text) in more_users.into_iter().chain(more_streams) {
        notes.push((place(&tree, node)?, text));
    }
    let mut drawn = Vec::new();
    for (stream, nodes) in selection.streams.iter().zip(streams) {
        drawn.push(drawn_stream(&tree, stream, nodes, &mut notes)?);
    }
    let ends = ends(selection, &drawn);
    let mut drawn_users = Vec::new();
    for (user, (node, label, note)) in selection.users.iter().zip(users) {
        let reach = user.user.reach.iter().flatten();
        let to = reach.filter_map(|(scope, reach)| Some((*ends.get(scope)?, *reach)));
        drawn_users.push(DrawnUser {
            place: place(&tree, node)?,
            label,
            mark: user.mark,
            note,
            lines: to.take(lines).collect(),
        });
    }
    let edges = drawn.iter().map(|stream| &stream.place);
    let edges = edges.chain(notes.iter().map(|(place, _)| place));
    let edges = edges.chain(drawn_users.iter().map(|user| &user.place));
    let right_edge = edges.map(|place| place.x + place.width);
    Ok(Drawing {
        // Streams beside each other rarely fill their line.
        width: right_edge.fold(0.0, f32::max) + PAD,
        height: size.height,
        users: drawn_users,
        streams: drawn,
        notes,
    })
}

fn column(gap: f32) -> Style {
    Style {
        flex_direction: FlexDirection::Column,
        ..row(gap)
    }
}

fn row(gap: f32) -> Style {
    Style {
        display: Display::Flex,
        align_items: AlignItems::START,
        gap: length(gap),
        ..Style::default()
    }
}

fn leaf(tree: &mut TaffyTree<()>, width: f32, height: f32) -> Result<NodeId, taffy::TaffyError> {
    tree.new_leaf(Style {
        size: Size {
            width: length(width),
            height: length(height),
        },
        flex_shrink: 0.0,
        ..Style::default()
    })
}

/// `and 3 more users`, where there are some.
fn more(
    tree: &mut TaffyTree<()>,
    count: usize,
    what: &str,
) -> Result<Option<(NodeId, String)>, taffy::TaffyError> {
    if count == 0 {
        return Ok(None);
    }
    let text = counted(count, &format!("more {what}"));
    let node = leaf(tree, text_width(&text) + 8.0, ROW)?;
    Ok(Some((node, text)))
}

fn stream_nodes(
    tree: &mut TaffyTree<()>,
    stream: &SelectedStream<'_>,
) -> Result<StreamNodes, taffy::TaffyError> {
    let widest = |widths: &mut dyn Iterator<Item = f32>| widths.fold(0.0_f32, f32::max);
    let topics = &stream.topics;
    let name_width = widest(&mut topics.iter().map(|it| Label::of(it.name).width())) + 14.0;
    let squares_width = widest(&mut topics.iter().map(|it| squares_width(it.partitions)));
    let head = leaf(tree, Label::of(stream.name).width() + 14.0, ROW)?;
    let mut nodes = Vec::new();
    for topic in topics {
        nodes.push(topic_nodes(tree, topic, name_width, squares_width)?);
    }
    let more = more(tree, stream.more_topics, "topic")?;
    let children: Vec<NodeId> = std::iter::once(head)
        .chain(nodes.iter().map(|topic| topic.row))
        .chain(more.iter().map(|(node, _)| *node))
        .collect();
    let style = Style {
        padding: length(PAD),
        align_items: AlignItems::STRETCH,
        ..column(4.0)
    };
    let frame = tree.new_with_children(style, &children)?;
    Ok(StreamNodes {
        frame,
        head,
        topics: nodes,
        more,
    })
}

fn topic_nodes(
    tree: &mut TaffyTree<()>,
    topic: &SelectedTopic<'_>,
    name_width: f32,
    squares_width: f32,
) -> Result<TopicNodes, taffy::TaffyError> {
    let name = leaf(tree, name_width, ROW)?;
    let squares = leaf(tree, squares_width, ROW)?;
    let mut groups = Vec::new();
    for (group, mark) in &topic.groups {
        let sign = if mark.is_some() { 12.0 } else { 0.0 };
        groups.push(leaf(tree, Label::of(group).width() + 16.0 + sign, ROW)?);
    }
    let more = more(tree, topic.more_groups, "group")?;
    let children: Vec<NodeId> = [name, squares]
        .into_iter()
        .chain(groups.iter().copied())
        .chain(more.iter().map(|(node, _)| *node))
        .collect();
    let style = Style {
        padding: Rect {
            left: length(6.0),
            right: length(6.0),
            top: length(1.0),
            bottom: length(1.0),
        },
        ..row(8.0)
    };
    Ok(TopicNodes {
        row: tree.new_with_children(style, &children)?,
        name,
        squares,
        groups,
        more,
    })
}

fn squares_width(partitions: Option<u32>) -> f32 {
    let count = partitions.unwrap_or(0);
    let squares = count.min(SQUARES);
    // At most twelve, so nothing is lost.
    let squares = f32::from(u8::try_from(squares).unwrap_or(0)) * SQUARE;
    squares + 4.0 + text_width(&partitions_text(partitions))
}

pub(super) fn partitions_text(partitions: Option<u32>) -> String {
    partitions.map_or_else(|| "–".to_owned(), |count| count.to_string())
}

fn drawn_stream(
    tree: &TaffyTree<()>,
    stream: &SelectedStream<'_>,
    nodes: StreamNodes,
    notes: &mut Vec<(Place, String)>,
) -> Result<DrawnStream, taffy::TaffyError> {
    let StreamNodes {
        frame,
        head,
        topics,
        more,
    } = nodes;
    let mut drawn = Vec::new();
    for (topic, nodes) in stream.topics.iter().zip(topics) {
        let TopicNodes {
            row,
            name,
            squares,
            groups,
            more,
        } = nodes;
        let mut drawn_groups = Vec::new();
        for ((group, mark), node) in topic.groups.iter().zip(groups) {
            drawn_groups.push((place(tree, node)?, Label::of(group), *mark));
        }
        if let Some((node, text)) = more {
            notes.push((place(tree, node)?, text));
        }
        drawn.push(DrawnTopic {
            place: place(tree, row)?,
            name: place(tree, name)?,
            label: Label::of(topic.name),
            mark: topic.mark,
            partitions: topic.partitions,
            squares: (
                place(tree, squares)?,
                topic.partitions.unwrap_or(0).min(SQUARES),
            ),
            groups: drawn_groups,
        });
    }
    if let Some((node, text)) = more {
        notes.push((place(tree, node)?, text));
    }
    Ok(DrawnStream {
        place: place(tree, frame)?,
        head: place(tree, head)?,
        label: Label::of(stream.name),
        mark: stream.mark,
        topics: drawn,
    })
}

/// Places are given relative to what is around them.
fn place(tree: &TaffyTree<()>, node: NodeId) -> Result<Place, taffy::TaffyError> {
    let layout = tree.layout(node)?;
    let mut place = Place {
        x: layout.location.x,
        y: layout.location.y,
        width: layout.size.width,
        height: layout.size.height,
    };
    let mut around = tree.parent(node);
    while let Some(parent) = around {
        let location = tree.layout(parent)?.location;
        place.x += location.x;
        place.y += location.y;
        around = tree.parent(parent);
    }
    Ok(place)
}

/// Where lines to what is drawn end.
fn ends(selection: &Selection<'_>, drawn: &[DrawnStream]) -> BTreeMap<Scope<ResourceName>, Place> {
    let mut ends = BTreeMap::new();
    for (stream, drawn) in selection.streams.iter().zip(drawn) {
        let head = Place {
            x: drawn.place.x,
            ..drawn.head
        };
        ends.insert(Scope::Stream(stream.name.clone()), head);
        for (topic, drawn) in stream.topics.iter().zip(&drawn.topics) {
            let scope = Scope::Topic(stream.name.clone(), topic.name.clone());
            // At the edge of the stream, so that its end is seen.
            let end = Place {
                x: head.x,
                ..drawn.place
            };
            ends.insert(scope, end);
        }
    }
    ends
}
