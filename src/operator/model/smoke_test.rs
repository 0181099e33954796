use std::sync::Arc;

use iggyctl_core::api::v1alpha1::IggySmokeTestSpec;

use super::Object;
use crate::operator::resources::status::SmokeTestStatus;

/// An `IggySmokeTest`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SmokeTest {
    pub(crate) object: Object,
    /// The spec, or why it means nothing.
    pub(crate) spec: Arc<Result<IggySmokeTestSpec, String>>,
    pub(crate) status: SmokeTestStatus,
}
