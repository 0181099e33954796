//! A create that was refused because the server lacks a setting. Its answer
//! names no key, so the likely ones are worked out here.

use std::collections::BTreeSet;
use std::time::Duration;

use iggyctl_core::diff::Setting;
use iggyctl_core::plan::{Action, ApprovedPlan, Step};
use iggyctl_core::render::StepReport;
use iggyctl_core::state::desired::TopicSettings;
use iggyctl_engine::apply::{ApplyOutcome, Failure, StepResult};
use iggyctl_engine::broker::{BrokerError, BrokerRead};

use super::session::Pool;

/// `UnsupportedOptionKey` (`iggy_common` 0.11.0, `error/iggy_error.rs`).
const UNSUPPORTED_OPTION_KEY: u32 = 4041;

/// The version is only for the message, so it is not waited for longer.
const VERSION_TIMEOUT: Duration = Duration::from_secs(2);

/// Adds to the reasons of such steps which settings are probably meant, and the
/// version of the server. The reports are those of the steps, in their order.
pub(super) async fn name_them(
    reports: &mut [StepReport],
    plan: &ApprovedPlan,
    outcome: &ApplyOutcome,
    pool: &Pool,
) {
    let ended = || plan.steps().iter().zip(&outcome.steps);
    if !ended().any(|(_, end)| lacks_a_setting(&end.result)) {
        return;
    }
    // What the server took from one topic it knows.
    let known: BTreeSet<&str> = ended()
        .filter(|(_, end)| end.result == StepResult::Applied)
        .filter_map(|(step, _)| settings(step))
        .flat_map(|settings| Setting::present(settings).map(Setting::name))
        .collect();
    let version = tokio::time::timeout(VERSION_TIMEOUT, version(pool))
        .await
        .ok()
        .flatten();
    for (report, (step, end)) in reports.iter_mut().zip(ended()) {
        if let Some(settings) = settings(step)
            && lacks_a_setting(&end.result)
        {
            report.reason = Some(reason(settings, &known, version.as_deref()));
        }
    }
}

fn lacks_a_setting(result: &StepResult) -> bool {
    matches!(
        result,
        StepResult::Failed(Failure::Refused(BrokerError {
            code: Some(UNSUPPORTED_OPTION_KEY),
            ..
        }))
    )
}

fn settings(step: &Step) -> Option<&TopicSettings> {
    match &step.action {
        Action::CreateTopic { settings, .. } | Action::UpdateTopic { settings, .. } => {
            Some(settings)
        }
        Action::CreateStream { .. }
        | Action::RenameStream { .. }
        | Action::AddPartitions { .. }
        | Action::RemovePartitions { .. }
        | Action::CreateConsumerGroup { .. }
        | Action::CreateUser { .. }
        | Action::RenameUser { .. }
        | Action::SetUserStatus { .. }
        | Action::DeleteStream { .. }
        | Action::DeleteTopic { .. }
        | Action::DeleteConsumerGroup { .. }
        | Action::DeleteUser { .. }
        | Action::ChangePassword { .. }
        | Action::SetPermissions { .. }
        | Action::CreateToken { .. }
        | Action::RevokeToken { .. } => None,
    }
}

async fn version(pool: &Pool) -> Option<String> {
    let connection = pool.acquire().await.ok()?;
    connection.stats().await.ok().map(|stats| stats.version)
}

fn reason(settings: &TopicSettings, known: &BTreeSet<&str>, version: Option<&str>) -> String {
    let declared: Vec<Setting> = Setting::present(settings).collect();
    let candidates = |may_be: &dyn Fn(Setting) -> bool| -> Vec<&'static str> {
        let meant = declared.iter().filter(|setting| may_be(**setting));
        meant.map(|setting| setting.name()).collect()
    };
    // Every server that has these options has the three that can be updated.
    let mut names =
        candidates(&|setting| !known.contains(setting.name()) && is_create_only(setting));
    if names.is_empty() {
        names = candidates(&|setting| !known.contains(setting.name()));
    }
    if names.is_empty() {
        names = candidates(&|_| true);
    }
    let server = match version {
        Some(version) => format!("this server (version {version})"),
        None => "this server".to_owned(),
    };
    let which = match names.as_slice() {
        [] => "a setting that was sent".to_owned(),
        [only] => format!("the setting {only}"),
        [first @ .., last] => format!("one of the settings {} and {last}", first.join(", ")),
    };
    format!(
        "refused: {server} does not know {which} (code {UNSUPPORTED_OPTION_KEY}); remove from the \
         manifest what it does not know, or upgrade the server"
    )
}

fn is_create_only(setting: Setting) -> bool {
    match setting {
        Setting::MessageExpiry(_) | Setting::MaxTopicSize(_) | Setting::Compression(_) => false,
        Setting::SegmentSize(_)
        | Setting::Durability(_)
        | Setting::ConsumerOffsetDurability(_)
        | Setting::MessagesRequiredToSave(_)
        | Setting::SizeOfMessagesRequiredToSave(_)
        | Setting::PreallocateSegments(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use iggyctl_core::quantity::{ByteSize, Durability, MessageExpiry};

    use super::*;

    #[test]
    fn what_is_known_or_on_every_server_is_not_suspected() {
        let settings = TopicSettings {
            message_expiry: Some(MessageExpiry::NEVER),
            segment_size: Some(ByteSize::MIB),
            durability: Some(Durability::Persisted),
            ..TopicSettings::default()
        };
        let said =
            |known: &[&'static str]| reason(&settings, &known.iter().copied().collect(), None);
        assert!(said(&[]).contains("one of the settings segmentSize and durability ("));
        assert!(said(&["durability"]).contains("the setting segmentSize ("));
        assert!(said(&["durability", "segmentSize"]).contains("the setting messageExpiry ("));
    }
}
