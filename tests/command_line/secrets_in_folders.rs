//! Passwords and tokens in a folder that is given with `-f`: they are not taken
//! for manifests, and where they are by their names, nothing of them is said.

use iggyctl_embedded::{EmbeddedServer, PasswordHashing};
use tokio::runtime::Runtime;

use crate::sandbox::{DevServer, Run, Sandbox};

const PASSWORD: &str = "S3CRETmark";

const HEAD: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  users:
    - name: svc-orders
      password: PASSWORD
";

struct Lab {
    runtime: Runtime,
    server: EmbeddedServer,
    sandbox: Sandbox,
}

impl Lab {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let server = EmbeddedServer::builder().password_hashing(PasswordHashing::Fast);
        let server = runtime.block_on(server.start()).unwrap();
        let mut sandbox = Sandbox::new().variable("PASSWORD", PASSWORD);
        sandbox.mask(server.connection_string(), "SERVER");
        sandbox.mask(server.address().to_string(), "ADDRESS");
        Self {
            runtime,
            server,
            sandbox,
        }
    }

    fn declare(&self, password: &str, more: &str) {
        let manifest = HEAD.replace("PASSWORD", password) + more;
        self.sandbox.write("g/m.yaml", manifest);
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let address = self.server.connection_string();
        let run = self
            .sandbox
            .run(&[arguments, &["--server", &address]].concat());
        for said in [&run.stdout, &run.stderr] {
            assert!(!said.contains(PASSWORD), "{}", run.transcript());
        }
        run
    }

    fn stop(self) {
        self.runtime.block_on(self.server.shutdown());
    }
}

/// The record beside the value ends in `.json`.
#[test]
fn a_token_may_be_written_below_the_folder() {
    let lab = Lab::new();
    let tokens = "      tokens: [{ name: ci, writeTo: { file: tokens/ci } }]\n";
    lab.declare("{ env: PASSWORD }", tokens);
    let mut transcript = String::new();
    for command in [
        &["apply", "-f", "g", "--yes"][..],
        &["apply", "-f", "g", "--yes"],
        &["plan", "-f", "g", "--detailed-exitcode"],
        &["plan", "-f", "g/**/*", "--detailed-exitcode"],
    ] {
        let run = lab.run(command);
        assert_eq!(run.code, 0, "{}", run.transcript());
        transcript += &lab.sandbox.masked(run.transcript());
    }
    insta::assert_snapshot!(transcript);
    // Under a name of a manifest nobody says what it is, and it is not shown.
    let value = std::fs::read_to_string(lab.sandbox.path().join("g/tokens/ci")).unwrap();
    for name in ["g/tok.yaml", "g/tok.json"] {
        lab.sandbox.write(name, &value);
        for command in [
            &["plan", "-f", "g"][..],
            &["plan", "-f", "g", "-vvv"],
            &["plan", "-f", "g", "-o", "json"],
            &["plan", "-f", "g/**/*"],
            &["apply", "-f", "g", "--yes"],
        ] {
            let run = lab.run(command);
            assert_eq!(run.code, 65, "{}", run.transcript());
            let said = run.transcript();
            assert!(!said.contains(&value[8..32]), "{said}");
            assert!(said.contains(name), "{said}");
        }
        for command in [
            &["validate", "-f", "g"][..],
            &["validate", "-f", name],
            &["render", "-f", "g"],
            &["access", "--user", "svc-orders", "-f", "g"],
        ] {
            let run = lab.sandbox.run(command);
            assert_eq!(run.code, 65, "{}", run.transcript());
            assert!(!run.transcript().contains(&value[8..32]));
        }
        std::fs::remove_file(lab.sandbox.path().join(name)).unwrap();
    }
    lab.stop();
}

#[test]
fn a_password_may_be_below_the_folder() {
    let lab = Lab::new();
    for (source, file, content) in [
        ("{ file: pw.yaml }", "g/pw.yaml", PASSWORD),
        (
            "{ file: a/pw.json }",
            "g/a/pw.json",
            "{\"value\": \"S3CRETmark\", \"value\": 1}",
        ),
        (
            "{ secretKeyRef: { name: db, key: password.yml } }",
            "g/secrets/db/password.yml",
            "\"S3CRETmark",
        ),
    ] {
        lab.declare(source, "");
        let path = lab.sandbox.write(file, content);
        let secrets = ["--secrets-dir", "g/secrets"];
        for command in [
            &["plan", "-f", "g"][..],
            &["plan", "-f", "g/**/*", "-vvv"],
            &["apply", "-f", "g", "--yes", "--skip-blocked"],
            &["plan", "-f", "g", "-o", "json"],
        ] {
            let run = lab.run(&[command, &secrets].concat());
            assert!(matches!(run.code, 0 | 3), "{}", run.transcript());
        }
        for command in ["validate", "render"] {
            let run = lab.sandbox.run(&[command, "-f", "g"]);
            assert_eq!(run.code, 0, "{}", run.transcript());
            // Nobody says of this one that it is a password.
            let run = lab.sandbox.run(&[command, "-f", file]);
            assert_eq!(run.code, 65, "{}", run.transcript());
            assert!(!run.transcript().contains(PASSWORD));
        }
        std::fs::remove_file(path).unwrap();
    }
    lab.stop();
}

