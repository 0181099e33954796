//! How much of a big topology is tried.

/// How many things are tried at most. What is left out is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Polls of real topics, for all accounts together.
    pub polls: usize,
    /// Topics of the copy.
    pub topics: usize,
    /// Partitions of the copy, of all its topics together.
    pub partitions: u32,
    /// Temporary users.
    pub users: usize,
    /// Messages that temporary users send, or must not be able to send.
    pub sends: usize,
    /// Groups to join.
    pub groups: usize,
}

impl Limits {
    /// A minute at most on a server that takes 3 ms to create a topic and 0.2 s to create
    /// a user with its first login.
    pub const USUAL: Self = Self {
        polls: 2_000,
        topics: 200,
        partitions: 2_000,
        users: 50,
        sends: 2_000,
        groups: 200,
    };

    /// None: each thing that is declared is tried.
    pub const NONE: Self = Self {
        polls: usize::MAX,
        topics: usize::MAX,
        partitions: u32::MAX,
        users: usize::MAX,
        sends: usize::MAX,
        groups: usize::MAX,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::USUAL
    }
}

/// At most `count` of the items, from the first to the last at even distances: the same
/// each time, and from all parts of a sorted list.
#[must_use]
pub fn spread<T>(items: Vec<T>, count: usize) -> Vec<T> {
    let length = items.len();
    if length <= count {
        return items;
    }
    let mut chosen = (0..count).map(|place| match count {
        0 | 1 => 0,
        // Never overflows: both factors are lengths of lists in memory.
        _ => (place as u128 * (length as u128 - 1) / (count as u128 - 1)) as usize,
    });
    let mut next = chosen.next();
    let mut kept = Vec::with_capacity(count);
    for (index, item) in items.into_iter().enumerate() {
        if next == Some(index) {
            kept.push(item);
            next = chosen.next();
        }
    }
    kept
}

/// How much of a budget each of several lists gets: what short ones do not need goes to
/// the others, and each that has something gets at least one.
#[must_use]
pub(super) fn share(lengths: &[usize], budget: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|index| lengths[*index]);
    let mut left = budget;
    let mut shares = vec![0; lengths.len()];
    for (done, index) in order.into_iter().enumerate() {
        let fair = (left / (lengths.len() - done)).max(1);
        shares[index] = lengths[index].min(fair);
        left = left.saturating_sub(shares[index]);
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_chosen_is_spread_over_all() {
        let items = |count: usize| -> Vec<usize> { (0..count).collect() };
        assert_eq!(spread(items(3), 5), [0, 1, 2]);
        assert_eq!(spread(items(10), 4), [0, 3, 6, 9]);
        assert_eq!(spread(items(10), 1), [0]);
        assert_eq!(spread(items(10), 0), [0; 0]);
        assert_eq!(spread(items(100_000), 200).len(), 200);
        assert_eq!(spread(items(100_000), 200).last(), Some(&99_999));
    }

    #[test]
    fn short_lists_leave_their_share_to_the_others() {
        assert_eq!(share(&[1, 100, 3], 24), [1, 20, 3]);
        assert_eq!(share(&[5, 5], 100), [5, 5]);
        assert_eq!(
            share(&[9, 9, 9], 2),
            [1, 1, 1],
            "each is tried at least once"
        );
        assert_eq!(share(&[0, 9], 4), [0, 4]);
        assert_eq!(share(&[], 4), [0; 0]);
    }
}
