use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::setting::Setting;
use crate::address::Address;
use crate::name::ResourceName;

/// Fingerprint (SHA-256, hexadecimal) of everything on the server that a
/// comparison depended on: which names exist, which incarnation has them, the
/// partitions and the settings that are declared. Counters of messages and
/// bytes are not in it, and neither is what nobody declares.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Basis(String);

impl fmt::Display for Basis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What was found for a name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found<'a> {
    Missing,
    Unreadable,
    There {
        name: &'a ResourceName,
        id: u32,
        created_at_micros: u64,
    },
}

/// Collects what a comparison looks at. Every text goes in with its length and
/// every record with its tag, so that no two observations spell the same bytes.
pub(super) struct BasisRecorder {
    hasher: Sha256,
}

impl BasisRecorder {
    pub(super) fn new() -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"iggyctl basis 1");
        Self { hasher }
    }

    pub(super) fn found(&mut self, address: &Address, found: Found<'_>) {
        self.text(b'a', address.kind());
        self.text(b'n', address.stream().as_str());
        if let Some(topic) = address.topic() {
            self.text(b'n', topic.as_str());
        }
        if let Address::ConsumerGroup(_, _, group) = address {
            self.text(b'n', group.as_str());
        }
        match found {
            Found::Missing => self.hasher.update(b"-"),
            Found::Unreadable => self.hasher.update(b"?"),
            Found::There {
                name,
                id,
                created_at_micros,
            } => {
                self.text(b'+', name.as_str());
                self.number(b'i', u64::from(id));
                self.number(b'c', created_at_micros);
            }
        }
    }

    pub(super) fn partitions(&mut self, count: u32) {
        self.number(b'p', u64::from(count));
    }

    pub(super) fn setting(&mut self, setting: Setting) {
        self.text(b's', setting.name());
        self.number(b'=', setting.canonical());
    }

    pub(super) fn unknown_setting(&mut self, name: &str) {
        self.text(b'u', name);
    }

    pub(super) fn finish(self) -> Basis {
        let mut text = String::with_capacity(64);
        for byte in self.hasher.finalize() {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
        }
        Basis(text)
    }

    fn text(&mut self, tag: u8, text: &str) {
        self.number(tag, text.len() as u64);
        self.hasher.update(text.as_bytes());
    }

    fn number(&mut self, tag: u8, number: u64) {
        self.hasher.update([tag]);
        self.hasher.update(number.to_be_bytes());
    }
}
