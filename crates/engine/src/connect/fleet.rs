use std::time::{Duration, Instant};

use super::pool::{Connect, ConnectionPool};

/// Decides how many connections a piece of work is worth.
///
/// A connection carries one request at a time: the SDK holds a lock over write
/// and read, and the server drains one request after the other. More at once
/// needs more connections, and each costs a login, 30 to 60 ms of hashing on the
/// server. So nothing is guessed: the work starts on one connection, and their
/// number is doubled only while what is left, at the pace that was measured,
/// takes long enough to pay for the logins, and while the last doubling helped.
#[derive(Debug)]
pub(crate) struct Fleet {
    growth: Growth,
    limit: usize,
    connect_time: Duration,
    /// Connections in use, idle in the hands of the work, or being opened.
    connections: usize,
    /// Those of them that are being opened.
    opening: usize,
    /// What was done since the number of connections last changed.
    since: Instant,
    completed: u32,
    shortest: Option<Duration>,
    /// Time per request before the last doubling.
    former_pace: Option<Duration>,
}

/// What kind of work it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Growth {
    /// Reads are answered side by side.
    Reads,
    /// Writes all go through one log of the server, one after the other, so only
    /// the way there and back can overlap.
    Writes,
}

/// Doubling must save this many times what a login costs: the pace is measured
/// on few requests, and a login also loads the server.
const PAYBACK: u32 = 2;

/// A login that was faster than this (a token, a server without hashing) still
/// counts as much: it is several round trips, a session and a socket, and on a
/// real server it takes 30 to 60 ms of its processor, which others share.
const CHEAPEST_LOGIN: Duration = Duration::from_millis(30);

/// A write of metadata takes a server 0.7 to 2.8 ms, and eight connections did
/// not make it faster than one. What takes longer than this even at its fastest
/// is mostly the way there and back, which overlaps.
const SLOW_WRITE: Duration = Duration::from_millis(6);

/// Requests per connection to measure before deciding anything.
const SAMPLE: usize = 4;

impl Fleet {
    /// For work that starts by opening one connection of `pool`.
    pub(crate) fn new<C: Connect>(pool: &ConnectionPool<C>, growth: Growth) -> Self {
        Self {
            growth,
            limit: pool.limit(),
            // Before the first login of this pool nothing is known: the upper
            // end of what was measured on a server of this machine.
            connect_time: pool.connect_time().unwrap_or(Duration::from_millis(60)),
            connections: 1,
            opening: 1,
            since: Instant::now(),
            completed: 0,
            shortest: None,
            former_pace: None,
        }
    }

    /// A request took this long.
    pub(crate) fn completed(&mut self, latency: Duration) {
        self.completed += 1;
        self.shortest = Some(self.shortest.map_or(latency, |other| other.min(latency)));
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

    /// A connection could not be opened: from now on make do with the others.
    pub(crate) fn refused(&mut self) {
        self.opening = self.opening.saturating_sub(1);
        self.lost();
        self.limit = self.connections.max(1);
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
        let fast_writes = self.shortest.is_some_and(|shortest| shortest < SLOW_WRITE);
        if self.growth == Growth::Writes && fast_writes {
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
        if saved < self.connect_time.max(CHEAPEST_LOGIN) * PAYBACK {
            return 0;
        }
        self.former_pace = Some(pace);
        self.connections.min(self.limit - self.connections)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(growth: Growth) -> Fleet {
        Fleet {
            growth,
            limit: 8,
            connect_time: Duration::from_millis(50),
            connections: 1,
            opening: 0,
            since: Instant::now(),
            completed: 0,
            shortest: None,
            former_pace: None,
        }
    }

    /// After `requests` requests that took `latency` each, on all connections.
    fn measured(fleet: &mut Fleet, latency: Duration, waiting: usize) -> usize {
        fleet.completed = 0;
        let requests = u32::try_from(SAMPLE * fleet.connections).unwrap();
        for _ in 0..requests {
            fleet.completed(latency);
        }
        let more = fleet.doubling(waiting, latency * requests);
        fleet.connections += more;
        more
    }

    #[test]
    fn few_reads_are_not_worth_a_login() {
        // 100 reads of 0.26 ms are done before the second login is.
        let fast = Duration::from_micros(260);
        assert_eq!(measured(&mut fleet(Growth::Reads), fast, 96), 0);
    }

    #[test]
    fn many_or_slow_reads_double_the_connections_while_that_helps() {
        let mut fleet = fleet(Growth::Reads);
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
        let mut fleet = fleet(Growth::Reads);
        assert_eq!(measured(&mut fleet, Duration::from_millis(4), 1000), 1);
        assert_eq!(measured(&mut fleet, Duration::from_millis(4), 1000), 0);
        assert_eq!(measured(&mut fleet, Duration::from_millis(1), 1_000_000), 0);
    }

    #[test]
    fn writes_to_a_near_server_stay_on_one_connection() {
        let mut near = fleet(Growth::Writes);
        assert_eq!(measured(&mut near, Duration::from_millis(3), 10_000), 0);
        let mut far = fleet(Growth::Writes);
        assert_eq!(measured(&mut far, Duration::from_millis(40), 100), 1);
    }

    #[test]
    fn without_any_connection_one_is_opened() {
        let mut fleet = fleet(Growth::Writes);
        fleet.lost();
        assert_eq!(fleet.grow(1), 1);
        assert_eq!(fleet.grow(1), 0);
    }
}
