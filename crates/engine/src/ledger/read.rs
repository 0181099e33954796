//! Reading records back, the newest first: a history may be long, and mostly its end
//! matters.

use std::collections::{BTreeMap, BTreeSet};

use iggyctl_core::ledger::{
    AppliedState, Begun, BegunDocument, DocumentPlace, Ended, EndedDocument, Entry, LedgerError,
    LedgerIdentity, Revision,
};

use super::ensure::{identity, read_stream};
use super::error::LedgerFailure;
use super::pack;
use super::port::{LedgerRead, Log};
use crate::broker::{FoundMessage, ReadFrom};
use crate::observe::ReadError;

/// Entries of the first request; the next ones ask for more.
const FIRST_CHUNK: u64 = 16;

/// Entries of one request at most: about a megabyte.
const LARGEST_CHUNK: u64 = 1024;

/// The first entry of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstEntry {
    /// As iggyctl wrote it.
    Begun(Box<Begun>),
    /// Something else is there, or a newer iggyctl wrote it.
    Unreadable(LedgerError),
}

/// The last entry of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// What it says.
    pub ended: Ended,
    /// When the server stored it, in microseconds since the Unix epoch.
    pub at_micros: u64,
}

/// What a ledger has of an apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its number.
    pub revision: Revision,
    /// When the server stored the first entry, in microseconds since the Unix epoch.
    pub at_micros: u64,
    /// The first entry.
    pub first: FirstEntry,
    /// The last one; `None` when there is none, because it still runs or was cut off.
    pub ending: Option<Ending>,
}

/// What the last apply of a project left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub revision: Revision,
    /// When it began, in microseconds since the Unix epoch by the clock of the server.
    pub at_micros: u64,
    /// The entry.
    pub begun: Begun,
    /// The last entry, if there is one.
    pub ending: Option<Ending>,
    /// What was declared, and what came of it.
    pub state: AppliedState,
}

/// Which ledger a server has; `None` when it has none.
///
/// # Errors
/// When it cannot be read.
pub async fn describe(ledger: &impl LedgerRead) -> Result<Option<LedgerIdentity>, LedgerFailure> {
    Ok(read_stream(ledger).await?.as_ref().map(identity))
}

/// The newest records, the newest first; of one project, if one is named (`Some(None)` is
/// what belongs to no project). At most `limit`.
///
/// # Errors
/// When they cannot be read.
pub async fn list(
    ledger: &impl LedgerRead,
    project: Option<Option<&str>>,
    limit: usize,
) -> Result<Vec<Recorded>, LedgerFailure> {
    let mut found: Vec<Recorded> = Vec::new();
    let mut backwards = Backwards::over(Log::Begun);
    while found.len() < limit {
        let chunk = backwards.next(ledger).await?;
        if chunk.is_empty() {
            break;
        }
        found.extend(chunk.iter().rev().map(first_entry).filter(|recorded| {
            let FirstEntry::Begun(begun) = &recorded.first else {
                return project.is_none();
            };
            project.is_none_or(|project| begun.project.as_deref() == project)
        }));
    }
    without_repeated(&mut found);
    found.truncate(limit);
    add_endings(ledger, &mut found).await?;
    Ok(found)
}

/// The newest record of a project, or of what belongs to none.
///
/// # Errors
/// When it cannot be read; also when a newer iggyctl wrote something after it, which may
/// be of this project.
pub async fn latest(
    ledger: &impl LedgerRead,
    project: Option<&str>,
) -> Result<Option<Recorded>, LedgerFailure> {
    let mut backwards = Backwards::over(Log::Begun);
    loop {
        let chunk = backwards.next(ledger).await?;
        if chunk.is_empty() {
            return Ok(None);
        }
        for recorded in chunk.iter().rev().map(first_entry) {
            match &recorded.first {
                FirstEntry::Begun(begun) if begun.project.as_deref() == project => {
                    let mut found = [recorded];
                    add_endings(ledger, &mut found).await?;
                    let [recorded] = found;
                    return Ok(Some(recorded));
                }
                FirstEntry::Unreadable(error @ LedgerError::Newer { .. }) => {
                    return Err(LedgerFailure::Record {
                        revision: recorded.revision,
                        error: error.clone(),
                    });
                }
                FirstEntry::Begun(_) | FirstEntry::Unreadable(_) => {}
            }
        }
    }
}

