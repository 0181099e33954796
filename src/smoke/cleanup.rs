//! Removes what runs made.
//!
//! The server gives the ids of what is deleted to what comes next, so the order is:
//! rights of users stripped, users deactivated, streams deleted, users deleted. The
//! stream of the lease goes last, so that what is left of a clean-up that is cut off is
//! found by the next one.

use std::collections::{BTreeMap, BTreeSet};

use iggyctl_core::access::{Grants, UserStatus};
use iggyctl_core::name::ResourceName;
use iggyctl_engine::broker::{
    BrokerError, BrokerErrorKind, BrokerRead as _, StreamSummary, UserRead as _, UserWrite as _,
};

use super::names::RunId;
use super::sdk::Client;
use super::target::Target;
use super::vitality::dead_among;

/// A lease that is younger than this, counted back from ours, is of a run that may only
/// be starting: between its stream and its member there are a few round trips and a
/// login. It is not worth waiting for.
const STARTING_MICROS: u64 = 5_000_000;

/// Everything of one run on the server.
#[derive(Debug, Default)]
struct Belongings {
    streams: BTreeSet<ResourceName>,
    users: BTreeSet<ResourceName>,
    lease: Option<StreamSummary>,
}

/// Removes what runs left that are no longer alive. Tells what could not be removed.
pub(super) async fn remove_dead_runs(target: &Target, own: &RunId) -> Vec<String> {
    let mut left = Vec::new();
    let runs = match belongings(target).await {
        Ok(runs) => runs,
        Err(reason) => return vec![reason],
    };
    let own_creation = runs
        .get(own)
        .and_then(|it| it.lease.as_ref())
        .map(|lease| lease.created_at_micros);
    let mut dead = Vec::new();
    let mut leases = BTreeMap::new();
    for (run, Belongings { lease, .. }) in &runs {
        match lease {
            _ if run == own => {}
            // Its lease goes last, so this is the rest of a clean-up.
            None => dead.push(run.clone()),
            Some(lease) if is_starting(lease, own_creation) => {
                tracing::info!(%run, "another run may only be starting");
            }
            Some(lease) => {
                leases.insert(run.clone(), lease.name.clone());
            }
        }
    }
    let (silent, untold) = dead_among(target, leases).await;
    dead.extend(silent);
    for (run, reason) in untold {
        left.push(format!("what run {run} made: {reason}"));
    }
    for run in dead {
        if let Some(belongings) = runs.get(&run) {
            tracing::info!(%run, "removing what a former run left behind");
            left.extend(remove_all(target, belongings).await);
        }
    }
    left
}

/// Removes what one run made. Tells what could not be removed.
pub(super) async fn remove(target: &Target, run: &RunId) -> Vec<String> {
    match belongings(target).await {
        Ok(mut runs) => match runs.remove(run) {
            None => Vec::new(),
            Some(belongings) => remove_all(target, &belongings).await,
        },
        Err(reason) => vec![reason],
    }
}

/// What all runs have on the server.
///
/// Users first: a run makes its lease before anything else, so a user that is seen
/// here has its lease among the streams that are read afterwards, if its run is alive.
async fn belongings(target: &Target) -> Result<BTreeMap<RunId, Belongings>, String> {
    let admin = target
        .admin
        .acquire()
        .await
        .map_err(|error| format!("everything of this run: {error}"))?;
    let mut runs: BTreeMap<RunId, Belongings> = BTreeMap::new();
    match admin.list_users().await {
        Ok(users) => {
            for user in users {
                if let Some(run) = RunId::of(user.name.as_str()) {
                    runs.entry(run).or_default().users.insert(user.name);
                }
            }
        }
        // Whoever may not see users makes none.
        Err(error) if error.kind == BrokerErrorKind::Unauthorized => {}
        Err(error) => return Err(format!("users: {error}")),
    }
    let streams = admin
        .list_streams()
        .await
        .map_err(|error| format!("streams: {error}"))?;
    for stream in streams {
        let Some(run) = RunId::of(stream.name.as_str()) else {
            continue;
        };
        let is_lease = run.lease() == stream.name.as_str();
        let belongings = runs.entry(run).or_default();
        if is_lease {
            belongings.lease = Some(stream);
        } else {
            belongings.streams.insert(stream.name);
        }
    }
    Ok(runs)
}

fn is_starting(lease: &StreamSummary, own_creation: Option<u64>) -> bool {
    own_creation.is_none_or(|own| own.saturating_sub(lease.created_at_micros) < STARTING_MICROS)
}

async fn remove_all(target: &Target, belongings: &Belongings) -> Vec<String> {
    let Belongings {
        streams,
        users,
        lease,
    } = belongings;
    let mut left = Vec::new();
    let admin = match target.admin.acquire().await {
        Ok(admin) => admin,
        Err(error) => return vec![format!("everything of this run: {error}")],
    };
    let mut note = |what: String, result: Result<(), String>| {
        if let Err(error) = result {
            left.push(format!("{what}: {error}"));
        }
    };
    let gone = |result: Result<(), BrokerError>| match result {
        Err(error) if error.kind != BrokerErrorKind::NotFound => Err(error.to_string()),
        Ok(()) | Err(_) => Ok(()),
    };
    for user in users {
        let stripped = admin.update_permissions(user, &Grants::default()).await;
        note(format!("the rights of user {user}"), gone(stripped));
        let stopped = admin.set_user_status(user, UserStatus::Inactive).await;
        note(format!("the status of user {user}"), gone(stopped));
    }
    let connection = match target.connection(target.main) {
        Ok(connection) => connection,
        Err(error) => return vec![format!("everything of this run: {error}")],
    };
    let client = Client::new(connection.clone(), super::recorder::Recorder::default());
    let lease = lease.iter().map(|lease| &lease.name);
    for stream in streams {
        let deleted = client.delete_stream(stream.as_str()).await;
        note(
            format!("stream {stream}"),
            deleted.map_err(|error| error.to_string()),
        );
    }
    for user in users {
        note(format!("user {user}"), gone(admin.delete_user(user).await));
    }
    for stream in lease {
        let deleted = client.delete_stream(stream.as_str()).await;
        note(
            format!("stream {stream}"),
            deleted.map_err(|error| error.to_string()),
        );
    }
    connection.shutdown().await;
    left
}
