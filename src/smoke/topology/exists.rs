//! Everything that is declared is there as it is declared.

use iggyctl_core::address::Address;
use iggyctl_core::plan::Plan;
use iggyctl_core::smoke::{Difference, Presence, differences};
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::wording::counted;

use super::{Shared, listed};
use crate::smoke::check::Check;
use crate::smoke::failure::{Failure, Stop};

pub(super) fn checks(
    presence: &[Presence],
    plan: &Plan,
    desired: &DesiredState,
    shared: &Shared,
) -> Vec<Check<'static>> {
    let mut differences = differences(plan, desired);
    let checks = presence.iter().map(|Presence { root, resources }| {
        let ended = compare(*resources, differences.remove(root).unwrap_or_default());
        shared.check(
            format!("exists/{root}"),
            format!("{} as declared", of(root, *resources)),
            |_| Box::pin(std::future::ready(ended)),
        )
    });
    checks.collect()
}

fn of(root: &Address, resources: usize) -> String {
    match resources {
        1 => format!("{root} is"),
        more => format!("{} of {root} are", counted(more, "declared resource")),
    }
}

fn compare(resources: usize, different: Vec<Difference>) -> Result<(), Stop> {
    if different.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> = different
        .iter()
        .map(|it| format!("{}: {}", it.address, it.found))
        .collect();
    if different.iter().all(|it| it.is_unreadable) {
        return Err(Stop::Skipped(listed(&texts)));
    }
    let expected = format!("{} as declared", counted(resources, "resource"));
    Err(Failure::new("compare with the manifests", expected, listed(&texts)).into())
}
