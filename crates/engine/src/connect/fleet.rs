use std::time::Duration;

use super::pool::{Connect, ConnectionPool};

/// Decides how many connections a piece of work is worth.
///
/// A connection carries one request at a time: the SDK holds a lock over write
/// and read, and the server drains one request after the other. More at once
/// needs more connections, and each costs a login, 30 to 60 ms of hashing on the
/// server. So nothing is guessed: the first connection starts to work, and
/// another one is opened only when what is left, at the pace measured so far,
/// takes longer than the login that was measured.
#[derive(Debug)]
pub(crate) struct Fleet {
    growth: Growth,
    limit: usize,
    connect_time: Duration,
    /// Connections in use, idle in the hands of the work, or being opened.
    connections: usize,
    completed: u32,
    total_latency: Duration,
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

/// A connection must save this many times what it costs: the pace is measured
/// on few requests, and a login also loads the server.
const PAYBACK: u32 = 2;

/// A login that was faster than this (a token, a server without hashing) still
/// counts as much: it is several round trips, a session and a socket.
const CHEAPEST_LOGIN: Duration = Duration::from_millis(10);

/// A write of metadata takes a server 0.7 to 2.8 ms, and eight connections did
/// not make it faster than one. What takes longer than this is mostly the way
/// there and back, which overlaps.
const SLOW_WRITE: Duration = Duration::from_millis(6);

/// Requests to measure before deciding anything.
const SAMPLE: u32 = 4;

impl Fleet {
    /// For work that starts with one connection of `pool`.
    pub(crate) fn new<C: Connect>(pool: &ConnectionPool<C>, growth: Growth) -> Self {
        Self {
            growth,
            limit: pool.limit(),
            // Before the first login of this pool nothing is known: the upper
            // end of what was measured on a server of this machine.
            connect_time: pool.connect_time().unwrap_or(Duration::from_millis(60)),
            connections: 1,
            completed: 0,
            total_latency: Duration::ZERO,
        }
    }

    /// A request took this long.
    pub(crate) fn completed(&mut self, latency: Duration) {
        self.completed += 1;
        self.total_latency += latency;
    }

    /// A connection is lost.
    pub(crate) fn lost(&mut self) {
        self.connections = self.connections.saturating_sub(1);
    }

    /// A connection was opened, and its login is the newest measure.
    pub(crate) fn opened(&mut self, connect_time: Option<Duration>) {
        self.connect_time = connect_time.unwrap_or(self.connect_time);
    }

    /// A connection could not be opened: from now on make do with the others.
    pub(crate) fn refused(&mut self) {
        self.lost();
        self.limit = self.connections.max(1);
    }

    /// Whether there is none left, and none is being opened.
    pub(crate) fn is_empty(&self) -> bool {
        self.connections == 0
    }

    /// How many connections to open now, with `waiting` requests not yet sent;
    /// counts them as open.
    pub(crate) fn grow(&mut self, waiting: usize) -> usize {
        if self.connections == 0 && waiting > 0 {
            self.connections = 1;
            return 1;
        }
        if self.completed < SAMPLE || self.connections >= self.limit {
            return 0;
        }
        let latency = self.total_latency / self.completed;
        if self.growth == Growth::Writes && latency < SLOW_WRITE {
            return 0;
        }
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        let left = latency.saturating_mul(waiting);
        let cost = self.connect_time.max(CHEAPEST_LOGIN) * PAYBACK;
        // With n connections the rest takes left / n: worth it while each of
        // them has more to do than it cost.
        let worth = usize::try_from(left.as_micros() / cost.as_micros()).unwrap_or(usize::MAX);
        let target = worth.min(self.limit);
        let more = target.saturating_sub(self.connections);
        self.connections += more;
        more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(growth: Growth, latency: Duration) -> Fleet {
        Fleet {
            growth,
            limit: 8,
            connect_time: Duration::from_millis(50),
            connections: 1,
            completed: SAMPLE,
            total_latency: latency * SAMPLE,
        }
    }

    #[test]
    fn few_reads_are_not_worth_a_login() {
        // 100 reads of 0.26 ms are done before the second login is.
        assert_eq!(fleet(Growth::Reads, Duration::from_micros(260)).grow(96), 0);
    }

    #[test]
    fn many_or_slow_reads_are() {
        let fast = Duration::from_micros(260);
        assert_eq!(fleet(Growth::Reads, fast).grow(1_000), 1);
        assert_eq!(fleet(Growth::Reads, fast).grow(10_000), 7);
        assert_eq!(fleet(Growth::Reads, Duration::from_millis(40)).grow(10), 3);
    }

    #[test]
    fn writes_to_a_near_server_stay_on_one_connection() {
        assert_eq!(
            fleet(Growth::Writes, Duration::from_millis(3)).grow(10_000),
            0
        );
        assert_eq!(
            fleet(Growth::Writes, Duration::from_millis(40)).grow(100),
            7
        );
    }

    #[test]
    fn without_any_connection_one_is_opened() {
        let mut fleet = fleet(Growth::Writes, Duration::ZERO);
        fleet.lost();
        assert_eq!(fleet.grow(1), 1);
        assert_eq!(fleet.grow(1), 0);
    }
}
