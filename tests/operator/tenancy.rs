//! A server that several teams share: each namespace gets what its tenant has, and nothing of
//! anybody else. The operator has exactly the rights of `iggyctl operator rbac`.

use iggy::prelude::*;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::control_plane::Failure;
use crate::laboratory::Laboratory;
use crate::whole_cluster::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("need_connection_across_namespaces_by_tenants", permitted),
        trial(
            "tenancy_a_namespace_without_a_tenant_gets_nothing",
            stranger,
        ),
        trial(
            "tenancy_a_namespace_cannot_grant_itself_more_than_its_ceiling",
            ceiling,
        ),
        trial(
            "tenancy_a_namespace_cannot_adopt_what_is_of_another_team",
            adopts,
        ),
        trial(
            "tenancy_a_namespace_cannot_delete_what_is_of_another_team",
            deletes,
        ),
        trial(
            "tenancy_a_namespace_cannot_use_the_secret_of_another_tenant",
            secret,
        ),
        trial(
            "tenancy_a_namespace_gets_no_token_of_the_login_of_the_operator",
            own_login,
        ),
        trial(
            "tenancy_names_are_not_blocked_through_another_server_object",
            blocked_names,
        ),
        trial(
            "tenancy_labels_of_namespaces_are_asked_for_only_with_tenants",
            no_labels,
        ),
    ]
}

type Shared = Laboratory<'static>;

/// Objects of one kind, which name the server that all share.
fn object(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec:\n  \
         serverRef: {{ kind: ClusterIggyServer, name: shared }}\n{spec}---\n"
    )
}

