//! Connections that wait for their turn before each request, so that a test decides in
//! which order several runs reach the server.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use iggyctl_core::access::{Grants, UserStatus};
use iggyctl_core::name::ResourceName;
use iggyctl_core::secret::Secret;
use iggyctl_core::state::desired::TopicSettings;
use iggyctl_core::state::observed::{ObservedStream, ObservedTopic};
use iggyctl_core::state::observed_access::ObservedUser;
use iggyctl_engine::broker::{
    BrokerError, BrokerRead, BrokerWrite, ConsumerGroups, OwnTokens, ServerStats, SessionInfo,
    StreamSummary, UserRead, UserSummary, UserWrite,
};
use iggyctl_engine::connect::{Connect, ConnectError, Credentials};
use tokio::sync::Semaphore;

use super::Simulated;

/// Opens connections that wait; they themselves open at once.
#[derive(Debug, Clone)]
pub(crate) struct InTurn {
    server: Simulated,
    turns: Arc<Semaphore>,
}

impl InTurn {
    pub(crate) fn new(server: Simulated) -> Self {
        Self {
            server,
            turns: Arc::new(Semaphore::new(0)),
        }
    }

    async fn turn(&self) {
        self.turns.acquire().await.unwrap().forget();
    }
}

impl Connect for InTurn {
    type Broker = InTurn;

    async fn connect(&self) -> Result<InTurn, ConnectError> {
        Ok(Self {
            server: self.server.connect().await?,
            turns: Arc::clone(&self.turns),
        })
    }

    async fn log_in_as(&self, credentials: &Credentials) -> Result<InTurn, ConnectError> {
        Ok(Self {
            server: self.server.log_in_as(credentials).await?,
            turns: Arc::clone(&self.turns),
        })
    }
}

macro_rules! in_turn {
    ($(fn $name:ident(&self $(, $argument:ident: $type:ty)*) -> $answer:ty;)*) => {
        $(async fn $name(&self $(, $argument: $type)*) -> Result<$answer, BrokerError> {
            self.turn().await;
            self.server.$name($($argument),*).await
        })*
    };
}

impl UserRead for InTurn {
    in_turn! {
        fn list_users(&self) -> Vec<UserSummary>;
        fn get_user(&self, user: &ResourceName) -> Option<ObservedUser>;
        fn own_tokens(&self) -> OwnTokens;
    }
}

impl UserWrite for InTurn {
    in_turn! {
        fn create_user(&self, user: &ResourceName, password: &Secret, status: UserStatus) -> ();
        fn rename_user(&self, from: &ResourceName, to: &ResourceName) -> ();
        fn set_user_status(&self, user: &ResourceName, status: UserStatus) -> ();
        fn change_password(&self, user: &ResourceName, current: &Secret, new: &Secret) -> ();
        fn update_permissions(&self, user: &ResourceName, grants: &Grants<u32>) -> ();
        fn delete_user(&self, user: &ResourceName) -> ();
        fn create_token(&self, token: &ResourceName, expiry_micros: Option<u64>) -> Secret;
        fn delete_token(&self, token: &ResourceName) -> ();
    }
}

impl BrokerRead for InTurn {
    in_turn! {
        fn ping(&self) -> ();
        fn me(&self) -> SessionInfo;
        fn stats(&self) -> ServerStats;
        fn list_streams(&self) -> Vec<StreamSummary>;
        fn get_stream(&self, stream: &ResourceName) -> Option<ObservedStream>;
        fn get_topic(&self, stream: &ResourceName, topic: &ResourceName) -> Option<ObservedTopic>;
        fn consumer_groups(&self, stream: &ResourceName, topic: &ResourceName) -> ConsumerGroups;
    }
}

impl BrokerWrite for InTurn {
    in_turn! {
        fn create_stream(&self, stream: &ResourceName) -> ();
        fn rename_stream(&self, from: &ResourceName, to: &ResourceName) -> ();
        fn create_topic(&self, stream: &ResourceName, topic: &ResourceName, partitions: u32, settings: &TopicSettings) -> ();
        fn update_topic(&self, stream: &ResourceName, topic: &ResourceName, rename_to: Option<&ResourceName>, settings: &TopicSettings) -> ();
        fn create_partitions(&self, stream: &ResourceName, topic: &ResourceName, count: u32) -> ();
        fn delete_partitions(&self, stream: &ResourceName, topic: &ResourceName, count: u32) -> ();
        fn create_consumer_group(&self, stream: &ResourceName, topic: &ResourceName, group: &ResourceName) -> u32;
        fn delete_stream(&self, stream: &ResourceName) -> ();
        fn delete_topic(&self, stream: &ResourceName, topic: &ResourceName) -> ();
        fn delete_consumer_group(&self, stream: &ResourceName, topic: &ResourceName, id: u32) -> ();
    }
}

/// A run over such connections.
pub(crate) struct Runner<'a, T> {
    turns: Arc<Semaphore>,
    work: Pin<Box<dyn Future<Output = T> + 'a>>,
    pub(crate) ended: Option<T>,
}

impl<'a, T> Runner<'a, T> {
    /// Goes on to its first request.
    pub(crate) fn start(connector: &InTurn, work: impl Future<Output = T> + 'a) -> Self {
        let mut runner = Self {
            turns: Arc::clone(&connector.turns),
            // Nobody else waits, so there is nothing to give way to.
            work: Box::pin(tokio::task::unconstrained(work)),
            ended: None,
        };
        runner.go_on();
        runner
    }

    /// One request, and on to the next one, or to its end.
    pub(crate) fn turn(&mut self) {
        self.turns.add_permits(1);
        self.go_on();
        assert_eq!(
            self.turns.available_permits(),
            0,
            "it waits for something else"
        );
    }

    fn go_on(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(end) = self.work.as_mut().poll(&mut context) {
            self.ended = Some(end);
        }
    }
}

/// Runs two in every order of their requests. `start` begins both anew, `check` looks at
/// how they ended. Returns in how many orders they were run.
pub(crate) fn in_every_order<'a, T: 'a>(
    start: impl Fn() -> [Runner<'a, T>; 2],
    mut check: impl FnMut([T; 2]),
) -> usize {
    // Which of the two is next; the last choice that can be changed is changed next time.
    let mut choices: Vec<(usize, bool)> = Vec::new();
    let mut orders = 0;
    loop {
        let mut runners = start();
        let mut at = 0;
        loop {
            let open = [0, 1].map(|index: usize| runners[index].ended.is_none());
            let next = match open {
                [false, false] => break,
                [true, true] if at < choices.len() => choices[at].0,
                [true, true] => {
                    choices.push((0, true));
                    0
                }
                [first, _] => {
                    runners[usize::from(!first)].turn();
                    continue;
                }
            };
            at += 1;
            runners[next].turn();
        }
        orders += 1;
        check(runners.map(|runner| runner.ended.unwrap()));
        while let Some((choice, can_change)) = choices.pop() {
            if can_change {
                choices.push((choice + 1, false));
                break;
            }
        }
        if choices.is_empty() {
            return orders;
        }
    }
}
