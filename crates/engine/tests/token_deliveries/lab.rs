//! A server, a folder with a manifest, and one declared token.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use iggyctl_core::access::TokenSlot;
use iggyctl_core::address::Address;
use iggyctl_core::diff::diff;
use iggyctl_core::manifest::{SourceFile, Variables, compile};
use iggyctl_core::name::ResourceName;
use iggyctl_core::plan::{Approvals, DestructionGrant, Plan, plan};
use iggyctl_core::secret::Secret;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::AccessReading;
use iggyctl_core::state::observed_token::{SinkContent, TokenCheck, TokenRecord};
use iggyctl_embedded::{EmbeddedServer, FaultPlan, PasswordHashing};
use iggyctl_engine::Secrets;
use iggyctl_engine::apply::{ApplyOutcome, Cancellation, Supplies, apply};
use iggyctl_engine::broker::{BrokerRead as _, UserRead as _, UserWrite as _};
use iggyctl_engine::connect::{
    Connect as _, ConnectError, ConnectSettings, ConnectionPool, Credentials, ServerAddress,
    ServerConnector,
};
use iggyctl_engine::delivery::FileSinks;
use iggyctl_engine::observe::{Checks, Reach, observe_and_check};
use iggyctl_engine::sdk::SdkBroker;
use tempfile::TempDir;

use crate::cutting::{CuttingConnector, CuttingSinks, Refusal};
use crate::knife::Knife;
use crate::situation::Situation;

const USER: &str = "svc-orders";
const PASSWORD: &str = "password-of-svc-orders";
const TOKEN: &str = "token/svc-orders/ci";

pub(crate) struct Lab {
    server: EmbeddedServer,
    folder: TempDir,
    /// Every value that ever was in the file, the last one last.
    values: Vec<String>,
    pub(crate) faults_of_the_apply: FaultPlan,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) enum Ended {
    Cut,
    Done(ApplyOutcome),
}

impl Lab {
    pub(crate) async fn new() -> Self {
        Self {
            server: EmbeddedServer::builder()
                .password_hashing(PasswordHashing::Fast)
                .start()
                .await
                .unwrap(),
            folder: tempfile::tempdir().unwrap(),
            values: Vec::new(),
            faults_of_the_apply: FaultPlan::none(),
        }
    }

    pub(crate) async fn shutdown(self) {
        self.server.shutdown().await;
    }

    fn value_path(&self) -> PathBuf {
        self.folder.path().join("secrets/ci.token")
    }

    fn value(&self) -> Option<String> {
        fs::read_to_string(self.value_path()).ok()
    }

