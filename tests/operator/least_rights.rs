//! The least rights on a server with which the operator's own login does something, as the table
//! of `docs/operator-least-rights.md` has them: with exactly these an object becomes ready, and not
//! without one of them.

use std::collections::{BTreeMap, BTreeSet};

use iggy::prelude::*;
use iggyctl_core::access::{
    Grants, ServerPermission as Server, StreamGrants, StreamPermission as Stream,
    TopicPermission as Topic,
};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::control_plane::{ControlPlane, Failure, repository};
use crate::grants::{permissions, with_one_word_less};
use crate::laboratory::Laboratory;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![Trial::test("the_least_rights_are_documented", || {
        documented().map_err(|error| error.to_string().into())
    })];
    trials.push(trial("least_rights_are_enough", |plane| {
        of_each(plane, Case::is_enough)
    }));
    trials.push(trial("least_rights_are_the_least", |plane| {
        of_each(plane, Case::is_least)
    }));
    trials
}

/// What the operator is for; `@` in texts is the name of the stream and of the user.
struct Case {
    /// How the table calls it.
    documented: &'static str,
    server: &'static [Server],
    /// On the stream.
    on_stream: &'static [Stream],
    /// On its topic `events`.
    on_topic: &'static [Topic],
    kind: &'static str,
    spec: &'static str,
}

impl Case {
    const fn on_server(
        documented: &'static str,
        server: &'static [Server],
        kind: &'static str,
        spec: &'static str,
    ) -> Self {
        Self {
            documented,
            server,
            on_stream: &[],
            on_topic: &[],
            kind,
            spec,
        }
    }

    const fn on_stream(
        documented: &'static str,
        on_stream: &'static [Stream],
        on_topic: &'static [Topic],
        kind: &'static str,
        spec: &'static str,
    ) -> Self {
        Self {
            documented,
            server: &[],
            on_stream,
            on_topic,
            kind,
            spec,
        }
    }
}

/// The stream `@-there`, with the topic `events` and its group `billing`, and the user `@-there`
/// are on the server before.
const CASES: &[Case] = &[
    Case::on_server(
        "to look at streams, topics and groups (`management: ObserveOnly`)",
        &[Server::ReadStreams],
        "IggyStream",
        "name: @-there, management: ObserveOnly, topics: [{ name: events, consumerGroups: [billing] }]",
    ),
    Case::on_server(
        "streams, with all that is in them",
        &[Server::ManageStreams],
        "IggyTopology",
        "streams: [{ name: @, topics: [{ name: events, consumerGroups: [billing] }] }]",
    ),
    Case::on_stream(
        "one stream that is there, with all that is in it",
        &[Stream::ManageStream],
        &[],
        "IggyStream",
        "name: @-there, adoption: Adopt, topics: [{ name: events, partitions: 2, consumerGroups: [billing] }, { name: refunds }]",
    ),
    Case::on_stream(
        "topics, with their groups, in a stream that is there",
        &[Stream::ReadStream, Stream::ManageTopics],
        &[],
        "IggyTopic",
        "stream: @-there, name: refunds, consumerGroups: [audit]",
    ),
    Case::on_stream(
        "one topic that is there",
        &[Stream::ReadStream],
        &[Topic::ManageTopic],
        "IggyTopic",
        "stream: @-there, name: events, partitions: 2, adoption: Adopt",
    ),
    Case::on_stream(
        "consumer groups in a stream that is there",
        &[Stream::ReadStream],
        &[],
        "IggyConsumerGroup",
        "stream: @-there, topic: events, name: audit",
    ),
    Case::on_server(
        "users, their permissions and passwords",
        &[Server::ReadStreams, Server::ManageUsers],
        "IggyUser",
        "name: @, password: { secretKeyRef: { name: user, key: password } }, permissions: { streams: [{ name: @-there, preset: consumer }] }",
    ),
    Case::on_server(
        "access tokens of users that are there",
        &[Server::ReadStreams, Server::ReadUsers],
        "IggyTopology",
        "adoption: Adopt, users: [{ name: @-there, password: { secretKeyRef: { name: user, key: password } }, tokens: [{ name: ci, expiry: 30d, writeTo: { secretKeyRef: { name: @-token, key: token } } }] }]",
    ),
    Case::on_server(
        "streams and users",
        &[Server::ManageStreams, Server::ManageUsers],
        "IggyTopology",
        "streams: [{ name: @ }], users: [{ name: @, password: { secretKeyRef: { name: user, key: password } }, permissions: { streams: [{ name: @, preset: consumer }] } }]",
    ),
];

/// As a line of the table.
fn line(case: &Case) -> String {
    let server = case.server.iter().map(|word| format!("`{word}`"));
    let stream = case.on_stream.iter();
    let stream = stream.map(|word| format!("`{word}` on the stream"));
    let topic = case.on_topic.iter();
    let topic = topic.map(|word| format!("`{word}` on the topic"));
    let words: Vec<String> = server.chain(stream).chain(topic).collect();
    format!("| {} | {} |", case.documented, words.join(", "))
}

