//! The official HTTP routes, for `curl` and clients without the binary protocol.
//!
//! ```text
//!  request ──router──▶ bearer ──▶ JSON to the body of a command ──▶ execution
//!  response ◀── JSON of the answer, or {id, code, reason, field} ◀──────┘
//! ```
//!
//! Paths, JSON and status codes are those of the real server, whose requests and replies
//! `iggy_common` describes. HTTP has no sessions here: each request is by itself, so
//! nobody can be the member of a group.

mod bearer;
mod error;
mod groups;
mod identity;
mod login;
mod messages;
mod partitions;
mod serve;
mod streams;
mod system;
mod tokens;
mod topics;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, post, put};

use crate::shared::Shared;
use bearer::Bearers;
pub(crate) use serve::serve;

/// Of a request's body, in bytes: the real server's `http.max_request_size`.
const MAX_BODY_BYTES: usize = 2_000_000;

/// What all requests share.
#[derive(Debug)]
struct HttpServer {
    shared: Arc<Shared>,
    bearers: Bearers,
}

fn router(shared: Arc<Shared>) -> Router {
    let server = Arc::new(HttpServer {
        shared,
        bearers: Bearers::default(),
    });
    Router::new()
        .merge(of_the_server())
        .merge(of_users())
        .nest("/streams", of_streams())
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(server)
}

fn of_the_server() -> Router<Arc<HttpServer>> {
    Router::new()
        .route("/ping", get(system::ping))
        .route("/stats", get(system::stats))
        .route("/options/{scope}", get(system::describe_options))
        .route("/snapshot", post(system::snapshot))
        .route("/cluster/metadata", get(system::cluster_metadata))
        .route("/clients", get(system::clients))
        .route("/clients/{client}", get(system::client))
}

fn of_users() -> Router<Arc<HttpServer>> {
    Router::new()
        .route("/users/login", post(login::by_password))
        .route("/users/logout", delete(login::logout))
        .route("/users/refresh-token", post(login::refresh))
        .route("/users", get(users::list).post(users::create))
        .route(
            "/users/{user}",
            get(users::get).put(users::update).delete(users::delete),
        )
        .route("/users/{user}/password", put(users::change_password))
        .route("/users/{user}/permissions", put(users::update_permissions))
        .route("/personal-access-tokens/login", post(login::by_token))
        .route(
            "/personal-access-tokens",
            get(tokens::list).post(tokens::create),
        )
        .route("/personal-access-tokens/{name}", delete(tokens::delete))
}

fn of_streams() -> Router<Arc<HttpServer>> {
    Router::new()
        .route("/", get(streams::list).post(streams::create))
        .route(
            "/{stream}",
            get(streams::get)
                .put(streams::update)
                .delete(streams::delete),
        )
        .route("/{stream}/purge", delete(streams::purge))
        .route("/{stream}/topics", get(topics::list).post(topics::create))
        .route(
            "/{stream}/topics/{topic}",
            get(topics::get).put(topics::update).delete(topics::delete),
        )
        .route("/{stream}/topics/{topic}/purge", delete(topics::purge))
        .route(
            "/{stream}/topics/{topic}/partitions",
            post(partitions::create).delete(partitions::delete),
        )
        .route(
            "/{stream}/topics/{topic}/partitions/{partition}",
            delete(partitions::delete_segments),
        )
        .route(
            "/{stream}/topics/{topic}/messages",
            get(messages::poll).post(messages::send),
        )
        .route(
            "/{stream}/topics/{topic}/consumer-offsets",
            get(messages::offset).put(messages::store_offset),
        )
        .route(
            "/{stream}/topics/{topic}/consumer-offsets/{consumer}",
            delete(messages::delete_offset),
        )
        .route(
            "/{stream}/topics/{topic}/consumer-groups",
            get(groups::list).post(groups::create),
        )
        .route(
            "/{stream}/topics/{topic}/consumer-groups/{group}",
            get(groups::get).delete(groups::delete),
        )
}
