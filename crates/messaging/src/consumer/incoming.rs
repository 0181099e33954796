//! From the bytes that were sent to a value.

use bytes::Bytes;
use iggy::prelude::IggyMessage;

use crate::codec::Codec;
use crate::compression::{COMPRESSION_HEADER, decompress};
use crate::encryption::Encryption;
use crate::error::MessagingError;
use crate::headers::Headers;

/// Undoes what a producer does to values of one type.
pub(crate) struct Opening<T> {
    pub(crate) codec: Box<dyn Codec<T>>,
    pub(crate) encryption: Option<Encryption>,
}

impl<T: 'static> Opening<T> {
    /// Decrypts, decompresses and decodes.
    pub(crate) fn open(&self, message: &IggyMessage) -> Result<(T, Headers), MessagingError> {
        let headers = headers_of(message, self.encryption.as_ref())?;
        let decrypted: Bytes;
        let mut payload = &message.payload;
        if let Some(encryption) = &self.encryption {
            decrypted = encryption.decrypt(payload)?;
            payload = &decrypted;
        }
        let decompressed: Bytes;
        if let Some(algorithm) = headers.text(COMPRESSION_HEADER) {
            decompressed = decompress(algorithm, payload)?;
            payload = &decompressed;
        }
        Ok((self.codec.decode(payload)?, headers))
    }
}

/// The headers, in clear.
pub(crate) fn headers_of(
    message: &IggyMessage,
    encryption: Option<&Encryption>,
) -> Result<Headers, MessagingError> {
    let Some(bytes) = message.user_headers.as_ref().filter(|it| !it.is_empty()) else {
        return Ok(Headers::new());
    };
    let bytes = match encryption {
        None => bytes.clone(),
        Some(encryption) => encryption.decrypt(bytes)?,
    };
    Headers::from_wire(bytes).map_err(|_| MessagingError::Headers)
}
