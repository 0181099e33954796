//! Access tokens: written to Secrets, replaced, and revoked.

use base64::Engine as _;
use iggy::prelude::*;
use iggy_binary_protocol::codes;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::Laboratory;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("token_is_written_and_lets_its_user_in", written),
        trial("token_at_rest_costs_no_login_and_no_write", at_rest),
        trial("token_whose_secret_is_gone_is_replaced", replaced),
        trial("token_is_replaced_before_its_end", rotated),
        trial("token_never_overwrites_a_secret_of_others", foreign),
        trial("token_of_others_is_replaced_only_with_adopt", adopted),
        trial("token_is_revoked_with_its_object", revoked),
        trial("token_taken_out_of_a_list_is_revoked", taken_out),
        trial("token_without_value_and_password_is_told", orphaned),
        trial("token_of_the_own_login_is_revoked_by_itself", own),
    ]
}

pub(crate) const USER: &str = "apiVersion: v1\nkind: Secret\n\
    metadata: { name: svc, labels: { iggyctl.dev/watch: \"true\" } }\n\
    stringData: { password: of-the-service }\n---\n\
    apiVersion: iggyctl.dev/v1alpha1\nkind: IggyUser\nmetadata: { name: svc }\n\
    spec: { password: { secretKeyRef: { name: svc, key: password } } }\n---\n";

/// A token of that user, with more fields of its spec.
pub(crate) fn token(more: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyAccessToken\nmetadata: {{ name: ci }}\n\
         spec:\n  user: svc\n  {more}\n  \
         writeTo: {{ secretKeyRef: {{ name: svc-ci, key: token }} }}\n"
    )
}

/// With both there and ready.
fn with_token<'a>(plane: &'a ControlPlane, more: &str) -> Result<Laboratory<'a>, Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(&format!("{USER}{}", token(more)))?;
    laboratory.wait_for("igat/ci", "SecretWritten", "True", "Applied")?;
    laboratory.ready("igat/ci")?;
    Ok(laboratory)
}

/// What a key of a Secret has.
pub(crate) fn value(
    laboratory: &Laboratory<'_>,
    secret: &str,
    key: &str,
) -> Result<String, Failure> {
    let found = laboratory.get(&format!("secret/{secret}"))?;
    let text = found["data"][key].as_str().unwrap_or_default();
    let bytes = base64::prelude::BASE64_STANDARD.decode(text)?;
    Ok(String::from_utf8(bytes)?)
}

fn expect(holds: bool, what: &str, laboratory: &Laboratory<'_>) -> Result<(), Failure> {
    match holds {
        true => Ok(()),
        false => Err(format!("not so: {what}\n{}", laboratory.log()).into()),
    }
}

fn written(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = with_token(plane, "expiry: 30d")?;
    let value = value(&laboratory, "svc-ci", "token")?;
    expect(
        laboratory.lets_token_in(&value),
        "the value works",
        &laboratory,
    )?;
    let secret = laboratory.get("secret/svc-ci")?;
    let owner = &secret["metadata"]["ownerReferences"][0];
    expect(
        owner["kind"] == "IggyAccessToken",
        "it has an owner",
        &laboratory,
    )?;
    let object = laboratory.get("igat/ci")?;
    let claims = object["status"]["claims"].to_string();
    expect(claims.contains("token/svc/ci"), "it is held", &laboratory)?;
    let all = format!(
        "{object}{}{}",
        laboratory.log(),
        laboratory.kubectl(&["get", "events.events.k8s.io", "-o", "json"])?
    );
    expect(
        !all.contains(&value),
        "the value is nowhere else",
        &laboratory,
    )
}

