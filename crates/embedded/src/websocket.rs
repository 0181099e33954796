//! The binary protocol in the messages of a WebSocket.
//!
//! Where a message begins and ends means nothing: their bytes, one after the other, are
//! what would come over TCP.

use std::sync::Arc;

use bytes::BytesMut;
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_async_with_config};

use crate::connection::{self, Ends, Transport};
use crate::listener::{Client, each_client};
use crate::rules::limits::MAX_FRAME_BYTES;
use crate::shared::Shared;

/// On their way between the WebSocket and the connection.
const BUFFER_BYTES: usize = 64 * 1024;

/// Serves the clients of the binary protocol over WebSocket until `stopped`.
pub(crate) async fn serve(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
) {
    each_client(listener, acceptor, stopped, move |client, peer, reached| {
        let ends = Ends::new(peer, reached, Transport::WebSocket, &shared);
        upgraded(client, ends, Arc::clone(&shared))
    })
    .await;
}

async fn upgraded(stream: Client, ends: Ends, shared: Arc<Shared>) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES));
    let socket = match accept_async_with_config(stream, Some(config)).await {
        Ok(socket) => socket,
        Err(error) => {
            tracing::debug!(peer = %ends.peer, %error, "no WebSocket with a client");
            return;
        }
    };
    let (ours, theirs) = tokio::io::duplex(BUFFER_BYTES);
    let (answers, requests) = tokio::io::split(ours);
    let (sink, source) = socket.split();
    // The client leaves: its requests end, and so does the connection. The connection ends:
    // so do its answers.
    let served = futures::future::join(
        inbound(source, requests),
        connection::serve(theirs, ends, shared),
    );
    tokio::select! {
        _ = served => {}
        () = outbound(answers, sink) => {}
    }
}

type Source = futures::stream::SplitStream<WebSocketStream<Client>>;
type Sink = futures::stream::SplitSink<WebSocketStream<Client>, Message>;

async fn inbound(mut source: Source, mut requests: WriteHalf<DuplexStream>) {
    while let Some(Ok(message)) = source.next().await {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(text) => text.into(),
            Message::Close(_) => break,
            // Pings are answered by the library.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
        };
        if requests.write_all(&bytes).await.is_err() {
            break;
        }
    }
    let _ = requests.shutdown().await;
}

async fn outbound(mut answers: ReadHalf<DuplexStream>, mut sink: Sink) {
    let mut buffer = BytesMut::with_capacity(BUFFER_BYTES);
    while let Ok(1..) = answers.read_buf(&mut buffer).await {
        let bytes = buffer.split().freeze();
        if sink.send(Message::Binary(bytes)).await.is_err() {
            return;
        }
    }
    let _ = sink.close().await;
}