fn documented() -> Result<(), Failure> {
    let page = std::fs::read_to_string(repository("docs/operator-least-rights.md"))?;
    let section = page.split("\n## On the Iggy server\n").nth(1);
    let section = section.and_then(|rest| rest.split("\n## ").next());
    let table: Vec<&str> = section
        .ok_or("no section about it")?
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains("| `"))
        .collect();
    let expected: Vec<String> = CASES.iter().map(line).collect();
    match table == expected {
        true => Ok(()),
        false => Err(format!("the table is to be:\n{}", expected.join("\n")).into()),
    }
}

const PASSWORD: &str = "password-of-somebody";

fn of_each(
    plane: &ControlPlane,
    prove: fn(&Case, &Attempts<'_>, &str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut laboratory = Laboratory::without_operator(plane)?;
    laboratory.apply(&format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{ name: user, labels: {{ iggyctl.dev/watch: \"true\" }} }}\n\
         stringData: {{ password: {PASSWORD} }}\n"
    ))?;
    laboratory.start_operator()?;
    let attempts = Attempts {
        laboratory: &laboratory,
    };
    for (number, case) in CASES.iter().enumerate() {
        prove(case, &attempts, &format!("case-{number}"))
            .map_err(|error| format!("{}: {error}", case.documented))?;
    }
    Ok(())
}

impl Case {
    fn is_enough(&self, attempts: &Attempts<'_>, name: &str) -> Result<(), Failure> {
        attempts.begin(self, name, |grants| grants)?;
        let object = self.object(name);
        attempts
            .laboratory
            .wait(&object, "ready", |found| is_ready(found, "True"))?;
        Ok(())
    }

    fn is_least(&self, attempts: &Attempts<'_>, name: &str) -> Result<(), Failure> {
        let words = self.server.len() + self.on_stream.len() + self.on_topic.len();
        for lacking in 0..words {
            let name = format!("{name}-{lacking}");
            attempts.begin(self, &name, |grants| {
                with_one_word_less(&grants).swap_remove(lacking)
            })?;
            // For want of a right, and of nothing else; what is said before it knows its server
            // passes.
            let says_why = ["41", "may not", "could not be read", "cannot be read"];
            let object = self.object(&name);
            let found = attempts
                .laboratory
                .wait(&object, "ready, or refused", |found| {
                    let conditions = found["status"]["conditions"].to_string();
                    let is_refused = says_why.iter().any(|words| conditions.contains(words));
                    is_ready(found, "True") || is_ready(found, "False") && is_refused
                })?;
            if is_ready(&found, "True") {
                let status = &found["status"];
                return Err(format!("without the right {lacking}: {status:#}").into());
            }
        }
        Ok(())
    }

    fn object(&self, name: &str) -> String {
        format!("{}/{name}", self.kind)
    }
}

fn is_ready(object: &Value, status: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|it| it["type"] == "Ready" && it["status"] == status)
}

/// With an operator that runs.
struct Attempts<'a> {
    laboratory: &'a Laboratory<'a>,
}

impl Attempts<'_> {
    /// What is there before, a login with the rights, a server object with the login, and an
    /// object on it, all of one name.
    fn begin(
        &self,
        case: &Case,
        name: &str,
        rights: impl FnOnce(Grants<u32>) -> Grants<u32>,
    ) -> Result<(), Failure> {
        let login = format!("login-{name}");
        self.laboratory.by_hand(async |root| {
            let there = format!("{name}-there");
            let stream = root.create_stream(&there).await.unwrap();
            let named = Identifier::named(&there).unwrap();
            let events = Identifier::named("events").unwrap();
            let options = TopicCreateOptions::default();
            let topic = root.create_topic(&named, "events", &options).await.unwrap();
            root.create_consumer_group(&named, &events, "billing")
                .await
                .unwrap();
            root.create_user(&there, PASSWORD, UserStatus::Active, None)
                .await
                .unwrap();
            let granted = StreamGrants {
                allow: case.on_stream.iter().copied().collect(),
                topics: match case.on_topic {
                    [] => BTreeMap::new(),
                    words => BTreeMap::from([(topic.id, words.iter().copied().collect())]),
                },
            };
            let all = Grants {
                server: case.server.iter().copied().collect::<BTreeSet<_>>(),
                streams: BTreeMap::from([(stream.id, granted)]),
            };
            let permissions = permissions(&rights(all));
            root.create_user(&login, PASSWORD, UserStatus::Active, Some(permissions))
                .await
                .unwrap();
        });
        let address = self.laboratory.server().address();
        let Case { kind, spec, .. } = case;
        let spec = spec.replace('@', name);
        self.laboratory.apply(&format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{ name: {login}, labels: {{ iggyctl.dev/watch: \"true\" }} }}\n\
             stringData: {{ username: {login}, password: {PASSWORD} }}\n---\n\
             apiVersion: iggyctl.dev/v1alpha1\nkind: IggyServer\nmetadata: {{ name: {name} }}\n\
             spec: {{ address: \"iggy://{address}\", credentialsSecretRef: {{ name: {login} }} }}\n---\n\
             apiVersion: iggyctl.dev/v1alpha1\nkind: {kind}\nmetadata: {{ name: {name} }}\n\
             spec: {{ serverRef: {{ kind: IggyServer, name: {name} }}, {spec} }}\n"
        ))
    }
}