fn password(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{ name: {name}, labels: {{ iggyctl.dev/watch: \"true\" }} }}\n\
         stringData: {{ username: iggy, password: {value} }}\n---\n"
    )
}

/// The server, for the teams `a` and `b`, and what the team `b` has on it: a stream of this
/// name with a topic.
fn share(laboratory: &mut Shared, stream: &str) -> Result<Option<u32>, Failure> {
    laboratory.enter_new("iggy", "")?;
    laboratory.apply(&password("root", "iggy"))?;
    let address = laboratory.server().address();
    laboratory.apply(&format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: ClusterIggyServer\nmetadata: {{ name: shared }}\nspec:\n  \
         address: iggy://{address}\n  credentialsSecretRef: {{ namespace: iggy, name: root }}\n  tenants:\n    \
         - name: a\n      namespaceSelector: {{ matchLabels: {{ team: a }} }}\n      names: [team-a-*]\n      \
         maxPermissions:\n        streams:\n          - {{ name: team-a-*, preset: admin }}\n          \
         - {{ name: news, preset: readOnly }}\n    \
         - name: b\n      namespaceSelector: {{ matchLabels: {{ team: b }} }}\n      names: [team-b-*]\n    \
         - name: wide\n      namespaceSelector: {{ matchLabels: {{ team: wide }} }}\n      names: [\"*\"]\n      \
         maxPermissions: {{ streams: [{{ name: news, preset: readOnly }}] }}\n"
    ))?;
    laboratory.enter_new(&format!("{stream}-b"), "team: b")?;
    let spec = format!("  name: {stream}\n  topics: [{{ name: events }}]\n");
    laboratory.apply(&object("IggyStream", "own", &spec))?;
    laboratory.ready("igst/own")?;
    laboratory.enter_new(&format!("{stream}-a"), "team: a")?;
    Ok(laboratory.stream_id(stream))
}

fn refused(laboratory: &Shared, object: &str, words: &str) -> Result<Value, Failure> {
    let found = laboratory.wait_for(object, "Stalled", "True", "NotPermitted")?;
    let claims = found["status"]["claims"].as_array().map_or(0, Vec::len);
    if claims > 0 || !found["status"]["conditions"].to_string().contains(words) {
        return Err(format!("{object}: {:#}", found["status"]).into());
    }
    Ok(found)
}

/// The rights that a user has by its record; `None` where there is no such user.
fn rights(laboratory: &Shared, user: &str) -> Option<Option<Permissions>> {
    laboratory.by_hand(async |root| {
        let user = Identifier::named(user).unwrap();
        let found = root.get_user(&user).await.unwrap();
        found.map(|user| user.permissions)
    })
}

fn permitted(laboratory: &mut Shared) -> Result<(), Failure> {
    share(laboratory, "team-b-works")?;
    laboratory.apply(&password("app", "password-of-a"))?;
    let topology = "  streams: [{ name: team-a-works, topics: [{ name: events, consumerGroups: [billing] }] }]\n  \
         users:\n    - name: team-a-works\n      password: { secretKeyRef: { name: app, key: password } }\n      \
         permissions: { streams: [{ name: team-a-works, preset: producer }] }\n";
    laboratory.apply(&object("IggyTopology", "all", topology))?;
    laboratory.ready("igtopo/all")?;
    laboratory.ready("clusteriggyserver/shared")?;
    match laboratory.has_topic("team-a-works", "events")
        && laboratory.lets_in("team-a-works:password-of-a")
    {
        true => Ok(()),
        false => Err("what is permitted was not made".into()),
    }
}

/// Nobody asks for namespaces before there is a server object that has tenants.
fn no_labels(laboratory: &mut Shared) -> Result<(), Failure> {
    laboratory.kill_operator();
    let there = laboratory.kubectl(&["get", "cigs", "-o", "name"])?;
    for server in there.lines() {
        let released = r#"{"metadata":{"finalizers":null}}"#;
        laboratory.patch(server, released)?;
        laboratory.kubectl(&["delete", server])?;
    }
    let asked = |laboratory: &Shared| -> Result<usize, Failure> {
        let asked = laboratory.plane.asked_by_any("operator")?;
        let namespaces = asked
            .iter()
            .filter(|it| it["objectRef"]["resource"] == "namespaces");
        Ok(namespaces.count())
    };
    let before = asked(laboratory)?;
    laboratory.enter_new("alone", "team: b")?;
    laboratory.connect_server()?;
    laboratory.start_operator()?;
    laboratory.apply(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: { name: alone }\nspec: {}\n",
    )?;
    laboratory.ready("igst/alone")?;
    if asked(laboratory)? != before {
        return Err("it asked for namespaces".into());
    }
    share(laboratory, "team-b-later")?;
    match asked(laboratory)? > before {
        true => Ok(()),
        false => Err("it did not ask for namespaces".into()),
    }
}

fn stranger(laboratory: &mut Shared) -> Result<(), Failure> {
    share(laboratory, "team-b-strange")?;
    laboratory.enter_new("strangers", "team: c")?;
    let stream = "  name: team-a-strange\n  deletionPolicy: Delete\n";
    laboratory.apply(&object("IggyStream", "own", stream))?;
    let smoke = object("IggySmokeTest", "smoke", "  scenarios: [roundtrip]\n");
    laboratory.apply(&smoke)?;
    refused(laboratory, "igst/own", "no tenant with this namespace")?;
    laboratory.told("own", "NotPermitted")?;
    laboratory.wait_for("igsmoke/smoke", "Stalled", "True", "NotPermitted")?;
    if laboratory.stream_id("team-a-strange").is_some() {
        return Err("a stranger got a stream".into());
    }
    // The label says it, whenever it comes and goes.
    laboratory.enter_new("strangers", "team: a")?;
    laboratory.ready("igst/own")?;
    laboratory.enter_new("strangers", "team: c")?;
    laboratory.wait_for("igst/own", "Stalled", "True", "NotPermitted")?;
    // What it may no longer declare, it may not delete.
    laboratory.kubectl(&["delete", "igst/own", "--timeout=20s"])?;
    match laboratory.stream_id("team-a-strange") {
        Some(_) => Ok(()),
        None => Err("who is a tenant no more deleted a stream".into()),
    }
}

fn ceiling(laboratory: &mut Shared) -> Result<(), Failure> {
    share(laboratory, "team-b-ceiling")?;
    laboratory.apply(&password("app", "password-of-a"))?;
    let user = |name: &str, permissions: &str| {
        let spec = format!(
            "  name: {name}\n  password: {{ secretKeyRef: {{ name: app, key: password }} }}\n  \
             permissions: {permissions}\n"
        );
        object("IggyUser", name, &spec)
    };
    let cases = [
        "{ allow: [manage_users] }",
        "{ preset: admin }",
        "{ preset: readOnly }",
        "{ streams: [{ name: team-b-ceiling, allow: [read_stream] }] }",
        "{ streams: [{ name: team-b-ceiling, topics: [{ name: events, preset: consumer }] }] }",
        "{ streams: [{ name: news, allow: [manage_stream] }] }",
        "{ streams: [{ name: news, topics: [{ name: events, preset: producer }] }] }",
    ];
    let name = |number: usize| format!("team-a-more-{number}");
    let all = cases.iter().enumerate();
    let all: String = all.map(|(number, it)| user(&name(number), it)).collect();
    laboratory.apply(&all)?;
    for (number, case) in cases.iter().enumerate() {
        let name = name(number);
        let said = refused(
            laboratory,
            &format!("igu/{name}"),
            "more than the tenant a may grant",
        );
        said.map_err(|error| format!("{case}: {error}"))?;
        if rights(laboratory, &name).is_some() {
            return Err(format!("{case} made a user").into());
        }
    }
    // Nor once it is there. A pattern means what is declared beside it, and nothing else.
    let own = "{ streams: [{ name: \"*\", preset: admin }] }";
    laboratory.apply(&user("team-a-grows", own))?;
    laboratory.ready("igu/team-a-grows")?;
    let before = rights(laboratory, "team-a-grows");
    if before.iter().flatten().any(|it| it.streams.is_some()) {
        return Err(format!("it got rights that nobody meant: {before:?}").into());
    }
    laboratory.apply(&user("team-a-grows", "{ allow: [manage_users] }"))?;
    laboratory.wait_for("igu/team-a-grows", "Stalled", "True", "NotPermitted")?;
    match rights(laboratory, "team-a-grows") == before {
        true => Ok(()),
        false => Err("a user that is there got more".into()),
    }
}

/// What names something of the team `b`, in every place that has a name.
fn of_others(stream: &str, policy: &str) -> [(&'static str, String); 6] {
    let policies = format!("  adoption: Adopt\n  deletionPolicy: {policy}\n");
    let named = |kind, name, spec: String| object(kind, name, &format!("{spec}{policies}"));
    [
        (
            "igst/whole",
            named(
                "IggyStream",
                "whole",
                format!("  name: {stream}\n  topics: [{{ name: events, partitions: 3 }}]\n"),
            ),
        ),
        (
            "igt/topic",
            named(
                "IggyTopic",
                "topic",
                format!("  stream: {stream}\n  name: events\n  partitions: 3\n"),
            ),
        ),
        (
            "igt/another",
            named("IggyTopic", "another", format!("  stream: {stream}\n")),
        ),
        (
            "igcg/group",
            named(
                "IggyConsumerGroup",
                "group",
                format!("  stream: {stream}\n  topic: events\n"),
            ),
        ),
        (
            "igst/renamed",
            named(
                "IggyStream",
                "renamed",
                format!("  name: team-a-renamed\n  previousName: {stream}\n"),
            ),
        ),
        (
            "igtopo/nested",
            object(
                "IggyTopology",
                "nested",
                &format!(
                    "  adoption: Adopt\n  streams: [{{ name: team-a-nested }}, \
                     {{ name: {stream}, deletionPolicy: {policy} }}]\n"
                ),
            ),
        ),
    ]
}

/// It is as the team `b` made it.
fn is_untouched(laboratory: &Shared, stream: &str, id: Option<u32>) -> Result<(), Failure> {
    let topics = laboratory.by_hand(async |root| {
        let stream = Identifier::named(stream).unwrap();
        root.get_topics(&stream).await.unwrap()
    });
    let topics: Vec<_> = topics
        .iter()
        .map(|topic| (topic.name.as_str(), topic.partitions_count))
        .collect();
    match id.is_some() && laboratory.stream_id(stream) == id && topics == [("events", 1)] {
        true => Ok(()),
        false => Err(format!("{id:?}, {:?}: {topics:?}", laboratory.stream_id(stream)).into()),
    }
}

fn adopts(laboratory: &mut Shared) -> Result<(), Failure> {
    let stream = "team-b-adopted";
    let id = share(laboratory, stream)?;
    for (name, manifest) in of_others(stream, "Retain") {
        laboratory.apply(&manifest)?;
        refused(laboratory, name, "is not among the names of the tenant a")?;
    }
    for stream in ["team-a-renamed", "team-a-nested"] {
        if laboratory.stream_id(stream).is_some() {
            return Err(format!("{stream} was made").into());
        }
    }
    is_untouched(laboratory, stream, id)
}

fn deletes(laboratory: &mut Shared) -> Result<(), Failure> {
    let stream = "team-b-deleted";
    let id = share(laboratory, stream)?;
    for (name, manifest) in of_others(stream, "Delete") {
        laboratory.apply(&manifest)?;
        refused(laboratory, name, "is not among the names of the tenant a")?;
        laboratory.kubectl(&["delete", name, "--timeout=20s"])?;
    }
    is_untouched(laboratory, stream, id)?;
    // With something that it may delete, and everything said to be its own.
    let topology = |streams: &str| {
        let spec = format!(
            "  owns: {{ streams: [team-b-*], topics: [\"{stream}/*\"] }}\n  \
             streams: {streams}\n"
        );
        object("IggyTopology", "owner", &spec)
    };
    laboratory.apply(&topology(
        "[{ name: team-a-kept, deletionPolicy: Delete }, { name: team-a-dropped, deletionPolicy: Delete }]",
    ))?;
    laboratory.ready("igtopo/owner")?;
    laboratory.apply(&topology("[{ name: team-a-kept, deletionPolicy: Delete }]"))?;
    laboratory.until("what is its own is deleted", || {
        laboratory.stream_id("team-a-dropped").is_none()
    })?;
    laboratory.kubectl(&["delete", "igtopo/owner", "--timeout=20s"])?;
    if laboratory.stream_id("team-a-kept").is_some() {
        return Err("what is its own was not deleted".into());
    }
    is_untouched(laboratory, stream, id)
}

fn secret(laboratory: &mut Shared) -> Result<(), Failure> {
    let stream = "team-b-secret";
    share(laboratory, stream)?;
    let user = |name: &str, secret: &str| {
        let spec = format!(
            "  name: {name}\n  password: {{ secretKeyRef: {{ name: \"{secret}\", key: password }} }}\n"
        );
        object("IggyUser", name, &spec)
    };
    laboratory.enter_new(&format!("{stream}-b"), "team: b")?;
    laboratory.apply(&password("own", "password-of-b"))?;
    laboratory.apply(&password("app", "another-of-b"))?;
    laboratory.apply(&user("team-b-app", "app"))?;
    laboratory.ready("igu/team-b-app")?;
    laboratory.enter_new(&format!("{stream}-a"), "team: a")?;
    // The same name is not the same Secret.
    laboratory.apply(&password("app", "password-of-a"))?;
    laboratory.apply(&user("team-a-app", "app"))?;
    laboratory.ready("igu/team-a-app")?;
    if laboratory.lets_in("team-a-app:another-of-b")
        || !laboratory.lets_in("team-a-app:password-of-a")
    {
        return Err("it has the password of somebody else".into());
    }
    // No name leads to that of another namespace.
    let names = [
        "own",
        &format!("{stream}-b/own"),
        &format!("../../{stream}-b/secrets/own"),
    ];
    for (number, name) in names.into_iter().enumerate() {
        let object = format!("team-a-thief-{number}");
        laboratory.apply(&user(&object, name))?;
        laboratory.wait(&format!("igu/{object}"), "refused", |found| {
            let conditions = found["status"]["conditions"].to_string();
            conditions.contains("ApplyFailed") || conditions.contains("CredentialsMissing")
        })?;
        if rights(laboratory, &object).is_some() {
            return Err(format!("the Secret {name} was used").into());
        }
    }
    let namespace = user("team-a-thief", "own").replace(
        "name: \"own\"",
        &format!("namespace: {stream}-b, name: own"),
    );
    match laboratory.apply(&namespace) {
        Err(error) if error.to_string().contains("unknown field") => {}
        other => return Err(format!("a namespace can be named: {other:?}").into()),
    }
    // Nor to the login of the operator.
    let address = laboratory.server().address();
    for name in ["root", "../../iggy/secrets/root"] {
        laboratory.apply(&format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyServer\nmetadata: {{ name: own }}\n\
             spec:\n  address: iggy://{address}\n  credentialsSecretRef: {{ name: {name} }}\n"
        ))?;
        laboratory.wait_for("igs/own", "Stalled", "True", "CredentialsMissing")?;
    }
    Ok(())
}

/// Not even where the tenant may have all names: it would be all that the server has.
fn own_login(laboratory: &mut Shared) -> Result<(), Failure> {
    let stream = "team-b-login";
    share(laboratory, stream)?;
    laboratory.enter_new(&format!("{stream}-wide"), "team: wide")?;
    laboratory.apply(&password("app", "a-guess-at-it"))?;
    let user = "  name: iggy\n  password: { secretKeyRef: { name: app, key: password } }\n";
    laboratory.apply(&object("IggyUser", "login", user))?;
    laboratory.wait_for("igu/login", "Stalled", "True", "AdoptionRefused")?;
    // Nor may it say what the password of that login is, or of any user with unknown rights.
    laboratory.by_hand(async |root| {
        let status = UserStatus::Active;
        root.create_user("somebody-else", "of-somebody-else", status, None)
            .await
            .unwrap();
    });
    for (name, user) in [("taken", "iggy"), ("other", "somebody-else")] {
        let user = format!(
            "  name: {user}\n  adoption: Adopt\n  password: {{ secretKeyRef: {{ name: app, key: password }} }}\n"
        );
        laboratory.kubectl(&["delete", "igu", "--all", "--timeout=20s"])?;
        laboratory.apply(&object("IggyUser", name, &user))?;
        let why = match name {
            "taken" => "the operator's own login",
            _ => "only with all its permissions declared",
        };
        refused(laboratory, &format!("igu/{name}"), why)?;
    }
    laboratory.round("igu/other")?;
    if !laboratory.lets_in("iggy:iggy") || !laboratory.lets_in("somebody-else:of-somebody-else") {
        return Err("a password was changed".into());
    }
    let token =
        "  user: iggy\n  name: stolen\n  writeTo: { secretKeyRef: { name: stolen, key: token } }\n";
    laboratory.apply(&object("IggyAccessToken", "stolen", token))?;
    refused(laboratory, "igat/stolen", "the operator's own login")?;
    laboratory.round("igat/stolen")?;
    let tokens = laboratory.by_hand(async |root| {
        let tokens = root.get_personal_access_tokens().await.unwrap();
        tokens
            .into_iter()
            .any(|token| token.name.starts_with("stolen"))
    });
    match tokens || !laboratory.get("secret/stolen")?.is_null() {
        true => Err("a namespace has a token of the operator's login".into()),
        false => Ok(()),
    }
}

/// A namespace connects itself to the server that all share, with a user that may make nothing,
/// and declares the names of another team.
fn blocked_names(laboratory: &mut Shared) -> Result<(), Failure> {
    let stream = "team-b-blocked";
    share(laboratory, stream)?;
    laboratory.by_hand(async |root| {
        let permissions = Permissions {
            global: GlobalPermissions {
                read_servers: true,
                read_streams: true,
                ..GlobalPermissions::default()
            },
            streams: None,
        };
        let status = UserStatus::Active;
        root.create_user("team-a-reader", "of-the-reader", status, Some(permissions))
            .await
            .unwrap();
    });
    let address = laboratory.server().address();
    let login = password("reader", "of-the-reader");
    laboratory.apply(&login.replace("username: iggy", "username: team-a-reader"))?;
    laboratory.apply(&format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyServer\nmetadata: {{ name: default }}\n\
         spec:\n  address: iggy://{address}\n  credentialsSecretRef: {{ name: reader }}\n"
    ))?;
    laboratory.ready("igs/default")?;
    let blocking = |name: &str| {
        format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: {{ name: {name} }}\n\
             spec: {{ name: {name} }}\n"
        )
    };
    let name = format!("{stream}-new");
    laboratory.apply(&blocking(&name))?;
    laboratory.wait_for(
        &format!("igst/{name}"),
        "Reconciling",
        "True",
        "ApplyFailed",
    )?;
    laboratory.enter_new(&format!("{stream}-b"), "team: b")?;
    let spec = format!("  name: {name}\n");
    laboratory.apply(&object("IggyStream", "new", &spec))?;
    laboratory.ready("igst/new")?;
    laboratory.enter_new(&format!("{stream}-a"), "team: a")?;
    laboratory.look_again(&format!("igst/{name}"))?;
    laboratory.wait_for(&format!("igst/{name}"), "Stalled", "True", "Conflicted")?;
    Ok(())
}
