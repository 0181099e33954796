//! An operator that was the one that writes, and is not any more without knowing it.

use std::time::Duration;

use iggyctl_embedded::{FaultKind, FaultPlan, FaultTarget};
use libtest_mimic::Trial;

use crate::control_plane::{ControlPlane, Failure};
use crate::laboratory::Laboratory;
use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "leader_that_stood_still_writes_nothing_more_and_ends",
        stood_still,
    )]
}

/// Twelve changes.
fn topology() -> String {
    let topics: Vec<String> = (0..11)
        .map(|number| format!("{{ name: t{number} }}"))
        .collect();
    format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: all }}\nspec:\n  \
         streams: [{{ name: orders, topics: [{}] }}]\n",
        topics.join(", ")
    )
}

/// In the middle of its changes, with the answer to one of them waiting for it and all the others
/// still to be made.
fn stood_still(plane: &ControlPlane) -> Result<(), Failure> {
    let laboratory = Laboratory::without_operator(plane)?;
    laboratory.connect_server()?;
    let mut first = laboratory.candidate()?;
    laboratory.ready("igs/default")?;
    let delay = FaultKind::Delay(Duration::from_secs(2));
    let plan = FaultPlan::none().once(delay, FaultTarget::Writes, 2);
    laboratory.server().faults().set(plan);
    let writes = laboratory.writes();
    laboratory.apply(&topology())?;
    laboratory.until("it is in the middle", || laboratory.writes() >= writes + 2)?;
    first.signal("STOP")?;
    let second = laboratory.candidate()?;
    // The Lease has to end before.
    let taken_over = || laboratory.ready("igtopo/all");
    taken_over().or_else(|_| taken_over())?;
    laboratory.round("igs/default")?;
    if !second.has_led()? {
        return Err("nobody took over".into());
    }
    let (writes, versions) = (laboratory.writes(), laboratory.versions()?);
    first.signal("CONT")?;
    let said = first.failed()?;
    if !said.contains("the lease was lost to another operator") {
        return Err(said.into());
    }
    laboratory.round("igs/default")?;
    let written = laboratory.writes() - writes;
    let mut now = laboratory.versions()?;
    let mut before = versions;
    // That somebody asked for a round is written in it.
    for versions in [&mut now, &mut before] {
        versions.retain(|name, _| !name.contains("IggyServer"));
    }
    match written == 0 && now == before {
        true => Ok(()),
        false => Err(format!(
            "{written} writes; {before:#?} {now:#?}\n{}",
            laboratory.log()
        )
        .into()),
    }
}
