//! What became of a call whose outcome is not known: read, and compare with
//! what the step wants and with what it started from.

use iggyctl_core::diff::Incarnation;
use iggyctl_core::name::ResourceName;
use iggyctl_core::plan::Action;
use iggyctl_core::state::desired::TopicSettings;
use iggyctl_core::state::observed::ObservedTopic;
use iggyctl_core::wording::counted;

use super::located::{Lookup, locate};
use crate::broker::{BrokerError, BrokerErrorKind, BrokerWrite};
use crate::secrets::Secrets;

/// What a read says about a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// The server is as the step wants it.
    Done,
    /// The server is as it was before the step.
    NotDone,
    /// Neither.
    Different { expected: String, found: String },
}

pub(super) async fn standing<B: BrokerWrite>(
    broker: &B,
    action: &Action,
    secrets: &Secrets,
) -> Result<Standing, BrokerError> {
    match read(broker, action, secrets).await? {
        // A rename takes two reads, and may have been carried out between them.
        Standing::Different { .. } => read(broker, action, secrets).await,
        standing => Ok(standing),
    }
}

async fn read<B: BrokerWrite>(
    broker: &B,
    action: &Action,
    secrets: &Secrets,
) -> Result<Standing, BrokerError> {
    match action {
        Action::CreateStream { stream } => Ok(match broker.get_stream(stream).await? {
            Some(_) => Standing::Done,
            None => Standing::NotDone,
        }),
        Action::RenameStream { from, to } => {
            let old = broker.get_stream(from).await?.is_some();
            let new = broker.get_stream(to).await?.is_some();
            Ok(renamed("stream", from, to, old, new))
        }
        Action::CreateTopic {
            stream,
            topic,
            partitions,
            settings,
        } => Ok(match broker.get_topic(stream, topic).await? {
            None => Standing::NotDone,
            Some(found) => created(*partitions, settings, &found),
        }),
        Action::UpdateTopic {
            stream,
            topic,
            rename_to,
            settings,
        } => {
            let old = broker.get_topic(stream, topic).await?;
            let Some(to) = rename_to else {
                return Ok(match old {
                    Some(found) if covers(&found.settings, settings) => Standing::Done,
                    Some(_) => Standing::NotDone,
                    None => Standing::Different {
                        expected: format!("a topic `{topic}`"),
                        found: "none".to_owned(),
                    },
                });
            };
            let new = broker.get_topic(stream, to).await?;
            let standing = renamed("topic", topic, to, old.is_some(), new.is_some());
            // One call renames and sets, so with the new name all of it is there.
            Ok(match (standing, new) {
                (Standing::Done, Some(found)) if !covers(&found.settings, settings) => {
                    Standing::Different {
                        expected: format!("topic `{to}` with the settings of the plan"),
                        found: "other settings".to_owned(),
                    }
                }
                (standing, _) => standing,
            })
        }
        Action::AddPartitions {
            stream,
            topic,
            from,
            to,
        }
        | Action::RemovePartitions {
            stream,
            topic,
            from,
            to,
        } => {
            let found = broker.get_topic(stream, topic).await?;
            Ok(match found.map(|topic| topic.partitions) {
                Some(count) if count == *to => Standing::Done,
                Some(count) if count == *from => Standing::NotDone,
                found => Standing::Different {
                    expected: counted(*from, "partition"),
                    found: found.map_or("no topic".to_owned(), |count| counted(count, "partition")),
                },
            })
        }
        Action::CreateConsumerGroup {
            stream,
            topic,
            group,
        } => match broker.consumer_groups(stream, topic).await {
            Ok(groups) if groups.contains_key(group) => Ok(Standing::Done),
            Ok(_) => Ok(Standing::NotDone),
            Err(error) if error.kind == BrokerErrorKind::NotFound => Ok(Standing::Different {
                expected: format!("a topic `{topic}`"),
                found: "none".to_owned(),
            }),
            Err(error) => Err(error),
        },
        Action::DeleteStream { stream, found, .. } => {
            let there = broker.get_stream(stream).await?;
            Ok(deleted(
                there.map(|it| (it.id, it.created_at_micros)),
                *found,
            ))
        }
        Action::DeleteTopic {
            stream,
            topic,
            found,
            ..
        } => {
            let there = broker.get_topic(stream, topic).await?;
            Ok(deleted(
                there.map(|it| (it.id, it.created_at_micros)),
                *found,
            ))
        }
        Action::DeleteConsumerGroup {
            stream,
            topic,
            group,
            found,
        } => match broker.consumer_groups(stream, topic).await {
            Ok(groups) if groups.get(group).is_some_and(|it| it.id == found.id) => {
                Ok(Standing::NotDone)
            }
            Ok(_) => Ok(Standing::Done),
            Err(error) if error.kind == BrokerErrorKind::NotFound => Ok(Standing::Done),
            Err(error) => Err(error),
        },
        Action::CreateUser { user, status, .. } => Ok(match broker.get_user(user).await? {
            None => Standing::NotDone,
            // Nobody can read its password; the next plan tries it.
            Some(found) if found.status == *status && found.grants.is_empty() => Standing::Done,
            Some(_) => Standing::Different {
                expected: format!("a new user `{user}`"),
                found: "one with another status, or with permissions".to_owned(),
            },
        }),
        Action::RenameUser { from, to } => {
            let old = broker.get_user(from).await?.is_some();
            let new = broker.get_user(to).await?.is_some();
            Ok(renamed("user", from, to, old, new))
        }
        Action::SetUserStatus { user, status } => Ok(match broker.get_user(user).await? {
            Some(found) if found.status == *status => Standing::Done,
            Some(_) => Standing::NotDone,
            None => no_user(user),
        }),
        Action::DeleteUser { user } => Ok(match broker.get_user(user).await? {
            None => Standing::Done,
            Some(_) => Standing::NotDone,
        }),
        Action::SetPermissions { user, grants } => {
            let found = broker.get_user(user).await?;
            let wanted = locate(broker, grants).await?;
            Ok(match (found, wanted) {
                (None, _) => no_user(user),
                (Some(found), Lookup::Found(wanted)) if found.grants == wanted.grants => {
                    Standing::Done
                }
                (Some(_), _) => Standing::NotDone,
            })
        }
        // Whether it is there or not: its value is lost, so it is made again.
        Action::CreateToken { .. } => Ok(Standing::NotDone),
        // The note that it was to be revoked is there in any case.
        Action::RevokeToken {
            noted_in: Some(_), ..
        } => Ok(Standing::NotDone),
        Action::RevokeToken { token, slot, .. } => {
            let tokens = broker.own_tokens().await?;
            Ok(match tokens.contains_key(&slot.name_of(token)) {
                true => Standing::NotDone,
                false => Standing::Done,
            })
        }
        // Replacing the new password by itself shows whether it is the live one.
        Action::ChangePassword { user, to, .. } => {
            let Some(password) = secrets.get(to) else {
                return Ok(Standing::NotDone);
            };
            match broker.change_password(user, password, password).await {
                Ok(()) => Ok(Standing::Done),
                Err(error) if error.is_about_the_password() => Ok(Standing::NotDone),
                Err(error) => Err(error),
            }
        }
    }
}

