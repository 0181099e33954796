//! Whether messages are the same as those of another time, without keeping them.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::input::Draft;

/// Of messages in their order: SHA-256 of the one before and the next message, so that
/// it goes on with each, and nothing but it has to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// And then this one.
    pub(super) fn then(self, message: &Draft) -> Self {
        let Draft { key, payload } = message;
        let key = key.as_deref();
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        // With lengths, so that no two messages spell the same bytes.
        hasher.update([u8::from(key.is_some())]);
        for part in [key.unwrap_or_default(), payload] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        let digits = fingerprint.0.iter().map(|byte| format!("{byte:02x}"));
        digits.collect()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const WRONG: &str = "a fingerprint has 64 hexadecimal digits";
        let mut bytes = [0; 32];
        if text.len() != 2 * bytes.len() || !text.bytes().all(|it| it.is_ascii_hexdigit()) {
            return Err(WRONG);
        }
        for (byte, at) in bytes.iter_mut().zip((0..text.len()).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| WRONG)?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn of(messages: &[(Option<&'static str>, &'static str)]) -> Fingerprint {
        let drafts = messages.iter().map(|(key, payload)| Draft {
            key: key.map(Bytes::from),
            payload: Bytes::from(*payload),
        });
        drafts.fold(Fingerprint::default(), |all, draft| all.then(&draft))
    }

    #[test]
    fn other_messages_have_another_one() {
        let all = [
            of(&[]),
            of(&[(None, "ab"), (None, "c")]),
            of(&[(None, "a"), (None, "bc")]),
            of(&[(None, "c"), (None, "ab")]),
            of(&[(None, "abc")]),
            of(&[(Some("a"), "bc")]),
            of(&[(Some("ab"), "c")]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(one), "{at}");
        }
        assert_eq!(of(&[(None, "ab"), (None, "c")]), all[1]);
    }

    #[test]
    fn it_is_written_in_digits_and_read_again() {
        let one = of(&[(Some("k"), "v")]);
        let text = serde_json::to_string(&one).unwrap();
        assert_eq!(text.len(), 66);
        assert_eq!(serde_json::from_str::<Fingerprint>(&text).unwrap(), one);
        for wrong in ["\"\"", "\"0g\"", &format!("\"{}\"", "é".repeat(32))] {
            assert!(serde_json::from_str::<Fingerprint>(wrong).is_err());
        }
    }
}
