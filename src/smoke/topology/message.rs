//! One message that is sent and looked for.

use std::time::{Duration, Instant};

use bytes::Bytes;
use iggyctl_core::smoke::TopicPath;
use iggyctl_engine::broker::{
    BrokerError, BrokerErrorKind, FoundMessage, MessageProbe as _, PartitionRef, ProbeMessage,
    ReadFrom,
};

use super::accounts::InUse;
use crate::smoke::recorder::Recorder;

/// A partition of a topic.
pub(super) fn partition(topic: &TopicPath, partition: u32) -> PartitionRef<'_> {
    PartitionRef {
        stream: &topic.stream,
        topic: &topic.topic,
        partition,
    }
}

/// One that nobody else sends.
pub(super) fn new(mark: Option<(&'static str, String)>) -> ProbeMessage {
    let id = uuid::Uuid::now_v7().as_u128();
    ProbeMessage {
        id,
        payload: Bytes::from(format!("iggyctl smoke {id:032x}")),
        mark,
    }
}

/// What a request showed.
#[derive(Debug)]
pub(super) enum Answer<T> {
    /// It was done.
    Done(T),
    /// The account may not.
    Denied,
    /// Something else, in words.
    Other(String),
}

impl<T> Answer<T> {
    pub(super) fn of(result: Result<T, BrokerError>) -> Self {
        match result {
            Ok(value) => Self::Done(value),
            Err(error) if error.kind == BrokerErrorKind::Unauthorized => Self::Denied,
            Err(error) => {
                let code = error.code.map(|code| format!(" (code {code})"));
                Self::Other(format!("{}{}", error.kind, code.unwrap_or_default()))
            }
        }
    }
}

/// Sends one, and records it.
pub(super) async fn send(
    session: &InUse,
    to: PartitionRef<'_>,
    message: &ProbeMessage,
    recorder: &Recorder,
) -> Answer<Option<u64>> {
    let started = Instant::now();
    let sent = session
        .ask(async |broker| broker.send_message(to, message).await)
        .await;
    if sent.is_ok() {
        let sizes = std::iter::once(message.payload.len());
        recorder.request(started.elapsed(), sizes);
    }
    Answer::of(sent)
}

/// Reads, and records it.
pub(super) async fn read(
    session: &InUse,
    of: PartitionRef<'_>,
    from: ReadFrom,
    count: u32,
    recorder: &Recorder,
) -> Answer<Vec<FoundMessage>> {
    let started = Instant::now();
    let found = session
        .ask(async |broker| broker.read_messages(of, from, count).await)
        .await;
    if let Ok(found) = &found {
        let sizes = found.iter().map(|message| message.payload.len());
        recorder.request(started.elapsed(), sizes);
    }
    Answer::of(found)
}

/// What became of a message that was sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// It is there as it was sent.
    There,
    /// It is there with another payload.
    Changed,
    /// It is there more than once.
    Repeated(usize),
    /// Others are there, or none.
    Missing,
    /// It could not be looked for.
    Unknown(String),
}

/// Looks for a message: where the server said that it is, or among the last ones.
pub(super) async fn find(
    session: &InUse,
    of: PartitionRef<'_>,
    offset: Option<u64>,
    message: &ProbeMessage,
    recorder: &Recorder,
) -> Whereabouts {
    let (from, count) = match offset {
        Some(offset) => (ReadFrom::Offset(offset), A_FEW),
        None => (ReadFrom::Last, MANY),
    };
    let until = Instant::now() + UNTIL_THERE;
    loop {
        let found = match read(session, of, from, count, recorder).await {
            Answer::Done(found) => found,
            Answer::Denied => return Whereabouts::Unknown("it may not be read".to_owned()),
            Answer::Other(error) => return Whereabouts::Unknown(error),
        };
        let own: Vec<&FoundMessage> = found.iter().filter(|it| it.id == message.id).collect();
        match own[..] {
            [found] if found.payload == message.payload => return Whereabouts::There,
            [_] => return Whereabouts::Changed,
            [] if Instant::now() >= until => return Whereabouts::Missing,
            [] => tokio::time::sleep(BETWEEN_LOOKS).await,
            _ => return Whereabouts::Repeated(own.len()),
        }
    }
}

impl Whereabouts {
    pub(super) fn words(&self) -> String {
        match self {
            Self::There => "there".to_owned(),
            Self::Changed => "there with another payload".to_owned(),
            Self::Repeated(times) => format!("there {times} times"),
            Self::Missing => "confirmed and not there".to_owned(),
            Self::Unknown(reason) => format!("not read again: {reason}"),
        }
    }
}

/// Enough to see a message that is kept twice.
const A_FEW: u32 = 10;
/// More than others send meanwhile.
const MANY: u32 = 1_000;
/// What was confirmed can be read at once; a little more than one hiccup.
const UNTIL_THERE: Duration = Duration::from_secs(2);
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