    /// The user, and the token with these settings.
    fn desired(&self, token: Option<&str>, is_requested: bool) -> DesiredState {
        let tokens = token.map_or(String::new(), |settings| {
            format!(", tokens: [{{ name: ci, {settings}, writeTo: {{ file: secrets/ci.token }} }}]")
        });
        let manifest = format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: test }}\n\
             spec: {{ users: [{{ name: {USER}, password: {{ env: P }}{tokens} }}] }}\n"
        );
        let file = self.folder.path().join("topology.yaml");
        let file = SourceFile::new(file.to_str().unwrap(), manifest.as_bytes());
        let mut desired = compile(&[file], &Variables::default())
            .unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}"))
            .state;
        if is_requested {
            desired.request_rotation(&TOKEN.parse().unwrap()).unwrap();
        }
        desired
    }

    fn connector(&self) -> ServerConnector {
        let ServerAddress::Remote(remote) = self.server.connection_string().parse().unwrap() else {
            panic!("the server is remote");
        };
        let limit = Duration::from_secs(5);
        let settings = ConnectSettings {
            deadline: limit,
            request_timeout: limit,
        };
        ServerConnector::new(remote, settings)
    }

    /// A dead process has sent what it has sent; that is over when the server
    /// has ended its connections.
    async fn all_are_gone(&self) {
        while self.server.testing().connections() > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// As a process of its own: sees what is there, plans, applies.
    pub(crate) async fn run(
        &self,
        situation: &Situation,
        is_requested: bool,
        knife: &Arc<Knife>,
        refusal: Option<Refusal>,
    ) -> Ended {
        let desired = self.desired(Some(situation.settings()), is_requested);
        let ended = tokio::select! {
            () = knife.cut() => Ended::Cut,
            outcome = self.apply(&desired, knife, refusal) => Ended::Done(outcome),
        };
        self.all_are_gone().await;
        ended
    }

    async fn apply(
        &self,
        desired: &DesiredState,
        knife: &Arc<Knife>,
        refusal: Option<Refusal>,
    ) -> ApplyOutcome {
        let pool = ConnectionPool::new(CuttingConnector {
            connector: self.connector(),
            knife: Arc::clone(knife),
        });
        let sinks = CuttingSinks {
            files: FileSinks::new(None),
            knife: Arc::clone(knife),
            refusal,
        };
        let secrets = secrets(desired);
        let checks = Checks {
            reach: Reach::Declared,
            secrets: Some(&secrets),
            sinks: &sinks,
        };
        let observed = observe_and_check(&pool, desired, checks).await.unwrap();
        let plan = plan(&diff(desired, &observed), &Approvals::default());
        let plan = plan.approve(false, &DestructionGrant::default()).unwrap();
        knife.apply_begins();
        self.server.requests().reset();
        self.server.faults().set(self.faults_of_the_apply.clone());
        let outcome = apply(
            &plan,
            &pool,
            Supplies::new(&secrets, &sinks),
            &mut |_| {},
            &Cancellation::default(),
        )
        .await;
        self.server.faults().clear();
        outcome
    }

    pub(crate) fn requests_of_the_apply(&self, command: u32) -> u64 {
        self.server.requests().count(command)
    }

    /// Makes it so, and remembers the value.
    pub(crate) async fn set_up(&mut self, token: Option<&str>) {
        let desired = self.desired(token, false);
        let outcome = self.apply(&desired, &Arc::new(Knife::blunt()), None).await;
        assert!(outcome.is_complete(), "{outcome:#?}");
        self.values.extend(self.value());
        self.all_are_gone().await;
    }

    pub(crate) async fn delete_on_the_server(&self, slot: TokenSlot) {
        let user = self.logged_in().await;
        user.delete_token(&slot.name_of(&ci())).await.unwrap();
    }

    pub(crate) fn remove_files(&self) {
        fs::remove_dir_all(self.value_path().parent().unwrap()).unwrap();
    }

    /// As the user of the token.
    async fn logged_in(&self) -> SdkBroker {
        self.connector().log_in_as(&credentials()).await.unwrap()
    }

    /// Whether a value lets somebody in, and that is the user.
    async fn accepts(&self, value: &str) -> bool {
        let credentials = Credentials::Token(Secret::new(value));
        match self.connector().log_in_as(&credentials).await {
            Ok(broker) => {
                let user = broker.get_user(&USER.parse().unwrap()).await.unwrap();
                assert_eq!(broker.me().await.unwrap().user_id, user.map(|user| user.id));
                true
            }
            Err(ConnectError::CredentialsRefused { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Whether the value in the file does.
    pub(crate) async fn value_works(&self) -> bool {
        match self.value() {
            Some(value) => self.accepts(&value).await,
            None => false,
        }
    }

    /// Also those that have ended.
    pub(crate) async fn token_names(&self) -> Vec<String> {
        let tokens = self.logged_in().await.own_tokens().await.unwrap();
        tokens.keys().map(ToString::to_string).collect()
    }

    /// How many tokens are opened by values that were in the file before.
    pub(crate) async fn known_tokens(&self) -> usize {
        let mut known = 0;
        for value in &self.values {
            known += usize::from(self.accepts(value).await);
        }
        known
    }

    async fn plan(&self, desired: &DesiredState) -> (Plan, TokenRecord) {
        let pool = ConnectionPool::new(self.connector());
        let (sinks, secrets) = (FileSinks::new(None), secrets(desired));
        let checks = Checks {
            reach: Reach::Declared,
            secrets: Some(&secrets),
            sinks: &sinks,
        };
        let observed = observe_and_check(&pool, desired, checks).await.unwrap();
        let changes = diff(desired, &observed);
        assert_eq!(changes.token_notices, [], "{changes:#?}");
        let key = (USER.parse().unwrap(), ci());
        let AccessReading::Read(access) = &observed.access else {
            panic!("{observed:#?}");
        };
        let SinkContent::Record(record) = access.sinks[&key].clone() else {
            panic!("{access:#?}");
        };
        (plan(&changes, &Approvals::default()), record)
    }

    /// The apply that nobody cuts.
    pub(crate) async fn converge(&self, situation: &Situation, is_requested: bool, story: &str) {
        let knife = Arc::new(Knife::blunt());
        match self.run(situation, is_requested, &knife, None).await {
            Ended::Done(outcome) => assert!(outcome.is_complete(), "{story}: {outcome:#?}"),
            Ended::Cut => panic!("{story}: nothing cuts it"),
        }
    }

    /// One token that was delivered and works, and none that nobody knows.
    pub(crate) async fn is_as_promised(&self, situation: &Situation, story: &str) {
        let (plan, record) = self
            .plan(&self.desired(Some(situation.settings()), false))
            .await;
        assert!(plan.is_empty(), "{story}: {plan:#?}");
        let TokenRecord {
            token,
            owner_created_at_micros: _,
            server: _,
            is_open_to_others: _,
            delivered,
            pending,
            revokes,
            has_value,
            check,
        } = record;
        assert_eq!(token, TOKEN.parse::<Address>().unwrap(), "{story}");
        assert_eq!((pending, revokes), (None, None), "{story}");
        assert!(has_value && check == TokenCheck::Accepted, "{story}");
        let slot = delivered.expect(story).slot;

        let value = self.value().expect(story);
        assert!(self.accepts(&value).await, "{story}");
        assert!(
            !self.values.contains(&value) || story.contains("cut at"),
            "{story}"
        );
        let known = self.known_tokens().await;
        let predecessors = known - usize::from(self.values.contains(&value));
        assert_eq!(predecessors, usize::from(situation.overlaps()), "{story}");
        let names = self.token_names().await;
        assert_eq!(names.len(), 1 + predecessors, "{story}: {names:?}");
        self.nobody_else_has(&value, story);

        // It is the one of the record that the value opens.
        self.delete_on_the_server(slot).await;
        assert!(!self.accepts(&value).await, "{story}");
    }

    /// No file but its own holds the value, and nobody else can read that.
    fn nobody_else_has(&self, value: &str, story: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.value_path();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{story}");
        for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
            let other = entry.unwrap().path();
            if other != path {
                let content = fs::read_to_string(&other).unwrap();
                assert!(!content.contains(&value[..32]), "{story}: {other:?}");
            }
        }
    }
}

fn ci() -> ResourceName {
    "ci".parse().unwrap()
}

fn credentials() -> Credentials {
    Credentials::Password {
        username: USER.to_owned(),
        password: Secret::new(PASSWORD),
    }
}

fn secrets(desired: &DesiredState) -> Secrets {
    Secrets::needed(desired)
        .into_iter()
        .map(|reference| (reference.clone(), Secret::new(PASSWORD)))
        .collect()
}
