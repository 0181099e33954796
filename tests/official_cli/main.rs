//! The official CLI (`iggy-cli`) as a client of the embedded server: what it
//! sees is what a real server would show.

#[path = "../rung/mod.rs"]
mod rung;

mod access;
mod by_hand;
mod client;

use std::path::PathBuf;

use access::{
    a_user_may_do_what_it_was_granted, passwords_and_status_decide_who_is_let_in,
    tokens_log_in_as_their_users, users_live_and_die,
};
use by_hand::{
    a_change_by_hand_is_seen_and_repaired, an_export_of_what_was_made_by_hand_plans_empty,
};
use client::OfficialCli;
use iggyctl_embedded::{EmbeddedServer, TlsIdentity};
use libtest_mimic::{Arguments, Trial};
use rung::{Outcome, Rung};

static RUNG: Rung = Rung {
    name: "official-cli",
    variable: "IGGYCTL_TEST_OFFICIAL_CLI",
};

/// A test for each function of that name.
macro_rules! trials {
    ($($test:ident),* $(,)?) => {
        vec![$(RUNG.trial(stringify!($test), |program: PathBuf, server: EmbeddedServer| async move {
            let cli = OfficialCli::new(program, server.address())?;
            let outcome = $test(&cli).await;
            server.shutdown().await;
            outcome
        })),*]
    };
}

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let trials: Vec<Trial> = trials![
        ping_me_and_clients,
        stats_count_what_is_there,
        cluster_is_one_node,
        options_are_the_nine,
        wrong_password_is_refused,
        streams_live_and_die,
        topics_live_and_die,
        topic_settings_are_kept,
        update_keeps_what_it_does_not_name,
        partitions_grow_and_shrink,
        groups_live_and_die,
        duplicates_are_refused,
        what_is_missing_is_said,
        settings_out_of_range_are_refused,
        freed_ids_are_reused,
        users_live_and_die,
        a_user_may_do_what_it_was_granted,
        passwords_and_status_decide_who_is_let_in,
        tokens_log_in_as_their_users,
        a_change_by_hand_is_seen_and_repaired,
        an_export_of_what_was_made_by_hand_plans_empty,
        over_tls_it_knows_public_authorities_only,
        it_works_over_http_too,
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

async fn ping_me_and_clients(cli: &OfficialCli) -> Outcome {
    cli.ok(&["ping", "--count", "2"])
        .await?
        .says("Ping statistics for 2 ping commands")?;

    let me = cli.ok(&["me"]).await?;
    let me = me.properties();
    assert_eq!(me.get("User ID"), Some(&"0"));
    assert_eq!(me.get("Transport"), Some(&"TCP"));
    assert!(
        me.get("Address")
            .is_some_and(|it| it.starts_with("127.0.0.1:"))
    );

    // Its own connection, and no other: the earlier ones were closed.
    let clients = cli.ok(&["client", "list", "-l", "list"]).await?;
    let rows = clients.rows();
    let [row] = rows.as_slice() else {
        return Err(format!("expected one client:\n{}", clients.text()).into());
    };
    assert_eq!(row.get(1), Some(&"0"), "user id in {row:?}");
    assert_eq!(row.get(3), Some(&"TCP"), "transport in {row:?}");
    Ok(())
}

async fn stats_count_what_is_there(cli: &OfficialCli) -> Outcome {
    let counts = async || -> Result<Vec<u64>, libtest_mimic::Failed> {
        let answer = cli.ok(&["--quiet", "stats", "-o", "json"]).await?;
        let stats: serde_json::Value = serde_json::from_str(answer.text())?;
        [
            "streams_count",
            "topics_count",
            "partitions_count",
            "consumer_groups_count",
        ]
        .iter()
        .map(|key| {
            stats[key]
                .as_u64()
                .ok_or_else(|| format!("no {key} in {stats}").into())
        })
        .collect()
    };
    assert_eq!(counts().await?, [0, 0, 0, 0]);
    cli.ok(&["stream", "create", "orders"]).await?;
    cli.ok(&["topic", "create", "orders", "events", "3", "none"])
        .await?;
    cli.ok(&["topic", "create", "orders", "dead-letters", "1", "none"])
        .await?;
    cli.ok(&["consumer-group", "create", "orders", "events", "billing"])
        .await?;
    assert_eq!(counts().await?, [1, 2, 4, 1]);
    cli.ok(&["stream", "delete", "orders"]).await?;
    assert_eq!(counts().await?, [0, 0, 0, 0]);
    Ok(())
}

async fn cluster_is_one_node(cli: &OfficialCli) -> Outcome {
    let answer = cli.ok(&["cluster", "metadata", "-l", "list"]).await?;
    answer.says("Cluster name: single-node")?;
    let rows = answer.rows();
    let [node] = rows.as_slice() else {
        return Err(format!("expected one node:\n{}", answer.text()).into());
    };
    assert_eq!(
        node.get(6..),
        Some(["leader", "healthy"].as_slice()),
        "{node:?}"
    );
    Ok(())
}

async fn options_are_the_nine(cli: &OfficialCli) -> Outcome {
    let answer = cli.ok(&["options", "topic"]).await?;
    let found: Vec<(&str, &str, &str)> = answer
        .text()
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| Key "))
        .filter_map(|line| {
            let mut cells = line.split('|').skip(1).map(str::trim);
            Some((cells.next()?, cells.next()?, cells.next()?))
        })
        .collect();
    assert_eq!(
        found,
        [
            ("compression_algorithm", "string", "none"),
            ("message_expiry", "uint64", "18446744073709551615"),
            ("max_topic_size", "uint64", "18446744073709551615"),
            ("segment_size", "uint64", "1073741824"),
            ("durability", "string", "replicated"),
            ("consumer_offset_durability", "string", "replicated"),
            ("messages_required_to_save", "uint32", "1024"),
            ("size_of_messages_required_to_save", "uint64", "1048576"),
            ("preallocate_segments", "bool", "false"),
        ]
    );
    Ok(())
}

async fn wrong_password_is_refused(cli: &OfficialCli) -> Outcome {
    for (username, password) in [("iggy", "wrong"), ("nobody", "iggy")] {
        let cause = cli
            .run_as(username, password, &["stream", "list"])
            .await?
            .cause()?;
        assert_eq!(cause, "Invalid credentials", "{username}");
    }
    // The refusals leave the server as it was.
    cli.ok(&["stream", "list"]).await?;
    Ok(())
}

async fn streams_live_and_die(cli: &OfficialCli) -> Outcome {
    cli.ok(&["stream", "list"])
        .await?
        .says("No streams found!")?;
    cli.ok(&["stream", "create", "orders"]).await?;
    cli.ok(&["stream", "create", " sp ace/%? é"]).await?;

    let listed = cli.ok(&["stream", "list", "-l", "list"]).await?;
    let names: Vec<&str> = listed
        .rows()
        .iter()
        .filter_map(|row| row.get(2).copied())
        .collect();
    assert_eq!(names, ["orders", " sp ace/%? é"]);

    cli.ok(&["stream", "update", "orders", "sales"]).await?;
    cli.ok(&["stream", "get", "orders"])
        .await?
        .says("Stream with ID: orders was not found")?;
    let stream = cli.ok(&["stream", "get", "sales"]).await?;
    let stream = stream.properties();
    assert_eq!(stream.get("Stream ID"), Some(&"0"));
    assert_eq!(stream.get("Stream name"), Some(&"sales"));
    assert_eq!(stream.get("Stream topics count"), Some(&"0"));

    cli.ok(&["stream", "delete", "sales"]).await?;
    let listed = cli.ok(&["stream", "list", "-l", "list"]).await?;
    assert_eq!(listed.rows().len(), 1);
    Ok(())
}

async fn topics_live_and_die(cli: &OfficialCli) -> Outcome {
    cli.ok(&["stream", "create", "orders"]).await?;
    cli.ok(&["topic", "create", "orders", "events", "2", "none"])
        .await?;
    cli.ok(&["topic", "create", "orders", "audit", "0", "none"])
        .await?;
    let listed = cli.ok(&["topic", "list", "orders", "-l", "list"]).await?;
    let rows: Vec<(&str, &str)> = listed
        .rows()
        .iter()
        .filter_map(|row| Some((*row.get(2)?, *row.get(8)?)))
        .collect();
    assert_eq!(rows, [("events", "2"), ("audit", "0")]);

    cli.ok(&["topic", "update", "orders", "events", "facts", "none"])
        .await?;
    cli.ok(&["topic", "get", "orders", "events"])
        .await?
        .says("Topic with ID: events in stream orders was not found")?;
    cli.ok(&["topic", "delete", "orders", "facts"]).await?;
    let listed = cli.ok(&["topic", "list", "orders", "-l", "list"]).await?;
    assert_eq!(listed.rows().len(), 1);
    Ok(())
}

async fn topic_settings_are_kept(cli: &OfficialCli) -> Outcome {
    cli.ok(&["stream", "create", "orders"]).await?;
    cli.ok(&["topic", "create", "orders", "plain", "1", "none"])
        .await?;
    cli.ok(&[
        "topic",
        "create",
        "orders",
        "events",
        "6",
        "gzip",
        "7days",
        "1h",
        "--max-topic-size",
        "10GiB",
        "--durability",
        "persisted",
        "--set",
        "segment_size=256MiB",
        "--set",
        "messages_required_to_save=5000",
        "--set",
        "preallocate_segments=true",
    ])
    .await?;

    let plain = cli.ok(&["topic", "get", "orders", "plain"]).await?;
    let plain = plain.properties();
    assert_eq!(plain.get("Compression"), Some(&"none"));
    assert_eq!(plain.get("Message expiry"), Some(&"unlimited"));
    assert_eq!(plain.get("Max topic size"), Some(&"unlimited"));

    let events = cli.ok(&["topic", "get", "orders", "events"]).await?;
    let events = events.properties();
    assert_eq!(events.get("Compression"), Some(&"gzip"));
    assert_eq!(events.get("Message expiry"), Some(&"7days 1h"));
    assert_eq!(events.get("Max topic size"), Some(&"10.74 GB"));
    assert_eq!(events.get("Partitions count"), Some(&"6"));
    assert_eq!(events.get("Topic message count"), Some(&"0"));
    Ok(())
}

async fn update_keeps_what_it_does_not_name(cli: &OfficialCli) -> Outcome {
    cli.ok(&["stream", "create", "orders"]).await?;
    cli.ok(&[
        "topic", "create", "orders", "events", "1", "gzip", "7days", "-m", "10GiB",
    ])
    .await?;
    // No expiry and no size: the CLI sends neither.
    cli.ok(&["topic", "update", "orders", "events", "events", "gzip"])
        .await?;
    let topic = cli.ok(&["topic", "get", "orders", "events"]).await?;
    assert_eq!(topic.properties().get("Message expiry"), Some(&"7days"));
    assert_eq!(topic.properties().get("Max topic size"), Some(&"10.74 GB"));

    cli.ok(&[
        "topic", "update", "orders", "events", "events", "none", "2days",
    ])
    .await?;
    let topic = cli.ok(&["topic", "get", "orders", "events"]).await?;
    assert_eq!(topic.properties().get("Message expiry"), Some(&"2days"));
    assert_eq!(topic.properties().get("Compression"), Some(&"none"));
    assert_eq!(topic.properties().get("Max topic size"), Some(&"10.74 GB"));
    Ok(())
}

async fn partitions_grow_and_shrink(cli: &OfficialCli) -> Outcome {
    cli.ok(&["stream", "create", "orders"]).await?;
    cli.ok(&["topic", "create", "orders", "events", "2", "none"])
        .await?;
    let count = async || -> Result<String, libtest_mimic::Failed> {
        let topic = cli.ok(&["topic", "get", "orders", "events"]).await?;
        Ok(topic
            .properties()
            .get("Partitions count")
            .copied()
            .unwrap_or_default()
            .to_owned())
    };
    cli.ok(&["partition", "create", "orders", "events", "1000"])
        .await?;
    assert_eq!(count().await?, "1002");
    cli.ok(&["partition", "delete", "orders", "events", "1000"])
        .await?;
    cli.ok(&["partition", "delete", "orders", "events", "1"])
        .await?;
    assert_eq!(count().await?, "1");

    let cause = cli
        .refused(&["partition", "delete", "orders", "events", "2"])
        .await?;
    assert_eq!(cause, "Invalid partitions count");
    let cause = cli
        .refused(&["partition", "create", "orders", "events", "1001"])
        .await?;
    assert_eq!(cause, "Too many partitions");
    assert_eq!(count().await?, "1");
    Ok(())
}

async fn groups_live_and_die(cli: &OfficialCli) -> Outcome {
    cli.ok(&["stream", "create", "orders"]).await?;
    cli.ok(&["topic", "create", "orders", "events", "3", "none"])
        .await?;
    cli.ok(&["consumer-group", "create", "orders", "events", "billing"])
        .await?;
    cli.ok(&["consumer-group", "create", "orders", "events", "audit"])
        .await?;
    let listed = cli
        .ok(&["consumer-group", "list", "orders", "events", "-l", "list"])
        .await?;
    let mut names: Vec<&str> = listed
        .rows()
        .iter()
        .filter_map(|row| row.get(1).copied())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["audit", "billing"]);

    let group = cli
        .ok(&["consumer-group", "get", "orders", "events", "billing"])
        .await?;
    let group = group.properties();
    assert_eq!(group.get("Consumer group name"), Some(&"billing"));
    assert_eq!(group.get("Members count"), Some(&"0"));
    assert_eq!(group.get("Partitions count"), Some(&"3"));

    cli.ok(&["consumer-group", "delete", "orders", "events", "billing"])
        .await?;
    cli.ok(&["consumer-group", "get", "orders", "events", "billing"])
        .await?
        .says("Consumer group with ID: billing was not found")?;
    Ok(())
}

