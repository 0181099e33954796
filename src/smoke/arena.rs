//! What a scenario is given: names of its own, connections as whom it wants, and a
//! place to record what it does.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use iggyctl_core::access::{Grants, UserStatus};
use iggyctl_core::state::desired::TopicSettings;
use iggyctl_core::state::observed::ObservedStream;
use iggyctl_engine::broker::{BrokerErrorKind, BrokerRead as _, BrokerWrite as _, UserWrite as _};
use iggyctl_engine::connect::{RemoteAddress, Transport};
use iggyctl_messaging::connection::Credentials;
use iggyctl_messaging::{Connection, Secret};

use super::failure::{Failure, Step as _, Stop};
use super::names::{RunId, resource};
use super::recorder::Recorder;
use super::sdk::Client;
use super::target::{Target, transport_name};

/// A rebalance of a group takes a second or two on a server that is busy.
const MOST_PATIENCE: Duration = Duration::from_secs(20);

/// What a scenario is given.
pub(crate) struct Arena {
    target: Rc<Target>,
    transport: Transport,
    run: RunId,
    /// The stream that is its own; made with its first topic.
    pub(crate) stream: String,
    pub(crate) recorder: Recorder,
    /// How long what is there may take to come: less than the scenario's time limit, so
    /// that it says what did not come.
    pub(crate) patience: Duration,
    /// To be closed at the end.
    connections: Rc<RefCell<Vec<Connection>>>,
}

impl Arena {
    pub(super) fn new(
        target: Rc<Target>,
        run: &RunId,
        scenario: &str,
        transport: Transport,
        time_limit: Duration,
    ) -> Self {
        let stream = run.name(&format!("{scenario}-{}", transport_name(transport)));
        Self {
            target,
            transport,
            run: run.clone(),
            stream,
            recorder: Recorder::default(),
            patience: MOST_PATIENCE.min(time_limit / 3),
            connections: Rc::default(),
        }
    }

    /// Another name that is the scenario's own.
    pub(crate) fn other_name(&self, name: &str) -> String {
        let transport = transport_name(self.transport);
        self.run.name(&format!("{name}-{transport}"))
    }

    /// Skips the scenario where the server has not its transport.
    pub(super) fn has_transport(&self) -> Result<(), Stop> {
        match self.target.address(self.transport) {
            Ok(_) => Ok(()),
            Err(error) => Err(Stop::Skipped(error.to_string())),
        }
    }

    /// Makes a topic in the scenario's stream, and the stream before its first one.
    pub(crate) async fn topic(&self, topic: &str, partitions: u32) -> Result<(), Failure> {
        self.topic_in(&self.stream, topic, partitions).await
    }

    /// The same in another stream of the run.
    pub(crate) async fn topic_in(
        &self,
        stream: &str,
        topic: &str,
        partitions: u32,
    ) -> Result<(), Failure> {
        let admin = self.target.admin.acquire().await.step("connect")?;
        let stream = resource(stream)?;
        match admin.create_stream(&stream).await {
            Err(error) if error.kind != BrokerErrorKind::AlreadyExists => {
                Err(error).step("create the stream")?
            }
            Ok(()) | Err(_) => {}
        }
        admin
            .create_topic(
                &stream,
                &resource(topic)?,
                partitions,
                &TopicSettings::default(),
            )
            .await
            .step(format!("create the topic {topic}"))
    }

    /// A connection as the administrator over the scenario's transport, with a session
    /// of its own.
    pub(crate) fn connection(&self) -> Result<Connection, Failure> {
        let connection = self.target.connection(self.transport).step("connect")?;
        self.connections.borrow_mut().push(connection.clone());
        Ok(connection)
    }

    /// The SDK's calls over such a connection.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        Ok(Client::new(self.connection()?, self.recorder.clone()))
    }

    /// A connection as somebody else.
    pub(crate) fn client_as(&self, credentials: Credentials) -> Result<Client, Failure> {
        let connection = self.target.connection_as(self.transport, credentials);
        Ok(self.keep(connection.step("connect")?))
    }

    /// A connection as the administrator to somewhere else, or in another way.
    pub(crate) fn client_at(&self, address: RemoteAddress) -> Result<Client, Failure> {
        let connection = self.target.connection_at(address);
        Ok(self.keep(connection.step("connect")?))
    }

    fn keep(&self, connection: Connection) -> Client {
        self.connections.borrow_mut().push(connection.clone());
        Client::new(connection, self.recorder.clone())
    }

    /// Makes a user that may do this, by the ids of streams and topics.
    pub(crate) async fn user(&self, name: &str, grants: &Grants<u32>) -> Result<Credentials, Stop> {
        let username = self.other_name(name);
        let password = Secret::new(uuid::Uuid::now_v7().simple().to_string());
        let admin = self.target.admin.acquire().await.step("connect")?;
        let user = resource(&username)?;
        match admin
            .create_user(&user, &password, UserStatus::Active)
            .await
        {
            Err(error) if error.kind == BrokerErrorKind::Unauthorized => {
                return Err(Stop::Skipped("the login may not create users".to_owned()));
            }
            created => created.step(format!("create the user {name}"))?,
        }
        admin
            .update_permissions(&user, grants)
            .await
            .step(format!("give the user {name} its rights"))?;
        Ok(Credentials::Password { username, password })
    }

    /// A stream with the ids of its topics.
    pub(crate) async fn look_at(&self, stream: &str) -> Result<ObservedStream, Failure> {
        let admin = self.target.admin.acquire().await.step("connect")?;
        let found = admin.get_stream(&resource(stream)?).await;
        let found = found.step("look at the stream")?;
        found.ok_or_else(|| Failure::new("look at the stream", "that it is there", "nothing"))
    }

    /// How many partitions a topic of the scenario's stream has; none when it is not
    /// there.
    pub(crate) async fn partitions(&self, topic: &str) -> Result<Option<u32>, Failure> {
        let admin = self.target.admin.acquire().await.step("connect")?;
        let (stream, topic) = (resource(&self.stream)?, resource(topic)?);
        let found = admin.get_topic(&stream, &topic).await;
        Ok(found.step("look at the topic")?.map(|it| it.partitions))
    }

    /// Skips the scenario where nobody can restart the server.
    pub(crate) fn can_restart(&self) -> Result<(), Stop> {
        if self.target.can_restart() {
            return Ok(());
        }
        Err(Stop::Skipped(
            "nobody can restart the server: name a command with --restart-command".to_owned(),
        ))
    }

    /// Restarts the server, and waits until it answers.
    pub(crate) async fn restart(&self) -> Result<(), Failure> {
        self.target.restart().await
    }

    /// The same scenario where the server speaks TLS.
    pub(crate) async fn secured(&self) -> Result<Self, Stop> {
        let target = self.target.secured().await?;
        Ok(Self {
            target,
            transport: Transport::Tcp,
            run: self.run.clone(),
            stream: self.stream.clone(),
            recorder: self.recorder.clone(),
            patience: self.patience,
            connections: Rc::clone(&self.connections),
        })
    }

    /// Where its server is, as the administrator.
    pub(crate) fn address(&self) -> Result<RemoteAddress, Failure> {
        self.target.address(self.transport).step("connect")
    }

    /// Closes the connections.
    pub(super) async fn close(&self) {
        let connections = std::mem::take(&mut *self.connections.borrow_mut());
        let closing = connections.iter().map(Connection::shutdown);
        futures::future::join_all(closing).await;
    }
}
