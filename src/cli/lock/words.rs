//! A lease in words. What is said of its owner was written by whoever may write to the
//! ledger.

use iggyctl_core::render::escape;
use iggyctl_engine::lease::{Busy, Holder, Loss, WhyLost};
use jiff::Timestamp;

/// `the project orders`, or what belongs to none.
pub(super) fn project_words(project: Option<&str>) -> String {
    match project {
        Some(project) => format!("the project {}", escape(project)),
        None => "manifests without a project".to_owned(),
    }
}

/// A time by the server's clock.
pub(super) fn time(micros: u64) -> String {
    let micros = i64::try_from(micros).unwrap_or(i64::MAX);
    match Timestamp::from_microsecond(micros) {
        Ok(time) => format!("{time:.0}"),
        Err(_) => "a time that is none".to_owned(),
    }
}

/// Who it is, in a sentence.
pub(super) fn who(holder: &Holder) -> String {
    let author = &holder.author;
    let known = [
        author.machine.clone(),
        author
            .login
            .as_ref()
            .map(|login| format!("as user {login}")),
        author.actor.as_ref().map(|actor| format!("for {actor}")),
        author.run_url.clone(),
    ];
    let known: Vec<String> = known.into_iter().flatten().collect();
    let known = match known.is_empty() {
        true => "somebody".to_owned(),
        false => known.join(", "),
    };
    escape(&format!("`{}` by {known}", holder.command)).into_owned()
}

/// Who has the lease, since when and until when.
pub(super) fn busy_words(project: Option<&str>, busy: &Busy) -> String {
    let project = project_words(project);
    let until = time(busy.until_micros);
    match &busy.holder {
        Some(holder) => format!(
            "another apply of {project} runs: {}, since {}; its lease ends at {until} unless it is renewed",
            who(holder),
            time(busy.since_micros),
        ),
        None => format!(
            "another apply of {project} is about to begin, or died before it said who it is; if \
             so, its lease ends at {until}"
        ),
    }
}

/// Why a lease is ours no more.
pub(super) fn loss_words(loss: &Loss) -> String {
    let why = match &loss.why {
        WhyLost::Late => "it was not renewed in time".to_owned(),
        WhyLost::Broken { by } => format!("{} ended it with `iggyctl lock release`", escape(by)),
        WhyLost::Removed => "what it is kept in was deleted from the ledger".to_owned(),
    };
    match &loss.taken_by {
        Some(holder) => format!("the lease is lost: {why}, and {} has it now", who(holder)),
        None => format!("the lease is lost: {why}"),
    }
}
