//! What `docs/access.md` says about a leak: what ends at once, and what goes on.

use iggy::prelude::*;

use crate::Fixture;

const NEVER: PersonalAccessTokenExpiry = PersonalAccessTokenExpiry::NeverExpire;

fn named(name: &str) -> Identifier {
    Identifier::named(name).unwrap()
}

impl Fixture {
    /// A session that somebody else opened with a password or token of `service`.
    async fn session(&self, login: Login<'_>) -> Result<IggyClient, IggyError> {
        let client = IggyClient::builder()
            .with_tcp()
            .with_server_address(self.address.to_string())
            .with_reconnection_max_retries(Some(0))
            .build()
            .unwrap();
        client.connect().await.unwrap();
        match login {
            Login::Password(password) => client.login_user("service", password).await?,
            Login::Token(token) => client.login_with_personal_access_token(token).await?,
        };
        Ok(client)
    }

    /// Applies a manifest with this about the user `service`.
    fn apply(&self, about: &str) {
        let spec = format!(
            "  streams: [{{ name: orders }}]\n  users:\n    - name: service\n      {about}\n"
        );
        self.write("topology.yaml", &spec, 0);
        let root = format!("{}:{}", crate::USERNAME, crate::PASSWORD);
        let run = self.run(&root, &["apply", "--yes", "-f", "topology.yaml"], 0);
        assert_eq!(run.code, 0, "{run}");
    }
}

#[derive(Clone, Copy)]
enum Login<'a> {
    Password(&'a str),
    Token(&'a str),
}

async fn reads(session: &IggyClient) -> bool {
    session.get_stream(&named("orders")).await.is_ok()
}

pub(crate) async fn what_ends_at_once_and_what_goes_on(fixture: Fixture) {
    let rights = "permissions: { streams: [{ name: orders, preset: readOnly }] }";
    fixture.apply(&format!("password: {{ env: FORMER }}\n      {rights}"));
    // Somebody has the password, a session, and a token made in that session.
    let thief = fixture.session(Login::Password("former")).await.unwrap();
    let token = thief.create_personal_access_token("backdoor", NEVER).await;
    let token = token.unwrap().token;
    let by_token = fixture.session(Login::Token(&token)).await.unwrap();
    assert!(reads(&thief).await && reads(&by_token).await);

    // Another password: it lets nobody in, and everything else goes on.
    let rotated = "password: { env: SERVICE }\n      previousPassword: { env: FORMER }";
    fixture.apply(&format!("{rotated}\n      {rights}"));
    assert!(fixture.session(Login::Password("former")).await.is_err());
    assert!(reads(&thief).await && reads(&by_token).await);
    assert!(fixture.session(Login::Token(&token)).await.is_ok());

    // No permissions: at once, in the sessions that are open, too; except to
    // what every user may do.
    fixture.apply("permissions: {}");
    assert!(!reads(&thief).await && !reads(&by_token).await);
    thief
        .create_personal_access_token("another", NEVER)
        .await
        .unwrap();

    // Inactive: no new login with anything, and open sessions go on.
    fixture.apply("status: inactive\n      permissions: {}");
    assert!(fixture.session(Login::Password("service")).await.is_err());
    assert!(fixture.session(Login::Token(&token)).await.is_err());
    assert!(thief.get_me().await.is_ok());

    // Active again, with all tokens that there were.
    fixture.apply(&format!("status: active\n      {rights}"));
    let owner = fixture.session(Login::Password("service")).await.unwrap();
    let again = fixture.session(Login::Token(&token)).await.unwrap();
    assert!(reads(&again).await && reads(&thief).await);
    let tokens = owner.get_personal_access_tokens().await.unwrap();
    assert_eq!(tokens.len(), 2);

    // A token that is deleted lets nobody in; its sessions go on.
    for token in tokens {
        owner
            .delete_personal_access_token(&token.name)
            .await
            .unwrap();
    }
    assert!(fixture.session(Login::Token(&token)).await.is_err());
    assert!(reads(&again).await);
}
