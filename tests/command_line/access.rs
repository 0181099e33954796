//! Who may do what, from the command line: as a manifest to keep, as a list,
//! and as the answer to a question.

use iggy::prelude::*;
use iggyctl_embedded::EmbeddedServer;
use tokio::runtime::Runtime;

use crate::sandbox::{Run, Sandbox};

const TOPOLOGY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  streams:
    - name: orders
      topics: [{ name: events }, { name: dead-letters }]
    - name: billing-invoices
      topics: [{ name: issued }]
  users:
    - name: svc-orders
      password: { env: SVC_ORDERS_PASSWORD }
      permissions:
        streams:
          - name: orders
            topics:
              - { name: events, preset: producer }
              - { name: dead-letters, allow: [poll_messages] }
    - name: auditor
      status: inactive
      password: { env: AUDITOR_PASSWORD }
      permissions:
        streams: [{ name: 'billing-*', preset: readOnly }]
    - name: operator
      password: { env: OPERATOR_PASSWORD }
      permissions:
        allow: [read_users, manage_topics]
    - name: legacy
      password: { env: LEGACY_PASSWORD }
";

const SECRETS: [(&str, &str); 4] = [
    ("SVC_ORDERS_PASSWORD", "s3cret-orders"),
    ("AUDITOR_PASSWORD", "s3cret-auditor"),
    ("OPERATOR_PASSWORD", "s3cret-operator"),
    ("LEGACY_PASSWORD", "s3cret-legacy"),
];

/// A server with the topology, and with the users `mallory`, who was granted
/// something on a stream that is gone, and one whose name would reorder a line.
pub(crate) struct Lab {
    runtime: Runtime,
    server: Option<EmbeddedServer>,
    pub(crate) sandbox: Sandbox,
    address: String,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(EmbeddedServer::builder().start()).unwrap();
        let mut sandbox = with_manifest();
        let address = server.connection_string();
        sandbox.mask(address.clone(), "[SERVER]");
        sandbox.mask(server.address().to_string(), "[ADDRESS]");
        let lab = Self {
            runtime,
            server: Some(server),
            sandbox,
            address,
        };
        let applied = lab.run(&["apply", "--yes", "-f", "topology.yaml"]);
        assert_eq!(applied.code, 0, "{}", applied.transcript());
        lab.runtime.block_on(by_hand(&lab.address));
        lab
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let run = self
            .sandbox
            .run(&[arguments, &["--server", &self.address]].concat());
        for (_, secret) in SECRETS {
            let seen = format!("{}{}", run.stdout, run.stderr).contains(secret);
            assert!(!seen, "{secret} is in the output of {arguments:?}");
        }
        run
    }

    /// As `svc-orders`, who may read no users.
    fn run_as_service(&self, arguments: &[&str]) -> Run {
        let address = self.server.as_ref().unwrap().address();
        let own = format!("iggy://svc-orders:s3cret-orders@{address}");
        let mut run = self.sandbox.run(&[arguments, &["--server", &own]].concat());
        run.hide("iggy://svc-orders:s3cret-orders@[ADDRESS]", "[OWN LOGIN]");
        run
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.shutdown());
        }
    }
}

fn with_manifest() -> Sandbox {
    let mut sandbox = Sandbox::new();
    for (name, value) in SECRETS {
        sandbox = sandbox.variable(name, value);
    }
    sandbox.write("topology.yaml", TOPOLOGY);
    sandbox
}

async fn by_hand(address: &str) {
    let root = IggyClient::from_connection_string(address).unwrap();
    root.connect().await.unwrap();
    let gone = root.create_stream("gone").await.unwrap();
    let grants = StreamPermissions {
        manage_stream: true,
        ..StreamPermissions::default()
    };
    let permissions = Permissions {
        global: GlobalPermissions {
            send_messages: true,
            ..GlobalPermissions::default()
        },
        streams: Some([(gone.id as usize, grants)].into()),
    };
    root.create_user(
        "mallory",
        "s3cret-mallory",
        UserStatus::Active,
        Some(permissions),
    )
    .await
    .unwrap();
    root.create_user("a\u{202e}|b", "s3cret-odd", UserStatus::Active, None)
        .await
        .unwrap();
    root.delete_stream(&Identifier::named("gone").unwrap())
        .await
        .unwrap();
}

