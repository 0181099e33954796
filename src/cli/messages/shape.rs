//! What a message looks like on standard output.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use iggyctl_core::render::escape;
use iggyctl_messaging::{Headers, Message};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// How to print messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Shape {
    /// The payload and the end of a line; on a terminal, control characters are made visible.
    #[default]
    Text,
    /// An object in one line: place, id, times, headers and payload.
    Json,
    /// The bytes of the payload and nothing else, also not between messages.
    Raw,
    /// The payload in hexadecimal digits, one line each.
    Hex,
}

/// What `-o json` prints of a message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    partition: u32,
    offset: u64,
    /// As a text: it has up to 128 bits.
    id: String,
    /// When the server got it.
    timestamp: String,
    /// When its producer made it.
    origin_timestamp: String,
    headers: Map<String, Value>,
    /// Of a payload that is UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    /// Of one that is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
}

impl Shape {
    /// Adds a message to a page.
    pub(super) fn add(
        self,
        message: &Message<Bytes>,
        is_terminal: bool,
        page: &mut Vec<u8>,
    ) -> Result<(), serde_json::Error> {
        let payload = &message.payload;
        match self {
            Self::Raw => {
                page.extend_from_slice(payload);
                return Ok(());
            }
            Self::Text if is_terminal => page.extend_from_slice(visible(payload).as_bytes()),
            Self::Text => page.extend_from_slice(payload),
            Self::Hex => page.extend(payload.iter().flat_map(|byte| hexadecimal(*byte))),
            Self::Json => {
                let text = std::str::from_utf8(payload).ok();
                let line = Line {
                    partition: message.partition,
                    offset: message.offset,
                    id: message.id.to_string(),
                    timestamp: time(message.timestamp),
                    origin_timestamp: time(message.origin_timestamp),
                    headers: headers(&message.headers),
                    payload: text,
                    payload_base64: text.is_none().then(|| BASE64.encode(payload)),
                };
                serde_json::to_writer(&mut *page, &line)?;
            }
        }
        page.push(b'\n');
        Ok(())
    }
}

/// A payload for a terminal: nothing in it moves the cursor, and its lines stay lines.
fn visible(payload: &[u8]) -> String {
    String::from_utf8_lossy(payload)
        .split('\n')
        .map(escape)
        .collect::<Vec<_>>()
        .join("\n")
}

fn hexadecimal(byte: u8) -> [u8; 2] {
    let digits = b"0123456789abcdef";
    [
        digits[usize::from(byte >> 4)],
        digits[usize::from(byte & 15)],
    ]
}

/// A moment in microseconds since the Unix epoch.
pub(super) fn time(micros: u64) -> String {
    i64::try_from(micros)
        .ok()
        .and_then(|micros| Timestamp::from_microsecond(micros).ok())
        .map_or_else(|| micros.to_string(), |time| time.to_string())
}

/// Each with its kind, so that it can be sent again as it was.
pub(super) fn headers(headers: &Headers) -> Map<String, Value> {
    headers
        .iter()
        .map(|(name, header)| {
            let kind = header.kind().to_string();
            let text = header.to_string_value();
            let value = match kind.as_str() {
                "raw" => Value::String(BASE64.encode(header.as_bytes())),
                "string" => Value::String(text),
                // More digits than a number of JSON keeps everywhere.
                "int128" | "uint128" => Value::String(text),
                // A number that is none, such as infinity, stays a text.
                _ => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            };
            (
                name.to_string_value(),
                json!({ "kind": kind, "value": value }),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_keep_their_kinds() {
        let mut all = Headers::new();
        for (name, kind, text) in [
            ("a", "string", "5"),
            ("b", "uint64", "18446744073709551615"),
            ("c", "bool", "true"),
            ("d", "raw", "hello"),
            ("e", "float64", "0.5"),
            ("f", "int128", "-5"),
            ("g", "float32", "inf"),
        ] {
            all.insert_as(name, kind, text).unwrap();
        }
        assert_eq!(
            serde_json::to_string(&headers(&all)).unwrap(),
            r#"{"a":{"kind":"string","value":"5"},"b":{"kind":"uint64","value":18446744073709551615},"c":{"kind":"bool","value":true},"d":{"kind":"raw","value":"aGVsbG8="},"e":{"kind":"float64","value":0.5},"f":{"kind":"int128","value":"-5"},"g":{"kind":"float32","value":"inf"}}"#
        );
    }

    #[test]
    fn nothing_in_a_payload_moves_the_cursor() {
        assert_eq!(visible(b"a\x1b[2Jb\nc\xff"), "a\\u{1b}[2Jb\nc\u{fffd}");
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(time(1_769_860_800_000_001), "2026-01-31T12:00:00.000001Z");
        assert_eq!(time(u64::MAX), u64::MAX.to_string());
    }
}
