use super::{BlockReason, Change, ChangeSet, Difference, Setting, diff};
use crate::address::Address;
use crate::quantity::{ByteSize, Compression, Durability, MaxTopicSize, MessageExpiry};
use crate::state::desired::{DesiredState, TopicSettings};
use crate::state::observed::{ObservationGap, ObservedState};
use crate::testing::{
    declare_group, declare_stream, declare_topic, default_settings, name, there_group,
    there_stream, there_topic,
};

/// One line per change, short enough to read in a table.
fn lines(changes: &ChangeSet) -> Vec<String> {
    changes.changes.iter().map(line).collect()
}

fn line(change: &Change) -> String {
    let what = match &change.difference {
        Difference::CreateStream | Difference::CreateConsumerGroup => "create".to_owned(),
        Difference::CreateTopic { partitions, .. } => format!("create {partitions}"),
        Difference::RenameStream { from } => format!("from {from}"),
        Difference::Unknown => "unknown".to_owned(),
        Difference::ChangeTopic(topic) => {
            let mut parts = Vec::new();
            parts.extend(topic.renamed_from.iter().map(|from| format!("from {from}")));
            let settings = topic.settings.iter();
            parts.extend(settings.map(|s| format!("{} {} to {}", s.to.name(), s.from, s.to)));
            let partitions = topic.partitions.iter();
            parts.extend(partitions.map(|p| format!("partitions {} to {}", p.from, p.to)));
            parts.join(", ")
        }
        Difference::CreateUser(_)
        | Difference::ChangeUser(_)
        | Difference::StripStaleGrants(_)
        | Difference::DeleteStream(_)
        | Difference::DeleteTopic(_)
        | Difference::DeleteConsumerGroup(_)
        | Difference::PruneUser(_)
        | Difference::ChangeToken(_) => {
            panic!("these states have no users, and nothing is owned: {change:?}")
        }
    };
    let obstacles: Vec<String> = change.obstacles.iter().map(obstacle).collect();
    let text = format!("{}: {what} {}", change.address, obstacles.join(" "));
    text.trim_end().to_owned()
}

fn obstacle(reason: &BlockReason) -> String {
    match reason {
        BlockReason::CreateOnly { field, from, to } => format!("[{field} {from} to {to}]"),
        BlockReason::UnknownSetting { field, to } => format!("[{field} unknown, {to}]"),
        BlockReason::BelowSegmentSize {
            max_topic_size,
            segment_size,
        } => format!("[{max_topic_size} below {segment_size}]"),
        BlockReason::PreallocationTooLarge {
            partitions,
            segment_size,
            limit,
        } => format!("[{partitions} of {segment_size} above {limit}]"),
        BlockReason::ParentMissing { parent } => format!("[no {parent}]"),
        BlockReason::NotReadable { reason } => format!("[{reason}]"),
        BlockReason::PasswordMissing
        | BlockReason::PasswordUnknown { .. }
        | BlockReason::GrantTargetMissing { .. }
        | BlockReason::RootProtected { .. }
        | BlockReason::OwnLogin { .. }
        | BlockReason::OwnLoginUndeclared
        | BlockReason::StaleGrants { .. }
        | BlockReason::TokenNeedsPassword
        | BlockReason::RotationImpossible { .. }
        | BlockReason::SinkUnusable { .. } => panic!("these states have no users: {reason:?}"),
        BlockReason::Retained { what, .. } => format!("retained {what:?}"),
        BlockReason::PartitionShrink { .. }
        | BlockReason::HoldsData(_)
        | BlockReason::StillGranted { .. }
        | BlockReason::DependsOnBlocked { .. } => {
            panic!("only a plan says so: {reason:?}")
        }
    }
}

fn assert_changes(desired: &DesiredState, observed: &ObservedState, expected: &[&str]) {
    assert_eq!(lines(&diff(desired, observed)), expected);
}

#[test]
fn what_is_missing_is_created_and_counted_otherwise() {
    let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
    declare_stream(&mut desired, "s");
    declare_topic(&mut desired, "s", "t");
    declare_topic(&mut desired, "s", "u").partitions = Some(0);
    declare_group(&mut desired, "s", "t", "g");
    declare_group(&mut desired, "s", "t", "h");
    there_group(&mut observed, "s", "t", "g");
    let changes = diff(&desired, &observed);
    assert_eq!(
        lines(&changes),
        ["group/s/t/h: create", "topic/s/u: create 0"]
    );
    let unchanged = changes.unchanged;
    assert_eq!(
        (unchanged.streams, unchanged.topics, unchanged.groups),
        (1, 1, 1)
    );
}

