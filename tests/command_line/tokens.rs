//! Access tokens of the own user, from the command line: their values are shown
//! once, or written to a file, or nowhere.

use std::path::PathBuf;
use std::time::Duration;

use iggyctl_embedded::{EmbeddedServer, FaultKind, FaultPlan, FaultTarget};

use crate::access::without_times_and_ids;
use crate::sandbox::{Run, Sandbox};
use crate::served::Served;

/// `create_personal_access_token` of the wire protocol.
const CREATE_TOKEN: u32 = 42;
/// `delete_personal_access_token` of the wire protocol.
const DELETE_TOKEN: u32 = 43;

struct Lab {
    served: Served,
}

impl Lab {
    fn new(faults: FaultPlan) -> Self {
        let server = EmbeddedServer::builder().faults(faults);
        Self {
            served: Served::start(server, Sandbox::new()),
        }
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.served.run(arguments)
    }

    /// The names of the tokens that root has.
    fn names(&self) -> Vec<String> {
        let run = self.run(&["token", "list", "-o", "json"]);
        let rows: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// All files of the folder but those of the sandbox itself.
    fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.served.sandbox.path()).unwrap();
        let mut names: Vec<PathBuf> = entries
            .map(|entry| entry.unwrap().file_name().into())
            .filter(|name: &PathBuf| name.as_os_str() != ".standard-input")
            .collect();
        names.sort();
        names
    }
}

/// What a manifest's token has meanwhile, and the login that is cut off.
#[test]
fn the_token_of_a_rotation_and_the_own_one_are_told_apart() {
    let lab = Lab::new(FaultPlan::none());
    let run = lab.run(&["token", "create", "ci~2", "--expiry", "1d", "--print"]);
    assert_eq!(run.code, 64, "{}", run.transcript());
    assert_eq!(lab.names(), Vec::<String>::new());
    insta::assert_snapshot!("reserved", run.transcript());
    for name in ["own", "other"] {
        let create = [
            "token",
            "create",
            name,
            "--expiry",
            "1d",
            "--write-to",
            name,
        ];
        assert_eq!(lab.run(&create).code, 0);
    }
    let value = std::fs::read_to_string(lab.served.sandbox.path().join("own")).unwrap();
    let address = lab.served.address();
    let (_, host) = address.rsplit_once('@').unwrap();
    let by_token = format!("iggy://{value}@{host}");
    let delete = |name: &str| {
        let run = ["token", "delete", name, "--yes", "--server", &by_token];
        lab.served.sandbox.run(&run)
    };
    let run = delete("other");
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert!(!run.stderr.contains("log in"), "{}", run.stderr);
    let run = delete("own");
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert!(
        run.stderr
            .contains("the token that this login was made with"),
        "{}",
        run.stderr
    );
    assert_eq!(delete("own").code, 77);
}

#[test]
fn a_value_is_written_once_to_a_file_that_nobody_else_can_read() {
    let lab = Lab::new(FaultPlan::none());
    let create = ["token", "create", "laptop", "--expiry", "30d"];
    let run = lab.run(&[&create[..], &["--write-to", "keys/laptop"]].concat());
    insta::assert_snapshot!("written", run.transcript());
    let path = lab.served.sandbox.path().join("keys/laptop");
    let value = std::fs::read_to_string(&path).unwrap();
    assert!(lab.served.lets_in(&value));
    assert_eq!(
        std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(path.as_path()), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
    }

    // Neither the token nor the file is ever replaced.
    let taken = lab.run(&[&create[..], &["--write-to", "another"]].concat());
    insta::assert_snapshot!("the name is taken", taken.transcript());
    let other = ["token", "create", "other", "--expiry", "never"];
    let there = lab.run(&[&other[..], &["--write-to", "keys/laptop"]].concat());
    insta::assert_snapshot!("the file is there", there.transcript());
    assert_eq!(lab.names(), ["laptop"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), value);
    assert_eq!(lab.files(), [PathBuf::from("keys")]);
}

#[test]
fn a_value_is_printed_and_nothing_else() {
    let lab = Lab::new(FaultPlan::none());
    let mut run = lab.run(&["token", "create", "ci", "--expiry", "never", "--print"]);
    let value = run.stdout.strip_suffix('\n').unwrap().to_owned();
    assert!(value.len() > 50 && !value.contains(char::is_whitespace));
    assert!(lab.served.lets_in(&value));
    run.hide(&value, "[VALUE]");
    insta::assert_snapshot!("printed", run.transcript());

    let create = ["token", "create", "robot", "--expiry", "1h 30m", "--print"];
    let mut run = lab.run(&[&create[..], &["-o", "json"]].concat());
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let value = document["value"].as_str().unwrap().to_owned();
    assert!(lab.served.lets_in(&value));
    run.hide(&value, "[VALUE]");
    let transcript = without_times_and_ids(&run.transcript());
    insta::assert_snapshot!("printed as json", transcript);
}

