//! From a value to the bytes that are sent, once: a retry sends the same.

use bytes::Bytes;
use iggy::prelude::{IGGY_MESSAGE_HEADER_SIZE, IggyMessage, MAX_PAYLOAD_SIZE};

use super::outgoing::{Outgoing, Target};
use super::partitioning::{Partitioning, Route};
use super::stamp::Stamp;
use crate::codec::Codec;
use crate::compression::{COMPRESSION_HEADER, Compression};
use crate::encryption::{Encryption, encrypted};
use crate::error::MessagingError;
use crate::headers::{CONTENT_TYPE, Headers};
use crate::readdressed::to_send;

/// A message as it is sent, however often.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) id: u128,
    payload: Bytes,
    headers: Option<Bytes>,
    origin_timestamp: u64,
}

impl Prepared {
    /// As the SDK sends it. Shares the bytes.
    pub(super) fn message(&self) -> IggyMessage {
        to_send(
            self.id,
            self.origin_timestamp,
            self.payload.clone(),
            self.headers.clone(),
        )
    }

    /// What it takes on the wire, in bytes.
    pub(super) fn size(&self) -> usize {
        IGGY_MESSAGE_HEADER_SIZE + self.payload.len() + self.headers.as_ref().map_or(0, Bytes::len)
    }
}

/// How values of one type are prepared.
pub(super) struct Preparation<T> {
    pub(super) codec: Box<dyn Codec<T>>,
    pub(super) partitioning: Partitioning<T>,
    pub(super) compression: Compression,
    pub(super) encryption: Option<Encryption>,
    /// Whether ids are to fit into 64 bits. Over HTTP they travel as numbers of JSON,
    /// and the SDK panics at a longer one (`iggy_common` 0.11.0,
    /// `http/messages/send_messages.rs`).
    has_short_ids: bool,
    /// The headers of a message that has none of its own, as they travel: most have
    /// none, and they are all the same.
    plain_headers: Option<Bytes>,
}

