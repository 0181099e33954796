//! One server is no concern of another one's objects, and a connection is there only for as long as
//! what it was made from.

use std::time::{Duration, Instant};

use iggy::prelude::*;
use iggy_binary_protocol::codes;
use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget};
use libtest_mimic::Trial;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::Laboratory;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("isolation_a_server_that_hangs_slows_no_other", hangs),
        trial(
            "isolation_a_server_that_is_not_there_slows_no_other",
            is_not_there,
        ),
        trial(
            "isolation_connections_go_with_what_they_were_made_from",
            connections,
        ),
    ]
}

fn server(name: &str, address: &str, more: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyServer\nmetadata: {{ name: {name} }}\nspec:\n  \
         address: iggy://{address}\n  credentialsSecretRef: {{ name: root }}\n{more}---\n"
    )
}

fn stream(name: &str, server: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: {{ name: {name} }}\nspec:\n  \
         serverRef: {{ name: {server} }}\n---\n"
    )
}

/// A request may take thirty seconds. Whoever waits for another server's is not done by then.
const AT_ONCE: Duration = Duration::from_secs(20);

fn at_once(laboratory: &Laboratory<'_>, name: &str) -> Result<(), Failure> {
    let begin = Instant::now();
    laboratory.apply(&stream(name, "default"))?;
    laboratory.ready(&format!("igst/{name}"))?;
    match begin.elapsed() < AT_ONCE {
        true => Ok(()),
        false => Err(format!("{name} took {:?}", begin.elapsed()).into()),
    }
}

/// Every request takes a minute, with logins or without.
fn hang(server: &EmbeddedServer, also_logins: bool) {
    let delay = FaultKind::Delay(Duration::from_secs(60));
    let plan = FaultPlan::none().always(delay, FaultTarget::Any);
    server.faults().set(match also_logins {
        false => plan,
        true => plan.always(delay, FaultTarget::Command(codes::LOGIN_REGISTER_CODE)),
    });
}

fn hangs(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    let slow = laboratory.another_server()?;
    let address = slow.address().to_string();
    laboratory.apply(&[server("slow", &address, ""), stream("kept", "slow")].concat())?;
    laboratory.ready("igst/kept")?;
    let asked = slow.requests().total();
    hang(&slow, false);
    laboratory.look_again("igst/kept")?;
    laboratory.apply(&stream("waits", "slow"))?;
    laboratory.until("it is asked", || slow.requests().total() > asked)?;
    at_once(&laboratory, "first")?;
    at_once(&laboratory, "second")?;
    for (object, kind) in [
        ("igs/slow", "Ready"),
        ("igst/kept", "Ready"),
        ("igst/waits", "Ready"),
    ] {
        let says = || laboratory.wait_for(object, kind, "False", "ServerUnavailable");
        // That may take as long as a request and more.
        says().or_else(|_| says())?;
    }
    hang(&slow, true);
    laboratory.look_again("igst/kept")?;
    at_once(&laboratory, "third")?;
    slow.faults().clear();
    // It is tried again, ever more slowly.
    laboratory.look_again("igst/kept")?;
    laboratory.ready("igst/waits")?;
    laboratory.ready("igs/slow")?;
    laboratory.stop(slow);
    Ok(())
}

fn is_not_there(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(&[server("gone", "127.0.0.1:1", ""), stream("waits", "gone")].concat())?;
    laboratory.wait_for("igs/gone", "Ready", "False", "ServerUnavailable")?;
    laboratory.look_again("igst/waits")?;
    at_once(&laboratory, "first")?;
    laboratory.wait_for("igst/waits", "Ready", "False", "ServerUnavailable")?;
    laboratory.ready("igs/default")?;
    Ok(())
}

/// Who is connected, without whoever asks: by the number of the connection, its user.
fn clients(laboratory: &Laboratory<'_>) -> Vec<(u32, Option<u32>)> {
    laboratory.by_hand(async |root| {
        let own = root.get_me().await.unwrap().client_id;
        let all = root.get_clients().await.unwrap();
        let others = all.iter().filter(|it| it.client_id != own);
        others.map(|it| (it.client_id, it.user_id)).collect()
    })
}

fn connections(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    let everything = Permissions {
        global: GlobalPermissions {
            manage_servers: true,
            read_servers: true,
            manage_users: true,
            read_users: true,
            manage_streams: true,
            read_streams: true,
            manage_topics: true,
            read_topics: true,
            poll_messages: true,
            send_messages: true,
        },
        streams: None,
    };
    let second = laboratory.by_hand(async |root| {
        let active = UserStatus::Active;
        root.create_user("second", "second-password", active, Some(everything))
            .await
            .unwrap()
            .id
    });
    laboratory.apply(&stream("orders", "default"))?;
    laboratory.ready("igst/orders")?;
    let first = clients(&laboratory);
    if first.is_empty() || first.iter().any(|(_, user)| *user == Some(second)) {
        return Err(format!("nobody is connected as it should be: {first:?}").into());
    }
    // Another Secret, other connections, and none of the former ones.
    laboratory.patch(
        "secret/root",
        r#"{"stringData":{"username":"second","password":"second-password"}}"#,
    )?;
    laboratory.until("only the second user is connected", || {
        let now = clients(&laboratory);
        !now.is_empty() && now.iter().all(|(_, user)| *user == Some(second))
    })?;
    // Another server object.
    let before = clients(&laboratory);
    let port = laboratory.server().address().port();
    let address = format!(r#"{{"spec":{{"address":"iggy://localhost:{port}"}}}}"#);
    laboratory.patch("igs/default", &address)?;
    laboratory.until("all connections are other ones", || {
        let now = clients(&laboratory);
        !now.is_empty() && now.iter().all(|it| !before.contains(it))
    })?;
    // None at all.
    laboratory.kubectl(&["delete", "igs/default", "--timeout=20s"])?;
    laboratory.until("nobody is connected", || clients(&laboratory).is_empty())
}
