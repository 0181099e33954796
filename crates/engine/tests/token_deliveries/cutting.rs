//! The real server and the real files, with a knife at every operation.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use iggyctl_core::access::{Grants, UserStatus};
use iggyctl_core::name::ResourceName;
use iggyctl_core::secret::Secret;
use iggyctl_core::state::desired::TopicSettings;
use iggyctl_core::state::desired_token::TokenDestination;
use iggyctl_core::state::observed::{ObservedStream, ObservedTopic};
use iggyctl_core::state::observed_access::ObservedUser;
use iggyctl_core::state::observed_token::SinkContent;
use iggyctl_engine::broker::{
    BrokerError, BrokerRead, BrokerWrite, ConsumerGroups, OwnTokens, ServerStats, SessionInfo,
    StreamSummary, UserRead, UserSummary, UserWrite,
};
use iggyctl_engine::connect::{
    Connect, ConnectError, ConnectSettings, Credentials, LoginChange, ServerConnector,
};
use iggyctl_engine::delivery::{Beginning, Delivery, FileSinks, SinkError, TokenSinks};
use iggyctl_engine::sdk::SdkBroker;

use crate::knife::Knife;

/// Opens connections that can be cut.
pub(crate) struct CuttingConnector {
    pub(crate) connector: ServerConnector,
    pub(crate) knife: Arc<Knife>,
}

/// A connection that can be cut.
pub(crate) struct CuttingBroker {
    broker: SdkBroker,
    knife: Arc<Knife>,
}

impl CuttingConnector {
    fn cutting(&self, broker: SdkBroker) -> CuttingBroker {
        CuttingBroker {
            broker,
            knife: Arc::clone(&self.knife),
        }
    }
}

impl Connect for CuttingConnector {
    type Broker = CuttingBroker;

    async fn connect(&self) -> Result<CuttingBroker, ConnectError> {
        self.knife.point("before connect").await;
        let broker = self.connector.connect().await;
        self.knife.point("after connect").await;
        Ok(self.cutting(broker?))
    }

    async fn log_in_as(&self, credentials: &Credentials) -> Result<CuttingBroker, ConnectError> {
        self.knife.point("before log_in_as").await;
        let broker = self.connector.log_in_as(credentials).await;
        self.knife.point("after log_in_as").await;
        Ok(self.cutting(broker?))
    }

    async fn close(&self, broker: CuttingBroker) {
        self.knife.point("before close").await;
        self.connector.close(broker.broker).await;
        self.knife.point("after close").await;
    }

    fn login_changed(&self, change: LoginChange<'_>) {
        self.connector.login_changed(change);
    }

    fn settings(&self) -> ConnectSettings {
        self.connector.settings()
    }
}

macro_rules! cut {
    ($(fn $name:ident(&self $(, $argument:ident: $type:ty)*) -> $answer:ty;)*) => {
        $(async fn $name(&self $(, $argument: $type)*) -> Result<$answer, BrokerError> {
            self.knife.point(concat!("before ", stringify!($name))).await;
            let answer = self.broker.$name($($argument),*).await;
            self.knife.point(concat!("after ", stringify!($name))).await;
            answer
        })*
    };
}

impl UserRead for CuttingBroker {
    cut! {
        fn list_users(&self) -> Vec<UserSummary>;
        fn get_user(&self, user: &ResourceName) -> Option<ObservedUser>;
        fn own_tokens(&self) -> OwnTokens;
    }
}

impl UserWrite for CuttingBroker {
    cut! {
        fn create_user(&self, user: &ResourceName, password: &Secret, status: UserStatus) -> ();
        fn rename_user(&self, from: &ResourceName, to: &ResourceName) -> ();
        fn set_user_status(&self, user: &ResourceName, status: UserStatus) -> ();
        fn change_password(&self, user: &ResourceName, current: &Secret, new: &Secret) -> ();
        fn update_permissions(&self, user: &ResourceName, grants: &Grants<u32>) -> ();
        fn delete_user(&self, user: &ResourceName) -> ();
        fn create_token(&self, token: &ResourceName, expiry_micros: Option<u64>) -> Secret;
        fn delete_token(&self, token: &ResourceName) -> ();
    }
}

impl BrokerRead for CuttingBroker {
    cut! {
        fn ping(&self) -> ();
        fn me(&self) -> SessionInfo;
        fn stats(&self) -> ServerStats;
        fn list_streams(&self) -> Vec<StreamSummary>;
        fn get_stream(&self, stream: &ResourceName) -> Option<ObservedStream>;
        fn get_topic(&self, stream: &ResourceName, topic: &ResourceName) -> Option<ObservedTopic>;
        fn consumer_groups(&self, stream: &ResourceName, topic: &ResourceName) -> ConsumerGroups;
    }
}

impl BrokerWrite for CuttingBroker {
    cut! {
        fn create_stream(&self, stream: &ResourceName) -> ();
        fn rename_stream(&self, from: &ResourceName, to: &ResourceName) -> ();
        fn create_topic(&self, stream: &ResourceName, topic: &ResourceName, partitions: u32, settings: &TopicSettings) -> ();
        fn update_topic(&self, stream: &ResourceName, topic: &ResourceName, rename_to: Option<&ResourceName>, settings: &TopicSettings) -> ();
        fn create_partitions(&self, stream: &ResourceName, topic: &ResourceName, count: u32) -> ();
        fn delete_partitions(&self, stream: &ResourceName, topic: &ResourceName, count: u32) -> ();
        fn create_consumer_group(&self, stream: &ResourceName, topic: &ResourceName, group: &ResourceName) -> u32;
        fn delete_stream(&self, stream: &ResourceName) -> ();
        fn delete_topic(&self, stream: &ResourceName, topic: &ResourceName) -> ();
        fn delete_consumer_group(&self, stream: &ResourceName, topic: &ResourceName, id: u32) -> ();
    }
}

