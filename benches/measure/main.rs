//! `cargo bench`: one table, `name | ours | floor | ratio`, all in one run.
//!
//! The floor of a line is the least that anybody could do for the same effect:
//! the bare SDK making the minimal calls, the same parser into plain structs,
//! the start of an empty program. Both sides take turns, and the median of each
//! is shown, so a machine that is busy for a while slows both.
//! `cargo bench -- create` measures one part: start, plan, drift, create, plan-users, create-users,
//! review, messages, messages-memory or offline.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench ends at the first surprise, and its output is the table"
)]

mod drift;
mod messages;
mod offline;
mod part;
mod process;
mod review;
mod server;
mod topology;
mod users;

use std::time::Duration;

/// One line of the table.
pub(crate) struct Line {
    name: String,
    ours: String,
    floor: String,
    ratio: String,
    goal: &'static str,
}

impl Line {
    /// A line of times, the median of each.
    pub(crate) fn times(
        name: impl Into<String>,
        mut ours: Vec<Duration>,
        mut floor: Vec<Duration>,
        goal: &'static str,
    ) -> Self {
        let (ours, floor) = (median(&mut ours), median(&mut floor));
        Self {
            name: name.into(),
            ours: milliseconds(ours),
            floor: milliseconds(floor),
            ratio: format!("{:.2}", ours.as_secs_f64() / floor.as_secs_f64()),
            goal,
        }
    }

    /// A line of counts or sizes.
    pub(crate) fn numbers(
        name: impl Into<String>,
        unit: &str,
        ours: f64,
        floor: f64,
        goal: &'static str,
    ) -> Self {
        Self {
            name: name.into(),
            ours: format!("{ours:.0} {unit}"),
            floor: format!("{floor:.0} {unit}"),
            ratio: format!("{:.2}", ours / floor),
            goal,
        }
    }
}

/// A part that can be chosen: its name, and what measures it.
type Part = (&'static str, fn() -> Vec<Line>);

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn main() {
    // The parts that need a process of their own start this program again.
    if let Some(part) = std::env::var_os("IGGYCTL_BENCH_PART") {
        match part.to_string_lossy().as_ref() {
            "consume" => messages::run_part(&std::env::var("IGGYCTL_BENCH_ARGUMENT").expect("set")),
            part => offline::run_part(part),
        }
        return;
    }
    // Cargo gives `--bench`; what else is given chooses parts by name.
    let chosen: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let parts: [Part; 10] = [
        ("start", process::measure),
        ("plan", server::plan_without_changes),
        ("drift", drift::measure),
        ("create", server::create_topics),
        ("plan-users", users::plan_without_changes),
        ("create-users", users::create),
        ("review", review::measure),
        ("messages", messages::throughput),
        ("messages-memory", messages::memory),
        ("offline", offline::measure),
    ];
    let mut lines = Vec::new();
    for (name, measure) in parts {
        if chosen.is_empty() || chosen.iter().any(|chosen| chosen == name) {
            lines.extend(measure());
        }
    }
    println!("| name | ours | floor | ratio | goal |");
    println!("|---|---:|---:|---:|---|");
    for line in lines {
        println!(
            "| {} | {} | {} | {} | {} |",
            line.name, line.ours, line.floor, line.ratio, line.goal
        );
    }
}
