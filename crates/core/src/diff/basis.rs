use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::setting::Setting;
use crate::access::Scope;
use crate::address::Address;
use crate::name::ResourceName;
use crate::state::observed_access::ObservedUser;
use crate::state::observed_token::ObservedToken;

/// Fingerprint (SHA-256, hexadecimal) of everything on the server that a
/// comparison depended on: which names exist, which incarnation has them, the
/// partitions and the settings that are declared. Counters of messages and
/// bytes are not in it, and neither is what nobody declares.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
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
    /// What is not hashed yet: a topic takes a dozen pieces of a few bytes, and
    /// the hash of a piece costs as much as that of a block.
    pending: Vec<u8>,
}

/// How much is collected before it is hashed, in bytes.
const BLOCK: usize = 4096;

impl BasisRecorder {
    pub(super) fn new() -> Self {
        let mut recorder = Self {
            hasher: Sha256::new(),
            pending: Vec::with_capacity(BLOCK + 512),
        };
        recorder.bytes(b"iggyctl basis 1");
        recorder
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= BLOCK {
            self.hasher.update(&self.pending);
            self.pending.clear();
        }
    }

    pub(super) fn found(&mut self, address: &Address, found: Found<'_>) {
        self.text(b'a', address.kind());
        let names: [Option<&ResourceName>; 3] = match address {
            Address::Stream(name) | Address::User(name) => [Some(name), None, None],
            Address::Topic(parent, name) | Address::Token(parent, name) => {
                [Some(parent), Some(name), None]
            }
            Address::ConsumerGroup(stream, topic, group) => {
                [Some(stream), Some(topic), Some(group)]
            }
        };
        for name in names.into_iter().flatten() {
            self.text(b'n', name.as_str());
        }
        match found {
            Found::Missing => self.bytes(b"-"),
            Found::Unreadable => self.bytes(b"?"),
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

    /// What a user may do, by the ids that the server keeps.
    pub(super) fn user(&mut self, user: &ObservedUser) {
        let ObservedUser {
            id: _,
            created_at_micros: _,
            status,
            grants,
            password: _,
            tokens: _,
        } = user;
        self.text(b'U', status.as_str());
        for line in grants.lines() {
            match line.scope {
                Scope::Server => self.number(b'S', 0),
                Scope::Stream(stream) => self.number(b'S', 1 + u64::from(*stream)),
                Scope::Topic(stream, topic) => {
                    self.number(b'S', 1 + u64::from(*stream));
                    self.number(b'T', u64::from(*topic));
                }
            }
            for word in line.words {
                self.text(b'w', word);
            }
        }
    }

    /// The two tokens of the server that a declared one can be.
    pub(super) fn token(&mut self, address: &Address, slots: [Option<ObservedToken>; 2]) {
        self.text(b'k', &address.to_string());
        for slot in slots {
            match slot {
                None => self.bytes(b"-"),
                Some(token) => self.number(b'e', token.expires_at_micros.unwrap_or(u64::MAX)),
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

    pub(super) fn finish(mut self) -> Basis {
        self.hasher.update(&self.pending);
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
        self.bytes(text.as_bytes());
    }

    fn number(&mut self, tag: u8, number: u64) {
        self.bytes(&[tag]);
        self.bytes(&number.to_be_bytes());
    }
}
