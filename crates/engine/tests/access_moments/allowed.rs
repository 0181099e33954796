//! Who may do what at some moment, because it was so before, or because the
//! manifests say so: reckoned without any code of diff, plan and apply.

use iggyctl_core::access::{EffectiveRights, Grants, Preset, Right, Scope, StreamGrants};
use iggyctl_core::name::ResourceName;
use iggyctl_core::state::desired::DesiredState;
use iggyctl_core::state::desired_user::{DesiredPermissions, NameOrPattern, StreamRule};
use iggyctl_embedded::{AccessSnapshot, Action, Permissions, StreamIncarnation, may};

use std::collections::BTreeMap;

/// One command of the server for each right of the model.
const RIGHTS: [(Right, Action); 13] = [
    (Right::ListStreams, Action::GetStreams),
    (Right::CreateStream, Action::CreateStream),
    (Right::ReadStream, Action::GetStream),
    (Right::ChangeStream, Action::UpdateStream),
    (Right::ListTopics, Action::GetTopics),
    (Right::ReadTopic, Action::GetTopic),
    (Right::CreateTopic, Action::CreateTopic),
    (Right::ChangeTopic, Action::UpdateTopic),
    (Right::PollMessages, Action::PollMessages),
    (Right::SendMessages, Action::SendMessages),
    (Right::ReadUsers, Action::GetUsers),
    (Right::ManageUsers, Action::UpdatePermissions),
    (Right::ReadServers, Action::GetStats),
];

/// An id, and since when what has it now has it.
type Incarnation = (u32, u64);

/// What a right is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Server,
    Stream(Incarnation),
    Topic(Incarnation, Incarnation),
}

/// A user, by its incarnation, who may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ability {
    user: Incarnation,
    right: Right,
    target: Target,
}

pub(crate) struct Allowed<'a> {
    before: &'a AccessSnapshot,
    after: &'a AccessSnapshot,
    /// Of the users whose permissions are declared, by the ids at the end.
    declared: BTreeMap<Incarnation, EffectiveRights<u32>>,
}

impl<'a> Allowed<'a> {
    /// `after` is taken for what the names of the manifests are called by id,
    /// never for who may do what.
    pub(crate) fn new(
        before: &'a AccessSnapshot,
        desired: &DesiredState,
        after: &'a AccessSnapshot,
    ) -> Self {
        let users = after.users.iter().filter_map(|(id, user)| {
            let name: ResourceName = user.name.parse().unwrap();
            let permissions = desired.users.get(&name)?.permissions.as_ref()?;
            let grants = by_id(permissions, desired, after);
            Some(((*id, user.created_at), grants.effective()))
        });
        Self {
            before,
            after,
            declared: users.collect(),
        }
    }

    /// Something that somebody may do now and neither may nor should.
    pub(crate) fn excess(&self, now: &AccessSnapshot) -> Option<Ability> {
        let targets = targets(now);
        for (id, user) in &now.users {
            let incarnation = (*id, user.created_at);
            let before = self.before.users.get(id);
            let before = before.filter(|before| before.created_at == user.created_at);
            if before.is_some_and(|before| before.permissions == user.permissions)
                && now.streams == self.before.streams
            {
                continue;
            }
            for (right, action) in RIGHTS {
                for target in &targets {
                    let (stream, topic) = match target {
                        Target::Server => (None, None),
                        Target::Stream(stream) => (Some(stream.0), None),
                        Target::Topic(stream, topic) => (Some(stream.0), Some(topic.0)),
                    };
                    if !may(user.permissions.as_ref(), action, stream, topic) {
                        continue;
                    }
                    let ability = Ability {
                        user: incarnation,
                        right,
                        target: *target,
                    };
                    let before = before.and_then(|before| before.permissions.as_ref());
                    if !self.was_so(before, action, target) && !self.is_declared(&ability) {
                        return Some(ability);
                    }
                }
            }
        }
        None
    }

