//! Messages through `iggyctl produce` and `iggyctl consume` on a server that keeps its
//! state in a folder, while the server, the producer and the consumer are each killed
//! (SIGKILL) three times at random moments: nothing is lost, keys keep their order, and
//! what comes twice is counted.
//!
//! `IGGYCTL_TEST_MESSAGES=1000000 IGGYCTL_TEST_PROGRAM=$PWD/target/release/iggyctl cargo test
//! --test killed_traffic -- --nocapture` for a million with an optimised program. `IGGYCTL_TEST_SEED` repeats the choice of the moments.

#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test ends at the first surprise, and says what it counted"
)]

mod processes;
mod verdict;

use std::time::{Duration, Instant};

use processes::{Lab, Victim};
use verdict::Verdict;

/// So many that every kill comes in the middle of something.
const DEFAULT_MESSAGES: u64 = 60_000;

/// Of each process.
const KILLS: usize = 3;

/// Without progress for so long, something hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A small generator (xorshift), so that a seed repeats a run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

#[test]
fn nothing_is_lost_and_keys_keep_their_order() {
    let messages = variable("IGGYCTL_TEST_MESSAGES").unwrap_or(DEFAULT_MESSAGES);
    let seed = variable("IGGYCTL_TEST_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH);
        u64::from(since.expect("a clock").subsec_nanos()) | 1
    });
    println!("{messages} messages, IGGYCTL_TEST_SEED={seed}");
    let mut random = Random(seed.max(1));
    let started = Instant::now();
    let mut lab = Lab::new(messages);

    // When what was read reaches these numbers, somebody is killed.
    let mut kills: Vec<(u64, Victim)> = [Victim::Server, Victim::Producer, Victim::Consumer]
        .into_iter()
        .flat_map(|victim| std::iter::repeat_n(victim, KILLS))
        .map(|victim| {
            // The producer is ahead of the consumer, and is to be met at work.
            let part = match victim {
                Victim::Producer => messages / 3,
                Victim::Server | Victim::Consumer => messages * 4 / 5,
            };
            (1 + random.below(part), victim)
        })
        .collect();
    kills.sort_unstable_by_key(|(at, _)| *at);
    let mut kills = kills.into_iter().peekable();

    let mut at_work = 0;
    let mut last = (0, Instant::now());
    while lab.read() < messages {
        lab.check();
        let read = lab.read();
        if read > last.0 {
            last = (read, Instant::now());
        }
        assert!(
            last.1.elapsed() < PATIENCE,
            "{read} of {messages} read, and no more comes (seed {seed})\n{}",
            lab.logs()
        );
        while let Some((at, victim)) = kills.next_if(|(at, _)| *at <= read) {
            let was_at_work = lab.kill(victim);
            at_work += usize::from(was_at_work);
            let what = match was_at_work {
                true => "killed",
                false => "done already:",
            };
            println!("{read:>9} read (due at {at}): {what} the {victim:?}");
        }
        std::thread::yield_now();
    }
    assert!(kills.next().is_none(), "everybody was killed");
    // The producer may be done before its turn comes, but not each time.
    assert!(at_work > 2 * KILLS, "the producer was never killed at work");
    let Verdict {
        distinct,
        twice_sent,
        twice_read,
        lost,
        out_of_order,
    } = lab.finish();
    println!(
        "{distinct} of {messages} arrived in {:.1} s; {twice_sent} were sent twice, {twice_read} \
         read twice, {} lost, {} out of order",
        started.elapsed().as_secs_f64(),
        lost.len(),
        out_of_order.len()
    );
    assert_eq!(lost, [] as [String; 0], "seed {seed}");
    assert_eq!(out_of_order, [] as [String; 0], "seed {seed}");
    assert_eq!(distinct, messages);
    // At least once allows what was on its way at a kill: of the producer, what it had
    // sent since it wrote its state, and one batch for each lost answer; of the
    // consumer, what it held.
    let (sent_most, read_most) = (lab.most_sent_twice(KILLS), lab.most_read_twice(KILLS));
    assert!(
        twice_sent <= sent_most,
        "{twice_sent} > {sent_most}, seed {seed}"
    );
    assert!(
        twice_read <= read_most,
        "{twice_read} > {read_most}, seed {seed}"
    );
}
