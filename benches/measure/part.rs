//! Parts that run in a process of their own, so that their peak memory is their own.

use std::process::Command;
use std::time::Duration;

/// What a part says of itself.
pub(crate) struct Part {
    pub(crate) time: Duration,
    pub(crate) peak_bytes: f64,
    /// How much it worked on.
    pub(crate) text_bytes: f64,
}

/// Runs one side in a process of its own, so that its peak memory is its own.
pub(crate) fn start_part(part: &str, argument: &str) -> Part {
    let output = Command::new(std::env::current_exe().expect("this program"))
        .env("IGGYCTL_BENCH_PART", part)
        .env("IGGYCTL_BENCH_ARGUMENT", argument)
        .output()
        .expect("the part runs");
    assert!(output.status.success(), "{part} ends well");
    let text = String::from_utf8(output.stdout).expect("text");
    let numbers: Vec<f64> = text
        .split_whitespace()
        .map(|number| number.parse().expect("a number"))
        .collect();
    Part {
        time: Duration::from_secs_f64(numbers[0]),
        peak_bytes: numbers[1],
        text_bytes: numbers[2],
    }
}

/// The most memory that this process had, in bytes; the kernel counts it.
pub(crate) fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|line| line.split_whitespace().next())
        .and_then(|kilobytes| kilobytes.parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes * 1024)
}
