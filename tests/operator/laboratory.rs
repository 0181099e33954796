//! An Iggy server, a namespace and an operator for it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use iggy::prelude::*;
use iggy_binary_protocol::codes;
use iggyctl_embedded::{EmbeddedServer, PasswordHashing};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::control_plane::{ControlPlane, Failure};
use crate::network::Way;

/// Makes each request for a round another one.
static ROUNDS: AtomicUsize = AtomicUsize::new(0);

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the operator runs as, and what its Lease is called.
pub(crate) const ACCOUNT: &str = "operator";

pub(crate) struct Laboratory<'a> {
    pub(crate) plane: &'a ControlPlane,
    /// Where it works at the moment.
    pub(crate) namespace: String,
    /// Whether its operator is for all namespaces.
    is_of_cluster: bool,
    /// Whether its server records who wrote.
    is_recorded: bool,
    runtime: Runtime,
    server: Option<EmbeddedServer>,
    operator: Option<Child>,
    /// How many were started.
    operators: Cell<usize>,
    folder: tempfile::TempDir,
}

impl Drop for Laboratory<'_> {
    fn drop(&mut self) {
        self.kill_operator();
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.shutdown());
        }
    }
}

impl<'a> Laboratory<'a> {
    /// With a server that is connected to, and an operator that runs.
    pub(crate) fn start(plane: &'a ControlPlane) -> Result<Self, Failure> {
        let mut laboratory = Self::without_operator(plane)?;
        laboratory.connect_server()?;
        laboratory.start_operator()?;
        Ok(laboratory)
    }

    pub(crate) fn without_operator(plane: &'a ControlPlane) -> Result<Self, Failure> {
        Self::with_rights(plane, false, false)
    }

    /// Without an operator, and with a server that records who wrote.
    pub(crate) fn that_records(plane: &'a ControlPlane) -> Result<Self, Failure> {
        Self::with_rights(plane, false, true)
    }

    /// With an operator of all namespaces, which runs with the rights for that and is in a
    /// namespace of its own. The control plane must have no other operator.
    pub(crate) fn of_cluster(plane: &'a ControlPlane) -> Result<Self, Failure> {
        let mut laboratory = Self::with_rights(plane, true, false)?;
        laboratory.start_operator()?;
        Ok(laboratory)
    }

    fn with_rights(
        plane: &'a ControlPlane,
        is_of_cluster: bool,
        is_recorded: bool,
    ) -> Result<Self, Failure> {
        let runtime = Runtime::new()?;
        let folder = tempfile::tempdir()?;
        let mut laboratory = Self {
            namespace: plane.namespace()?,
            plane,
            is_of_cluster,
            is_recorded,
            runtime,
            server: None,
            operator: None,
            operators: Cell::new(0),
            folder,
        };
        laboratory.start_server("127.0.0.1:0".parse()?)?;
        laboratory.allow_operator()?;
        Ok(laboratory)
    }

    /// A server that keeps what it has in the folder of the laboratory.
    fn start_server(&mut self, address: SocketAddr) -> Result<(), Failure> {
        let mut builder = EmbeddedServer::builder()
            .password_hashing(PasswordHashing::Fast)
            .data_dir(self.folder.path().join("server"))
            .listen(address);
        if self.is_recorded {
            builder = builder.record_access();
        }
        self.server = Some(self.runtime.block_on(builder.start())?);
        Ok(())
    }

    /// Ends the server, and returns where it was.
    pub(crate) fn stop_server(&mut self) -> SocketAddr {
        let server = self.server.take().unwrap();
        let address = server.address();
        self.runtime.block_on(server.shutdown());
        address
    }

    /// Starts it anew where it was, with what it had.
    pub(crate) fn resume_server(&mut self, address: SocketAddr) -> Result<(), Failure> {
        let begin = Instant::now();
        loop {
            match self.start_server(address) {
                // Connections of before may still be closing.
                Err(_) if begin.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                result => return result,
            }
        }
    }

    /// Starts it anew where it was, with nothing.
    pub(crate) fn replace_server(&mut self) -> Result<(), Failure> {
        let address = self.stop_server();
        fs::remove_dir_all(self.folder.path().join("server"))?;
        self.resume_server(address)
    }

    /// Keeps what the server has, while it is stopped; `restore` brings it back.
    pub(crate) fn back_up(&self) -> Result<(), Failure> {
        self.copy("server", "backup")
    }