/// Each setting on its own, so that none can be forgotten.
#[test]
fn each_setting_is_compared() {
    let values = [
        Setting::MessageExpiry(MessageExpiry::from_micros(1)),
        Setting::MaxTopicSize(MaxTopicSize::from_bytes(2 << 30)),
        Setting::Compression(Compression::Gzip),
        Setting::SegmentSize(ByteSize::MIB),
        Setting::Durability(Durability::Persisted),
        Setting::ConsumerOffsetDurability(Durability::Persisted),
        Setting::MessagesRequiredToSave(7),
        Setting::SizeOfMessagesRequiredToSave(ByteSize::new(4096).unwrap()),
        Setting::PreallocateSegments(true),
    ];
    assert_eq!(Setting::present(&default_settings()).count(), values.len());
    for (index, value) in values.into_iter().enumerate() {
        let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
        value.store(&mut declare_topic(&mut desired, "s", "t").settings);
        there_topic(&mut observed, "s", "t");
        let changes = diff(&desired, &observed);
        let [change] = changes.changes.as_slice() else {
            panic!("{value:?}: {changes:?}");
        };
        let Difference::ChangeTopic(topic) = &change.difference else {
            panic!("{value:?}: {change:?}");
        };
        let is_updatable = index < 3;
        assert_eq!(topic.settings.len(), usize::from(is_updatable), "{value:?}");
        assert_eq!(change.obstacles.is_empty(), is_updatable, "{value:?}");

        value.store(&mut there_topic(&mut observed, "s", "t").settings);
        assert_changes(&desired, &observed, &[]);

        there_topic(&mut observed, "s", "t").settings = TopicSettings::default();
        let changes = diff(&desired, &observed);
        assert!(
            matches!(&changes.changes[0].obstacles[..],
                [BlockReason::UnknownSetting { field, .. }] if field == value.name()),
            "{value:?}"
        );
    }
}

#[test]
fn what_is_not_declared_is_not_managed() {
    let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
    declare_topic(&mut desired, "s", "t");
    let live = there_topic(&mut observed, "s", "t");
    live.partitions = 77;
    live.settings.message_expiry = Some(MessageExpiry::from_micros(5));
    live.settings.durability = Some(Durability::Persisted);
    live.groups = None;
    there_group(&mut observed, "s", "other", "g");
    there_stream(&mut observed, "elsewhere");
    assert_changes(&desired, &observed, &[]);
}

#[test]
fn a_size_below_the_segment_is_an_obstacle() {
    let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
    let small = Some(MaxTopicSize::from_bytes(1 << 20));
    declare_topic(&mut desired, "s", "new")
        .settings
        .max_topic_size = small;
    let both = declare_topic(&mut desired, "s", "small-segments");
    both.settings.max_topic_size = small;
    both.settings.segment_size = Some(ByteSize::MIB);
    declare_topic(&mut desired, "s", "there")
        .settings
        .max_topic_size = small;
    there_topic(&mut observed, "s", "there");
    // Whatever the segment is: what is there already is no difference.
    declare_topic(&mut desired, "s", "odd")
        .settings
        .max_topic_size = small;
    there_topic(&mut observed, "s", "odd")
        .settings
        .max_topic_size = small;
    assert_changes(
        &desired,
        &observed,
        &[
            "topic/s/new: create 1 [1MiB below 1GiB]",
            "topic/s/small-segments: create 1",
            "topic/s/there:  [1MiB below 1GiB]",
        ],
    );
}

#[test]
fn too_much_preallocation_is_an_obstacle_at_creation_only() {
    let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
    for (topic, partitions) in [("limit", 64), ("grows", 65), ("new", 65)] {
        let topic = declare_topic(&mut desired, "s", topic);
        topic.partitions = Some(partitions);
        topic.settings.preallocate_segments = Some(true);
    }
    let grows = there_topic(&mut observed, "s", "grows");
    grows.partitions = 64;
    grows.settings.preallocate_segments = Some(true);
    assert_changes(
        &desired,
        &observed,
        &[
            "topic/s/grows: partitions 64 to 65",
            "topic/s/limit: create 64",
            "topic/s/new: create 65 [65 of 1GiB above 64GiB]",
        ],
    );
}

