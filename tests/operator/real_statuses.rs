//! What Argo CD and Flux make of real objects, of each kind and in each state that they get into:
//! what the operator wrote of them, and not what somebody thinks that it writes.

use std::cell::RefCell;
use std::collections::BTreeSet;

use iggy::prelude::*;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::columns;
use crate::control_plane::{ControlPlane, Failure};
use crate::gitops::{argo, kstatus, shape, shapes};
use crate::laboratory::Laboratory;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "argo_cd_and_flux_understand_what_the_operator_writes",
        are_understood,
    )]
}

/// What was seen, and what was made of it.
struct Seen<'a> {
    laboratory: &'a Laboratory<'a>,
    shapes: RefCell<BTreeSet<String>>,
    /// Kinds with the reasons that their objects had.
    states: RefCell<BTreeSet<(String, String)>>,
}

/// A state that an object comes to, and what is made of it.
struct State {
    reason: &'static str,
    argo: &'static str,
    flux: &'static str,
}

const READY: State = state("Applied", "Healthy", "Current");

const fn state(reason: &'static str, argo: &'static str, flux: &'static str) -> State {
    State { reason, argo, flux }
}

/// For a person to decide.
const fn stalled(reason: &'static str) -> State {
    state(reason, "Degraded", "Failed")
}

/// Tried again.
const fn tried(reason: &'static str) -> State {
    state(reason, "Progressing", "InProgress")
}

fn reason(object: &Value) -> &str {
    let conditions = object["status"]["conditions"].as_array();
    let ready = conditions
        .into_iter()
        .flatten()
        .find(|it| it["type"] == "Ready");
    ready
        .and_then(|it| it["reason"].as_str())
        .unwrap_or_default()
}

impl Seen<'_> {
    /// Waits until the present spec of an object has the reason, and asks both.
    fn comes_to(&self, object: &str, state: &State) -> Result<Value, Failure> {
        let found = self.laboratory.wait(object, state.reason, |found| {
            reason(found) == state.reason
                && found["status"]["observedGeneration"] == found["metadata"]["generation"]
        })?;
        self.is(&found, state)?;
        Ok(found)
    }

    fn is(&self, object: &Value, state: &State) -> Result<(), Failure> {
        let said = argo(object)?;
        if said["status"] != state.argo || kstatus(object) != state.flux {
            return Err(format!(
                "Argo CD says {said}, and Flux {}: {object:#}",
                kstatus(object)
            )
            .into());
        }
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        let state = reason(object).to_owned();
        self.shapes.borrow_mut().insert(shape(object));
        self.states.borrow_mut().insert((kind, state));
        Ok(())
    }

    /// As it is now, whatever it was before.
    fn is_now(&self, object: &str, state: &State) -> Result<(), Failure> {
        self.is(&self.laboratory.get(object)?, state)
    }
}

/// Every kind that declares something.
const DECLARING: [&str; 6] = [
    "igtopo/shop",
    "igst/orders",
    "igt/events",
    "igcg/billing",
    "igu/app",
    "igat/ci",
];

/// The same once more.
const AGAIN: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: again }
spec: { streams: [{ name: shop }] }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyStream
metadata: { name: again }
spec: { name: orders }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopic
metadata: { name: again }
spec: { stream: orders, name: events, partitions: 3 }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyConsumerGroup
metadata: { name: again }
spec: { stream: orders, topic: events, name: billing }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyUser
metadata: { name: again }
spec: { name: app }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyAccessToken
metadata: { name: again }
spec: { name: ci, user: app, expiry: 30d, writeTo: { secretKeyRef: { name: again, key: token } } }
";

