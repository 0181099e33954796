//! A client of a scenario: the SDK's, with every call written into the transcript.
//!
//! Calls go through the SDK's raw request, so that what is shown is what the server
//! answered and not what the SDK refuses or fills in on its own. Replies are decoded with
//! the protocol crate, and must be consumed to the last byte.

use bytes::Bytes;
use iggy::prelude::*;
use iggy_binary_protocol::codec::{WireDecode, WireEncode};
use std::net::SocketAddr;
use std::sync::Arc;

use crate::transcript::Transcript;

/// One connection of one client.
pub(crate) struct Session {
    /// The SDK's client, for the few calls that are not raw requests.
    pub(crate) client: IggyClient,
    /// Where the calls are written down.
    pub(crate) transcript: Arc<Transcript>,
    /// Prefix of the lines when a scenario has several clients.
    label: String,
}

impl Session {
    /// Connects without logging in.
    pub(crate) async fn connect(
        address: SocketAddr,
        transcript: &Arc<Transcript>,
        label: &str,
    ) -> Result<Self, String> {
        let config = TcpClientConfigBuilder::new()
            .with_server_address(address.to_string())
            // No retries and no pause before one: a scenario wants the first answer.
            .with_reconnection_max_retries(Some(0))
            .with_reestablish_after(IggyDuration::from(0))
            .build()
            .map_err(|error| error.to_string())?;
        let tcp = TcpClient::create(Arc::new(config)).map_err(|error| error.to_string())?;
        let client = IggyClient::new(ClientWrapper::Tcp(tcp));
        client
            .connect()
            .await
            .map_err(|error| format!("connect to {address}: {error}"))?;
        Ok(Self {
            client,
            transcript: Arc::clone(transcript),
            label: if label.is_empty() {
                String::new()
            } else {
                format!("[{label}] ")
            },
        })
    }

    /// Writes a call down: its outcome's first line follows the arrow, others are indented.
    pub(crate) fn record<T>(
        &self,
        call: &str,
        result: Result<T, IggyError>,
        show: impl FnOnce(&T) -> Vec<String>,
    ) -> Option<T> {
        let label = &self.label;
        match result {
            Ok(value) => {
                let mut lines = show(&value).into_iter();
                let first = lines.next().unwrap_or_default();
                let space = if first.is_empty() { "" } else { " " };
                self.transcript
                    .push(format!("{label}{call} -> ok{space}{first}"));
                for line in lines {
                    self.transcript.push(format!("    {line}"));
                }
                Some(value)
            }
            Err(error) => {
                self.transcript
                    .push(format!("{label}{call} -> {}", error_text(&error)));
                None
            }
        }
    }

    /// A request whose reply has no body.
    pub(crate) async fn command(&self, call: &str, code: u32, request: &impl WireEncode) {
        let result = self.raw(code, request.to_bytes()).await;
        self.record(call, result, empty);
    }

    /// A request whose reply is a `Reply`, which may be absent (an empty body).
    pub(crate) async fn query<Reply: WireDecode>(
        &self,
        call: &str,
        code: u32,
        request: &impl WireEncode,
        show: impl FnOnce(&Reply) -> Vec<String>,
    ) -> Option<Reply> {
        let result = self.raw(code, request.to_bytes()).await;
        let mut decoded = None;
        self.record(call, result, |body| {
            if body.is_empty() {
                return vec!["nothing".to_owned()];
            }
            match Reply::decode(body) {
                Ok((reply, consumed)) => {
                    let mut lines = show(&reply);
                    if consumed != body.len() {
                        lines.push(format!("{} bytes too many", body.len() - consumed));
                    }
                    decoded = Some(reply);
                    lines
                }
                Err(error) => vec![format!("undecodable: {error}")],
            }
        });
        decoded
    }

    /// The SDK's raw request.
    pub(crate) async fn raw(&self, code: u32, payload: Bytes) -> Result<Bytes, IggyError> {
        self.client.send_binary_request(code, payload).await
    }

    /// Logs in and shows what the SDK says about it.
    pub(crate) async fn login(&self, username: &str, password: &str) -> bool {
        let shown = if password == "iggy" { "right" } else { "wrong" };
        let result = self.client.login_user(username, password).await;
        self.record(
            &format!(
                "login({}, {shown} password)",
                crate::transcript::name(username)
            ),
            result,
            |identity| {
                vec![format!(
                    "user={} token={}",
                    identity.user_id,
                    if identity.access_token.is_some() {
                        "yes"
                    } else {
                        "no"
                    }
                )]
            },
        )
        .is_some()
    }

    /// Logs out.
    pub(crate) async fn logout(&self) {
        let result = self.client.logout_user().await;
        self.record("logout()", result, |()| vec![]);
    }

    /// Ends the connection.
    pub(crate) async fn close(self) {
        // The scenario is over; a failing goodbye changes nothing in what it saw.
        let _ = self.client.shutdown().await;
    }
}

fn empty(body: &Bytes) -> Vec<String> {
    if body.is_empty() {
        vec![]
    } else {
        vec![format!("unexpected body of {} bytes", body.len())]
    }
}

/// An error as a transcript shows it: only the code crosses the wire.
pub(crate) fn error_text(error: &IggyError) -> String {
    format!("error {} {}", error.as_code(), error.as_string())
}