    /// Puts what was kept in place of what the server has, while it is stopped.
    pub(crate) fn restore(&self) -> Result<(), Failure> {
        fs::remove_dir_all(self.folder.path().join("server"))?;
        self.copy("backup", "server")
    }

    fn copy(&self, from: &str, to: &str) -> Result<(), Failure> {
        let folder = self.folder.path();
        let (from, to) = (folder.join(from), folder.join(to));
        match Command::new("cp")
            .arg("-r")
            .arg(from)
            .arg(to)
            .status()?
            .success()
        {
            true => Ok(()),
            false => Err("not copied".into()),
        }
    }

    /// What the chart allows it, in one namespace or in all, and nothing else.
    fn allow_operator(&self) -> Result<(), Failure> {
        let namespace = &self.namespace;
        let mut roles = vec!["operator", "rbac", "--name", ACCOUNT];
        roles.extend(["--operator-namespace", namespace]);
        if !self.is_of_cluster {
            roles.extend(["--namespace", namespace]);
        }
        let account = format!(
            "{}---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {{ name: {ACCOUNT} }}\n",
            iggyctl(&roles)?
        );
        self.apply(&account)?;
        fs::write(self.kubeconfig(), self.kubeconfig_of_operator()?)?;
        Ok(())
    }

    /// How the operator gets to the API server.
    pub(crate) fn kubeconfig_of_operator(&self) -> Result<String, Failure> {
        let token = self.kubectl(&["create", "token", ACCOUNT])?;
        self.plane.kubeconfig_of(token.trim())
    }

