use std::time::Duration;

use tokio::time::Instant;

use super::pool::{Connect, ConnectionPool};

/// Decides how many connections a piece of work is worth.
///
/// A connection carries one request at a time: the SDK holds a lock over write
/// and read, and the server drains one request after the other. More at once
/// needs more connections, and each costs a login, 30 to 60 ms of hashing on the
/// server. So nothing is guessed: the work starts on one connection, and their
/// number is doubled only while what is left, at the pace that was measured,
/// takes long enough to pay for the logins, and while the last doubling helped.
/// For writes of metadata it often does not: a real server puts them all through
/// one log, and that is found out at the price of one login.
#[derive(Debug)]
pub(crate) struct Fleet {
    limit: usize,
    connect_time: Duration,
    /// The least that a login counts.
    cheapest_login: Duration,
    /// Connections in use, idle in the hands of the work, or being opened.
    connections: usize,
    /// Those of them that are being opened.
    opening: usize,
    /// What was done since the number of connections last changed.
    since: Instant,
    completed: u32,
    /// Time per request before the last doubling.
    former_pace: Option<Duration>,
}

/// Doubling must save this many times what a login costs: the pace is measured
/// on few requests, and a login also loads the server.
const PAYBACK: u32 = 2;

/// A login that was faster than this (a token, a server without hashing) still
/// counts as much before a read: plans are made all day, by people and by CI,
/// and should load a server that others share as little as they can. An apply
/// is rare and somebody waits for it, so there only what was measured counts.
const CHEAPEST_LOGIN_TO_READ: Duration = Duration::from_millis(15);

/// Requests per connection to measure before deciding anything.
const SAMPLE: usize = 4;

impl Fleet {
    /// For reads, which start by opening one connection of `pool`.
    pub(crate) fn to_read<C: Connect>(pool: &ConnectionPool<C>) -> Self {
        Self::new(pool, CHEAPEST_LOGIN_TO_READ)
    }

    /// For writes, which start by opening one connection of `pool`.
    pub(crate) fn to_write<C: Connect>(pool: &ConnectionPool<C>) -> Self {
        Self::new(pool, Duration::ZERO)
    }

    fn new<C: Connect>(pool: &ConnectionPool<C>, cheapest_login: Duration) -> Self {
        Self {
            cheapest_login,
            limit: pool.limit(),
            // Before the first login of this pool nothing is known: the upper
            // end of what was measured on a server of this machine.
            connect_time: pool.connect_time().unwrap_or(Duration::from_millis(60)),
            connections: 1,
            opening: 1,
            since: Instant::now(),
            completed: 0,
            former_pace: None,
        }
    }

    /// A request is done.
    pub(crate) fn completed(&mut self) {
        self.completed += 1;
    }

    /// A connection was opened, and its login is the newest measure.
    pub(crate) fn opened(&mut self, connect_time: Option<Duration>) {
        self.connect_time = connect_time.unwrap_or(self.connect_time);
        self.opening = self.opening.saturating_sub(1);
        self.since = Instant::now();
        self.completed = 0;
    }

    /// A connection is lost.
    pub(crate) fn lost(&mut self) {
        self.connections = self.connections.saturating_sub(1);
    }

    /// A connection is lost, and no other one could be opened in its place: from
    /// now on make do with those that are left.
    pub(crate) fn lost_for_good(&mut self) {
        self.lost();
        self.limit = self.connections.max(1);
    }

    /// A connection could not be opened: from now on make do with the others.
    pub(crate) fn refused(&mut self) {
        self.opening = self.opening.saturating_sub(1);
        self.lost_for_good();
    }

    /// Whether there is none left, and none is being opened.
    pub(crate) fn is_empty(&self) -> bool {
        self.connections == 0
    }

    /// How many connections to open now, with `waiting` requests not yet sent;
    /// counts them as being opened.
    pub(crate) fn grow(&mut self, waiting: usize) -> usize {
        let more = if self.connections == 0 {
            usize::from(waiting > 0)
        } else {
            self.doubling(waiting, self.since.elapsed())
        };
        self.connections += more;
        self.opening += more;
        more
    }

