//! Temporary users send what their users may send, and are denied the rest.

use std::rc::Rc;

use iggyctl_core::address::Address;
use iggyctl_core::smoke::{CopiedUser, Copy, Expected};

use super::accounts::{Accounts, NoSession};
use super::copying::{Making, needs};
use super::message::{self, Answer, Whereabouts, partition};
use super::{Shared, Wrong};
use crate::smoke::check::Check;
use crate::smoke::failure::Stop;
use crate::smoke::recorder::Recorder;

pub(super) fn checks(copy: &Rc<Copy>, made: &Making, shared: &Shared) -> Vec<Check<'static>> {
    let users = copy.users.iter().cloned();
    let checks = users.map(|user| {
        let name = format!("send/{}", Address::User(user.real.clone()));
        let title = "sends where it may send, and is denied the rest, on a copy";
        let (copy, made) = (Rc::clone(copy), made.clone());
        let accounts = Rc::clone(&shared.accounts);
        shared.check(name, title, |recorder| {
            Box::pin(async move { send(&accounts, &copy, &user, &made, &recorder).await })
        })
    });
    checks.collect()
}

async fn send(
    accounts: &Rc<Accounts>,
    copy: &Copy,
    user: &CopiedUser,
    made: &Making,
    recorder: &Recorder,
) -> Result<(), Stop> {
    let real = Address::User(user.real.clone());
    let step = format!("send with the rights of {real}");
    let mut needed = vec![Address::User(user.copy.clone())];
    for (place, _) in &user.sends {
        if let Some(topic) = copy.topics.get(*place) {
            needed.push(Address::Stream(topic.copy.stream.clone()));
            needed.push(topic.copy.address());
        }
    }
    needs(made, &needed).await?;
    let session = accounts.temporary(&user.copy, 0).await;
    let session = session.map_err(|why| why.fails(&step))?;
    let admin = accounts.admin(0).await.map_err(NoSession::skips)?;
    let mut wrong = Wrong::default();
    for (place, expected) in &user.sends {
        let Some(topic) = copy.topics.get(*place) else {
            continue;
        };
        let here = partition(&topic.copy, 0);
        let probe = message::new(None);
        let answer = message::send(&session, here, &probe, recorder).await;
        let found = match (answer, expected) {
            (Answer::Denied, Expected::Denied) => continue,
            (Answer::Done(offset), Expected::Allowed) => {
                match message::find(&admin, here, offset, &probe, recorder).await {
                    Whereabouts::There => continue,
                    elsewhere => elsewhere.words(),
                }
            }
            (Answer::Done(_), Expected::Denied) => "allowed".to_owned(),
            (Answer::Denied, Expected::Allowed) => "denied".to_owned(),
            (Answer::Other(error), _) => error,
        };
        wrong.add(&topic.real.address(), expected.as_str(), &found);
    }
    wrong.end(step)
}
