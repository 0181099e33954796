//! What an apply takes over: marked where it changes, listed where it stays as it is.

use std::collections::BTreeSet;

use super::plan_report::PlanReport;
use crate::address::Address;
use crate::wording::counted;

/// What is said of it.
pub(super) const ADOPTS: &str = "adopts";

impl PlanReport {
    /// Says what is taken over, as far as that is asked for.
    pub fn adopt(&mut self, adopted: impl IntoIterator<Item = Address>) {
        let adopted = adopted.into_iter().filter(|it| self.is_asked_for(it));
        let mut adopted: Vec<Address> = adopted.collect();
        // Streams before users, and each as a tree.
        adopted.sort_by_cached_key(|address| {
            let mut path: Vec<Address> = address.with_ancestors().collect();
            path.reverse();
            (address.user().is_some(), path)
        });
        self.adopted = Some(adopted);
    }

    pub(super) fn all_adopted(&self) -> BTreeSet<&Address> {
        self.adopted.iter().flatten().collect()
    }

    /// Of which no line says that it changes.
    pub(super) fn adopted_unchanged(&self) -> Vec<&Address> {
        let changes = self.changes.iter().map(|change| &change.address);
        let changes: BTreeSet<&Address> = changes.collect();
        let adopted = self.adopted.iter().flatten();
        adopted.filter(|it| !changes.contains(it)).collect()
    }

    /// What is said above those; none without any.
    pub(super) fn adopted_head(&self) -> Option<String> {
        let count = self.adopted_unchanged().len();
        (count > 0).then(|| {
            let count = counted(count, "resource");
            format!("{count} adopted unchanged: on the server, and in no record so far")
        })
    }

    /// What the line that counts says of them.
    pub(super) fn adopted_count(&self) -> String {
        match self.adopted.iter().flatten().count() {
            0 => String::new(),
            count => format!(" {count} to adopt."),
        }
    }
}
