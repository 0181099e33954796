//! Permissions speak of names, the server of numbers that it reuses: what a
//! name is called by number is read right before the call, and once more right
//! after it, since another stream may have got the number in between.

use std::collections::BTreeMap;

use iggyctl_core::access::{Grants, StreamGrants};
use iggyctl_core::address::Address;
use iggyctl_core::name::ResourceName;
use iggyctl_core::secret::Secret;

use super::outcome::Aftermath;
use crate::broker::{BrokerError, BrokerErrorKind, BrokerRead, BrokerWrite};
use crate::delivery::SinkError;

/// Grants by the numbers of this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located {
    /// What to send.
    pub(super) grants: Grants<u32>,
    /// What each name was: its number and its creation time.
    incarnations: BTreeMap<Address, (u32, u64)>,
}

/// What came of looking names up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lookup {
    Found(Located),
    /// There is nothing of this name.
    Missing(Address),
}

impl Located {
    /// What is no longer what it was when it was looked up, if anything is.
    pub(super) fn moved(&self, now: &Lookup) -> Option<Address> {
        match now {
            Lookup::Missing(address) => Some(address.clone()),
            Lookup::Found(now) => self
                .incarnations
                .iter()
                .find(|(address, incarnation)| now.incarnations.get(address) != Some(incarnation))
                .map(|(address, _)| address.clone()),
        }
    }

    /// What is left when nothing is certain any more: rights on the whole
    /// server, which speak of no number.
    pub(super) fn without_numbers(&self) -> Grants<u32> {
        Grants {
            server: self.grants.server.clone(),
            ..Grants::default()
        }
    }
}

/// Looks every name of the grants up: one listing for all streams, and one
/// read for each stream with grants on single topics.
pub(super) async fn locate<B: BrokerRead>(
    broker: &B,
    grants: &Grants<ResourceName>,
) -> Result<Lookup, BrokerError> {
    let Grants { server, streams } = grants;
    let mut located = Located {
        grants: Grants {
            server: server.clone(),
            streams: BTreeMap::new(),
        },
        incarnations: BTreeMap::new(),
    };
    let listed = if streams.values().any(|granted| granted.topics.is_empty()) {
        list(broker).await?
    } else {
        BTreeMap::new()
    };
    for (name, StreamGrants { allow, topics }) in streams {
        let address = Address::Stream(name.clone());
        let mut granted = StreamGrants {
            allow: allow.clone(),
            topics: BTreeMap::new(),
        };
        let known = listed.get(name).copied();
        let incarnation = if let (Some(known), true) = (known, topics.is_empty()) {
            known
        } else {
            let Some(stream) = broker.get_stream(name).await? else {
                return Ok(Lookup::Missing(address));
            };
            for (topic, allow) in topics {
                let address = Address::Topic(name.clone(), topic.clone());
                let Some(found) = stream.topics.get(topic) else {
                    return Ok(Lookup::Missing(address));
                };
                granted.topics.insert(found.id, allow.clone());
                located
                    .incarnations
                    .insert(address, (found.id, found.created_at_micros));
            }
            (stream.id, stream.created_at_micros)
        };
        located.incarnations.insert(address, incarnation);
        located.grants.streams.insert(incarnation.0, granted);
    }
    Ok(Lookup::Found(located))
}

/// All streams by name, or nothing for a login that may read only some.
async fn list<B: BrokerRead>(
    broker: &B,
) -> Result<BTreeMap<ResourceName, (u32, u64)>, BrokerError> {
    match broker.list_streams().await {
        Ok(streams) => Ok(streams
            .into_iter()
            .map(|stream| (stream.name, (stream.id, stream.created_at_micros)))
            .collect()),
        Err(error) if error.kind == BrokerErrorKind::Unauthorized => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
}

/// What came of a call that takes several requests.
pub(super) enum Sent {
    /// It was carried out.
    Done,
    /// Nobody gave the secret that it needs.
    NoSecret,
    /// It was not, or was taken back: the server is not as the plan found it.
    Moved { expected: String, found: String },
    /// A token was created and delivered.
    Delivered {
        /// The value that was there before.
        former: Option<Secret>,
        /// The new one.
        value: Secret,
    },
    /// Where the value of a token goes could not be written.
    NotDelivered(SinkError, Aftermath),
    /// Somebody created what this was about to create, or the server repeats an
    /// answer of which the value is lost.
    Taken(BrokerError),
}

/// Replaces the permissions of a user. When a name turns out to have moved in
/// the meantime, everything that speaks of numbers is taken back: what the user
/// gets then is less than either manifest gives it, and the next plan repairs
/// that. So it is when a name is gone and an earlier call of this step, which
/// may have been carried out, spoke of its number (`is_repeated`).
pub(super) async fn set_permissions<B: BrokerWrite>(
    broker: &B,
    user: &ResourceName,
    grants: &Grants<ResourceName>,
    is_repeated: bool,
) -> Result<Sent, BrokerError> {
    let located = match locate(broker, grants).await? {
        Lookup::Found(located) => located,
        Lookup::Missing(address) => {
            let mut found = "nothing of that name".to_owned();
            if is_repeated {
                let on_the_server = Grants {
                    server: grants.server.clone(),
                    ..Grants::default()
                };
                broker.update_permissions(user, &on_the_server).await?;
                found.push_str(", so the permissions were taken back");
            }
            return Ok(Sent::Moved {
                expected: address.to_string(),
                found,
            });
        }
    };
    broker.update_permissions(user, &located.grants).await?;
    if located.grants.streams.is_empty() {
        return Ok(Sent::Done);
    }
    let again = locate(broker, grants).await?;
    let Some(address) = located.moved(&again) else {
        return Ok(Sent::Done);
    };
    broker
        .update_permissions(user, &located.without_numbers())
        .await?;
    Ok(Sent::Moved {
        expected: format!("{address} to stay"),
        found: "that it was replaced in this moment, so the permissions were taken back".to_owned(),
    })
}
