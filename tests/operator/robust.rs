//! What goes wrong around the operator, and what becomes of the objects.

use std::time::Duration;

use iggy::prelude::*;
use iggy_binary_protocol::codes;
use iggyctl_embedded::{Fault, FaultKind, FaultPlan, FaultTarget};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::Laboratory;
use crate::{definitions, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("robust_killed_at_each_change_it_knows_its_own", killed),
        trial(
            "robust_killed_while_many_are_created_it_knows_its_own",
            killed_among_many,
        ),
        trial("robust_the_server_is_lost_at_each_change", server_lost),
        trial("robust_asked_again_and_again_it_knows_its_own", asked_again),
        trial("robust_the_server_is_down_and_comes_back", down_and_back),
        trial("robust_a_wrong_password_is_corrected", wrong_password),
        trial("robust_a_secret_is_removed_and_restored", secret_removed),
        trial("robust_an_emptied_server_must_be_acknowledged", emptied),
        trial("robust_another_ledger_must_be_acknowledged", another_ledger),
        trial(
            "robust_all_that_is_gone_from_a_server_with_its_ledger_is_made_again",
            same_ledger,
        ),
        trial(
            "robust_all_that_is_gone_from_a_server_that_went_on_is_made_again",
            same_process,
        ),
        trial(
            "robust_an_invalid_server_object_is_said_and_not_stuck",
            invalid_server,
        ),
        trial(
            "robust_what_cannot_be_written_of_one_is_no_trouble_for_others",
            one_refused,
        ),
        trial("robust_a_stream_of_the_same_name_is_recognised", recreated),
        trial("robust_the_api_server_is_restarted", api_server),
        trial("robust_of_two_operators_one_writes", two_operators),
    ]
}

const TOPOLOGY: &str = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: all }\nspec:\n  \
     streams:\n    - name: orders\n      topics:\n        - { name: events, consumerGroups: [billing] }\n        \
     - { name: refunds }\n    - name: payments\n      topics: [{ name: captured }]\n";

/// The login of the operator itself.
const ROOT: &str = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyUser\nmetadata: { name: root }\nspec: { name: iggy, \
     adoption: Adopt, password: { secretKeyRef: { name: root, key: password } } }\n";

/// Two streams, three topics, a group.
const CHANGES: u64 = 6;

const STREAM: &str = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: orders }\nspec: { topics: [{ name: events }] }\n";

fn has_reason(laboratory: &Laboratory<'_>, object: &str, reason: &str) -> Result<bool, Failure> {
    let object = laboratory.get(object)?;
    Ok(object["status"]["conditions"].to_string().contains(reason))
}

/// The topology with names of its own.
fn numbered(number: u64) -> String {
    let text = TOPOLOGY.replace("name: all", &format!("name: all-{number}"));
    let text = text.replace("name: orders", &format!("name: orders-{number}"));
    text.replace("name: payments", &format!("name: payments-{number}"))
}

fn knows_its_own(laboratory: &Laboratory<'_>, number: u64, when: &str) -> Result<(), Failure> {
    let name = format!("all-{number}");
    let told = |error| format!("{when} change {number}: {error}");
    laboratory.ready(&format!("igtopo/{name}")).map_err(told)?;
    match laboratory.events(&name, "AdoptionRefused")?.is_empty() {
        true => Ok(()),
        false => Err(told("it did not know its own".into()).into()),
    }
}

/// Before each change, which is after the one before it.
fn killed(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::without_operator(plane)?;
    laboratory.connect_server()?;
    for number in 1..=CHANGES {
        let slow = FaultKind::Delay(Duration::from_secs(60));
        let plan = FaultPlan::none().once(slow, FaultTarget::Writes, number);
        laboratory.server().faults().set(plan);
        laboratory.apply(&numbered(number))?;
        let before = laboratory.writes();
        laboratory.start_operator()?;
        laboratory.until("the change is asked for", || {
            laboratory.writes() - before >= number
        })?;
        laboratory.kill_operator();
        laboratory.server().faults().clear();
        laboratory.start_operator()?;
        knows_its_own(&laboratory, number, "killed before")?;
        laboratory.kill_operator();
    }
    Ok(())
}

