//! Each group of the copy gives each partition to exactly one of its members.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use iggyctl_core::address::Address;
use iggyctl_core::name::ResourceName;
use iggyctl_core::smoke::{CopiedTopic, Copy};
use iggyctl_core::wording::counted;
use iggyctl_engine::broker::{BrokerError, MessageProbe as _, ReadFrom};

use super::accounts::{Accounts, InUse, NoSession};
use super::copying::{Making, needs};
use super::message::{self, Answer, partition};
use super::round_trip::by_stream;
use super::{Shared, Wrong};
use crate::smoke::check::Check;
use crate::smoke::failure::Stop;
use crate::smoke::recorder::Recorder;

/// A group of a topic, and as whom it is joined.
struct Group {
    topic: CopiedTopic,
    group: ResourceName,
    /// A temporary user that may; the administrator where there is none.
    member: Option<ResourceName>,
}

/// Enough to see that partitions are shared out.
const MEMBERS: usize = 2;

pub(super) fn checks(copy: &Rc<Copy>, made: &Making, shared: &Shared) -> Vec<Check<'static>> {
    let mut checks = Vec::new();
    let members = copy.members();
    for (stream, topics) in by_stream(copy) {
        let groups: Vec<Group> = topics
            .into_iter()
            .flat_map(|topic| {
                let member = members.of(&topic).cloned();
                let groups = topic.groups.clone().into_iter();
                groups.map(move |group| Group {
                    topic: topic.clone(),
                    group,
                    member: member.clone(),
                })
            })
            .collect();
        if groups.is_empty() {
            continue;
        }
        let title = format!(
            "members of {} share the partitions, on a copy",
            counted(groups.len(), "group")
        );
        let (made, accounts) = (made.clone(), Rc::clone(&shared.accounts));
        checks.push(shared.check(
            format!("join/{}", Address::Stream(stream)),
            title,
            |recorder| {
                Box::pin(async move {
                    let mut wrong = Wrong::default();
                    for group in &groups {
                        if let Err(found) = join(&accounts, group, &made, &recorder).await? {
                            let real = &group.topic.real;
                            let address = Address::ConsumerGroup(
                                real.stream.clone(),
                                real.topic.clone(),
                                group.group.clone(),
                            );
                            let expected = "gives each partition to exactly one of two members";
                            wrong.add(&address, expected, &found);
                        }
                    }
                    wrong.end("join groups".to_owned())
                })
            },
        ));
    }
    checks
}

/// What is wrong with a group is the inner error.
async fn join(
    accounts: &Rc<Accounts>,
    group: &Group,
    made: &Making,
    recorder: &Recorder,
) -> Result<Result<(), String>, Stop> {
    let Group {
        topic,
        group: name,
        member,
    } = group;
    let path = &topic.copy;
    let mut needed = vec![
        Address::Stream(path.stream.clone()),
        path.address(),
        Address::ConsumerGroup(path.stream.clone(), path.topic.clone(), name.clone()),
    ];
    needed.extend(member.clone().map(Address::User));
    needs(made, &needed).await?;
    let mut members = Vec::new();
    for number in 1..=MEMBERS {
        let session = match member {
            Some(user) => accounts.temporary(user, number).await,
            None => accounts.admin(number).await,
        };
        members.push(session.map_err(NoSession::skips)?);
    }
    let admin = accounts.admin(0).await.map_err(NoSession::skips)?;
    for session in &members {
        let joined = session
            .ask(async |broker| broker.join_group(&path.stream, &path.topic, name).await)
            .await;
        if let Err(error) = joined {
            return Ok(Err(format!("cannot be joined: {}", words(&error))));
        }
    }
    let ended = match share(&members, topic, name).await {
        Ok(()) => deliver(&members, &admin, topic, name, recorder).await,
        Err(found) => Err(found),
    };
    for session in &members {
        // Whoever cannot leave does so when its session is closed.
        let _ = session
            .ask(async |broker| broker.leave_group(&path.stream, &path.topic, name).await)
            .await;
    }
    Ok(ended)
}

fn words(error: &BrokerError) -> String {
    match Answer::<()>::of(Err(error.clone())) {
        Answer::Other(reason) => reason,
        Answer::Denied | Answer::Done(()) => "denied".to_owned(),
    }
}

/// Partitions go from one member to the other with a request of each.
const UNTIL_SHARED: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Waits until each partition is that of exactly one member.
async fn share(members: &[InUse], topic: &CopiedTopic, group: &ResourceName) -> Result<(), String> {
    let path = &topic.copy;
    let until = Instant::now() + UNTIL_SHARED;
    loop {
        let mut owners: BTreeMap<u32, usize> = (0..topic.partitions).map(|it| (it, 0)).collect();
        for session in members {
            let assigned = session
                .ask(async |broker| {
                    let (stream, topic) = (&path.stream, &path.topic);
                    broker.assigned_partitions(stream, topic, group).await
                })
                .await;
            for partition in assigned.map_err(|error| words(&error))? {
                *owners.entry(partition).or_default() += 1;
            }
        }
        let Some((partition, owners)) = owners.into_iter().find(|(_, owners)| *owners != 1) else {
            return Ok(());
        };
        if Instant::now() >= until {
            let owners = counted(owners, "member");
            return Err(format!("partition {partition} is that of {owners}"));
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// A message to each partition comes to exactly one member.
async fn deliver(
    members: &[InUse],
    admin: &InUse,
    topic: &CopiedTopic,
    group: &ResourceName,
    recorder: &Recorder,
) -> Result<(), String> {
    for number in 0..topic.partitions {
        let here = partition(&topic.copy, number);
        let probe = message::new(None);
        let from = match message::send(admin, here, &probe, recorder).await {
            Answer::Done(Some(offset)) => ReadFrom::Offset(offset),
            Answer::Done(None) => ReadFrom::First,
            Answer::Denied => return Err("a message to it is denied".to_owned()),
            Answer::Other(error) => return Err(format!("a message to it: {error}")),
        };
        let mut times = 0_usize;
        for session in members {
            let read = session
                .ask(async |broker| broker.read_as_member(here, group, from, MANY).await)
                .await;
            let found = read.map_err(|error| format!("partition {number}: {}", words(&error)))?;
            let found = found.unwrap_or_default();
            times += found.iter().filter(|found| found.id == probe.id).count();
        }
        if times != 1 {
            let times = counted(times, "time");
            return Err(format!("a message to partition {number} came {times}"));
        }
    }
    Ok(())
}

/// More than was sent to any partition of the copy.
const MANY: u32 = 10_000;
