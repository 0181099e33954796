//! Which server is meant, and what is said when it does not answer.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use insta::assert_snapshot;

use crate::sandbox::{DevServer, Sandbox};

const MANIFEST: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyStream
metadata: { name: orders }
spec: { name: orders }
";

#[test]
fn without_a_server_all_ways_to_name_one_are_listed() {
    assert_snapshot!(Sandbox::new().run(&["ping"]).transcript());
}

#[test]
fn without_credentials_all_ways_to_give_them_are_listed() {
    let run = Sandbox::new().run(&["ping", "--server", "iggy://127.0.0.1:8090"]);
    assert_snapshot!(run.transcript());
}

#[test]
fn what_is_no_address_is_said_without_its_password() {
    let sandbox = Sandbox::new();
    for address in [
        "localhost:8090",
        "iggy://user:hunter2@host:port",
        "iggy://user:hunter2@host:1?unknown=1",
        "iggy://user:hunter2%zz@host:1",
    ] {
        let run = sandbox.run(&["ping", "--server", address]);
        assert_eq!(run.code, 64);
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    }
    assert_snapshot!(
        sandbox
            .run(&["ping", "--server", "iggy://u:p@host:1?tsl=true"])
            .transcript()
    );
    assert_snapshot!(
        sandbox
            .run(&["ping", "--server", "iggy+http://u:p@127.0.0.1:3000"])
            .transcript()
    );
}

#[test]
fn nothing_listens() {
    // Bound and dropped: a port that is free, as far as that can be known.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut sandbox = Sandbox::new();
    sandbox.mask(port.to_string(), "[ADDRESS]");
    let run = sandbox.run(&["ping", "--server", &format!("iggy://iggy:iggy@{port}")]);
    assert_snapshot!(run.transcript());
}

#[test]
fn a_port_that_accepts_and_stays_silent_costs_the_deadline_and_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let started = Instant::now();
    let run = Sandbox::new().run(&[
        "ping",
        "--connect-timeout",
        "1s",
        "--server",
        &format!("iggy://iggy:iggy@{address}"),
    ]);
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_eq!(run.code, 69, "{}", run.transcript());
    assert!(run.stderr.contains("another generation"), "{}", run.stderr);
}

#[test]
fn wrong_credentials_and_tls_to_a_plain_port() {
    let mut sandbox = Sandbox::new();
    let server = DevServer::start(&sandbox, &[]);
    let address = server.address().to_owned();
    sandbox.mask(address.clone(), "[ADDRESS]");
    let ping = |server: String| sandbox.run(&["ping", "--server", &server]);
    let run = ping(format!("iggy://iggy:hunter2@{address}"));
    assert!(!run.stderr.contains("hunter2"));
    assert_snapshot!(run.transcript());
    assert_snapshot!(ping(format!("iggy://hunter2token@{address}")).transcript());
    let started = Instant::now();
    assert_snapshot!(ping(format!("iggy://iggy:iggy@{address}?tls=true")).transcript());
    // The login has 5 s, and after one of them the port is looked at.
    assert!(started.elapsed() < Duration::from_millis(3500));
}

