//! Without a server: load, validate and compare 100,000 topics.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use iggyctl_core::diff::diff;
use iggyctl_core::manifest::{SourceFile, Variables, compile};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::observed::{ObservedState, ObservedStream, ObservedTopic};
use serde::Deserialize;

use crate::Line;
use crate::part::{peak_memory, start_part};
use crate::topology::manifest;

const RUNS: usize = 5;

/// The same documents as the barest types that hold them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlainManifest {
    #[allow(dead_code, reason = "what is parsed is all that is measured")]
    api_version: String,
    spec: PlainSpec,
}

#[derive(Deserialize)]
struct PlainSpec {
    streams: Vec<PlainStream>,
}

#[derive(Deserialize)]
struct PlainStream {
    #[allow(dead_code, reason = "what is parsed is all that is measured")]
    name: String,
    topics: Vec<PlainTopic>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "what is parsed is all that is measured")]
struct PlainTopic {
    name: String,
    partitions: u32,
    message_expiry: String,
}

pub(crate) fn measure() -> Vec<Line> {
    let (mut ours, mut floor, mut memory, mut text_bytes) = (vec![], vec![], 0.0, 1.0);
    for _ in 0..RUNS {
        let part = start_part("ours", "");
        ours.push(part.time);
        memory = part.peak_bytes;
        text_bytes = part.text_bytes;
        floor.push(start_part("floor", "").time);
    }
    let load = start_part("load", "").peak_bytes;
    vec![
        Line::times(
            "load, validate and diff 100,000 topics (floor: the same parser into plain structs)",
            ours,
            floor,
            "≤ 2",
        ),
        Line::numbers(
            "peak memory of load and validate (floor: the text itself)",
            "MiB",
            load / 1048576.0,
            text_bytes / 1048576.0,
            "",
        ),
        Line::numbers(
            "peak memory with diff, the server's 100,000 topics included (floor: the text itself)",
            "MiB",
            memory / 1048576.0,
            text_bytes / 1048576.0,
            "≤ 5",
        ),
    ]
}

pub(crate) fn run_part(part: &str) {
    let text = manifest(100, 1000, 3);
    let bytes = text.len();
    let time = if part == "ours" || part == "load" {
        ours(text, part == "ours")
    } else {
        let started = Instant::now();
        let parsed: PlainManifest =
            serde_saphyr::from_str_with_options(&text, serde_saphyr::options! { budget: None })
                .expect("a valid manifest");
        let topics: usize = parsed.spec.streams.iter().map(|s| s.topics.len()).sum();
        assert_eq!(topics, 100_000);
        started.elapsed()
    };
    println!("{} {} {bytes}", time.as_secs_f64(), peak_memory());
}

fn ours(text: String, with_diff: bool) -> Duration {
    let started = Instant::now();
    let source = SourceFile::new("bench.yaml", text.into_bytes());
    let desired = compile(std::slice::from_ref(&source), &Variables::default())
        .expect("a valid manifest")
        .state;
    // As the program does: the text is needed until it is validated.
    drop(source);
    let compiled = started.elapsed();
    if !with_diff {
        return compiled;
    }
    // The other side of the comparison is the server's, so making it is not counted.
    let observed = as_observed(&desired);
    let started = Instant::now();
    let changes = diff(&desired, &observed);
    assert!(changes.changes.is_empty());
    compiled + started.elapsed()
}

fn as_observed(desired: &DesiredState) -> ObservedState {
    let topic = |(name, topic): (
        &iggyctl_core::name::ResourceName,
        &iggyctl_core::state::desired::DesiredTopic,
    )| {
        (
            name.clone(),
            ObservedTopic {
                id: 0,
                created_at_micros: 0,
                partitions: topic.partitions.unwrap_or(1),
                settings: topic.settings,
                size_bytes: 0,
                messages: 0,
                groups: None,
            },
        )
    };
    ObservedState {
        streams: desired
            .streams
            .iter()
            .map(|(name, stream)| {
                (
                    name.clone(),
                    ObservedStream {
                        id: 0,
                        created_at_micros: 0,
                        size_bytes: 0,
                        messages: 0,
                        topics: stream.topics.iter().map(topic).collect::<BTreeMap<_, _>>(),
                    },
                )
            })
            .collect(),
        ..ObservedState::default()
    }
}
