//! What is worth knowing about what a plan may delete, and takes reads of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Change, ChangeSet, Difference, SettingChange};
use super::removal::TopicRemoval;
use crate::address::Address;
use crate::name::ResourceName;
use crate::quantity::MessageExpiry;

/// What to ask the server, by the names that it has now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FactQuestions {
    /// Topics with messages: when did the oldest come? With the number of partitions
    /// where that is known, else all are asked.
    pub oldest: BTreeSet<Address>,
    /// Consumer groups: how much have they not read?
    pub lags: BTreeSet<Address>,
    /// Topics whose messages are to expire earlier: how many are older than that?
    pub older_than: BTreeMap<Address, MessageExpiry>,
}

impl FactQuestions {
    /// Whether there is nothing to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            oldest,
            lags,
            older_than,
        } = self;
        oldest.is_empty() && lags.is_empty() && older_than.is_empty()
    }
}

/// The answers; what is missing is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// When the oldest message of a topic came, in microseconds since the Unix epoch.
    pub oldest_micros: BTreeMap<Address, u64>,
    /// How many messages a consumer group has not read.
    pub lags: BTreeMap<Address, u64>,
    /// How many messages of a topic are older than its new expiry.
    pub older: BTreeMap<Address, u64>,
}

impl ChangeSet {
    /// What would be good to know. What is prunable counts only where it is `pruned`.
    #[must_use]
    pub fn fact_questions(&self, pruned: bool) -> FactQuestions {
        let mut questions = FactQuestions::default();
        for change in &self.changes {
            if let Difference::ChangeTopic(topic) = &change.difference
                && topic.holds.messages > 0
                && let Some(expiry) = topic.settings.iter().find_map(lowered_expiry)
            {
                let live = self.live_topic(&change.address, topic.renamed_from.as_ref());
                questions.older_than.insert(live, expiry);
            }
        }
        for change in self.prunable.iter().filter(|_| pruned) {
            let address = self.live_address(change);
            match &change.difference {
                Difference::DeleteTopic(topic) => questions.of_topic(&address, topic),
                Difference::DeleteStream(stream) => {
                    for (name, topic) in &stream.topics {
                        questions.of_topic(&topic_in(&address, name), topic);
                    }
                }
                Difference::DeleteConsumerGroup(_) => {
                    questions.lags.insert(address);
                }
                _ => {}
            }
        }
        questions
    }

    /// With what was found out.
    #[must_use]
    pub fn with_facts(mut self, facts: &Facts) -> Self {
        for change in &mut self.prunable {
            let address = self.live_names.of(&change.address);
            learn(change, &address, facts);
        }
        let lowered: Vec<(usize, Address)> = self
            .changes
            .iter()
            .enumerate()
            .filter_map(|(index, change)| match &change.difference {
                Difference::ChangeTopic(topic) => {
                    let from = topic.renamed_from.as_ref();
                    Some((index, self.live_topic(&change.address, from)))
                }
                _ => None,
            })
            .filter(|(_, address)| facts.older.contains_key(address))
            .collect();
        for (index, address) in lowered {
            if let Difference::ChangeTopic(topic) = &mut self.changes[index].difference {
                topic.expires_at_once = facts.older.get(&address).copied();
            }
        }
        self
    }

    fn live_topic(&self, address: &Address, renamed_from: Option<&ResourceName>) -> Address {
        match address {
            Address::Topic(stream, topic) => Address::Topic(
                self.live_stream_name(stream).clone(),
                renamed_from.unwrap_or(topic).clone(),
            ),
            other => other.clone(),
        }
    }
}

fn lowered_expiry(change: &SettingChange) -> Option<MessageExpiry> {
    match change.to {
        super::Setting::MessageExpiry(to) if change.lowers_retention() => Some(to),
        _ => None,
    }
}

impl FactQuestions {
    fn of_topic(&mut self, address: &Address, topic: &TopicRemoval) {
        if topic.holds.messages > 0 {
            self.oldest.insert(address.clone());
        }
        for group in topic.groups.iter().flat_map(BTreeMap::keys) {
            self.lags.extend(super::group_in(address, group));
        }
    }
}

fn learn(change: &mut Change, address: &Address, facts: &Facts) {
    match &mut change.difference {
        Difference::DeleteTopic(topic) => learn_topic(topic, address, facts),
        Difference::DeleteStream(stream) => {
            for (name, topic) in &mut stream.topics {
                learn_topic(topic, &topic_in(address, name), facts);
            }
        }
        Difference::DeleteConsumerGroup(group) => {
            group.lag = facts.lags.get(address).copied();
        }
        _ => {}
    }
}

fn learn_topic(topic: &mut TopicRemoval, address: &Address, facts: &Facts) {
    topic.oldest_micros = facts.oldest_micros.get(address).copied();
    for (name, group) in topic.groups.iter_mut().flatten() {
        group.lag = super::group_in(address, name)
            .and_then(|address| facts.lags.get(&address))
            .copied();
    }
}

fn topic_in(stream: &Address, topic: &ResourceName) -> Address {
    match stream {
        Address::Stream(stream) => Address::Topic(stream.clone(), topic.clone()),
        other => other.clone(),
    }
}