#[test]
fn ping_says_what_answers() {
    let mut sandbox = Sandbox::new();
    let server = DevServer::start(&sandbox, &[]);
    sandbox.mask(server.address().to_owned(), "[ADDRESS]");
    let run = sandbox.run(&["ping", "--server", &server.connection_string, "-o", "json"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
    let answer: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(answer["server"], "iggy://[ADDRESS]");
    assert_eq!(answer["login"], "accepted");
    assert!(answer["roundTripMilliseconds"].is_number());
}

#[test]
fn contexts_are_listed_chosen_and_shown() {
    let sandbox = Sandbox::new()
        .variable("IGGYCTL_CONFIG", "config.yaml")
        .variable("STAGING_PASSWORD", "iggy");
    sandbox.write(
        "config.yaml",
        "\
# my servers
contexts:
  production:
    server: iggy+ws://example.org:8092?tls=true
    credentials: { token: { command: [pass, show, iggy] } }
  staging:
    server: iggy://127.0.0.1:1
    credentials: { username: iggy, password: { env: STAGING_PASSWORD } }
",
    );
    sandbox.write(
        "home/.iggy/contexts.toml",
        "[default]\n[lab]\ntcp_server_address = \"127.0.0.1:2\"\nusername = \"iggy\"\npassword = \"hunter2\"\n",
    );
    assert_snapshot!(sandbox.run(&["context", "list"]).transcript());
    assert_snapshot!(sandbox.run(&["context", "use", "staging"]).transcript());
    assert_snapshot!(sandbox.run(&["context", "show"]).transcript());
    assert_snapshot!(sandbox.run(&["context", "show", "production"]).transcript());
    assert_snapshot!(sandbox.run(&["context", "use", "nowhere"]).transcript());
    let shown = sandbox.run(&["context", "show", "iggy:lab"]);
    assert_eq!(shown.code, 0);
    assert!(!shown.transcript().contains("hunter2"));
    let file = std::fs::read_to_string(sandbox.path().join("config.yaml")).unwrap();
    assert!(
        file.starts_with("currentContext: \"staging\"\n# my servers\n"),
        "{file}"
    );
    // The current context is used, with its credentials.
    let run = sandbox.run(&["ping"]);
    assert_eq!(run.code, 69);
    assert!(run.stderr.contains("127.0.0.1:1"), "{}", run.stderr);
    let run = sandbox.run(&["ping", "--context", "iggy:lab"]);
    assert!(run.stderr.contains("127.0.0.1:2"), "{}", run.stderr);
}

#[test]
fn credentials_come_from_file_command_environment_and_env_file() {
    let sandbox = Sandbox::new();
    let server = DevServer::start(&sandbox, &[]);
    let plain = format!("iggy://{}", server.address());
    sandbox.write("password", "iggy\n");
    for source in [
        "{ file: password }",
        "{ command: [echo, iggy] }",
        "{ env: THE_PASSWORD }",
    ] {
        sandbox.write(
            "home/.config/iggyctl/config.yaml",
            format!(
                "currentContext: dev\ncontexts:\n  dev:\n    server: {plain}\n    credentials: {{ username: iggy, password: {source} }}\n"
            ),
        );
        sandbox.write("variables.env", "THE_PASSWORD=iggy\n");
        let run = sandbox.run(&["ping", "--env-file", "variables.env"]);
        assert_eq!(run.code, 0, "{source}: {}", run.transcript());
    }
    sandbox.write(
        "variables.env",
        format!("IGGY_CONNECTION_STRING={plain}\nIGGY_USERNAME=iggy\nIGGY_PASSWORD=iggy\n"),
    );
    let run = sandbox.run(&["ping", "--env-file", "variables.env"]);
    assert_eq!(run.code, 0, "{}", run.transcript());
}

#[test]
fn a_context_never_sends_the_environments_password_in_place_of_its_own() {
    let sandbox = Sandbox::new()
        .variable("IGGY_USERNAME", "iggy")
        .variable("IGGY_PASSWORD", "iggy");
    let server = DevServer::start(&sandbox, &[]);
    sandbox.write("password", "wrong-one");
    sandbox.write(
        "home/.config/iggyctl/config.yaml",
        format!(
            "contexts:\n  dev:\n    server: iggy://{}\n    credentials: {{ username: iggy, password: {{ file: password }} }}\n",
            server.address()
        ),
    );
    assert_eq!(sandbox.run(&["ping", "--context", "dev"]).code, 77);
}

#[test]
fn no_credential_is_in_any_output() {
    let sandbox = Sandbox::new()
        .variable("RUST_LOG", "trace")
        .variable("RUST_BACKTRACE", "full")
        .variable("IGGY_ROOT_USERNAME", "iggy")
        .variable("IGGY_ROOT_PASSWORD", "hunter2secret");
    sandbox.write("stream.yaml", MANIFEST);
    let server = DevServer::start(&sandbox, &[]);
    let good = format!("iggy://iggy:hunter2secret@{}", server.address());
    let wrong = format!("iggy://iggy:hunter2secret@{}?tls=true", server.address());
    for address in [
        good.as_str(),
        wrong.as_str(),
        "iggy://iggy:hunter2secret@127.0.0.1:1",
    ] {
        for command in [
            vec!["apply", "-f", "stream.yaml", "--yes", "-vvv"],
            vec!["apply", "-f", "stream.yaml", "--yes", "-o", "json", "-vvv"],
            vec!["get", "streams", "-vvv"],
            vec!["export", "-vvv"],
            vec!["ping", "-vvv"],
        ] {
            let mut command = command;
            command.extend(["--server", address]);
            let run = sandbox.run(&command);
            assert!(!run.stdout.contains("hunter2secret"), "{}", run.stdout);
            assert!(!run.stderr.contains("hunter2secret"), "{}", run.stderr);
        }
    }
    assert!(!server.connection_string.contains("hunter2secret"));
    let log = std::fs::read_to_string(sandbox.path().join("dev.log")).unwrap();
    assert!(!log.contains("hunter2secret"), "{log}");
}

#[test]
fn a_secret_in_a_context_file_is_not_repeated() {
    let sandbox = Sandbox::new();
    for (file, text) in [
        (
            "home/.config/iggyctl/config.yaml",
            "contexts:\n  dev:\n    server: iggy://127.0.0.1:1\n    credentials: { username: iggy, password: hunter2secret }\n",
        ),
        (
            "home/.config/iggyctl/config.yaml",
            "contexts:\n  dev:\n    server: [hunter2secret]\n",
        ),
        (
            "home/.iggy/contexts.toml",
            "[lab]\nusername = \"iggy\"\npassword = 7777777\n",
        ),
    ] {
        let path = sandbox.write(file, text);
        let run = sandbox.run(&["context", "list"]);
        assert_eq!(run.code, 65, "{}", run.transcript());
        assert!(
            !run.transcript().contains("hunter2secret"),
            "{}",
            run.transcript()
        );
        assert!(
            !run.transcript().contains("7777777"),
            "{}",
            run.transcript()
        );
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn an_embedded_server_is_ended_in_order_when_the_command_fails() {
    let sandbox = Sandbox::new();
    sandbox.write("stream.yaml", MANIFEST);
    let plan = ["plan", "-f", "stream.yaml", "--server", "embedded"];
    let only = [&plan[..], &["--only", "stream/elsewhere"]].concat();
    assert_snapshot!(sandbox.run(&only).transcript());
    for (command, code) in [
        (vec!["apply", "-f", "stream.yaml"], 64),
        (vec!["export", "--stream", "elsewhere"], 1),
        (vec!["get", "topics", "--stream", "elsewhere"], 1),
    ] {
        let run = sandbox.run(&[&command[..], &["--server", "embedded"]].concat());
        assert_eq!(run.code, code, "{}", run.transcript());
        assert!(
            run.stderr.contains("everything in it is gone"),
            "{}",
            run.transcript()
        );
        let run = sandbox.run(&[&command[..], &["--server", "embedded:data"]].concat());
        assert_eq!(run.code, code, "{}", run.transcript());
        assert!(!run.stderr.contains("gone"), "{}", run.transcript());
        // Whoever comes next is told whose the folder is while it is in use.
        assert!(
            !sandbox.path().join("data/address").exists(),
            "{command:?} did not release the folder"
        );
    }
}

#[test]
fn a_password_in_the_address_of_a_context_is_named_and_warned_of() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "home/.config/iggyctl/config.yaml",
        "contexts:\n  lab:\n    server: iggy://iggy:hunter2@127.0.0.1:1\n  plain:\n    server: iggy://127.0.0.1:1\n",
    );
    let shown = sandbox.run(&["context", "show", "lab"]);
    assert_snapshot!(shown.transcript());
    let used = sandbox.run(&["ping", "--context", "lab"]);
    assert_eq!(used.code, 69, "{}", used.transcript());
    assert!(
        used.stderr.contains("warning: the server of context `lab`"),
        "{}",
        used.stderr
    );
    for run in [shown, used, sandbox.run(&["context", "use", "lab"])] {
        assert!(
            run.stderr.contains("in the context file"),
            "{}",
            run.transcript()
        );
        assert!(
            !run.transcript().contains("hunter2"),
            "{}",
            run.transcript()
        );
    }
    let plain = sandbox.run(&["context", "show", "plain"]);
    assert_eq!(plain.stderr, "", "{}", plain.transcript());
}

#[test]
fn a_misspelt_field_of_a_context_file_gets_a_suggestion() {
    let sandbox = Sandbox::new();
    for (text, meant) in [
        ("currentContxt: a\n", "currentContext"),
        ("contexts:\n  a:\n    sever: iggy://h:1\n", "server"),
        (
            "contexts:\n  a:\n    server: iggy://h:1\n    credentials: { usrname: a, password: { env: B } }\n",
            "username",
        ),
        (
            "contexts:\n  a:\n    server: iggy://h:1\n    credentials: { token: { fiel: B } }\n",
            "file",
        ),
    ] {
        sandbox.write("home/.config/iggyctl/config.yaml", text);
        let run = sandbox.run(&["context", "list"]);
        assert_eq!(run.code, 65, "{}", run.transcript());
        assert!(
            run.stderr.contains(&format!("did you mean `{meant}`?")),
            "{}",
            run.transcript()
        );
    }
    let text = "contexts:\n  a:\n    server: iggy://h:1\n    credentials: { token: { hunter2secret: x } }\n";
    sandbox.write("home/.config/iggyctl/config.yaml", text);
    let run = sandbox.run(&["context", "list"]);
    assert!(!run.stderr.contains("hunter2secret"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn what_a_program_for_a_secret_says_is_not_in_a_log() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "home/.config/iggyctl/config.yaml",
        "contexts:\n  lab:\n    server: iggy://127.0.0.1:1\n    credentials: { username: iggy, password: { command: [sh, -c, 'echo hunter2 >&2; exit 3'] } }\n",
    );
    let run = sandbox.run(&["ping", "--context", "lab"]);
    assert_snapshot!(run.transcript());
}

#[test]
fn a_folder_whose_root_has_another_password_takes_credentials_from_the_environment() {
    use iggy::prelude::*;
    use iggyctl_embedded::EmbeddedServer;

    let mut sandbox = Sandbox::new();
    let folder = sandbox.path().join("data");
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let server = EmbeddedServer::builder()
            .data_dir(&folder)
            .start()
            .await
            .unwrap();
        let root = IggyClient::from_connection_string(&server.connection_string()).unwrap();
        root.connect().await.unwrap();
        let name = Identifier::named("iggy").unwrap();
        root.change_password(&name, "iggy", "hunter2new")
            .await
            .unwrap();
        server.shutdown().await;
    });
    let get = ["get", "streams", "-o", "json", "--server", "embedded:data"];
    let run = sandbox.run(&get);
    assert_eq!(run.code, 77, "{}", run.transcript());
    assert!(
        run.stderr.contains("IGGY_USERNAME and IGGY_PASSWORD"),
        "{}",
        run.stderr
    );
    sandbox.write("wrong.env", "IGGY_USERNAME=iggy\nIGGY_PASSWORD=hunter2\n");
    let run = sandbox.run(&[&get[..], &["--env-file", "wrong.env"]].concat());
    assert_eq!(run.code, 77, "{}", run.transcript());
    let address = run.stderr.split("iggy://").nth(1).unwrap_or_default();
    let address = address.split(' ').next().unwrap_or_default().to_owned();
    sandbox.mask(address, "[ADDRESS]");
    assert_snapshot!(sandbox.masked(run.transcript()));
    sandbox.write(
        "right.env",
        "IGGY_USERNAME=iggy\nIGGY_PASSWORD=hunter2new\n",
    );
    let run = sandbox.run(&[&get[..], &["--env-file", "right.env"]].concat());
    assert_eq!(run.code, 0, "{}", run.transcript());
    // A server in memory has no other users, whoever the environment names.
    let memory = [
        "get",
        "streams",
        "--server",
        "embedded",
        "--env-file",
        "wrong.env",
    ];
    assert_eq!(sandbox.run(&memory).code, 0);
}

#[test]
fn a_stream_that_is_not_there_fails_before_any_output_in_the_words_of_export() {
    let sandbox = Sandbox::new();
    let server = DevServer::start(&sandbox, &[]);
    let stream = ["--stream", "nope", "--server", &server.connection_string];
    let get = sandbox.run(&[&["get", "topics"], &stream[..]].concat());
    assert_eq!(
        (get.code, get.stdout.as_str()),
        (1, ""),
        "{}",
        get.transcript()
    );
    let export = sandbox.run(&[&["export"], &stream[..]].concat());
    assert_eq!((export.code, &export.stderr), (1, &get.stderr));
    assert!(get.stderr.contains("no stream `nope`"), "{}", get.stderr);
}

#[test]
fn dev_says_what_it_needs_and_a_used_port_is_an_ordinary_error() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["dev", "--listen", "0.0.0.0:0"]);
    assert_eq!(run.code, 1, "{}", run.transcript());
    assert!(
        run.stderr
            .contains("IGGY_ROOT_USERNAME and IGGY_ROOT_PASSWORD"),
        "{}",
        run.stderr
    );
    let server = DevServer::start(&sandbox, &["--data-dir", "data"]);
    let run = sandbox.run(&["dev", "--listen", server.address()]);
    assert_eq!(run.code, 1, "{}", run.transcript());
    let run = sandbox.run(&["dev", "--listen", "127.0.0.1:0", "--data-dir", "data"]);
    assert_eq!(run.code, 1, "{}", run.transcript());
}
