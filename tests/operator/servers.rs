//! The whole life of the kinds that declare nothing by themselves: server objects, tokens and smoke
//! tests, in one namespace and for the whole cluster; and an operator of two namespaces.

use iggyctl_embedded::EmbeddedServer;
use libtest_mimic::Trial;

use crate::control_plane::{ControlPlane, Failure};
use crate::kinds::{SHARED, enter_shared};
use crate::laboratory::{ACCOUNT, Laboratory, iggyctl};
use crate::robust::acknowledgement;
use crate::tokens::value;
use crate::{trial, whole_cluster};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("whole_life_of_a_server_object", |plane| {
            let laboratory = Laboratory::without_operator(plane)?;
            let mut laboratory = laboratory;
            laboratory.start_operator()?;
            live(&laboratory, &NAMESPACED)
        }),
        trial("whole_life_of_a_token", |plane| {
            token(&Laboratory::start(plane)?, "")
        }),
        trial("whole_life_of_a_smoke_test", |plane| {
            smoke_test(&Laboratory::start(plane)?, "")
        }),
        trial("two_namespaces_and_no_third", two_namespaces),
        whole_cluster::trial(
            "whole_life_of_a_server_object_of_the_cluster",
            |laboratory| {
                laboratory.enter_new("life-of-server", "")?;
                live(laboratory, &CLUSTER)
            },
        ),
        whole_cluster::trial("whole_life_on_a_shared_server_of_a_token", |laboratory| {
            enter_shared(laboratory, "life-of-token")?;
            token(laboratory, SHARED)
        }),
        whole_cluster::trial(
            "whole_life_on_a_shared_server_of_a_smoke_test",
            |laboratory| {
                enter_shared(laboratory, "life-of-smoke-test")?;
                smoke_test(laboratory, SHARED)
            },
        ),
    ]
}

fn object(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec:\n{spec}---\n"
    )
}

const ROOT: &str = "apiVersion: v1\nkind: Secret\nmetadata: { name: root, labels: { iggyctl.dev/watch: \"true\" } }\n\
     stringData: { username: iggy, password: iggy }\n---\n";

