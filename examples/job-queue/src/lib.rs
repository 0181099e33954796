//! A queue of jobs: what travels in its topics, as Protobuf, and the work itself.

pub mod publish;
pub mod tail;
pub mod task;
pub mod work;

use iggyctl_messaging::codec::Protobuf;
use iggyctl_messaging::{Connection, MessagingError, Partitioning, Producer};

pub use task::{LogLine, State, Status, Task};

/// The stream of `topology.yaml`, with these topics in it.
pub const STREAM: &str = "jobs";
/// What is to be done.
pub const TASKS: &str = "tasks";
/// What became of it.
pub const STATUS: &str = "status";
/// What the workers said about it.
pub const LOGS: &str = "logs";
/// What no worker could do.
pub const DEAD_LETTERS: &str = "dlq";

/// A connection to `IGGY_CONNECTION_STRING`, as for `iggyctl`.
///
/// # Errors
/// A text that is not an address.
pub fn connect() -> Result<Connection, MessagingError> {
    let server = std::env::var("IGGY_CONNECTION_STRING");
    Connection::open(
        server
            .as_deref()
            .unwrap_or("iggy://iggy:iggy@127.0.0.1:8090"),
    )
}

/// Something that belongs to a job.
pub trait OfJob {
    /// Its job.
    fn job_id(&self) -> &str;
}

/// A producer that sends all messages of a job to the same partition, so that they are
/// read in the order in which they were sent.
///
/// # Errors
/// As [`iggyctl_messaging::ProducerBuilder::build`].
pub fn producer<T>(connection: &Connection, topic: &str) -> Result<Producer<T>, MessagingError>
where
    T: OfJob + prost::Message + Default + Send + Sync + 'static,
{
    Producer::builder(connection, STREAM, topic)
        .partitioning(Partitioning::key(|message: &T| message.job_id().to_owned()))
        .build(Protobuf)
}
