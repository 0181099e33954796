//! The life of objects: created, changed, drifted, handed over, deleted.

use iggy::prelude::*;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::Laboratory;

fn stream(name: &str, more: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: {{ name: {name} }}\nspec:\n  \
         name: orders\n  topics: [{{ name: events, partitions: 2, consumerGroups: [billing] }}]\n{more}"
    )
}

/// Created, changed, changed by hand and changed back; then let go, with all that it holds.
pub(crate) fn of_a_stream(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(&stream("orders", ""))?;
    laboratory.ready("igst/orders")?;
    if !laboratory.has_topic("orders", "events") {
        return Err("the topic is not there".into());
    }
    let server = laboratory.ready("igs/default")?;
    if server["status"]["dependants"] != 1 {
        return Err(format!("{server:#}").into());
    }
    // The claims name what is held.
    let object = laboratory.get("igst/orders")?;
    let claims = object["status"]["claims"].as_array().map(Vec::len);
    if claims != Some(3) || object["metadata"]["finalizers"].is_array() {
        return Err(format!("{object:#}").into());
    }
    laboratory.apply(&stream("orders", "").replace("partitions: 2", "partitions: 3"))?;
    laboratory.ready("igst/orders")?;
    laboratory.by_hand(async |root| {
        let (orders, events) = (Identifier::named("orders"), Identifier::named("events"));
        let options = TopicUpdateOptions::default();
        root.update_topic(&orders.unwrap(), &events.unwrap(), "happened", &options)
            .await
            .unwrap();
    });
    laboratory.kubectl(&[
        "annotate",
        "igst/orders",
        "iggyctl.dev/reconcile-requested-at=now",
    ])?;
    laboratory.wait("igst/orders", "back", |_| {
        laboratory.has_topic("orders", "events")
    })?;
    laboratory.kubectl(&["delete", "igst/orders", "--timeout=20s"])?;
    match laboratory.stream_id("orders") {
        Some(_) => Ok(()),
        None => Err("what is retained was deleted".into()),
    }
}

/// What is there already is taken over only where that is said.
pub(crate) fn adoption(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.by_hand(async |root| {
        root.create_stream("orders").await.unwrap();
    });
    let id = laboratory.stream_id("orders");
    laboratory.apply(&stream("orders", ""))?;
    laboratory.wait_for("igst/orders", "Stalled", "True", "AdoptionRefused")?;
    if laboratory.has_topic("orders", "events") {
        return Err("something was made in a stream of others".into());
    }
    laboratory.apply(&stream("orders", "  adoption: Adopt\n"))?;
    laboratory.ready("igst/orders")?;
    match laboratory.stream_id("orders") == id && laboratory.has_topic("orders", "events") {
        true => Ok(()),
        false => Err("it was not taken over as it is".into()),
    }
}

/// Of two that declare the same, the one that holds it keeps it; when it goes, the other one
/// goes on with the data as it is.
pub(crate) fn conflict_and_hand_over(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(&stream("first", "  deletionPolicy: Delete\n"))?;
    laboratory.ready("igst/first")?;
    let id = laboratory.stream_id("orders");
    laboratory.apply(&stream("second", ""))?;
    let second = laboratory.wait_for("igst/second", "Stalled", "True", "Conflicted")?;
    if !second.to_string().contains("igst") && !second.to_string().contains("/first") {
        return Err(format!("it does not say who: {second:#}").into());
    }
    laboratory.kubectl(&["delete", "igst/first", "--timeout=20s"])?;
    laboratory.ready("igst/second")?;
    match laboratory.stream_id("orders") == id {
        true => Ok(()),
        false => Err("the data did not survive".into()),
    }
}