fn at_rest(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = with_token(plane, "expiry: 30d")?;
    laboratory.round("igu/svc")?;
    let logins = || {
        let requests = laboratory.server().requests();
        requests.count(codes::LOGIN_USER_CODE) + requests.count(codes::LOGIN_REGISTER_CODE)
    };
    let (writes, before) = (laboratory.writes(), logins());
    let secret = laboratory.get("secret/svc-ci")?;
    let object = laboratory.get("igat/ci")?;
    for _ in 0..3 {
        laboratory.round("igu/svc")?;
    }
    expect(
        laboratory.writes() == writes,
        "nothing is written",
        &laboratory,
    )?;
    expect(logins() == before, "nobody logs in", &laboratory)?;
    expect(
        laboratory.get("secret/svc-ci")? == secret,
        "the same Secret",
        &laboratory,
    )?;
    expect(
        laboratory.get("igat/ci")? == object,
        "the same object",
        &laboratory,
    )
}

fn replaced(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = with_token(plane, "expiry: 30d")?;
    let first = value(&laboratory, "svc-ci", "token")?;
    laboratory.delete("secret/svc-ci")?;
    laboratory.wait("secret/svc-ci", "there again", |secret| {
        secret["data"]["token"].is_string()
    })?;
    let second = value(&laboratory, "svc-ci", "token")?;
    expect(first != second, "it is another one", &laboratory)?;
    expect(laboratory.lets_token_in(&second), "it works", &laboratory)?;
    laboratory.until("the first one is revoked", || {
        !laboratory.lets_token_in(&first)
    })
}

fn rotated(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = with_token(plane, "expiry: 20s\n  rotateBefore: 10s\n  interval: 10s")?;
    let first = value(&laboratory, "svc-ci", "token")?;
    laboratory.until("it is replaced", || {
        value(&laboratory, "svc-ci", "token").is_ok_and(|now| now != first && !now.is_empty())
    })?;
    let second = value(&laboratory, "svc-ci", "token")?;
    expect(
        laboratory.lets_token_in(&second),
        "the new one works",
        &laboratory,
    )
}

fn foreign(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    let theirs = "apiVersion: v1\nkind: Secret\nmetadata: { name: svc-ci }\n\
        stringData: { token: somebody-elses }\n---\n";
    laboratory.apply(&format!("{theirs}{USER}{}", token("")))?;
    let before = laboratory.get("secret/svc-ci")?;
    laboratory.wait_for("igat/ci", "Stalled", "True", "Blocked")?;
    laboratory.wait_for("igat/ci", "SecretWritten", "False", "Blocked")?;
    expect(
        laboratory.get("secret/svc-ci")? == before,
        "it is as it was",
        &laboratory,
    )?;
    // Another key of it is no better: the Secret would go with the object.
    laboratory.patch(
        "igat/ci",
        r#"{"spec":{"writeTo":{"secretKeyRef":{"name":"svc-ci","key":"other"}}}}"#,
    )?;
    laboratory.wait_for("igat/ci", "Stalled", "True", "Blocked")?;
    expect(
        laboratory.get("secret/svc-ci")? == before,
        "it is as it was",
        &laboratory,
    )
}