#[test]
fn the_own_tokens_are_listed_and_deleted() {
    let lab = Lab::new(FaultPlan::none());
    for (name, expiry) in [("ci", "never"), ("laptop", "30d"), ("old", "1us")] {
        let run = lab.run(&["token", "create", name, "--expiry", expiry, "--print"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    let list = lab.run(&["token", "list"]);
    insta::assert_snapshot!("list", without_times_and_ids(&list.transcript()));
    assert_eq!(lab.run(&["get", "tokens"]).stdout, list.stdout);
    let json = lab.run(&["get", "tokens", "-o", "json"]);
    insta::assert_snapshot!("list as json", without_times_and_ids(&json.transcript()));

    let expired = lab.run(&["token", "create", "old", "--expiry", "1d", "--print"]);
    insta::assert_snapshot!("the name of an expired one", expired.transcript());

    let asked = lab.run(&["token", "delete", "laptop"]);
    insta::assert_snapshot!("nobody to ask", asked.transcript());
    let unknown = lab.run(&["token", "delete", "latpop", "--yes"]);
    insta::assert_snapshot!("no such token", unknown.transcript());
    assert_eq!(lab.names(), ["ci", "laptop", "old"]);
    let deleted = lab.run(&["token", "delete", "laptop", "--yes"]);
    insta::assert_snapshot!("deleted", deleted.transcript());
    assert_eq!(lab.names(), ["ci", "old"]);
}

#[test]
fn everybody_has_their_own() {
    let lab = Lab::new(FaultPlan::none());
    lab.served.sandbox.write(
        "users.yaml",
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyUser\nmetadata: { name: alice }\nspec:\n  password: { file: password }\n",
    );
    lab.served.sandbox.write("password", "s3cret-alice");
    let applied = lab.run(&["apply", "--yes", "-f", "users.yaml"]);
    assert_eq!(applied.code, 0, "{}", applied.transcript());
    let run = lab.run(&["token", "create", "ci", "--expiry", "1d", "--print"]);
    assert_eq!(run.code, 0);

    let address = lab.served.server().address();
    let alice = format!("iggy://alice:s3cret-alice@{address}");
    let as_alice = |arguments: &[&str]| {
        lab.served
            .sandbox
            .run(&[arguments, &["--server", &alice]].concat())
    };
    assert_eq!(as_alice(&["token", "list"]).stdout, "TOKEN  EXPIRES\n");
    let delete = as_alice(&["token", "delete", "ci", "--yes"]);
    assert_eq!(delete.code, 1, "{}", delete.stderr);
    let create = as_alice(&["token", "create", "ci", "--expiry", "1d", "--print"]);
    assert_eq!(create.code, 0, "{}", create.stderr);
    assert_eq!(as_alice(&["token", "delete", "ci", "--yes"]).code, 0);
    assert_eq!(lab.names(), ["ci"]);
}

#[test]
fn what_is_to_happen_with_the_value_has_to_be_said() {
    let sandbox = Sandbox::new();
    let run = |more: &[&str]| {
        let create = ["token", "create", "ci", "--server", "embedded"];
        sandbox.run(&[&create[..], more].concat())
    };
    insta::assert_snapshot!("nowhere", run(&["--expiry", "1d"]).transcript());
    insta::assert_snapshot!("no expiry", run(&["--print"]).transcript());
    for more in [
        &["--expiry", "1d", "--print", "--write-to", "f"][..],
        &["--expiry", "1d", "-o", "json", "--write-to", "f"],
        &["--expiry", "soon", "--print"],
        &["--expiry", "0", "--print"],
    ] {
        let run = run(more);
        assert_eq!(run.code, 64, "{}", run.transcript());
    }
    let run = sandbox.run(&["get", "tokens", "--stream", "a", "--server", "embedded"]);
    assert_eq!(run.code, 64);
    assert!(run.stderr.contains("not in a stream"), "{}", run.stderr);
    assert!(!sandbox.path().join("f").exists());
}

/// The pipe is closed before there is anything to read.
#[cfg(unix)]
#[test]
fn a_value_that_nobody_reads_is_taken_back() {
    let lab = Lab::new(FaultPlan::none());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let arguments = ["token", "create", "ci", "--expiry", "1d", "--print"];
    let output = lab
        .served
        .sandbox
        .command(&[&arguments[..], &["--server", &lab.served.address()]].concat())
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    insta::assert_snapshot!("nobody reads it", lab.served.sandbox.masked(stderr));
    assert_eq!(lab.names(), Vec::<String>::new());
}

/// While the server creates the token, somebody else creates the file, which
/// was not there when it was looked for.
fn create_while_the_file_appears(lab: &Lab) -> (i32, String) {
    let arguments = ["token", "create", "ci", "--expiry", "1d", "--write-to"];
    let child = lab
        .served
        .sandbox
        .command(
            &[
                &arguments[..],
                &["token", "--server", &lab.served.address()],
            ]
            .concat(),
        )
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    while lab.files().is_empty() {
        std::thread::yield_now();
    }
    lab.served.sandbox.write("token", "precious");
    let output = child.wait_with_output().unwrap();
    assert!(output.stdout.is_empty());
    let token = std::fs::read_to_string(lab.served.sandbox.path().join("token"));
    assert_eq!(token.unwrap(), "precious");
    assert_eq!(lab.files(), [PathBuf::from("token")]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    (
        output.status.code().unwrap(),
        lab.served.sandbox.masked(stderr),
    )
}

#[test]
fn a_value_that_cannot_be_written_is_taken_back() {
    let slow = FaultKind::Delay(Duration::from_secs(2));
    let slow = || FaultPlan::none().once(slow, FaultTarget::Command(CREATE_TOKEN), 1);
    let lab = Lab::new(slow());
    let (code, stderr) = create_while_the_file_appears(&lab);
    assert_eq!(code, 1, "{stderr}");
    insta::assert_snapshot!("taken back", stderr);
    assert_eq!(lab.names(), Vec::<String>::new());

    let cannot = FaultTarget::Command(DELETE_TOKEN);
    let lab = Lab::new(slow().always(FaultKind::Disconnect, cannot));
    let (code, stderr) = create_while_the_file_appears(&lab);
    assert_eq!(code, 6, "{stderr}");
    assert!(
        stderr.contains("is on the server, and nobody has its value"),
        "{stderr}"
    );
    assert!(stderr.contains("iggyctl token delete ci"), "{stderr}");
    assert_eq!(lab.names(), ["ci"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_one_leaves_no_file_and_says_what_may_be_there() {
    let slow = FaultKind::Delay(Duration::from_secs(2));
    let lab = Lab::new(FaultPlan::none().once(slow, FaultTarget::Command(CREATE_TOKEN), 1));
    let arguments = ["token", "create", "ci", "--expiry", "1d", "--write-to"];
    let child = lab
        .served
        .sandbox
        .command(
            &[
                &arguments[..],
                &["token", "--server", &lab.served.address()],
            ]
            .concat(),
        )
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    while lab.files().is_empty() {
        std::thread::yield_now();
    }
    let process_id = child.id().to_string();
    let kill = std::process::Command::new("kill")
        .args(["-INT", &process_id])
        .status();
    assert!(kill.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(6));
    let stderr = String::from_utf8(output.stderr).unwrap();
    insta::assert_snapshot!("interrupted", stderr);
    assert_eq!(lab.files(), Vec::<PathBuf>::new());
}

#[test]
fn a_lost_reply_is_not_a_success() {
    let lost = |code| FaultPlan::none().once(FaultKind::LostReply, FaultTarget::Command(code), 1);
    let lab = Lab::new(lost(CREATE_TOKEN));
    let run = lab.run(&[
        "token",
        "create",
        "ci",
        "--expiry",
        "1d",
        "--write-to",
        "token",
    ]);
    assert_eq!(run.code, 6, "{}", run.transcript());
    assert!(run.stderr.contains("did not arrive"), "{}", run.stderr);
    assert!(run.stderr.contains("iggyctl token delete ci"));
    assert_eq!(lab.files(), Vec::<PathBuf>::new());

    // That a token is gone can be found out.
    let lab = Lab::new(lost(DELETE_TOKEN));
    let create = lab.run(&["token", "create", "ci", "--expiry", "1d", "--print"]);
    assert_eq!(create.code, 0);
    let run = lab.run(&["token", "delete", "ci", "--yes"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    assert_eq!(lab.names(), Vec::<String>::new());
}
