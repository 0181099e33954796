//! The operator is killed at each change that it makes on a server, before it is made and after it,
//! with the answer on its way; the next one goes on. (That all that is created is known for its own
//! then is in `robust`.)

use std::time::Duration;

use iggy::prelude::*;
use iggyctl_embedded::{Fault, FaultKind, FaultPlan, FaultTarget};
use libtest_mimic::Trial;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::Laboratory;
use crate::messages::{poll, send};
use crate::tokens::value;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("killed_at_each_step_of_an_update", |plane| {
            UPDATE.survive(plane)
        }),
        trial("killed_at_each_step_of_a_rename", |plane| {
            RENAME.survive(plane)
        }),
        trial("killed_at_each_step_of_a_deletion", |plane| {
            DELETION.survive(plane)
        }),
        trial("killed_at_each_step_of_an_adoption", |plane| {
            ADOPTION.survive(plane)
        }),
        trial("killed_at_each_step_of_a_password_rotation", |plane| {
            ROTATION.survive(plane)
        }),
        trial("killed_at_each_step_of_a_token_delivery", |plane| {
            TOKEN.survive(plane)
        }),
    ]
}

/// More changes than any of these takes.
const MOST: u64 = 8;

/// When the operator is killed.
#[derive(Debug, Clone, Copy)]
enum Killed {
    Before,
    After,
}