fn password(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{ name: {name}, labels: {{ iggyctl.dev/watch: \"true\" }} }}\n\
         stringData: {{ username: iggy, password: {value} }}\n"
    )
}

/// Another value in the Secret is another password on the server, without a restart and
/// without anybody saying the former one; also after the operator was away.
pub(crate) fn rotation(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::start(plane)?;
    laboratory.apply(&password("orders-password", "first-password"))?;
    laboratory.apply(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyUser\nmetadata: { name: svc-orders }\n\
         spec:\n  password: { secretKeyRef: { name: orders-password, key: password } }\n---\n\
         apiVersion: iggyctl.dev/v1alpha1\nkind: IggyUser\nmetadata: { name: reported }\n\
         spec:\n  driftPolicy: Report\n  \
         password: { secretKeyRef: { name: orders-password, key: password } }\n",
    )?;
    laboratory.ready("igu/svc-orders")?;
    laboratory.ready("igu/reported")?;
    let lets_in = |laboratory: &Laboratory<'_>, password: &str| {
        laboratory.lets_in(&format!("svc-orders:{password}"))
    };
    if !lets_in(&laboratory, "first-password") {
        return Err("the password is not the declared one".into());
    }
    laboratory.apply(&password("orders-password", "second-password"))?;
    laboratory.wait("igu/svc-orders", "rotated", |_| {
        lets_in(&laboratory, "second-password")
    })?;
    // What only reports drift is rotated, too.
    laboratory.until("the other one is rotated", || {
        laboratory.lets_in("reported:second-password")
    })?;
    laboratory.ready("igu/reported")?;
    // Nobody changed the server behind its back.
    laboratory.round("igu/svc-orders")?;
    let drift = laboratory.events("svc-orders", "DriftCorrected")?;
    if !drift.is_empty() {
        return Err(format!("{drift:?}").into());
    }
    if lets_in(&laboratory, "first-password") {
        return Err("the former password still works".into());
    }
    laboratory.ready("igu/svc-orders")?;
    laboratory.kill_operator();
    laboratory.apply(&password("orders-password", "third-password"))?;
    laboratory.start_operator()?;
    laboratory.wait("igu/svc-orders", "rotated again", |_| {
        lets_in(&laboratory, "third-password")
    })?;
    // Nothing of it shows.
    let objects = laboratory.kubectl(&["get", "iggy,events", "-o", "yaml"])?;
    for secret in ["first-password", "second-password", "third-password"] {
        if objects.contains(secret) || laboratory.log().contains(secret) {
            return Err(format!("{secret} is shown").into());
        }
    }
    Ok(())
}

/// While the password of one user cannot be read, that of another one changes: what was applied
/// last for the first is still known afterwards.
pub(crate) fn rotation_beside(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::start(plane)?;
    laboratory.apply(&password("one", "first-of-one"))?;
    laboratory.apply(&password("two", "first-of-two"))?;
    let user = |name: &str| {
        format!(
            "- {{ name: {name}, password: {{ secretKeyRef: {{ name: {name}, key: password }} }} }}"
        )
    };
    laboratory.apply(&format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: both }}\n\
         spec:\n  users:\n    {}\n    {}\n",
        user("one"),
        user("two")
    ))?;
    laboratory.ready("igtopo/both")?;
    laboratory.kubectl(&["delete", "secret/two"])?;
    laboratory.apply(&password("one", "second-of-one"))?;
    laboratory.until("one is rotated", || laboratory.lets_in("one:second-of-one"))?;
    laboratory.round("igtopo/both")?;
    laboratory.kill_operator();
    laboratory.start_operator()?;
    laboratory.wait("igtopo/both", "looked at", |it| {
        it["status"]["conditions"].to_string().contains("two")
    })?;
    laboratory.apply(&password("two", "second-of-two"))?;
    laboratory.until("two is rotated", || laboratory.lets_in("two:second-of-two"))?;
    laboratory.ready("igtopo/both")?;
    Ok(())
}

