//! Users, what they may do, and their tokens.

use libtest_mimic::Failed;

use super::OfficialCli;
use super::rung::Outcome;

impl OfficialCli {
    /// Runs a command of bob's that must succeed.
    async fn bob(&self, arguments: &[&str]) -> Outcome {
        self.run_as("bob", "bobs-password", arguments)
            .await?
            .succeeds()
    }

    /// Runs a command that bob must be refused; the cause.
    async fn bob_refused(&self, arguments: &[&str]) -> Result<String, Failed> {
        self.run_as("bob", "bobs-password", arguments)
            .await?
            .cause()
    }

    /// Creates a token for bob; the token.
    async fn bobs_token(&self, name: &str) -> Result<String, Failed> {
        let answer = self
            .run_as("bob", "bobs-password", &["--quiet", "pat", "create", name])
            .await?;
        answer.succeeds()?;
        Ok(answer.text().trim().to_owned())
    }
}

pub(crate) async fn users_live_and_die(cli: &OfficialCli) -> Outcome {
    cli.ok(&["user", "create", "bob", "bobs-password"]).await?;
    cli.ok(&["user", "create", "ann", "anns-password", "-u", "inactive"])
        .await?;
    let cause = cli
        .refused(&["user", "create", "bob", "bobs-password"])
        .await?;
    assert_eq!(cause, "User already exists");
    let user = cli.ok(&["user", "get", "ann"]).await?;
    let user = user.properties();
    assert_eq!(user.get("User ID"), Some(&"2"));
    assert_eq!(user.get("Status"), Some(&"inactive"));

    cli.ok(&["user", "name", "bob", "rob"]).await?;
    cli.ok(&["user", "delete", "rob"]).await?;
    let cause = cli.refused(&["user", "delete", "rob"]).await?;
    assert!(cause.contains("not found"), "{cause}");
    let cause = cli.refused(&["user", "delete", "iggy"]).await?;
    assert!(cause.contains("Cannot delete user"), "{cause}");
    cli.ok(&["user", "create", "cid", "cids-password"]).await?;
    let listed = cli.ok(&["user", "list", "-l", "list"]).await?;
    let users: Vec<(&str, &str)> = listed
        .rows()
        .iter()
        .filter_map(|row| Some((*row.first()?, *row.get(2)?)))
        .collect();
    assert_eq!(users.len(), 3, "{users:?}");
    assert!(listed.text().contains("cid"), "{}", listed.text());
    Ok(())
}

pub(crate) async fn a_user_may_do_what_it_was_granted(cli: &OfficialCli) -> Outcome {
    cli.ok(&["stream", "create", "orders"]).await?;
    cli.ok(&["topic", "create", "orders", "events", "1", "none"])
        .await?;
    cli.ok(&["user", "create", "bob", "bobs-password"]).await?;
    for refused in [
        &["stream", "list"][..],
        &["stream", "get", "orders"],
        &["topic", "get", "orders", "events"],
        &["user", "list"],
        &["stats"],
        &["client", "list"],
    ] {
        assert_eq!(
            cli.bob_refused(refused).await?,
            "Unauthorized",
            "{refused:?}"
        );
    }
    cli.bob(&["me"]).await?;
    cli.bob(&["user", "get", "bob"]).await?;

    cli.ok(&["user", "permissions", "bob", "-s", "0#0:r_top"])
        .await?;
    cli.bob(&["topic", "get", "orders", "events"]).await?;
    cli.bob(&["consumer-group", "create", "orders", "events", "billing"])
        .await?;
    for refused in [
        &["stream", "get", "orders"][..],
        &["topic", "delete", "orders", "events"],
        &["partition", "create", "orders", "events", "1"],
    ] {
        assert_eq!(
            cli.bob_refused(refused).await?,
            "Unauthorized",
            "{refused:?}"
        );
    }

    cli.ok(&["user", "permissions", "bob", "-g", "m_str"])
        .await?;
    cli.bob(&["stream", "create", "payments"]).await?;
    cli.bob(&["topic", "delete", "orders", "events"]).await?;
    assert_eq!(cli.bob_refused(&["user", "list"]).await?, "Unauthorized");
    // Without anything said, everything is taken away.
    cli.ok(&["user", "permissions", "bob"]).await?;
    assert_eq!(cli.bob_refused(&["stream", "list"]).await?, "Unauthorized");
    Ok(())
}

pub(crate) async fn passwords_and_status_decide_who_is_let_in(cli: &OfficialCli) -> Outcome {
    cli.ok(&["user", "create", "bob", "bobs-password"]).await?;
    cli.bob(&["me"]).await?;
    cli.ok(&["user", "status", "bob", "inactive"]).await?;
    assert_eq!(cli.bob_refused(&["me"]).await?, "Invalid credentials");
    cli.ok(&["user", "status", "bob", "active"]).await?;
    let change = ["user", "password", "bob"];
    let wrong = [&change[..], &["wrong-password", "newer-password"]].concat();
    assert_eq!(cli.refused(&wrong).await?, "Invalid credentials");
    let right = [&change[..], &["bobs-password", "newer-password"]].concat();
    cli.ok(&right).await?;
    assert_eq!(cli.bob_refused(&["me"]).await?, "Invalid credentials");
    cli.run_as("bob", "newer-password", &["me"])
        .await?
        .succeeds()
}

pub(crate) async fn tokens_log_in_as_their_users(cli: &OfficialCli) -> Outcome {
    cli.ok(&["user", "create", "bob", "bobs-password", "-g", "r_str"])
        .await?;
    let token = cli.bobs_token("ci").await?;
    assert_eq!(token.len(), 68, "of a token");
    cli.run_with(&token, &["stream", "list"])
        .await?
        .succeeds()?;
    let refused = cli
        .run_with(&token, &["stream", "create", "orders"])
        .await?;
    assert_eq!(refused.cause()?, "Unauthorized");
    let again = cli.bob_refused(&["pat", "create", "ci"]).await?;
    assert!(again.contains("already exists"), "{again}");

    // Its `pat delete` is left out: without a desktop's keyring it fails on its own.
    cli.ok(&["user", "status", "bob", "inactive"]).await?;
    let inactive = cli.run_with(&token, &["me"]).await?.cause()?;
    assert_eq!(inactive, "Unauthenticated");
    cli.ok(&["user", "status", "bob", "active"]).await?;
    cli.run_with(&token, &["me"]).await?.succeeds()?;
    cli.ok(&["user", "delete", "bob"]).await?;
    let gone = cli.run_with(&token, &["me"]).await?.cause()?;
    assert_eq!(gone, "Invalid personal access token");
    Ok(())
}
