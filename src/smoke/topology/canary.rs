//! Marked messages through the real topics, as the real accounts.

use std::collections::BTreeSet;
use std::rc::Rc;

use iggyctl_core::address::Address;
use iggyctl_core::smoke::{AccountPolls, Expected, Limits, Login, TopicPath, spread};

use super::accounts::{Accounts, NoSession};
use super::logins::Logins;
use super::message::{self, Answer, Whereabouts, partition};
use super::{Shared, Wrong};
use crate::smoke::check::Check;
use crate::smoke::failure::Stop;
use crate::smoke::names::RunId;
use crate::smoke::recorder::Recorder;

/// The header that tells consumers what such a message is; its value is the run.
const HEADER: &str = "iggyctl-smoke";

/// Topics of one account, unless everything is to be tried: each message stays in the
/// topic, and its consumers get it.
const USUAL: usize = 20;

pub(super) fn checks(
    polls: &[AccountPolls],
    logins: &Logins,
    limits: &Limits,
    run: &RunId,
    shared: &Shared,
    notes: &mut Vec<String>,
) -> Vec<Check<'static>> {
    let mut checks = Vec::new();
    for account in polls {
        let AccountPolls {
            user,
            topics,
            sends,
            not_tried: _,
        } = account;
        let limit = match *limits == Limits::NONE {
            true => usize::MAX,
            false => USUAL,
        };
        let chosen = spread(sends.clone(), limit);
        if chosen.is_empty() {
            continue;
        }
        if chosen.len() < sends.len() {
            notes.push(format!(
                "of {} topics that {} may send to, {} get a canary, evenly spread; --all sends to \
                 each",
                sends.len(),
                Address::User(user.clone()),
                chosen.len()
            ));
        }
        let allowed = topics.iter().filter(|(_, it)| *it == Expected::Allowed);
        let readable: BTreeSet<&TopicPath> = allowed.map(|(topic, _)| topic).collect();
        let chosen: Vec<(TopicPath, bool)> = chosen
            .into_iter()
            .map(|topic| {
                let reads = readable.contains(&topic);
                (topic, reads)
            })
            .collect();
        let address = Address::User(user.clone());
        let (accounts, logins) = (Rc::clone(&shared.accounts), logins.of(user));
        let mark = run.to_string();
        let title = "a marked message through each real topic that it may send to";
        checks.push(
            shared.check(format!("canary/{address}"), title, |recorder| {
                Box::pin(async move {
                    send(&accounts, &address, &logins, &chosen, &mark, &recorder).await
                })
            }),
        );
    }
    checks
}

async fn send(
    accounts: &Rc<Accounts>,
    user: &Address,
    logins: &[Login],
    topics: &[(TopicPath, bool)],
    mark: &str,
    recorder: &Recorder,
) -> Result<(), Stop> {
    let session = accounts.any_of(logins).await.map_err(NoSession::skips)?;
    let admin = accounts.admin(0).await.map_err(NoSession::skips)?;
    let mut wrong = Wrong::default();
    for (topic, reads) in topics {
        let here = partition(topic, 0);
        let probe = message::new(Some((HEADER, mark.to_owned())));
        let found = match message::send(&session, here, &probe, recorder).await {
            Answer::Done(offset) => {
                let reader = match reads {
                    true => &session,
                    false => &admin,
                };
                match message::find(reader, here, offset, &probe, recorder).await {
                    Whereabouts::There => continue,
                    elsewhere => elsewhere.words(),
                }
            }
            Answer::Denied => "denied".to_owned(),
            Answer::Other(error) => error,
        };
        wrong.add(&topic.address(), "there as it was sent", &found);
    }
    wrong.end(format!("send marked messages as {user}"))
}