impl<T: 'static> Preparation<T> {
    pub(super) fn new(
        codec: Box<dyn Codec<T>>,
        partitioning: Partitioning<T>,
        compression: Compression,
        encryption: Option<Encryption>,
        has_short_ids: bool,
    ) -> Result<Self, MessagingError> {
        let plain_headers = match codec.content_type() {
            "" => None,
            content_type => Headers::new().with(CONTENT_TYPE, content_type)?.to_wire()?,
        };
        Ok(Self {
            codec,
            partitioning,
            compression,
            encryption,
            has_short_ids,
            plain_headers,
        })
    }

    /// Encodes, compresses and encrypts, and says where it goes.
    pub(super) fn prepare(
        &self,
        outgoing: Outgoing<T>,
        stamp: &mut Stamp,
    ) -> Result<(Prepared, Route), MessagingError> {
        let Outgoing {
            value,
            target,
            headers,
            id,
        } = outgoing;
        let route = match (&target, &self.partitioning) {
            (Some(Target::Key(key)), _) => Route::by_key(key)?,
            (Some(Target::Partition(partition)), _) => Route::Partition(*partition),
            (None, Partitioning::Balanced) => Route::Balanced,
            (None, Partitioning::Partition(partition)) => Route::Partition(*partition),
            (None, Partitioning::Key(of)) => Route::by_key(&of(&value))?,
        };
        let encoded = self.codec.encode(&value)?;
        if encoded.is_empty() {
            return Err(MessagingError::Message {
                reason: "its payload is empty, and the server takes no such message".to_owned(),
            });
        }
        let compressed = self.compression.compress(&encoded);
        let headers = match &compressed {
            None if headers.is_empty() => self.plain_headers.clone(),
            compressed => {
                let mut headers = headers;
                let content_type = self.codec.content_type();
                if !content_type.is_empty() && headers.get(CONTENT_TYPE).is_none() {
                    headers.insert(CONTENT_TYPE, content_type)?;
                }
                if let Some((_, algorithm)) = compressed {
                    headers.insert(COMPRESSION_HEADER, algorithm)?;
                }
                headers.to_wire()?
            }
        };
        let payload = compressed.map_or(encoded, |(payload, _)| payload);
        let headers = encrypted(headers, self.encryption.as_ref())?;
        let payload = match &self.encryption {
            None => payload,
            Some(encryption) => encryption.encrypt(&payload)?,
        };
        if payload.len() > MAX_PAYLOAD_SIZE as usize {
            return Err(MessagingError::Message {
                reason: format!(
                    "its payload has {} bytes, and {MAX_PAYLOAD_SIZE} are the most",
                    payload.len()
                ),
            });
        }
        let prepared = Prepared {
            id: self.id(id, stamp)?,
            payload,
            headers,
            origin_timestamp: stamp.micros,
        };
        Ok((prepared, route))
    }

    fn id(&self, id: Option<u128>, stamp: &mut Stamp) -> Result<u128, MessagingError> {
        match id {
            Some(id) if self.has_short_ids && u64::try_from(id).is_err() => {
                Err(MessagingError::Message {
                    reason: "over HTTP an id has 64 bits at most".to_owned(),
                })
            }
            Some(id) => Ok(id),
            // The random half.
            None if self.has_short_ids => Ok(stamp.id() & u128::from(u64::MAX)),
            None => Ok(stamp.id()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Raw;

    fn preparation(
        compression: Compression,
        encryption: Option<Encryption>,
    ) -> Preparation<Vec<u8>> {
        Preparation::new(
            Box::new(Raw),
            Partitioning::Balanced,
            compression,
            encryption,
            false,
        )
        .unwrap()
    }

    fn prepare<T: 'static>(
        preparation: &Preparation<T>,
        outgoing: Outgoing<T>,
    ) -> Result<(Prepared, Route), MessagingError> {
        preparation.prepare(outgoing, &mut Stamp::now())
    }

    #[test]
    fn every_attempt_sends_the_same() {
        let encryption = Encryption::aes_256_gcm(&[7; 32]).unwrap();
        let preparation = preparation(Compression::Lz4, Some(encryption));
        let (prepared, _) = prepare(&preparation, vec![0; 1000].into()).unwrap();
        assert_eq!(prepared.message(), prepared.message());
        assert_ne!(prepared.id, 0);
        let (other, _) = prepare(&preparation, vec![0; 1000].into()).unwrap();
        assert_ne!(other.id, prepared.id);
        assert_ne!(other.payload, prepared.payload, "each has its own nonce");
    }

    #[test]
    fn the_content_type_travels_unless_the_message_has_one() {
        let preparation = preparation(Compression::None, None);
        let headers_of = |outgoing: Outgoing<Vec<u8>>| {
            let (prepared, _) = prepare(&preparation, outgoing).unwrap();
            Headers::from_wire(prepared.headers.unwrap()).unwrap()
        };
        let plain = headers_of(vec![1].into());
        assert_eq!(plain.text(CONTENT_TYPE), Some("application/octet-stream"));
        let own = Headers::new().with(CONTENT_TYPE, "image/png").unwrap();
        let named = headers_of(Outgoing::new(vec![1]).headers(own));
        assert_eq!(named.text(CONTENT_TYPE), Some("image/png"));
    }

    #[test]
    fn without_a_content_type_there_is_no_header() {
        let preparation = Preparation::new(
            Box::new(crate::codec::Untyped),
            Partitioning::Balanced,
            Compression::Lz4,
            None,
            false,
        )
        .unwrap();
        let headers_of =
            |outgoing: Outgoing<Bytes>| prepare(&preparation, outgoing).unwrap().0.headers;
        assert_eq!(headers_of(Bytes::from_static(b"short").into()), None);
        let own = Headers::new().with("tenant", "acme").unwrap();
        let named = headers_of(Outgoing::new(Bytes::from(vec![0; 1000])).headers(own));
        let named = Headers::from_wire(named.unwrap()).unwrap();
        assert_eq!(named.len(), 2, "its own, and how it is compressed");
    }

    #[test]
    fn ids_are_short_where_they_have_to_be() {
        let mut preparation = preparation(Compression::None, None);
        let id_of = |preparation: &Preparation<Vec<u8>>, outgoing: Outgoing<Vec<u8>>| {
            prepare(preparation, outgoing).map(|(prepared, _)| prepared.id)
        };
        let long = || Outgoing::new(vec![1]).id(1 << 100);
        assert_eq!(id_of(&preparation, long()).unwrap(), 1 << 100);
        preparation.has_short_ids = true;
        assert!(id_of(&preparation, long()).is_err());
        let first = id_of(&preparation, vec![1].into()).unwrap();
        let second = id_of(&preparation, vec![1].into()).unwrap();
        assert!(first <= u128::from(u64::MAX) && first != second);
    }

    #[test]
    fn what_the_server_would_refuse_is_refused_at_once() {
        let preparation = preparation(Compression::None, None);
        assert!(prepare(&preparation, Vec::new().into()).is_err());
        let too_big = vec![1; MAX_PAYLOAD_SIZE as usize + 1];
        assert!(prepare(&preparation, too_big.into()).is_err());
        assert!(prepare(&preparation, Outgoing::new(vec![1]).key("")).is_err());
    }
}
