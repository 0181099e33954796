use std::collections::BTreeSet;

use super::{Action, Plan, Step, StepId, Summary};

impl Plan {
    /// Leaves of the plan only what makes missing streams, topics and partitions.
    /// What exists is changed in nothing else, and what would need such a change
    /// first, a topic in a stream that is to be renamed, is left out, too. Nothing
    /// is blocked any more: whoever wants only this does not want the rest.
    #[must_use]
    pub fn only_additions(self) -> Self {
        let Self {
            steps,
            blocked: _,
            basis,
            approvals,
            only,
            pruned: _,
            mass_deletion: _,
            summary,
        } = self;
        let mut new_ids: Vec<Option<StepId>> = vec![None; steps.len()];
        let mut kept: Vec<Step> = Vec::new();
        for (index, mut step) in steps.into_iter().enumerate() {
            // Needs point backwards, so what they became is known.
            let needs: Option<Vec<StepId>> = step
                .needs
                .iter()
                .map(|&StepId(need)| new_ids.get(need as usize).copied().flatten())
                .collect();
            let Some(needs) = needs.filter(|_| is_addition(&step.action)) else {
                continue;
            };
            let id = StepId(u32::try_from(kept.len()).unwrap_or(u32::MAX));
            new_ids[index] = Some(id);
            step.id = id;
            step.needs = needs.into_iter().collect();
            kept.push(step);
        }
        Self {
            summary: Summary::of(&kept, &[], &BTreeSet::new(), summary.unchanged),
            steps: kept,
            blocked: Vec::new(),
            basis,
            approvals,
            only,
            pruned: BTreeSet::new(),
            mass_deletion: None,
        }
    }
}

fn is_addition(action: &Action) -> bool {
    match action {
        Action::CreateStream { .. } | Action::CreateTopic { .. } | Action::AddPartitions { .. } => {
            true
        }
        Action::RenameStream { .. }
        | Action::UpdateTopic { .. }
        | Action::RemovePartitions { .. }
        | Action::CreateConsumerGroup { .. }
        | Action::DeleteStream { .. }
        | Action::DeleteTopic { .. }
        | Action::DeleteConsumerGroup { .. }
        | Action::CreateUser { .. }
        | Action::RenameUser { .. }
        | Action::SetUserStatus { .. }
        | Action::DeleteUser { .. }
        | Action::ChangePassword { .. }
        | Action::SetPermissions { .. }
        | Action::CreateToken { .. }
        | Action::RevokeToken { .. } => false,
    }
}