async fn duplicates_are_refused(cli: &OfficialCli) -> Outcome {
    // Names cross the wire as numbers only, so the CLI has an empty one to show.
    cli.ok(&["stream", "create", "orders"]).await?;
    let cause = cli.refused(&["stream", "create", "orders"]).await?;
    assert_eq!(cause, "Stream with name:  already exists.");
    // Case matters.
    cli.ok(&["stream", "create", "Orders"]).await?;
    let cause = cli
        .refused(&["stream", "update", "Orders", "orders"])
        .await?;
    assert_eq!(cause, "Stream with name:  already exists.");

    cli.ok(&["topic", "create", "orders", "events", "1", "none"])
        .await?;
    let cause = cli
        .refused(&["topic", "create", "orders", "events", "1", "none"])
        .await?;
    assert_eq!(
        cause,
        "Topic with name:  for stream with ID: 0 already exists."
    );

    cli.ok(&["consumer-group", "create", "orders", "events", "billing"])
        .await?;
    let cause = cli
        .refused(&["consumer-group", "create", "orders", "events", "billing"])
        .await?;
    assert!(cause.contains("already exists"), "{cause}");
    Ok(())
}

async fn what_is_missing_is_said(cli: &OfficialCli) -> Outcome {
    cli.ok(&["stream", "get", "orders"])
        .await?
        .says("Stream with ID: orders was not found")?;
    for arguments in [
        ["stream", "delete", "orders"].as_slice(),
        &["stream", "update", "orders", "sales"],
        &["topic", "create", "orders", "events", "1", "none"],
        &["consumer-group", "create", "orders", "events", "billing"],
    ] {
        let cause = cli.refused(arguments).await?;
        assert!(cause.contains("was not found"), "{arguments:?}: {cause}");
    }
    // The topics of a missing stream are an empty list, not an error.
    let listed = cli.ok(&["topic", "list", "orders", "-l", "list"]).await?;
    assert!(listed.rows().is_empty(), "{}", listed.text());

    cli.ok(&["stream", "create", "orders"]).await?;
    for arguments in [
        ["topic", "delete", "orders", "events"].as_slice(),
        &["topic", "update", "orders", "events", "facts", "none"],
        &["partition", "create", "orders", "events", "1"],
        &["consumer-group", "create", "orders", "events", "billing"],
    ] {
        let cause = cli.refused(arguments).await?;
        assert!(cause.contains("was not found"), "{arguments:?}: {cause}");
    }
    Ok(())
}

