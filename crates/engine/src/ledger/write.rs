//! Writing a record: its document, then the entry that names it.

use bytes::Bytes;
use iggyctl_core::ledger::{
    Begun, BegunDocument, DocumentPlace, Ended, EndedDocument, Entry, LedgerError, Omitted,
    Outcome, Revision,
};
use iggyctl_core::render::ApplyCounts;
use uuid::Uuid;

use super::error::LedgerFailure;
use super::pack;
use super::port::{LedgerWrite, Log};
use crate::broker::{BrokerErrorKind, ProbeMessage, ReadFrom};
use crate::observe::ReadError;

/// How often a message is sent, counting the first time. One that is sent twice has the
/// same id and, for an entry, the same run.
const ATTEMPTS: u32 = 3;

/// How far back a message is looked for of which the reply was lost.
const LOOKED_THROUGH: u64 = 100;

/// The header by which others can tell what a message is.
const MARK: &str = "iggyctl-ledger";

/// An apply that was written down as begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Its number.
    pub revision: Revision,
    run: String,
}

/// Writes down that an apply begins. `entry` gets the place of the document; what it says
/// of the run is replaced by a text of its own.
///
/// # Errors
/// When it is not known to be written: then nothing may be changed.
pub async fn begin(
    ledger: &impl LedgerWrite,
    entry: Begun,
    document: &BegunDocument,
) -> Result<Recording, LedgerFailure> {
    let run = Uuid::now_v7().simple().to_string();
    let bytes = document.to_bytes().map_err(unprintable)?;
    let document = store(ledger, &bytes).await?;
    let entry = Entry::Begun(Box::new(Begun {
        run: run.clone(),
        document,
        ..entry
    }));
    let bytes = entry.to_bytes().map_err(unprintable)?;
    let offset = append(ledger, Log::Begun, "begun", bytes.into()).await?;
    Ok(Recording {
        revision: Revision::at(offset),
        run,
    })
}

/// Writes down how it ended.
///
/// # Errors
/// When it is not known to be written; the record then says that it began.
pub async fn end(
    ledger: &impl LedgerWrite,
    recording: &Recording,
    outcome: Outcome,
    counts: ApplyCounts,
    omitted: Omitted,
    document: &EndedDocument,
) -> Result<(), LedgerFailure> {
    let bytes = document.to_bytes().map_err(unprintable)?;
    let entry = Entry::Ended(Ended {
        run: recording.run.clone(),
        revision: recording.revision,
        outcome,
        counts,
        omitted,
        document: store(ledger, &bytes).await?,
    });
    let bytes = entry.to_bytes().map_err(unprintable)?;
    append(ledger, Log::Ended, "ended", bytes.into()).await?;
    Ok(())
}

async fn store(ledger: &impl LedgerWrite, bytes: &[u8]) -> Result<DocumentPlace, LedgerFailure> {
    let parts = pack::pack(bytes).map_err(|error: LedgerError| unprintable(error))?;
    let mut offsets = Vec::with_capacity(parts.len());
    for part in parts {
        offsets.push(append(ledger, Log::Documents, "document", part).await?);
    }
    Ok(pack::place(bytes, offsets))
}

/// Sends a message until it is known where it is.
async fn append(
    ledger: &impl LedgerWrite,
    log: Log,
    mark: &str,
    payload: Bytes,
) -> Result<u64, LedgerFailure> {
    let message = ProbeMessage {
        id: Uuid::now_v7().as_u128(),
        payload,
        mark: Some((MARK, mark.to_owned())),
    };
    let mut last = LedgerFailure::Unsettled;
    for _ in 0..ATTEMPTS {
        match ledger.append(log, &message).await {
            Ok(Some(offset)) => return Ok(offset),
            Ok(None) => {}
            Err(ReadError::Broker(error))
                if matches!(error.kind, BrokerErrorKind::OutcomeUnknown { .. }) =>
            {
                last = LedgerFailure::Broker(ReadError::Broker(error));
            }
            // It was not sent, or refused.
            Err(ReadError::Broker(error)) if error.kind.is_about_the_connection() => {
                last = LedgerFailure::Broker(ReadError::Broker(error));
                continue;
            }
            Err(error) => return Err(LedgerFailure::of(error, "write")),
        }
        if let Some(offset) = find(ledger, log, message.id).await? {
            return Ok(offset);
        }
    }
    Err(last)
}

/// Where the message with this id is, if it is one of the last ones.
async fn find(ledger: &impl LedgerWrite, log: Log, id: u128) -> Result<Option<u64>, LedgerFailure> {
    let read = async |from, count| {
        let read = ledger.read_log(log, from, count).await;
        read.map_err(|error| LedgerFailure::of(error, "read"))
    };
    let last = read(ReadFrom::Last, 1).await?;
    let Some(last) = last.last() else {
        return Ok(None);
    };
    if last.id == id {
        return Ok(Some(last.offset));
    }
    // Parts are large, and only what others have sent since then is behind them.
    let mut offset = last.offset;
    let until = last.offset.saturating_sub(LOOKED_THROUGH);
    while offset > until {
        offset -= 1;
        let found = read(ReadFrom::Offset(offset), 1).await?;
        if let Some(found) = found.first()
            && found.id == id
        {
            return Ok(Some(found.offset));
        }
    }
    Ok(None)
}

fn unprintable(error: impl std::fmt::Display) -> LedgerFailure {
    LedgerFailure::Unprintable {
        reason: error.to_string(),
    }
}
