//! The table of scenarios.

use std::rc::Rc;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use iggyctl_engine::connect::Transport;

use super::arena::Arena;
use super::check::Check;
use super::failure::Stop;
use super::names::RunId;
use super::scenarios::{
    basic, compression, consumer_groups, dead_letters, encryption, envelope, getting_started,
    headers, late_topic, login_after_restart, multi_tenant, new_sdk, partitioning, persistence,
    replay, sink_data_producer, stream_builder, tcp_tls,
};
use super::target::{Target, transport_name};

/// One scenario.
pub(crate) struct Scenario {
    /// Its name: the sample's where it mirrors one.
    pub(crate) name: &'static str,
    /// The official sample it mirrors, as a folder of apache/iggy.
    pub(crate) sample: Option<&'static str>,
    /// What it shows, in a few words.
    pub(crate) title: &'static str,
    /// Over what it can be run.
    pub(crate) over: Over,
    /// Whether it restarts the server, so that nothing else may run meanwhile.
    pub(crate) is_exclusive: bool,
    /// Runs it.
    pub(crate) run: Run,
}

/// Over which transports a scenario can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// All.
    Any,
    /// Not HTTP, which has no sessions: nobody can be a member of a group.
    Binary,
    /// TCP alone.
    Tcp,
}

impl Over {
    /// Why it cannot be run over a transport.
    fn obstacle(self, transport: Transport) -> Option<&'static str> {
        match (self, transport) {
            (Self::Any, _)
            | (Self::Binary, Transport::Tcp | Transport::Quic | Transport::WebSocket)
            | (Self::Tcp, Transport::Tcp) => None,
            (Self::Binary, Transport::Http) => {
                Some("it needs sessions with the server, which HTTP has not")
            }
            (Self::Tcp, _) => Some("it is about TCP"),
        }
    }
}

/// How a scenario is run.
pub(crate) type Run = for<'a> fn(&'a Arena) -> LocalBoxFuture<'a, Result<(), Stop>>;

/// All of them, in the order of the report. `docs/smoke.md` has the same table.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "getting-started",
        sample: Some("examples/rust/src/getting-started"),
        title: "messages come back in order from the offset that is asked for",
        over: Over::Any,
        is_exclusive: false,
        run: |arena| Box::pin(getting_started::run(arena)),
    },
    Scenario {
        name: "basic",
        sample: Some("examples/rust/src/basic"),
        title: "a consumer goes on after the offset that the server stored for it",
        over: Over::Any,
        is_exclusive: false,
        run: |arena| Box::pin(basic::run(arena)),
    },
    Scenario {
        name: "message-headers/plain",
        sample: Some("examples/python/message-headers/plain-headers"),
        title: "headers of text come back with their messages",
        over: Over::Any,
        is_exclusive: false,
        run: |arena| Box::pin(headers::plain(arena)),
    },
    Scenario {
        name: "message-headers/typed-headers",
        sample: Some("examples/rust/src/message-headers/typed-headers"),
        title: "headers keep the kind of their keys and values",
        over: Over::Any,
        is_exclusive: false,
        run: |arena| Box::pin(headers::typed(arena)),
    },
    Scenario {
        name: "message-headers/message-compression",
        sample: Some("examples/rust/src/message-headers/message-compression"),
        title: "payloads that clients compress are kept as they are, and decompressed",
        over: Over::Any,
        is_exclusive: false,
        run: |arena| Box::pin(compression::run(arena)),
    },
    Scenario {
        name: "message-headers/message-type",
        sample: Some("examples/rust/src/message-headers/message-type"),
        title: "a header tells what a payload is",
        over: Over::Any,
        is_exclusive: false,
        run: |arena| Box::pin(headers::message_type(arena)),
    },
    Scenario {
        name: "message-envelope",
        sample: Some("examples/rust/src/message-envelope"),
        title: "messages of several kinds share a topic",
        over: Over::Any,
        is_exclusive: false,
        run: |arena| Box::pin(envelope::run(arena)),
    },
    Scenario {
        name: "multi-tenant",
        sample: Some("examples/rust/src/multi-tenant"),
        title: "each user gets at its own stream and at no other",
        over: Over::Any,
        is_exclusive: false,
        run: |arena| Box::pin(multi_tenant::run(arena)),
    },
    Scenario {
        name: "new-sdk",
        sample: Some("examples/rust/src/new-sdk"),
        title: "the SDK's producer and consumer work, in a group",
        over: Over::Binary,
        is_exclusive: false,
        run: |arena| Box::pin(new_sdk::run(arena)),
    },
    Scenario {
        name: "consumer-groups",
        sample: None,
        title: "members of a group share out partitions, again when one comes or goes",
        over: Over::Binary,
        is_exclusive: false,
        run: |arena| Box::pin(consumer_groups::run(arena)),
    },
    Scenario {
        name: "stream-builder",
        sample: Some("examples/rust/src/stream-builder"),
        title: "the SDK's stream builder hands messages to a callback",
        over: Over::Binary,
        is_exclusive: false,
        run: |arena| Box::pin(stream_builder::run(arena)),
    },
    Scenario {
        name: "tcp-tls",
        sample: Some("examples/rust/src/tcp-tls"),
        title: "messages travel by TLS, with a certificate that is checked",
        over: Over::Tcp,
        is_exclusive: false,
        run: |arena| Box::pin(tcp_tls::run(arena)),
    },
    Scenario {
        name: "sink-data-producer",
        sample: Some("examples/rust/src/sink-data-producer"),
        title: "large batches are shared out over partitions, each record once",
        over: Over::Any,
        is_exclusive: false,
        run: |arena| Box::pin(sink_data_producer::run(arena)),
    },
    Scenario {
        name: "partitioning",
        sample: None,
        title: "messages are in the partition they name, and those of a key in one, in order",
        over: Over::Any,
        is_exclusive: false,
        run: |arena| Box::pin(partitioning::run(arena)),
    },
    Scenario {
        name: "dead-letters",
        sample: None,
        title: "what cannot be handled is put aside with the reason",
        over: Over::Any,
        is_exclusive: false,
        run: |arena| Box::pin(dead_letters::run(arena)),
    },
    Scenario {
        name: "replay",
        sample: None,
        title: "what was consumed is read again, and copied as it was",
        over: Over::Binary,
        is_exclusive: false,
        run: |arena| Box::pin(replay::run(arena)),
    },
    Scenario {
        name: "encryption",
        sample: None,
        title: "the server keeps only what the clients encrypted",
        over: Over::Any,
        is_exclusive: false,
        run: |arena| Box::pin(encryption::run(arena)),
    },
    Scenario {
        name: "late-topic",
        sample: None,
        title: "consumers wait for a topic that comes later, and miss nothing",
        over: Over::Binary,
        is_exclusive: false,
        run: |arena| Box::pin(late_topic::run(arena)),
    },
    Scenario {
        name: "persistence",
        sample: None,
        title: "messages and offsets are there after a restart",
        over: Over::Any,
        is_exclusive: true,
        run: |arena| Box::pin(persistence::run(arena)),
    },
    Scenario {
        name: "login-after-restart",
        sample: None,
        title: "users and tokens log in after a restart",
        over: Over::Binary,
        is_exclusive: true,
        run: |arena| Box::pin(login_after_restart::run(arena)),
    },
];

