//! How long thousands of objects take, and what they cost: figures for
//! docs/performance.md. Runs where `IGGYCTL_TEST_SCALE` says how many topics.

mod floor;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::Laboratory;

/// How many topics to measure with, or why not.
pub(crate) fn topics() -> Result<usize, String> {
    let asked = std::env::var("IGGYCTL_TEST_SCALE");
    let asked = asked.map_err(|_| "IGGYCTL_TEST_SCALE is not set".to_owned())?;
    asked
        .parse()
        .map_err(|_| format!("IGGYCTL_TEST_SCALE={asked} is no number"))
}

/// A server has at most 4,096 topics in a stream.
const IN_A_STREAM: usize = 500;

/// Twelve of five minutes, the usual one, moved over.
const INTERVALS: u64 = 12;

/// In kB: 150 MB.
const MOST_MEMORY: u64 = 150_000;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// An object for each topic: until all are ready, and then in rest.
pub(crate) fn of_topics(plane: &ControlPlane) -> Result<(), Failure> {
    // Before it takes minutes.
    plane.is_audited()?;
    let count = topics()?;
    let mut laboratory = Laboratory::without_operator(plane)?;
    laboratory.connect_server()?;
    let streams = count.div_ceil(IN_A_STREAM);
    let stream = |number: usize| {
        format!(
            "---\napiVersion: iggyctl.dev/v1alpha1\nkind: IggyStream\nmetadata: {{ name: s-{number} }}\n\
             spec: {{}}\n"
        )
    };
    let streams_manifests: String = (0..streams).map(stream).collect();
    laboratory.apply(&streams_manifests)?;
    let topic = |number: usize| {
        format!(
            "---\napiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopic\nmetadata: {{ name: t-{number} }}\n\
             spec: {{ stream: s-{}, partitions: 1, messageExpiry: 7d }}\n",
            number / IN_A_STREAM
        )
    };
    let began = Instant::now();
    let mut all = streams_manifests;
    for chunk in (0..count).collect::<Vec<_>>().chunks(500) {
        let manifests: String = chunk.iter().map(|number| topic(*number)).collect();
        let arguments = ["create", "-n", &laboratory.namespace, "-f", "-"];
        plane.succeed(&arguments, &manifests)?;
        all.push_str(&manifests);
    }
    let created = began.elapsed();
    laboratory.server().requests().reset();
    let began = Instant::now();
    laboratory.start_operator()?;
    // The server object is written at the end of a round. A list of all objects would take
    // more from the API server than the operator does.
    while laboratory.get("igs/default")?["status"]["dependants"] != count + streams {
        if began.elapsed() > PATIENCE {
            return Err(format!("not ready: {}", laboratory.log()).into());
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    let converged = began.elapsed();
    // Events are told beside everything else.
    let told = |asked: &BTreeMap<String, usize>| asked.get("create").copied().unwrap_or(0);
    while told(&plane.requests_of(&laboratory.namespace, "operator")?) < count + streams {
        if began.elapsed() > PATIENCE {
            return Err(format!("not told: {}", laboratory.log()).into());
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    let all_told = began.elapsed();
    let ready = laboratory.ready_count("igt")?;
    if ready != count {
        return Err(format!("{ready} are ready: {}", laboratory.log()).into());
    }
    let requests = laboratory.server().requests().total();
    let memory = laboratory.memory_kilobytes()?;
    let asked = plane.requests_of(&laboratory.namespace, "operator")?;
    let written = laboratory.writes_to_kubernetes()?;
    // In rest: an hour of the usual interval.
    let versions = laboratory.resource_versions("igt,igs")?;
    laboratory.interval()?;
    laboratory.server().requests().reset();
    for _ in 0..INTERVALS {
        laboratory.interval()?;
    }
    let reads = laboratory.server().requests().total();
    let after = laboratory.resource_versions("igt,igs")?;
    let written_in_rest = laboratory.writes_to_kubernetes()? - written;
    #[allow(clippy::print_stdout, reason = "the figures are what it is for")]
    let () = println!(
        "{count} topics: {:.1} s to create the objects, {:.1} s to converge ({:.1} s until all events were told), {requests} requests to \
         Iggy, {asked:?} to Kubernetes, {memory} kB at most; {INTERVALS} intervals in rest: {reads} \
         requests to Iggy, {written_in_rest} writes to Kubernetes",
        created.as_secs_f64(),
        converged.as_secs_f64(),
        all_told.as_secs_f64(),
    );
    if memory > MOST_MEMORY {
        return Err(format!("{memory} kB of memory").into());
    }
    // Each stream once, and a few of the server itself.
    let most = INTERVALS * (streams as u64 + 5);
    if reads > most {
        return Err(format!("{reads} requests to Iggy in {INTERVALS} intervals").into());
    }
    laboratory.kill_operator();
    let by_hand = floor::command_line(&all)?.as_secs_f64();
    let (statuses, took) = floor::statuses(plane, &laboratory.namespace)?;
    let took = took.as_secs_f64();
    // The goal may be read in two ways.
    let converged = converged.as_secs_f64();
    let (both, applied) = ((by_hand + took) * 1.5, by_hand * 1.5 + took);
    #[allow(clippy::print_stdout, reason = "the figures are what it is for")]
    let () = println!(
        "by themselves: {by_hand:.1} s for `iggyctl apply` of the same, {took:.1} s for {statuses} \
         statuses; to converge took {:.2} x of 1.5 times both ({both:.1} s), and {:.2} x of 1.5 \
         times the former and once the latter ({applied:.1} s)",
        converged / both,
        converged / applied,
    );
    if versions != after || written_in_rest > 0 {
        let before: Vec<&str> = versions.split_whitespace().collect();
        let written = after.split_whitespace().filter(|it| !before.contains(it));
        let written: Vec<&str> = written.take(5).collect();
        return Err(format!("written in rest: {written:?}").into());
    }
    Ok(())
}
