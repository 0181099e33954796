//! An Iggy-compatible server in this process.
//!
//! It speaks the real binary protocol over TCP, with the codec of
//! `iggy_binary_protocol`, so any Iggy 0.11 client works with it: the Rust SDK,
//! the official command line, the Python SDK. It keeps streams, topics,
//! partitions, consumer groups and messages with the rules, limits, defaults, id reuse and
//! error codes of the real 0.9 server; in memory, or in a folder. It can inject
//! faults that a real server shows rarely. Where asked to, it speaks
//! [TLS](EmbeddedServerBuilder::tls), [QUIC](EmbeddedServerBuilder::quic) and
//! [WebSocket](EmbeddedServerBuilder::websocket), and answers the official [HTTP routes](EmbeddedServerBuilder::http).
//!
//! ```no_run
//! # async fn example() -> Result<(), iggyctl_embedded::StartError> {
//! let server = iggyctl_embedded::EmbeddedServer::builder().start().await?;
//! println!("{}", server.connection_string());
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! As a test kit, it does what a real server does rarely: here the reply to a send is lost.
//!
//! ```
//! use iggy::prelude::*;
//! use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = EmbeddedServer::builder().start().await?;
//! let options = "reestablish_after=0s&reconnection_interval=10ms";
//! let uri = format!("{}?{options}", server.connection_string());
//! let client = IggyClient::from_connection_string(&uri)?;
//! client.connect().await?;
//! let (orders, events) = (Identifier::named("orders")?, Identifier::named("events")?);
//! client.create_stream("orders").await?;
//! client.create_topic(&orders, "events", &TopicCreateOptions::default()).await?;
//!
//! let send = FaultTarget::Command(101);
//! server.faults().set(FaultPlan::none().once(FaultKind::LostReply, send, 1));
//! let first = Partitioning::partition_id(0);
//! let sent = client
//!     .send_messages(&orders, &events, &first, &mut ["created".parse()?])
//!     .await;
//! assert!(sent.is_err(), "the client cannot know that it was done");
//!
//! let topic = client.get_topic(&orders, &events).await?.ok_or("no topic")?;
//! assert_eq!(topic.messages_count, 1);
//! # server.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! Over HTTP it is the same server, with the same faults: here a client without the SDK
//! hears nothing of what was done.
//!
//! ```
//! use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = EmbeddedServer::builder()
//!     .http("127.0.0.1:0".parse()?)
//!     .start()
//!     .await?;
//! let login = FaultTarget::Command(40);
//! server.faults().set(FaultPlan::none().once(FaultKind::LostReply, login, 1));
//!
//! let address = server.http_address().ok_or("no HTTP")?;
//! let body = r#"{"username":"iggy","password":"iggy"}"#;
//! let request = format!(
//!     "POST /users/login HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
//!      content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
//!     body.len()
//! );
//! let mut replies = Vec::new();
//! for _ in 0..2 {
//!     let mut connection = tokio::net::TcpStream::connect(address).await?;
//!     connection.write_all(request.as_bytes()).await?;
//!     let mut reply = String::new();
//!     connection.read_to_string(&mut reply).await?;
//!     replies.push(reply);
//! }
//! assert!(replies[0].is_empty());
//! assert!(replies[1].starts_with("HTTP/1.1 200 OK"));
//! # server.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! ```text
//!  bytes ──frame──▶ request ──handler──▶ execution ──▶ dispatch ──▶ state (pure) ──▶ change ──▶ store
//!  bytes ◀──reply── answer  ◀───────────────┘ ▲ │                                              │
//!  HTTP ──route───▶ JSON    ──────────────────┘ │                                              │
//!  HTTP ◀───────── JSON     ◀───────────────────┘                                              │
//!                     ▲                                                                        │
//!                     └───────────────────────── after the change is on disk ◀─────────────────┘
//! ```
//!
//! Users, their permissions and their access tokens are kept and enforced as the real
//! server does it. Passwords are Argon2 hashes, at its cost unless
//! [`password_hashing`](EmbeddedServerBuilder::password_hashing) says otherwise; of a token
//! only the hash is known.
//!
//! Messages are kept with their consumer offsets, by partition, in memory or in the folder;
//! age and size limits are applied; consumer groups share out partitions among members.
//!
//! Not there: snapshots and flushing. Their commands are answered with 5 FeatureUnavailable,
//! to those who would be permitted them.

mod access;
mod cleaner;
mod clock;
mod connection;
mod credentials;
mod dispatch;
mod execution;
mod exercise;
mod fault;
mod http;
mod listener;
mod log;
mod misbehavior;
mod password;
mod quic;
mod request_log;
mod rules;
mod server;
mod shared;
mod state;
mod store;
mod testing;
mod tls;
mod websocket;

pub use access::{AccessMoment, AccessSnapshot, StreamIncarnation, TopicIncarnation, UserAccess};
pub use connection::frame::{Frame, FrameError, FrameProgress, read_frame};
pub use credentials::CredentialsError;
pub use exercise::exercise;
pub use fault::{Fault, FaultHandle, FaultKind, FaultPlan, FaultTarget};
/// What users may do is said in the words of the official crate.
pub use iggy_common::{GlobalPermissions, Permissions, StreamPermissions, TopicPermissions};
pub use misbehavior::Misbehavior;
pub use password::PasswordHashing;
pub use request_log::RequestLog;
pub use rules::permissions::{Action, may};
pub use server::{EmbeddedServer, EmbeddedServerBuilder, StartError};
pub use store::StoreError;
pub use testing::{Testing, TestingError};
pub use tls::{TlsError, TlsIdentity};