/// A scenario that is to be run.
#[derive(Clone, Copy)]
pub(crate) struct Selected {
    pub(crate) scenario: &'static Scenario,
    /// Whether it was named by its name, and not only by a pattern.
    pub(crate) is_wanted: bool,
}

/// Scenarios, each over each transport, ready to be run.
pub(crate) fn checks(
    selected: &[Selected],
    transports: &[Transport],
    target: &Rc<Target>,
    run: &RunId,
    time_limit: Duration,
) -> Vec<Check<'static>> {
    let mut checks = Vec::new();
    for &Selected {
        scenario,
        is_wanted,
    } in selected
    {
        for &transport in transports {
            let arena = Arena::new(Rc::clone(target), run, scenario.name, transport, time_limit);
            let arena = Rc::new(arena);
            let (working, closing) = (Rc::clone(&arena), Rc::clone(&arena));
            let Scenario {
                name,
                sample,
                title,
                over,
                is_exclusive,
                run,
            } = scenario;
            let obstacle = over.obstacle(transport);
            checks.push(Check {
                name: (*name).to_owned(),
                title: (*title).to_owned(),
                sample: sample.map(str::to_owned),
                transport: transport_name(transport).to_owned(),
                is_exclusive: *is_exclusive,
                is_wanted,
                recorder: arena.recorder.clone(),
                work: Box::pin(async move {
                    match obstacle {
                        Some(reason) => Err(Stop::Skipped(reason.to_owned())),
                        None => {
                            working.has_transport()?;
                            run(&working).await
                        }
                    }
                }),
                after: Box::pin(async move { closing.close().await }),
            });
        }
    }
    checks
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_documentation_has_the_same_table() {
        let documentation = include_str!("../../docs/smoke.md");
        let rows: Vec<String> = SCENARIOS
            .iter()
            .map(|scenario| {
                let sample = scenario.sample.map(|sample| format!("`{sample}`"));
                let sample = sample.unwrap_or_else(|| "–".to_owned());
                format!("| `{}` | {sample} | {} |", scenario.name, scenario.title)
            })
            .collect();
        let table = rows.join("\n");
        let heading = "| Scenario | Sample of apache/iggy | What it shows |\n|---|---|---|\n";
        assert!(
            documentation.contains(&format!("{heading}{table}\n\n")),
            "docs/smoke.md should have\n{heading}{table}"
        );
    }

    #[test]
    fn names_are_unique_and_leave_room_for_users() {
        let names: BTreeSet<&str> = SCENARIOS.iter().map(|it| it.name).collect();
        assert_eq!(names.len(), SCENARIOS.len());
        let run = RunId::random();
        for user in ["sends-3", "reads-3", "logs-in"] {
            // The longest transport; a user's name has 3 to 50 bytes.
            assert!(run.name(&format!("{user}-websocket")).len() <= 50);
        }
    }
}
