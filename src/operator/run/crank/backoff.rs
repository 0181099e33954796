//! When what failed is tried again: each object waits for itself, so that one which fails for long
//! makes nobody else wait.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::operator::model::Object;

/// The first wait after a failure; it doubles with each further one.
pub(super) const FIRST: Duration = Duration::from_secs(1);

/// The longest wait after a failure.
const LAST: Duration = Duration::from_secs(5 * 60);

/// Who failed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Failing {
    /// What is for all objects of the server.
    Server,
    /// An object, by its uid, with the generation of its spec: a new spec is a new attempt.
    Object(String, i64),
}

impl Failing {
    pub(super) fn of(object: &Object) -> Self {
        Self::Object(object.uid.clone(), object.generation)
    }
}

#[derive(Debug)]
struct Wait {
    failures: u32,
    until: Timestamp,
}

/// Who waits, and until when.
#[derive(Debug, Default)]
pub(super) struct Backoffs {
    waits: BTreeMap<Failing, Wait>,
}

impl Backoffs {
    /// Takes in who failed just now, and returns how long nobody needs to try again. Whoever is not
    /// among them does not fail any more. One that was tried before its time, since others were,
    /// waits on as it did.
    pub(super) fn failed(&mut self, failing: BTreeSet<Failing>, now: Timestamp) -> Duration {
        self.waits.retain(|who, _| failing.contains(who));
        for who in failing {
            let failures = match self.waits.get(&who) {
                Some(wait) if wait.until > now => continue,
                Some(wait) => wait.failures.saturating_add(1),
                None => 0,
            };
            let wait = super::jittered(FIRST.saturating_mul(1 << failures.min(16)).min(LAST));
            let until = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
            self.waits.insert(who, Wait { failures, until });
        }
        let next = self.waits.values().map(|wait| wait.until).min();
        let rest = next.map(|until| Duration::try_from(until.duration_since(now)));
        rest.and_then(Result::ok).unwrap_or(FIRST)
    }

    /// Nobody fails any more.
    pub(super) fn clear(&mut self) {
        self.waits.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(uid: &str) -> Failing {
        Failing::Object(uid.to_owned(), 1)
    }

    fn around(wait: Duration, seconds: u64) -> bool {
        let wait = wait.as_secs_f64() / Duration::from_secs(seconds).as_secs_f64();
        (0.85..=1.15).contains(&wait)
    }

    #[test]
    fn it_waits_ever_longer_and_five_minutes_at_most() {
        let mut backoffs = Backoffs::default();
        let mut now = Timestamp::UNIX_EPOCH;
        for expected in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            let wait = backoffs.failed([object("a")].into(), now);
            assert!(around(wait, expected), "{wait:?} {expected}");
            now += wait;
        }
        // A new spec is tried again soon.
        let wait = backoffs.failed([Failing::Object("a".to_owned(), 2)].into(), now);
        assert!(around(wait, 1), "{wait:?}");
    }

    #[test]
    fn one_that_fails_for_long_makes_nobody_wait() {
        let mut backoffs = Backoffs::default();
        let mut now = Timestamp::UNIX_EPOCH;
        for _ in 0..8 {
            now += backoffs.failed([object("old")].into(), now);
        }
        // In the middle of the long wait another one fails, and comes to rest.
        let waits = backoffs.failed([object("old")].into(), now);
        assert!(around(waits, 256), "{waits:?}");
        now += Duration::from_secs(10);
        for expected in [1, 2, 4] {
            let wait = backoffs.failed([object("old"), object("new")].into(), now);
            assert!(around(wait, expected), "{wait:?} {expected}");
            now += wait;
        }
        let wait = backoffs.failed([object("old")].into(), now);
        assert!(around(wait, 256 - 17), "{wait:?}");
    }
}
