/// Where a consumer begins in each partition.
///
/// A plain consumer with anything but [`Next`](Self::Next) begins there each time it is
/// made, whatever is stored. In a group, where partitions come and go, a stored offset
/// wins: this says where to begin in partitions that have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// After the stored offset; with the first message when there is none.
    #[default]
    Next,
    /// With the first message that is there.
    First,
    /// With the last message that is there; of a partition without any, with the first
    /// that comes.
    Last,
    /// With this offset, or the first one after it that is there.
    Offset(u64),
    /// With the first message that the server got at this time or later, in
    /// microseconds since the Unix epoch.
    Timestamp(u64),
}

/// Where the next poll of a partition begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    Offset(u64),
    Last,
    Timestamp(u64),
}

impl Start {
    /// With what is stored, if it is asked for.
    pub(super) fn position(self, stored: Option<u64>, stored_wins: bool) -> Position {
        match (self, stored) {
            (_, Some(stored)) if stored_wins || self == Self::Next => {
                Position::Offset(stored.saturating_add(1))
            }
            (Self::Next | Self::First, _) => Position::Offset(0),
            (Self::Last, _) => Position::Last,
            (Self::Offset(offset), _) => Position::Offset(offset),
            (Self::Timestamp(time), _) => Position::Timestamp(time),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_offset_wins_in_a_group_and_with_next() {
        assert_eq!(Start::Next.position(Some(4), false), Position::Offset(5));
        assert_eq!(Start::Next.position(None, true), Position::Offset(0));
        assert_eq!(Start::First.position(Some(4), false), Position::Offset(0));
        assert_eq!(Start::First.position(Some(4), true), Position::Offset(5));
        assert_eq!(Start::Last.position(None, true), Position::Last);
        assert_eq!(
            Start::Offset(7).position(Some(9), false),
            Position::Offset(7)
        );
        assert_eq!(
            Start::Timestamp(7).position(None, true),
            Position::Timestamp(7)
        );
    }
}
