//! A message goes through each partition of the copy.

use std::collections::BTreeMap;
use std::rc::Rc;

use iggyctl_core::address::Address;
use iggyctl_core::name::ResourceName;
use iggyctl_core::smoke::{CopiedTopic, Copy};
use iggyctl_core::wording::counted;

use super::accounts::{Accounts, NoSession};
use super::copying::{Making, needs};
use super::message::{self, Answer, Whereabouts, partition};
use super::{Shared, Wrong};
use crate::smoke::check::Check;
use crate::smoke::failure::Stop;
use crate::smoke::recorder::Recorder;

pub(super) fn checks(copy: &Rc<Copy>, made: &Making, shared: &Shared) -> Vec<Check<'static>> {
    let checks = by_stream(copy).into_iter().map(|(stream, topics)| {
        let title = format!(
            "a message through each partition of {}, on a copy",
            counted(topics.len(), "topic")
        );
        let (made, accounts) = (made.clone(), Rc::clone(&shared.accounts));
        let name = format!("round-trip/{}", Address::Stream(stream));
        shared.check(name, title, |recorder| {
            Box::pin(async move { round_trip(&accounts, &topics, &made, &recorder).await })
        })
    });
    checks.collect()
}

/// The topics of the copy by their declared stream.
pub(super) fn by_stream(copy: &Copy) -> BTreeMap<ResourceName, Vec<CopiedTopic>> {
    let mut streams: BTreeMap<ResourceName, Vec<CopiedTopic>> = BTreeMap::new();
    for topic in &copy.topics {
        let topics = streams.entry(topic.real.stream.clone()).or_default();
        topics.push(topic.clone());
    }
    streams
}

async fn round_trip(
    accounts: &Rc<Accounts>,
    topics: &[CopiedTopic],
    made: &Making,
    recorder: &Recorder,
) -> Result<(), Stop> {
    for topic in topics {
        let stream = Address::Stream(topic.copy.stream.clone());
        needs(made, &[stream, topic.copy.address()]).await?;
    }
    let session = accounts.admin(0).await.map_err(NoSession::skips)?;
    let mut wrong = Wrong::default();
    for topic in topics {
        for number in 0..topic.partitions {
            let here = partition(&topic.copy, number);
            let probe = message::new(None);
            let found = match message::send(&session, here, &probe, recorder).await {
                Answer::Done(offset) => {
                    match message::find(&session, here, offset, &probe, recorder).await {
                        Whereabouts::There => continue,
                        elsewhere => elsewhere.words(),
                    }
                }
                Answer::Denied => "denied".to_owned(),
                Answer::Other(error) => error,
            };
            let (expected, found) = (
                format!("partition {number}: there as it was sent"),
                format!("partition {number}: {found}"),
            );
            wrong.add(&topic.real.address(), &expected, &found);
        }
    }
    wrong.end("send a message and read it again".to_owned())
}
