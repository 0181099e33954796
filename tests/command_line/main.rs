//! Transcripts of the real binary: what a person types, what is printed, and
//! how the process ends.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod access;
mod access_documentation;
mod access_findings;
mod access_reports;
mod access_tokens;
mod adoption;
#[cfg(unix)]
mod after_a_question;
mod ci_outputs;
mod connecting;
mod consume;
mod contexts;
mod dead_letters;
mod drift;
mod drift_after_destroy;
mod drift_from_record;
mod drift_unread;
#[cfg(unix)]
mod drift_watch;
mod examples;
mod faults;
#[cfg(unix)]
mod killed;
mod ledger;
mod lifecycle;
mod listening;
#[cfg(unix)]
mod locks;
mod offline;
mod offsets;
mod policies;
mod produce;
mod produce_state;
#[cfg(unix)]
mod prometheus;
mod prune;
mod prune_resources;
mod removals;
mod replay;
mod retained;
mod rights;
mod runbooks;
mod sandbox;
mod saved_plans;
mod secrets;
mod secrets_everywhere;
mod secrets_in_folders;
mod served;
#[cfg(unix)]
mod smoke_cleanup;
mod smoke_faults;
#[cfg(unix)]
mod smoke_reports;
#[cfg(unix)]
mod smoke_restart;
#[cfg(unix)]
mod stopped;
#[cfg(unix)]
mod terminal;
mod tokens;
mod topic;
mod users;
