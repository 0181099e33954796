//! The sign that a run is alive.
//!
//! A run makes the stream `iggyctl-smoke-<run>` with a topic and a group `lease`, and
//! is a member of that group for as long as it lives: the server takes a member out when
//! its connection ends, also after SIGKILL. So the next run can tell what a dead one left
//! ([`cleanup`]) from what a running one uses ([`vitality`](super::vitality)).

use std::time::Duration;

use iggyctl_core::state::desired::TopicSettings;
use iggyctl_engine::broker::{BrokerError, BrokerErrorKind, BrokerRead as _, BrokerWrite as _};
use iggyctl_engine::connect::ConnectError;
use iggyctl_messaging::codec::Raw;
use iggyctl_messaging::{Commit, Connection, Consumer};

use super::cleanup;
use super::failure::{Failure, Step as _};
use super::names::{RunId, resource};
use super::target::Target;

/// Topic and group of the lease.
pub(super) const LEASE: &str = "lease";
/// A member of a group that is there is seen after a round trip or two, on a machine that has
/// time for it.
const UNTIL_SEEN: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Held by a run.
pub(crate) struct Lease {
    run: RunId,
    connection: Connection,
    /// Joins again by itself when the connection was lost.
    _member: Consumer<bytes::Bytes>,
}

/// Why there is none.
#[derive(Debug)]
pub(crate) struct LeaseError {
    /// What was being done.
    pub(crate) step: String,
    /// What came of it.
    pub(crate) found: String,
    /// Whose fault it is.
    pub(crate) because: Because,
}

/// Why something cannot be done, as far as it decides how the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Because {
    /// The login may not do it.
    Denied,
    /// The server does not let the login in any more.
    NotLetIn,
    /// There is no server, or it does not answer.
    NoServer,
    /// Anything else.
    Other,
}

impl Because {
    fn of(error: &BrokerError) -> Self {
        match error.kind {
            BrokerErrorKind::Unauthorized => Self::Denied,
            BrokerErrorKind::Unreachable { .. } | BrokerErrorKind::OutcomeUnknown { .. } => {
                Self::NoServer
            }
            BrokerErrorKind::NotFound
            | BrokerErrorKind::AlreadyExists
            | BrokerErrorKind::Refused { .. } => Self::Other,
        }
    }
}

impl From<Failure> for LeaseError {
    fn from(failure: Failure) -> Self {
        let Failure {
            step,
            expected: _,
            found,
        } = failure;
        Self {
            step,
            found,
            because: Because::Other,
        }
    }
}

impl Lease {
    /// Says that a new run is alive, and removes what dead ones left.
    pub(crate) async fn take(target: &Target, run: RunId) -> Result<Self, LeaseError> {
        let taken = Self::make(target, &run).await;
        let lease = match taken {
            Ok(lease) => lease,
            Err(failure) => {
                // What was made of it must not wait for the next run.
                cleanup::remove(target, &run).await;
                return Err(failure);
            }
        };
        for left in cleanup::remove_dead_runs(target, &run).await {
            tracing::warn!(%left, "what a former run left behind cannot be removed");
        }
        Ok(lease)
    }

    /// Removes what there is of a run whose sign was not waited for.
    pub(crate) async fn give_up(target: &Target, run: &RunId) {
        cleanup::remove(target, run).await;
    }

    async fn make(target: &Target, run: &RunId) -> Result<Self, LeaseError> {
        let stream = resource(&run.lease())?;
        let lease = resource(LEASE)?;
        let admin = target.admin.acquire().await;
        let admin = admin.map_err(|error| LeaseError {
            step: "connect".to_owned(),
            because: match error {
                ConnectError::CredentialsRefused { .. } => Because::NotLetIn,
                _ => Because::NoServer,
            },
            found: error.to_string(),
        })?;
        let created = admin.create_stream(&stream).await;
        created.map_err(|error| LeaseError {
            step: "make a stream that says that this run is alive".to_owned(),
            because: Because::of(&error),
            found: error.to_string(),
        })?;
        admin
            .create_topic(&stream, &lease, 1, &TopicSettings::default())
            .await
            .step("make its topic")?;
        admin
            .create_consumer_group(&stream, &lease, &lease)
            .await
            .step("make its consumer group")?;
        let connection = target.connection(target.main).step("connect")?;
        let member = Consumer::group(&connection, LEASE, stream.as_str(), LEASE)
            .do_not_create_group()
            .commit(Commit::Never)
            .poll_interval(Duration::from_secs(1))
            .build(Raw)
            .step("join its consumer group")?;
        let joined = async {
            loop {
                let groups = admin.consumer_groups(&stream, &lease).await?;
                if groups.get(&lease).is_some_and(|group| group.members > 0) {
                    return Ok::<_, iggyctl_engine::broker::BrokerError>(());
                }
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
        };
        tokio::time::timeout(UNTIL_SEEN, joined)
            .await
            .step("see this run in its consumer group")?
            .step("look at its consumer group")?;
        Ok(Self {
            run: run.clone(),
            connection,
            _member: member,
        })
    }

    /// The run.
    pub(crate) fn run(&self) -> &RunId {
        &self.run
    }

    /// Removes everything that this run made, and at last the sign that it is alive.
    /// Tells what could not be removed.
    pub(crate) async fn release(self, target: &Target) -> Vec<String> {
        let left = cleanup::remove(target, &self.run).await;
        self.connection.shutdown().await;
        left
    }
}
