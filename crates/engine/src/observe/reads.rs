use std::collections::VecDeque;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use iggyctl_core::name::ResourceName;
use iggyctl_core::state::observed::ObservedStream;
use iggyctl_core::state::observed_access::ObservedUser;
use tokio::time::{Instant, timeout_at};

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
    User(ResourceName),
}

/// What it brought.
#[derive(Debug)]
pub(super) enum Answer {
    Stream(ResourceName, Option<ObservedStream>),
    Groups(ResourceName, ResourceName, ConsumerGroups),
    User(ResourceName, Option<ObservedUser>),
    /// The server refused the read, or what holds the thing is gone.
    Refused(Question, BrokerError),
}

/// A read is sent this often when its connection fails; the next connection is a
/// new one each time.
const ATTEMPTS: u32 = 3;

/// A read on its way.
struct Asked {
    question: Question,
    attempt: u32,
    /// When it counts as not answered: the time of one request after it was
    /// first sent. It is repeated until then only, since a server that leaves a
    /// request unanswered for so long (30 s) leaves the next one, too, and the
    /// wait would only be multiplied.
    expires: Option<Instant>,
    /// How the attempt before failed; boxed, since it is rarely there.
    lost: Option<Box<BrokerError>>,
}

impl Asked {
    fn new(question: Question) -> Self {
        Self {
            question,
            attempt: 1,
            expires: None,
            lost: None,
        }
    }

    async fn ask<C: Connect>(
        &mut self,
        pool: &ConnectionPool<C>,
        broker: &C::Broker,
    ) -> Result<Answer, BrokerError> {
        let expires = *self
            .expires
            .get_or_insert_with(|| Instant::now() + pool.settings().request_timeout);
        let answer = ask(broker, self.question.clone());
        match self.lost.take() {
            None => answer.await,
            Some(lost) => timeout_at(expires, answer).await.unwrap_or(Err(*lost)),
        }
    }

    /// The read for another attempt, or the error when there is none left.
    fn again(self, lost: BrokerError) -> Result<Self, BrokerError> {
        if self.attempt >= ATTEMPTS || self.expires.is_some_and(|end| Instant::now() >= end) {
            return Err(lost);
        }
        Ok(Self {
            attempt: self.attempt + 1,
            lost: Some(Box::new(lost)),
            ..self
        })
    }
}

enum Work<'pool, C: Connect> {
    Open,
    Read {
        lease: Lease<'pool, C>,
        asked: Asked,
    },
}

enum Event<'pool, C: Connect> {
    Opened(Result<Lease<'pool, C>, ConnectError>),
    Read {
        lease: Lease<'pool, C>,
        asked: Asked,
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
    let mut waiting: VecDeque<Asked> = questions.into_iter().map(Asked::new).collect();
    let mut idle: Vec<Lease<'_, C>> = Vec::new();
    let mut fleet = Fleet::to_read(pool);
    let mut in_flight = FuturesUnordered::new();
    in_flight.push(work(pool, Work::Open));

    loop {
        while !waiting.is_empty() {
            let Some(lease) = idle.pop() else { break };
            if let Some(asked) = waiting.pop_front() {
                in_flight.push(work(pool, Work::Read { lease, asked }));
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
                asked,
                result,
            }) => match result {
                Ok(answer) => {
                    fleet.completed();
                    answers.push(answer);
                    idle.push(lease);
                }
                Err(error) if error.kind.is_about_the_connection() => {
                    // What ended this connection has probably ended all of them.
                    for lease in idle.drain(..).chain([lease]) {
                        lease.discard();
                        fleet.lost();
                    }
                    pool.forget_idle();
                    waiting.push_front(asked.again(error)?);
                }
                Err(error) => {
                    answers.push(Answer::Refused(asked.question, error));
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
        Work::Read { lease, mut asked } => {
            let result = asked.ask(pool, &lease).await;
            Event::Read {
                lease,
                asked,
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
        Question::User(user) => {
            let found = broker.get_user(&user).await?;
            Ok(Answer::User(user, found))
        }
        Question::Groups(stream, topic) => {
            let groups = broker.consumer_groups(&stream, &topic).await?;
            Ok(Answer::Groups(stream, topic, groups))
        }
    }
}
