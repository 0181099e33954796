//! What a topology promises, as a list of things to try on a server.
//!
//! ```text
//!  DesiredState ─┬─▶ what has to be there            everything that is declared
//!  ObservedState ┤   who has to get in               users and access tokens
//!                ├─▶ who may read which real topic   by effective rights
//!                └─▶ a Copy                          streams and users of its own, with who may
//!                                                    send where, groups to join and topics to use
//! ```
//!
//! What would write is never tried on what is declared but on the copy, which is again a
//! [`DesiredState`]: the reconciler makes it. Nothing here talks to a server.

mod access;
mod copy;
mod copy_users;
mod grants;
mod limits;
mod members;
mod presence;
#[cfg(test)]
mod properties;

pub use access::{AccountPolls, Expected, Login, LoginSubject};
pub use copy::{CopiedTopic, CopiedUser, Copy, CopyNames};
pub use limits::{Limits, spread};
pub use members::Members;
pub use presence::{Difference, Presence, differences};

use crate::address::Address;
use crate::name::ResourceName;
use crate::state::desired::DesiredState;
use crate::state::observed::ObservedState;

/// A topic by its stream and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPath {
    /// The stream it is in.
    pub stream: ResourceName,
    /// Its name.
    pub topic: ResourceName,
}

impl TopicPath {
    /// Its address.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::Topic(self.stream.clone(), self.topic.clone())
    }
}

/// Something that is not tried, and why: it must never look as if it had worked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotTried {
    /// What it is about.
    pub address: Address,
    /// Why, in words for a person.
    pub reason: String,
}

/// Everything that is to be tried for a topology.
#[derive(Debug, Clone, PartialEq)]
pub struct TopologyChecks {
    /// The declared streams and users, each with all that is declared in it.
    pub presence: Vec<Presence>,
    /// Whom the server has to let in, or not.
    pub logins: Vec<Login>,
    /// Who reads which of the real topics.
    pub polls: Vec<AccountPolls>,
    /// What is tried on a copy.
    pub copy: Copy,
    /// What a person should know about what was left out or made otherwise.
    pub notes: Vec<String>,
}

impl TopologyChecks {
    /// Everything that a topology promises, within limits. Names of the copy come from
    /// `names`, which differ from run to run and are part of no check's name.
    #[must_use]
    pub fn new(
        desired: &DesiredState,
        observed: &ObservedState,
        limits: &Limits,
        names: &CopyNames,
    ) -> Self {
        let mut notes = Vec::new();
        Self {
            presence: presence::presence(desired),
            logins: access::logins(desired, observed),
            polls: access::polls(desired, observed, limits, &mut notes),
            copy: copy::copy(desired, observed, limits, names, &mut notes),
            notes,
        }
    }
}