#[test]
fn an_export_has_the_users_and_planning_it_repairs_at_most() {
    let lab = Lab::new();
    let exported = lab.run(&["export"]);
    insta::assert_snapshot!("export", exported.transcript());
    lab.sandbox.write("exported.yaml", &exported.stdout);
    insta::assert_snapshot!(
        "what is left over is taken away",
        lab.run(&["diff", "-f", "exported.yaml"]).transcript()
    );
    assert_eq!(lab.run(&["apply", "--yes", "-f", "exported.yaml"]).code, 0);
    let again = lab.run(&["export"]);
    lab.sandbox.write("exported.yaml", &again.stdout);
    let run = lab.run(&["diff", "-f", "exported.yaml"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
}

#[test]
fn an_export_without_the_right_to_read_users_says_so() {
    let lab = Lab::new();
    let run = lab.run(&["export", "--stream", "orders"]);
    assert!(!run.stdout.contains("users"), "{}", run.transcript());
    lab.sandbox.write(
        "topology.yaml",
        TOPOLOGY.replace("      permissions:\n        streams:\n          - name: orders\n", "      permissions:\n        allow: [read_streams]\n        streams:\n          - name: orders\n"),
    );
    assert_eq!(lab.run(&["apply", "--yes", "-f", "topology.yaml"]).code, 0);
    let run = lab.run_as_service(&["export"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    insta::assert_snapshot!(run.transcript());
}

/// Times of creation, and numbers that depend on which user came first, as what
/// they are.
pub(crate) fn without_times_and_ids(text: &str) -> String {
    let is_time = |word: &str| {
        let of_a_time = |character: char| character.is_ascii_digit() || "-:.TZ".contains(character);
        word.len() >= 8 && word.contains(['-', ':']) && word.chars().all(of_a_time)
    };
    let without_times = |line: &str| -> String {
        line.split_inclusive(['"', ' '])
            .map(|word| {
                let end = word.trim_end_matches(['"', ' ']).len();
                let (bare, rest) = word.split_at(end);
                let shown = if is_time(bare) { "[TIME]" } else { bare };
                format!("{shown}{rest}")
            })
            .collect()
    };
    let lines = text.lines().map(|line| match line.trim_start() {
        id if id.starts_with("\"id\": ") || id.starts_with("id: ") => "[ID]\n".to_owned(),
        _ => without_times(line) + "\n",
    });
    lines.collect()
}

#[test]
fn users_are_listed_with_what_they_are_granted() {
    let lab = Lab::new();
    for format in ["text", "json", "yaml"] {
        let run = lab.run(&["get", "users", "-o", format]);
        assert_eq!(run.code, 0, "{}", run.transcript());
        let text = without_times_and_ids(&run.transcript());
        insta::assert_snapshot!(format!("users as {format}"), text);
    }
    let run = lab.run(&["get", "users", "--stream", "orders"]);
    assert_eq!(run.code, 64, "{}", run.transcript());
    let run = lab.run_as_service(&["get", "users"]);
    assert_eq!(run.code, 77, "{}", run.transcript());
    insta::assert_snapshot!("users that may not be read", run.transcript());
}

#[test]
fn manifests_say_who_may_do_what_without_a_server() {
    let sandbox = with_manifest();
    let ask = |arguments: &[&str]| sandbox.run(&[arguments, &["-f", "topology.yaml"]].concat());
    let service = ["access", "--user", "svc-orders"];
    insta::assert_snapshot!("offline user", ask(&service).transcript());
    let json = ask(&[&service[..], &["-o", "json"]].concat());
    insta::assert_snapshot!("offline user as json", json.transcript());
    let events = ["access", "--topic", "orders/events"];
    insta::assert_snapshot!("offline topic", ask(&events).transcript());
    let markdown = ask(&[&events[..], &["-o", "markdown"]].concat());
    insta::assert_snapshot!("offline topic as markdown", markdown.transcript());
    // A mistyped topic does not look like one that nobody may touch.
    let run = ask(&["access", "--topic", "orders/event"]);
    assert!(
        run.stderr
            .contains("no manifest declares topic/orders/event"),
        "{}",
        run.transcript()
    );
}

#[test]
fn a_server_says_who_may_do_what() {
    let lab = Lab::new();
    for user in ["mallory", "iggy", "a\u{202e}|b", "auditor"] {
        let run = lab.run(&["access", "--user", user]);
        assert_eq!(run.code, 0, "{}", run.transcript());
        assert!(!run.stdout.contains('\u{202e}'), "{}", run.transcript());
        let label = user.replace(['\u{202e}', '|'], "-");
        insta::assert_snapshot!(format!("live user {label}"), run.stdout);
    }
    let events = ["access", "--topic", "orders/events"];
    insta::assert_snapshot!("live topic", lab.run(&events).transcript());
    let markdown = lab.run(&[&events[..], &["-o", "markdown"]].concat());
    insta::assert_snapshot!("live topic as markdown", markdown.stdout);
    let json = lab.run(&["access", "--topic", "billing-invoices/issued", "-o", "json"]);
    insta::assert_snapshot!("live topic as json", json.stdout);
    let run = lab.run(&["access", "--topic", "orders/event"]);
    assert_eq!(run.code, 1, "{}", run.transcript());
    assert!(
        run.stderr.contains("the server has no topic/orders/event"),
        "{}",
        run.transcript()
    );
    let run = lab.run_as_service(&events);
    assert_eq!(run.code, 77, "{}", run.transcript());
}

#[test]
fn a_check_is_an_exit_code() {
    let lab = Lab::new();
    let question = |user: &str, right: &str, on: &str| {
        let mut arguments = vec!["access", "check", "--user", user, "--can", right];
        arguments.extend((!on.is_empty()).then_some(on));
        let offline = lab
            .sandbox
            .run(&[&arguments[..], &["-f", "topology.yaml"]].concat());
        (offline, lab.run(&arguments))
    };
    for (user, right, on, code) in [
        ("svc-orders", "send_messages", "orders/events", 0),
        ("svc-orders", "send_messages", "orders/dead-letters", 7),
        // All topics of it.
        ("svc-orders", "send_messages", "orders", 7),
        ("svc-orders", "poll_messages", "orders", 0),
        ("svc-orders", "manage_users", "", 7),
        // A command, by the right that it needs.
        ("auditor", "get_topic", "billing-invoices/issued", 0),
        ("auditor", "get_topic", "orders/events", 7),
        ("operator", "get_users", "", 0),
        ("operator", "change_stream", "orders", 7),
    ] {
        let (offline, live) = question(user, right, on);
        assert_eq!(offline.code, code, "{}", offline.transcript());
        assert_eq!(live.code, code, "{}", live.transcript());
    }
    let (offline, live) = question("auditor", "poll_messages", "billing-invoices/issued");
    insta::assert_snapshot!("check yes", offline.transcript());
    insta::assert_snapshot!("check yes, live", live.transcript());
    let (offline, _) = question("svc-orders", "change_topic", "orders/events");
    insta::assert_snapshot!("check no", offline.transcript());
    let (unmanaged, nothing) = question("legacy", "poll_messages", "orders/events");
    insta::assert_snapshot!("check not known", unmanaged.transcript());
    assert_eq!((unmanaged.code, nothing.code), (1, 7));
    let (_, root) = question("iggy", "manage_users", "");
    insta::assert_snapshot!("check root", root.transcript());
    for wrong in [
        &[
            "access",
            "check",
            "--user",
            "legacy",
            "--can",
            "pol_messages",
            "orders",
        ][..],
        &[
            "access",
            "check",
            "--user",
            "legacy",
            "--can",
            "poll_messages",
            "a/b/c",
        ],
        &["access", "--user", "legacy", "--topic", "orders/events"],
        &["access", "--topic", "orders"],
        &["access"],
    ] {
        let run = lab.run(wrong);
        assert_eq!(run.code, 64, "{}", run.transcript());
    }
    let stranger = lab.run(&[
        "access",
        "check",
        "--user",
        "svc-order",
        "--can",
        "poll_messages",
    ]);
    assert_eq!(stranger.code, 1, "{}", stranger.transcript());
    assert!(
        stranger.stderr.contains("svc-orders"),
        "{}",
        stranger.transcript()
    );
}

/// The server itself agrees: what a check says is what a client is able to do.
#[test]
fn the_answer_of_a_check_is_what_the_server_does() {
    let lab = Lab::new();
    let server = lab.server.as_ref().unwrap().address();
    let login = format!("iggy://svc-orders:s3cret-orders@{server}");
    for (on, right, code) in [
        ("orders/events", "get_topic", 0),
        ("billing-invoices/issued", "get_topic", 7),
        ("orders/events", "delete_topic", 7),
    ] {
        let run = lab.run(&[
            "access",
            "check",
            "--user",
            "svc-orders",
            "--can",
            right,
            on,
        ]);
        assert_eq!(run.code, code, "{}", run.transcript());
        let (stream, topic) = on.split_once('/').unwrap();
        let (stream, topic) = (
            Identifier::named(stream).unwrap(),
            Identifier::named(topic).unwrap(),
        );
        let done = lab.runtime.block_on(async {
            let client = IggyClient::from_connection_string(&login).unwrap();
            client.connect().await.unwrap();
            match right {
                "get_topic" => client
                    .get_topic(&stream, &topic)
                    .await
                    .map(|found| found.is_some()),
                _ => client.delete_topic(&stream, &topic).await.map(|()| true),
            }
        });
        assert_eq!(done == Ok(true), code == 0, "{right} {on}: {done:?}");
    }
}