async fn settings_out_of_range_are_refused(cli: &OfficialCli) -> Outcome {
    cli.ok(&["stream", "create", "orders"]).await?;
    let create = ["topic", "create", "orders", "events"];
    for (arguments, expected) in [
        (["1001", "none", "-m", "unlimited"], "Too many partitions"),
        (["1", "none", "-m", "1MiB"], "Max topic size"),
        (["1", "none", "--set", "segment_size=1KiB"], "option"),
        (["1", "none", "--set", "segment_size=2GiB"], "option"),
        (
            ["1", "none", "--set", "messages_required_to_save=0"],
            "option",
        ),
        (["1", "none", "--set", "no_such_key=1"], "option key"),
    ] {
        let cause = cli
            .refused(&[create.as_slice(), &arguments].concat())
            .await?;
        assert!(cause.contains(expected), "{arguments:?}: {cause}");
    }
    let listed = cli.ok(&["topic", "list", "orders", "-l", "list"]).await?;
    assert!(listed.rows().is_empty(), "{}", listed.text());
    Ok(())
}

async fn freed_ids_are_reused(cli: &OfficialCli) -> Outcome {
    for name in ["a", "b", "c"] {
        cli.ok(&["stream", "create", name]).await?;
    }
    cli.ok(&["stream", "delete", "a"]).await?;
    cli.ok(&["stream", "delete", "b"]).await?;
    // The lowest free one, not the last freed.
    cli.ok(&["stream", "create", "d"]).await?;
    let stream = cli.ok(&["stream", "get", "d"]).await?;
    assert_eq!(stream.properties().get("Stream ID"), Some(&"0"));
    // Digits are taken for an id by the CLI.
    let stream = cli.ok(&["stream", "get", "2"]).await?;
    assert_eq!(stream.properties().get("Stream name"), Some(&"c"));
    Ok(())
}