    /// A right on all of something is one on what is made in it later, too; a
    /// right by number is none on what gets the number later.
    fn was_so(&self, permissions: Option<&Permissions>, action: Action, target: &Target) -> bool {
        let Some(permissions) = permissions else {
            return false;
        };
        let (stream, topic) = match target {
            Target::Server => (None, None),
            Target::Stream(stream) => (Some(*stream), None),
            Target::Topic(stream, topic) => (Some(*stream), Some(*topic)),
        };
        let mut permissions = permissions.clone();
        let known = stream.and_then(|stream| known_stream(self.before, stream));
        if known.is_none() {
            permissions.streams = None;
        }
        let is_known = |topic: Incarnation| {
            known
                .and_then(|known| known.topics.get(&topic.0))
                .is_some_and(|known| known.created_at == topic.1)
        };
        if !topic.is_some_and(is_known) {
            for granted in permissions.streams.iter_mut().flatten() {
                granted.1.topics = None;
            }
        }
        let id = |incarnation: Incarnation| incarnation.0;
        may(Some(&permissions), action, stream.map(id), topic.map(id))
    }

    fn is_declared(&self, ability: &Ability) -> bool {
        let scope = match ability.target {
            Target::Server => Scope::Server,
            Target::Stream(stream) if known_stream(self.after, stream).is_some() => {
                Scope::Stream(stream.0)
            }
            Target::Topic(stream, topic) if known_stream(self.after, stream).is_some() => {
                Scope::Topic(stream.0, topic.0)
            }
            // What is wanted on everything is wanted on what still waits for
            // its deletion: a refusal of another step may let that come first.
            Target::Stream(_) | Target::Topic(..) => Scope::Server,
        };
        self.declared
            .get(&ability.user)
            .is_some_and(|rights| rights.allows(ability.right, &scope))
    }
}

fn known_stream(access: &AccessSnapshot, stream: Incarnation) -> Option<&StreamIncarnation> {
    let known = access.streams.get(&stream.0);
    known.filter(|known| known.created_at == stream.1)
}

fn targets(access: &AccessSnapshot) -> Vec<Target> {
    let mut targets = vec![Target::Server];
    for (id, stream) in &access.streams {
        let of_stream = (*id, stream.created_at);
        targets.push(Target::Stream(of_stream));
        let topics = stream.topics.iter();
        targets.extend(topics.map(|(id, topic)| Target::Topic(of_stream, (*id, topic.created_at))));
    }
    targets
}

/// The words of a manifest on what has its names in the end; what has none is
/// left out.
fn by_id(
    permissions: &DesiredPermissions,
    desired: &DesiredState,
    access: &AccessSnapshot,
) -> Grants<u32> {
    let DesiredPermissions {
        preset,
        allow,
        streams,
    } = permissions;
    let mut grants = of_preset(*preset, Scope::Server);
    grants.server.extend(allow);
    for rule in streams {
        for (id, stream) in &access.streams {
            let name: ResourceName = stream.name.parse().unwrap();
            let is_meant = match &rule.name {
                NameOrPattern::Name(meant) => *meant == name,
                NameOrPattern::Pattern(pattern) => {
                    desired.streams.contains_key(&name) && pattern.matches(name.as_str())
                }
            };
            if is_meant {
                grants = grants.join(of_rule(rule, *id, stream));
            }
        }
    }
    grants.normal()
}

fn of_rule(rule: &StreamRule, id: u32, stream: &StreamIncarnation) -> Grants<u32> {
    let mut grants = of_preset(rule.preset, Scope::Stream(id));
    let own = |allow, topics| Grants {
        streams: [(id, StreamGrants { allow, topics })].into(),
        ..Grants::default()
    };
    grants = grants.join(own(rule.allow.clone(), BTreeMap::new()));
    for topic_rule in &rule.topics {
        let NameOrPattern::Name(meant) = &topic_rule.name else {
            panic!("no generated rule has a pattern of topics");
        };
        for (topic, there) in &stream.topics {
            if there.name == meant.as_str() {
                let allow = topic_rule.allow.clone();
                grants = grants
                    .join(of_preset(topic_rule.preset, Scope::Topic(id, *topic)))
                    .join(own([].into(), [(*topic, allow)].into()));
            }
        }
    }
    grants
}

fn of_preset(preset: Option<Preset>, scope: Scope<u32>) -> Grants<u32> {
    preset.map_or_else(Grants::default, |preset| preset.grants(&scope))
}