fn adopted(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    laboratory.apply(USER)?;
    laboratory.ready("igu/svc")?;
    let theirs = laboratory.as_user("svc", "of-the-service", async |client| {
        let expiry = PersonalAccessTokenExpiry::NeverExpire;
        client
            .create_personal_access_token("ci", expiry)
            .await
            .unwrap()
            .token
            .to_string()
    });
    laboratory.apply(&token(""))?;
    laboratory.wait_for("igat/ci", "Stalled", "True", "AdoptionRefused")?;
    expect(
        laboratory.lets_token_in(&theirs),
        "theirs works",
        &laboratory,
    )?;
    expect(
        laboratory.get("secret/svc-ci")?.is_null(),
        "no Secret is made",
        &laboratory,
    )?;
    laboratory.patch("igat/ci", r#"{"spec":{"adoption":"Adopt"}}"#)?;
    laboratory.ready("igat/ci")?;
    let ours = value(&laboratory, "svc-ci", "token")?;
    expect(laboratory.lets_token_in(&ours), "ours works", &laboratory)?;
    expect(
        !laboratory.lets_token_in(&theirs),
        "theirs is revoked",
        &laboratory,
    )
}

fn revoked(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = with_token(plane, "")?;
    let value = value(&laboratory, "svc-ci", "token")?;
    laboratory.delete("igat/ci")?;
    laboratory.gone("igat/ci")?;
    expect(
        !laboratory.lets_token_in(&value),
        "it is revoked",
        &laboratory,
    )?;
    laboratory.gone("secret/svc-ci")?;
    expect(
        tokens_of(&laboratory).is_empty(),
        "none is left",
        &laboratory,
    )
}

fn tokens_of(laboratory: &Laboratory<'_>) -> Vec<String> {
    laboratory.as_user("svc", "of-the-service", async |client| {
        let tokens = client.get_personal_access_tokens().await.unwrap();
        tokens.into_iter().map(|token| token.name).collect()
    })
}

/// Two in one Secret: the other one stays.
fn taken_out(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::start(plane)?;
    let token = |name: &str| {
        format!("{{ name: {name}, writeTo: {{ secretKeyRef: {{ name: tokens, key: {name} }} }} }}")
    };
    let user = |tokens: &[String]| {
        let tokens = tokens.join(", ");
        USER.replace(
            "key: password } }",
            &format!("key: password }} }}, tokens: [{tokens}]"),
        )
    };
    laboratory.apply(&user(&[token("one"), token("two")]))?;
    laboratory.wait_for("igu/svc", "SecretWritten", "True", "Applied")?;
    let (one, two) = (
        value(&laboratory, "tokens", "one")?,
        value(&laboratory, "tokens", "two")?,
    );
    expect(
        laboratory.lets_token_in(&two),
        "the other one works",
        &laboratory,
    )?;
    laboratory.apply(&user(&[token("one")]))?;
    laboratory.wait("secret/tokens", "without it", |secret: &Value| {
        secret["data"]["two"].is_null()
    })?;
    expect(
        !laboratory.lets_token_in(&two),
        "it is revoked",
        &laboratory,
    )?;
    expect(
        laboratory.lets_token_in(&one),
        "the first one works",
        &laboratory,
    )?;
    expect(
        value(&laboratory, "tokens", "one")? == one,
        "its value stays",
        &laboratory,
    )
}

/// Nobody can log in as its user: that it stays valid is said, and nothing is stuck.
fn orphaned(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = with_token(plane, "")?;
    laboratory.kill_operator();
    laboratory.delete("secret/svc-ci")?;
    laboratory.delete("igu/svc")?;
    laboratory.delete("igat/ci")?;
    laboratory.start_operator()?;
    laboratory.gone("igat/ci")?;
    let note = laboratory.told("ci", "Orphaned")?;
    expect(note.contains("token/svc/ci"), &note, &laboratory)
}

/// That of the operator itself, whose value is lost: nobody needs it to revoke it.
fn own(plane: &ControlPlane) -> Result<(), Failure> {
    let mut laboratory = Laboratory::start(plane)?;
    laboratory.apply(&token("").replace("user: svc", "user: iggy"))?;
    laboratory.wait_for("igat/ci", "SecretWritten", "True", "Applied")?;
    let value = value(&laboratory, "svc-ci", "token")?;
    expect(laboratory.lets_token_in(&value), "it works", &laboratory)?;
    laboratory.kill_operator();
    laboratory.delete("secret/svc-ci")?;
    laboratory.delete("igat/ci")?;
    laboratory.start_operator()?;
    laboratory.gone("igat/ci")?;
    expect(
        !laboratory.lets_token_in(&value),
        "it is revoked",
        &laboratory,
    )?;
    let told = laboratory.events("ci", "Orphaned")?;
    expect(told.is_empty(), "nothing is left", &laboratory)
}
