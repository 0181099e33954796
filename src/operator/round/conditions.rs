//! The conditions of an object, as all of Kubernetes reads them.

use jiff::Timestamp;

use crate::operator::model::{Object, Reason};
use crate::operator::resources::status::{Condition, ConditionStatus, Time};

pub(crate) const READY: &str = "Ready";
pub(crate) const RECONCILING: &str = "Reconciling";
pub(crate) const STALLED: &str = "Stalled";
/// The spec was applied, completely, at least once.
pub(crate) const SYNCED: &str = "Synced";
/// The server differs, and it was not the spec that changed.
pub(crate) const DRIFTED: &str = "Drifted";
/// Another object holds something that this one declares.
pub(crate) const CONFLICTED: &str = "Conflicted";
/// Something that it declares is there already, and was not taken over.
pub(crate) const ADOPTION_REFUSED: &str = "AdoptionRefused";
/// The values of its tokens are in their Secrets.
pub(crate) const SECRET_WRITTEN: &str = "SecretWritten";

/// What was seen of the server, and stays said while nobody looks.
pub(crate) const OF_THE_SERVER: [&str; 5] = [
    SYNCED,
    DRIFTED,
    CONFLICTED,
    ADOPTION_REFUSED,
    SECRET_WRITTEN,
];

/// Whether what the present spec declares was applied completely before: what differs now was
/// changed by somebody else.
pub(crate) fn is_settled(object: &Object) -> bool {
    let status = &object.status;
    let mut conditions = status.conditions.iter();
    let synced = conditions.find(|it| it.kind == SYNCED && it.status == ConditionStatus::True);
    synced.is_some_and(|synced| {
        synced.observed_generation == Some(object.generation)
            || status
                .synced_declaration
                .as_ref()
                .is_some_and(|it| *it == object.declaration())
    })
}

/// Whether a condition was said to hold.
pub(super) fn is_true(conditions: &[Condition], kind: &str) -> bool {
    let mut conditions = conditions.iter();
    conditions.any(|it| it.kind == kind && it.status == ConditionStatus::True)
}

/// Whether the reason of `Ready` was another one.
pub(crate) fn turns_to(before: &[Condition], reason: Reason) -> bool {
    let mut conditions = before.iter();
    let ready = conditions.find(|it| it.kind == READY);
    ready.is_none_or(|it| it.reason != reason.as_str())
}

/// What is said of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// All is well.
    Ready,
    /// It is worked at, or tried again.
    Reconciling,
    /// Somebody has to do something.
    Stalled,
}

/// The three conditions that every object has.
pub(crate) fn standard_conditions(
    before: &[Condition],
    generation: i64,
    now: Timestamp,
    health: Health,
    reason: Reason,
    message: &str,
) -> Vec<Condition> {
    Conditions::beside(before, generation, now, health, reason, message).finish()
}

/// Conditions in the making.
pub(super) struct Conditions<'a> {
    before: &'a [Condition],
    generation: i64,
    now: Timestamp,
    conditions: Vec<Condition>,
}

impl<'a> Conditions<'a> {
    /// The three that every object has.
    pub(super) fn new(
        object: &'a Object,
        now: Timestamp,
        health: Health,
        reason: Reason,
        message: &str,
    ) -> Self {
        let before = &object.status.conditions;
        Self::beside(before, object.generation, now, health, reason, message)
    }

    fn beside(
        before: &'a [Condition],
        generation: i64,
        now: Timestamp,
        health: Health,
        reason: Reason,
        message: &str,
    ) -> Self {
        let mut conditions = Self {
            before,
            generation,
            now,
            conditions: Vec::new(),
        };
        let is = |asked: Health| match health == asked {
            true => ConditionStatus::True,
            false => ConditionStatus::False,
        };
        let said = |asked: Health| match health == asked {
            true => (reason, message),
            false => (Reason::Nothing, ""),
        };
        conditions.set(READY, is(Health::Ready), reason, message);
        let (why, words) = said(Health::Reconciling);
        conditions.set(RECONCILING, is(Health::Reconciling), why, words);
        let (why, words) = said(Health::Stalled);
        conditions.set(STALLED, is(Health::Stalled), why, words);
        conditions
    }

    /// One more. The time of the last transition moves only when the status does.
    pub(super) fn set(
        &mut self,
        kind: &str,
        status: ConditionStatus,
        reason: Reason,
        message: &str,
    ) {
        let before = self.before.iter();
        let mut before = before.filter(|it| it.kind == kind && it.status == status);
        let since = before.next().map(|it| it.last_transition_time.clone());
        self.conditions.push(Condition {
            kind: kind.to_owned(),
            status,
            observed_generation: Some(self.generation),
            last_transition_time: since.unwrap_or_else(|| time(self.now)),
            reason: reason.as_str().to_owned(),
            message: bounded(message),
        });
    }

    /// A condition as it was before, if there was one.
    pub(super) fn keep(&mut self, kind: &str) {
        let mut before = self.before.iter();
        if let Some(before) = before.find(|it| it.kind == kind) {
            self.conditions.push(before.clone());
        }
    }

    pub(super) fn finish(self) -> Vec<Condition> {
        self.conditions
    }
}

/// To the second, as Kubernetes writes times.
pub(crate) fn time(at: Timestamp) -> Time {
    let seconds = Timestamp::from_second(at.as_second()).unwrap_or(at);
    Time(seconds.to_string())
}

/// Longest text of a condition. The API server allows 32,768 characters; nobody reads them.
const MOST_CHARACTERS: usize = 1_000;

pub(super) fn bounded(message: &str) -> String {
    match message.char_indices().nth(MOST_CHARACTERS) {
        None => message.to_owned(),
        Some((end, _)) => format!("{}…", &message[..end]),
    }
}
