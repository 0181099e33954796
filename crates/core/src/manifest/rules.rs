//! What no single value shows: rules between the fields of a topic, and between
//! renames.

use std::collections::{BTreeMap, BTreeSet};

use super::merge::{Merge, Rename, field_place};
use super::tokens;
use super::tree::Node;
use crate::address::Address;
use crate::diagnostic::{Code, Diagnostic, Origin};
use crate::quantity::{ByteSize, MAX_PREALLOCATED, MaxTopicSize, exceeds_preallocation};
use crate::state::desired::{Presence, TopicSettings};
use crate::wording::counted;

/// Smallest segment (`iggy_common` 0.11.0, `types/options/mod.rs`, also for the next four).
const MIN_SEGMENT: ByteSize = ByteSize::MIB;
/// Largest segment, and the one that a topic gets without `segmentSize`.
const MAX_SEGMENT: ByteSize = ByteSize::GIB;
/// Segments are written in blocks of this many bytes.
const SEGMENT_BLOCK: u64 = 512;
/// Largest `sizeOfMessagesRequiredToSave`.
const MAX_SAVE_SIZE: ByteSize = ByteSize::GIB;
/// Topics of one stream (`iggy_binary_protocol` 0.11.0, `namespace.rs`, also for streams).
const MAX_TOPICS: usize = 4096;
/// Streams of one server.
const MAX_STREAMS: usize = 1 << 20;

/// The settings of one topic against each other.
pub(super) fn topic(
    partitions: Option<u32>,
    settings: &TopicSettings,
    node: Node<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let segment = settings.segment_size;
    let mut segment_fits = true;
    if let Some(size) = segment
        && (!(MIN_SEGMENT..=MAX_SEGMENT).contains(&size)
            || !size.bytes().is_multiple_of(SEGMENT_BLOCK))
    {
        segment_fits = false;
        diagnostics.push(
            Diagnostic::error(Code::SegmentSize, format!("`segmentSize` cannot be {size}"))
                .at(field_place(node, "segmentSize"))
                .expected(format!(
                    "{MIN_SEGMENT} to {MAX_SEGMENT}, in multiples of {SEGMENT_BLOCK} bytes"
                )),
        );
    }
    if let Some(size) = settings.size_of_messages_required_to_save
        && size > MAX_SAVE_SIZE
    {
        diagnostics.push(
            Diagnostic::error(
                Code::SaveSizeTooLarge,
                format!("`sizeOfMessagesRequiredToSave` cannot be {size}"),
            )
            .at(field_place(node, "sizeOfMessagesRequiredToSave"))
            .expected(format!("at most {MAX_SAVE_SIZE}")),
        );
    }
    if !segment_fits {
        return;
    }
    if let Some(limit) = settings.max_topic_size.and_then(MaxTopicSize::limit) {
        limit_against_segments(limit, segment, partitions, node, diagnostics);
    }
    if settings.preallocate_segments == Some(true) {
        preallocation(partitions, segment, node, diagnostics);
    }
}

fn limit_against_segments(
    limit: ByteSize,
    segment: Option<ByteSize>,
    partitions: Option<u32>,
    node: Node<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let place = field_place(node, "maxTopicSize");
    let effective = segment.unwrap_or(MAX_SEGMENT);
    if limit < effective {
        let below = format!("`maxTopicSize` {limit} is below `segmentSize` {effective}");
        diagnostics.push(match segment {
            Some(_) => Diagnostic::error(Code::SizeBelowSegment, below)
                .at(place)
                .related(field_place(node, "segmentSize"), "the size of one segment")
                .expected(format!("at least {effective}")),
            None if limit < MIN_SEGMENT => Diagnostic::error(
                Code::SizeBelowSegment,
                format!("`maxTopicSize` {limit} is below the smallest segment, {MIN_SEGMENT}"),
            )
            .at(place)
            .expected(format!(
                "at least {MIN_SEGMENT}, with a `segmentSize` that is not larger"
            )),
            // An existing topic may have smaller segments, so this is no error.
            None => Diagnostic::warning(
                Code::SizeBelowSegment,
                format!("{below}, which is what a new topic gets"),
            )
            .at(place)
            .hint(format!("declare a `segmentSize` of at most {limit}")),
        });
        return;
    }
    // At most 1,000,000 partitions of 1 GiB: far from what a u64 holds.
    let smallest = u64::from(partitions.unwrap_or(1)).saturating_mul(effective.bytes());
    if let (Some(_), Some(smallest)) = (segment, ByteSize::new(smallest))
        && limit < smallest
    {
        diagnostics.push(
            Diagnostic::warning(
                Code::UnenforceableSize,
                format!("`maxTopicSize` {limit} cannot be kept: each partition keeps at least one segment"),
            )
            .at(place)
            .expected(format!("at least {smallest}, `partitions` × `segmentSize`")),
        );
    }
}

fn preallocation(
    partitions: Option<u32>,
    segment: Option<ByteSize>,
    node: Node<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let effective = segment.unwrap_or(MAX_SEGMENT);
    let partitions = partitions.unwrap_or(1);
    if exceeds_preallocation(partitions, effective) {
        let most = MAX_PREALLOCATED.bytes() / effective.bytes();
        // A topic that grew after its creation may have more, so this is no error.
        diagnostics.push(
            Diagnostic::warning(
                Code::PreallocationTooLarge,
                format!(
                    "{} preallocate {effective} each: the server refuses to create such a topic",
                    counted(partitions, "partition")
                ),
            )
            .at(field_place(node, "preallocateSegments"))
            .expected(format!(
                "at most {MAX_PREALLOCATED} together: {}, or a smaller `segmentSize`",
                counted(most, "partition")
            )),
        );
    }
}

