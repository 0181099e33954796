//! One step: the call, and what to do when its outcome is not known.
//!
//! What a lost connection costs is repeated; what is not answered in the time of
//! one request ([`ConnectSettings::request_timeout`], 30 s) is not, since that
//! would only multiply the wait. So a request is sent again only while that time
//! has not passed since it was first sent, and a repeated read is cut off there.
//! At worst a step waits once for a call, once for a connection and once for the
//! read that looks what became of it.
//!
//! [`ConnectSettings::request_timeout`]: crate::connect::ConnectSettings::request_timeout

use std::time::Duration;

use iggyctl_core::diff::TokenLogin;
use iggyctl_core::name::ResourceName;
use iggyctl_core::plan::{Action, Step};
use iggyctl_core::state::desired_user::SecretReference;
use tokio::time::{Instant, timeout_at};

use super::delete::{delete_group, delete_stream, delete_topic};
use super::located::{Sent, set_permissions};
use super::outcome::Failure;
use super::settle::{Standing, standing};
use super::supplies::Supplies;
use super::token::{self, NewToken};
use crate::broker::{BrokerError, BrokerErrorKind, BrokerWrite};
use crate::connect::{Connect, ConnectError, ConnectionPool, Credentials, Lease, LoginChange};
use crate::delivery::TokenSinks;

/// A call is sent at most this often. Every repetition follows a read that
/// showed that the earlier one did nothing so far.
const SENDS: u32 = 3;

/// A read that settles an unknown outcome is tried this often.
const READS: u32 = 3;

/// Between the reads of [`QUIET_READS`].
const PAUSE: Duration = Duration::from_millis(100);

/// Adding partitions is relative: a first request that commits after the second
/// was sent would add twice. So before it is sent again, the count must have
/// stayed the same for this many reads, [`PAUSE`] apart.
const QUIET_READS: u32 = 3;

/// Whose connection a step is carried out on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Login<'step> {
    /// One of the pool.
    Pool,
    /// One of its own.
    User {
        user: &'step ResourceName,
        password: &'step SecretReference,
    },
}

impl<'step> Login<'step> {
    fn of(action: &'step Action) -> Self {
        match action {
            Action::CreateToken { user, login, .. } | Action::RevokeToken { user, login, .. } => {
                match login {
                    TokenLogin::Own => Self::Pool,
                    TokenLogin::Password(password) => Self::User { user, password },
                }
            }
            _ => Self::Pool,
        }
    }
}

/// How a step ended.
pub(super) struct Ended<'pool, C: Connect> {
    /// The connection, when there still is one.
    pub(super) lease: Option<Lease<'pool, C>>,
    pub(super) result: Result<(), Failure>,
    /// The first call was answered, and well: a measure of the server's pace.
    pub(super) clean: bool,
    /// There was no way to open another connection.
    pub(super) unreachable: Option<ConnectError>,
}

pub(super) async fn run<'pool, C: Connect, S: TokenSinks>(
    pool: &'pool ConnectionPool<C>,
    lease: Lease<'pool, C>,
    step: &Step,
    supplies: Supplies<'_, S>,
) -> Ended<'pool, C> {
    let mut runner = Runner {
        pool,
        lease: Some(lease),
        login: Login::of(&step.action),
        own: None,
        action: &step.action,
        supplies,
        doubt: None,
        clean: false,
        unreachable: None,
    };
    let result = runner.run().await;
    if let Some(broker) = runner.own.take() {
        pool.connector().close(broker).await;
    }
    Ended {
        lease: runner.lease,
        clean: runner.clean,
        result,
        unreachable: runner.unreachable,
    }
}

struct Runner<'pool, 'step, C: Connect, S> {
    pool: &'pool ConnectionPool<C>,
    lease: Option<Lease<'pool, C>>,
    /// Whose connection the calls are made on.
    login: Login<'step>,
    /// The connection of somebody else.
    own: Option<C::Broker>,
    action: &'step Action,
    supplies: Supplies<'step, S>,
    /// The last call of this step whose outcome was not known. From then on
    /// what is there may be its work.
    doubt: Option<BrokerError>,
    clean: bool,
    unreachable: Option<ConnectError>,
}

