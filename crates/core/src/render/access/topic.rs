use schemars::JsonSchema;
use serde::Serialize;

use super::FORMAT_VERSION;
use super::markdown::{Table, cell};
use super::overview::{AccessOverview, AccessSource, Standing};
use super::reason::{RightWithReasons, push_rights};
use super::user::status;
use crate::access::{Right, Scope};
use crate::address::Address;
use crate::name::ResourceName;
use crate::render::scope_text::safe;

/// What can be done with a topic, and the two abilities that reach it from
/// outside: deleting its stream, and giving oneself everything.
const RIGHTS: [Right; 6] = [
    Right::ReadTopic,
    Right::ChangeTopic,
    Right::PollMessages,
    Right::SendMessages,
    Right::ChangeStream,
    Right::ManageUsers,
];

/// Who may do something with a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopicAccess {
    /// Version of this form.
    pub format_version: u32,
    /// Where it is known from.
    pub source: AccessSource,
    /// The topic.
    #[schemars(with = "String")]
    pub topic: Address,
    /// Whoever may do something with it, in order.
    pub users: Vec<TopicUser>,
    /// Users of whom it is not known.
    pub unknown: Vec<UnknownUser>,
}

/// A user who may do something with a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopicUser {
    /// The user.
    #[schemars(with = "String")]
    pub user: ResourceName,
    /// Whether it may log in, and whether it is root.
    #[serde(flatten)]
    pub standing: Standing,
    /// What, and by which words. `change_stream` deletes the topic with its
    /// stream, `manage_users` gives oneself every right.
    pub rights: Vec<RightWithReasons>,
}

/// A user of whom it is not known what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnknownUser {
    /// The user.
    #[schemars(with = "String")]
    pub user: ResourceName,
    /// Why.
    pub reason: String,
}

impl AccessOverview {
    /// Who may do something with this topic.
    #[must_use]
    pub fn topic(&self, stream: &ResourceName, topic: &ResourceName) -> TopicAccess {
        let scope = Scope::Topic(stream.clone(), topic.clone());
        let (mut users, mut unknown) = (Vec::new(), Vec::new());
        for (name, user) in &self.users {
            let rights: Vec<RightWithReasons> = match (&user.entries, user.effective()) {
                _ if user.standing.root => RIGHTS.map(RightWithReasons::of_root).into(),
                (Ok(_), Some(effective)) => RIGHTS
                    .into_iter()
                    .filter(|right| effective.allows(*right, &scope))
                    .map(|right| user.because(right, &scope))
                    .collect(),
                (Err(reason), _) => {
                    unknown.push(UnknownUser {
                        user: name.clone(),
                        reason: reason.clone(),
                    });
                    continue;
                }
                (Ok(_), None) => continue,
            };
            if !rights.is_empty() {
                users.push(TopicUser {
                    user: name.clone(),
                    standing: user.standing.clone(),
                    rights,
                });
            }
        }
        TopicAccess {
            format_version: FORMAT_VERSION,
            source: self.source,
            topic: Address::Topic(stream.clone(), topic.clone()),
            users,
            unknown,
        }
    }
}

impl RightWithReasons {
    /// Root needs no words.
    fn of_root(right: Right) -> Self {
        Self {
            right,
            because: Vec::new(),
        }
    }
}

impl TopicAccess {
    /// As people read it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{}, {}:\n\n", safe(&self.topic), self.source.text());
        for TopicUser {
            user,
            standing,
            rights,
        } in &self.users
        {
            text.push_str(&format!("  {}{}\n", safe(user), status(standing)));
            if standing.root {
                text.push_str("    everything\n");
            } else {
                push_rights(&mut text, rights);
            }
        }
        let notes = self.notes();
        if !self.users.is_empty() && !notes.is_empty() {
            text.push('\n');
        }
        for note in notes {
            text.push_str(&note);
            text.push('\n');
        }
        text
    }

    /// As a matrix: a line for each user, a column for each right.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let columns = RIGHTS.iter().map(|right| right.to_string());
        let mut table = Table::new(std::iter::once("User".to_owned()).chain(columns));
        let here = match &self.topic {
            Address::Topic(stream, topic) => Scope::Topic(stream.clone(), topic.clone()),
            _ => Scope::Server,
        };
        for TopicUser {
            user,
            standing,
            rights,
        } in &self.users
        {
            let cells = RIGHTS.iter().map(|column| {
                let right = rights.iter().find(|right| right.right == *column);
                match right {
                    Some(_) if standing.root => "root".to_owned(),
                    Some(right) => cell(&right.because, &here),
                    None => String::new(),
                }
            });
            table.row(&format!("{}{}", safe(user), status(standing)), cells);
        }
        table.document(&safe(&self.topic), self.source, &self.notes())
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.users.is_empty() {
            notes.push("No user may do anything with it.".to_owned());
        }
        for UnknownUser { user, reason } in &self.unknown {
            notes.push(format!("Not known of {}: {}.", safe(user), safe(reason)));
        }
        if self.source == AccessSource::Manifests {
            notes.push("Root may do everything; manifests do not say who that is.".to_owned());
        }
        notes
    }
}