/// What only all documents together show.
pub(super) fn whole(merge: &Merge, diagnostics: &mut Vec<Diagnostic>) {
    renames(&merge.renames, diagnostics);
    held_up_renames(merge, diagnostics);
    tokens::shared_sinks(&merge.state, diagnostics);
    if merge.state.streams.len() > MAX_STREAMS
        && let Some(stream) = merge.state.streams.values().nth(MAX_STREAMS)
    {
        let count = merge.state.streams.len();
        diagnostics.push(
            Diagnostic::error(Code::TooManyStreams, format!("there are {count} streams"))
                .at(stream.origin.clone())
                .expected(format!("at most {MAX_STREAMS}")),
        );
    }
    for (name, stream) in &merge.state.streams {
        if stream.topics.len() <= MAX_TOPICS {
            continue;
        }
        let declared = stream
            .topics
            .values()
            .filter(|topic| topic.presence == Presence::Declared);
        let count = declared.clone().count();
        let mut origins: Vec<_> = declared.map(|topic| &topic.origin).collect();
        origins.sort();
        if let Some(origin) = origins.get(MAX_TOPICS) {
            diagnostics.push(
                Diagnostic::error(
                    Code::TooManyTopics,
                    format!("`{}` has {count} topics", Address::Stream(name.clone())),
                )
                .at((*origin).clone())
                .expected(format!("at most {MAX_TOPICS}"))
                .hint("spread them over several streams; this is the first one too many"),
            );
        }
    }
}

fn renames(renames: &[Rename], diagnostics: &mut Vec<Diagnostic>) {
    let mut sources: BTreeMap<&Address, &Rename> = BTreeMap::new();
    let mut previous: BTreeMap<&Address, &Rename> = BTreeMap::new();
    // By place, so that the order of the files does not change the messages.
    let mut ordered: Vec<&Rename> = renames.iter().collect();
    ordered.sort_by(|a, b| a.place.cmp(&b.place));
    for rename in ordered {
        if let Some(first) = sources.get(&rename.from) {
            diagnostics.push(
                Diagnostic::error(
                    Code::RenameConflict,
                    format!(
                        "`{}` and `{}` both say that they were `{}`",
                        first.to, rename.to, rename.from
                    ),
                )
                .at(rename.place.clone())
                .related(first.place.clone(), "the other one"),
            );
        } else {
            sources.insert(&rename.from, rename);
        }
        previous.insert(&rename.to, rename);
    }
    let mut visited: BTreeSet<&Address> = BTreeSet::new();
    for start in previous.values() {
        let mut path: Vec<&Rename> = Vec::new();
        let mut next = Some(*start);
        while let Some(rename) = next {
            if !visited.insert(&rename.to) {
                // Back on this path is a circle; on an earlier one it was seen.
                if let Some(entry) = path.iter().position(|other| other.to == rename.to) {
                    diagnostics.push(cycle(path.get(entry..).unwrap_or_default()));
                }
                break;
            }
            path.push(rename);
            next = previous.get(&rename.from).copied();
        }
    }
}

/// A previous name that is declared and is not renamed itself stays what it is.
fn held_up_renames(merge: &Merge, diagnostics: &mut Vec<Diagnostic>) {
    let renamed: BTreeSet<&Address> = merge.renames.iter().map(|rename| &rename.to).collect();
    for rename in &merge.renames {
        let Some(origin) = declared_at(merge, &rename.from) else {
            continue;
        };
        if renamed.contains(&rename.from) {
            continue;
        }
        diagnostics.push(
            Diagnostic::warning(
                Code::RenameHeldUp,
                format!(
                    "`{}` does not take over `{}`, which is declared itself",
                    rename.to, rename.from
                ),
            )
            .at(rename.place.clone())
            .related(origin.clone(), "declared here, so it keeps its name")
            .hint("remove that declaration if it is what is to be renamed, or this `previousName`"),
        );
    }
}

fn declared_at<'m>(merge: &'m Merge, address: &Address) -> Option<&'m Origin> {
    let state = &merge.state;
    state
        .declares(address)
        .then(|| state.origin(address))
        .flatten()
}

fn cycle(path: &[&Rename]) -> Diagnostic {
    let names: Vec<String> = path
        .iter()
        .map(|rename| &rename.to)
        .chain(path.last().map(|rename| &rename.from))
        .map(|address| format!("`{address}`"))
        .collect();
    let mut diagnostic = Diagnostic::error(
        Code::RenameCycle,
        format!("renames go in a circle: {}", names.join(" was ")),
    )
    .hint(match path {
        [_] => "remove `previousName`",
        _ => "rename through a third name, in two applies",
    });
    for (index, rename) in path.iter().enumerate() {
        diagnostic = if index == 0 {
            diagnostic.at(rename.place.clone())
        } else {
            diagnostic.related(rename.place.clone(), "part of the circle")
        };
    }
    diagnostic
}