/// On servers that are not there, or that nobody can log in to.
const ELSEWHERE: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyServer
metadata: { name: silent }
spec: { address: \"iggy://127.0.0.1:1\", credentialsSecretRef: { name: root } }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyServer
metadata: { name: locked }
spec: { address: \"iggy://127.0.0.1:1\", credentialsSecretRef: { name: no-such-secret } }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyServer
metadata: { name: meaningless }
spec: { address: \"iggy+http://127.0.0.1:1\", credentialsSecretRef: { name: root } }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyStream
metadata: { name: silent }
spec: { serverRef: { kind: IggyServer, name: silent } }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyStream
metadata: { name: locked }
spec: { serverRef: { kind: IggyServer, name: locked } }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyStream
metadata: { name: meaningless }
spec: { serverRef: { kind: IggyServer, name: meaningless } }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyStream
metadata: { name: nowhere }
spec: { serverRef: { kind: IggyServer, name: nowhere } }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggySmokeTest
metadata: { name: nowhere }
spec: { serverRef: { kind: IggyServer, name: nowhere } }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggySmokeTest
metadata: { name: waits }
spec: { topologyRef: { name: not-yet } }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyStream
metadata: { name: reported }
spec: { driftPolicy: Report, topics: [{ name: events }] }
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyStream
metadata: { name: by-hand }
spec: {}
---
apiVersion: iggyctl.dev/v1alpha1
kind: IggyStream
metadata: { name: full }
spec: { deletionPolicy: DeleteIfEmpty, topics: [{ name: events }] }
";

/// A server object with this address, and a stream that is to be deleted there with its object.
fn moves(address: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyServer\nmetadata: {{ name: moves }}\n\
         spec: {{ address: \"iggy://{address}\", credentialsSecretRef: {{ name: root }} }}\n---\n\
         apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: {{ name: moves }}\n\
         spec: {{ serverRef: {{ kind: IggyServer, name: moves }}, deletionPolicy: Delete }}\n"
    )
}

fn are_understood(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::without_operator(plane)?;
    laboratory.connect_server()?;
    laboratory.apply(columns::OBJECTS)?;
    laboratory.apply(&moves(&laboratory.server().address().to_string()))?;
    let before: Vec<Value> = DECLARING
        .iter()
        .map(|object| laboratory.get(object))
        .collect::<Result<_, _>>()?;
    laboratory.start_operator()?;
    let seen = Seen {
        laboratory: &laboratory,
        shapes: RefCell::default(),
        states: RefCell::default(),
    };
    for object in &before {
        seen.is(object, &state("", "Progressing", "InProgress"))?;
    }
    seen.comes_to("igs/default", &READY)?;
    for object in DECLARING {
        seen.comes_to(object, &READY)?;
    }
    seen.comes_to("igst/moves", &READY)?;
    let passed = state("SmokeTestPassed", "Healthy", "Current");
    seen.comes_to("igsmoke/works", &passed)?;

    laboratory.apply(AGAIN)?;
    for object in ["igtopo", "igst", "igt", "igcg", "igu", "igat"] {
        seen.comes_to(&format!("{object}/again"), &stalled("Conflicted"))?;
    }

    laboratory.by_hand(async |root| {
        root.create_stream("by-hand").await.unwrap();
    });
    laboratory.apply(ELSEWHERE)?;
    seen.comes_to("igst/by-hand", &stalled("AdoptionRefused"))?;
    seen.comes_to("igst/silent", &tried("ServerUnavailable"))?;
    seen.comes_to("igs/silent", &tried("ServerUnavailable"))?;
    seen.comes_to("igst/locked", &stalled("CredentialsMissing"))?;
    seen.comes_to("igs/locked", &stalled("CredentialsMissing"))?;
    seen.comes_to("igs/meaningless", &stalled("InvalidSpec"))?;
    seen.comes_to("igst/meaningless", &stalled("InvalidSpec"))?;
    seen.comes_to("igst/nowhere", &stalled("ServerNotFound"))?;
    seen.comes_to("igsmoke/nowhere", &stalled("ServerNotFound"))?;

    seen.comes_to("igsmoke/waits", &tried("Progressing"))?;

    seen.comes_to("igst/reported", &READY)?;
    laboratory.delete_topic_by_hand("reported", "events");
    laboratory.look_again("igst/reported")?;
    seen.comes_to("igst/reported", &stalled("DriftFound"))?;

    laboratory.patch("igu/app", columns::BLOCKED)?;
    seen.comes_to("igu/app", &stalled("Blocked"))?;
    laboratory.annotate("igcg/billing", "pause=true")?;
    let paused = state("Paused", "Suspended", "Failed");
    seen.comes_to("igcg/billing", &paused)?;
    laboratory.annotate("igcg/billing", "pause=false")?;
    seen.comes_to("igcg/billing", &READY)?;

    seen.comes_to("igst/full", &READY)?;
    send(&laboratory);
    laboratory.delete("igst/full")?;
    let deleting = state("HoldsData", "Degraded", "Terminating");
    seen.comes_to("igst/full", &deleting)?;
    laboratory.apply(&moves("127.0.0.1:1"))?;
    laboratory.delete("igst/moves")?;
    let deleting = state("ServerUnavailable", "Progressing", "Terminating");
    seen.comes_to("igst/moves", &deleting)?;

    // Nobody looks any more.
    let (shapes, states) = (seen.shapes.take(), seen.states.take());
    laboratory.kill_operator();
    let seen = Seen {
        laboratory: &laboratory,
        shapes: RefCell::new(shapes),
        states: RefCell::new(states),
    };
    for (object, patch) in [
        ("igst/orders", r#"{"spec":{"interval":"1m"}}"#),
        ("igu/app", r#"{"spec":{"permissions":null}}"#),
    ] {
        laboratory.patch(object, patch)?;
        seen.is_now(object, &state("", "Progressing", "InProgress"))?;
    }
    laboratory.annotate("igst/orders", "pause=true")?;
    seen.is_now("igst/orders", &state("", "Suspended", "InProgress"))?;
    seen.cover_the_cases()
}

impl Seen<'_> {
    /// The cases by hand are all of them among what was seen.
    fn cover_the_cases(&self) -> Result<(), Failure> {
        let shapes_seen = self.shapes.borrow();
        for (name, shape) in shapes()? {
            if !shapes_seen.contains(&shape) {
                return Err(format!("{name} was never seen: {shape}\n{shapes_seen:#?}").into());
            }
        }
        let states = self.states.borrow();
        match states.len() > 30 {
            true => Ok(()),
            false => Err(format!("only {states:?}").into()),
        }
    }
}

fn send(laboratory: &Laboratory<'_>) {
    laboratory.by_hand(async |root| {
        let message = IggyMessage::builder().payload("m".into()).build().unwrap();
        let (stream, topic) = (Identifier::named("full"), Identifier::named("events"));
        let partition = Partitioning::partition_id(0);
        root.send_messages(
            &stream.unwrap(),
            &topic.unwrap(),
            &partition,
            &mut [message],
        )
        .await
        .unwrap();
    });
}
