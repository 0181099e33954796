//! Permissions by names instead of patterns.

use super::desired::{DesiredState, DesiredTopic, Presence};
use super::desired_user::{NameOrPattern, StreamRule, TopicRule};
use crate::name::ResourceName;

impl DesiredState {
    /// The same, with each pattern in the permissions of users replaced by the names that it
    /// means. A pattern means what is declared beside it: once several states are put
    /// together, it would mean what others declare, too, and grant access to that.
    #[must_use]
    pub fn with_patterns_spelled_out(mut self) -> Self {
        let mut users = std::mem::take(&mut self.users);
        for user in users.values_mut() {
            if let Some(permissions) = &mut user.permissions {
                let rules = std::mem::take(&mut permissions.streams);
                let named = rules.into_iter().flat_map(|rule| self.named_streams(rule));
                permissions.streams = named.collect();
            }
        }
        self.users = users;
        self
    }

    fn named_streams(&self, rule: StreamRule) -> Vec<StreamRule> {
        let names: Vec<ResourceName> = match &rule.name {
            NameOrPattern::Name(name) => vec![name.clone()],
            NameOrPattern::Pattern(pattern) => self
                .streams
                .iter()
                .filter(|(_, stream)| stream.presence == Presence::Declared)
                .filter(|(name, _)| pattern.matches(name.as_str()))
                .map(|(name, _)| name.clone())
                .collect(),
        };
        let rules = names.into_iter().map(|name| {
            let topics = rule.topics.iter();
            let topics = topics.flat_map(|topic| self.named_topics(&name, topic));
            StreamRule {
                topics: topics.collect(),
                name: NameOrPattern::Name(name.clone()),
                ..rule.clone()
            }
        });
        rules.collect()
    }

    fn named_topics(&self, stream: &ResourceName, rule: &TopicRule) -> Vec<TopicRule> {
        let NameOrPattern::Pattern(pattern) = &rule.name else {
            return vec![rule.clone()];
        };
        let topics = self.streams.get(stream).map(|stream| &stream.topics);
        let is_declared = |topic: &DesiredTopic| topic.presence == Presence::Declared;
        topics
            .into_iter()
            .flatten()
            .filter(|(name, topic)| is_declared(topic) && pattern.matches(name.as_str()))
            .map(|(name, _)| TopicRule {
                name: NameOrPattern::Name(name.clone()),
                ..rule.clone()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::diff::declared_grants;
    use crate::manifest::{SourceFile, Variables, compile};
    use crate::state::desired::DesiredState;
    use crate::testing::name;

    fn state(spec: &str) -> DesiredState {
        let text = format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyTopology\nmetadata: {{ name: a }}\nspec: {spec}\n"
        );
        let source = SourceFile::new("a.yaml", text.into_bytes());
        compile(&[source], &Variables::default()).unwrap().state
    }

    const OWN: &str = "{ streams: [{ name: orders, topics: [{ name: events }, { name: audit }] }, { name: more }], \
         users: [{ name: ann, permissions: { streams: [{ name: 'o*', topics: [{ name: '*', allow: [poll_messages] }] }, { name: '*', allow: [read_stream] }] } }] }";

    fn granted(state: &DesiredState) -> String {
        let grants = declared_grants(&state.users[&name("ann")], state).unwrap();
        let grants = grants.into_iter().map(|it| it.grants);
        let all = grants.reduce(|one, other| one.join(other)).unwrap();
        serde_json::to_string(&all).unwrap()
    }

    #[test]
    fn it_grants_the_same() {
        let own = state(OWN);
        let spelled_out = own.clone().with_patterns_spelled_out();
        assert_eq!(granted(&own), granted(&spelled_out));
        assert!(granted(&own).contains("audit"), "{}", granted(&own));
    }

    #[test]
    fn beside_others_it_grants_nothing_of_theirs() {
        let others = state(
            "{ streams: [{ name: other, topics: [{ name: secret }] }, { name: orders, topics: [{ name: hidden }] }] }",
        );
        let own = state(OWN);
        let mut joined = own.clone();
        joined.join(&others);
        assert!(granted(&joined).contains("secret"));
        let mut joined = own.clone().with_patterns_spelled_out();
        joined.join(&others);
        assert_eq!(granted(&joined), granted(&own));
    }
}