    /// Where that is written.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// The Secret and the `IggyServer` that objects mean when they name none.
    pub(crate) fn connect_server(&self) -> Result<(), Failure> {
        let address = self.server().address();
        self.apply(&format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{ name: root, labels: {{ iggyctl.dev/watch: \"true\" }} }}\n\
             stringData: {{ username: iggy, password: iggy }}\n---\n\
             apiVersion: iggyctl.dev/v1alpha1\nkind: IggyServer\nmetadata: {{ name: default }}\n\
             spec:\n  address: iggy://{address}\n  credentialsSecretRef: {{ name: root }}\n"
        ))
    }

    pub(crate) fn server(&self) -> &EmbeddedServer {
        self.server.as_ref().unwrap()
    }

    /// One more server, with nothing in it.
    pub(crate) fn another_server(&self) -> Result<EmbeddedServer, Failure> {
        let builder = EmbeddedServer::builder().password_hashing(PasswordHashing::Fast);
        Ok(self.runtime.block_on(builder.start())?)
    }

    /// Ends a server.
    pub(crate) fn stop(&self, server: EmbeddedServer) {
        self.runtime.block_on(server.shutdown());
    }

    /// Works in another namespace from now on, and makes it, with this label.
    pub(crate) fn enter_new(&mut self, name: &str, label: &str) -> Result<(), Failure> {
        let manifest = format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {name}, labels: {{ {label} }} }}\n"
        );
        self.plane.succeed(&["apply", "-f", "-"], &manifest)?;
        name.clone_into(&mut self.namespace);
        Ok(())
    }

    /// Starts the real binary.
    pub(crate) fn start_operator(&mut self) -> Result<(), Failure> {
        self.start_operator_with(&[])
    }

    /// As [`Self::start_operator`], told more.
    pub(crate) fn start_operator_with(&mut self, arguments: &[&str]) -> Result<(), Failure> {
        self.operator = Some(self.spawn_operator(arguments)?);
        Ok(())
    }

    /// One more operator, which the caller ends.
    pub(crate) fn spawn_operator(&self, arguments: &[&str]) -> Result<Child, Failure> {
        self.spawn_operator_at(&self.kubeconfig(), arguments)
    }

    fn spawn_operator_at(&self, kubeconfig: &Path, arguments: &[&str]) -> Result<Child, Failure> {
        let number = self.operators.get();
        self.operators.set(number + 1);
        let log = fs::File::create(self.folder.path().join(format!("operator-{number}.log")))?;
        let watched = ["--namespace", &self.namespace];
        let watched = match self.is_of_cluster {
            true => &[][..],
            false => &watched[..],
        };
        let child = Command::new(env!("CARGO_BIN_EXE_iggyctl"))
            .args(["operator", "run", "--listen", "127.0.0.1:0"])
            .args(watched)
            .args(arguments)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("HOSTNAME", format!("operator-{number}"))
            .env("KUBECONFIG", kubeconfig)
            .env(
                "RUST_LOG",
                std::env::var("IGGYCTL_TEST_LOG").unwrap_or_else(|_| "info".to_owned()),
            )
            .env("IGGYCTL_TEST_CLOCK", "signals")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(child)
    }

    /// One more operator with a Lease.
    pub(crate) fn candidate(&self) -> Result<Candidate, Failure> {
        self.candidate_at(&self.kubeconfig())
    }

    /// One more operator with a Lease, which gets to the API server only so.
    pub(crate) fn candidate_through(&self, way: &Way) -> Result<Candidate, Failure> {
        let text = fs::read_to_string(self.kubeconfig())?;
        let mut configuration: Value = serde_json::from_str(&text)?;
        let cluster = &mut configuration["clusters"][0]["cluster"];
        let server: axum::http::Uri = cluster["server"].as_str().unwrap_or_default().parse()?;
        cluster["tls-server-name"] = server.host().ok_or("no host")?.into();
        cluster["server"] = format!("https://{}", way.address()).into();
        let path = self.folder.path().join("kubeconfig-through");
        fs::write(&path, configuration.to_string())?;
        self.candidate_at(&path)
    }

    fn candidate_at(&self, kubeconfig: &Path) -> Result<Candidate, Failure> {
        let (namespace, name) = ("--leader-election-namespace", "--leader-election-name");
        let number = self.operators.get();
        let arguments = [namespace, &self.namespace, name, ACCOUNT];
        let child = self.spawn_operator_at(kubeconfig, &arguments)?;
        Ok(Candidate {
            child,
            log: self.folder.path().join(format!("operator-{number}.log")),
        })
    }

    /// A stream by the command line, which also begins the ledger of the server.
    pub(crate) fn apply_by_command_line(&self) -> Result<(), Failure> {
        let path = self.folder.path().join("by-hand.yaml");
        let manifest = "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: { name: by-hand }\nspec: { streams: [{ name: by-hand }] }\n";
        fs::write(&path, manifest)?;
        let address = self.server().connection_string();
        let path = path.to_string_lossy();
        iggyctl(&[
            "apply", "--server", &address, "-f", &path, "--yes", "--ledger",
        ])?;
        Ok(())
    }

    /// Ends it as a crash does.
    pub(crate) fn kill_operator(&mut self) {
        if let Some(mut operator) = self.operator.take() {
            drop(operator.kill());
            drop(operator.wait());
        }
    }

    /// Stops it where it is (`STOP`), lets it go on (`CONT`), or moves its clock (`USR2`).
    pub(crate) fn signal_operator(&self, signal: &str) -> Result<(), Failure> {
        self::signal(self.operator.as_ref().ok_or("no operator runs")?, signal)
    }

    /// What all operators said.
    pub(crate) fn log(&self) -> String {
        let logs = (0..self.operators.get()).map(|number| {
            let path = self.folder.path().join(format!("operator-{number}.log"));
            fs::read_to_string(path).unwrap_or_default()
        });
        logs.collect::<Vec<_>>().join("----\n")
    }

    pub(crate) fn apply(&self, manifests: &str) -> Result<(), Failure> {
        let arguments = ["apply", "-n", &self.namespace, "-f", "-"];
        self.plane.succeed(&arguments, manifests)?;
        Ok(())
    }

    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Result<String, Failure> {
        let arguments = [&["-n", &self.namespace], arguments].concat();
        Ok(self.plane.succeed(&arguments, "")?.stdout)
    }

    /// The object, `null` where it is not there.
    pub(crate) fn get(&self, object: &str) -> Result<Value, Failure> {
        if let Some(found) = self.plane.reader()?.get(&self.namespace, object)? {
            return Ok(found);
        }
        let arguments = ["get", object, "--ignore-not-found", "-o", "json"];
        let text = self.kubectl(&arguments)?;
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_str(&text)?)
    }

    /// How many objects of a kind are ready.
    pub(crate) fn ready_count(&self, kind: &str) -> Result<usize, Failure> {
        let path = "jsonpath={.items[*].status.conditions[?(@.type==\"Ready\")].status}";
        let text = self.kubectl(&["get", kind, "-o", path])?;
        Ok(text.split_whitespace().filter(|it| *it == "True").count())
    }

    /// What tells whether anything was written.
    pub(crate) fn resource_versions(&self, kinds: &str) -> Result<String, Failure> {
        let path = "jsonpath={range .items[*]}{.metadata.name}={.metadata.resourceVersion} {end}";
        self.kubectl(&["get", kinds, "-o", path])
    }

    /// The most memory that the operator ever had.
    pub(crate) fn memory_kilobytes(&self) -> Result<u64, Failure> {
        let operator = self.operator.as_ref().ok_or("no operator runs")?;
        let status = fs::read_to_string(format!("/proc/{}/status", operator.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let line = line.ok_or("no VmHWM")?.trim();
        Ok(line.trim_end_matches(" kB").parse()?)
    }

    /// Waits until an object is as it should be.
    pub(crate) fn wait(
        &self,
        object: &str,
        what: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Result<Value, Failure> {
        let begin = Instant::now();
        loop {
            let found = self.get(object)?;
            if is_so(&found) {
                return Ok(found);
            }
            if begin.elapsed() > PATIENCE {
                return Err(format!(
                    "{object} is not {what}: {}\n{}",
                    serde_json::to_string_pretty(&found["status"])?,
                    self.log()
                )
                .into());
            }
            // Polled, since each look is a whole command anyway.
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until something is so that no object says.
    pub(crate) fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) -> Result<(), Failure> {
        let begin = Instant::now();
        while !is_so() {
            if begin.elapsed() > PATIENCE {
                return Err(format!("not so: {what}\n{}", self.log()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Changes an object.
    pub(crate) fn patch(&self, object: &str, patch: &str) -> Result<(), Failure> {
        self.kubectl(&["patch", object, "--type=merge", "-p", patch])?;
        Ok(())
    }

    pub(crate) fn annotate(&self, object: &str, annotation: &str) -> Result<(), Failure> {
        let annotation = format!("iggyctl.dev/{annotation}");
        self.kubectl(&["annotate", "--overwrite", object, &annotation])?;
        Ok(())
    }

    /// Asks for it to be deleted, and does not wait.
    pub(crate) fn delete(&self, object: &str) -> Result<(), Failure> {
        self.kubectl(&["delete", object, "--wait=false"])?;
        Ok(())
    }

    /// Waits until it is not there any more.
    pub(crate) fn gone(&self, object: &str) -> Result<(), Failure> {
        self.wait(object, "gone", Value::is_null)?;
        Ok(())
    }

    /// The notes of the events with this reason about the object of this name.
    pub(crate) fn events(&self, name: &str, reason: &str) -> Result<Vec<String>, Failure> {
        let text = self.kubectl(&["get", "events.events.k8s.io", "-o", "json"])?;
        let found: Value = serde_json::from_str(&text)?;
        let items = found["items"].as_array().into_iter().flatten();
        let about = items.filter(|it| it["regarding"]["name"] == name && it["reason"] == reason);
        Ok(about
            .filter_map(|it| it["note"].as_str().map(str::to_owned))
            .collect())
    }

    /// Waits until there is such an event.
    pub(crate) fn told(&self, name: &str, reason: &str) -> Result<String, Failure> {
        let begin = Instant::now();
        loop {
            if let Some(note) = self.events(name, reason)?.pop() {
                return Ok(note);
            }
            if begin.elapsed() > PATIENCE {
                let all = self.kubectl(&["get", "events.events.k8s.io"])?;
                return Err(format!("no {reason} of {name}:\n{all}\n{}", self.log()).into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// A round begins and ends after this was called.
    pub(crate) fn round(&self, object: &str) -> Result<(), Failure> {
        // Rounds of a server come one after the other: when the second one reads, the first
        // one is over.
        for _ in 0..2 {
            let reads = || {
                self.server().requests().count(codes::GET_STREAMS_CODE)
                    + self.server().requests().count(codes::GET_STREAM_CODE)
            };
            let before = reads();
            let now = ROUNDS.fetch_add(1, Ordering::Relaxed);
            self.annotate(object, &format!("reconcile-requested-at={now}"))?;
            self.until("the server is read", || reads() > before)?;
        }
        Ok(())
    }

    /// Lets an interval of the operator pass by its clock, until the round after it has begun.
    pub(crate) fn interval(&self) -> Result<(), Failure> {
        let rounds = || self.server().requests().count(codes::GET_STATS_CODE);
        let before = rounds();
        let begin = Instant::now();
        while rounds() == before {
            if begin.elapsed() > PATIENCE {
                return Err(format!("no round began\n{}", self.log()).into());
            }
            // Time that passes during a round does not count for the next one.
            self.signal_operator("USR2")?;
            let moved = Instant::now();
            while rounds() == before && moved.elapsed() < Duration::from_millis(500) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        Ok(())
    }

    /// How often the server was asked to change something.
    pub(crate) fn writes(&self) -> u64 {
        let reads = [
            codes::PING_CODE,
            codes::GET_STATS_CODE,
            codes::GET_CLUSTER_METADATA_CODE,
            codes::DESCRIBE_OPTIONS_CODE,
            codes::GET_ME_CODE,
            codes::GET_USER_CODE,
            codes::GET_USERS_CODE,
            codes::GET_PERSONAL_ACCESS_TOKENS_CODE,
            codes::GET_STREAM_CODE,
            codes::GET_STREAMS_CODE,
            codes::GET_TOPIC_CODE,
            codes::GET_TOPICS_CODE,
            codes::GET_CONSUMER_GROUP_CODE,
            codes::GET_CONSUMER_GROUPS_CODE,
            codes::POLL_MESSAGES_CODE,
            codes::LOGIN_USER_CODE,
            codes::LOGIN_REGISTER_CODE,
            codes::LOGIN_REGISTER_WITH_PAT_CODE,
            codes::LOGIN_WITH_PERSONAL_ACCESS_TOKEN_CODE,
            codes::GET_CLIENTS_CODE,
            codes::GET_CONSUMER_OFFSET_CODE,
            codes::LOGOUT_USER_CODE,
        ];
        let counts = self.server().requests().counts();
        let writes = counts.iter().filter(|(code, _)| !reads.contains(code));
        writes.map(|(_, count)| count).sum()
    }

    /// How often the operator asked the API server for something that changes something, also
    /// where nothing changed by it.
    pub(crate) fn writes_to_kubernetes(&self) -> Result<usize, Failure> {
        let requests = self.plane.requests_of(&self.namespace, ACCOUNT)?;
        let reads = ["get", "list", "watch"];
        let writes = requests
            .iter()
            .filter(|(verb, _)| !reads.contains(&verb.as_str()));
        Ok(writes.map(|(_, count)| count).sum())
    }

    /// The versions of all that is in the namespace.
    pub(crate) fn versions(&self) -> Result<BTreeMap<String, String>, Failure> {
        let what = "iggy,secrets,events.events.k8s.io";
        let text = self.kubectl(&["get", what, "-o", "json"])?;
        let found: Value = serde_json::from_str(&text)?;
        let items = found["items"].as_array().into_iter().flatten();
        Ok(items
            .map(|it| {
                let name = format!("{}/{}", it["kind"], it["metadata"]["name"]);
                (name, it["metadata"]["resourceVersion"].to_string())
            })
            .collect())
    }

    /// Waits until the condition has the status and the reason, for the present spec.
    pub(crate) fn wait_for(
        &self,
        object: &str,
        kind: &str,
        status: &str,
        reason: &str,
    ) -> Result<Value, Failure> {
        self.wait(object, &format!("{kind}={status} ({reason})"), |found| {
            is_condition(found, kind, status, reason)
        })
    }

    pub(crate) fn ready(&self, object: &str) -> Result<Value, Failure> {
        self.wait_for(object, "Ready", "True", "Applied")
    }

    /// Something done on the server by hand, as root.
    pub(crate) fn by_hand<T>(&self, work: impl AsyncFnOnce(IggyClient) -> T) -> T {
        self.by_hand_on(self.server(), work)
    }

    fn by_hand_on<T>(&self, server: &EmbeddedServer, work: impl AsyncFnOnce(IggyClient) -> T) -> T {
        let address = server.connection_string();
        self.runtime.block_on(async {
            let root = IggyClient::from_connection_string(&address).unwrap();
            root.connect().await.unwrap();
            work(root).await
        })
    }

    /// Whether the server lets somebody in: `user:password`.
    pub(crate) fn lets_in(&self, login: &str) -> bool {
        let address = self.server().address();
        let address = format!("iggy://{login}@{address}?reconnection_retries=0");
        self.runtime.block_on(async {
            let client = IggyClient::builder_from_connection_string(&address)
                .unwrap()
                .build()
                .unwrap();
            client.connect().await.is_ok()
        })
    }

    /// Whether the server lets somebody in with the value of an access token.
    pub(crate) fn lets_token_in(&self, token: &str) -> bool {
        self.unknown(async |client| {
            let login = client.login_with_personal_access_token(token).await;
            login.is_ok()
        })
    }

    /// Something done on the server as a user.
    pub(crate) fn as_user<T>(
        &self,
        user: &str,
        password: &str,
        work: impl AsyncFnOnce(IggyClient) -> T,
    ) -> T {
        self.unknown(async |client| {
            client.login_user(user, password).await.unwrap();
            work(client).await
        })
    }

    /// With a connection that nobody is logged in on.
    fn unknown<T>(&self, work: impl AsyncFnOnce(IggyClient) -> T) -> T {
        let address = self.server().address().to_string();
        self.runtime.block_on(async {
            let client = IggyClient::builder()
                .with_tcp()
                .with_server_address(address)
                .build()
                .unwrap();
            client.connect().await.unwrap();
            work(client).await
        })
    }

    /// What `iggyctl plan` says of manifests: nothing differs.
    pub(crate) fn has_topic(&self, stream: &str, topic: &str) -> bool {
        self.by_hand(async |root| {
            let stream = Identifier::named(stream).unwrap();
            let topic = Identifier::named(topic).unwrap();
            root.get_topic(&stream, &topic).await.unwrap().is_some()
        })
    }

    /// What the server has.
    pub(crate) fn streams(&self) -> Vec<String> {
        self.streams_of(self.server())
    }

    /// What a server has.
    pub(crate) fn streams_of(&self, server: &EmbeddedServer) -> Vec<String> {
        self.by_hand_on(server, async |root| {
            let streams = root.get_streams().await.unwrap();
            streams.into_iter().map(|stream| stream.name).collect()
        })
    }

    pub(crate) fn delete_topic_by_hand(&self, stream: &str, topic: &str) {
        self.by_hand(async |root| {
            let stream = Identifier::named(stream).unwrap();
            let topic = Identifier::named(topic).unwrap();
            root.delete_topic(&stream, &topic).await.unwrap();
        });
    }

    /// Asks for a look now.
    pub(crate) fn look_again(&self, object: &str) -> Result<(), Failure> {
        let asked = format!(
            "iggyctl.dev/reconcile-requested-at={}",
            uuid::Uuid::now_v7()
        );
        self.kubectl(&["annotate", "--overwrite", object, &asked])?;
        Ok(())
    }

    pub(crate) fn stream_id(&self, stream: &str) -> Option<u32> {
        self.by_hand(async |root| {
            let stream = Identifier::named(stream).unwrap();
            let found = root.get_stream(&stream).await.unwrap();
            found.map(|stream| stream.id)
        })
    }
}

/// One of several operators; killed with this value.
pub(crate) struct Candidate {
    child: Child,
    log: PathBuf,
}

impl Drop for Candidate {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Candidate {
    /// Whether it was ever the one that writes.
    pub(crate) fn has_led(&self) -> Result<bool, Failure> {
        Ok(fs::read_to_string(&self.log)?.contains("the one that writes"))
    }

    /// Whether it ended.
    pub(crate) fn is_over(&mut self) -> Result<bool, Failure> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Stops it where it is (`STOP`), lets it go on (`CONT`), or moves its clock (`USR2`).
    pub(crate) fn signal(&self, signal: &str) -> Result<(), Failure> {
        self::signal(&self.child, signal)
    }

    /// Waits until it ended by itself; what it said, where that was with an error.
    pub(crate) fn failed(&mut self) -> Result<String, Failure> {
        let begin = Instant::now();
        loop {
            let said = fs::read_to_string(&self.log)?;
            match self.child.try_wait()? {
                Some(status) if !status.success() => return Ok(said),
                None if begin.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                other => return Err(format!("it goes on, or ended well: {other:?}\n{said}").into()),
            }
        }
    }

    /// Ends it in order, as Kubernetes ends a pod.
    pub(crate) fn terminate(&mut self) -> Result<(), Failure> {
        self.signal("TERM")?;
        match self.child.wait()?.success() {
            true => Ok(()),
            false => Err(fs::read_to_string(&self.log)?.into()),
        }
    }
}

fn signal(process: &Child, signal: &str) -> Result<(), Failure> {
    let (signal, process) = (format!("-{signal}"), process.id().to_string());
    let mut kill = Command::new("kill");
    match kill.args([signal, process]).status()?.success() {
        true => Ok(()),
        false => Err("the operator cannot be signalled".into()),
    }
}

/// What a command prints.
pub(crate) fn iggyctl(arguments: &[&str]) -> Result<String, Failure> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_iggyctl"));
    let output = program.args(arguments).env_clear().output()?;
    if !output.status.success() {
        return Err(format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

pub(crate) fn is_condition(object: &Value, kind: &str, status: &str, reason: &str) -> bool {
    let generation = &object["metadata"]["generation"];
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|it| {
        it["type"] == kind
            && it["status"] == status
            && it["reason"] == reason
            && it["observedGeneration"] == *generation
    })
}