impl<'pool, C: Connect, S: TokenSinks> Runner<'pool, '_, C, S> {
    async fn run(&mut self) -> Result<(), Failure> {
        let mut last = None;
        let expires = self.expires();
        for sent in 0..SENDS {
            if self.is_relative() {
                match self.standing().await? {
                    Standing::NotDone => {}
                    Standing::Done if self.doubt.is_some() => return Ok(()),
                    Standing::Done => return Err(self.moved_already()),
                    Standing::Different { expected, found } => {
                        return Err(Failure::Moved { expected, found });
                    }
                }
            }
            let (action, supplies) = (self.action, self.supplies);
            let is_repeated = match action {
                // What is there without a call in doubt is not our work.
                Action::CreateToken { .. } => self.doubt.is_some(),
                _ => sent > 0,
            };
            let broker = self.connection().await?;
            let error = match send(broker, action, supplies, is_repeated).await {
                Ok(Sent::Moved { expected, found }) => {
                    return Err(Failure::Moved { expected, found });
                }
                Ok(Sent::NoSecret) => return Err(Failure::NoSecret),
                Ok(Sent::Delivered { former, value }) => {
                    if let Some(former) = former {
                        self.pool.connector().login_changed(LoginChange::Token {
                            from: &former,
                            to: &value,
                        });
                    }
                    return Ok(());
                }
                Ok(Sent::NotDelivered(error, aftermath)) => {
                    return Err(Failure::NotDelivered(error, aftermath));
                }
                Ok(Sent::Taken(error)) => {
                    return Err(Failure::OutcomeUnknown {
                        last: error,
                        why: "somebody else may have created it at the same time",
                    });
                }
                Ok(Sent::Done) if self.is_relative() && self.doubt.is_some() => {
                    return self.settled().await?.map_or(Ok(()), Err);
                }
                Ok(Sent::Done) => {
                    // A login of its own says nothing about the pace of calls.
                    self.clean = self.doubt.is_none() && self.login == Login::Pool;
                    return Ok(());
                }
                Err(error) => error,
            };
            match error.kind {
                BrokerErrorKind::Unreachable { .. } => {
                    self.drop_connection();
                    last = Some(error);
                }
                BrokerErrorKind::OutcomeUnknown { .. } => {
                    self.drop_connection();
                    self.doubt = Some(error);
                    match self.standing_in_quiet().await? {
                        Standing::Done => return Ok(()),
                        Standing::NotDone if self.is_removal() => {
                            return Err(self.unknown(
                                "partitions are not removed a second time in one run, since the first request may still be carried out",
                            ));
                        }
                        Standing::NotDone if Instant::now() >= expires => {
                            return Err(self.unknown(
                                "it was not done when the server was read, and may still be",
                            ));
                        }
                        Standing::NotDone => {}
                        Standing::Different { expected, found } => {
                            return Err(Failure::Moved { expected, found });
                        }
                    }
                }
                // Of an inactive user nobody could know which of the two is live.
                _ if self.may_be_changed_already(&error) => {
                    return match self.standing().await? {
                        Standing::Done => Ok(()),
                        _ => Err(Failure::Refused(error)),
                    };
                }
                // Perhaps the call in doubt came through after all.
                BrokerErrorKind::AlreadyExists | BrokerErrorKind::NotFound
                    if self.doubt.is_some() =>
                {
                    return match self.settled().await? {
                        None => Ok(()),
                        Some(failure) => Err(failure),
                    };
                }
                BrokerErrorKind::NotFound
                | BrokerErrorKind::AlreadyExists
                | BrokerErrorKind::Unauthorized
                | BrokerErrorKind::Refused { .. } => return Err(Failure::Refused(error)),
            }
        }
        match (&self.doubt, last) {
            (Some(_), _) => Err(self.unknown("it was sent several times")),
            (None, Some(error)) => Err(Failure::Refused(error)),
            (None, None) => Err(self.moved_already()),
        }
    }

    /// Nothing when the server is as the step wants it, else why it failed.
    async fn settled(&mut self) -> Result<Option<Failure>, Failure> {
        Ok(match self.standing().await? {
            Standing::Done => None,
            Standing::NotDone => Some(self.unknown("it is not there, and another try said it is")),
            Standing::Different { expected, found } => Some(Failure::Moved { expected, found }),
        })
    }

    /// Like [`Self::standing`]; for relative calls "not done" must last.
    async fn standing_in_quiet(&mut self) -> Result<Standing, Failure> {
        let mut found = self.standing().await?;
        if self.is_relative() {
            for _ in 1..QUIET_READS {
                if found != Standing::NotDone {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
                found = self.standing().await?;
            }
        }
        Ok(found)
    }

    async fn standing(&mut self) -> Result<Standing, Failure> {
        let action = self.action;
        // Without a connection there is no read, so its time starts after that.
        self.connection().await?;
        let expires = self.expires();
        let mut tried = 0;
        let mut lost: Option<BrokerError> = None;
        loop {
            tried += 1;
            let secrets = self.supplies.secrets;
            let read = standing(self.connection().await?, action, secrets);
            let found = match lost {
                None => read.await,
                Some(lost) => timeout_at(expires, read).await.unwrap_or(Err(lost)),
            };
            let error = match found {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            if error.kind.is_about_the_connection() {
                self.drop_connection();
                if tried < READS && Instant::now() < expires {
                    lost = Some(error);
                    continue;
                }
            }
            return Err(match &self.doubt {
                None => Failure::Refused(error),
                Some(_) => Failure::OutcomeUnknown {
                    last: error,
                    why: "the server could not be read afterwards",
                },
            });
        }
    }

    /// When a request that is sent now counts as not answered.
    fn expires(&self) -> Instant {
        Instant::now() + self.pool.settings().request_timeout
    }

    async fn connection(&mut self) -> Result<&C::Broker, Failure> {
        if let Login::User { user, password } = self.login {
            let broker = match self.own.take() {
                Some(broker) => broker,
                None => self.log_in_as(user, password).await?,
            };
            return Ok(self.own.insert(broker));
        }
        let lease = match self.lease.take() {
            Some(lease) => lease,
            None => self.reconnect().await?,
        };
        Ok(&**self.lease.insert(lease))
    }

    async fn log_in_as(
        &mut self,
        user: &ResourceName,
        password: &SecretReference,
    ) -> Result<C::Broker, Failure> {
        let password = self.supplies.secrets.get(password);
        let credentials = Credentials::Password {
            username: user.to_string(),
            password: password.ok_or(Failure::NoSecret)?.clone(),
        };
        let login = self.pool.connector().log_in_as(&credentials).await;
        login.map_err(|error| match &self.doubt {
            None => Failure::Unreachable(error),
            Some(_) => self.unknown("there was no way to log in as the user afterwards"),
        })
    }

    async fn reconnect(&mut self) -> Result<Lease<'pool, C>, Failure> {
        let error = match self.pool.reconnect().await {
            Ok(lease) => return Ok(lease),
            Err(error) => error,
        };
        self.unreachable = Some(error.clone());
        Err(match &self.doubt {
            None => Failure::Unreachable(error),
            Some(_) => self.unknown("the server could not be reached afterwards"),
        })
    }

    fn drop_connection(&mut self) {
        if self.login != Login::Pool {
            self.own = None;
        } else if let Some(lease) = self.lease.take() {
            lease.discard();
        }
    }

    fn unknown(&self, why: &'static str) -> Failure {
        match &self.doubt {
            Some(last) => Failure::OutcomeUnknown {
                last: last.clone(),
                why,
            },
            None => self.moved_already(),
        }
    }

    fn moved_already(&self) -> Failure {
        Failure::Moved {
            expected: "the step not to be done".to_owned(),
            found: "that it is done".to_owned(),
        }
    }

    fn may_be_changed_already(&self, error: &BrokerError) -> bool {
        let is_change =
            matches!(self.action, Action::ChangePassword { from, to, .. } if from != to);
        is_change && error.is_about_the_password()
    }

    fn is_relative(&self) -> bool {
        match self.action {
            Action::AddPartitions { .. } | Action::RemovePartitions { .. } => true,
            Action::CreateStream { .. }
            | Action::RenameStream { .. }
            | Action::CreateTopic { .. }
            | Action::UpdateTopic { .. }
            | Action::CreateConsumerGroup { .. }
            | Action::DeleteStream { .. }
            | Action::DeleteTopic { .. }
            | Action::DeleteConsumerGroup { .. }
            | Action::CreateUser { .. }
            | Action::RenameUser { .. }
            | Action::SetUserStatus { .. }
            | Action::DeleteUser { .. }
            | Action::ChangePassword { .. }
            | Action::SetPermissions { .. }
            | Action::CreateToken { .. }
            | Action::RevokeToken { .. } => false,
        }
    }

    fn is_removal(&self) -> bool {
        matches!(self.action, Action::RemovePartitions { .. })
    }
}