/// One of the name that is another one was created since: what was to go is gone.
fn deleted(there: Option<(u32, u64)>, found: Incarnation) -> Standing {
    match there {
        Some(it) if it == (found.id, found.created_at_micros) => Standing::NotDone,
        Some(_) | None => Standing::Done,
    }
}

fn no_user(user: &ResourceName) -> Standing {
    Standing::Different {
        expected: format!("a user `{user}`"),
        found: "none".to_owned(),
    }
}

fn renamed(
    kind: &str,
    from: &ResourceName,
    to: &ResourceName,
    old_is_there: bool,
    new_is_there: bool,
) -> Standing {
    match (old_is_there, new_is_there) {
        (false, true) => Standing::Done,
        (true, false) => Standing::NotDone,
        (true, true) => Standing::Different {
            expected: format!("{kind} `{from}` or `{to}`"),
            found: "both".to_owned(),
        },
        (false, false) => Standing::Different {
            expected: format!("{kind} `{from}` or `{to}`"),
            found: "neither".to_owned(),
        },
    }
}

fn created(partitions: u32, settings: &TopicSettings, found: &ObservedTopic) -> Standing {
    if found.partitions != partitions {
        return Standing::Different {
            expected: format!("a topic with {}", counted(partitions, "partition")),
            found: format!("one with {}", found.partitions),
        };
    }
    if !covers(&found.settings, settings) {
        return Standing::Different {
            expected: "a topic with the settings of the plan".to_owned(),
            found: "one with other settings".to_owned(),
        };
    }
    Standing::Done
}

/// Whether everything that `wanted` says is so in `found`.
fn covers(found: &TopicSettings, wanted: &TopicSettings) -> bool {
    fn holds<T: PartialEq>(found: &Option<T>, wanted: &Option<T>) -> bool {
        wanted.is_none() || found == wanted
    }
    let TopicSettings {
        message_expiry,
        max_topic_size,
        compression,
        segment_size,
        durability,
        consumer_offset_durability,
        messages_required_to_save,
        size_of_messages_required_to_save,
        preallocate_segments,
    } = wanted;
    holds(&found.message_expiry, message_expiry)
        && holds(&found.max_topic_size, max_topic_size)
        && holds(&found.compression, compression)
        && holds(&found.segment_size, segment_size)
        && holds(&found.durability, durability)
        && holds(
            &found.consumer_offset_durability,
            consumer_offset_durability,
        )
        && holds(&found.messages_required_to_save, messages_required_to_save)
        && holds(
            &found.size_of_messages_required_to_save,
            size_of_messages_required_to_save,
        )
        && holds(&found.preallocate_segments, preallocate_segments)
}
