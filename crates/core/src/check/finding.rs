use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::address::Address;

/// What is worth knowing before a plan is applied, in the order of the changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Findings {
    /// Each finding.
    pub findings: Vec<Finding>,
}

/// A risk, and what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Its stable code.
    #[schemars(with = "String")]
    pub code: FindingCode,
    /// How bad it is.
    pub severity: Severity,
    /// The resource by its declared name.
    #[schemars(with = "String")]
    pub address: Address,
    /// What happens, with the facts.
    pub message: String,
    /// What can be done about it.
    pub fix: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Somebody may want to know.
    Note,
    /// Somebody may be surprised.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
        })
    }
}

/// The kinds of findings. A code is never used for anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingCode {
    /// More partitions route keys elsewhere.
    KeyRoutingChanges,
    /// Messages expire earlier.
    ExpiryLowered,
    /// The topic may hold less.
    MaxSizeLowered,
    /// A size that the server cannot enforce with so many partitions.
    SizeNotEnforceable,
    /// Clients know the resource by the name that it loses.
    RenameBreaksClients,
    /// A previous name is there and stays.
    RenameIgnored,
    /// More is preallocated than a topic may have when it is created.
    PreallocationGrows,
    /// Users could not be read, so who gets access to what is created is not known.
    AccessNotRead,
    /// Whether a declared password is the live one cannot be found out.
    PasswordNotVerified,
    /// A preset gives more than its name says.
    PresetGivesMore,
}

impl FindingCode {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::KeyRoutingChanges,
        Self::ExpiryLowered,
        Self::MaxSizeLowered,
        Self::SizeNotEnforceable,
        Self::RenameBreaksClients,
        Self::RenameIgnored,
        Self::PreallocationGrows,
        Self::AccessNotRead,
        Self::PasswordNotVerified,
        Self::PresetGivesMore,
    ];

    /// The code as it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KeyRoutingChanges => "IGW0001",
            Self::ExpiryLowered => "IGW0002",
            Self::MaxSizeLowered => "IGW0003",
            Self::SizeNotEnforceable => "IGW0004",
            Self::RenameBreaksClients => "IGW0005",
            Self::RenameIgnored => "IGW0006",
            Self::PreallocationGrows => "IGW0007",
            Self::AccessNotRead => "IGW0008",
            Self::PasswordNotVerified => "IGW0009",
            Self::PresetGivesMore => "IGW0010",
        }
    }

    /// One line: what happens.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::KeyRoutingChanges => "more partitions route keys elsewhere",
            Self::ExpiryLowered => "messages expire earlier than now",
            Self::MaxSizeLowered => "a topic may hold less than now",
            Self::SizeNotEnforceable => "maxTopicSize cannot be kept with so many partitions",
            Self::RenameBreaksClients => "clients know a resource by the name that it loses",
            Self::RenameIgnored => "a previousName does not act",
            Self::PreallocationGrows => "a topic grows beyond what it could be created with",
            Self::AccessNotRead => "who gets access to what is created is not known",
            Self::PasswordNotVerified => "a password cannot be compared with the live one",
            Self::PresetGivesMore => "a preset has to give more than its name says",
        }
    }

    /// A paragraph about it, for a person who asks.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::KeyRoutingChanges => {
                "Producers hash the key of a message to one of the partitions that the topic has \
                 at that moment. After partitions are added, most keys hash to another one. \
                 Consumers may then see new messages of a key before older ones that still wait \
                 in the former partition."
            }
            Self::ExpiryLowered => {
                "The server deletes segments whose messages are all older than messageExpiry. A \
                 shorter one makes messages that are kept today subject to deletion at once."
            }
            Self::MaxSizeLowered => {
                "The server deletes the oldest segments of a topic that is larger than \
                 maxTopicSize. A smaller one makes messages that are kept today subject to \
                 deletion at once."
            }
            Self::SizeNotEnforceable => {
                "The server divides maxTopicSize by the number of partitions and never deletes \
                 the segment that is being written. A share smaller than one segment is accepted \
                 and cannot be kept, so the topic grows beyond its maximum."
            }
            Self::RenameBreaksClients => {
                "A rename keeps messages, offsets and consumer groups, and takes effect at once. \
                 Clients that still use the former name get an error, and producers and consumers \
                 that create what is missing make an empty resource under it."
            }
            Self::RenameIgnored => {
                "previousName acts only while the declared name is missing, and the previous one \
                 is there and not declared itself. Here both names exist; or the previous name is \
                 declared with a previousName of its own, of which nothing is there. So nothing is \
                 renamed, and what has the previous name stays as it is."
            }
            Self::PreallocationGrows => {
                "With preallocateSegments, each partition reserves a whole segment file. The \
                 server refuses to create a topic that reserves more than 64 GiB, and does not \
                 check that when partitions are added: the disk space is taken, and a topic like \
                 this one cannot be created again from its manifest."
            }
            Self::AccessNotRead => {
                "The server keeps permissions by the numbers of streams and topics, leaves them \
                 when those are deleted, and gives the numbers to what is created next. So \
                 iggyctl reads the permissions of all users before it creates something, and \
                 blocks what would be opened to somebody. This login may not read them, and the \
                 plan goes on without that protection."
            }
            Self::PasswordNotVerified => {
                "The server tells whether a password is the live one only by letting somebody log \
                 in with it, and an inactive user cannot. The plan leaves the password as it is."
            }
            Self::PresetGivesMore => {
                "A preset stands for the least permissions with which such a program works. The \
                 server has no narrower words: the SDK's producers and consumers read the stream \
                 and the topic before anything else, and who may read a stream may read the \
                 messages of all its topics, and delete their consumer groups. A program that \
                 names partitions itself gets by with directProducer or directConsumer; streams \
                 of their own keep others out."
            }
        }
    }
}

impl fmt::Display for FindingCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for FindingCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
