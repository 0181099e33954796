//! From the SDK's error codes to what they mean for a caller.

use iggy::prelude::IggyError;
use iggyctl_core::address::Address;

use crate::broker::{BrokerError, BrokerErrorKind, Operation};

pub(super) fn broker_error(
    error: &IggyError,
    operation: Operation,
    address: Option<Address>,
) -> BrokerError {
    BrokerError {
        kind: kind(error),
        code: Some(error.as_code()),
        operation,
        address,
    }
}

/// The SDK's text of an error without the arguments, which come back empty from
/// the wire: `too many topics` for `TooManyTopics`.
pub(super) fn words(error: &IggyError) -> String {
    let name: &'static str = error.into();
    name.replace('_', " ")
}

fn kind(error: &IggyError) -> BrokerErrorKind {
    match error {
        IggyError::ResourceNotFound(_)
        | IggyError::StreamIdNotFound(_)
        | IggyError::StreamNameNotFound(_)
        | IggyError::TopicIdNotFound(..)
        | IggyError::TopicNameNotFound(..)
        | IggyError::PartitionNotFound(..)
        | IggyError::ConsumerGroupIdNotFound(..)
        | IggyError::ConsumerGroupNameNotFound(..) => BrokerErrorKind::NotFound,
        IggyError::StreamNameAlreadyExists(_)
        | IggyError::TopicNameAlreadyExists(..)
        | IggyError::ConsumerGroupNameAlreadyExists(..)
        | IggyError::UserAlreadyExists
        | IggyError::PersonalAccessTokenAlreadyExists(..) => BrokerErrorKind::AlreadyExists,
        IggyError::Unauthorized => BrokerErrorKind::Unauthorized,
        // Refused by the client or the server before anything was admitted
        // (`iggy` 0.11.0, tcp_client.rs: these two are raised before a frame is
        // written, or by the server instead of running the request).
        IggyError::NotConnected | IggyError::Unauthenticated => BrokerErrorKind::Unreachable {
            reason: words(error),
        },
        // A reconnect that failed also ends in CannotEstablishConnection, after
        // the request may have been written: unknown, like a lost reply.
        IggyError::Disconnected
        | IggyError::CannotEstablishConnection
        | IggyError::StaleClient
        | IggyError::TcpError
        | IggyError::QuicError
        | IggyError::TransientNotCommitted
        | IggyError::TransientNotAccepted
        | IggyError::RequestAlreadyApplied
        | IggyError::ClientShutdown
        | IggyError::ConnectionClosed
        | IggyError::InvalidBytesResponse
        | IggyError::EmptyResponse
        | IggyError::InvalidSession(_)
        | IggyError::WebSocketError
        | IggyError::WebSocketConnectionError
        | IggyError::WebSocketCloseError
        | IggyError::WebSocketReceiveError
        | IggyError::WebSocketSendError => BrokerErrorKind::OutcomeUnknown {
            reason: words(error),
        },
        other => BrokerErrorKind::Refused {
            reason: words(other),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_from_the_wire_gets_its_meaning() {
        let kind_of = |code: u32| kind(&IggyError::from_code(code));
        assert_eq!(kind_of(1009), BrokerErrorKind::NotFound);
        assert_eq!(kind_of(2013), BrokerErrorKind::AlreadyExists);
        assert_eq!(kind_of(5004), BrokerErrorKind::AlreadyExists);
        assert_eq!(kind_of(46), BrokerErrorKind::AlreadyExists);
        assert_eq!(kind_of(51), BrokerErrorKind::AlreadyExists);
        assert_eq!(kind_of(20), BrokerErrorKind::NotFound);
        assert_eq!(kind_of(41), BrokerErrorKind::Unauthorized);
        for unknown in [8, 30, 57, 58, 304] {
            assert!(
                matches!(kind_of(unknown), BrokerErrorKind::OutcomeUnknown { .. }),
                "{unknown}"
            );
        }
        assert_eq!(
            kind_of(4041),
            BrokerErrorKind::Refused {
                reason: "unsupported option key".to_owned()
            }
        );
    }
}
