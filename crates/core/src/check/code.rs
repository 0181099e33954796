use std::fmt;

use serde::Serialize;

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
    /// A user gets rights on the whole server.
    ServerWideRights,
    /// An entry of a user's permissions grants nothing, since it means nothing.
    GrantUnused,
    /// The login is root's with the password that everybody knows.
    DefaultRootPassword,
    /// Two users have one password.
    PasswordShared,
    /// A user that cannot log in has tokens.
    TokensOfInactiveUser,
    /// A token is valid for ever.
    TokenNeverExpires,
    /// The server has a token whose value is not where it belongs.
    TokenElsewhere,
    /// The server does not take the value of a token.
    TokenValueRefused,
    /// A token was created to be valid for another time than is declared.
    TokenExpiryDiffers,
    /// The tokens of a user could not be listed.
    TokenNotCompared,
    /// Users that the manifests own and do not declare.
    UsersNotDeclared,
    /// A declared user is inactive, and no manifest says that it should be.
    InactiveUnsaid,
    /// The value of a token can be read by others than its owner.
    TokenOpenToOthers,
    /// Far more partitions than a topic needs, or than its readers, or none.
    PartitionsOutOfProportion,
    /// A topic keeps everything.
    RetentionUnlimited,
    /// A consumer group that no declared user may join.
    GroupWithoutReader,
    /// What is owned and not declared could not be listed.
    OwnedNotListed,
}

