//! What a scenario is given: names of its own, connections as whom it wants, and a
//! place to record what it does.

use std::cell::RefCell;
use std::rc::Rc;

use iggyctl_core::state::desired::TopicSettings;
use iggyctl_engine::broker::{BrokerErrorKind, BrokerWrite as _};
use iggyctl_engine::connect::Transport;
use iggyctl_messaging::Connection;

use super::failure::{Failure, Step as _};
use super::names::{RunId, resource};
use super::recorder::Recorder;
use super::sdk::Client;
use super::target::{Target, transport_name};

/// What a scenario is given.
pub(crate) struct Arena {
    target: Rc<Target>,
    transport: Transport,
    /// The stream that is its own; made with its first topic.
    pub(crate) stream: String,
    pub(crate) recorder: Recorder,
    /// To be closed at the end.
    connections: RefCell<Vec<Connection>>,
}

impl Arena {
    pub(super) fn new(
        target: Rc<Target>,
        run: &RunId,
        scenario: &str,
        transport: Transport,
    ) -> Self {
        let stream = run.name(&format!("{scenario}-{}", transport_name(transport)));
        Self {
            target,
            transport,
            stream,
            recorder: Recorder::default(),
            connections: RefCell::default(),
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

    /// Closes the connections.
    pub(super) async fn close(&self) {
        let connections = std::mem::take(&mut *self.connections.borrow_mut());
        let closing = connections.iter().map(Connection::shutdown);
        futures::future::join_all(closing).await;
    }
}
