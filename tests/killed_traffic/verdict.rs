//! What became of the messages.

use std::collections::HashMap;

use crate::processes::KEYS;

#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// How many different ones were read.
    pub(crate) distinct: u64,
    /// Stored more than once.
    pub(crate) twice_sent: u64,
    /// Read more often than they are stored.
    pub(crate) twice_read: u64,
    /// Never read; the first few.
    pub(crate) lost: Vec<String>,
    /// First read after a later one of their key; the first few.
    pub(crate) out_of_order: Vec<String>,
}

const SHOWN: usize = 10;

/// Compares what was read with what is stored, and with what there is to be.
pub(crate) fn judge(read: &str, stored: &[&str], messages: u64) -> Verdict {
    let mut verdict = Verdict {
        twice_sent: u64::try_from(stored.len())
            .unwrap()
            .saturating_sub(messages),
        ..Verdict::default()
    };
    // Per key: how many of its sequence were read, and the highest one.
    let mut seen: HashMap<&str, Vec<bool>> = HashMap::new();
    let mut highest: HashMap<&str, usize> = HashMap::new();
    let mut lines = 0;
    for line in read.lines() {
        lines += 1;
        let (key, sequence) = line.split_once(' ').expect("a key and a number");
        let sequence: usize = sequence.parse().expect("a number");
        let its = seen.entry(key).or_default();
        if its.len() <= sequence {
            its.resize(sequence + 1, false);
        }
        if std::mem::replace(&mut its[sequence], true) {
            continue;
        }
        verdict.distinct += 1;
        let before = highest.entry(key).or_insert(sequence);
        if *before > sequence && verdict.out_of_order.len() < SHOWN {
            verdict
                .out_of_order
                .push(format!("{line} came after {before}"));
        }
        *before = (*before).max(sequence);
    }
    let stored_twice = verdict.twice_sent;
    verdict.twice_read = u64::try_from(lines)
        .map_or(0, |lines: u64| lines.saturating_sub(verdict.distinct))
        .saturating_sub(stored_twice);
    for number in 0..messages {
        let key = format!("k{}", number % KEYS);
        let sequence = usize::try_from(number / KEYS).expect("a number");
        let is_read = seen
            .get(key.as_str())
            .and_then(|its| its.get(sequence))
            .is_some_and(|read| *read);
        if !is_read && verdict.lost.len() < SHOWN {
            verdict.lost.push(format!("{key} {sequence}"));
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_doubled_and_out_of_order_is_seen() {
        let verdict = judge("k0 0\nk0 1\n", &["k0 0", "k0 1"], 1);
        assert!(verdict.lost.is_empty() && verdict.out_of_order.is_empty());
        let lost = judge("k0 0\nk0 1\n", &[], KEYS + 1);
        assert_eq!(lost.lost.len(), SHOWN, "k1 to k99 are missing");
        let turned = judge("k0 1\nk0 0\n", &[], 0);
        assert_eq!(turned.out_of_order, ["k0 0 came after 1"]);
        let twice = judge("k0 0\nk0 0\nk0 0\n", &["k0 0", "k0 0"], 1);
        assert_eq!((twice.twice_sent, twice.twice_read), (1, 1));
    }
}
