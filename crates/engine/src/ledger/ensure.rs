use iggyctl_core::ledger::{HISTORY, LEASES, LedgerIdentity, REVISIONS};
use iggyctl_core::name::ResourceName;
use iggyctl_core::quantity::{MaxTopicSize, MessageExpiry};
use iggyctl_core::state::desired::TopicSettings;
use iggyctl_core::state::observed::ObservedStream;

use super::error::LedgerFailure;
use super::port::{LedgerRead, LedgerWrite};
use crate::broker::{BrokerError, BrokerErrorKind};
use crate::observe::ReadError;

/// How often what is missing is made: each time only what a reading has shown to be
/// missing, so a lost reply or somebody else who makes it, too, does no harm.
const ROUNDS: u32 = 4;

/// How long the notes about leases are kept, in microseconds: they matter for minutes.
const WEEK_MICROS: u64 = 7 * 24 * 60 * 60 * 1_000_000;

struct TopicOfLedger {
    name: &'static ResourceName,
    partitions: u32,
    expiry: MessageExpiry,
}

fn topics() -> [TopicOfLedger; 3] {
    [
        TopicOfLedger {
            name: &HISTORY,
            partitions: 2,
            expiry: MessageExpiry::NEVER,
        },
        TopicOfLedger {
            name: &REVISIONS,
            partitions: 1,
            expiry: MessageExpiry::NEVER,
        },
        TopicOfLedger {
            name: &LEASES,
            partitions: 1,
            expiry: MessageExpiry::from_micros(WEEK_MICROS),
        },
    ]
}

pub(super) fn identity(stream: &ObservedStream) -> LedgerIdentity {
    LedgerIdentity {
        created_at_micros: stream.created_at_micros,
        stream_id: stream.id,
    }
}

/// Makes the ledger of a server, as far as it is missing, and says which one it is.
///
/// # Errors
/// When it cannot be made, the login may not, or the stream is something else.
pub async fn ensure_ledger(ledger: &impl LedgerWrite) -> Result<LedgerIdentity, LedgerFailure> {
    let mut last = None;
    for _ in 0..ROUNDS {
        let Some(stream) = read_stream(ledger).await? else {
            last = settled(ledger.create_ledger_stream().await)?;
            continue;
        };
        let mut is_complete = true;
        for topic in topics() {
            match stream.topics.get(topic.name) {
                Some(there) if there.partitions == topic.partitions => {}
                Some(there) => {
                    return Err(LedgerFailure::NotALedger {
                        what: format!(
                            "its topic {} has {} partitions instead of {}",
                            topic.name, there.partitions, topic.partitions
                        ),
                    });
                }
                None => {
                    is_complete = false;
                    let settings = TopicSettings {
                        message_expiry: Some(topic.expiry),
                        max_topic_size: Some(MaxTopicSize::UNLIMITED),
                        ..TopicSettings::default()
                    };
                    let made = ledger
                        .create_ledger_topic(topic.name, topic.partitions, &settings)
                        .await;
                    last = settled(made)?.or(last);
                }
            }
        }
        if is_complete {
            return Ok(identity(&stream));
        }
    }
    // The last round has made something that no reading has shown.
    match last {
        Some(error) => Err(LedgerFailure::Broker(error)),
        None => Err(LedgerFailure::NotALedger {
            what: "what is made in it disappears again".to_owned(),
        }),
    }
}

pub(super) async fn read_stream(
    ledger: &impl LedgerRead,
) -> Result<Option<ObservedStream>, LedgerFailure> {
    let stream = ledger.ledger_stream().await;
    stream.map_err(|error| LedgerFailure::of(error, "read"))
}

/// What reading again settles is kept for the case that it does not.
fn settled(made: Result<(), ReadError>) -> Result<Option<ReadError>, LedgerFailure> {
    let Err(error) = made else {
        return Ok(None);
    };
    match &error {
        ReadError::Broker(BrokerError {
            kind:
                BrokerErrorKind::AlreadyExists
                | BrokerErrorKind::NotFound
                | BrokerErrorKind::OutcomeUnknown { .. }
                | BrokerErrorKind::Unreachable { .. },
            ..
        }) => Ok(Some(error)),
        ReadError::Broker(_) | ReadError::Connect(_) => Err(LedgerFailure::of(error, "write")),
    }
}
