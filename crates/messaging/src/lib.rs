//! Producers and consumers for Apache Iggy that keep going: retries with the same ids
//! and bytes, connections that are found again, batches, backpressure,
//! acknowledgements, redelivery, dead letters, encryption and metrics. On top of the
//! SDK's own clients; for services, and for iggyctl itself.
//!
//! ```
//! use iggyctl_messaging::codec::Json;
//! use iggyctl_messaging::{Connection, Manifest, Producer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), iggyctl_messaging::MessagingError> {
//! // A server in this process. Elsewhere: iggy://user:password@host:8090
//! let connection = Connection::open("embedded")?;
//! let producer = Producer::<String>::builder(&connection, "orders", "events")
//!     .ensure(Manifest::topic("orders", "events", 3)?)
//!     .build(Json)?;
//! let confirmation = producer.send("hello".to_owned()).await?;
//! assert_eq!((confirmation.partition, confirmation.offset), (0, Some(0)));
//! connection.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! ```text
//!  value ──codec──▶ payload ──compress──▶ ──encrypt──▶ message ─┐ buffer (bounded)
//!                                                               ▼
//!  Confirmation ◀── server ◀── Connection (generation n) ◀── batch, one at a time
//!                                   ▲ lost: generation n + 1, perhaps elsewhere
//! ```
//!
//! What goes wrong is classified in one place, [`classify`]: repeat it, reconnect
//! first, put the message aside, or stop.

pub mod codec;
pub mod compression;
pub mod connection;
pub mod consumer;
pub mod dead_letters;
pub mod encryption;
mod ensure;
mod error;
mod headers;
mod message;
mod names;
pub mod observe;
pub mod offsets;
pub mod producer;
mod readdressed;
pub mod replay;
mod topic_reader;

pub use compression::Compression;
pub use connection::Connection;
pub use consumer::{Commit, Consumer, ConsumerBuilder, DeadLetters, RedeliveryPolicy, Start};
pub use encryption::Encryption;
pub use ensure::Manifest;
pub use error::{MessagingError, Reaction, classify, words};
pub use headers::{CONTENT_TYPE, Headers};
/// What a manifest makes is called by its address: `topic/orders/events`.
pub use iggyctl_core::address::Address;
/// For passwords, tokens and keys: shown nowhere.
pub use iggyctl_core::secret::Secret;
pub use message::{Acknowledgement, Message};
pub use producer::{
    Confirmation, Delivery, Outgoing, Partitioning, Producer, ProducerBuilder, RetryPolicy,
};
