//! An operator that leads and is about to lead no more, in the middle of changes: it reaches the
//! Iggy server and not the API server, or is told to end.

use std::time::{Duration, Instant};

use iggy::prelude::*;
use iggy_binary_protocol::codes;
use iggyctl_embedded::{AccessMoment, FaultKind, FaultPlan, FaultTarget};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::{ACCOUNT, Candidate, Laboratory};
use crate::network::{Network, Way};
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "leader_whose_connections_are_closed_writes_nothing_more_and_ends",
            |plane| cut_off(plane, Network::Closed),
        ),
        trial(
            "leader_whose_connections_are_silent_writes_nothing_more_and_ends",
            |plane| cut_off(plane, Network::Silent),
        ),
        trial(
            "leader_that_is_told_to_end_is_answered_before_another_one_writes",
            told_to_end,
        ),
    ]
}

/// More than are changed back while a Lease lasts, over all connections of an operator.
const TOPICS: usize = 200;

/// What each of these changes takes.
const CHANGE: Duration = Duration::from_millis(900);

/// The same for one that is told to end: longer than another one takes to begin.
const SLOW: Duration = Duration::from_secs(6);

/// How long a hand-over may take: a Lease lasts fifteen seconds.
const HANDED_OVER: Duration = Duration::from_secs(60);

/// Who the second operator is to the Iggy server, and who changes things by hand; the first is
/// root, as it does not see any more that the Secret was changed.
const SECOND: (&str, &str) = ("second", "password-of-second");
const SOMEBODY: (&str, &str) = ("somebody", "password-of-somebody");

fn topology() -> String {
    let topics: Vec<String> = (0..TOPICS)
        .map(|number| format!("{{ name: t{number}, messageExpiry: 7d }}"))
        .collect();
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: all }}\nspec:\n  \
         streams: [{{ name: orders, topics: [{}] }}]\n",
        topics.join(", ")
    )
}