/// One record with its documents.
///
/// # Errors
/// When there is none of that number, or something of it cannot be read.
pub async fn read_back(
    ledger: &impl LedgerRead,
    revision: Revision,
) -> Result<(Recorded, BegunDocument, Option<EndedDocument>), LedgerFailure> {
    let at = ReadFrom::Offset(revision.offset());
    let messages = read(ledger, Log::Begun, at, 1).await?;
    let message = messages.first().filter(|it| it.offset == revision.offset());
    let message = message.ok_or(LedgerFailure::NoSuchRevision { revision })?;
    let mut found = [first_entry(message)];
    add_endings(ledger, &mut found).await?;
    let [recorded] = found;
    let (begun, ended) = documents(ledger, &recorded).await?;
    Ok((recorded, begun, ended))
}

/// What the last apply of a project (or of what belongs to none) left behind; `None` when
/// the server has no ledger, or none of its records is of the project.
///
/// # Errors
/// When it cannot be read, or comes from another ledger.
pub async fn last_applied(
    ledger: &impl LedgerRead,
    project: Option<&str>,
) -> Result<Option<Applied>, LedgerFailure> {
    let Some(found) = describe(ledger).await? else {
        return Ok(None);
    };
    let Some(recorded) = latest(ledger, project).await? else {
        return Ok(None);
    };
    applied(ledger, recorded, found).await.map(Some)
}

/// What the last apply of each project left behind, and of what belongs to none. All entries
/// are read, and of each project one document.
///
/// # Errors
/// When one of them cannot be read, or comes from another ledger; also when a newer iggyctl
/// wrote something, which may be of any project.
pub async fn last_applied_of_each(ledger: &impl LedgerRead) -> Result<Vec<Applied>, LedgerFailure> {
    let Some(found) = describe(ledger).await? else {
        return Ok(Vec::new());
    };
    let mut newest: BTreeMap<Option<String>, Recorded> = BTreeMap::new();
    let mut backwards = Backwards::over(Log::Begun);
    loop {
        let chunk = backwards.next(ledger).await?;
        if chunk.is_empty() {
            break;
        }
        for recorded in chunk.iter().rev().map(first_entry) {
            let project = match &recorded.first {
                FirstEntry::Begun(begun) => begun.project.clone(),
                FirstEntry::Unreadable(error @ LedgerError::Newer { .. }) => {
                    return Err(LedgerFailure::Record {
                        revision: recorded.revision,
                        error: error.clone(),
                    });
                }
                FirstEntry::Unreadable(_) => continue,
            };
            newest.entry(project).or_insert(recorded);
        }
    }
    let mut newest: Vec<Recorded> = newest.into_values().collect();
    add_endings(ledger, &mut newest).await?;
    let mut all = Vec::with_capacity(newest.len());
    for recorded in newest {
        all.push(applied(ledger, recorded, found).await?);
    }
    Ok(all)
}

async fn applied(
    ledger: &impl LedgerRead,
    recorded: Recorded,
    found: LedgerIdentity,
) -> Result<Applied, LedgerFailure> {
    let (begun_document, ended_document) = documents(ledger, &recorded).await?;
    let Recorded {
        revision,
        at_micros,
        first,
        ending,
    } = recorded;
    let begun = match first {
        FirstEntry::Begun(begun) => *begun,
        FirstEntry::Unreadable(error) => return Err(LedgerFailure::Record { revision, error }),
    };
    if begun.ledger != found {
        return Err(LedgerFailure::Copied {
            revision,
            written: begun.ledger,
            found,
        });
    }
    Ok(Applied {
        revision,
        at_micros,
        begun,
        ending,
        state: AppliedState::of(begun_document, ended_document),
    })
}

fn first_entry(message: &FoundMessage) -> Recorded {
    Recorded {
        revision: Revision::at(message.offset),
        at_micros: message.stored_at_micros,
        first: match Entry::from_bytes(&message.payload) {
            Ok(Entry::Begun(begun)) => FirstEntry::Begun(begun),
            Ok(Entry::Ended(_)) => FirstEntry::Unreadable(LedgerError::NotARecord),
            Err(error) => FirstEntry::Unreadable(error),
        },
        ending: None,
    }
}

/// An entry that was sent again after a lost reply is there twice: the first one counts.
fn without_repeated(found: &mut Vec<Recorded>) {
    let mut runs = BTreeSet::new();
    // From the oldest one.
    found.reverse();
    found.retain(|recorded| match &recorded.first {
        FirstEntry::Begun(begun) => runs.insert(begun.run.clone()),
        FirstEntry::Unreadable(_) => true,
    });
    found.reverse();
}

