//! What is worth knowing about access tokens that stay as they are.

use super::{Finding, FindingCode, Severity};
use crate::diff::{ChangeSet, TokenNotice, TokenNoticeKind};

pub(super) fn token_notices(changes: &ChangeSet, findings: &mut Vec<Finding>) {
    findings.extend(changes.token_notices.iter().map(finding));
}

fn finding(notice: &TokenNotice) -> Finding {
    let TokenNotice { address, what } = notice;
    let rotate = format!("if it is to be replaced, apply with --rotate {address}");
    let (code, severity, message, fix) = match what {
        TokenNoticeKind::Elsewhere { is_due } => (
            FindingCode::TokenElsewhere,
            Severity::Warning,
            format!(
                "{address} is valid on the server, and its value is not where `writeTo` says{}",
                match is_due {
                    true => "; it ends soon, and is not replaced from here",
                    false => "",
                }
            ),
            format!("take the file from where it was delivered; {rotate}"),
        ),
        TokenNoticeKind::ValueRefused => (
            FindingCode::TokenValueRefused,
            Severity::Warning,
            format!("the server does not take the value of {address} that is where `writeTo` says"),
            rotate,
        ),
        TokenNoticeKind::OtherExpiry { from, to } => (
            FindingCode::TokenExpiryDiffers,
            Severity::Note,
            format!("{address} was created with the expiry {from}; {to} is for the next one"),
            rotate,
        ),
        TokenNoticeKind::OpenToOthers => (
            FindingCode::TokenOpenToOthers,
            Severity::Warning,
            format!("the value of {address} can be read by others than its owner"),
            format!(
                "take their rights on the file away; if somebody may have read it, apply with --rotate {address}"
            ),
        ),
        TokenNoticeKind::NotCompared { reason } => (
            FindingCode::TokenNotCompared,
            Severity::Note,
            format!("whether {address} is as declared is not known: {reason}"),
            "plan again when iggyctl can log in as the user".to_owned(),
        ),
    };
    Finding {
        code: code.into(),
        severity,
        address: address.clone(),
        message,
        fix,
        origin: None,
    }
}