/// The server is restored from a backup that has the former password: it is not said that all is
/// well, and the former password in the Secret makes it so.
pub(crate) fn restored(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::start(plane)?;
    laboratory.apply(&password("svc", "before-the-backup"))?;
    laboratory.apply(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyUser\nmetadata: { name: svc }\n\
         spec:\n  password: { secretKeyRef: { name: svc, key: password } }\n",
    )?;
    laboratory.ready("igu/svc")?;
    let address = laboratory.stop_server();
    laboratory.back_up()?;
    laboratory.resume_server(address)?;
    laboratory.apply(&password("svc", "after-the-backup"))?;
    laboratory.until("rotated", || laboratory.lets_in("svc:after-the-backup"))?;
    laboratory.round("igu/svc")?;
    laboratory.ready("igu/svc")?;
    laboratory.stop_server();
    laboratory.restore()?;
    laboratory.resume_server(address)?;
    laboratory.look_again("igu/svc")?;
    laboratory.wait_for("igu/svc", "Stalled", "True", "Blocked")?;
    laboratory.apply(&password("svc", "before-the-backup"))?;
    laboratory.ready("igu/svc")?;
    Ok(())
}

/// Whoever may not read Secrets cannot have them sent anywhere by naming them.
pub(crate) fn unlabelled(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    let labelled = password("somebodys", "not-to-be-sent");
    let start = labelled.find(", labels").unwrap_or_default();
    let end = labelled.find("} }").unwrap_or_default() + 1;
    let secret = [&labelled[..start], &labelled[end..]].concat();
    if start == 0 || secret.contains("iggyctl.dev") {
        return Err(secret.into());
    }
    laboratory.apply(&secret)?;
    laboratory.patch(
        "igs/default",
        r#"{"spec":{"credentialsSecretRef":{"name":"somebodys"}}}"#,
    )?;
    let server = laboratory.wait_for("igs/default", "Stalled", "True", "CredentialsMissing")?;
    match server["status"]
        .to_string()
        .contains("label iggyctl.dev/watch")
    {
        true => Ok(()),
        false => Err(format!("{server:#}").into()),
    }
}

/// Its Secret may be gone before it: it is removed all the same, and leaves a tombstone. The
/// object of somebody else that names a missing Secret for the same user is no hindrance.
pub(crate) fn of_a_user(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(&password("orders-password", "first-password"))?;
    let user = |name: &str, secret: &str| {
        format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyUser\nmetadata: {{ name: {name} }}\n\
             spec:\n  name: svc-orders\n  deletionPolicy: Delete\n  \
             password: {{ secretKeyRef: {{ name: {secret}, key: password }} }}\n"
        )
    };
    laboratory.apply(&user("first", "orders-password"))?;
    laboratory.ready("igu/first")?;
    laboratory.apply(&user("second", "nowhere"))?;
    laboratory.wait_for("igu/second", "Stalled", "True", "Conflicted")?;
    laboratory.apply(&user("first", "orders-password").replace("Delete", "DeleteIfEmpty"))?;
    laboratory.ready("igu/first")?;
    laboratory.kubectl(&[
        "delete",
        "igu/second",
        "secret/orders-password",
        "--timeout=20s",
    ])?;
    laboratory.kubectl(&["delete", "igu/first", "--timeout=20s"])?;
    match laboratory.lets_in("svc-orders:first-password") {
        true => Err("the user still gets in".into()),
        false => Ok(()),
    }
}

/// The login of the operator itself: the server object and the user name the same Secret.
pub(crate) fn own_rotation(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyUser\nmetadata: { name: root }\n\
         spec:\n  name: iggy\n  adoption: Adopt\n  password: { secretKeyRef: { name: root, key: password } }\n",
    )?;
    laboratory.ready("igu/root")?;
    laboratory.apply(&password("root", "another-password"))?;
    laboratory.wait("igu/root", "rotated", |_| {
        laboratory.lets_in("iggy:another-password")
    })?;
    laboratory.apply(&stream("orders", ""))?;
    laboratory.ready("igst/orders")?;
    laboratory.ready("igs/default")?;
    Ok(())
}
