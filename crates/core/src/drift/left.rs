use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::attribute::{Attribute, IT_IS_NOT_THERE, NOTHING, named_for, scope_of};
use super::things::{Standing, Things};
use crate::address::Address;
use crate::state::desired::DesiredState;

/// What an apply did not carry out, and how it left that: what it was not asked for, what
/// was blocked, refused or not attempted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Left {
    /// What was declared, was not there, and stayed so.
    pub absent: BTreeSet<Address>,
    /// By resource and attribute what was not as declared, and stayed so.
    pub attributes: BTreeMap<Address, BTreeMap<String, LeftAttribute>>,
}

/// An attribute that was left otherwise than declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftAttribute {
    /// What the server had; `None` where nobody can know, since a step about it was sent and
    /// its outcome is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<String>,
    /// What an earlier apply had left there, where somebody has changed it since: to leave
    /// it alone does not make it anything that was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
    /// What was declared.
    pub declared: String,
}

impl LeftAttribute {
    /// With what the server is compared; `None` where nobody can tell.
    #[must_use]
    pub fn expected(&self) -> Option<&str> {
        self.recorded.as_deref().or(self.live.as_deref())
    }
}

impl Left {
    pub(super) fn is_unknown(&self, address: &Address, attribute: &str) -> bool {
        let left = self.attributes.get(address);
        let left = left.and_then(|attributes| attributes.get(attribute));
        left.is_some_and(|it| it.expected().is_none())
    }

    /// Whether the last apply left there what it had found, rather than what an earlier one
    /// had left.
    pub(super) fn is_found(&self, address: &Address, attribute: &str) -> bool {
        let left = self.attributes.get(address);
        let left = left.and_then(|attributes| attributes.get(attribute));
        left.is_some_and(|it| it.recorded.is_none())
    }

    /// Takes what stayed absent out of what was declared.
    pub(super) fn take_absent_out_of(&self, state: &mut DesiredState) {
        for address in &self.absent {
            match address {
                // Nothing can be in what is not there.
                Address::Stream(stream) => {
                    state.streams.remove(stream);
                }
                Address::Topic(stream, topic) => {
                    if let Some(known) = state.streams.get_mut(stream) {
                        known.topics.remove(topic);
                    }
                }
                Address::ConsumerGroup(stream, topic, group) => {
                    let known = state.streams.get_mut(stream);
                    if let Some(known) = known.and_then(|it| it.topics.get_mut(topic)) {
                        known.groups.remove(group);
                    }
                }
                Address::User(user) => {
                    state.users.remove(user);
                    state.tokens.remove(user);
                }
                Address::Token(user, token) => {
                    if let Some(known) = state.tokens.get_mut(user) {
                        known.remove(token);
                    }
                }
            }
        }
    }

    /// Compares with what was left instead of with what was declared then.
    pub(super) fn lay_over(&self, things: &mut Things) {
        let called: BTreeMap<Address, Address> = things
            .all
            .iter()
            .filter(|it| it.address != it.live)
            .map(|it| (it.address.clone(), it.live.clone()))
            .collect();
        self.leave_out_grants_of_absent(things);
        for thing in &mut things.all {
            let Some(left) = self.attributes.get(&thing.address) else {
                continue;
            };
            let Standing::There(attributes) = &mut thing.standing else {
                continue;
            };
            for (name, left) in left {
                let Some(expected) = left.expected() else {
                    continue;
                };
                let known = attributes.get(name).map(|it| it.live.clone());
                let live = known.unwrap_or_else(|| match scope_of(name) {
                    Some(scope) => {
                        let scope = called.get(&scope).unwrap_or(&scope);
                        let granted = thing.granted.get(&named_for(scope)).cloned();
                        granted.unwrap_or(NOTHING.to_owned())
                    }
                    // What does not differ from what was declared is it.
                    None => left.declared.clone(),
                });
                let attribute = Attribute {
                    differs: !is_same(&live, expected),
                    declared: expected.to_owned(),
                    live,
                };
                attributes.insert(name.clone(), attribute);
            }
        }
    }
}

impl Left {
    /// What is granted for what the apply left absent went with it, or is granted when that
    /// is created: that it is not there is no news.
    fn leave_out_grants_of_absent(&self, things: &mut Things) {
        let is_absent = |scope: Address| scope.with_ancestors().any(|it| self.absent.contains(&it));
        for thing in &mut things.all {
            if let Standing::There(attributes) = &mut thing.standing {
                attributes.retain(|name, attribute| {
                    attribute.live != IT_IS_NOT_THERE || !scope_of(name).is_some_and(is_absent)
                });
            }
        }
    }
}

/// Nobody is granted anything for what is not there.
fn is_same(live: &str, left: &str) -> bool {
    let words = |text: &str| match text {
        IT_IS_NOT_THERE => NOTHING.to_owned(),
        text => text.to_owned(),
    };
    words(live) == words(left)
}
