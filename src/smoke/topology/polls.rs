//! Real accounts read the real topics, and do not read the others.

use std::rc::Rc;

use iggyctl_core::address::Address;
use iggyctl_core::smoke::{AccountPolls, Expected, Login, NotTried, TopicPath};
use iggyctl_engine::broker::ReadFrom;

use super::accounts::Accounts;
use super::logins::Logins;
use super::message::{Answer, partition, read};
use super::{Shared, Wrong};
use crate::smoke::check::Check;
use crate::smoke::failure::Stop;
use crate::smoke::recorder::Recorder;

const TITLE: &str = "reads what it may read, and is denied the rest";

pub(super) fn checks(
    polls: &[AccountPolls],
    logins: &Logins,
    shared: &Shared,
) -> Vec<Check<'static>> {
    let mut checks = Vec::new();
    for account in polls {
        let AccountPolls {
            user,
            topics,
            sends: _,
            not_tried,
        } = account;
        let address = Address::User(user.clone());
        for NotTried {
            address: what,
            reason,
        } in not_tried
        {
            let name = match *what == address {
                true => format!("poll/{address}"),
                false => format!("poll/{address}/{what}"),
            };
            checks.push(shared.skipped(name, TITLE, reason.clone()));
        }
        if topics.is_empty() {
            continue;
        }
        let accounts = Rc::clone(&shared.accounts);
        let (logins, topics) = (logins.of(user), topics.clone());
        checks.push(shared.check(format!("poll/{address}"), TITLE, |recorder| {
            Box::pin(async move { poll(&accounts, &address, &logins, &topics, &recorder).await })
        }));
    }
    checks
}

async fn poll(
    accounts: &Rc<Accounts>,
    user: &Address,
    logins: &[Login],
    topics: &[(TopicPath, Expected)],
    recorder: &Recorder,
) -> Result<(), Stop> {
    let session = accounts.any_of(logins).await;
    let session = session.map_err(super::accounts::NoSession::skips)?;
    let mut wrong = Wrong::default();
    for (topic, expected) in topics {
        // Rights are the same for all partitions of a topic.
        let answer = read(&session, partition(topic, 0), ReadFrom::First, 1, recorder).await;
        let found = match (&answer, expected) {
            (Answer::Done(_), Expected::Allowed) | (Answer::Denied, Expected::Denied) => continue,
            (Answer::Done(_), Expected::Denied) => "allowed",
            (Answer::Denied, Expected::Allowed) => "denied",
            (Answer::Other(error), _) => error,
        };
        wrong.add(&topic.address(), expected.as_str(), found);
    }
    wrong.end(format!("read topics as {user}"))
}