/// What cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The note that a token is about to be created.
    Begin,
    /// The value: the disk is full.
    Deliver,
    /// The value: something else is there by now.
    Folder,
}

impl Refusal {
    pub(crate) const ALL: [Self; 3] = [Self::Begin, Self::Deliver, Self::Folder];

    /// What the error says.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Begin | Self::Deliver => "No space left on device",
            Self::Folder => "it is a folder",
        }
    }
}

/// Files of which every change can be cut in its middle.
pub(crate) struct CuttingSinks {
    pub(crate) files: FileSinks,
    pub(crate) knife: Arc<Knife>,
    pub(crate) refusal: Option<Refusal>,
}

/// A value and its note.
struct Both {
    value: Kept,
    note: Kept,
}

/// A file and what was in it.
struct Kept {
    path: PathBuf,
    bytes: Option<Vec<u8>>,
}

impl Kept {
    fn of(path: PathBuf) -> Self {
        let bytes = fs::read(&path).ok();
        Self { path, bytes }
    }

    fn put_back(&self) {
        match &self.bytes {
            Some(bytes) => write_private(&self.path, bytes),
            None => {
                let _ = fs::remove_file(&self.path);
            }
        }
    }

    /// As the temporary file that becomes this one.
    fn put_beside(&self, part: usize) {
        let name = self.path.file_name().unwrap().to_str().unwrap();
        let temporary = self
            .path
            .with_file_name(format!(".{name}.iggyctl-AbCdEf012345"));
        let bytes = self.bytes.as_deref().unwrap_or_default();
        write_private(&temporary, &bytes[..bytes.len() / part]);
    }
}

fn write_private(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

impl CuttingSinks {
    fn look(&self, destination: &TokenDestination) -> Both {
        let value = self.files.path(destination).unwrap();
        let mut note = value.clone().into_os_string();
        note.push(".iggyctl.json");
        Both {
            value: Kept::of(value),
            note: Kept::of(note.into()),
        }
    }

    fn full(&self, destination: &TokenDestination) -> Result<(), SinkError> {
        Err(SinkError::Failed {
            operation: "write",
            place: self.files.path(destination)?.display().to_string(),
            reason: "No space left on device (os error 28)".to_owned(),
        })
    }

    /// Where a note changes and the value does not.
    async fn note_points(&self, name: &str, before: Both, after: Both) {
        self.knife
            .point_with(&format!("{name}: note not renamed yet"), || {
                before.note.put_back();
                after.note.put_beside(1);
            })
            .await;
    }
}

impl TokenSinks for CuttingSinks {
    async fn read(&self, destination: &TokenDestination) -> SinkContent {
        self.knife.point("before read").await;
        let content = self.files.read(destination).await;
        self.knife.point("after read").await;
        content
    }

    async fn value(&self, destination: &TokenDestination) -> Result<Option<Secret>, SinkError> {
        self.knife.point("before value").await;
        let value = self.files.value(destination).await;
        self.knife.point("after value").await;
        value
    }

    async fn begin(
        &self,
        destination: &TokenDestination,
        beginning: &Beginning<'_>,
    ) -> Result<(), SinkError> {
        self.knife.point("before begin").await;
        if self.refusal == Some(Refusal::Begin) {
            return self.full(destination);
        }
        let before = self.look(destination);
        let begun = self.files.begin(destination, beginning).await;
        let after = self.look(destination);
        self.note_points("begin", before, after).await;
        self.knife.point("after begin").await;
        begun
    }

    async fn deliver(
        &self,
        destination: &TokenDestination,
        delivery: &Delivery<'_>,
    ) -> Result<(), SinkError> {
        self.knife.point("before deliver").await;
        let before = self.look(destination);
        match self.refusal {
            None | Some(Refusal::Begin) => {}
            Some(Refusal::Deliver) => return self.full(destination),
            Some(Refusal::Folder) => {
                let path = &before.value.path;
                let _ = fs::remove_file(path);
                fs::create_dir(path).unwrap();
                let refused = self.files.deliver(destination, delivery).await;
                fs::remove_dir(path).unwrap();
                before.value.put_back();
                return refused;
            }
        }
        let delivered = self.files.deliver(destination, delivery).await;
        let after = self.look(destination);
        let knife = &self.knife;
        for (name, part) in [
            ("deliver: half of the value in a temporary file", 2),
            ("deliver: value not renamed yet", 1),
        ] {
            knife
                .point_with(name, || {
                    before.value.put_back();
                    before.note.put_back();
                    after.value.put_beside(part);
                })
                .await;
        }
        knife
            .point_with("deliver: value without its note", || {
                before.note.put_back();
            })
            .await;
        self.note_points("deliver", before, after).await;
        knife.point("after deliver").await;
        delivered
    }

    async fn finish(&self, destination: &TokenDestination) -> Result<(), SinkError> {
        self.knife.point("before finish").await;
        let before = self.look(destination);
        let finished = self.files.finish(destination).await;
        let after = self.look(destination);
        self.note_points("finish", before, after).await;
        self.knife.point("after finish").await;
        finished
    }
}
