//! What exists is taken over: from one team's object by another one's, and from nobody.

use iggy::prelude::*;
use libtest_mimic::Trial;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::Laboratory;
use crate::messages::{commit, committed, poll, readers, send, topic_id};
use crate::{trial, whole_cluster};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        whole_cluster::trial("need_two_objects_claim_one_topic", between_teams),
        trial("need_adopting_what_exists_a_topic", topic),
        trial("need_adopting_what_exists_a_user", user),
        trial(
            "a_user_that_is_handed_over_has_the_password_that_it_had",
            password_stays,
        ),
    ]
}

const STREAM: &str = "handed-over";

fn shared(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec:\n  \
         serverRef: {{ kind: ClusterIggyServer, name: handed-over }}\n{spec}---\n"
    )
}

/// What must be the same, whoever declares it.
#[derive(Debug, PartialEq)]
struct Data {
    id: Option<u32>,
    messages: Vec<String>,
    committed: [Option<u64>; 2],
}

fn data(laboratory: &Laboratory<'_>) -> Data {
    let topic = (STREAM, "events");
    Data {
        id: topic_id(laboratory, STREAM, "events"),
        messages: poll(laboratory, STREAM, "events"),
        committed: readers().map(|reader| committed(laboratory, topic, &reader)),
    }
}

/// An object that declares the topic, of a later second than all before: times in Kubernetes are
/// to the second.
fn contender(
    laboratory: &mut Laboratory<'_>,
    (namespace, name): (&str, &str),
) -> Result<(), Failure> {
    namespace.clone_into(&mut laboratory.namespace);
    let begin = jiff::Timestamp::now().as_second();
    laboratory.until("the next second has come", || {
        jiff::Timestamp::now().as_second() > begin
    })?;
    let spec = format!("  stream: {STREAM}\n  name: events\n  deletionPolicy: Delete\n");
    laboratory.apply(&shared("IggyTopic", name, &spec))
}

/// The first one goes, then the second. By their names the youngest would come first.
const CONTENDERS: [(&str, &str); 3] = [
    ("handed-b", "z-first"),
    ("handed-b", "y-second"),
    ("handed-a", "x-third"),
];

fn holder_is(laboratory: &mut Laboratory<'_>, place: usize) -> Result<(), Failure> {
    let (namespace, name) = CONTENDERS[place];
    namespace.clone_into(&mut laboratory.namespace);
    laboratory.ready(&format!("igt/{name}"))?;
    for (others, other) in &CONTENDERS[place + 1..] {
        (*others).clone_into(&mut laboratory.namespace);
        laboratory.wait(&format!("igt/{other}"), "told who holds it", |found| {
            let conditions = found["status"]["conditions"].to_string();
            conditions.contains("Conflicted") && conditions.contains(&format!("{namespace}/{name}"))
        })?;
    }
    Ok(())
}

fn between_teams(laboratory: &mut Laboratory<'static>) -> Result<(), Failure> {
    laboratory.enter_new("handed-over", "")?;
    laboratory.connect_server()?;
    let address = laboratory.server().address();
    let tenant = |team: &str| {
        format!(
            "    - name: {team}\n      namespaceSelector: {{ matchLabels: {{ handed: {team} }} }}\n      \
             names: [\"{STREAM}\"]\n"
        )
    };
    laboratory.apply(&format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: ClusterIggyServer\nmetadata: {{ name: handed-over }}\nspec:\n  \
         address: iggy://{address}\n  credentialsSecretRef: {{ namespace: handed-over, name: root }}\n  tenants:\n{}{}",
        tenant("a"),
        tenant("b"),
    ))?;
    laboratory.enter_new("handed-a", "handed: a")?;
    laboratory.enter_new("handed-b", "handed: b")?;
    laboratory.apply(&shared("IggyStream", STREAM, ""))?;
    laboratory.ready(&format!("igst/{STREAM}"))?;
    for (place, at) in CONTENDERS.into_iter().enumerate() {
        contender(laboratory, at)?;
        if place == 0 {
            laboratory.ready(&format!("igt/{}", at.1))?;
        }
    }
    holder_is(laboratory, 0)?;
    laboratory.by_hand(async |root| {
        let (stream, events) = (Identifier::named(STREAM), Identifier::named("events"));
        root.create_consumer_group(&stream.unwrap(), &events.unwrap(), "billing")
            .await
            .unwrap();
    });
    send(laboratory, STREAM, "events", &["first", "second", "third"]);
    for (reader, offset) in readers().iter().zip([1, 2]) {
        commit(laboratory, (STREAM, "events"), reader, offset);
    }
    let before = data(laboratory);
    if before.messages.len() != 3 || before.committed != [Some(1), Some(2)] {
        return Err(format!("{before:?}").into());
    }
    for (place, (namespace, name)) in CONTENDERS.into_iter().enumerate().take(2) {
        namespace.clone_into(&mut laboratory.namespace);
        laboratory.kubectl(&["delete", &format!("igt/{name}"), "--timeout=20s"])?;
        holder_is(laboratory, place + 1)?;
        let after = data(laboratory);
        if after != before {
            return Err(format!("{after:?} and not {before:?}").into());
        }
    }
    Ok(())
}

