//! Payloads and headers that the server cannot read.

use std::fmt;

use bytes::Bytes;
use iggy::prelude::{Aes256GcmEncryptor, EncryptorKind};
use iggyctl_core::secret::Secret;

/// The nonce in front of what was encrypted (`iggy_common` 0.11.0,
/// `utils/crypto.rs`).
const NONCE_BYTES: usize = 12;

/// AES-256-GCM in the client, as the SDK's clients do it: any of them with the same
/// key reads the messages. Payload and headers are encrypted each with a nonce of
/// its own; what the server needs (ids, sizes, partitions) is not.
#[derive(Clone)]
pub struct Encryption(EncryptorKind);

/// Why something cannot be encrypted or decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncryptionError {
    /// Not a key.
    #[error("a key for AES-256-GCM has 32 bytes")]
    Key,
    /// It cannot be encrypted.
    #[error("a payload cannot be encrypted")]
    Encrypt,
    /// Another key, no encryption, or damaged.
    #[error("a payload cannot be decrypted: it has another key, is not encrypted, or is damaged")]
    Decrypt,
}

impl Encryption {
    /// With a key of 32 bytes.
    ///
    /// # Errors
    /// Another number of bytes.
    pub fn aes_256_gcm(key: &[u8]) -> Result<Self, EncryptionError> {
        let encryptor = Aes256GcmEncryptor::new(key).map_err(|_| EncryptionError::Key)?;
        Ok(Self(EncryptorKind::Aes256Gcm(encryptor)))
    }

    /// With a key of 32 bytes in base64, as the SDK and its samples take it.
    ///
    /// # Errors
    /// A text that is not base64, or of another number of bytes.
    pub fn aes_256_gcm_base64(key: &Secret) -> Result<Self, EncryptionError> {
        let encryptor =
            Aes256GcmEncryptor::from_base64_key(key.expose()).map_err(|_| EncryptionError::Key)?;
        Ok(Self(EncryptorKind::Aes256Gcm(encryptor)))
    }

    /// Encrypts a payload, or headers as they travel.
    ///
    /// # Errors
    /// When there is no randomness for a nonce.
    pub fn encrypt(&self, plain: &[u8]) -> Result<Bytes, EncryptionError> {
        let encrypted = self
            .0
            .encrypt(plain)
            .map_err(|_| EncryptionError::Encrypt)?;
        Ok(Bytes::from(encrypted))
    }

    /// Decrypts what [`encrypt`](Self::encrypt) or a client of the SDK encrypted.
    ///
    /// # Errors
    /// Another key, no encryption, or damaged.
    pub fn decrypt(&self, encrypted: &[u8]) -> Result<Bytes, EncryptionError> {
        // The SDK would panic.
        if encrypted.len() < NONCE_BYTES {
            return Err(EncryptionError::Decrypt);
        }
        let plain = self
            .0
            .decrypt(encrypted)
            .map_err(|_| EncryptionError::Decrypt)?;
        Ok(Bytes::from(plain))
    }
}

/// Headers as they travel, encrypted where that is wanted.
pub(crate) fn encrypted(
    headers: Option<Bytes>,
    encryption: Option<&Encryption>,
) -> Result<Option<Bytes>, EncryptionError> {
    match (headers, encryption) {
        (Some(headers), Some(encryption)) => encryption.encrypt(&headers).map(Some),
        (headers, _) => Ok(headers),
    }
}

impl fmt::Debug for Encryption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Encryption(AES-256-GCM)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encrypted_comes_back_with_the_same_key_only() {
        let encryption = Encryption::aes_256_gcm(&[1; 32]).unwrap();
        let encrypted = encryption.encrypt(b"hello").unwrap();
        assert_ne!(encrypted.as_ref(), b"hello");
        assert_eq!(encryption.decrypt(&encrypted).unwrap().as_ref(), b"hello");
        let other = Encryption::aes_256_gcm(&[2; 32]).unwrap();
        assert_eq!(other.decrypt(&encrypted), Err(EncryptionError::Decrypt));
        assert_eq!(encryption.decrypt(b"short"), Err(EncryptionError::Decrypt));
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        assert_eq!(
            Encryption::aes_256_gcm(&[1; 16]).unwrap_err(),
            EncryptionError::Key
        );
        let key = Secret::new("AQEB");
        assert!(Encryption::aes_256_gcm_base64(&key).is_err());
    }
}
