use std::collections::BTreeSet;

use iggyctl_core::address::Address;
use iggyctl_core::drift::{
    DriftRecord, DriftReport, Ignore, Unread, UnreadSource, drift, not_compared, to_observe,
};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::wording::time_of_server;
use iggyctl_engine::ReadOnly;
use iggyctl_engine::connect::ServerConnector;
use iggyctl_engine::ledger::{self, LedgerFailure};

use super::super::ledger::ledger_failed;
use super::super::session::read_failed;
use crate::command_error::CommandError;

/// What is known of the last apply.
enum Known {
    Applied(Box<(ledger::Applied, DesiredState)>),
    /// Nothing, for this reason.
    Nothing(String),
    /// Whatever there is, the login may not read it.
    Refused(String),
}

/// Why there is none for manifests that say no name.
const NO_PROJECT: &str = "an apply is recorded for the project that `metadata.name` of a \
     `kind: IggyTopology` document names, and these manifests have none";

/// Compares once. With what it holds nothing can be changed.
pub(super) async fn look(
    server: &ReadOnly<'_, ServerConnector>,
    name: &str,
    desired: &DesiredState,
    ignores: &[Ignore],
) -> Result<DriftReport, CommandError> {
    let known = last_apply(server, desired.project.as_deref()).await?;
    let applied = match &known {
        Known::Applied(known) => Some(&known.1),
        Known::Nothing(_) | Known::Refused(_) => None,
    };
    let wanted = to_observe(desired, applied);
    let observed = server.observe(&wanted).await.map_err(read_failed)?;
    let (record, items) = match &known {
        Known::Nothing(reason) | Known::Refused(reason) => {
            (Err(reason.clone()), drift(desired, None, &observed))
        }
        Known::Applied(known) => {
            let (last, state) = known.as_ref();
            let removed: BTreeSet<Address> = last.state.removed.keys().cloned().collect();
            let applied = last.state.expected(state, &removed, last.at_micros);
            let items = drift(desired, Some(&applied), &observed);
            (Ok(record(last)), items)
        }
    };
    let mut unread = Unread::of_owned(desired, &observed);
    if let Known::Refused(reason) = known {
        let what = UnreadSource::Record;
        unread.insert(0, Unread { what, reason });
    }
    let notes = not_compared(desired, &observed);
    let report = DriftReport::new(
        desired.project.clone(),
        name.to_owned(),
        record,
        items,
        ignores,
        notes,
    );
    Ok(report.with_unread(unread))
}

async fn last_apply(
    server: &ReadOnly<'_, ServerConnector>,
    project: Option<&str>,
) -> Result<Known, CommandError> {
    if project.is_none() {
        // What sets without a name have left would be taken for one another's.
        return Ok(Known::Nothing(NO_PROJECT.to_owned()));
    }
    let last = match ledger::last_applied(server, project).await {
        Ok(Some(last)) => last,
        Ok(None) => {
            let reason = "no `apply --ledger` left one on this server";
            return Ok(Known::Nothing(reason.to_owned()));
        }
        Err(error @ LedgerFailure::NotAllowed { .. }) => {
            return Ok(Known::Refused(error.to_string()));
        }
        // Going on without one would say something wrong.
        Err(error) => return Err(ledger_failed(error)),
    };
    match last.state.compile() {
        Ok(state) => Ok(Known::Applied(Box::new((last, state)))),
        Err(diagnostics) => {
            let first = diagnostics.iter().next();
            let first = first.map_or_else(String::new, |it| format!(": {}", it.message));
            Ok(Known::Nothing(format!(
                "the manifests of revision {} are not valid for this version of iggyctl{first}",
                last.revision
            )))
        }
    }
}

fn record(last: &ledger::Applied) -> DriftRecord {
    let author = &last.begun.author;
    let names = [&author.actor, &author.login, &author.machine];
    let names: Vec<&str> = names.into_iter().flatten().map(String::as_str).collect();
    DriftRecord {
        revision: last.revision.offset() + 1,
        at_micros: last.at_micros,
        begun_at: time_of_server(last.at_micros),
        by: match names.as_slice() {
            [] => "somebody".to_owned(),
            names => names.join(", "),
        },
        commit: last.begun.commit.clone(),
    }
}
