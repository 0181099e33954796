//! What a scenario says when it does not pass: never a panic.

use std::fmt::{Debug, Display};

/// Why a scenario did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Something was not as expected.
    Failed(Failure),
    /// It cannot be run here, for this reason.
    Skipped(String),
}

/// Something was not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What was being done.
    pub(crate) step: String,
    /// What should have been.
    pub(crate) expected: String,
    /// What was.
    pub(crate) found: String,
}

impl Failure {
    pub(crate) fn new(
        step: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self {
            step: step.into(),
            expected: expected.into(),
            found: found.into(),
        }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Names what was being done when something fails.
pub(crate) trait Step<T> {
    /// Fails with this step when there is an error.
    fn step(self, step: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E: Display> Step<T> for Result<T, E> {
    fn step(self, step: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(step, "that it succeeds", error.to_string()))
    }
}

/// Fails unless both are the same.
pub(crate) fn expect_equal<T: PartialEq + Debug>(
    step: impl Into<String>,
    expected: &T,
    found: &T,
) -> Result<(), Failure> {
    if expected == found {
        return Ok(());
    }
    Err(Failure::new(
        step,
        format!("{expected:?}"),
        format!("{found:?}"),
    ))
}