impl FindingCode {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 27] = [
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
        Self::ServerWideRights,
        Self::GrantUnused,
        Self::DefaultRootPassword,
        Self::PasswordShared,
        Self::TokensOfInactiveUser,
        Self::TokenNeverExpires,
        Self::TokenElsewhere,
        Self::TokenValueRefused,
        Self::TokenExpiryDiffers,
        Self::TokenNotCompared,
        Self::UsersNotDeclared,
        Self::InactiveUnsaid,
        Self::TokenOpenToOthers,
        Self::PartitionsOutOfProportion,
        Self::RetentionUnlimited,
        Self::GroupWithoutReader,
        Self::OwnedNotListed,
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
            Self::ServerWideRights => "IGW0011",
            Self::GrantUnused => "IGW0012",
            Self::DefaultRootPassword => "IGW0013",
            Self::PasswordShared => "IGW0014",
            Self::TokensOfInactiveUser => "IGW0015",
            Self::TokenNeverExpires => "IGW0016",
            Self::TokenElsewhere => "IGW0017",
            Self::TokenValueRefused => "IGW0018",
            Self::TokenExpiryDiffers => "IGW0019",
            Self::TokenNotCompared => "IGW0020",
            Self::UsersNotDeclared => "IGW0021",
            Self::InactiveUnsaid => "IGW0022",
            Self::TokenOpenToOthers => "IGW0023",
            Self::PartitionsOutOfProportion => "IGW0024",
            Self::RetentionUnlimited => "IGW0025",
            Self::GroupWithoutReader => "IGW0026",
            Self::OwnedNotListed => "IGW0027",
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
            Self::ServerWideRights => "a user has rights on the whole server",
            Self::GrantUnused => "an entry of a user's permissions grants nothing",
            Self::DefaultRootPassword => "root still has its default password",
            Self::PasswordShared => "two users have the same password",
            Self::TokensOfInactiveUser => "an inactive user has access tokens",
            Self::TokenNeverExpires => "an access token never expires",
            Self::TokenElsewhere => "a valid token is not where it was to be written",
            Self::TokenValueRefused => "the server does not take the value of a token",
            Self::TokenExpiryDiffers => "a token was created with another expiry",
            Self::TokenNotCompared => "the tokens of a user could not be listed",
            Self::UsersNotDeclared => "users are owned and not declared",
            Self::InactiveUnsaid => "a declared user is inactive, and no manifest says so",
            Self::TokenOpenToOthers => "the value of a token can be read by others",
            Self::PartitionsOutOfProportion => "the number of partitions is out of proportion",
            Self::RetentionUnlimited => "a topic keeps everything until the disk is full",
            Self::GroupWithoutReader => "no declared user may join a consumer group",
            Self::OwnedNotListed => "what is owned and not declared is not known",
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
                 in with it, and an inactive user cannot. The plan leaves the password as it is; it \
                 is made sure of before an apply makes the user active."
            }
            Self::PresetGivesMore => {
                "A preset stands for the least permissions with which such a program works. The \
                 server has no narrower words: the SDK's producers and consumers read the stream \
                 and the topic before anything else, and who may read a stream may read the \
                 messages of all its topics, and delete their consumer groups. A program that \
                 names partitions itself gets by with directProducer or directConsumer; streams \
                 of their own keep others out."
            }
            Self::ServerWideRights => {
                "A right on the whole server is one on every stream and topic, also on those of \
                 other teams and on those that are created later. With manage_users one can give \
                 oneself and others everything. It is a warning where something can be changed, \
                 and a note where it can only be read or sent. A plan says it of users that it \
                 creates or gives other permissions; `iggyctl validate` and `iggyctl access \
                 --user` say it always."
            }
            Self::GrantUnused => {
                "A pattern means declared streams and topics only, and this one matches none; or \
                 the entry is optional, and what it names is neither declared nor on the server. \
                 It may be a misspelling, or left over from something that is gone; and once \
                 something gets the name, the user has access to it. Without a server only \
                 patterns can be judged. Whether a user makes use of what it may do is not known \
                 to anybody: the server counts nothing."
            }
            Self::DefaultRootPassword => {
                "This very connection is root's, with the password iggy, which a server has when \
                 it is started with --with-default-root-credentials, and which anybody tries \
                 first. It is said in plans of users, of servers that are reached by another \
                 address than a loopback one. Declare root with a password, and the default one \
                 as previousPassword; docs/access.md has the steps."
            }
            Self::PasswordShared => {
                "Whoever knows the password of one of them can log in as the other, and a leak \
                 concerns both. Without the secrets it is seen where two users name the same \
                 source; a plan that reads them sees equal values from different sources, too. A \
                 plan says it when it creates one of the users or changes its password; `iggyctl \
                 validate` says it always."
            }
            Self::TokensOfInactiveUser => {
                "The server creates, lists and deletes access tokens only for the user that is \
                 logged in, and an inactive one cannot log in. So its tokens are neither looked \
                 at nor created, replaced or revoked; those that there are do not work until it \
                 is active again."
            }
            Self::TokenNeverExpires => {
                "A token without an expiry works until somebody deletes it, wherever a copy of it \
                 is. With expiry and rotateBefore it is replaced in time, and a copy that leaked \
                 ends by itself. A plan says it when it creates or replaces the token; `iggyctl \
                 validate` says it always."
            }
            Self::TokenElsewhere => {
                "The server shows the value of a token once, when it is created. It has a valid \
                 token of this name, and where writeTo says, there is none: it was delivered from \
                 another checkout or machine, or the file was removed. A plan does not replace it \
                 by itself, since whoever uses it would be locked out; --rotate with its address \
                 creates a new one, writes it here and then revokes the old one."
            }
            Self::TokenValueRefused => {
                "There is a value where writeTo says and a valid token on the server, and a login \
                 with the value is refused: somebody replaced one of the two. --rotate with the \
                 address of the token creates a new one and revokes the old one."
            }
            Self::TokenExpiryDiffers => {
                "The server keeps only the moment when a token ends, so an expiry that changes in \
                 a manifest is for the next token, and no reason to replace a valid one. --rotate \
                 with the address of the token replaces it now."
            }
            Self::TokenNotCompared => {
                "The server lists the tokens of a user only to that user, so iggyctl logs in as \
                 the user to compare them. Here it could not, because its password is not known, \
                 it becomes active only now, or --skip-password-check was given. The plan leaves its \
                 tokens as they are."
            }
            Self::UsersNotDeclared => {
                "These users are inside `owns.users`, and no manifest declares them: somebody made \
                 them by hand, or removed them from the manifests. A plan leaves them as they are. \
                 With --prune they lose all permissions and become inactive, and are then no \
                 longer mentioned. They are not deleted, unless one is named with --allow-destroy: \
                 live connections of a deleted user go on, and act as whoever gets its number next."
            }
            Self::InactiveUnsaid => {
                "The user is declared without `status`, so a plan leaves it as it is, and on the \
                 server it is inactive: somebody deactivated it, or it was removed with --prune and \
                 is declared again. It cannot log in, by password or by token. Write `status: \
                 active` to let it in, or `status: inactive` if that is meant."
            }
            Self::TokenOpenToOthers => {
                "iggyctl writes the value of a token to a file that only its owner can read. \
                 Somebody has given others the right to read it since. The next delivery takes it \
                 away again; whoever has read the value meanwhile has the token until it is \
                 replaced."
            }
            Self::PartitionsOutOfProportion => {
                "A partition is what one member of a consumer group reads: a topic needs as many \
                 as its largest group has members. Each has a folder and a log of its own on the \
                 server, so more than 1000 cost much for what few can read at once. Fewer than there are members leaves some without \
                 work: a plan says that where it sees the members. None at all, with consumer \
                 groups declared, is a topic that cannot be written to or read."
            }
            Self::RetentionUnlimited => {
                "Without messageExpiry the server keeps messages for ever, without maxTopicSize a \
                 topic grows without a limit; with neither, the disk fills up, and then no topic \
                 of the server takes messages. It may be meant, such as for an audit. A plan says \
                 it of a topic that is created with one of both set to `never` or `unlimited` and \
                 nothing that limits it, and of one whose last limit is taken away; `iggyctl \
                 validate` also of topics of which manifests say nothing."
            }
            Self::GroupWithoutReader => {
                "The server lets a user join a consumer group who may read its topic, and its \
                 members poll. The permissions of all declared users are known, and none of them \
                 may: the group has no reader, or its reader is managed elsewhere, or logs in as \
                 root, who may everything. Where nobody is declared, or somebody whose permissions \
                 are not managed, nothing is said."
            }
            Self::OwnedNotListed => {
                "`spec.owns` has patterns of streams, or users, and this login may not list them. \
                 A plan shows what is owned and no manifest declares, since --prune removes it; \
                 here it cannot, so that it shows nothing does not mean that there is nothing. \
                 With --prune such a login is refused, and `iggyctl drift` ends with 77."
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