/// Looks for the ends of records, from the newest one, until each is found or there are no
/// more.
async fn add_endings(
    ledger: &impl LedgerRead,
    found: &mut [Recorded],
) -> Result<(), LedgerFailure> {
    let mut missing: BTreeMap<String, usize> = BTreeMap::new();
    for (index, recorded) in found.iter().enumerate() {
        if let FirstEntry::Begun(begun) = &recorded.first {
            missing.insert(begun.run.clone(), index);
        }
    }
    let mut backwards = Backwards::over(Log::Ended);
    while !missing.is_empty() {
        let chunk = backwards.next(ledger).await?;
        if chunk.is_empty() {
            break;
        }
        for message in chunk.iter().rev() {
            // What is no entry ends nothing.
            let Ok(Entry::Ended(ended)) = Entry::from_bytes(&message.payload) else {
                continue;
            };
            let Some(index) = missing.remove(&ended.run) else {
                continue;
            };
            if let Some(recorded) = found.get_mut(index) {
                recorded.ending = Some(Ending {
                    ended,
                    at_micros: message.stored_at_micros,
                });
            }
        }
    }
    Ok(())
}

async fn documents(
    ledger: &impl LedgerRead,
    recorded: &Recorded,
) -> Result<(BegunDocument, Option<EndedDocument>), LedgerFailure> {
    let revision = recorded.revision;
    let unusable = |error| LedgerFailure::Record { revision, error };
    let begun = match &recorded.first {
        FirstEntry::Begun(begun) => begun,
        FirstEntry::Unreadable(error) => return Err(unusable(error.clone())),
    };
    let bytes = document(ledger, revision, &begun.document).await?;
    let begun = BegunDocument::from_bytes(&bytes).map_err(unusable)?;
    let ended = match &recorded.ending {
        None => None,
        Some(ending) => {
            let bytes = document(ledger, revision, &ending.ended.document).await?;
            Some(EndedDocument::from_bytes(&bytes).map_err(unusable)?)
        }
    };
    Ok((begun, ended))
}

async fn document(
    ledger: &impl LedgerRead,
    revision: Revision,
    place: &DocumentPlace,
) -> Result<Vec<u8>, LedgerFailure> {
    let unusable = |error| LedgerFailure::Record { revision, error };
    pack::check(place).map_err(unusable)?;
    let mut parts = Vec::with_capacity(place.parts.len());
    for offset in &place.parts {
        let found = read(ledger, Log::Documents, ReadFrom::Offset(*offset), 1).await?;
        let part = found.into_iter().find(|part| part.offset == *offset);
        let part = part.ok_or(LedgerFailure::DocumentGone { revision })?;
        parts.push(part.payload);
    }
    pack::unpack(&parts, place).map_err(unusable)
}

async fn read(
    ledger: &impl LedgerRead,
    log: Log,
    from: ReadFrom,
    count: u32,
) -> Result<Vec<FoundMessage>, LedgerFailure> {
    let read = ledger.read_log(log, from, count).await;
    read.map_err(|error| match LedgerFailure::of(error, "read") {
        // A ledger of which the topics are still to be made has no entries.
        LedgerFailure::Broker(ReadError::Broker(error))
            if error.kind == crate::broker::BrokerErrorKind::NotFound =>
        {
            LedgerFailure::NotALedger {
                what: format!("its topic {} is missing", log.partition().topic),
            }
        }
        failure => failure,
    })
}

/// Reads a log in chunks from its end; within a chunk from the oldest.
struct Backwards {
    log: Log,
    /// One after the newest entry that was not read; `None` before the first chunk.
    end: Option<u64>,
    chunk: u64,
}

impl Backwards {
    fn over(log: Log) -> Self {
        Self {
            log,
            end: None,
            chunk: FIRST_CHUNK,
        }
    }

    /// The next chunk; empty when there is none.
    async fn next(&mut self, ledger: &impl LedgerRead) -> Result<Vec<FoundMessage>, LedgerFailure> {
        let Some(end) = self.end else {
            // The last message is all of the first chunk: one request says where the log
            // ends, and mostly it is the one that is looked for.
            let last = read(ledger, self.log, ReadFrom::Last, 1).await?;
            self.end = Some(last.first().map_or(0, |last| last.offset));
            return Ok(last);
        };
        let start = end.saturating_sub(self.chunk);
        self.chunk = (self.chunk * 4).min(LARGEST_CHUNK);
        let mut expected = start;
        let mut chunk = Vec::new();
        // A reply may hold fewer messages than were asked for.
        while expected < end {
            let count = u32::try_from(end - expected).unwrap_or(u32::MAX);
            let found = read(ledger, self.log, ReadFrom::Offset(expected), count).await?;
            let Some(last) = found.last().map(|last| last.offset) else {
                break;
            };
            chunk.extend(found.into_iter().filter(|message| message.offset < end));
            if last < expected {
                break;
            }
            expected = last + 1;
        }
        self.end = Some(start);
        Ok(chunk)
    }
}