/// It has no flag for an authority, so a private one is not for it.
async fn over_tls_it_knows_public_authorities_only(cli: &OfficialCli) -> Outcome {
    let identity = TlsIdentity::self_signed(std::iter::empty::<String>())?;
    let server = EmbeddedServer::builder().tls(identity).start().await?;
    let tls = cli.of(server.address())?;
    let flags = ["--tcp-tls-enabled", "--tcp-reconnection-max-retries", "0"];
    let answer = tls.run(&[flags.as_slice(), &["me"]].concat()).await;
    server.shutdown().await;
    answer?.fails_with("CannotEstablishConnection")
}

async fn it_works_over_http_too(cli: &OfficialCli) -> Outcome {
    let anywhere = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let server = EmbeddedServer::builder().http(anywhere).start().await?;
    let address = server.http_address().ok_or("no HTTP")?;
    let url = format!("http://{address}");
    let http = cli.of(server.address())?;
    let over_http = async |arguments: &[&str]| {
        let flags = ["--transport", "http", "--http-api-url", &url];
        http.ok(&[flags.as_slice(), arguments].concat()).await
    };
    over_http(&["stream", "create", "orders"]).await?;
    over_http(&["topic", "create", "orders", "events", "2", "none"]).await?;
    over_http(&["message", "send", "-p", "1", "orders", "events", "hello"]).await?;
    let polled = over_http(&["message", "poll", "--first", "orders", "events", "1"]).await?;
    // Over the other transport it is the same server.
    let topics = http.ok(&["topic", "list", "orders"]).await?;
    server.shutdown().await;
    assert!(polled.text().contains("hello"), "{}", polled.text());
    assert!(topics.text().contains("events"), "{}", topics.text());
    Ok(())
}
