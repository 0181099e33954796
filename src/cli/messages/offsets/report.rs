//! Offsets as a table and as JSON. What the server cannot tell is `unknown` or absent,
//! never 0.

use iggyctl_core::render::escape;
use iggyctl_messaging::offsets::{Lag, Member, ObservedOffsets, PartitionOffsets, Reader};
use serde::Serialize;

use crate::cli::get::Row;

/// What a reader has in a topic.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli::messages) struct ReaderReport {
    pub(in crate::cli::messages) kind: &'static str,
    pub(in crate::cli::messages) name: String,
    /// Absent for a consumer by itself: nobody knows whether it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli::messages) members: Option<Vec<MemberReport>>,
    /// Over all partitions.
    pub(in crate::cli::messages) lag: u64,
    pub(in crate::cli::messages) partitions: Vec<PartitionReport>,
}

#[derive(Serialize)]
pub(in crate::cli::messages) struct MemberReport {
    id: u32,
    partitions: Vec<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli::messages) struct PartitionReport {
    pub(in crate::cli::messages) partition: u32,
    /// The last one that was handled; null when nothing is stored.
    pub(in crate::cli::messages) stored: Option<u64>,
    /// Where the reader goes on.
    next: u64,
    /// What the next message will get.
    end: u64,
    /// Null when what is stored lies beyond the end.
    lag: Option<u64>,
    /// How far beyond.
    #[serde(skip_serializing_if = "Option::is_none")]
    ahead_by: Option<u64>,
}

impl ReaderReport {
    pub(in crate::cli::messages) fn new(seen: &ObservedOffsets) -> Self {
        let ObservedOffsets {
            reader,
            members,
            partitions,
        } = seen;
        let member = |member: &Member| MemberReport {
            id: member.id,
            partitions: member.partitions.clone(),
        };
        Self {
            kind: kind(reader),
            name: reader.name().to_owned(),
            members: reader
                .is_group()
                .then(|| members.iter().map(member).collect()),
            lag: seen.total_lag(),
            partitions: partitions
                .iter()
                .map(|(partition, offsets)| PartitionReport::new(*partition, offsets))
                .collect(),
        }
    }
}

pub(super) fn kind(reader: &Reader) -> &'static str {
    match reader {
        Reader::Consumer(_) => "consumer",
        Reader::Group(_) => "group",
    }
}

impl PartitionReport {
    fn new(partition: u32, offsets: &PartitionOffsets) -> Self {
        let (lag, ahead_by) = match offsets.lag() {
            Lag::Behind(messages) => (Some(messages), None),
            Lag::Ahead(by) => (None, Some(by)),
        };
        Self {
            partition,
            stored: offsets.stored,
            next: offsets.next(),
            end: offsets.end(),
            lag,
            ahead_by,
        }
    }

    /// `stored`, `next`, `end`, `lag`.
    pub(in crate::cli::messages) fn cells(&self) -> [String; 4] {
        [
            stored_cell(self.stored),
            self.next.to_string(),
            self.end.to_string(),
            match (self.lag, self.ahead_by) {
                (Some(lag), _) => lag.to_string(),
                (None, Some(by)) => format!("none ({by} ahead)"),
                (None, None) => "unknown".to_owned(),
            },
        ]
    }
}

/// An offset that is stored, or is not.
pub(super) fn stored_cell(stored: Option<u64>) -> String {
    stored.map_or_else(|| "none".to_owned(), |offset| offset.to_string())
}

/// One line of `offsets get`.
#[derive(Serialize)]
pub(super) struct OffsetRow {
    reader: String,
    cells: [String; 4],
    partition: u32,
}

impl OffsetRow {
    pub(super) fn all(readers: &[ReaderReport]) -> Vec<Self> {
        let rows = |report: &ReaderReport| {
            let reader = format!("{} {}", report.kind, escape(&report.name));
            let row = move |it: &PartitionReport| Self {
                reader: reader.clone(),
                cells: it.cells(),
                partition: it.partition,
            };
            report.partitions.iter().map(row).collect::<Vec<_>>()
        };
        readers.iter().flat_map(rows).collect()
    }
}

impl Row for OffsetRow {
    const HEADERS: &'static [&'static str] =
        &["READER", "PARTITION", "STORED", "NEXT", "END", "LAG"];
    const NUMBERS_FROM: usize = 1;

    fn cells(&self) -> Vec<String> {
        let mut cells = vec![self.reader.clone(), self.partition.to_string()];
        cells.extend(self.cells.iter().cloned());
        cells
    }
}