/// Something that takes several changes.
struct Change {
    /// What there is before it, by a name of its own.
    before: fn(&str) -> String,
    /// What somebody else did before it.
    by_hand: fn(&Laboratory<'_>, &str),
    /// The object that is changed.
    object: fn(&str) -> String,
    is_there_before: bool,
    change: fn(&Laboratory<'_>, &str) -> Result<(), Failure>,
    /// Whether all of it is done.
    is_done: fn(&Laboratory<'_>, &str) -> bool,
    is_deletion: bool,
}

impl Change {
    fn survive(&self, plane: &ControlPlane) -> Result<(), Failure> {
        let mut laboratory = Laboratory::without_operator(plane)?;
        laboratory.connect_server()?;
        laboratory.start_operator()?;
        let all = (1..=MOST).flat_map(|number| [(number, Killed::Before), (number, Killed::After)]);
        let all: Vec<_> = all
            .map(|(number, when)| {
                (
                    number,
                    when,
                    format!("{}-{number}", format!("{when:?}").to_lowercase()),
                )
            })
            .collect();
        let manifests: String = all.iter().map(|(_, _, name)| (self.before)(name)).collect();
        if !manifests.is_empty() {
            laboratory.apply(&manifests)?;
        }
        for (_, _, name) in all.iter().filter(|_| self.is_there_before) {
            laboratory.ready(&(self.object)(name))?;
        }
        // What is held is kept, also of what was there last.
        laboratory.apply(&stream("last", ""))?;
        laboratory.ready("igst/last")?;
        laboratory.round("igst/last")?;
        laboratory.kill_operator();
        let mut most = 0;
        for (number, when, name) in &all {
            (self.by_hand)(&laboratory, name);
            let told = |error: Failure| format!("{when:?} change {number}: {error}");
            let was_killed = self.killed(&mut laboratory, *number, *when, name);
            if was_killed.map_err(told)? {
                most = *number;
            }
            laboratory.start_operator()?;
            self.is_well(&laboratory, name).map_err(told)?;
            laboratory.kill_operator();
            if most < *number {
                break;
            }
        }
        match most {
            0 => Err("it was never killed".into()),
            MOST => Err("there may be more changes".into()),
            _ => Ok(()),
        }
    }

    /// Kills it at the change of that number; false where it does not take so many.
    fn killed(
        &self,
        laboratory: &mut Laboratory<'_>,
        number: u64,
        when: Killed,
        name: &str,
    ) -> Result<bool, Failure> {
        (self.change)(laboratory, name)?;
        let (delay, times) = match when {
            Killed::Before => (Duration::from_secs(60), 1),
            Killed::After => (Duration::from_secs(1), u64::MAX),
        };
        laboratory
            .server()
            .faults()
            .set(FaultPlan::none().with(Fault {
                kind: FaultKind::Delay(delay),
                target: FaultTarget::Writes,
                at: number,
                times,
            }));
        let before = laboratory.writes();
        laboratory.start_operator()?;
        let is_asked = || laboratory.writes() - before >= number;
        laboratory.until("the change is asked for, or all is done", || {
            is_asked() || (self.is_done)(laboratory, name)
        })?;
        let is_asked = is_asked();
        if is_asked && matches!(when, Killed::After) {
            laboratory.signal_operator("STOP")?;
            // It waits as long, and began later: what was asked for before it is done then.
            let marker = format!("marker-{name}");
            laboratory.by_hand(async |root| {
                root.create_stream(&marker).await.unwrap();
            });
        }
        laboratory.kill_operator();
        laboratory.server().faults().clear();
        Ok(is_asked)
    }

    fn is_well(&self, laboratory: &Laboratory<'_>, name: &str) -> Result<(), Failure> {
        let object = (self.object)(name);
        if self.is_deletion {
            laboratory.gone(&object)?;
        } else {
            laboratory.ready(&object)?;
        }
        laboratory.until("all is done", || (self.is_done)(laboratory, name))?;
        let bare = object.rsplit('/').next().unwrap_or_default();
        for reason in [
            "AdoptionRefused",
            "Orphaned",
            "DriftCorrected",
            "Conflicted",
        ] {
            let told = laboratory.events(bare, reason)?;
            if !told.is_empty() {
                return Err(format!("{reason}: {told:?}\n{}", laboratory.log()).into());
            }
        }
        Ok(())
    }
}

fn object(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec: {spec}\n---\n"
    )
}

fn stream(name: &str, more: &str) -> String {
    object(
        "IggyStream",
        name,
        &format!("{{ topics: [{{ name: events }}]{more} }}"),
    )
}

/// The partitions and the expiry of a topic, where it is there with its message.
fn topic(laboratory: &Laboratory<'_>, stream: &str, topic: &str) -> Option<String> {
    let found = laboratory.by_hand(async |root| {
        let (stream, topic) = (Identifier::named(stream), Identifier::named(topic));
        root.get_topic(&stream.unwrap(), &topic.unwrap())
            .await
            .unwrap()
    })?;
    let polled = poll(laboratory, stream, topic);
    Some(format!(
        "{} {} {polled:?}",
        found.partitions_count, found.message_expiry
    ))
}

const NOTHING: fn(&Laboratory<'_>, &str) = |_, _| {};

const UPDATE: Change = Change {
    before: |name| stream(name, ""),
    by_hand: |laboratory, name| send(laboratory, name, "events", &["m"]),
    object: |name| format!("igst/{name}"),
    is_there_before: true,
    change: |laboratory, name| {
        let topic = "{ topics: [{ name: events, partitions: 3, messageExpiry: 2h }] }";
        laboratory.apply(&object("IggyStream", name, topic))
    },
    is_done: |laboratory, name| {
        topic(laboratory, name, "events").as_deref() == Some(r#"3 2h ["m"]"#)
    },
    is_deletion: false,
};

const RENAME: Change = Change {
    before: |name| stream(name, ""),
    by_hand: |laboratory, name| send(laboratory, name, "events", &["m"]),
    object: |name| format!("igst/{name}"),
    is_there_before: true,
    change: |laboratory, name| {
        let spec = format!(
            "{{ name: new-{name}, previousName: {name}, topics: [{{ name: happenings, previousName: events }}] }}"
        );
        laboratory.apply(&object("IggyStream", name, &spec))
    },
    is_done: |laboratory, name| {
        let new = topic(laboratory, &format!("new-{name}"), "happenings");
        new.is_some_and(|it| it.ends_with(r#"["m"]"#)) && laboratory.stream_id(name).is_none()
    },
    is_deletion: false,
};

const DELETION: Change = Change {
    before: |name| {
        let topics = "topics: [{ name: events, consumerGroups: [billing] }, { name: more }]";
        object(
            "IggyStream",
            name,
            &format!("{{ deletionPolicy: Delete, {topics} }}"),
        )
    },
    by_hand: |laboratory, name| send(laboratory, name, "events", &["m"]),
    object: |name| format!("igst/{name}"),
    is_there_before: true,
    change: |laboratory, name| laboratory.delete(&format!("igst/{name}")),
    is_done: |laboratory, name| laboratory.stream_id(name).is_none(),
    is_deletion: true,
};

const ADOPTION: Change = Change {
    before: |_| String::new(),
    by_hand: |laboratory, name| {
        laboratory.by_hand(async |root| {
            root.create_stream(name).await.unwrap();
            let stream = Identifier::named(name).unwrap();
            let options = TopicCreateOptions::default();
            root.create_topic(&stream, "events", &options)
                .await
                .unwrap();
        });
        send(laboratory, name, "events", &["m"]);
    },
    object: |name| format!("igst/{name}"),
    is_there_before: false,
    change: |laboratory, name| {
        let topics = "topics: [{ name: events, partitions: 2, messageExpiry: 2h }, { name: more }]";
        laboratory.apply(&object(
            "IggyStream",
            name,
            &format!("{{ adoption: Adopt, {topics} }}"),
        ))
    },
    is_done: |laboratory, name| {
        topic(laboratory, name, "events").as_deref() == Some(r#"2 2h ["m"]"#)
            && laboratory.has_topic(name, "more")
    },
    is_deletion: false,
};

fn secret(name: &str, password: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{ name: {name}, labels: {{ iggyctl.dev/watch: \"true\" }} }}\n\
         stringData: {{ password: {password} }}\n---\n"
    )
}

fn user(name: &str) -> String {
    let spec = format!("{{ password: {{ secretKeyRef: {{ name: {name}, key: password }} }} }}");
    [
        secret(name, "first-password"),
        object("IggyUser", name, &spec),
    ]
    .concat()
}

const ROTATION: Change = Change {
    before: user,
    by_hand: NOTHING,
    object: |name| format!("igu/{name}"),
    is_there_before: true,
    change: |laboratory, name| laboratory.apply(&secret(name, "second-password")),
    is_done: |laboratory, name| laboratory.lets_in(&format!("{name}:second-password")),
    is_deletion: false,
};

const TOKEN: Change = Change {
    before: user,
    by_hand: NOTHING,
    object: |name| format!("igat/token-{name}"),
    is_there_before: false,
    change: |laboratory, name| {
        let spec = format!(
            "{{ user: {name}, expiry: 30d, writeTo: {{ secretKeyRef: {{ name: token-{name}, key: token }} }} }}"
        );
        laboratory.apply(&object("IggyAccessToken", &format!("token-{name}"), &spec))
    },
    is_done: |laboratory, name| {
        let Ok(value) = value(laboratory, &format!("token-{name}"), "token") else {
            return false;
        };
        let tokens = laboratory.as_user(name, "first-password", async |client| {
            client.get_personal_access_tokens().await.unwrap().len()
        });
        // None is left behind whose value nobody knows.
        !value.is_empty() && tokens == 1 && laboratory.lets_token_in(&value)
    },
    is_deletion: false,
};
