use super::{BlockReason, Plan, Risk, Stage, Step};
use crate::address::Address;
use crate::state::desired::DesiredState;
use crate::wording::nearest;

/// An address of `--allow-destroy` that allows nothing in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusedApproval {
    /// The address as it was given.
    pub address: Address,
    /// Whether a manifest declares it: then there is just nothing to lose.
    pub is_declared: bool,
    /// Whether it is blocked for a reason that this approval does not take away.
    pub is_blocked: bool,
    /// The address that was probably meant: one that waits for an approval in
    /// this plan and is inside it or looks like it. Nothing else is ever
    /// suggested: who copies the suggestion loses what it names.
    pub nearest: Option<Address>,
}

impl Plan {
    /// The approvals without which this plan would be the same: mistyped, or
    /// left over from an earlier apply.
    #[must_use]
    pub fn unused_approvals(&self, desired: &DesiredState) -> Vec<UnusedApproval> {
        let is_used = |address: &Address| {
            // The steps of a user are there only because they were allowed.
            let needs_it = |step: &Step| {
                step.risk == Risk::Destructive
                    || step.stage == Stage::Delete
                    || address.user().is_some()
            };
            self.steps
                .iter()
                .any(|step| needs_it(step) && step.address == *address)
        };
        let mut unused = self.approvals.allow_destroy.clone();
        unused.retain(|address| !is_used(address));
        unused
            .into_iter()
            .map(|address| UnusedApproval {
                is_declared: desired.declares(&address),
                is_blocked: self.blocked.iter().any(|line| line.address == address),
                nearest: self.meant(&address, desired),
                address,
            })
            .collect()
    }

    fn meant(&self, address: &Address, desired: &DesiredState) -> Option<Address> {
        let waiting: Vec<Address> = self
            .blocked
            .iter()
            .filter_map(|line| match &line.reason {
                BlockReason::PartitionShrink { .. }
                | BlockReason::HoldsData(_)
                | BlockReason::Retained { .. }
                | BlockReason::OwnLogin { .. } => Some(line.address.clone()),
                BlockReason::StaleGrants { user } => Some(user.clone()),
                _ => None,
            })
            .collect();
        let inside = waiting.iter().find(|waiting| address.contains(waiting));
        if inside.is_some() || desired.declares(address) {
            return inside.cloned();
        }
        most_like(address, &waiting)
    }
}

fn most_like(address: &Address, candidates: &[Address]) -> Option<Address> {
    // The kind is no part of the likeness: it would make all of a kind alike.
    let names = |address: &Address| {
        let text = address.to_string();
        text.split_once('/')
            .map_or_else(String::new, |(_, names)| names.to_owned())
    };
    let texts: Vec<String> = candidates.iter().map(names).collect();
    let found = nearest(&names(address), texts.iter().map(String::as_str))?;
    let index = texts.iter().position(|text| text == found)?;
    candidates.get(index).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::diff;
    use crate::plan::{Approvals, plan};
    use crate::state::observed::ObservedState;
    use crate::testing::{declare_topic, there_topic};

    fn unused(allowed: &[&str]) -> Vec<(String, bool, Option<String>)> {
        let (mut desired, mut observed) = (DesiredState::default(), ObservedState::default());
        for topic in ["events", "audit"] {
            declare_topic(&mut desired, "orders", topic).partitions = Some(1);
            there_topic(&mut observed, "orders", topic).partitions = 1;
        }
        there_topic(&mut observed, "orders", "events").partitions = 3;
        let approvals = Approvals {
            allow_destroy: allowed.iter().map(|text| text.parse().unwrap()).collect(),
            ..Approvals::default()
        };
        plan(&diff(&desired, &observed), &approvals)
            .unused_approvals(&desired)
            .into_iter()
            .map(|unused| {
                let nearest = unused.nearest.map(|address| address.to_string());
                (unused.address.to_string(), unused.is_declared, nearest)
            })
            .collect()
    }

    /// Nobody is to be lost by copying a suggestion.
    #[test]
    fn what_waits_for_nothing_is_never_suggested() {
        let mut desired = DesiredState::default();
        let mut observed = ObservedState::default();
        for topic in ["svc-one", "svc-two"] {
            declare_topic(&mut desired, "orders", topic).partitions = Some(1);
            there_topic(&mut observed, "orders", topic).partitions = 1;
        }
        let allowed: Address = "topic/orders/svc-on".parse().unwrap();
        let approvals = Approvals {
            allow_destroy: [allowed].into(),
            ..Approvals::default()
        };
        let plan = plan(&diff(&desired, &observed), &approvals);
        assert_eq!(plan.unused_approvals(&desired)[0].nearest, None);
    }

    #[test]
    fn only_what_allows_nothing_is_named() {
        assert_eq!(unused(&["topic/orders/events"]), []);
        assert_eq!(
            unused(&["topic/orders/audit", "topic/orders/event", "stream/far"]),
            [
                ("stream/far".to_owned(), false, None),
                ("topic/orders/audit".to_owned(), true, None),
                (
                    "topic/orders/event".to_owned(),
                    false,
                    Some("topic/orders/events".to_owned())
                ),
            ]
        );
        let inside = Some("topic/orders/events".to_owned());
        assert_eq!(
            unused(&["stream/orders"]),
            [("stream/orders".to_owned(), false, inside)]
        );
    }
}
