//! What a scenario saw, one line per call.
//!
//! Only what differs from one run to the next is masked: times (`now`), client ids
//! (`client#1`, by order of first appearance) and addresses. Ids of streams, topics,
//! groups and partitions stay as they are: every scenario begins on an empty server, so
//! they are part of the contract (from zero, lowest free first, groups never reused).

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far a server's clock may be from ours for its times to be called `now`.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(600);

/// Writes down a scenario.
#[derive(Default)]
pub(crate) struct Transcript {
    lines: Mutex<Vec<String>>,
    clients: Mutex<BTreeMap<u32, usize>>,
}

impl Transcript {
    /// A heading, to find one's way in a long transcript.
    pub(crate) fn note(&self, text: &str) {
        self.push(format!("# {text}"));
    }

    /// One line.
    pub(crate) fn push(&self, line: impl Into<String>) {
        self.lines
            .lock()
            .expect("no panic while held")
            .push(line.into());
    }

    /// The symbol of a client id, numbered by order of first appearance.
    pub(crate) fn client(&self, id: u32) -> String {
        let mut clients = self.clients.lock().expect("no panic while held");
        let next = clients.len() + 1;
        format!("client#{}", clients.entry(id).or_insert(next))
    }

    /// The whole text, as it goes into a record.
    pub(crate) fn text(&self) -> String {
        let mut text = self.lines.lock().expect("no panic while held").join("\n");
        text.push('\n');
        text
    }
}

/// A time in microseconds since the epoch: `now` when plausible, otherwise the number.
pub(crate) fn time(microseconds: u64) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let seen = Duration::from_micros(microseconds);
    if now.abs_diff(seen) <= CLOCK_TOLERANCE {
        "now".to_owned()
    } else {
        microseconds.to_string()
    }
}

/// A name as a transcript shows it: quoted, escaped, and shortened when long.
pub(crate) fn name(name: &str) -> String {
    const LONG: usize = 40;
    if name.len() <= LONG {
        return format!("{name:?}");
    }
    let head: String = name.chars().take(4).collect();
    format!("{head:?}..({} bytes)", name.len())
}
