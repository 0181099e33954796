use bytes::Bytes;

use crate::headers::Headers;

/// A value on its way out, with what belongs to it. Any value is one without more.
///
/// ```
/// use iggyctl_messaging::{Headers, Outgoing};
///
/// let message = Outgoing::new("payload")
///     .key("BTCUSDT")
///     .headers(Headers::new().with("tenant", "acme")?);
/// # Ok::<(), iggyctl_messaging::MessagingError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing<T> {
    pub(super) value: T,
    pub(super) target: Option<Target>,
    pub(super) headers: Headers,
    pub(super) id: Option<u128>,
}

/// Where one message goes, instead of where its producer sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Key(Bytes),
    Partition(u32),
}

impl<T> Outgoing<T> {
    /// A value with nothing beside it.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self {
            value,
            target: None,
            headers: Headers::new(),
            id: None,
        }
    }

    /// Sends it to the partition of this key, 1 to 255 bytes.
    #[must_use]
    pub fn key(mut self, key: impl Into<Bytes>) -> Self {
        self.target = Some(Target::Key(key.into()));
        self
    }

    /// Sends it to this partition.
    #[must_use]
    pub fn partition(mut self, partition: u32) -> Self {
        self.target = Some(Target::Partition(partition));
        self
    }

    /// Its headers, beside those that the producer adds (`content-type`, and
    /// `iggy-compression` where it applies). A `content-type` in here stays.
    #[must_use]
    pub fn headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }

    /// Its id; default a new UUID of version 7, and over HTTP, where ids have 64 bits,
    /// its random half. 0 is none. It stays the same through all retries, so that a
    /// repetition can be recognised.
    #[must_use]
    pub fn id(mut self, id: u128) -> Self {
        self.id = Some(id).filter(|id| *id != 0);
        self
    }
}

impl<T> From<T> for Outgoing<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}
