//! The HTTP routes.

use super::Scene;
use crate::http::{Http, token_of};

impl Scene {
    async fn http_root(&self) -> Result<Http, String> {
        self.http()?.login("iggy", "iggy").await
    }
}

const TOPIC: &str = r#"{"name":"t","partitions_count":2,"compression_algorithm":"none","message_expiry":0,"max_topic_size":0}"#;

async fn stream_and_topic(http: &Http) -> Result<(), String> {
    http.json("POST", "/streams", r#"{"name":"s"}"#).await?;
    http.json("POST", "/streams/s/topics", TOPIC).await?;
    // The real server makes partitions some time after it says that they are there. A poll
    // waits for them by itself, for a while, and then says so.
    for partition in 0..2 {
        let poll = format!("/streams/s/topics/t/messages?consumer_id=c&partition_id={partition}");
        while http.quietly("GET", &poll, "").await?.status == GATEWAY_TIMEOUT {}
    }
    Ok(())
}

const GATEWAY_TIMEOUT: u16 = 504;

pub(super) async fn logins(scene: Scene) -> Result<(), String> {
    let nobody = scene.http()?;
    nobody.call("GET", "/ping").await?;
    for login in [
        r#"{"username":"iggy","password":"iggy"}"#,
        r#"{"username":"iggy","password":"wrong"}"#,
        r#"{"username":"nobody","password":"wrong"}"#,
        r#"{"username":"ig","password":"iggy"}"#,
        r#"{"username":"iggy"}"#,
        "{",
    ] {
        nobody.json("POST", "/users/login", login).await?;
    }
    nobody.call("POST", "/users/login").await?;
    scene.note("without a token, and with a wrong one");
    for path in ["/streams", "/users/me", "/stats"] {
        nobody.call("GET", path).await?;
        nobody.with("guess", "guessed").call("GET", path).await?;
    }
    scene.note("a refresh gives another, and ends none; neither does a logout");
    let root = scene.http_root().await?;
    root.call("GET", "/users/me").await?;
    let answer = nobody
        .json(
            "POST",
            "/users/login",
            r#"{"username":"iggy","password":"iggy"}"#,
        )
        .await?;
    let token = token_of(&answer.body).ok_or("no token")?;
    let refreshed = nobody_refreshes(&scene, &nobody, &token).await?;
    nobody.with("old", &token).call("GET", "/streams").await?;
    nobody
        .with("new", &refreshed)
        .call("GET", "/streams")
        .await?;
    nobody
        .with("new", &refreshed)
        .call("DELETE", "/users/logout")
        .await?;
    nobody
        .with("new", &refreshed)
        .call("GET", "/streams")
        .await?;
    for token in ["", "guessed"] {
        let body = format!(r#"{{"token":"{token}"}}"#);
        nobody.json("POST", "/users/refresh-token", &body).await?;
    }
    nobody.call("DELETE", "/users/logout").await?;
    Ok(())
}

/// The token that is shown is random, so the request is not in the transcript.
async fn nobody_refreshes(scene: &Scene, nobody: &Http, token: &str) -> Result<String, String> {
    scene.note("POST /users/refresh-token");
    let body = format!(r#"{{"token":"{token}"}}"#);
    let answer = nobody
        .quietly("POST", "/users/refresh-token", &body)
        .await?;
    token_of(&answer.body).ok_or(answer.body)
}

pub(super) async fn tokens(scene: Scene) -> Result<(), String> {
    let (nobody, root) = (scene.http()?, scene.http_root().await?);
    for body in [
        r#"{"name":"ci","expiry":0}"#,
        r#"{"name":"ci","expiry":0}"#,
        r#"{"name":"ci","expiry":"never_expire"}"#,
        r#"{"name":"x","expiry":0}"#,
    ] {
        root.json("POST", "/personal-access-tokens", body).await?;
    }
    root.call("GET", "/personal-access-tokens").await?;
    let answer = root
        .json(
            "POST",
            "/personal-access-tokens",
            r#"{"name":"used","expiry":0}"#,
        )
        .await?;
    let made: serde_json::Value =
        serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
    let token = made["token"].as_str().ok_or("no token")?;
    scene.note("as the bearer, and to log in");
    nobody.with("token", token).call("GET", "/users/me").await?;
    let login = format!(r#"{{"token":"{token}"}}"#);
    let path = "/personal-access-tokens/login";
    let answer = nobody.quietly("POST", path, &login).await?;
    let bearer = token_of(&answer.body).ok_or(answer.body)?;
    nobody
        .with("logged in", &bearer)
        .call("GET", "/users/me")
        .await?;
    nobody.json("POST", path, r#"{"token":"guessed"}"#).await?;
    scene.note("deleted");
    root.call("DELETE", "/personal-access-tokens/used").await?;
    root.call("DELETE", "/personal-access-tokens/used").await?;
    nobody.with("token", token).call("GET", "/users/me").await?;
    nobody
        .with("logged in", &bearer)
        .call("GET", "/users/me")
        .await?;
    Ok(())
}

pub(super) async fn streams(scene: Scene) -> Result<(), String> {
    let root = scene.http_root().await?;
    root.call("GET", "/streams").await?;
    for body in [
        r#"{"name":"orders"}"#,
        r#"{"name":"orders"}"#,
        r#"{"name":""}"#,
        r#"{"name":"billing"}"#,
        r#"{}"#,
        r#"{"name":1}"#,
    ] {
        root.json("POST", "/streams", body).await?;
    }
    for path in [
        "/streams",
        "/streams/orders",
        "/streams/0",
        "/streams/missing",
        "/streams/9",
    ] {
        root.call("GET", path).await?;
    }
    for (path, body) in [
        ("/streams/orders", r#"{"name":"sales"}"#),
        ("/streams/sales", r#"{"name":"billing"}"#),
        ("/streams/missing", r#"{"name":"x"}"#),
        ("/streams/sales", r#"{"name":"sales","options":{"a":"b"}}"#),
    ] {
        root.json("PUT", path, body).await?;
    }
    for path in [
        "/streams/sales/purge",
        "/streams/missing/purge",
        "/streams/sales",
        "/streams/sales",
    ] {
        root.call("DELETE", path).await?;
    }
    scene.note("no such route, no such method");
    root.call("GET", "/nothing").await?;
    root.call("PATCH", "/streams").await?;
    root.call("GET", "/streams/").await?;
    Ok(())
}

pub(super) async fn topics(scene: Scene) -> Result<(), String> {
    let root = scene.http_root().await?;
    root.json("POST", "/streams", r#"{"name":"s"}"#).await?;
    let path = "/streams/s/topics";
    root.call("GET", path).await?;
    for body in [
        TOPIC,
        TOPIC,
        r#"{"name":"full","partitions_count":1,"compression_algorithm":"gzip","message_expiry":3600000000,"max_topic_size":2147483648}"#,
        r#"{"name":"text","partitions_count":1,"compression_algorithm":"none","message_expiry":"1 day","max_topic_size":"unlimited","options":{"segment_size":"16 MiB"}}"#,
        r#"{"name":"unknown","partitions_count":1,"compression_algorithm":"none","message_expiry":0,"max_topic_size":0,"options":{"what":"ever"}}"#,
        r#"{"name":"many","partitions_count":1001,"compression_algorithm":"none","message_expiry":0,"max_topic_size":0}"#,
        r#"{"name":"small","partitions_count":1,"compression_algorithm":"none","message_expiry":0,"max_topic_size":1}"#,
        r#"{"name":"partitions only","partitions_count":1}"#,
    ] {
        root.json("POST", path, body).await?;
    }
    root.json("POST", "/streams/missing/topics", TOPIC).await?;
    root.call("GET", path).await?;
    root.call("GET", "/streams/missing/topics").await?;
    for topic in ["t", "full", "missing"] {
        root.call("GET", &format!("{path}/{topic}")).await?;
    }
    for body in [
        r#"{"name":"renamed"}"#,
        r#"{"name":"full","message_expiry":7200000000}"#,
        r#"{"name":"full","options":{"segment_size":"1 MiB"}}"#,
        r#"{"name":"t"}"#,
    ] {
        root.json("PUT", &format!("{path}/full"), body).await?;
    }
    root.call("GET", &format!("{path}/renamed")).await?;
    root.call("DELETE", &format!("{path}/renamed/purge"))
        .await?;
    root.call("DELETE", &format!("{path}/renamed")).await?;
    root.call("DELETE", &format!("{path}/renamed")).await?;
    Ok(())
}

pub(super) async fn partitions_and_groups(scene: Scene) -> Result<(), String> {
    let root = scene.http_root().await?;
    stream_and_topic(&root).await?;
    let path = "/streams/s/topics/t/partitions";
    for body in [r#"{"partitions_count":3}"#, r#"{"partitions_count":0}"#] {
        root.json("POST", path, body).await?;
    }
    for query in ["?partitions_count=4", "?partitions_count=9", ""] {
        root.call("DELETE", &format!("{path}{query}")).await?;
    }
    root.call("DELETE", &format!("{path}/0?segments_count=1"))
        .await?;
    root.call("DELETE", &format!("{path}/7?segments_count=1"))
        .await?;
    let path = "/streams/s/topics/t/consumer-groups";
    root.call("GET", path).await?;
    for body in [r#"{"name":"g"}"#, r#"{"name":"g"}"#, r#"{"name":""}"#] {
        root.json("POST", path, body).await?;
    }
    root.call("GET", path).await?;
    for group in ["g", "0", "missing"] {
        root.call("GET", &format!("{path}/{group}")).await?;
    }
    root.call("GET", "/streams/s/topics/missing/consumer-groups")
        .await?;
    root.call("DELETE", &format!("{path}/g")).await?;
    root.call("DELETE", &format!("{path}/g")).await?;
    Ok(())
}

pub(super) async fn messages(scene: Scene) -> Result<(), String> {
    let root = scene.http_root().await?;
    stream_and_topic(&root).await?;
    let path = "/streams/s/topics/t/messages";
    let missing = "/streams/s/topics/missing/messages";
    // Balanced, the partition 1 (its number in four bytes, little endian), and a key; `YQ==`
    // is "a", `Yg==` is "b".
    let (one, key) = (
        r#"{"kind":"partition_id","value":"AQAAAA=="}"#,
        r#"{"kind":"messages_key","value":"YQ=="}"#,
    );
    let partition = |number: u8| {
        let value = ["AAAAAA==", "AQAAAA==", "AgAAAA=="][usize::from(number)];
        format!(r#"{{"kind":"partition_id","value":"{value}"}}"#)
    };
    let body = |partitioning: &str, messages: &str| {
        format!(r#"{{"partitioning":{partitioning},"messages":[{messages}]}}"#)
    };
    root.call("GET", &format!("{path}?consumer_id=c")).await?;
    for request in [
        body(
            &partition(0),
            r#"{"id":1,"payload":"YQ=="},{"id":2,"payload":"Yg=="}"#,
        ),
        body(
            one,
            r#"{"id":3,"payload":"YQ==","user_headers":[{"key":{"kind":"string","value":"a2V5"},"value":{"kind":"string","value":"dmFsdWU="}}]}"#,
        ),
        body(key, r#"{"id":"7","payload":"YQ=="}"#),
        body(&partition(2), r#"{"id":4,"payload":"YQ=="}"#),
        body(&partition(0), ""),
        body(
            r#"{"kind":"messages_key","value":""}"#,
            r#"{"id":4,"payload":"YQ=="}"#,
        ),
        body(&partition(0), r#"{"id":4}"#),
        body(&partition(0), r#"{"id":4,"payload":"not base64!"}"#),
        r#"{"messages":[{"id":4,"payload":"YQ=="}]}"#.to_owned(),
    ] {
        root.json("POST", path, &request).await?;
    }
    let plain = body(&partition(0), r#"{"id":5,"payload":"YQ=="}"#);
    root.json("POST", missing, &plain).await?;
    root.json("POST", &format!("{path}?ack=none"), &plain)
        .await?;
    root.json("POST", &format!("{path}?ack=maybe"), &plain)
        .await?;
    scene.note("polls");
    for query in [
        "consumer_id=c&kind=offset&value=0&count=2",
        "consumer_id=1&partition_id=0&kind=offset&value=1&count=1",
        "consumer_id=c&partition_id=1&kind=first&value=0&count=10",
        "consumer_id=c&partition_id=0&kind=offset&value=99&count=10",
        "consumer_id=c&partition_id=5&kind=offset&value=0&count=10",
        "consumer_id=c&partition_id=0&kind=whatever&value=0&count=10",
        "partition_id=0&kind=offset&value=0&count=1",
    ] {
        root.call("GET", &format!("{path}?{query}")).await?;
    }
    root.call("GET", &format!("{missing}?consumer_id=c"))
        .await?;
    root.call("GET", "/streams/missing/topics/t/messages?consumer_id=c")
        .await?;
    Ok(())
}

pub(super) async fn offsets(scene: Scene) -> Result<(), String> {
    let root = scene.http_root().await?;
    stream_and_topic(&root).await?;
    let messages = "/streams/s/topics/t/messages";
    let path = "/streams/s/topics/t/consumer-offsets";
    let body = r#"{"partitioning":{"kind":"partition_id","value":"AAAAAA=="},"messages":[{"id":1,"payload":"YQ=="},{"id":2,"payload":"Yg=="}]}"#;
    root.json("POST", messages, body).await?;
    for query in [
        "consumer_id=c&partition_id=0",
        "consumer_id=c",
        "partition_id=0",
    ] {
        root.call("GET", &format!("{path}?{query}")).await?;
    }
    for body in [
        r#"{"consumer_id":"c","partition_id":0,"offset":1}"#,
        r#"{"consumer_id":"c","partition_id":0,"offset":0}"#,
        r#"{"consumer_id":"c","partition_id":0,"offset":9}"#,
        r#"{"consumer_id":"c","partition_id":7,"offset":0}"#,
        r#"{"consumer_id":"c","offset":0}"#,
        r#"{"partition_id":0,"offset":0}"#,
    ] {
        root.json("PUT", path, body).await?;
    }
    root.json(
        "PUT",
        "/streams/s/topics/missing/consumer-offsets",
        r#"{"consumer_id":"c","partition_id":0,"offset":0}"#,
    )
    .await?;
    for query in [
        "consumer_id=c&partition_id=0",
        "consumer_id=c",
        "consumer_id=c&partition_id=7",
    ] {
        root.call("GET", &format!("{path}?{query}")).await?;
    }
    scene.note("next, and a commit with the poll");
    let next = "consumer_id=c&partition_id=0&kind=next&value=0&count=10";
    root.call("GET", &format!("{messages}?{next}")).await?;
    root.call("GET", &format!("{messages}?{next}&auto_commit=true"))
        .await?;
    root.call("GET", &format!("{messages}?{next}")).await?;
    root.call("GET", &format!("{path}?consumer_id=c&partition_id=0"))
        .await?;
    scene.note("deleted");
    for consumer in [
        "c?partition_id=0",
        "c?partition_id=0",
        "c",
        "d?partition_id=7",
    ] {
        root.call("DELETE", &format!("{path}/{consumer}")).await?;
    }
    Ok(())
}

pub(super) async fn users(scene: Scene) -> Result<(), String> {
    let (nobody, root) = (scene.http()?, scene.http_root().await?);
    root.call("GET", "/users").await?;
    for body in [
        r#"{"username":"ann","password":"secret","status":"active","permissions":null}"#,
        r#"{"username":"ann","password":"secret","status":"active","permissions":null}"#,
        r#"{"username":"an","password":"secret","status":"active","permissions":null}"#,
        r#"{"username":"bob","password":"x","status":"active","permissions":null}"#,
        r#"{"username":"bob","password":"secret","status":"asleep","permissions":null}"#,
    ] {
        root.json("POST", "/users", body).await?;
    }
    for path in [
        "/users",
        "/users/ann",
        "/users/1",
        "/users/missing",
        "/users/me",
    ] {
        root.call("GET", path).await?;
    }
    root.json(
        "PUT",
        "/users/ann",
        r#"{"username":"eve","status":"active"}"#,
    )
    .await?;
    root.json("PUT", "/users/missing", r#"{"username":"eve"}"#)
        .await?;
    for body in [
        r#"{"current_password":"wrong","new_password":"another"}"#,
        r#"{"current_password":"secret","new_password":"another"}"#,
        r#"{"current_password":"secret","new_password":"x"}"#,
    ] {
        root.json("PUT", "/users/eve/password", body).await?;
    }
    let granted = r#"{"permissions":{"global":{"manage_servers":false,"read_servers":true,"manage_users":false,"read_users":false,"manage_streams":false,"read_streams":false,"manage_topics":false,"read_topics":false,"poll_messages":false,"send_messages":false},"streams":null}}"#;
    root.json("PUT", "/users/eve/permissions", granted).await?;
    root.json("PUT", "/users/iggy/permissions", granted).await?;
    root.call("GET", "/users/eve").await?;
    let eve = nobody.login("eve", "another").await?;
    root.json("PUT", "/users/eve", r#"{"status":"inactive"}"#)
        .await?;
    let login = r#"{"username":"eve","password":"another"}"#;
    nobody.json("POST", "/users/login", login).await?;
    scene.note("a login outlives its user");
    eve.call("GET", "/users/me").await?;
    root.call("DELETE", "/users/eve").await?;
    root.call("DELETE", "/users/eve").await?;
    root.call("DELETE", "/users/iggy").await?;
    eve.call("GET", "/users/me").await?;
    eve.call("GET", "/streams").await?;
    let body = r#"{"username":"new","password":"secret","status":"active","permissions":null}"#;
    root.json("POST", "/users", body).await?;
    eve.call("GET", "/users/me").await?;
    Ok(())
}

pub(super) async fn permissions(scene: Scene) -> Result<(), String> {
    let (nobody, root) = (scene.http()?, scene.http_root().await?);
    stream_and_topic(&root).await?;
    for (name, permissions) in [
        ("poor", "null"),
        (
            "poller",
            r#"{"global":{"manage_servers":false,"read_servers":false,"manage_users":false,"read_users":false,"manage_streams":false,"read_streams":false,"manage_topics":false,"read_topics":false,"poll_messages":false,"send_messages":false},"streams":{"0":{"manage_stream":false,"read_stream":false,"manage_topics":false,"read_topics":false,"poll_messages":false,"send_messages":false,"topics":{"0":{"manage_topic":false,"read_topic":false,"poll_messages":true,"send_messages":false}}}}}"#,
        ),
    ] {
        let body = format!(
            r#"{{"username":"{name}","password":"secret","status":"active","permissions":{permissions}}}"#
        );
        root.json("POST", "/users", &body).await?;
        let user = nobody.login(name, "secret").await?;
        for path in [
            "/streams",
            "/streams/s",
            "/streams/missing",
            "/streams/s/topics",
            "/streams/s/topics/t",
            "/streams/s/topics/t/consumer-groups",
            "/streams/s/topics/t/messages?consumer_id=c",
            "/streams/s/topics/missing/messages?consumer_id=c",
            "/streams/s/topics/t/consumer-offsets?consumer_id=c",
            "/users",
            "/users/iggy",
            "/users/me",
            "/stats",
            "/clients",
            "/options/stream",
            "/personal-access-tokens",
        ] {
            user.call("GET", path).await?;
        }
        let body = r#"{"partitioning":{"kind":"partition_id","value":"AAAAAA=="},"messages":[{"id":1,"payload":"YQ=="}]}"#;
        user.json("POST", "/streams/s/topics/t/messages", body)
            .await?;
        user.json("POST", "/streams/s/topics/missing/messages", body)
            .await?;
        let offset = r#"{"consumer_id":"c","partition_id":0,"offset":0}"#;
        user.json("PUT", "/streams/s/topics/t/consumer-offsets", offset)
            .await?;
        user.json("POST", "/streams", r#"{"name":"mine"}"#).await?;
        user.json("PUT", "/streams/s", r#"{"name":"mine"}"#).await?;
        user.call("DELETE", "/streams/s").await?;
        user.call("DELETE", "/streams/missing").await?;
        user.json("POST", "/streams/s/topics", TOPIC).await?;
        user.call("DELETE", "/users/iggy").await?;
    }
    Ok(())
}

pub(super) async fn system(scene: Scene) -> Result<(), String> {
    let root = scene.http_root().await?;
    root.call("GET", "/clients").await?;
    root.call("GET", "/clients/77").await?;
    root.call("GET", "/clients/x").await?;
    root.call("GET", "/cluster/metadata").await?;
    root.call("GET", "/options/stream").await?;
    root.call("GET", "/options/user").await?;
    root.call("GET", "/options/what").await?;
    stream_and_topic(&root).await?;
    let answer = root.quietly("GET", "/stats", "").await?;
    let stats: serde_json::Value =
        serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
    let fields = stats.as_object().ok_or("stats are no object")?;
    let names: Vec<&str> = fields.keys().map(String::as_str).collect();
    scene.note(&format!("stats: {}", names.join(" ")));
    for name in [
        "streams_count",
        "topics_count",
        "partitions_count",
        "messages_count",
    ] {
        scene.note(&format!("stats: {name} {}", stats[name]));
    }
    Ok(())
}
