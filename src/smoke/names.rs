//! Names of what a run makes: all of them begin with the reserved
//! `iggyctl-smoke-<run>`, so that the next run knows what it may remove.

use std::fmt;

use iggyctl_core::name::ResourceName;

/// How the names of all runs begin.
const PREFIX: &str = "iggyctl-smoke-";
/// Hexadecimal digits of a run.
const DIGITS: usize = 8;

/// One run, by a number that no other has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RunId(String);

impl RunId {
    /// A new one.
    pub(crate) fn random() -> Self {
        // The end of such an id is random, its beginning is the time.
        let id = uuid::Uuid::now_v7().simple().to_string();
        Self(id[id.len() - DIGITS..].to_owned())
    }

    /// The run that a name belongs to, if it belongs to one.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let rest = name.strip_prefix(PREFIX)?;
        let (digits, rest) = rest.split_at_checked(DIGITS)?;
        let is_run = digits
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (is_run && (rest.is_empty() || rest.starts_with('-'))).then(|| Self(digits.to_owned()))
    }

    /// The stream that says that the run is alive.
    pub(crate) fn lease(&self) -> String {
        format!("{PREFIX}{}", self.0)
    }

    /// A stream or a user of the run. Users have at most 50 bytes, of which 23 are
    /// taken.
    pub(crate) fn name(&self, of: &str) -> String {
        let of = of.replace('/', "-");
        format!("{PREFIX}{}-{of}", self.0)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A name that was made by [`RunId`] or is a constant of 1 to 255 bytes.
pub(crate) fn resource(name: &str) -> Result<ResourceName, super::failure::Failure> {
    use super::failure::Step as _;
    name.parse().step(format!("name it `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_belongs_to_its_run_and_to_nobody_else() {
        let run = RunId::random();
        for name in [run.lease(), run.name("message-headers/plain")] {
            assert_eq!(RunId::of(&name), Some(run.clone()), "{name}");
        }
        assert!(
            run.name("message-headers/plain")
                .ends_with("-message-headers-plain")
        );
        for name in [
            "orders",
            "iggyctl-smoke-",
            "iggyctl-smoke-12345",
            "iggyctl-smoke-1234567g",
            "iggyctl-smoke-123456789",
            "iggyctl-smoke-12345678x",
            "iggyctl-smoke-1234567é",
        ] {
            assert_eq!(RunId::of(name), None, "{name}");
        }
        assert_ne!(RunId::random(), RunId::random());
    }
}
