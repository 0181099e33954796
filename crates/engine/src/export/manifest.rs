use std::fmt::{self, Write};

use iggyctl_core::address::Address;
use iggyctl_core::api::v1alpha1::{API_VERSION, EDITOR_LINE, Kind, MetadataName, Name, StreamName};
use iggyctl_core::diff::Setting;
use iggyctl_core::name::ResourceName;
use iggyctl_core::quantity::{ByteSize, Compression, Durability, MaxTopicSize, MessageExpiry};
use iggyctl_core::render::escape;
use iggyctl_core::state::desired::TopicSettings;
use iggyctl_core::state::observed::{ObservedState, ObservedStream, ObservedTopic};
use iggyctl_core::wording::counted;

use super::left_out::LeftOut;
use super::{scalar, users};

/// What a server has, as a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The text, YAML with comments. Ends with a line break.
    pub manifest: String,
    /// What is not in it, also listed in its comments.
    pub left_out: Vec<LeftOut>,
}

/// What a topic has without anybody saying so: constants of the option catalogue,
/// not of a server's configuration (`iggy_common` 0.11.0, types/options/mod.rs).
const DEFAULTS: TopicSettings = TopicSettings {
    message_expiry: Some(MessageExpiry::NEVER),
    max_topic_size: Some(MaxTopicSize::UNLIMITED),
    compression: Some(Compression::None),
    segment_size: Some(ByteSize::GIB),
    durability: Some(Durability::Replicated),
    consumer_offset_durability: Some(Durability::Replicated),
    messages_required_to_save: Some(1024),
    size_of_messages_required_to_save: Some(ByteSize::MIB),
    preallocate_segments: Some(false),
};

pub(super) fn write(live: &ObservedState, left_out: Vec<LeftOut>) -> Export {
    let mut writer = Writer {
        body: String::new(),
        left_out,
    };
    // Writing to a string cannot fail.
    let _ = writer.streams(live);
    let Writer {
        mut body,
        mut left_out,
    } = writer;
    let _ = users::write(&live.access, &mut body, &mut left_out);
    left_out.sort();

    let mut manifest = format!(
        "{EDITOR_LINE}\n# The schema is what `iggyctl schema > iggyctl.schema.json` writes.\n# Settings that the server would choose by itself are left out.\n"
    );
    if !left_out.is_empty() {
        manifest.push_str("#\n# Not in this manifest:\n");
        for LeftOut { what, reason } in &left_out {
            let line = format!("{what}: {reason}");
            let _ = writeln!(manifest, "#   {}", escape(&line));
        }
    }
    let _ = write!(
        manifest,
        "apiVersion: {API_VERSION}\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n{body}",
        kind = Kind::IggyTopology,
        name = scalar::name(&document_name(live)),
    );
    Export { manifest, left_out }
}

/// The stream, when there is one; its name is a legal name of a document unless
/// it is very long.
fn document_name(live: &ObservedState) -> String {
    let mut names = live.streams.keys();
    match (names.next(), names.next()) {
        (Some(name), None) if name.as_str().parse::<MetadataName>().is_ok() => name.to_string(),
        _ => "exported".to_owned(),
    }
}

struct Writer {
    body: String,
    left_out: Vec<LeftOut>,
}

impl Writer {
    fn streams(&mut self, live: &ObservedState) -> fmt::Result {
        let mut none = true;
        for (name, stream) in &live.streams {
            if let Err(reason) = name.as_str().parse::<StreamName>() {
                self.left_out
                    .push(LeftOut::unnameable(Address::Stream(name.clone()), &reason));
                continue;
            }
            if none {
                self.body.push_str("  streams:\n");
                none = false;
            }
            self.stream(name, stream)?;
        }
        if none {
            self.body.push_str("  streams: []\n");
        }
        Ok(())
    }

    fn stream(&mut self, name: &ResourceName, stream: &ObservedStream) -> fmt::Result {
        let holds = holds(stream.messages, stream.size_bytes);
        writeln!(
            self.body,
            "    - name: {} # {holds}",
            scalar::name(name.as_str())
        )?;
        let mut none = true;
        for (topic_name, topic) in &stream.topics {
            if let Err(reason) = topic_name.as_str().parse::<Name>() {
                let address = Address::Topic(name.clone(), topic_name.clone());
                self.left_out.push(LeftOut::unnameable(address, &reason));
                continue;
            }
            if none {
                self.body.push_str("      topics:\n");
                none = false;
            }
            self.topic(name, topic_name, topic)?;
        }
        Ok(())
    }

    fn topic(
        &mut self,
        stream: &ResourceName,
        name: &ResourceName,
        topic: &ObservedTopic,
    ) -> fmt::Result {
        let holds = holds(topic.messages, topic.size_bytes);
        writeln!(
            self.body,
            "        - name: {} # {holds}",
            scalar::name(name.as_str())
        )?;
        writeln!(self.body, "          partitions: {}", topic.partitions)?;
        for setting in settings_to_write(&topic.settings) {
            let value = match setting {
                Setting::MessageExpiry(value) => scalar::quantity(&value.to_string()),
                Setting::MaxTopicSize(value) => scalar::quantity(&value.to_string()),
                Setting::Compression(value) => value.to_string(),
                Setting::SegmentSize(value) | Setting::SizeOfMessagesRequiredToSave(value) => {
                    scalar::quantity(&value.to_string())
                }
                Setting::Durability(value) | Setting::ConsumerOffsetDurability(value) => {
                    value.to_string()
                }
                Setting::MessagesRequiredToSave(value) => value.to_string(),
                Setting::PreallocateSegments(value) => value.to_string(),
            };
            writeln!(self.body, "          {}: {value}", setting.name())?;
        }
        let mut none = true;
        for group in topic.groups.iter().flatten().map(|(group, _)| group) {
            if let Err(reason) = group.as_str().parse::<Name>() {
                let address = Address::ConsumerGroup(stream.clone(), name.clone(), group.clone());
                self.left_out.push(LeftOut::unnameable(address, &reason));
                continue;
            }
            if none {
                self.body.push_str("          consumerGroups:\n");
                none = false;
            }
            writeln!(self.body, "            - {}", scalar::name(group.as_str()))?;
        }
        Ok(())
    }
}

/// Only what differs from the defaults.
fn settings_to_write(live: &TopicSettings) -> impl Iterator<Item = Setting> + use<> {
    let defaults: Vec<Setting> = Setting::present(&DEFAULTS).collect();
    Setting::present(live).filter(move |setting| !defaults.contains(setting))
}

fn holds(messages: u64, bytes: u64) -> String {
    match messages {
        0 => "empty".to_owned(),
        messages => format!("{}, {}", counted(messages, "message"), size(bytes)),
    }
}

/// Rounded, for people.
fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [
        ("TiB", 1 << 40),
        ("GiB", 1 << 30),
        ("MiB", 1 << 20),
        ("KiB", 1 << 10),
    ];
    for (unit, factor) in UNITS {
        if bytes >= factor {
            let tenths = u128::from(bytes) * 10 / u128::from(factor);
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    counted(bytes, "byte")
}