#[test]
fn a_parent_is_looked_up_and_never_created() {
    let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
    declare_topic(&mut desired, "missing", "t");
    declare_group(&mut desired, "missing", "t", "g");
    declare_group(&mut desired, "missing", "u", "g");
    declare_topic(&mut desired, "there", "t");
    declare_group(&mut desired, "there", "u", "g");
    there_stream(&mut observed, "there");
    // Declared by another document, so it will be there.
    declare_stream(&mut desired, "will");
    declare_topic(&mut desired, "will", "t");
    declare_group(&mut desired, "will", "t", "g");
    declare_group(&mut desired, "will", "u", "g");
    assert_changes(
        &desired,
        &observed,
        &[
            "topic/missing/t: create 1 [no stream/missing]",
            "group/missing/t/g: create",
            "group/missing/u/g: create [no stream/missing]",
            "topic/there/t: create 1",
            "group/there/u/g: create [no topic/there/u]",
            "stream/will: create",
            "topic/will/t: create 1",
            "group/will/t/g: create",
            "group/will/u/g: create [no topic/will/u]",
        ],
    );
}

fn gap(address: &str) -> ObservationGap {
    ObservationGap {
        address: address.parse().unwrap(),
        reason: format!("gap {address}"),
    }
}

#[test]
fn what_could_not_be_read_is_neither_missing_nor_equal() {
    let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
    declare_stream(&mut desired, "declared");
    declare_topic(&mut desired, "declared", "t");
    declare_group(&mut desired, "declared", "u", "g");
    declare_topic(&mut desired, "parent", "t");
    declare_group(&mut desired, "parent", "t", "g");
    declare_stream(&mut desired, "renamed").previous_name = Some(name("hidden"));
    declare_topic(&mut desired, "s", "t");
    declare_group(&mut desired, "s", "t", "g");
    declare_group(&mut desired, "s", "u", "g");
    there_topic(&mut observed, "s", "t").groups = None;
    there_topic(&mut observed, "s", "u");
    observed.gaps = vec![
        gap("stream/declared"),
        gap("stream/hidden"),
        gap("stream/parent"),
        gap("topic/s/t"),
        gap("group/s/u/g"),
    ];
    assert_changes(
        &desired,
        &observed,
        &[
            "stream/declared: unknown [gap stream/declared]",
            "topic/declared/t: unknown",
            "group/declared/u/g: unknown",
            "topic/parent/t: unknown [gap stream/parent]",
            "group/parent/t/g: unknown",
            "stream/renamed: unknown [its previous name could not be read]",
            "group/s/t/g: unknown [gap topic/s/t]",
            "group/s/u/g: unknown [gap group/s/u/g]",
        ],
    );
}

