use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use iggyctl_core::address::Address;
use iggyctl_core::api::v1alpha1::{Management, ServerKind};
use iggyctl_core::state::{DeletionPolicy, Incarnation};
use jiff::Timestamp;

use super::conditions::is_settled;
use super::marks::mark;
use crate::operator::model::{
    Declared, Defaults, Object, Reason, Refused, lifecycle_alone, policy_alone,
};
use crate::operator::resources::status::{Claim, Conflict};

/// The server of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    /// What tells it from others: claims name it.
    pub(crate) identity: String,
    /// What claims on it may be called, too; `None` where every claim counts, since nothing is
    /// known of the server.
    pub(crate) aliases: Option<Vec<String>>,
    /// What holds for objects that do not say otherwise.
    pub(crate) defaults: Defaults,
    /// Marks of what was about to be created when an operator ended.
    pub(crate) creating: Arc<BTreeSet<String>>,
    /// Whether it tells of itself that it is not the one it was.
    pub(crate) is_another: bool,
    /// Whether it tells of itself that it is the one it was: what is gone from it was removed.
    pub(crate) is_the_same: bool,
    /// Whether somebody said that all that was held may be gone.
    pub(crate) replacement_acknowledged: bool,
    /// The namespace whose Secret has the login of the operator, where objects of several
    /// namespaces share the server.
    pub(crate) login_namespace: Option<String>,
    /// Now.
    pub(crate) now: Timestamp,
}

impl Subject {
    fn is_called(&self, server: &str) -> bool {
        match &self.aliases {
            None => true,
            Some(aliases) => self.identity == server || aliases.iter().any(|it| it == server),
        }
    }
}

/// Something on the server that an object holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    /// Which one; `None` while it is about to be created.
    pub(crate) incarnation: Option<Incarnation>,
    /// What becomes of it once the object no longer declares it.
    pub(crate) policy: DeletionPolicy,
}

/// An object in a round.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    pub(crate) object: Arc<Object>,
    pub(crate) declared: Result<Arc<Declared>, Refused>,
    /// Its own words, or those of its server.
    pub(crate) policies: Defaults,
    /// What it holds on this server.
    pub(crate) claims: BTreeMap<Address, Held>,
    /// What it was refused because another one had it, and which one that was.
    pub(crate) waits_for: BTreeMap<Address, Option<Incarnation>>,
    /// Whether it is here only because another server object is for the same server: it
    /// competes, and its own round changes what it declares.
    pub(crate) is_foreign: bool,
    /// Whether it is gone from the cluster, and nothing kept it: others may go on with what it
    /// held, and nothing is deleted.
    pub(crate) has_departed: bool,
    /// Whether it departed after it was let go, which was told then.
    pub(crate) was_released: bool,
    /// As [`Self::is_settled`] tells, once it was asked.
    pub(crate) settled: OnceLock<bool>,
}

impl Member {
    pub(crate) fn new(
        object: Arc<Object>,
        declared: Result<Arc<Declared>, Refused>,
        subject: &Subject,
    ) -> Self {
        let policies = match &declared {
            Ok(declared) => declared.policies(subject.defaults),
            // What it asks to be left alone is left alone, whatever else is wrong with it.
            Err(_) => subject.defaults.with(&lifecycle_alone(&object.spec)),
        };
        let mut member = Self {
            claims: BTreeMap::new(),
            waits_for: BTreeMap::new(),
            is_foreign: false,
            has_departed: false,
            was_released: false,
            settled: OnceLock::new(),
            object,
            declared,
            policies,
        };
        for claim in &member.object.status.claims {
            if subject.is_called(&claim.server)
                && let Ok(address) = claim.address.parse()
            {
                let held = Held {
                    incarnation: incarnation(claim.id, claim.created_at_microseconds),
                    policy: claim.deletion_policy.unwrap_or(DeletionPolicy::Retain),
                };
                member.claims.insert(address, held);
            }
        }
        member.take_marks(&subject.creating);
        for conflict in &member.object.status.conflicts {
            if let Ok(address) = conflict.address.parse() {
                let which = incarnation(conflict.id, conflict.created_at_microseconds);
                member.waits_for.insert(address, which);
            }
        }
        member
    }

    /// What is marked was about to be created for it.
    fn take_marks(&mut self, marks: &BTreeSet<String>) {
        let Ok(declared) = &self.declared else {
            return;
        };
        if marks.is_empty() {
            return;
        }
        for address in declared.state.declared() {
            if marks.contains(&mark(&self.object.uid, &address)) {
                let policy = declared.deletion_policy(&address, self.policies);
                self.claims.entry(address).or_insert(Held {
                    incarnation: None,
                    policy,
                });
            }
        }
    }

    /// As [`is_settled`], which looks at the whole spec: once, and not for each thing in it.
    pub(crate) fn is_settled(&self) -> bool {
        *self.settled.get_or_init(|| is_settled(&self.object))
    }

