use iggyctl_core::secret::Secret;
use iggyctl_core::state::desired_token::TokenDestination;
use iggyctl_core::state::observed_token::SinkContent;

use super::{Beginning, Delivery, SinkError, TokenSinks};

/// For whoever has no tokens to deliver: every sink is unavailable.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSinks;

const REASON: &str = "values of tokens are not delivered here";

fn unavailable<T>() -> Result<T, SinkError> {
    Err(SinkError::Unavailable(REASON.to_owned()))
}

impl TokenSinks for NoSinks {
    async fn read(&self, _: &TokenDestination) -> SinkContent {
        SinkContent::Unreadable {
            reason: REASON.to_owned(),
        }
    }

    async fn value(&self, _: &TokenDestination) -> Result<Option<Secret>, SinkError> {
        unavailable()
    }

    async fn begin(&self, _: &TokenDestination, _: &Beginning<'_>) -> Result<(), SinkError> {
        unavailable()
    }

    async fn deliver(&self, _: &TokenDestination, _: &Delivery<'_>) -> Result<(), SinkError> {
        unavailable()
    }

    async fn finish(&self, _: &TokenDestination) -> Result<(), SinkError> {
        unavailable()
    }
}