/// What many objects create at once is marked in one place, until their statuses say it.
fn killed_among_many(plane: &ControlPlane) -> Result<(), Failure> {
    const MANY: u64 = 24;
    let mut laboratory = Laboratory::without_operator(plane)?;
    laboratory.connect_server()?;
    let marks = |laboratory: &Laboratory<'_>| -> Result<usize, Failure> {
        let server = laboratory.get("igs/default")?;
        Ok(server["status"]["creating"].as_array().map_or(0, Vec::len))
    };
    for at in [1, MANY / 2, MANY] {
        let slow = FaultKind::Delay(Duration::from_secs(60));
        let plan = FaultPlan::none().once(slow, FaultTarget::Writes, at);
        laboratory.server().faults().set(plan);
        let name = |number: u64| format!("many-{at}-{number}");
        let manifests: String = (0..MANY)
            .map(|number| {
                let stream = STREAM.replace("orders", &name(number));
                format!(
                    "---\n{}",
                    stream.replace("{ topics: [{ name: events }] }", "{}")
                )
            })
            .collect();
        laboratory.apply(&manifests)?;
        let before = laboratory.writes();
        laboratory.start_operator()?;
        laboratory.until("the change is asked for", || {
            laboratory.writes() - before >= at
        })?;
        laboratory.kill_operator();
        laboratory.server().faults().clear();
        if marks(&laboratory)? != usize::try_from(MANY)? {
            return Err(format!("{} marks before change {at}", marks(&laboratory)?).into());
        }
        laboratory.start_operator()?;
        for number in 0..MANY {
            laboratory.ready(&format!("igst/{}", name(number)))?;
            if !laboratory
                .events(&name(number), "AdoptionRefused")?
                .is_empty()
            {
                return Err(format!("{} did not know its own", name(number)).into());
            }
        }
        laboratory.until("no mark is left", || {
            marks(&laboratory).is_ok_and(|marks| marks == 0)
        })?;
        laboratory.kill_operator();
    }
    Ok(())
}

/// After each change, before its answer; then nothing answers for a while.
fn server_lost(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    for number in 1..=CHANGES {
        let lost = FaultPlan::none().once(FaultKind::LostReply, FaultTarget::Writes, number);
        laboratory.server().faults().set(match number % 2 {
            0 => lost,
            _ => lost.with(Fault {
                kind: FaultKind::Disconnect,
                target: FaultTarget::Any,
                at: 2 * number + 12,
                times: 3,
            }),
        });
        laboratory.apply(&numbered(number))?;
        knows_its_own(&laboratory, number, "lost after")?;
    }
    Ok(())
}

/// Each write is known at once, whenever the watch tells it.
fn asked_again(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    for number in 0..12 {
        let stream = STREAM.replace("name: orders", &format!("name: orders-{number}"));
        laboratory.apply(&stream)?;
        for _ in 0..3 {
            laboratory.annotate("igs/default", &format!("reconcile-requested-at={number}"))?;
        }
    }
    for number in 0..12 {
        laboratory.ready(&format!("igst/orders-{number}"))?;
        if !laboratory
            .events(&format!("orders-{number}"), "AdoptionRefused")?
            .is_empty()
        {
            return Err("it did not know its own".into());
        }
    }
    Ok(())
}

fn down_and_back(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::start(plane)?;
    laboratory.apply(STREAM)?;
    laboratory.ready("igst/orders")?;
    let address = laboratory.stop_server();
    laboratory.annotate("igst/orders", "reconcile-requested-at=now")?;
    laboratory.wait_for("igst/orders", "Reconciling", "True", "ServerUnavailable")?;
    laboratory.wait_for("igs/default", "Ready", "False", "ServerUnavailable")?;
    laboratory.told("default", "ServerUnavailable")?;
    // What is declared meanwhile waits.
    laboratory.apply(TOPOLOGY)?;
    laboratory.wait_for("igtopo/all", "Reconciling", "True", "ServerUnavailable")?;
    laboratory.resume_server(address)?;
    laboratory.ready("igst/orders")?;
    laboratory.ready("igs/default")?;
    // However often it was tried meanwhile, each is told once.
    let told = laboratory.told("default", "ServerReady")?;
    for reason in ["ServerUnavailable", "ServerReady"] {
        if laboratory.events("default", reason)?.len() != 1 {
            return Err(format!("{reason} is not told once: {told}").into());
        }
    }
    laboratory.wait_for("igtopo/all", "Conflicted", "True", "PartiallyConflicted")?;
    match laboratory.has_topic("payments", "captured") {
        true => Ok(()),
        false => Err("what waited was not made".into()),
    }
}

