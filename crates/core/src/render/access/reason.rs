use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::access::{Preset, Right, Scope};
use crate::address::Address;
use crate::diagnostic::Origin;
use crate::name::ResourceName;
use crate::render::escape;
use crate::render::scope_text::scope_text;

/// A right, and what gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RightWithReasons {
    /// The right.
    pub right: Right,
    /// Each of these is enough alone; empty for root, which needs none.
    pub because: Vec<Reason>,
}

/// Words of the server that give a right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// Where they are granted: `server`, or an address.
    #[serde(serialize_with = "scope_address")]
    #[schemars(with = "String")]
    pub on: Scope<ResourceName>,
    /// The words, each enough alone.
    pub words: Vec<&'static str>,
    /// The preset that stands for them in the manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// The entry of the manifest; absent when a server was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

impl Reason {
    /// `read_stream on orders (preset producer), topology.yaml:17`
    pub(super) fn text(&self) -> String {
        let Self {
            on,
            words,
            preset,
            origin,
        } = self;
        let mut text = format!("{} on {}", words.join(" or "), scope_text(on.as_ref()));
        if let Some(preset) = preset {
            text.push_str(&format!(" (preset {preset})"));
        }
        if let Some(origin) = origin {
            text.push_str(&format!(", {}", place(origin)));
        }
        text
    }
}

/// The file and the line: every entry has a line of its own in practice.
pub(super) fn place(origin: &Origin) -> String {
    format!("{}:{}", escape(&origin.file), origin.line)
}

/// As in the JSON of plans, with `server` for the whole server.
pub(super) fn scope_address<S: Serializer>(
    scope: &Scope<ResourceName>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match scope {
        Scope::Server => serializer.serialize_str("server"),
        Scope::Stream(stream) => Address::Stream(stream.clone()).serialize(serializer),
        Scope::Topic(stream, topic) => {
            Address::Topic(stream.clone(), topic.clone()).serialize(serializer)
        }
    }
}

/// Rights in lines, those with the same reasons together:
///
/// ```text
///     read_topic, poll_messages
///       by read_stream on orders, topology.yaml:17
/// ```
pub(super) fn push_rights(text: &mut String, rights: &[RightWithReasons]) {
    let mut groups: Vec<(&[Reason], Vec<&str>)> = Vec::new();
    for RightWithReasons { right, because } in rights {
        match groups.iter_mut().find(|(reasons, _)| reasons == because) {
            Some((_, words)) => words.push(right.as_str()),
            None => groups.push((because, vec![right.as_str()])),
        }
    }
    for (reasons, words) in groups {
        text.push_str(&format!("    {}\n", words.join(", ")));
        for reason in reasons {
            text.push_str(&format!("      by {}\n", reason.text()));
        }
    }
}
