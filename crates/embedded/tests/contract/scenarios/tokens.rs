//! Personal access tokens.

use std::time::{Duration, Instant};

use iggy::prelude::*;
use iggy_binary_protocol::codes::*;
use iggy_binary_protocol::consensus::Operation;
use iggy_binary_protocol::version::IGGY_PROTOCOL_VERSION;

use super::Scene;
use super::frames::{login, login_body_of, probe, replicated};
use crate::access::{ACTIVE, INACTIVE};
use crate::calls::{Encoded, named};
use crate::session::Session;
use crate::wire::{Wire, request};

/// How long an expiry may be waited for.
const EXPIRY_DEADLINE: Duration = Duration::from_secs(20);
/// One second in the unit of the wire.
const SECOND: u64 = 1_000_000;

pub(super) async fn create_list_delete(scene: Scene) -> Result<(), String> {
    let root = scene.root_as("root").await?;
    root.get_tokens().await;
    let first = root.create_token("first", 0).await;
    root.create_token("a", u64::MAX).await;
    root.get_tokens().await;
    attempt(&scene, "first", first.as_deref()).await?;
    scene.note("a name is taken, whatever the expiry");
    root.create_token("first", 0).await;
    root.create_token("first", 3600 * SECOND).await;
    attempt(&scene, "first", first.as_deref()).await?;
    scene.note("everybody has their own");
    root.create_user("bob", None).await;
    let bob = scene.connect("bob").await?;
    bob.login_with("bob", "password").await;
    bob.get_tokens().await;
    let bobs = bob.create_token("first", 0).await;
    attempt(&scene, "first of bob", bobs.as_deref()).await?;
    bob.delete_token("a").await;
    bob.delete_token("first").await;
    attempt(&scene, "first of bob", bobs.as_deref()).await?;
    root.get_tokens().await;
    scene.note("deleted, and again");
    root.delete_token("first").await;
    root.delete_token("first").await;
    attempt(&scene, "first", first.as_deref()).await?;
    let second = root.create_token("first", 0).await;
    attempt(&scene, "first", first.as_deref()).await?;
    attempt(&scene, "first, the second", second.as_deref()).await?;
    scene.note("what is no token");
    for token in ["no-such-token", "x", &"x".repeat(101), &"x".repeat(255)] {
        let what = format!("of {} bytes", token.len());
        attempt(&scene, &what, Some(token)).await?;
    }
    root.close().await;
    bob.close().await;
    Ok(())
}

pub(super) async fn names_and_expiries(scene: Scene) -> Result<(), String> {
    let root = scene.root().await?;
    for name in ["x", "xy", "X", "123", " sp ace/%? é"] {
        root.create_token(name, 0).await;
    }
    for length in [30, 31, 255] {
        root.create_token(&"n".repeat(length), 0).await;
    }
    scene.note("what expires");
    root.create_token("hour", 3600 * SECOND).await;
    root.create_token("minute", 60 * SECOND).await;
    root.get_tokens_but_far_expiries().await;
    scene.note("bodies that are none");
    for body in [&[][..], &[0], &[1, b'x'], &[1, b'x', 0, 0, 0]] {
        root.command(
            &format!("create_token({body:?})"),
            CREATE_PERSONAL_ACCESS_TOKEN_CODE,
            &Encoded::new(&[body]),
        )
        .await;
    }
    root.close().await;
    Ok(())
}

pub(super) async fn limit(scene: Scene) -> Result<(), String> {
    let root = scene.root().await?;
    let mut created = 0;
    let refusal = loop {
        match root.try_create_token(&format!("token{created}")).await {
            Ok(()) if created < 1000 => created += 1,
            other => break other,
        }
    };
    root.record(
        &format!("create_token after {created} others"),
        refusal,
        |()| vec![],
    );
    scene.note("counted before the name is looked at");
    root.create_token("token7", 0).await;
    root.delete_token("token7").await;
    root.create_token("token8", 0).await;
    root.create_token("more", 0).await;
    root.create_token("token8", 0).await;
    root.close().await;
    Ok(())
}

pub(super) async fn expiry(scene: Scene) -> Result<(), String> {
    let root = scene.root().await?;
    let token = root.create_token("soon", SECOND).await;
    attempt(&scene, "soon", token.as_deref()).await?;
    root.get_tokens().await;
    let live = scene.connect("live").await?;
    live.login_with_token("soon", token.as_deref().unwrap_or_default())
        .await;
    until_refused(&scene, token.as_deref().unwrap_or_default()).await?;
    scene.note("expired: refused, listed still, and the name is taken");
    attempt(&scene, "soon", token.as_deref()).await?;
    root.get_tokens().await;
    root.create_token("soon", 0).await;
    live.whoami().await;
    root.delete_token("soon").await;
    let token = root.create_token("soon", 0).await;
    attempt(&scene, "soon, the second", token.as_deref()).await?;
    root.close().await;
    live.close().await;
    Ok(())
}