fn wrong_password(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.patch("secret/root", r#"{"stringData":{"password":"wrong"}}"#)?;
    laboratory.wait_for("igs/default", "Stalled", "True", "CredentialsRefused")?;
    laboratory.told("default", "CredentialsRefused")?;
    laboratory.apply(STREAM)?;
    laboratory.wait_for("igst/orders", "Ready", "False", "CredentialsRefused")?;
    laboratory.patch("secret/root", r#"{"stringData":{"password":"iggy"}}"#)?;
    laboratory.ready("igst/orders")?;
    laboratory.ready("igs/default")?;
    Ok(())
}

fn secret_removed(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(STREAM)?;
    laboratory.ready("igst/orders")?;
    laboratory.kubectl(&["delete", "secret/root"])?;
    laboratory.wait_for("igs/default", "Stalled", "True", "CredentialsMissing")?;
    let object = laboratory.wait_for("igst/orders", "Stalled", "True", "CredentialsMissing")?;
    if object["status"]["claims"].as_array().map(Vec::len) != Some(2) {
        return Err("what it holds was forgotten".into());
    }
    laboratory.connect_server()?;
    laboratory.ready("igst/orders")?;
    Ok(())
}

fn emptied(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::start(plane)?;
    laboratory.apply(TOPOLOGY)?;
    // Every server has a root, so that shows nothing.
    laboratory.apply(ROOT)?;
    laboratory.ready("igtopo/all")?;
    laboratory.ready("igu/root")?;
    laboratory.ready("igs/default")?;
    laboratory.replace_server()?;
    laboratory.annotate("igtopo/all", "reconcile-requested-at=now")?;
    let held = laboratory.wait_for("igtopo/all", "Stalled", "True", "ServerReplaced")?;
    laboratory.told("all", "ServerReplaced")?;
    laboratory.told("default", "ServerReplaced")?;
    if held["status"]["claims"].as_array().map(Vec::len) != Some(6) {
        return Err(format!("what it held was forgotten: {:#}", held["status"]).into());
    }
    acknowledged(&laboratory)
}

/// The words that a server object asks for.
pub(crate) fn acknowledgement(server: &Value) -> Result<String, Failure> {
    let message = server["status"]["conditions"].to_string();
    let words = message.split("iggyctl.dev/").nth(1);
    let words = words.and_then(|it| it.split('"').next());
    Ok(words.ok_or("it does not say what to write")?.to_owned())
}

/// Nothing is created until the server object has the words that it asks for.
fn acknowledged(laboratory: &Laboratory<'_>) -> Result<(), Failure> {
    let server = laboratory.wait_for("igs/default", "Stalled", "True", "ServerReplaced")?;
    let log = laboratory.server().requests();
    laboratory.annotate("igs/default", "acknowledge-replaced=2020-01-01T00:00:00Z")?;
    laboratory.round("igtopo/all")?;
    if log.count(codes::CREATE_STREAM_CODE) + log.count(codes::CREATE_TOPIC_CODE) > 0 {
        return Err("it was filled, and nobody asked for it".into());
    }
    laboratory.annotate("igs/default", &acknowledgement(&server)?)?;
    laboratory.ready("igtopo/all")?;
    laboratory.ready("igs/default")?;
    match laboratory.has_topic("orders", "events") {
        true => Ok(()),
        false => Err("nothing was created".into()),
    }
}

fn another_ledger(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::without_operator(plane)?;
    laboratory.apply_by_command_line()?;
    laboratory.connect_server()?;
    laboratory.start_operator()?;
    laboratory.apply(TOPOLOGY)?;
    laboratory.ready("igtopo/all")?;
    let server = laboratory.ready("igs/default")?;
    if server["status"]["serverIdentity"]
        .as_str()
        .is_none_or(|it| it.contains("iggy://"))
    {
        return Err(format!("it has no identity of its own: {:#}", server["status"]).into());
    }
    laboratory.replace_server()?;
    laboratory.annotate("igtopo/all", "reconcile-requested-at=now")?;
    let held = laboratory.wait_for("igtopo/all", "Stalled", "True", "ServerReplaced")?;
    if held["status"]["claims"].as_array().map(Vec::len) != Some(6) {
        return Err(format!("what it held was forgotten: {:#}", held["status"]).into());
    }
    acknowledged(&laboratory)
}

/// One stream is all that is held, and the ledger tells that the server is the one it was.
fn same_ledger(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::without_operator(plane)?;
    laboratory.apply_by_command_line()?;
    laboratory.connect_server()?;
    laboratory.start_operator()?;
    laboratory.apply(STREAM)?;
    laboratory.ready("igst/orders")?;
    laboratory.ready("igs/default")?;
    laboratory.by_hand(async |root| {
        let orders = Identifier::named("orders").unwrap();
        root.delete_stream(&orders).await.unwrap();
    });
    laboratory.look_again("igst/orders")?;
    laboratory.told("orders", "DriftCorrected")?;
    laboratory.ready("igst/orders")?;
    match laboratory.has_topic("orders", "events") {
        true => Ok(()),
        false => Err("it was not made again".into()),
    }
}

/// As [`same_ledger`], of a server that keeps none, but was not started anew.
fn same_process(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(STREAM)?;
    laboratory.ready("igst/orders")?;
    laboratory.ready("igs/default")?;
    laboratory.by_hand(async |root| {
        let orders = Identifier::named("orders").unwrap();
        root.delete_stream(&orders).await.unwrap();
    });
    laboratory.look_again("igst/orders")?;
    laboratory.told("orders", "DriftCorrected")?;
    laboratory.ready("igst/orders")?;
    match laboratory.has_topic("orders", "events") {
        true => Ok(()),
        false => Err("it was not made again".into()),
    }
}

/// Values that the API server takes and that mean nothing: it is said, and the object can go.
fn invalid_server(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(&STREAM.replace("{ topics", "{ deletionPolicy: Delete, topics"))?;
    laboratory.ready("igst/orders")?;
    laboratory.wait("igs/default", "kept", |it| {
        it["metadata"]["finalizers"].is_array()
    })?;
    laboratory.patch("igs/default", r#"{"spec":{"orphanAfter":"31d"}}"#)?;
    laboratory.wait_for("igs/default", "Stalled", "True", "InvalidSpec")?;
    laboratory.delete("igst/orders")?;
    laboratory.wait_for("igst/orders", "Ready", "False", "InvalidSpec")?;
    laboratory.patch("igs/default", r#"{"spec":{"orphanAfter":"1h"}}"#)?;
    laboratory.gone("igst/orders")?;
    match laboratory.streams().is_empty() {
        true => laboratory.ready("igs/default").map(drop),
        false => Err("what should be deleted is left behind".into()),
    }
}

/// Somebody's admission policy takes no status of one object: it is only that object's trouble.
fn one_refused(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    let name = &laboratory.namespace;
    let policy = format!(
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {{ name: {name} }}\n\
         spec:\n  matchConstraints:\n    namespaceSelector: {{ matchLabels: {{ kubernetes.io/metadata.name: {name} }} }}\n    \
         resourceRules: [{{ apiGroups: [iggyctl.dev], apiVersions: ['*'], operations: [UPDATE], resources: [iggystreams/status] }}]\n  \
         validations: [{{ expression: \"object.metadata.name != 'refused'\" }}]\n---\n\
         apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {{ name: {name} }}\n\
         spec: {{ policyName: {name}, validationActions: [Deny] }}\n"
    );
    laboratory.plane.succeed(&["apply", "-f", "-"], &policy)?;
    let stream = |name: &str| {
        format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: {{ name: {name} }}\nspec: {{}}\n---\n"
        )
    };
    // Until the policy is in force.
    let mut number = 0;
    let begin = std::time::Instant::now();
    loop {
        number += 1;
        let patch = r#"{"status":{"observedGeneration":1}}"#;
        laboratory.apply(&stream("refused"))?;
        let arguments = [
            "-n",
            name,
            "patch",
            "igst/refused",
            "--subresource=status",
            "--type=merge",
            "-p",
            patch,
        ];
        let is_refused = !laboratory.plane.kubectl(&arguments, "")?.status.success();
        if is_refused {
            break;
        }
        if begin.elapsed() > Duration::from_secs(30) {
            return Err(format!("the policy is not in force after {number} attempts").into());
        }
        laboratory.kubectl(&["delete", "igst/refused", "--timeout=20s"])?;
    }
    laboratory.kubectl(&["delete", "igst/refused", "--timeout=20s"])?;
    laboratory.by_hand(async |root| {
        let refused = Identifier::named("refused").unwrap();
        drop(root.delete_stream(&refused).await);
    });
    laboratory.apply(&[stream("refused"), stream("taken")].concat())?;
    laboratory.ready("igst/taken")?;
    laboratory.round("igst/taken")?;
    let streams = laboratory.streams();
    // What cannot be written down is not made: nobody would know whose it is.
    match streams == ["taken"] {
        true => Ok(()),
        false => Err(format!("{streams:?}").into()),
    }
}

fn recreated(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(TOPOLOGY)?;
    laboratory.ready("igtopo/all")?;
    laboratory.by_hand(async |root| {
        let payments = Identifier::named("payments").unwrap();
        root.delete_stream(&payments).await.unwrap();
        root.create_stream("payments").await.unwrap();
    });
    laboratory.annotate("igtopo/all", "reconcile-requested-at=now")?;
    laboratory.wait_for("igtopo/all", "Stalled", "True", "AdoptionRefused")?;
    let told = laboratory.told("all", "AdoptionRefused")?;
    if !told.contains("created anew by somebody else: stream/payments")
        || laboratory.has_topic("payments", "captured")
    {
        return Err(told.into());
    }
    laboratory.patch("igtopo/all", r#"{"spec":{"adoption":"Adopt"}}"#)?;
    laboratory.ready("igtopo/all")?;
    match laboratory.has_topic("payments", "captured") {
        true => Ok(()),
        false => Err("it was not taken over".into()),
    }
}

/// With an API server of its own, as the others go on with theirs.
fn api_server(_plane: &ControlPlane) -> Result<(), Failure> {
    let plane = ControlPlane::start_own()?;
    definitions::install(&plane)?;
    let mut laboratory = Laboratory::start(&plane)?;
    laboratory.apply(STREAM)?;
    laboratory.ready("igst/orders")?;
    // In the middle of a change, whose result cannot be written down.
    let slow = FaultKind::Delay(Duration::from_secs(3));
    laboratory
        .server()
        .faults()
        .set(FaultPlan::none().once(slow, FaultTarget::Writes, 1));
    let writes = laboratory.writes();
    laboratory.apply(&TOPOLOGY.replace("orders", "more"))?;
    laboratory.until("a change is asked for", || laboratory.writes() > writes)?;
    plane.restart_api_server()?;
    laboratory.ready("igtopo/all")?;
    if has_reason(&laboratory, "igtopo/all", "AdoptionRefused")? {
        return Err("it did not know its own".into());
    }
    // It sees what is new.
    laboratory.apply(&STREAM.replace("orders", "later"))?;
    laboratory.ready("igst/later")?;
    laboratory.kill_operator();
    Ok(())
}

fn two_operators(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::without_operator(plane)?;
    laboratory.connect_server()?;
    let mut first = laboratory.candidate()?;
    laboratory.apply(STREAM)?;
    laboratory.ready("igst/orders")?;
    let second = laboratory.candidate()?;
    let connections = || laboratory.server().testing().connections();
    let log = laboratory.server().requests();
    let logins = || log.count(codes::LOGIN_REGISTER_CODE) + log.count(codes::LOGIN_USER_CODE);
    let before = logins();
    laboratory.apply(TOPOLOGY.replace("orders", "more").as_str())?;
    laboratory.ready("igtopo/all")?;
    // Each thing is made once, by the one that is connected.
    let made = log.count(codes::CREATE_STREAM_CODE);
    if made != 3 || second.has_led()? {
        return Err(format!("{made} streams made, {} connections", connections()).into());
    }
    if logins() > before + 8 {
        return Err("the second one logged in".into());
    }
    // Ended in order, it gives the Lease back: the second one goes on at once.
    first.terminate()?;
    laboratory.apply(&STREAM.replace("orders", "later"))?;
    laboratory.ready("igst/later")?;
    if !second.has_led()? {
        return Err("nobody took over".into());
    }
    // Killed, it takes its Lease with it until that is over.
    let third = laboratory.candidate()?;
    drop(second);
    laboratory.apply(&STREAM.replace("orders", "last"))?;
    laboratory.ready("igst/last")?;
    match third.has_led()? {
        true => Ok(()),
        false => Err("nobody took over after a crash".into()),
    }
}