/// A kind of server objects.
struct Kind {
    object: &'static str,
    /// The object for an address.
    manifest: fn(&Laboratory<'_>, &str) -> String,
    /// What others say of it.
    reference: &'static str,
}

const NAMESPACED: Kind = Kind {
    object: "iggyserver/living",
    manifest: |_, address| {
        let spec =
            format!("  address: iggy://{address}\n  credentialsSecretRef: {{ name: root }}\n");
        object("IggyServer", "living", &spec)
    },
    reference: "  serverRef: { name: living }\n",
};

const CLUSTER: Kind = Kind {
    object: "clusteriggyserver/living",
    manifest: |laboratory, address| {
        let namespace = &laboratory.namespace;
        let spec = format!(
            "  address: iggy://{address}\n  credentialsSecretRef: {{ namespace: {namespace}, name: root }}\n  \
             tenants: [{{ name: all, namespaceSelector: {{}}, names: [living] }}]\n"
        );
        object("ClusterIggyServer", "living", &spec)
    },
    reference: "  serverRef: { kind: ClusterIggyServer, name: living }\n",
};

/// Nothing is made on another server until somebody says so, and nothing is deleted on the former
/// one.
fn live(laboratory: &Laboratory<'_>, kind: &Kind) -> Result<(), Failure> {
    let server = kind.object;
    let at = |address: &str| laboratory.apply(&(kind.manifest)(laboratory, address));
    let first = laboratory.server().address().to_string();
    let second = laboratory.another_server()?;
    laboratory.apply(&[ROOT, &object("IggyStream", "living", kind.reference)].concat())?;
    laboratory.wait_for("igst/living", "Stalled", "True", "ServerNotFound")?;
    at(&first)?;
    laboratory.ready("igst/living")?;
    let found = laboratory.wait(server, "used", |it| it["status"]["dependants"] == 1)?;
    let status = &found["status"];
    if !status["serverVersion"].is_string() || !status["connection"]["latencyMilliseconds"].is_i64()
    {
        return Err(format!("{status:#}").into());
    }
    let id = laboratory.stream_id("living");
    // Another server; and back, as if by mistake.
    at(&second.address().to_string())?;
    laboratory.wait_for("igst/living", "Stalled", "True", "ServerReplaced")?;
    laboratory.wait_for(server, "Stalled", "True", "ServerReplaced")?;
    has_nothing(laboratory, &second)?;
    at(&first)?;
    laboratory.ready("igst/living")?;
    laboratory.ready(server)?;
    if laboratory.stream_id("living") != id {
        return Err("it was made anew".into());
    }
    // On purpose.
    at(&second.address().to_string())?;
    let stalled = laboratory.wait_for(server, "Stalled", "True", "ServerReplaced")?;
    has_nothing(laboratory, &second)?;
    laboratory.annotate(server, &acknowledgement(&stalled)?)?;
    laboratory.ready("igst/living")?;
    laboratory.ready(server)?;
    if laboratory.streams_of(&second) != ["living"] || laboratory.stream_id("living") != id {
        return Err("it is not on the second server, or not on the first one any more".into());
    }
    // Nothing has to be deleted for what is left, so it goes at once, and comes back.
    laboratory.kubectl(&["delete", server, "--timeout=20s"])?;
    laboratory.wait_for("igst/living", "Stalled", "True", "ServerNotFound")?;
    at(&second.address().to_string())?;
    laboratory.ready("igst/living")?;
    laboratory.kubectl(&["delete", "igst/living", server, "--timeout=20s"])?;
    laboratory.stop(second);
    Ok(())
}

fn has_nothing(laboratory: &Laboratory<'_>, server: &EmbeddedServer) -> Result<(), Failure> {
    match laboratory.streams_of(server) {
        streams if streams.is_empty() => Ok(()),
        streams => Err(format!("nobody asked for {streams:?}").into()),
    }
}

/// Written, changed, replaced when its Secret is lost, and revoked.
fn token(laboratory: &Laboratory<'_>, server: &str) -> Result<(), Failure> {
    let user = format!("{server}  password: {{ secretKeyRef: {{ name: svc, key: password }} }}\n");
    let token = |more: &str| {
        let write = "writeTo: { secretKeyRef: { name: svc-ci, key: token } }";
        object(
            "IggyAccessToken",
            "ci",
            &format!("{server}  user: life-of-token\n  {write}\n{more}"),
        )
    };
    laboratory.apply(
        &ROOT
            .replace("root", "svc")
            .replace("password: iggy", "password: of-the-service"),
    )?;
    laboratory.apply(&object("IggyUser", "life-of-token", &user))?;
    laboratory.apply(&token(""))?;
    laboratory.ready("igat/ci")?;
    let first = value(laboratory, "svc-ci", "token")?;
    laboratory.delete("secret/svc-ci")?;
    laboratory.wait("secret/svc-ci", "there again", |it| {
        it["data"]["token"].is_string()
    })?;
    let second = value(laboratory, "svc-ci", "token")?;
    laboratory.until("the first one is revoked", || {
        !laboratory.lets_token_in(&first)
    })?;
    laboratory.apply(&token("  expiry: 30d\n  rotateBefore: 10d\n"))?;
    laboratory.ready("igat/ci")?;
    let third = value(laboratory, "svc-ci", "token")?;
    if !laboratory.lets_token_in(&third) {
        return Err("what was changed does not work".into());
    }
    laboratory.kubectl(&["delete", "igat/ci", "--timeout=20s"])?;
    laboratory.gone("secret/svc-ci")?;
    match [second, third]
        .iter()
        .any(|it| laboratory.lets_token_in(it))
    {
        false => Ok(()),
        true => Err("it still lets somebody in".into()),
    }
}

/// Run, run again when it is changed, and deleted: nothing is left, and nothing waits.
fn smoke_test(laboratory: &Laboratory<'_>, server: &str) -> Result<(), Failure> {
    let test = |scenarios: &str| {
        object(
            "IggySmokeTest",
            "life",
            &format!("{server}  scenarios: [{scenarios}]\n"),
        )
    };
    let passed = |count: i64| {
        laboratory.wait("igsmoke/life", "passed", |it| {
            it["status"]["observedGeneration"] == it["metadata"]["generation"]
                && it["status"]["lastRun"]["passed"] == count
                && it["status"]["conditions"]
                    .to_string()
                    .contains("SmokeTestPassed")
        })
    };
    laboratory.apply(&test("basic"))?;
    let found = passed(1)?;
    if found["metadata"]["finalizers"].is_array() {
        return Err("it has a finalizer".into());
    }
    laboratory.apply(&test("basic, getting-started"))?;
    passed(2)?;
    laboratory.kubectl(&["delete", "igsmoke/life", "--timeout=20s"])?;
    let left = laboratory.streams();
    match left.iter().any(|name| name.contains("smoke")) {
        false => Ok(()),
        true => Err(format!("left behind: {left:?}").into()),
    }
}

/// With Roles in two of three namespaces.
fn two_namespaces(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::without_operator(plane)?;
    let first = laboratory.namespace.clone();
    let (second, third) = (plane.namespace()?, plane.namespace()?);
    let roles = iggyctl(&[
        "operator",
        "rbac",
        "--name",
        ACCOUNT,
        "--operator-namespace",
        &first,
        "--namespace",
        &first,
        "--namespace",
        &second,
    ])?;
    plane.succeed(&["apply", "-f", "-"], &roles)?;
    for namespace in [&first, &second, &third] {
        namespace.clone_into(&mut laboratory.namespace);
        laboratory.connect_server()?;
        laboratory.apply(&object(
            "IggyStream",
            namespace,
            "  deletionPolicy: Delete\n",
        ))?;
    }
    first.clone_into(&mut laboratory.namespace);
    laboratory.start_operator_with(&["--namespace", &second])?;
    for namespace in [&first, &second] {
        namespace.clone_into(&mut laboratory.namespace);
        laboratory.ready(&format!("igst/{namespace}"))?;
        laboratory.ready("igs/default")?;
    }
    laboratory.patch("secret/root", r#"{"stringData":{"password":"wrong"}}"#)?;
    laboratory.wait_for("igs/default", "Stalled", "True", "CredentialsRefused")?;
    laboratory.patch("secret/root", r#"{"stringData":{"password":"iggy"}}"#)?;
    laboratory.ready("igs/default")?;
    laboratory.kubectl(&["delete", &format!("igst/{second}"), "--timeout=20s"])?;
    third.clone_into(&mut laboratory.namespace);
    // What the definitions give each object that nobody has looked at.
    let nobodys = serde_json::json!({ "observedGeneration": -1 });
    let untouched = ["igs/default", &format!("igst/{third}")].map(|object| {
        let found = laboratory.get(object);
        found.is_ok_and(|it| it["status"] == nobodys && it["metadata"]["finalizers"].is_null())
    });
    match untouched == [true, true] && laboratory.streams() == [first] {
        true => Ok(()),
        false => Err(format!(
            "{untouched:?} {:?}\n{}",
            laboratory.streams(),
            laboratory.log()
        )
        .into()),
    }
}