async fn send<B: BrokerWrite, S: TokenSinks>(
    broker: &B,
    action: &Action,
    Supplies {
        secrets,
        sinks,
        server,
    }: Supplies<'_, S>,
    is_repeated: bool,
) -> Result<Sent, BrokerError> {
    match action {
        Action::CreateStream { stream } => broker.create_stream(stream).await,
        Action::RenameStream { from, to } => broker.rename_stream(from, to).await,
        Action::CreateTopic {
            stream,
            topic,
            partitions,
            settings,
        } => {
            broker
                .create_topic(stream, topic, *partitions, settings)
                .await
        }
        Action::UpdateTopic {
            stream,
            topic,
            rename_to,
            settings,
        } => {
            broker
                .update_topic(stream, topic, rename_to.as_ref(), settings)
                .await
        }
        Action::AddPartitions {
            stream,
            topic,
            from,
            to,
        } => {
            broker
                .create_partitions(stream, topic, to.saturating_sub(*from))
                .await
        }
        Action::RemovePartitions {
            stream,
            topic,
            from,
            to,
        } => {
            broker
                .delete_partitions(stream, topic, from.saturating_sub(*to))
                .await
        }
        Action::CreateConsumerGroup {
            stream,
            topic,
            group,
        } => broker
            .create_consumer_group(stream, topic, group)
            .await
            .map(drop),
        Action::DeleteStream {
            stream,
            found,
            topics,
            only_if_empty,
        } => return delete_stream(broker, stream, *found, topics, *only_if_empty).await,
        Action::DeleteTopic {
            stream,
            topic,
            found,
            only_if_empty,
        } => return delete_topic(broker, stream, topic, *found, *only_if_empty).await,
        Action::DeleteConsumerGroup {
            stream,
            topic,
            group: _,
            found,
        } => return delete_group(broker, stream, topic, *found).await,
        Action::CreateUser {
            user,
            status,
            password,
        } => match secrets.get(password) {
            Some(password) => broker.create_user(user, password, *status).await,
            None => return Ok(Sent::NoSecret),
        },
        Action::RenameUser { from, to } => broker.rename_user(from, to).await,
        Action::SetUserStatus { user, status } => broker.set_user_status(user, *status).await,
        // One that is not there is deleted.
        Action::DeleteUser { user } => match broker.delete_user(user).await {
            Err(error) if error.kind == BrokerErrorKind::NotFound => Ok(()),
            deleted => deleted,
        },
        Action::ChangePassword { user, from, to } => match (secrets.get(from), secrets.get(to)) {
            (Some(from), Some(to)) => broker.change_password(user, from, to).await,
            _ => return Ok(Sent::NoSecret),
        },
        Action::SetPermissions { user, grants } => {
            return set_permissions(broker, user, grants, is_repeated).await;
        }
        Action::CreateToken {
            user,
            token,
            slot,
            expiry,
            write_to,
            revokes,
            takes_over,
            ..
        } => {
            let new = NewToken {
                user,
                token,
                slot: *slot,
                expiry: *expiry,
                write_to,
                takes_over: *takes_over,
                server,
                revokes: *revokes,
            };
            return token::create(broker, sinks, new, is_repeated).await;
        }
        Action::RevokeToken {
            token,
            slot,
            found,
            noted_in,
            ..
        } => {
            let name = slot.name_of(token);
            return token::revoke_and_note(broker, sinks, &name, *found, noted_in.as_ref()).await;
        }
    }?;
    Ok(Sent::Done)
}
