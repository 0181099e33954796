/// Why a sink did not do what it was asked. Never says what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// Reading or writing failed.
    #[error("cannot {operation} {place}: {reason}")]
    Failed {
        /// What was tried, such as `write`.
        operation: &'static str,
        /// A path, or a key of a Secret.
        place: String,
        /// The reason of the system.
        reason: String,
    },
    /// Something is there that iggyctl did not write.
    #[error("{place} holds something that iggyctl did not write, and is not overwritten")]
    Foreign {
        /// A path, or a key of a Secret.
        place: String,
    },
    /// There is no such sink here, such as a cluster on the command line.
    #[error("{0}")]
    Unavailable(String),
}