pub(super) async fn of_inactive_and_deleted_users(scene: Scene) -> Result<(), String> {
    let root = scene.root_as("root").await?;
    root.create_user("bob", None).await;
    let bob = scene.connect("bob").await?;
    bob.login_with("bob", "password").await;
    let token = bob.create_token("ci", 0).await;
    root.update_user(&named("bob"), None, Some(INACTIVE)).await;
    attempt(&scene, "ci of bob", token.as_deref()).await?;
    root.update_user(&named("bob"), None, Some(ACTIVE)).await;
    attempt(&scene, "ci of bob", token.as_deref()).await?;
    root.update_user(&named("bob"), Some("rob"), None).await;
    bob.change_password(&named("rob"), "password", "changed")
        .await;
    attempt(&scene, "ci of bob", token.as_deref()).await?;
    scene.note("deleted");
    root.delete_user(&named("rob")).await;
    attempt(&scene, "ci of bob", token.as_deref()).await?;
    bob.get_tokens().await;
    bob.delete_token("ci").await;
    let late = bob.create_token("late", 0).await;
    bob.get_tokens().await;
    attempt(&scene, "late of bob", late.as_deref()).await?;
    scene.note("the id goes to somebody else, the tokens do not");
    root.create_user("cid", None).await;
    attempt(&scene, "ci of bob", token.as_deref()).await?;
    attempt(&scene, "late of bob", late.as_deref()).await?;
    bob.get_tokens().await;
    scene.note("who has the id now makes tokens of the same names");
    let cid = scene.connect("cid").await?;
    cid.login_with("cid", "password").await;
    cid.create_token("ci", 0).await;
    cid.create_token("late", 0).await;
    attempt(&scene, "ci of bob", token.as_deref()).await?;
    attempt(&scene, "late of bob", late.as_deref()).await?;
    root.close().await;
    bob.close().await;
    cid.close().await;
    Ok(())
}

/// The reasons themselves; the SDK turns several of them into one error.
pub(super) async fn eviction_reasons(scene: Scene) -> Result<(), String> {
    let root = scene.root_as("root").await?;
    root.create_user("bob", None).await;
    let bob = scene.connect("bob").await?;
    bob.login_with("bob", "password").await;
    let token = bob.create_token("ci", 0).await.ok_or("there is no token")?;
    for (what, texts) in [
        ("the right password", &["bob", "password"][..]),
        ("a wrong password", &["bob", "passwort"]),
        ("a password that is too short", &["bob", "p"]),
        ("nobody", &["nobody", "password"]),
        ("the right token", &[&token]),
        ("a wrong token", &["no-such-token"]),
    ] {
        try_login(&scene, what, texts).await?;
    }
    root.update_user(&named("bob"), None, Some(INACTIVE)).await;
    for (what, texts) in [
        ("the right password", &["bob", "password"][..]),
        ("a wrong password", &["bob", "passwort"]),
        ("the right token", &[&token]),
    ] {
        try_login(&scene, what, texts).await?;
    }
    root.delete_user(&named("bob")).await;
    try_login(&scene, "the right token", &[&token]).await?;
    root.close().await;
    bob.close().await;
    Ok(())
}

/// A login by hand: a name and a password, or a token.
async fn try_login(scene: &Scene, what: &str, texts: &[&str]) -> Result<(), String> {
    let mut wire = Wire::connect(scene.address).await?;
    let body = login_body_of(IGGY_PROTOCOL_VERSION, texts);
    let what = format!("login with {what}");
    probe(scene, &mut wire, &what, request(Operation::Register), &body).await
}

pub(super) async fn replays(scene: Scene) -> Result<(), String> {
    let mut wire = Wire::connect(scene.address).await?;
    let session = login(&mut wire).await?;
    let body = [&[2, b'c', b'i'][..], &0_u64.to_le_bytes()].concat();
    let create = |number| replicated(Operation::CreatePersonalAccessToken, session, number, &body);
    for number in [1, 1, 2, 2, 1] {
        let what = format!("create_token(ci) as request {number}");
        probe(&scene, &mut wire, &what, create(number), &body).await?;
    }
    let body = [2, b'c', b'i'];
    for number in [3, 3, 4] {
        let what = format!("delete_token(ci) as request {number}");
        let delete = replicated(Operation::DeletePersonalAccessToken, session, number, &body);
        probe(&scene, &mut wire, &what, delete, &body).await?;
    }
    Ok(())
}

impl Session {
    /// The list, where what expires within the hour is shown as `soon`.
    async fn get_tokens_but_far_expiries(&self) {
        let result = self.client.get_personal_access_tokens().await;
        self.record("get_tokens()", result, |tokens| {
            let mut lines: Vec<String> = tokens
                .iter()
                .map(|token| {
                    let now = IggyTimestamp::now().as_micros();
                    let left = token
                        .expiry_at
                        .map(|at| at.as_micros().saturating_sub(now) / SECOND / 60);
                    // The clock has gone on since.
                    let expires = match left {
                        None => "never",
                        Some(0..=1) => "in a minute",
                        Some(58..=60) => "in an hour",
                        Some(_) => "at another time",
                    };
                    format!("{} {expires}", crate::transcript::name(&token.name))
                })
                .collect();
            // A real server's order changes from run to run.
            lines.sort();
            lines
        });
    }
}

/// Logs in with a token on a connection of its own.
async fn attempt(scene: &Scene, what: &str, token: Option<&str>) -> Result<(), String> {
    let token = token.ok_or_else(|| format!("there is no token {what}"))?;
    let session = scene.connect("").await?;
    session.login_with_token(what, token).await;
    session.close().await;
    Ok(())
}

/// Logs in with a token until it is refused; not shown.
async fn until_refused(scene: &Scene, token: &str) -> Result<(), String> {
    let began = Instant::now();
    while began.elapsed() < EXPIRY_DEADLINE {
        let session = scene.connect("").await?;
        let result = session.client.login_with_personal_access_token(token).await;
        session.close().await;
        if result.is_err() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(format!("still let in after {EXPIRY_DEADLINE:?}"))
}
