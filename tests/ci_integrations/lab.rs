//! A server, a folder with manifests as a team has them, and a platform with comments.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use iggyctl_embedded::EmbeddedServer;
use serde_json::Value;

use crate::platform::Platform;
use crate::runner::{ACTION, Workflow};
use crate::sandbox::Sandbox;
use crate::served::Served;

/// What is on the server already.
pub(crate) const BEFORE: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyTopology
metadata: { name: shop }
spec:
  streams:
    - name: orders
      topics:
        - { name: events, partitions: 4, segmentSize: 256MiB, messageExpiry: 30d }
";

/// A rule that one of the manifests breaks.
pub(crate) const POLICY: &str = "\
apiVersion: iggyctl.dev/v1alpha1
kind: IggyPolicy
metadata: { name: partitions }
spec:
  rules:
    - name: few
      match: { kinds: [topic] }
      expression: resource.?partitions.orValue(1) <= 8
      message: more than 8 partitions
";

pub(crate) struct Lab {
    pub(crate) served: Served,
    pub(crate) platform: Platform,
    /// With name and password of root.
    pub(crate) address: String,
}

impl Lab {
    /// With a topic more than the server has.
    pub(crate) fn new() -> Self {
        let served = Served::start(EmbeddedServer::builder(), Sandbox::new());
        let lab = Self {
            address: served.address(),
            served,
            platform: Platform::start(),
        };
        lab.declare(BEFORE);
        let apply = ["apply", "-f", "topology", "--yes"];
        let run = lab.served.run(&apply);
        assert_eq!(run.code, 0, "{}", run.transcript());
        lab.declare(&lab.with("new", 1));
        lab
    }

    /// What is there, and a topic more.
    pub(crate) fn with(&self, topic: &str, partitions: u32) -> String {
        format!(
            "{BEFORE}        - {{ name: {topic}, partitions: {partitions}, messageExpiry: 1d }}\n"
        )
    }

    pub(crate) fn declare(&self, manifest: &str) {
        self.served.sandbox.write("topology/shop.yaml", manifest);
    }

    pub(crate) fn sandbox(&self) -> &Sandbox {
        &self.served.sandbox
    }

    /// A run of the workflow, whose step has the address of the server in its environment.
    pub(crate) fn workflow(&self, event: &Value) -> Workflow<'_> {
        Workflow::of(self.sandbox(), &self.platform, event)
            .variable("IGGY_CONNECTION_STRING", &self.address)
    }

    /// A repository of Git with these files of ours, at the tag of this version; its address.
    pub(crate) fn repository(&self, name: &str, files: &[&str]) -> String {
        let folder = self.sandbox().path().join(name);
        for file in files {
            let content = std::fs::read(Path::new(ACTION).join(file)).unwrap();
            self.sandbox().write(&format!("{name}/{file}"), content);
        }
        std::fs::create_dir_all(&folder).unwrap();
        let tag = concat!("v", env!("CARGO_PKG_VERSION"));
        for arguments in [
            &["init", "--quiet", "--initial-branch=main"][..],
            &["config", "user.name", "Mona"],
            &["config", "user.email", "mona@example.org"],
            &["add", "--all"],
            &["commit", "--quiet", "--allow-empty", "--message=first"],
            &["tag", "--force", tag],
        ] {
            let git = Command::new("git")
                .args(arguments)
                .current_dir(&folder)
                .env("HOME", self.sandbox().path().join("home"))
                .env("GIT_CONFIG_NOSYSTEM", "1")
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&git.stderr);
            assert!(git.status.success(), "git {arguments:?}: {said}");
        }
        format!("file://{}", folder.display())
    }

    /// A path on which there is no iggyctl, and a `cargo` that remembers what it is asked for
    /// and installs iggyctl where the last argument says.
    pub(crate) fn path_with_cargo(&self) -> String {
        let script = format!(
            "#!/bin/sh\necho \"cargo $*\" >>{}/asked\nfor root; do :; done\n\
             mkdir -p \"$root/bin\"\nln -s {} \"$root/bin/iggyctl\"\n",
            self.sandbox().path().display(),
            env!("CARGO_BIN_EXE_iggyctl"),
        );
        let cargo = self.sandbox().write("tools/cargo", script);
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
        let tools = cargo.parent().unwrap().display();
        // Where python3 and git are.
        let path = std::env::var("PATH").unwrap();
        let elsewhere: Vec<&str> = path
            .split(':')
            .filter(|folder| !Path::new(folder).join("iggyctl").exists())
            .collect();
        format!("{tools}:{}", elsewhere.join(":"))
    }

    /// What the `cargo` of that path was asked for.
    pub(crate) fn asked_of_cargo(&self) -> String {
        fs::read_to_string(self.sandbox().path().join("asked")).unwrap()
    }

    /// Whether the server has what the manifests declare.
    pub(crate) fn is_as_declared(&self) -> bool {
        self.served.run(&["diff", "-f", "topology"]).code == 0
    }
}
