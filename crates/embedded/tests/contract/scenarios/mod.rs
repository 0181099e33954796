//! The scenarios. Each begins on an empty server and touches nothing but it.

mod frames;
mod group_polling;
mod groups;
mod http;
mod login;
mod messages;
mod offsets;
mod options;
mod partitions;
mod permissions;
mod sdk;
mod segments;
mod streams;
mod system;
mod tokens;
mod topics;
mod users;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use crate::http::Http;
use crate::server::{PASSWORD, USERNAME};
use crate::session::Session;
use crate::transcript::Transcript;

/// What a scenario gets: a server, and where to write.
pub(crate) struct Scene {
    /// Where the server listens.
    pub(crate) address: SocketAddr,
    /// Where it answers HTTP, if it does.
    pub(crate) http: Option<SocketAddr>,
    /// Where everything seen goes.
    pub(crate) transcript: Arc<Transcript>,
}

impl Scene {
    /// A scene on the server at `address`.
    pub(crate) fn new(
        address: SocketAddr,
        http: Option<SocketAddr>,
        transcript: &Arc<Transcript>,
    ) -> Self {
        Self {
            address,
            http,
            transcript: Arc::clone(transcript),
        }
    }

    /// A connection that is not logged in.
    pub(crate) async fn connect(&self, label: &str) -> Result<Session, String> {
        Session::connect(self.address, &self.transcript, label).await
    }

    /// Requests over HTTP, without a login.
    pub(crate) fn http(&self) -> Result<Http, String> {
        let address = self.http.ok_or("the server has no HTTP that is known")?;
        Ok(Http::new(address, &self.transcript))
    }

    /// A connection that is logged in as root; not part of the transcript.
    pub(crate) async fn root(&self) -> Result<Session, String> {
        self.root_as("").await
    }

    /// The same, with a label for scenarios of several clients.
    pub(crate) async fn root_as(&self, label: &str) -> Result<Session, String> {
        use iggy::prelude::UserClient;
        let session = self.connect(label).await?;
        session
            .client
            .login_user(USERNAME, PASSWORD)
            .await
            .map_err(|error| format!("login: {error}"))?;
        Ok(session)
    }

    /// A heading in the transcript.
    pub(crate) fn note(&self, text: &str) {
        self.transcript.note(text);
    }
}

type Run = fn(Scene) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// A named sequence of calls.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    /// `area/what`; also the path of its record.
    pub(crate) name: &'static str,
    /// Runs it.
    pub(crate) run: Run,
}

macro_rules! scenarios {
    ($($area:ident :: $what:ident),* $(,)?) => {
        vec![$(Scenario {
            name: concat!(stringify!($area), "/", stringify!($what)),
            run: |scene| Box::pin($area::$what(scene)),
        }),*]
    };
}

/// All of them, in the order of the facts they check.
pub(crate) fn all() -> Vec<Scenario> {
    scenarios![
        login::accepted_and_refused,
        login::twice_and_out,
        login::before_login,
        system::me_and_clients,
        system::stats,
        system::cluster_metadata,
        system::describe_options,
        streams::create_get_list,
        streams::rename,
        streams::purge_and_delete,
        streams::names,
        streams::id_reuse,
        streams::options,
        streams::details_with_many_topics,
        topics::create_get_list,
        topics::rename,
        topics::purge_and_delete,
        topics::missing_parents,
        topics::names,
        topics::id_reuse,
        topics::partition_limits,
        options::each_explicit,
        options::as_text,
        options::server_default,
        options::out_of_range,
        options::wrong_kinds_and_keys,
        options::size_below_segment,
        options::update_is_a_patch,
        options::update_traps,
        options::update_refused,
        partitions::add_and_remove,
        partitions::refused,
        partitions::missing_parents,
        groups::create_get_list,
        groups::refused,
        groups::missing_parents,
        groups::ids_not_reused,
        groups::deleted_by_id,
        groups::join_and_leave,
        groups::membership_ends,
        messages::send_and_poll,
        messages::timestamps,
        messages::partitioning,
        messages::contents,
        messages::commits,
        messages::refused,
        offsets::of_consumers,
        offsets::of_groups,
        group_polling::next_for_members,
        group_polling::newcomers,
        segments::deleted,
        segments::purged,
        users::create_get_list,
        users::update,
        users::delete_and_id_reuse,
        users::permissions_as_stored,
        users::options_and_status,
        users::root_rules,
        users::passwords,
        users::inactive_login,
        users::deleted_with_a_live_session,
        permissions::each_right,
        permissions::what_everybody_may,
        permissions::existence_first,
        permissions::dangling_grants,
        permissions::who_manages_users,
        tokens::create_list_delete,
        tokens::names_and_expiries,
        tokens::limit,
        tokens::expiry,
        tokens::of_inactive_and_deleted_users,
        tokens::eviction_reasons,
        tokens::replays,
        http::logins,
        http::tokens,
        http::streams,
        http::topics,
        http::partitions_and_groups,
        http::messages,
        http::offsets,
        http::users,
        http::permissions,
        http::system,
        sdk::typed_calls,
        frames::version_window,
        frames::malformed_login,
        frames::without_login,
        frames::commands_and_operations,
        frames::bad_bodies,
        frames::bad_frames,
        frames::sessions_and_replays,
    ]
}
