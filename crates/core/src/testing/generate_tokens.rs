//! Access tokens for generated users.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::by_hand::{name, origin};
use crate::access::{TokenSlot, UserStatus};
use crate::address::Address;
use crate::diff::live_user_names;
use crate::name::ResourceName;
use crate::quantity::MessageExpiry;
use crate::secret::TokenSink;
use crate::state::desired::DesiredState;
use crate::state::desired_token::{DesiredToken, TokenDestination};
use crate::state::observed::{AccessReading, ObservedState};
use crate::state::observed_token::{
    DeliveredToken, ObservedToken, SinkContent, TokenCheck, TokenRecord,
};

const NOW: u64 = 1_700_000_000_000_000;
const HOUR: u64 = 3_600_000_000;

/// What is there and declared of one token.
#[derive(Debug, Clone)]
struct Generated {
    expiry: MessageExpiry,
    rotates: bool,
    first: Option<ObservedToken>,
    second: Option<ObservedToken>,
    content: SinkContent,
}

fn slot() -> impl Strategy<Value = TokenSlot> {
    prop::sample::select(TokenSlot::ALL.to_vec())
}

fn observed() -> impl Strategy<Value = Option<ObservedToken>> {
    let ends = prop::sample::select(vec![
        None,
        Some(NOW - HOUR),
        Some(NOW),
        Some(NOW + HOUR / 2),
        Some(NOW + 10 * HOUR),
    ]);
    option::of(ends.prop_map(|expires_at_micros| ObservedToken { expires_at_micros }))
}

fn content() -> impl Strategy<Value = SinkContent> {
    let record = (
        option::weighted(0.8, slot()),
        option::weighted(0.3, slot()),
        option::weighted(0.3, slot()),
        prop::bool::weighted(0.8),
    )
        .prop_map(|(delivered, pending, revokes, has_value)| {
            SinkContent::Record(TokenRecord {
                // Whoever puts it somewhere says whose it is.
                token: Address::User(name("nobody")),
                owner_created_at_micros: 0,
                server: None,
                is_open_to_others: false,
                delivered: delivered.map(|slot| DeliveredToken {
                    slot,
                    expiry: MessageExpiry::from_micros(10 * HOUR),
                }),
                pending,
                revokes,
                has_value,
                check: TokenCheck::NotChecked,
            })
        });
    prop_oneof![1 => Just(SinkContent::Empty), 3 => record]
}

fn token() -> impl Strategy<Value = Generated> {
    let expiry = prop::sample::select(vec![
        MessageExpiry::NEVER,
        MessageExpiry::from_micros(10 * HOUR),
    ]);
    (expiry, any::<bool>(), observed(), observed(), content()).prop_map(
        |(expiry, rotates, first, second, content)| Generated {
            expiry,
            rotates,
            first,
            second,
            content,
        },
    )
}

/// The states with tokens of their declared users, in all conditions that a
/// crash, another checkout or time can leave them in.
pub fn with_tokens(
    states: impl Strategy<Value = (DesiredState, ObservedState)>,
) -> impl Strategy<Value = (DesiredState, ObservedState)> {
    (states, vec(option::of(token()), 4)).prop_map(|((mut desired, mut live), tokens)| {
        let AccessReading::Read(access) = &mut live.access else {
            return (desired, live);
        };
        access.read_at_micros = NOW;
        for user in access.users.values_mut() {
            user.tokens = (user.status == UserStatus::Active).then(BTreeMap::new);
        }
        let declared = name("ci");
        let live_names: BTreeMap<ResourceName, ResourceName> = live_user_names(&desired, access)
            .into_iter()
            .map(|(name, live)| (name.clone(), live.clone()))
            .collect();
        for (owner, token) in desired.users.keys().zip(tokens) {
            let Some(Generated {
                expiry,
                rotates,
                first,
                second,
                mut content,
            }) = token
            else {
                continue;
            };
            let live_name = live_names.get(owner);
            let there = live_name.and_then(|name| access.users.get_mut(name));
            // What was delivered of a user who cannot log in shows when it can:
            // that takes another plan, and is no matter of these tests.
            if there.as_ref().is_some_and(|user| user.tokens.is_none()) {
                content = SinkContent::Empty;
            }
            if let Some(tokens) = there.and_then(|user| user.tokens.as_mut()) {
                let slots = TokenSlot::ALL.into_iter().zip([first, second]);
                tokens.extend(
                    slots.filter_map(|(slot, token)| Some((slot.name_of(&declared), token?))),
                );
            }
            if let SinkContent::Record(record) = &mut content {
                record.token = Address::Token(owner.clone(), declared.clone());
                // Without its user it is of one that is no more.
                record.owner_created_at_micros = live_name
                    .and_then(|name| access.users.get(name))
                    .map_or(0, |user| user.created_at_micros);
            }
            let key = (owner.clone(), declared.clone());
            access.sinks.insert(key, content);
            desired
                .tokens
                .entry(owner.clone())
                .or_default()
                .insert(declared.clone(), desired_token(owner, expiry, rotates));
        }
        (desired, live)
    })
}

fn desired_token(owner: &ResourceName, expiry: MessageExpiry, rotates: bool) -> DesiredToken {
    DesiredToken {
        expiry,
        rotate_before: rotates.then(|| MessageExpiry::from_micros(HOUR)),
        write_to: TokenDestination {
            sink: TokenSink::File(format!("{owner}.token")),
            origin: origin(),
        },
        rotate: false,
        origin: origin(),
    }
}
