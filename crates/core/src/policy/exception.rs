use jiff::civil::Date;

use crate::address::AddressPattern;
use crate::api::v1alpha1::PolicyException;
use crate::diagnostic::{Code, Diagnostic, Origin};

/// Who need not hold a rule, and until when.
#[derive(Debug, Clone)]
pub(super) struct Exception {
    pattern: AddressPattern,
    until: Date,
    reason: String,
}

/// What exceptions say of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Excepted {
    /// One counts.
    Yes,
    /// One counted, and no longer does.
    Ended { until: Date, reason: String },
    /// None is about it.
    No,
}

impl Exception {
    /// The exception, or everything that is wrong with it.
    pub(super) fn read(
        declared: &PolicyException,
        origin: &Origin,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let PolicyException {
            address,
            until,
            reason,
        } = declared;
        let mut wrong = |message: String, hint: &str| {
            diagnostics.push(
                Diagnostic::error(Code::PolicyRuleInvalid, message)
                    .at(origin.clone())
                    .hint(hint),
            );
        };
        let pattern = AddressPattern::new(address);
        if let Err(error) = &pattern {
            wrong(
                format!("the address `{address}` of an exception cannot be used: {error}"),
                "an address is such as `topic/orders/events` or `topic/orders/*`",
            );
        }
        let day: Result<Date, _> = until.parse();
        if day.is_err() {
            wrong(
                format!("`until: {until}` is no day"),
                "write year, month and day: `until: 2027-01-31`",
            );
        }
        if reason.trim().is_empty() {
            wrong(
                "an exception needs a reason".to_owned(),
                "say why, for whoever reads it later",
            );
        }
        Some(Self {
            pattern: pattern.ok()?,
            until: day.ok()?,
            reason: reason.clone(),
        })
    }
}

/// What the exceptions of a rule say of an address on a day.
pub(super) fn excepted(exceptions: &[Exception], address: &str, today: Date) -> Excepted {
    let about_it = || {
        exceptions
            .iter()
            .filter(|exception| exception.pattern.matches(address))
    };
    if about_it().any(|exception| today <= exception.until) {
        return Excepted::Yes;
    }
    match about_it().max_by_key(|exception| exception.until) {
        Some(ended) => Excepted::Ended {
            until: ended.until,
            reason: ended.reason.clone(),
        },
        None => Excepted::No,
    }
}