fn secret((user, password): (&str, &str)) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{ name: root, labels: {{ iggyctl.dev/watch: \"true\" }} }}\n\
         stringData: {{ username: {user}, password: {password} }}\n"
    )
}

/// Changes at most so many topics that are as they are declared.
fn change_by_hand(laboratory: &Laboratory<'_>, most: usize) {
    laboratory.as_user(SOMEBODY.0, SOMEBODY.1, async |client| {
        let orders = Identifier::named("orders").unwrap();
        let changed = IggyExpiry::ExpireDuration("5h".parse().unwrap());
        let topics = client.get_topics(&orders).await.unwrap();
        let declared = topics.iter().filter(|it| it.message_expiry != changed);
        for topic in declared.take(most) {
            let options = TopicUpdateOptions {
                message_expiry: Some(changed),
                ..TopicUpdateOptions::default()
            };
            let id = Identifier::numeric(topic.id).unwrap();
            client
                .update_topic(&orders, &id, &topic.name, &options)
                .await
                .unwrap();
        }
    });
}

/// The names of those who wrote, in the order of the server.
fn writers(moments: &[AccessMoment]) -> Vec<&str> {
    let named = moments.iter().filter_map(|moment| {
        let user = moment.access.users.get(&moment.by)?;
        Some(user.name.as_str())
    });
    named.collect()
}

fn lease(laboratory: &Laboratory<'_>) -> Result<(String, String), Failure> {
    let text = laboratory.kubectl(&["get", "lease", ACCOUNT, "-o", "json"])?;
    let lease: Value = serde_json::from_str(&text)?;
    let word = |field: &str| lease["spec"][field].as_str().unwrap_or_default().to_owned();
    Ok((word("holderIdentity"), word("renewTime")))
}

/// A first operator in the middle of changes, each of which takes so long, and a second one that
/// waits.
fn in_the_middle(
    laboratory: &Laboratory<'_>,
    first: impl FnOnce() -> Result<Candidate, Failure>,
    change: Duration,
) -> Result<[Candidate; 2], Failure> {
    laboratory.connect_server()?;
    laboratory.by_hand(async |root| {
        let all = Permissions::root();
        for (name, password) in [SECOND, SOMEBODY] {
            root.create_user(name, password, UserStatus::Active, Some(all.clone()))
                .await
                .unwrap();
        }
    });
    let first = first()?;
    laboratory.apply(&topology())?;
    laboratory.ready("igtopo/all")?;
    let second = laboratory.candidate()?;
    change_by_hand(laboratory, TOPICS);
    let slow = FaultKind::Delay(change);
    let slow = FaultPlan::none().always(slow, FaultTarget::Command(codes::UPDATE_TOPIC_CODE));
    laboratory.server().faults().set(slow);
    drop(laboratory.server().access_moments());
    let asked = || {
        laboratory
            .server()
            .requests()
            .count(codes::UPDATE_TOPIC_CODE)
    };
    let asked_before = asked();
    laboratory.look_again("igtopo/all")?;
    laboratory.until("it changes back", || asked() > asked_before + 2)?;
    Ok([first, second])
}

fn cut_off(plane: &ControlPlane, network: Network) -> Result<(), Failure> {
    let laboratory = Laboratory::that_records(plane)?;
    let way = Way::to(laboratory.plane.address()?)?;
    let first = || laboratory.candidate_through(&way);
    let [mut first, second] = in_the_middle(&laboratory, first, CHANGE)?;
    way.is_now(network);
    // As somebody else from now on, so that the server knows one from the other.
    laboratory.apply(&secret(SECOND))?;
    let mut moments = laboratory.server().access_moments();
    let before = moments.len();
    let begin = Instant::now();
    while !first.is_over()? || !writers(&moments).contains(&SECOND.0) {
        if begin.elapsed() > HANDED_OVER {
            let (is_over, who) = (first.is_over()?, writers(&moments));
            return Err(format!("over: {is_over}, {who:?}\n{}", laboratory.log()).into());
        }
        change_by_hand(&laboratory, 1);
        if !first.is_over()? {
            // Its interval is over.
            first.signal("USR2")?;
        }
        moments.extend(laboratory.server().access_moments());
    }
    laboratory.server().faults().clear();
    is_written_by_one(&writers(&moments), before, &laboratory)?;
    let said = first.failed()?;
    if !said.contains("the lease was lost to another operator") {
        return Err(said.into());
    }
    is_well_again(&laboratory, &way, second, first)?;
    moments.extend(laboratory.server().access_moments());
    is_written_by_one(&writers(&moments), before, &laboratory)
}

/// What it sent is answered before another one writes, also where that takes longer than to end.
fn told_to_end(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::that_records(plane)?;
    let [mut first, second] = in_the_middle(&laboratory, || laboratory.candidate(), SLOW)?;
    // Its connections are those of before.
    laboratory.apply(&secret(SECOND))?;
    let mut moments = laboratory.server().access_moments();
    let before = moments.len();
    // What is under way takes as long as it was said to.
    laboratory.server().faults().clear();
    first.terminate()?;
    laboratory.until("the second one writes", || {
        moments.extend(laboratory.server().access_moments());
        writers(&moments).contains(&SECOND.0)
    })?;
    laboratory.wait_for("igtopo/all", "Drifted", "False", "Nothing")?;
    laboratory.ready("igtopo/all")?;
    moments.extend(laboratory.server().access_moments());
    is_written_by_one(&writers(&moments), before, &laboratory)?;
    match second.has_led()? {
        true => Ok(()),
        false => Err("nobody took over".into()),
    }
}

/// All that the first one wrote came before all that the second one did, and some of it after the
/// network was cut.
fn is_written_by_one(
    writers: &[&str],
    before: usize,
    laboratory: &Laboratory<'_>,
) -> Result<(), Failure> {
    let from = |name: &str| writers.iter().position(|it| *it == name);
    let last = writers.iter().rposition(|it| *it == "iggy");
    match (last, from(SECOND.0)) {
        (Some(last), Some(second)) if before <= last && last < second => Ok(()),
        found => Err(format!(
            "{found:?}, cut off after {before}: {writers:?}\n{}",
            laboratory.log()
        )
        .into()),
    }
}

/// Nothing is taken from the one that leads now; the first one, started anew, waits, and leads when
/// that one ends.
fn is_well_again(
    laboratory: &Laboratory<'_>,
    way: &Way,
    mut second: Candidate,
    first: Candidate,
) -> Result<(), Failure> {
    drop(first);
    let (holder, mut renewed) = lease(laboratory)?;
    // What was held up comes late, and is refused.
    way.is_now(Network::Whole);
    let again = laboratory.candidate_through(way)?;
    let (mut renewals, begin) = (0, Instant::now());
    while renewals < 2 {
        let (now, at) = lease(laboratory)?;
        // Both of the same length, so they are in order as text.
        if now != holder || at < renewed || begin.elapsed() > HANDED_OVER {
            return Err(format!(
                "{holder} at {renewed}, and then {now} at {at}\n{}",
                laboratory.log()
            )
            .into());
        }
        renewals += usize::from(at > renewed);
        renewed = at;
    }
    laboratory.look_again("igtopo/all")?;
    laboratory.wait_for("igtopo/all", "Drifted", "False", "Nothing")?;
    laboratory.ready("igtopo/all")?;
    if again.has_led()? {
        return Err("there are two of them".into());
    }
    second.terminate()?;
    let later =
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: later }\nspec: {}\n";
    laboratory.apply(later)?;
    laboratory.ready("igst/later")?;
    match again.has_led()? {
        true => Ok(()),
        false => Err("nobody took over".into()),
    }
}
