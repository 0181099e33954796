//! The comments of a GitHub pull request and the notes of a GitLab merge request, over HTTP as
//! the platforms have them.

use std::sync::{Arc, Mutex};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, put};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// The token that it takes.
pub(crate) const TOKEN: &str = "token-of-the-run";

/// Comments on a page at most, so that a few make several pages.
const PAGE: usize = 2;

/// What it holds and has seen.
#[derive(Default)]
struct Request {
    comments: Vec<Comment>,
    /// Methods and paths, without those that only read.
    writes: Vec<String>,
    /// Who the token belongs to; the token of a workflow may not ask.
    user: Option<String>,
    /// The answer to what writes, if it is refused or fails.
    refuses_writes: Option<StatusCode>,
}

/// A comment or note.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Comment {
    id: usize,
    pub(crate) author: String,
    pub(crate) body: String,
}

type Shared = Arc<Mutex<Request>>;

/// Ends with the value.
pub(crate) struct Platform {
    address: std::net::SocketAddr,
    request: Shared,
    _runtime: Runtime,
}

impl Platform {
    pub(crate) fn start() -> Self {
        let request = Shared::default();
        let github = "/api/v3/repos/acme/topology/issues";
        let gitlab = "/api/v4/projects/42/merge_requests/7/notes";
        let router = Router::new()
            .route("/api/v3/user", get(user))
            .route("/api/v4/user", get(user))
            .route(&format!("{github}/7/comments"), get(list).post(create))
            .route(&format!("{github}/comments/{{id}}"), patch(update))
            .route(gitlab, get(list).post(create))
            .route(&format!("{gitlab}/{{id}}"), put(update))
            .with_state(Arc::clone(&request));
        let runtime = Runtime::new().unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            request,
            _runtime: runtime,
        }
    }

    /// `GITHUB_API_URL`, as that of a GitHub Enterprise Server.
    pub(crate) fn github(&self) -> String {
        format!("http://{}/api/v3", self.address)
    }

    /// `CI_API_V4_URL`.
    pub(crate) fn gitlab(&self) -> String {
        format!("http://{}/api/v4", self.address)
    }

    /// Who the token belongs to.
    pub(crate) fn user(&self, name: &str) {
        self.request.lock().unwrap().user = Some(name.to_owned());
    }

    /// Answers so to everything that writes.
    pub(crate) fn refuse_writes(&self, status: u16) {
        let status = StatusCode::from_u16(status).unwrap();
        self.request.lock().unwrap().refuses_writes = Some(status);
    }

    /// Somebody comments.
    pub(crate) fn comment(&self, author: &str, body: &str) {
        self.request.lock().unwrap().add(author, body);
    }

    pub(crate) fn comments(&self) -> Vec<Comment> {
        self.request.lock().unwrap().comments.clone()
    }

    /// The one comment of this author.
    pub(crate) fn comment_of(&self, author: &str) -> String {
        let comments = self.comments();
        let mut own = comments.iter().filter(|comment| comment.author == author);
        let body = own.next().expect("a comment").body.clone();
        assert_eq!(own.next(), None, "only one comment of {author}");
        body
    }

    pub(crate) fn writes(&self) -> Vec<String> {
        self.request.lock().unwrap().writes.clone()
    }
}

impl Request {
    fn add(&mut self, author: &str, body: &str) -> Comment {
        let comment = Comment {
            id: 1000 + self.comments.len(),
            author: author.to_owned(),
            body: body.to_owned(),
        };
        self.comments.push(comment.clone());
        comment
    }

    /// Who writes with the token.
    fn writer(&self) -> String {
        let bot = || "github-actions[bot]".to_owned();
        self.user.clone().unwrap_or_else(bot)
    }
}

impl Comment {
    fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "body": self.body,
            "user": { "login": self.author },
            "author": { "username": self.author },
        })
    }
}

fn is_known(headers: &HeaderMap) -> bool {
    let has = |name: &str, value: String| headers.get(name).is_some_and(|it| *it == *value);
    has("authorization", format!("Bearer {TOKEN}")) || has("private-token", TOKEN.to_owned())
}

async fn user(State(request): State<Shared>, headers: HeaderMap) -> Response {
    if !is_known(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match &request.lock().unwrap().user {
        Some(name) => Json(json!({ "login": name, "username": name })).into_response(),
        None => StatusCode::FORBIDDEN.into_response(),
    }
}

#[derive(serde::Deserialize)]
struct Page {
    #[serde(default)]
    page: usize,
    per_page: usize,
}

async fn list(
    State(request): State<Shared>,
    Query(Page { page, per_page }): Query<Page>,
    uri: axum::http::Uri,
    headers: HeaderMap,
) -> Response {
    if !is_known(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let request = request.lock().unwrap();
    let (page, size) = (page.max(1), per_page.min(PAGE));
    let comments: Vec<Value> = request.comments.iter().map(Comment::to_json).collect();
    let shown: Vec<&Value> = comments.iter().skip((page - 1) * size).take(size).collect();
    let mut answer = Json(json!(shown)).into_response();
    if page * size < comments.len() {
        let host = headers["host"].to_str().unwrap();
        let next = format!(
            "<http://{host}{}?per_page={per_page}&page={}>; rel=\"next\"",
            uri.path(),
            page + 1
        );
        let next = HeaderValue::from_str(&next).unwrap();
        answer.headers_mut().insert("link", next);
    }
    answer
}

#[derive(serde::Deserialize)]
struct Body {
    body: String,
}

async fn create(
    State(request): State<Shared>,
    uri: axum::http::Uri,
    headers: HeaderMap,
    Json(Body { body }): Json<Body>,
) -> Response {
    let mut request = request.lock().unwrap();
    request.writes.push(format!("POST {}", uri.path()));
    if let Some(status) = request.refuses_writes {
        return status.into_response();
    }
    if !is_known(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let writer = request.writer();
    let comment = request.add(&writer, &body);
    (StatusCode::CREATED, Json(comment.to_json())).into_response()
}

async fn update(
    State(request): State<Shared>,
    Path(id): Path<usize>,
    method: axum::http::Method,
    uri: axum::http::Uri,
    headers: HeaderMap,
    Json(Body { body }): Json<Body>,
) -> Response {
    let mut request = request.lock().unwrap();
    request.writes.push(format!("{method} {}", uri.path()));
    if let Some(status) = request.refuses_writes {
        return status.into_response();
    }
    if !is_known(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match request.comments.iter_mut().find(|comment| comment.id == id) {
        Some(comment) => {
            comment.body = body;
            Json(comment.to_json()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
