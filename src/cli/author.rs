//! Who runs a command, and from which commit: as the platforms of CI say it, and as the
//! machine says it.

use iggyctl_core::ledger::Author;
use iggyctl_engine::broker::{BrokerRead as _, UserRead as _};

use super::Process;
use super::session::Session;
use crate::environment::Environment;

/// Longer than any name or address of these: a variable may hold anything.
const MAX_CHARACTERS: usize = 500;

/// Who, as far as it is known.
pub(super) async fn author(process: &Process, session: &Session) -> Author {
    let environment = &process.environment;
    Author {
        login: match &session.login {
            Some(login) => Some(login.clone()),
            None => login(session).await,
        },
        machine: machine(environment),
        actor: first(
            environment,
            &["GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_USER_ID"],
        ),
        run_url: run_url(environment),
    }
}

/// The commit that the manifests are from, as CI says it.
pub(super) fn commit(environment: &Environment) -> Option<String> {
    first(
        environment,
        &[
            "GITHUB_SHA",
            "CI_COMMIT_SHA",
            "GIT_COMMIT",
            "BUILD_SOURCEVERSION",
        ],
    )
}

/// The user that an access token belongs to, if the login may read users.
async fn login(session: &Session) -> Option<String> {
    let lease = session.connection().await.ok()?;
    let id = lease.me().await.ok()?.user_id?;
    let users = lease.list_users().await.ok()?;
    let own = users.into_iter().find(|user| user.id == id)?;
    Some(own.name.to_string())
}

fn machine(environment: &Environment) -> Option<String> {
    let user = first(environment, &["USER", "LOGNAME", "USERNAME"]);
    let named = first(environment, &["HOSTNAME", "COMPUTERNAME"]);
    let host = named.or_else(|| {
        let name = std::fs::read_to_string("/etc/hostname").ok()?;
        Some(shortened(name.trim())).filter(|name| !name.is_empty())
    });
    match (user, host) {
        (Some(user), Some(host)) => Some(format!("{user}@{host}")),
        (user, host) => user.or(host),
    }
}

fn run_url(environment: &Environment) -> Option<String> {
    let named = ["CI_JOB_URL", "BUILD_URL"];
    let named = named.iter().find_map(|name| environment.get(name));
    let named = named.map(|url| shortened(&without_login(url)));
    named.or_else(|| {
        let server = environment.get("GITHUB_SERVER_URL")?;
        let repository = environment.get("GITHUB_REPOSITORY")?;
        let run = environment.get("GITHUB_RUN_ID")?;
        let server = without_login(server);
        Some(shortened(&format!(
            "{server}/{repository}/actions/runs/{run}"
        )))
    })
}

/// An address without a user and a password in it: no secret is recorded.
fn without_login(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}{host}{path}")
}

fn first(environment: &Environment, names: &[&str]) -> Option<String> {
    names
        .iter()
        .find_map(|name| environment.get(name))
        .map(shortened)
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platforms_say_who_and_where() {
        let github = Environment::of(&[
            ("GITHUB_SERVER_URL", "https://github.example"),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_RUN_ID", "7"),
            ("GITHUB_SHA", "c0ffee"),
        ]);
        let url = "https://github.example/acme/shop/actions/runs/7";
        assert_eq!(run_url(&github).as_deref(), Some(url));
        assert_eq!(commit(&github).as_deref(), Some("c0ffee"));
        let github = Environment::of(&[
            (
                "GITHUB_SERVER_URL",
                "https://anna:s@cret@github.example:8443",
            ),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_RUN_ID", "7"),
        ]);
        let url = "https://github.example:8443/acme/shop/actions/runs/7";
        assert_eq!(run_url(&github).as_deref(), Some(url));
        for (said, kept) in [
            (
                "https://token@ci.example/job/1?at=a@b",
                "https://ci.example/job/1?at=a@b",
            ),
            ("anna:secret@ci.example/job", "ci.example/job"),
            (
                "https://ci.example/@anna/job",
                "https://ci.example/@anna/job",
            ),
        ] {
            let ci = Environment::of(&[("BUILD_URL", said)]);
            assert_eq!(run_url(&ci).as_deref(), Some(kept));
        }
        let long = "x".repeat(10_000);
        let gitlab =
            Environment::of(&[("CI_JOB_URL", &long), ("USER", "anna"), ("HOSTNAME", "ci")]);
        assert_eq!(run_url(&gitlab).map(|url| url.len()), Some(MAX_CHARACTERS));
        assert_eq!(machine(&gitlab).as_deref(), Some("anna@ci"));
        assert_eq!(commit(&gitlab), None);
    }
}
