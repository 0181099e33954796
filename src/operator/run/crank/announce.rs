//! What is written down before something is done.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use iggyctl_core::address::Address;

use super::Crank;
use super::writes::WRITES_AT_ONCE;
use crate::operator::cluster::WriteError;
use crate::operator::round::{
    Announcement, Correction, Decision, FEWEST_MARKED, Member, Subject, announcement, kept, marks,
};

impl Crank {
    /// Writes down what is about to be created and held, and what was found to differ and is
    /// about to be changed back, and makes sure that what may have to be deleted one day is not
    /// forgotten. Returns for which of them that could not be done: on the server nothing may be
    /// done for those.
    pub(super) async fn announce(
        &self,
        members: &[Member],
        decision: &Decision,
        creating: &BTreeSet<Address>,
        corrections: &BTreeMap<usize, Correction>,
        subject: &Subject,
    ) -> BTreeSet<usize> {
        let mut failed = BTreeSet::new();
        let marks = marks(members, decision, creating, corrections, FEWEST_MARKED);
        if !marks.all.is_empty() && !self.mark(marks.all).await {
            failed.clone_from(&marks.places);
        }
        let mut writing = FuturesUnordered::new();
        let announce = async |place| {
            let correction = corrections.get(&place);
            let is_done =
                self.announce_one(members, place, decision, creating, correction, subject);
            (!is_done.await).then_some(place)
        };
        for place in (0..members.len()).filter(|place| !marks.places.contains(place)) {
            // Each is begun only when there is room for it: thousands of them at rest would
            // take more memory than all that they write.
            if writing.len() == WRITES_AT_ONCE {
                failed.extend(writing.next().await.flatten());
            }
            writing.push(announce(place));
        }
        while let Some(one) = writing.next().await {
            failed.extend(one);
        }
        failed
    }

    /// Adds marks to the server object, and returns whether it has them.
    async fn mark(&self, marks: BTreeSet<String>) -> bool {
        let Some(server) = self.shared.world.server(&self.key) else {
            return false;
        };
        let mut status = server.status.clone();
        status.creating.extend(marks);
        let cluster = &self.shared.cluster;
        let written = cluster.write_server_status(&server, &status).await;
        !matches!(written, Err(WriteError::Gone)) && self.took_in_server(&server, written).is_some()
    }

    /// The marks that the server object has.
    pub(super) fn marks(&self) -> BTreeSet<String> {
        let server = self.shared.world.server(&self.key);
        server.map_or_else(BTreeSet::new, |server| server.status.creating.clone())
    }

    /// The marks that still tell something when a round is over: those of objects whose status
    /// does not say yet what they hold, since it could not be written, or was left as it was.
    pub(super) fn marks_left(
        &self,
        members: &[Member],
        decision: &Decision,
        unwritten: &BTreeSet<String>,
    ) -> BTreeSet<String> {
        let marks = self.marks();
        if decision.is_replaced || marks.is_empty() {
            return marks;
        }
        let is_left = |it: &&Member| {
            it.is_paused() || it.declared.is_err() || unwritten.contains(&it.object.uid)
        };
        let left = members.iter().filter(is_left);
        kept(&marks, left.map(|member| member.object.uid.as_str()))
    }

    async fn announce_one(
        &self,
        members: &[Member],
        place: usize,
        decision: &Decision,
        creating: &BTreeSet<Address>,
        correction: Option<&Correction>,
        subject: &Subject,
    ) -> bool {
        let member = &members[place];
        if member.is_foreign || member.is_deleting() || decision.is_replaced {
            return true;
        }
        let cluster = &self.shared.cluster;
        let object = &member.object;
        if decision.needs_finalizer(members, place, creating) && !object.has_finalizer {
            let added = cluster.set_finalizer(object, true).await;
            if self.took_in(object, added).is_none() {
                return false;
            }
        }
        match announcement(members, decision, place, creating, correction, subject) {
            None => true,
            Some(Announcement { status, happening }) => {
                if let Some(happening) = &happening {
                    self.shared.events.tell(object.as_ref(), happening).await;
                }
                let written = self.write_status(object, &status).await;
                self.took_in(object, written).is_some()
            }
        }
    }
}