fn refused(laboratory: &Laboratory<'_>, object: &str) -> Result<(), Failure> {
    let writes = laboratory.writes();
    let found = laboratory.wait_for(object, "Stalled", "True", "AdoptionRefused")?;
    laboratory.round(object)?;
    let claims = found["status"]["claims"].as_array().map_or(0, Vec::len);
    match laboratory.writes() == writes && claims == 0 {
        true => Ok(()),
        false => Err(format!("it was not left alone: {:#}", found["status"]).into()),
    }
}

/// In a stream that is held by an object, so that only the topic is nobody's.
fn topic(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply("apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: orders }\nspec: {}\n")?;
    laboratory.ready("igst/orders")?;
    laboratory.by_hand(async |root| {
        let orders = Identifier::named("orders").unwrap();
        root.create_topic(&orders, "events", &TopicCreateOptions::default())
            .await
            .unwrap();
    });
    send(&laboratory, "orders", "events", &["theirs"]);
    let id = topic_id(&laboratory, "orders", "events");
    let topic = |more: &str| {
        format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopic\nmetadata: {{ name: events }}\nspec:\n  \
             stream: orders\n  messageExpiry: 1h\n{more}"
        )
    };
    laboratory.apply(&topic(""))?;
    refused(&laboratory, "igt/events")?;
    laboratory.apply(&topic("  adoption: Adopt\n"))?;
    laboratory.ready("igt/events")?;
    laboratory.told("events", "Adopted")?;
    let expiry = laboratory.by_hand(async |root| {
        let (orders, events) = (Identifier::named("orders"), Identifier::named("events"));
        let found = root
            .get_topic(&orders.unwrap(), &events.unwrap())
            .await
            .unwrap();
        found.map(|topic| topic.message_expiry.to_string())
    });
    let is_same = topic_id(&laboratory, "orders", "events") == id
        && poll(&laboratory, "orders", "events") == ["theirs"];
    match is_same && expiry.as_deref() == Some("1h") {
        true => Ok(()),
        false => Err(format!("it was not taken over as it is, and changed: {expiry:?}").into()),
    }
}

fn secret(name: &str, password: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{ name: {name}, labels: {{ iggyctl.dev/watch: \"true\" }} }}\n\
         stringData: {{ password: {password} }}\n---\n"
    )
}

/// With the live password and with another one, which would let somebody else in.
fn user(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.by_hand(async |root| {
        root.create_user("svc", "live-password", UserStatus::Active, None)
            .await
            .unwrap();
    });
    let user = |more: &str| {
        format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyUser\nmetadata: {{ name: svc }}\nspec:\n  \
             password: {{ secretKeyRef: {{ name: svc, key: password }} }}\n  permissions: {{ allow: [read_streams] }}\n{more}"
        )
    };
    let may_read = || {
        let found = laboratory.by_hand(async |root| {
            root.get_user(&Identifier::named("svc").unwrap())
                .await
                .unwrap()
        });
        found.is_some_and(|it| it.permissions.is_some_and(|it| it.global.read_streams))
    };
    laboratory.apply(&[secret("svc", "another-password"), user("")].concat())?;
    refused(&laboratory, "igu/svc")?;
    laboratory.apply(&user("  adoption: Adopt\n"))?;
    // Nobody knows the live one.
    laboratory.wait_for("igu/svc", "Stalled", "True", "Blocked")?;
    if !laboratory.lets_in("svc:live-password") {
        return Err("the password was changed".into());
    }
    laboratory.apply(&secret("svc", "live-password"))?;
    laboratory.ready("igu/svc")?;
    match may_read() && laboratory.lets_in("svc:live-password") {
        true => Ok(()),
        false => Err("it was not taken over as it is declared".into()),
    }
}

/// Two objects say what the password of a user is. Only that of the holder is known to let in,
/// also after it was tried anew.
fn password_stays(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::start(plane)?;
    let user = |name: &str| {
        format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyUser\nmetadata: {{ name: {name} }}\nspec:\n  \
             name: svc\n  password: {{ secretKeyRef: {{ name: {name}, key: password }} }}\n---\n"
        )
    };
    laboratory.apply(&[secret("one", "first-password"), user("one")].concat())?;
    laboratory.ready("igu/one")?;
    laboratory.apply(&[secret("two", "other-password"), user("two")].concat())?;
    laboratory.wait_for("igu/two", "Ready", "False", "Conflicted")?;
    laboratory.kill_operator();
    laboratory.start_operator()?;
    laboratory.round("igu/one")?;
    laboratory.delete("igu/one")?;
    laboratory.wait_for("igu/two", "Ready", "False", "Blocked")?;
    if !laboratory.lets_in("svc:first-password") || laboratory.lets_in("svc:other-password") {
        return Err("the password is not the one that it was".into());
    }
    laboratory.apply(&secret("two", "first-password"))?;
    laboratory.ready("igu/two")?;
    Ok(())
}