/// The file with the password is there before the manifest names it, and the
/// record of the token is written while the folder is watched.
#[test]
fn a_development_server_may_watch_the_folder() {
    let lab = Lab::new();
    let tokens = "      tokens: [{ name: ci, writeTo: { file: tokens/ci } }]\n";
    lab.declare("{ file: pw.yaml }", tokens);
    lab.sandbox.write("g/pw.yaml", PASSWORD);
    let server = DevServer::start(&lab.sandbox, &["-f", "g", "--watch", "-vv"]);
    let log = lab.sandbox.path().join("dev.log");
    let said = |text: &str| {
        let begun = std::time::Instant::now();
        loop {
            let said = std::fs::read_to_string(&log).unwrap();
            assert!(!said.contains(PASSWORD), "{said}");
            if said.contains(text) {
                return;
            }
            assert!(begun.elapsed().as_secs() < 30, "{said}");
            std::thread::yield_now();
        }
    };
    said("user/svc-orders");
    // What nobody names comes into the folder.
    lab.sandbox
        .write("g/other.yaml", format!("{PASSWORD}: [{PASSWORD}"));
    said("other.yaml");
    std::fs::remove_file(lab.sandbox.path().join("g/other.yaml")).unwrap();
    said("Nothing to change.");
    server.kill();
    lab.stop();
}

/// A mistake anywhere in a user or token may have a secret beside it.
#[test]
fn a_secret_beside_a_mistake_is_not_repeated() {
    let sandbox = Sandbox::new();
    let users = |text: &str| {
        format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: a }}\n\
             spec:\n  users:\n    - name: svc\n      {text}\n"
        )
    };
    let token = |spec: &str| {
        format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyAccessToken\nmetadata: {{ name: a }}\n\
             {spec}\n"
        )
    };
    for manifest in [
        users("pasword: S3CRETmark"),
        users("pw: S3CRETmark"),
        users("pasword: 'S3CRETmark"),
        users("password: \"S3CRETmark"),
        users("password: S3CRETmark: a"),
        users("password: S3CRETmark\n      password: { env: A }"),
        users("password: S3CRETmark\n      password: S3CRETmark"),
        users("password: { S3CRETmark }"),
        users("password: { env: [S3CRETmark] }"),
        users("password: { secretKeyRef: S3CRETmark }"),
        users("password: { secretKeyRef: { name: [S3CRETmark], key: {} } }"),
        users("password: !S3CRETmark a"),
        users("password: { env: A, x: S3CRETmark }"),
        users("password:\n        \"S3CRETmark"),
        users("password: |\n        S3CRETmark\n     x"),
        users("tokens: S3CRETmark"),
        users("tokens: [S3CRETmark]"),
        users("tokens: [{ value: S3CRETmark }]"),
        users("tokens: [{ name: ci, vlaue: S3CRETmark, writeTo: { file: a } }]"),
        users("tokens: [{ name: ci, writeTo: S3CRETmark }]"),
        users("tokens: [{ name: ci, writeTo: [S3CRETmark] }]"),
        users("tokens: [{ name: ci, writeTo: { S3CRETmark } }]"),
        users("tokens: [{ name: ci, writeTo: { file: [S3CRETmark] } }]"),
        users("tokens: { ci: S3CRETmark }"),
        users("tokens:\n        - S3CRETmark"),
        users("tokens:\n        ci: S3CRETmark"),
        users("status: S3CRETless\n      passwort: S3CRETmark"),
        users("a: b\n    - S3CRETmark"),
        token("spec: S3CRETmark"),
        token("spec: { user: a, writeTo: S3CRETmark }"),
        token("spec: { user: a, value: S3CRETmark, writeTo: { file: a } }"),
        token("value: S3CRETmark"),
        token("spec: [S3CRETmark]"),
    ] {
        sandbox.write("m.yaml", &manifest);
        for command in [
            &["validate", "-f", "m.yaml"][..],
            &["render", "-f", "m.yaml"],
        ] {
            let run = sandbox.run(command);
            assert_eq!(run.code, 65, "{manifest}{}", run.transcript());
            let said = run.transcript();
            assert!(!said.contains(PASSWORD), "{manifest}{said}");
        }
    }
    // What is surely none is shown.
    sandbox.write("m.yaml", users("status: actif"));
    let run = sandbox.run(&["validate", "-f", "m.yaml"]);
    assert!(
        run.stderr.contains("7 |       status: actif"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_token_is_not_written_where_it_would_be_taken_for_something_else() {
    let sandbox = Sandbox::new();
    let path = |path: &str| format!("        - {{ name: ci, writeTo: {{ file: {path} }} }}\n");
    let mut transcript = String::new();
    for path in [path("tok.yaml"), path("~/ci"), path("tokens/")] {
        let users = "      tokens:\n".to_owned() + &path;
        sandbox.write("m.yaml", HEAD.replace("PASSWORD", "{ env: A }") + &users);
        let run = sandbox.run(&["validate", "-f", "m.yaml"]);
        assert_eq!(run.code, 65, "{}", run.transcript());
        transcript += &run.transcript();
    }
    insta::assert_snapshot!(transcript);
}

/// Numbers are passwords as well.
#[test]
fn a_number_beside_a_mistake_is_not_repeated() {
    let sandbox = Sandbox::new();
    for user in [
        "password: { env: 777123 }",
        "password: 777123",
        "tokens: [{ name: ci, writeTo: 777123 }]",
        "tokens: [777123]",
        "pw: 777123",
    ] {
        let manifest = format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyUser\nmetadata: {{ name: a }}\n\
             spec: {{ {user} }}\n"
        );
        sandbox.write("m.yaml", manifest);
        let run = sandbox.run(&["validate", "-f", "m.yaml"]);
        assert_eq!(run.code, 65, "{}", run.transcript());
        assert!(!run.transcript().contains("777123"), "{}", run.transcript());
    }
}
