//! Which of its two names an access token has now, and which comes next.

use crate::access::TokenSlot;
use crate::diff::change::{Revocation, RevocationReason, TokenCause};
use crate::state::observed_token::{ObservedToken, TokenRecord};

/// The two tokens of the server that a declared one can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slots {
    pub(super) first: Option<ObservedToken>,
    pub(super) second: Option<ObservedToken>,
    /// Microseconds since the Unix epoch.
    pub(super) now: u64,
}

impl Slots {
    fn get(&self, slot: TokenSlot) -> Option<ObservedToken> {
        match slot {
            TokenSlot::First => self.first,
            TokenSlot::Second => self.second,
        }
    }

    /// Whether it lets somebody in.
    fn is_live(&self, slot: TokenSlot) -> bool {
        self.remaining(slot).is_some_and(|remaining| remaining > 0)
    }

    /// How long it still lets somebody in, in microseconds.
    fn remaining(&self, slot: TokenSlot) -> Option<u64> {
        let ends = self.get(slot)?.expires_at_micros;
        Some(ends.map_or(u64::MAX, |ends| ends.saturating_sub(self.now)))
    }

    fn any_is_live(&self) -> bool {
        TokenSlot::ALL.into_iter().any(|slot| self.is_live(slot))
    }
}

/// What is to be done about a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rotation {
    /// Nothing: the one that was delivered is valid.
    Current,
    /// Nothing by itself: the server has a valid one, and it is not here.
    Elsewhere { is_due: bool },
    /// Something.
    Change(Change),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) cause: TokenCause,
    /// What frees the name that the new one gets.
    pub(super) revoke_first: Option<Revocation>,
    pub(super) create: Option<TokenSlot>,
    /// What is no longer needed when the new one is delivered.
    pub(super) revoke_after: Option<Revocation>,
}

/// What is there, what was delivered, and what was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation<'a> {
    pub(super) slots: Slots,
    pub(super) record: Option<&'a TokenRecord>,
    /// How long before its end it is replaced, in microseconds.
    pub(super) rotate_before: u64,
    /// Somebody named it on the command line.
    pub(super) is_requested: bool,
}

