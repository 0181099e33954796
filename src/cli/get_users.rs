//! The users of a server, with what they are granted.

use std::collections::BTreeSet;

use iggyctl_core::access::Grants;
use iggyctl_core::diff::live_grants;
use iggyctl_core::name::ResourceName;
use iggyctl_core::render::{escape, grants_text};
use iggyctl_core::state::observed::AccessReading;
use iggyctl_core::state::observed_access::ObservedAccess;
use iggyctl_engine::observe::survey_access;
use serde::Serialize;

use super::Process;
use super::get::Row;
use super::session::{Session, read_failed};
use crate::command_error::CommandError;
use crate::exit_code::ExitCode;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserRow {
    name: String,
    id: u32,
    status: &'static str,
    /// Absent for root, of which the server knows none.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    /// It may do everything, whatever it is granted.
    root: bool,
    /// Absent when they could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<Grants<ResourceName>>,
    /// Streams and topics that were deleted and that it still has grants on.
    granted_on_deleted: usize,
}

/// Everything about access, with the topics of these streams.
pub(super) async fn read_users(
    session: &Session,
    streams: &BTreeSet<ResourceName>,
) -> Result<ObservedAccess, CommandError> {
    let read = survey_access(&session.pool, streams).await;
    match read.map_err(read_failed)? {
        AccessReading::Read(access) => Ok(*access),
        AccessReading::NotNeeded => Ok(ObservedAccess::default()),
        AccessReading::Refused { reason } => Err(CommandError::new(
            ExitCode::CredentialsRefused,
            format!("users cannot be read: {reason}"),
        )
        .hint("it takes `read_users`, and `read_streams` to know what permissions are about")),
    }
}

pub(super) fn user_rows(process: &Process, access: &ObservedAccess) -> Vec<UserRow> {
    let users = access.users.iter();
    users
        .map(|(name, user)| {
            let resolved = live_grants(&user.grants, access);
            if let Err(error) = &resolved {
                process
                    .terminal
                    .warning(&format!("the permissions of `{name}`: {error}"));
            }
            let resolved = resolved.ok();
            UserRow {
                name: name.to_string(),
                id: user.id,
                status: user.status.as_str(),
                created: created(user.created_at_micros).filter(|_| !user.is_root()),
                root: user.is_root(),
                granted_on_deleted: resolved.as_ref().map_or(0, |resolved| resolved.gone()),
                permissions: resolved.map(|resolved| resolved.grants),
            }
        })
        .collect()
}

fn created(micros: u64) -> Option<String> {
    let micros = i64::try_from(micros).ok()?;
    let time = jiff::Timestamp::from_microsecond(micros).ok()?;
    Some(time.to_string())
}

impl Row for UserRow {
    const HEADERS: &'static [&'static str] = &["USER", "STATUS", "CREATED", "PERMISSIONS"];
    const NUMBERS_FROM: usize = 4;

    fn cells(&self) -> Vec<String> {
        let mut permissions = match &self.permissions {
            _ if self.root => "everything (root)".to_owned(),
            None => "not readable".to_owned(),
            Some(grants) => grants_text(grants),
        };
        if self.granted_on_deleted > 0 {
            if !permissions.is_empty() {
                permissions.push_str("; ");
            }
            permissions.push_str(&format!("deleted: {}", self.granted_on_deleted));
        }
        if permissions.is_empty() {
            permissions.push_str("none");
        }
        // To the second; the whole time is in the other formats.
        let created = self.created.as_deref().map_or("-", |time| {
            time.split_once(['.', 'Z'])
                .map_or(time, |(second, _)| second)
        });
        vec![
            escape(&self.name).into_owned(),
            self.status.to_owned(),
            created.replace('T', " "),
            permissions,
        ]
    }
}