    /// Whether it is to be deleted.
    pub(crate) fn is_deleting(&self) -> bool {
        self.object.deleted_at.is_some()
    }

    /// An object that is gone from the cluster.
    pub(crate) fn departed(
        object: &Object,
        declared: Result<Arc<Declared>, Refused>,
        subject: &Subject,
    ) -> Self {
        // Without a finalizer it is never seen as one that is being deleted.
        let was_released = object.deleted_at.is_some();
        let object = Object {
            deleted_at: Some(subject.now),
            ..object.clone()
        };
        Self {
            has_departed: true,
            was_released,
            ..Self::new(Arc::new(object), declared, subject)
        }
    }

    /// Whether all of it is left as it is.
    pub(crate) fn is_paused(&self) -> bool {
        self.object.requests.pause && !self.is_forced() && !self.has_departed
    }

    /// Whether it is let go whatever stays behind.
    pub(crate) fn is_forced(&self) -> bool {
        self.is_deleting() && self.object.requests.force_release
    }

    /// Whether the tenants of its server object say what it may declare.
    pub(crate) fn is_bounded(&self) -> bool {
        self.object.server_kind() == ServerKind::ClusterIggyServer
    }

    /// Whether it takes part in who may have what.
    pub(crate) fn competes(&self) -> bool {
        !self.is_deleting()
            && self.declared.is_ok()
            && self.policies.management != Management::ObserveOnly
    }

    /// Whether the server is changed for it now.
    pub(crate) fn is_active(&self) -> bool {
        self.competes() && !self.is_paused()
    }

    /// Whether it only looks.
    pub(crate) fn only_observes(&self) -> bool {
        !self.is_deleting()
            && self.declared.is_ok()
            && self.policies.management == Management::ObserveOnly
            && !self.object.requests.pause
    }

    /// What becomes of something of it once nobody declares it.
    pub(crate) fn deletion_policy(&self, address: &Address) -> DeletionPolicy {
        match &self.declared {
            Ok(declared) if declared.state.declares(address) => {
                declared.deletion_policy(address, self.policies)
            }
            // It said so while it declared it.
            Ok(_) => self.claimed_policy(address),
            Err(_) if matches!(address, Address::Token(..)) => self.claimed_policy(address),
            // Of what nobody can read, what keeps more counts.
            Err(_) => match (
                self.claimed_policy(address),
                policy_alone(&self.object.spec),
            ) {
                (DeletionPolicy::Retain, _) | (_, Some(DeletionPolicy::Retain)) => {
                    DeletionPolicy::Retain
                }
                (DeletionPolicy::DeleteIfEmpty, _) | (_, Some(DeletionPolicy::DeleteIfEmpty)) => {
                    DeletionPolicy::DeleteIfEmpty
                }
                (DeletionPolicy::Delete, _) => DeletionPolicy::Delete,
            },
        }
    }

    fn claimed_policy(&self, address: &Address) -> DeletionPolicy {
        let held = self.claims.get(address);
        held.map_or(DeletionPolicy::Retain, |held| held.policy)
    }

    /// Whether something that it holds and nobody declares any more is deleted, and is not
    /// only left alone.
    pub(crate) fn would_delete(&self, address: &Address) -> bool {
        // What a namespace may no longer declare, it may not delete either.
        let is_permitted = !matches!(
            &self.declared,
            Err(Refused {
                reason: Reason::NotPermitted,
                ..
            })
        );
        is_permitted && self.would_delete_by(self.deletion_policy(address))
    }

    /// The same of something with this policy.
    pub(crate) fn would_delete_by(&self, policy: DeletionPolicy) -> bool {
        self.policies.management == Management::Full
            && !self.has_departed
            && policy != DeletionPolicy::Retain
    }
}

fn incarnation(id: Option<i64>, created: Option<i64>) -> Option<Incarnation> {
    Some(Incarnation {
        id: u32::try_from(id?).ok()?,
        created_at_micros: u64::try_from(created.unwrap_or(0)).ok()?,
    })
}

impl Held {
    pub(crate) fn to_claim(self, address: &Address, server: &str) -> Claim {
        let (id, created) = numbers(self.incarnation);
        Claim {
            address: address.to_string(),
            server: server.to_owned(),
            id,
            created_at_microseconds: created,
            deletion_policy: Some(self.policy),
        }
    }
}

pub(super) fn conflict(address: &Address, held_by: String, which: Option<Incarnation>) -> Conflict {
    let (id, created_at_microseconds) = numbers(which);
    Conflict {
        address: address.to_string(),
        held_by,
        id,
        created_at_microseconds,
    }
}

fn numbers(incarnation: Option<Incarnation>) -> (Option<i64>, Option<i64>) {
    let Some(Incarnation {
        id,
        created_at_micros,
    }) = incarnation
    else {
        return (None, None);
    };
    let created = i64::try_from(created_at_micros).ok();
    (Some(i64::from(id)), created.filter(|created| *created > 0))
}