/// Streams: what is declared (`name<previous`), what is there, what changes,
/// and the renames that are ignored.
#[test]
fn renames_act_only_while_they_can() {
    type Row = (
        &'static [&'static str],
        &'static [&'static str],
        &'static [&'static str],
        &'static [&'static str],
    );
    let rows: &[Row] = &[
        (&["b<a"], &["a"], &["stream/b: from a"], &[]),
        (&["b<a"], &["b"], &[], &[]),
        (&["b<a"], &[], &["stream/b: create"], &[]),
        (&["b<a"], &["a", "b"], &[], &["stream/b"]),
        // The source is declared: nobody takes it.
        (&["a", "b<a"], &["a"], &["stream/b: create"], &[]),
        (&["a", "b<a"], &["a", "b"], &[], &[]),
        // A chain acts as a whole.
        (
            &["b<a", "c<b"],
            &["a", "b"],
            &["stream/b: from a", "stream/c: from b"],
            &[],
        ),
        // After a crash in its middle the rest acts.
        (&["b<a", "c<b"], &["a", "c"], &["stream/b: from a"], &[]),
        (&["b<a", "c<b"], &["b", "c"], &[], &[]),
        // The source of `c` stays declared, since nothing takes its place.
        (
            &["b<a", "c<b"],
            &["b"],
            &["stream/c: create"],
            &["stream/c"],
        ),
        (
            &["b<a", "c<b", "d<c"],
            &["b", "c"],
            &["stream/d: create"],
            &["stream/d"],
        ),
        (
            &["b<a", "c<b"],
            &["a"],
            &["stream/b: from a", "stream/c: create"],
            &[],
        ),
        (
            &["b<a", "c<b", "d<c"],
            &["a", "b", "c"],
            &["stream/b: from a", "stream/c: from b", "stream/d: from c"],
            &[],
        ),
        (
            &["b<a", "c<b", "d<c"],
            &["a", "b", "d"],
            &["stream/b: from a", "stream/c: from b"],
            &[],
        ),
    ];
    for (declared, there, expected, ignored) in rows {
        let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
        for text in *declared {
            let (new, old) = text.split_once('<').unwrap_or((text, ""));
            let previous = (!old.is_empty()).then(|| name(old));
            declare_stream(&mut desired, new).previous_name = previous.clone();
            declare_topic(&mut desired, "all", new).previous_name = previous;
        }
        for text in *there {
            there_stream(&mut observed, text);
            there_topic(&mut observed, "all", text);
        }
        there_stream(&mut observed, "all");
        let changes = diff(&desired, &observed);
        let streams: Vec<String> = lines(&changes)
            .into_iter()
            .filter(|line| line.starts_with("stream/"))
            .collect();
        assert_eq!(&streams, expected, "{declared:?} {there:?}");
        let topics: Vec<String> = lines(&changes)
            .iter()
            .filter_map(|line| line.strip_prefix("topic/all/"))
            .map(|line| format!("stream/{}", line.replace("create 1", "create")))
            .collect();
        assert_eq!(&topics, expected, "topics {declared:?} {there:?}");
        let notices: Vec<String> = changes
            .notices
            .iter()
            .filter(|notice| matches!(notice.address, Address::Stream(_)))
            .map(|notice| notice.address.to_string())
            .collect();
        assert_eq!(&notices, ignored, "{declared:?} {there:?}");
    }
}

#[test]
fn renames_nest() {
    let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
    declare_stream(&mut desired, "new").previous_name = Some(name("old"));
    let topic = declare_topic(&mut desired, "new", "to");
    topic.previous_name = Some(name("from"));
    topic.partitions = Some(4);
    declare_group(&mut desired, "new", "to", "g");
    declare_group(&mut desired, "new", "to", "h");
    there_group(&mut observed, "old", "from", "g");
    let changes = diff(&desired, &observed);
    assert_eq!(
        lines(&changes),
        [
            "stream/new: from old",
            "topic/new/to: from from, partitions 1 to 4",
            "group/new/to/h: create",
        ]
    );
    assert_eq!(changes.live_stream_name(&name("new")), &name("old"));
}

/// Somebody names the old stream as a parent while somebody else renames it.
#[test]
fn a_parent_that_is_renamed_away_is_missing() {
    let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
    declare_stream(&mut desired, "new").previous_name = Some(name("old"));
    declare_topic(&mut desired, "old", "t");
    there_topic(&mut observed, "old", "t");
    assert_changes(
        &desired,
        &observed,
        &[
            "stream/new: from old",
            "topic/old/t: create 1 [no stream/old]",
        ],
    );
}

#[test]
fn the_basis_moves_with_what_matters_only() {
    let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
    declare_topic(&mut desired, "s", "t")
        .settings
        .message_expiry = Some(MessageExpiry::NEVER);
    there_topic(&mut observed, "s", "t");
    let basis = |observed: &ObservedState| diff(&desired, observed).basis;
    let before = basis(&observed);
    assert_eq!(before.to_string().len(), 64);

    let mut same = observed.clone();
    there_topic(&mut same, "s", "t").messages = 5;
    there_topic(&mut same, "s", "t").size_bytes = 5;
    there_topic(&mut same, "s", "t").partitions = 5;
    there_topic(&mut same, "s", "t").settings.compression = Some(Compression::Gzip);
    there_topic(&mut same, "s", "other");
    there_stream(&mut same, "elsewhere");
    assert_eq!(basis(&same), before);

    let mut moved = observed.clone();
    there_topic(&mut moved, "s", "t").settings.message_expiry = Some(MessageExpiry::from_micros(1));
    assert_ne!(basis(&moved), before);
    let mut moved = observed.clone();
    there_topic(&mut moved, "s", "t").created_at_micros += 1;
    assert_ne!(basis(&moved), before);
    let mut moved = observed.clone();
    moved.streams.clear();
    assert_ne!(basis(&moved), before);
}