    fn doubling(&mut self, waiting: usize, elapsed: Duration) -> usize {
        let measured = self.completed as usize >= SAMPLE * self.connections;
        if self.opening > 0 || !measured || self.connections >= self.limit {
            return 0;
        }
        let pace = elapsed / self.completed;
        // At best twice as fast; less than a quarter faster is not worth another.
        if self.former_pace.is_some_and(|former| pace * 5 > former * 4) {
            self.limit = self.connections;
            return 0;
        }
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        let saved = pace.saturating_mul(waiting) / 2;
        if saved <= self.connect_time.max(self.cheapest_login) * PAYBACK {
            return 0;
        }
        self.former_pace = Some(pace);
        self.connections.min(self.limit - self.connections)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet() -> Fleet {
        Fleet {
            limit: 8,
            connect_time: Duration::from_millis(50),
            cheapest_login: CHEAPEST_LOGIN_TO_READ,
            connections: 1,
            opening: 0,
            since: Instant::now(),
            completed: 0,
            former_pace: None,
        }
    }

    /// After `requests` requests that took `latency` each, on all connections.
    fn measured(fleet: &mut Fleet, latency: Duration, waiting: usize) -> usize {
        fleet.completed = 0;
        let requests = u32::try_from(SAMPLE * fleet.connections).unwrap();
        for _ in 0..requests {
            fleet.completed();
        }
        let more = fleet.doubling(waiting, latency * requests);
        fleet.connections += more;
        more
    }

    #[test]
    fn few_reads_are_not_worth_a_login() {
        // 100 reads of 0.26 ms are done before the second login is.
        let fast = Duration::from_micros(260);
        assert_eq!(measured(&mut fleet(), fast, 96), 0);
    }

    #[test]
    fn many_or_slow_reads_double_the_connections_while_that_helps() {
        let mut fleet = fleet();
        assert_eq!(measured(&mut fleet, Duration::from_millis(40), 100), 1);
        assert_eq!(measured(&mut fleet, Duration::from_millis(20), 90), 2);
        assert_eq!(measured(&mut fleet, Duration::from_millis(10), 80), 4);
        assert_eq!(
            measured(&mut fleet, Duration::from_millis(5), 80),
            0,
            "the limit"
        );
    }

    #[test]
    fn connections_that_do_not_help_are_the_last() {
        let mut fleet = fleet();
        assert_eq!(measured(&mut fleet, Duration::from_millis(4), 1000), 1);
        assert_eq!(measured(&mut fleet, Duration::from_millis(4), 1000), 0);
        assert_eq!(measured(&mut fleet, Duration::from_millis(1), 1_000_000), 0);
    }

    #[test]
    fn a_server_that_puts_everything_through_one_log_costs_one_login() {
        let mut fleet = fleet();
        assert_eq!(measured(&mut fleet, Duration::from_millis(3), 10_000), 1);
        // Two at once, and each takes twice as long: nothing was won.
        assert_eq!(measured(&mut fleet, Duration::from_millis(3), 9_990), 0);
        assert_eq!(measured(&mut fleet, Duration::from_millis(3), 9_000), 0);
    }

    #[test]
    fn a_cheap_login_counts_less_for_writes_than_for_reads() {
        let cheap = Duration::from_micros(500);
        let fast = Duration::from_micros(50);
        let mut reads = fleet();
        reads.connect_time = cheap;
        let mut writes = fleet();
        (writes.connect_time, writes.cheapest_login) = (cheap, Duration::ZERO);
        assert_eq!(measured(&mut reads, fast, 990), 0);
        assert_eq!(measured(&mut writes, fast, 990), 1);
    }

    #[test]
    fn without_any_connection_one_is_opened() {
        let mut fleet = fleet();
        fleet.lost();
        assert_eq!(fleet.grow(1), 1);
        assert_eq!(fleet.grow(1), 0);
    }
}
