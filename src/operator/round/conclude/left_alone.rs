//! Objects for which nothing is done.

use iggyctl_core::address::Address;

use super::super::conditions::{Conditions, Health, OF_THE_SERVER};
use super::super::decide::removes;
use super::lines::names;
use super::telling::Happening;
use super::{Concluding, Conclusion};
use crate::operator::model::{EventReason, Reason, Refused};
use crate::operator::resources::status::TopologyStatus;

impl Concluding<'_> {
    /// Somebody said that it must not wait for the server.
    pub(super) fn forced(&self) -> Conclusion {
        let fates = &self.decision.removals.fates[self.place];
        let left = fates.iter().filter(|(_, fate)| removes(**fate));
        let left: Vec<&Address> = left.map(|(address, _)| address).collect();
        let note = format!(
            "released; left on the server: {}",
            names(left.iter().copied())
        );
        let told = (!left.is_empty()).then(|| Happening::warning(EventReason::Orphaned, note));
        Conclusion {
            status: TopologyStatus {
                claims: Vec::new(),
                ..self.member.object.status.as_ref().clone()
            },
            happenings: told.into_iter().collect(),
            releases: true,
            retries: false,
            drift_found: 0,
            drift_corrected: 0,
        }
    }

    pub(super) fn paused(&self) -> Conclusion {
        let object = &self.member.object;
        let mut conditions = Conditions::new(
            object,
            self.subject.now,
            Health::Stalled,
            Reason::Paused,
            "the annotation iggyctl.dev/pause says to leave it alone",
        );
        for kind in OF_THE_SERVER {
            conditions.keep(kind);
        }
        self.unchanged(conditions)
    }

    /// Nothing is done for it.
    pub(super) fn refused_whole(&self, why: &Refused) -> Conclusion {
        let object = &self.member.object;
        let Refused { reason, message } = why;
        let now = self.subject.now;
        let conditions = Conditions::new(object, now, Health::Stalled, *reason, message);
        Conclusion {
            happenings: Happening::refusal(object, *reason, message)
                .into_iter()
                .collect(),
            ..self.unchanged(conditions)
        }
    }

    pub(super) fn unchanged(&self, conditions: Conditions<'_>) -> Conclusion {
        let status = TopologyStatus {
            observed_generation: Some(self.member.object.generation),
            conditions: conditions.finish(),
            ..self.member.object.status.as_ref().clone()
        };
        Conclusion {
            status,
            happenings: Vec::new(),
            releases: false,
            retries: false,
            drift_found: 0,
            drift_corrected: 0,
        }
    }
}
