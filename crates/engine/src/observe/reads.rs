use std::collections::VecDeque;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use iggyctl_core::name::ResourceName;
use iggyctl_core::state::observed::ObservedStream;

use crate::broker::{BrokerError, BrokerRead, ConsumerGroups};
use crate::connect::{Connect, ConnectError, ConnectionPool, Fleet, Lease};

/// Why a server could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A read failed, also on other connections.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// One read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    Stream(ResourceName),
    Groups(ResourceName, ResourceName),
}

/// What it brought.
#[derive(Debug)]
pub(super) enum Answer {
    Stream(ResourceName, Option<ObservedStream>),
    Groups(ResourceName, ResourceName, ConsumerGroups),
    /// The server refused the read, or what holds the thing is gone.
    Refused(Question, BrokerError),
}

/// A read is repeated this often when its connection fails; the next connection
/// is a new one each time.
const ATTEMPTS: u32 = 3;

enum Work<'pool, C: Connect> {
    Open,
    Read {
        lease: Lease<'pool, C>,
        question: Question,
        attempt: u32,
    },
}

enum Event<'pool, C: Connect> {
    Opened(Result<Lease<'pool, C>, ConnectError>),
    Read {
        lease: Lease<'pool, C>,
        question: Question,
        attempt: u32,
        result: Result<Answer, BrokerError>,
    },
}

/// Asks everything, over as many connections as pay. The answers come in no
/// particular order.
pub(super) async fn read_all<C: Connect>(
    pool: &ConnectionPool<C>,
    questions: Vec<Question>,
) -> Result<Vec<Answer>, ReadError> {
    let mut answers = Vec::with_capacity(questions.len());
    if questions.is_empty() {
        return Ok(answers);
    }
    let mut waiting: VecDeque<(Question, u32)> = questions
        .into_iter()
        .map(|question| (question, 1))
        .collect();
    let mut idle: Vec<Lease<'_, C>> = Vec::new();
    let mut fleet = Fleet::new(pool);
    let mut in_flight = FuturesUnordered::new();
    in_flight.push(work(pool, Work::Open));

    loop {
        while !waiting.is_empty() {
            let Some(lease) = idle.pop() else { break };
            if let Some((question, attempt)) = waiting.pop_front() {
                in_flight.push(work(
                    pool,
                    Work::Read {
                        lease,
                        question,
                        attempt,
                    },
                ));
            }
        }
        for _ in 0..fleet.grow(waiting.len()) {
            in_flight.push(work(pool, Work::Open));
        }
        match in_flight.next().await {
            None => return Ok(answers),
            Some(Event::Opened(Ok(lease))) => {
                fleet.opened(pool.connect_time());
                idle.push(lease);
            }
            Some(Event::Opened(Err(error))) => {
                fleet.refused();
                if fleet.is_empty() && !waiting.is_empty() {
                    return Err(error.into());
                }
            }
            Some(Event::Read {
                lease,
                question,
                attempt,
                result,
            }) => match result {
                Ok(answer) => {
                    fleet.completed();
                    answers.push(answer);
                    idle.push(lease);
                }
                Err(error) if error.kind.is_about_the_connection() => {
                    lease.discard();
                    fleet.lost();
                    if attempt >= ATTEMPTS {
                        return Err(error.into());
                    }
                    waiting.push_front((question, attempt + 1));
                }
                Err(error) => {
                    answers.push(Answer::Refused(question, error));
                    idle.push(lease);
                }
            },
        }
    }
}

async fn work<'pool, C: Connect>(
    pool: &'pool ConnectionPool<C>,
    work: Work<'pool, C>,
) -> Event<'pool, C> {
    match work {
        Work::Open => Event::Opened(pool.acquire().await),
        Work::Read {
            lease,
            question,
            attempt,
        } => {
            let result = ask(&*lease, question.clone()).await;
            Event::Read {
                lease,
                question,
                attempt,
                result,
            }
        }
    }
}

async fn ask<B: BrokerRead>(broker: &B, question: Question) -> Result<Answer, BrokerError> {
    match question {
        Question::Stream(stream) => {
            let found = broker.get_stream(&stream).await?;
            Ok(Answer::Stream(stream, found))
        }
        Question::Groups(stream, topic) => {
            let groups = broker.consumer_groups(&stream, &topic).await?;
            Ok(Answer::Groups(stream, topic, groups))
        }
    }
}
