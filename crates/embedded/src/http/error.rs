//! Why a request over HTTP is refused, as a client sees it.

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use iggy_common::{Identifier, IggyError};
use serde::Serialize;

use crate::rules::{Refused, Rejection};

/// Why a request is refused.
#[derive(Debug)]
pub(super) enum HttpError {
    Refused(IggyError),
    /// What was asked for is not there; the real server has no code for it over HTTP.
    NotFound,
    /// The connection is to end without any answer.
    HangUp,
}

/// Goes with a response that must never be sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unsent;

/// The body of every refusal.
#[derive(Debug, Serialize)]
struct Body {
    id: u32,
    code: &'static str,
    reason: String,
    field: Option<&'static str>,
}

/// When to try again what could not be done for the moment.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

impl From<IggyError> for HttpError {
    fn from(error: IggyError) -> Self {
        Self::Refused(error)
    }
}

impl From<Rejection> for HttpError {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(IggyError::from_code(rejection.code()))
    }
}

impl From<Refused> for HttpError {
    fn from(refused: Refused) -> Self {
        let (Refused::Early(rejection) | Refused::Committed(rejection)) = refused;
        rejection.into()
    }
}

impl HttpError {
    /// The same with the names that it is about, where the real server gives them.
    pub(super) fn about(self, stream: &str, topic: &str) -> Self {
        match (self, ids(stream, topic)) {
            (Self::Refused(IggyError::StreamIdNotFound(_)), Some((stream, _))) => {
                IggyError::StreamIdNotFound(stream).into()
            }
            (Self::Refused(IggyError::TopicIdNotFound(..)), Some((stream, topic))) => {
                IggyError::TopicIdNotFound(topic, stream).into()
            }
            (error, _) => error,
        }
    }
}

/// The identifiers of a path, as an error takes them.
pub(super) fn ids(stream: &str, topic: &str) -> Option<(Identifier, Identifier)> {
    let id = |text| Identifier::from_str_value(text).ok();
    Some((id(stream)?, id(topic)?))
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(error) => refused(&error),
            Self::NotFound => {
                let body = Body {
                    id: u32::from(StatusCode::NOT_FOUND.as_u16()),
                    code: "not_found",
                    reason: "Resource not found".to_owned(),
                    field: None,
                };
                (StatusCode::NOT_FOUND, Json(body)).into_response()
            }
            Self::HangUp => {
                let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
                response.extensions_mut().insert(Unsent);
                response
            }
        }
    }
}

fn refused(error: &IggyError) -> Response {
    let status = status_of(error);
    let body = Body {
        id: error.as_code(),
        code: error.as_string(),
        reason: error.to_string(),
        field: field_of(error),
    };
    let mut response = (status, Json(body)).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    }
    response
}

/// As on the real server: most refusals are 400, a wrong password too.
fn status_of(error: &IggyError) -> StatusCode {
    match error {
        IggyError::ResourceNotFound(_)
        | IggyError::StreamIdNotFound(_)
        | IggyError::TopicIdNotFound(..)
        | IggyError::PartitionNotFound(..)
        | IggyError::SegmentNotFound
        | IggyError::ClientNotFound(_)
        | IggyError::ConsumerGroupIdNotFound(..)
        | IggyError::ConsumerGroupNameNotFound(..)
        | IggyError::ConsumerGroupMemberNotFound(..)
        | IggyError::ConsumerOffsetNotFound(_) => StatusCode::NOT_FOUND,
        IggyError::Unauthenticated
        | IggyError::AccessTokenMissing
        | IggyError::InvalidAccessToken
        | IggyError::InvalidPersonalAccessToken => StatusCode::UNAUTHORIZED,
        IggyError::Unauthorized => StatusCode::FORBIDDEN,
        IggyError::TransientNotCommitted | IggyError::TransientNotAccepted => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::BAD_REQUEST,
    }
}

/// The part of the request that a refusal is about.
fn field_of(error: &IggyError) -> Option<&'static str> {
    match error {
        IggyError::StreamIdNotFound(_) | IggyError::InvalidStreamId => Some("stream_id"),
        IggyError::TopicIdNotFound(..) | IggyError::InvalidTopicId => Some("topic_id"),
        IggyError::PartitionNotFound(..) => Some("partition_id"),
        IggyError::SegmentNotFound => Some("segment_id"),
        IggyError::ClientNotFound(_) => Some("client_id"),
        IggyError::InvalidStreamName
        | IggyError::StreamNameAlreadyExists(_)
        | IggyError::InvalidTopicName
        | IggyError::TopicNameAlreadyExists(..)
        | IggyError::ConsumerGroupNameAlreadyExists(..)
        | IggyError::PersonalAccessTokenAlreadyExists(..) => Some("name"),
        IggyError::InvalidOffset(_) => Some("offset"),
        IggyError::InvalidConsumerGroupId => Some("consumer_group_id"),
        IggyError::UserAlreadyExists => Some("username"),
        _ => None,
    }
}
