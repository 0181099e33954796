//! Requests over HTTP as `curl` makes them, and their answers in a transcript.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::transcript::{self, Transcript};

/// Makes one connection for each request, with or without a bearer token.
#[derive(Clone)]
pub(crate) struct Http {
    address: SocketAddr,
    transcript: Arc<Transcript>,
    label: String,
    bearer: Option<String>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Http {
    /// Without a token.
    pub(crate) fn new(address: SocketAddr, transcript: &Arc<Transcript>) -> Self {
        Self {
            address,
            transcript: Arc::clone(transcript),
            label: String::new(),
            bearer: None,
        }
    }

    /// The same with a token, called so in the transcript.
    pub(crate) fn with(&self, label: &str, bearer: &str) -> Self {
        Self {
            label: format!("{label}: "),
            bearer: Some(bearer.to_owned()),
            ..self.clone()
        }
    }

    /// Logs in, and goes on as who that is; not part of the transcript.
    pub(crate) async fn login(&self, username: &str, password: &str) -> Result<Self, String> {
        let body = format!(r#"{{"username":"{username}","password":"{password}"}}"#);
        let answer = self.exchange("POST", "/users/login", Some(&body)).await?;
        let token = token_of(&answer.body).ok_or(answer.body)?;
        Ok(self.with(username, &token))
    }

    /// A request without a body.
    pub(crate) async fn call(&self, method: &str, path: &str) -> Result<Answer, String> {
        self.send(method, path, None).await
    }

    /// A request with a body of JSON.
    pub(crate) async fn json(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<Answer, String> {
        self.send(method, path, Some(body)).await
    }

    /// A request that is not part of the transcript; an empty body is none.
    pub(crate) async fn quietly(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<Answer, String> {
        let body = (!body.is_empty()).then_some(body);
        self.exchange(method, path, body).await
    }

    async fn send(&self, method: &str, path: &str, body: Option<&str>) -> Result<Answer, String> {
        let answer = self.exchange(method, path, body).await?;
        let shown = body.map(|body| format!(" {body}")).unwrap_or_default();
        let mut line = format!("{}{method} {path}{shown} -> {}", self.label, answer.status);
        if let Some(durability) = answer.header("iggy-durability") {
            line.push_str(&format!(" iggy-durability={durability}"));
        }
        match serde_json::from_str(&answer.body) {
            Ok(mut value) => {
                normalise(&mut value, self);
                line.push_str(&format!(" {value}"));
            }
            Err(_) if answer.body.is_empty() => {}
            Err(_) => line.push_str(&format!(" text {:?}", answer.body)),
        }
        self.transcript.push(line);
        Ok(answer)
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Result<Answer, String> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: broker\r\nconnection: close\r\n");
        if let Some(bearer) = &self.bearer {
            head.push_str(&format!("authorization: Bearer {bearer}\r\n"));
        }
        if let Some(body) = body {
            let length = body.len();
            head.push_str(&format!(
                "content-type: application/json\r\ncontent-length: {length}\r\n"
            ));
        }
        let request = format!("{head}\r\n{}", body.unwrap_or_default());
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut reply = String::new();
            stream.read_to_string(&mut reply).await?;
            std::io::Result::Ok(reply)
        };
        let reply = exchange
            .await
            .map_err(|error| format!("{method} {path}: {error}"))?;
        let (head, body) = reply
            .split_once("\r\n\r\n")
            .ok_or_else(|| format!("{method} {path}: no answer: {reply:?}"))?;
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .ok_or_else(|| format!("no status: {head}"))?;
        Ok(Answer {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        })
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// The token in the answer to a login.
pub(crate) fn token_of(body: &str) -> Option<String> {
    let value: Value = serde_json::from_str(body).ok()?;
    let token = value.get("access_token")?.get("token")?;
    token.as_str().map(str::to_owned)
}

/// Masks what differs from one run to the next.
fn normalise(value: &mut Value, http: &Http) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| normalise(item, http)),
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                match (name.as_str(), &*field) {
                    ("created_at" | "timestamp" | "origin_timestamp", Value::Number(number)) => {
                        *field = transcript::time(number.as_u64().unwrap_or_default()).into();
                    }
                    ("expiry", Value::Number(number)) => {
                        let hour_before = number.as_u64().unwrap_or_default() - 3600;
                        let hour_before = transcript::time(hour_before * 1_000_000);
                        *field = format!("{hour_before} + 1 h").into();
                    }
                    ("token", Value::String(_)) => *field = "<token>".into(),
                    ("checksum", Value::Number(_)) => *field = "<checksum>".into(),
                    ("ip", Value::String(_)) | ("address", Value::String(_)) => {
                        *field = "<address>".into();
                    }
                    ("client_id", Value::Number(number)) => {
                        let id = number.as_u64().and_then(|id| u32::try_from(id).ok());
                        *field = http.transcript.client(id.unwrap_or_default()).into();
                    }
                    // The real server says the ports of its configuration, here 0.
                    ("tcp" | "http", Value::Number(_)) => {
                        *field = "<port>".into();
                    }
                    _ => normalise(field, http),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
