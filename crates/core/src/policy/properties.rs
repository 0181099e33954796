//! For random pairs of states: what policies may and may not do to a plan.

use proptest::prelude::*;

use super::{Date, PolicySet};
use crate::check::{Severity, check};
use crate::diagnostic::SourceFile;
use crate::diff::diff;
use crate::plan::{Approvals, plan};
use crate::render::PlanReport;
use crate::state::desired::DesiredState;
use crate::state::observed::ObservedState;
use crate::testing::{desired_state, observed_state};

fn set(expression: &str) -> PolicySet {
    let text = format!(
        "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyPolicy\nmetadata: {{ name: p }}\nspec:\n  rules:\n    \
         - {{ name: resources, expression: '{expression}' }}\n    \
         - {{ name: changes, match: {{ kinds: [change] }}, expression: '{expression}' }}\n"
    );
    PolicySet::read(&[SourceFile::new("p.yaml", text)]).unwrap()
}

fn report(desired: &DesiredState, observed: &ObservedState) -> PlanReport {
    let changes = diff(desired, observed);
    let findings = check(&changes, desired, observed);
    let plan = plan(&changes, &Approvals::default());
    PlanReport::new(&plan, &changes, &findings)
}

fn held_to(set: &PolicySet, desired: &DesiredState, mut report: PlanReport) -> PlanReport {
    let today: Date = "2026-11-22".parse().unwrap();
    let changes = report.change_facts();
    let declared = set.check_declared(desired, today).unwrap();
    let changed = set.check_changes(desired, &changes, today).unwrap();
    report.add_policy_findings(declared);
    report.add_policy_findings(changed);
    report
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What is always allowed leaves the plan as it is, and so how it ends.
    #[test]
    fn what_always_holds_changes_nothing(desired in desired_state(), observed in observed_state()) {
        let alone = report(&desired, &observed);
        let held = held_to(&set("true"), &desired, alone.clone());
        prop_assert_eq!(held.refusals(), 0);
        prop_assert_eq!(held, alone);
    }

    /// What never holds is said once of everything that is declared, and once of
    /// everything that changes; steps are the same, since nobody carries them out.
    #[test]
    fn what_never_holds_is_said_of_everything(desired in desired_state(), observed in observed_state()) {
        let alone = report(&desired, &observed);
        let held = held_to(&set("false"), &desired, alone.clone());
        let said = held.findings.iter().filter(|finding| finding.severity == Severity::Error);
        let said: Vec<String> = said.map(|finding| format!("{} {}", finding.code, finding.address)).collect();
        for change in &alone.changes {
            let expected = format!("policy/p/changes {}", change.address);
            prop_assert_eq!(said.iter().filter(|it| **it == expected).count(), 1);
        }
        for finding in &held.findings {
            if finding.code.to_string() == "policy/p/resources" {
                prop_assert!(desired.declares(&finding.address));
                prop_assert!(finding.origin.is_some());
            }
        }
        prop_assert_eq!(held.steps, alone.steps);
        // The same input gives the same bytes.
        let again = held_to(&set("false"), &desired, report(&desired, &observed));
        prop_assert_eq!(again.findings, held.findings);
    }
}