impl Situation<'_> {
    pub(super) fn rotation(self) -> Rotation {
        if let Some(pending) = self.record.and_then(|record| record.pending) {
            return Rotation::Change(self.replace_pending(pending));
        }
        match self.delivered() {
            Some(slot) if self.slots.is_live(slot) => self.of_live(slot),
            delivered => self.of_none(delivered),
        }
    }

    /// The one whose value is where it belongs.
    fn delivered(self) -> Option<TokenSlot> {
        let record = self.record.filter(|record| record.has_value)?;
        record.delivered.map(|delivered| delivered.slot)
    }

    /// It was about to be created, and nobody has its value.
    fn replace_pending(self, pending: TokenSlot) -> Change {
        let before = pending.other();
        let is_revoked = self.is_requested || self.to_revoke() == Some(before);
        Change {
            cause: TokenCause::NotDelivered,
            revoke_first: self.frees(pending, RevocationReason::NotDelivered),
            create: Some(pending),
            revoke_after: self.successor_revokes(before).filter(|_| is_revoked),
        }
    }

    fn of_live(self, slot: TokenSlot) -> Rotation {
        let is_due = self
            .slots
            .remaining(slot)
            .is_some_and(|remaining| remaining <= self.rotate_before);
        let other = slot.other();
        if !self.is_requested && !is_due {
            // What was asked for when its successor was begun still holds. Also
            // when it is done and only the note is left: that would later revoke
            // whatever somebody creates by this name.
            let left = self.to_revoke().filter(|revoked| *revoked == other);
            return match left {
                None => Rotation::Current,
                Some(left) => Rotation::Change(Change {
                    cause: TokenCause::PredecessorLeft,
                    revoke_first: None,
                    create: None,
                    revoke_after: Some(Revocation {
                        slot: left,
                        reason: RevocationReason::Predecessor,
                        found: self.slots.get(left),
                    }),
                }),
            };
        }
        Rotation::Change(Change {
            cause: match self.is_requested {
                true => TokenCause::Requested,
                false => TokenCause::EndsSoon,
            },
            revoke_first: self.frees(other, RevocationReason::Predecessor),
            create: Some(other),
            revoke_after: self.successor_revokes(slot).filter(|_| self.is_requested),
        })
    }

    /// Nothing that was delivered here is valid.
    fn of_none(self, delivered: Option<TokenSlot>) -> Rotation {
        if !self.is_requested && self.slots.any_is_live() {
            let is_due = TokenSlot::ALL.into_iter().all(|slot| {
                self.slots
                    .remaining(slot)
                    .is_none_or(|remaining| remaining <= self.rotate_before)
            });
            return Rotation::Elsewhere { is_due };
        }
        // The one that ends first makes room when both let somebody in.
        let create = match delivered {
            Some(slot) => slot,
            None if self.slots.remaining(TokenSlot::First)
                <= self.slots.remaining(TokenSlot::Second) =>
            {
                TokenSlot::First
            }
            None if self.slots.is_live(TokenSlot::First) => TokenSlot::Second,
            None => TokenSlot::First,
        };
        let was_there = delivered.is_some_and(|slot| self.slots.get(slot).is_some());
        let other = create.other();
        Rotation::Change(Change {
            cause: match delivered {
                _ if self.slots.any_is_live() => TokenCause::Requested,
                Some(_) if was_there => TokenCause::Ended,
                Some(_) => TokenCause::Gone,
                None => TokenCause::New,
            },
            revoke_first: self.frees(create, RevocationReason::Predecessor),
            create: Some(create),
            revoke_after: self.successor_revokes(other).filter(|_| self.is_requested),
        })
    }

    fn to_revoke(self) -> Option<TokenSlot> {
        self.record.and_then(|record| record.revokes)
    }

    /// What is there under the name that a new one needs.
    fn frees(self, slot: TokenSlot, reason: RevocationReason) -> Option<Revocation> {
        let found = self.slots.get(slot)?;
        Some(Revocation {
            slot,
            reason: match self.slots.is_live(slot) {
                true => reason,
                false => RevocationReason::Ended,
            },
            found: Some(found),
        })
    }

    fn successor_revokes(self, slot: TokenSlot) -> Option<Revocation> {
        self.frees(slot, RevocationReason::Predecessor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::MessageExpiry;
    use crate::state::observed_token::{DeliveredToken, TokenCheck};
    use TokenSlot::{First, Second};

    const NOW: u64 = 1_000;
    const LIVE: Option<u64> = Some(NOW + 500);
    const ENDED: Option<u64> = Some(NOW);

    fn token(expires_at_micros: Option<u64>) -> Option<ObservedToken> {
        Some(ObservedToken { expires_at_micros })
    }

    fn record(delivered: Option<TokenSlot>) -> TokenRecord {
        TokenRecord {
            token: "token/svc/ci".parse().unwrap(),
            owner_created_at_micros: 7,
            server: None,
            is_open_to_others: false,
            delivered: delivered.map(|slot| DeliveredToken {
                slot,
                expiry: MessageExpiry::NEVER,
            }),
            pending: None,
            revokes: None,
            has_value: delivered.is_some(),
            check: TokenCheck::NotChecked,
        }
    }

    fn rotation(
        first: Option<ObservedToken>,
        second: Option<ObservedToken>,
        record: Option<&TokenRecord>,
    ) -> Situation<'_> {
        let (now, rotate_before) = (NOW, 100);
        Situation {
            slots: Slots { first, second, now },
            record,
            rotate_before,
            is_requested: false,
        }
    }

    fn requested(situation: Situation<'_>) -> Situation<'_> {
        Situation {
            is_requested: true,
            ..situation
        }
    }

    /// What is done, in order: `-1` revokes the first, `+2` creates the second.
    fn steps(situation: Situation<'_>) -> String {
        let number = |slot| if slot == First { 1 } else { 2 };
        match situation.rotation() {
            Rotation::Current => "current".to_owned(),
            Rotation::Elsewhere { is_due: false } => "elsewhere".to_owned(),
            Rotation::Elsewhere { is_due: true } => "elsewhere, due".to_owned(),
            Rotation::Change(change) => {
                let Change {
                    cause,
                    revoke_first,
                    create,
                    revoke_after,
                } = change;
                let mut text = format!("{cause:?}:");
                if let Some(Revocation { slot, reason, .. }) = revoke_first {
                    text += &format!(" -{}({reason:?})", number(slot));
                }
                if let Some(slot) = create {
                    text += &format!(" +{}", number(slot));
                }
                if let Some(Revocation { slot, .. }) = revoke_after {
                    text += &format!(" -{}", number(slot));
                }
                text
            }
        }
    }

    #[test]
    fn a_token_that_is_nowhere_is_created() {
        assert_eq!(steps(rotation(None, None, None)), "New: +1");
        assert_eq!(steps(requested(rotation(None, None, None))), "New: +1");
        // An ended one keeps its name until the server cleans up.
        assert_eq!(
            steps(rotation(token(ENDED), None, None)),
            "New: -1(Ended) +1"
        );
    }

    #[test]
    fn one_that_was_delivered_and_is_valid_stays() {
        let here = record(Some(First));
        assert_eq!(steps(rotation(token(LIVE), None, Some(&here))), "current");
        assert_eq!(steps(rotation(token(None), None, Some(&here))), "current");
        // The predecessor lets those in who have not read the new one yet.
        let here = record(Some(Second));
        let both = rotation(token(LIVE), token(LIVE), Some(&here));
        assert_eq!(steps(both), "current");
    }

    #[test]
    fn one_that_is_not_here_is_replaced_only_by_name() {
        let (nothing, other) = (record(None), record(Some(First)));
        for record in [None, Some(&nothing)] {
            let first = rotation(token(LIVE), None, record);
            assert_eq!(steps(first), "elsewhere");
            assert_eq!(steps(requested(first)), "Requested: +2 -1");
            let second = rotation(None, token(LIVE), record);
            assert_eq!(steps(second), "elsewhere");
            assert_eq!(steps(requested(second)), "Requested: +1 -2");
        }
        // Somebody else rotated it.
        let rotated = rotation(None, token(LIVE), Some(&other));
        assert_eq!(steps(rotated), "elsewhere");
        assert_eq!(steps(requested(rotated)), "Requested: +1 -2");
        let both = rotation(token(Some(NOW + 9)), token(LIVE), None);
        assert_eq!(steps(requested(both)), "Requested: -1(Predecessor) +1 -2");
        let both = rotation(token(LIVE), token(Some(NOW + 9)), None);
        assert_eq!(steps(requested(both)), "Requested: -2(Predecessor) +2 -1");
    }

    #[test]
    fn one_whose_value_was_lost_is_not_here() {
        let mut lost = record(Some(First));
        lost.has_value = false;
        let situation = rotation(token(LIVE), None, Some(&lost));
        assert_eq!(steps(situation), "elsewhere");
        assert_eq!(steps(requested(situation)), "Requested: +2 -1");
        assert_eq!(steps(rotation(None, None, Some(&lost))), "New: +1");
    }

    #[test]
    fn one_that_ends_soon_gets_a_successor_and_stays_until_then() {
        let here = record(Some(First));
        let soon = token(Some(NOW + 100));
        assert_eq!(steps(rotation(soon, None, Some(&here))), "EndsSoon: +2");
        assert_eq!(
            steps(rotation(soon, token(ENDED), Some(&here))),
            "EndsSoon: -2(Ended) +2"
        );
        let later = token(Some(NOW + 101));
        assert_eq!(steps(rotation(later, None, Some(&here))), "current");
    }

    #[test]
    fn one_that_ended_or_is_gone_is_made_again() {
        let here = record(Some(Second));
        assert_eq!(
            steps(rotation(None, token(ENDED), Some(&here))),
            "Ended: -2(Ended) +2"
        );
        assert_eq!(steps(rotation(None, None, Some(&here))), "Gone: +2");
    }

    #[test]
    fn one_that_is_named_is_replaced_and_then_revoked() {
        let here = record(Some(Second));
        let situation = requested(rotation(None, token(LIVE), Some(&here)));
        assert_eq!(steps(situation), "Requested: +1 -2");
        let situation = requested(rotation(token(LIVE), token(LIVE), Some(&here)));
        assert_eq!(steps(situation), "Requested: -1(Predecessor) +1 -2");
    }

    #[test]
    fn what_was_begun_and_not_delivered_is_begun_again() {
        let mut first = record(None);
        first.pending = Some(First);
        assert_eq!(
            steps(rotation(None, None, Some(&first))),
            "NotDelivered: +1"
        );
        assert_eq!(
            steps(rotation(token(LIVE), None, Some(&first))),
            "NotDelivered: -1(NotDelivered) +1"
        );
        let mut next = record(Some(First));
        next.pending = Some(Second);
        assert_eq!(
            steps(rotation(token(LIVE), token(LIVE), Some(&next))),
            "NotDelivered: -2(NotDelivered) +2"
        );
        // The successor of one that was named is to revoke it, whenever it comes.
        next.revokes = Some(First);
        assert_eq!(
            steps(rotation(token(LIVE), token(LIVE), Some(&next))),
            "NotDelivered: -2(NotDelivered) +2 -1"
        );
        assert_eq!(
            steps(rotation(None, token(LIVE), Some(&next))),
            "NotDelivered: -2(NotDelivered) +2"
        );
    }

    #[test]
    fn a_predecessor_that_was_to_be_revoked_is() {
        let mut here = record(Some(Second));
        here.revokes = Some(First);
        assert_eq!(
            steps(rotation(token(LIVE), token(LIVE), Some(&here))),
            "PredecessorLeft: -1"
        );
        // It is, and the note that it was to be is still there.
        assert_eq!(
            steps(rotation(None, token(LIVE), Some(&here))),
            "PredecessorLeft: -1"
        );
    }
}
