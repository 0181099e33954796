use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A text that is no code of this program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an error code; codes look like `IGC0012`")]
pub struct UnknownCode(pub String);

/// One row per code: the enum, its text, title and explanation cannot drift apart.
macro_rules! codes {
    ($($variant:ident = $text:literal, $title:literal, $explanation:literal;)+) => {
        /// Every way in which an input can be wrong, by a code that never
        /// changes its meaning and is never given out again.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $variant,)+
        }

        impl Code {
            /// Every code, ascending.
            #[must_use]
            pub fn all() -> &'static [Self] {
                &[$(Self::$variant),+]
            }

            /// The code as it is printed, `IGC0012`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// One line: what is wrong.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }

            /// Why it is refused and how to repair it, as Markdown.
            #[must_use]
            pub fn explanation(self) -> &'static str {
                match self { $(Self::$variant => $explanation),+ }
            }
        }
    };
}

codes! {
    UnreadableSource = "IGC0001", "a file cannot be read",
        "The file, folder or pattern given with `-f` does not exist, may not be read, or is not a file. Check the path and the permissions; quote patterns so that the shell leaves them alone.";
    NoManifests = "IGC0002", "no manifests were found",
        "What was given with `-f` holds no manifest: a folder without `.yaml`, `.yml` or `.json` files, a pattern that matches nothing, or files with nothing but comments. `iggyctl init` writes a first manifest.";
    NotUtf8 = "IGC0003", "a file is not UTF-8",
        "Manifests are UTF-8 text. Save the file as UTF-8; UTF-16 and Latin-1 are not read.";
    ControlCharacter = "IGC0004", "a file holds a control character",
        "NUL and other control characters have no place in a manifest: the file is probably binary or damaged. Inside a double-quoted text, write them as an escape such as `\\u0007`.";
    Syntax = "IGC0005", "the text is not YAML or JSON",
        "The parser could not read the file. Usual causes: a tab in the indentation, a missing space after `:` or `-`, an unclosed quote or bracket, a value that begins with `*`, `&`, `@` or `%` and needs quotes.";
    TooLarge = "IGC0006", "a file is too large",
        "A file may have at most 64 MiB. Split it: several files given with `-f` are one desired state.";
    TooDeep = "IGC0007", "values are nested too deeply",
        "A manifest needs less than ten levels; more than 64 are refused, so that a damaged or hostile file cannot exhaust the memory.";
    TooManyValues = "IGC0008", "aliases multiply the document",
        "YAML aliases (`*name`) repeat what an anchor (`&name`) names, and aliases of aliases grow exponentially. A document in which aliases repeat more than 1,000,000 values is refused.";
    DuplicateKey = "IGC0009", "a field is given twice",
        "YAML forbids a key twice in one mapping, and readers disagree about which one counts. Remove one; the message names both places.";
    EmptyFile = "IGC0010", "a file holds no manifest",
        "The file is empty or holds only comments. Remove it from `-f`, or write a manifest; `iggyctl init` shows one.";
    UnknownVariable = "IGC0011", "a variable has no value",
        "`${name}` takes its value from `--set name=value`, `--values FILE` or the environment variable `IGGYCTL_VAR_name`; the rest of the environment is never read. `${name:-default}` gives a default, `$${` writes a literal `${`.";
    UnknownField = "IGC0012", "a field is not known",
        "The kind has no field of this name; the message suggests the nearest one. Field names are camelCase and case-sensitive. `iggyctl schema KIND` prints every field, and an editor that reads the `yaml-language-server` line of the examples completes them.";
    UnknownKind = "IGC0013", "a kind is not known",
        "The kinds are `IggyTopology`, `IggyStream`, `IggyTopic`, `IggyConsumerGroup`, `IggyUser`, `IggyAccessToken` and, for policies, `IggyPolicy`; for the operator there are `IggyServer`, `ClusterIggyServer` and `IggySmokeTest`, which the command line passes over.";
    UnknownApiVersion = "IGC0014", "an apiVersion is not known",
        "Manifests of this program say `apiVersion: iggyctl.dev/v1alpha1`. Documents for other programs cannot be mixed in.";
    MissingField = "IGC0015", "a required field is missing",
        "The field has no default. `iggyctl schema KIND` lists what is required.";
    WrongType = "IGC0016", "a value has the wrong type",
        "A text was expected and a number found, a list where one value belongs, or the like. YAML reads `123`, `true` and `null` as number, boolean and nothing: quote them where a text is meant. A field without a value is nothing too; leave the whole line out to leave the setting alone.";
    UnknownValue = "IGC0017", "a value is not one of the allowed ones",
        "The field takes one of a few words, listed in the message; they are case-sensitive.";
    BadQuantity = "IGC0018", "a size or a duration cannot be read",
        "Durations: `7d`, `36h`, `1h 30m`, ISO 8601 such as `P7D`, or `never`. Sizes: `256MiB`, `50GiB`, `50GB`, a number of bytes, or `unlimited` where that makes sense. 0 is refused: the server takes it for \"default\"; leave the field out to leave the setting alone.";
    OutOfRange = "IGC0019", "a number is out of range",
        "The server takes only numbers between the bounds in the message. A topic has 0 to 1,000,000 partitions; `messagesRequiredToSave` is 1 to 16,777,216.";
    VariableSyntax = "IGC0020", "a variable is written wrongly",
        "Variables are written `${name}` or `${name:-default}`; a name has letters, digits, `_`, `-` and `.`, and does not begin with a digit. A literal `${` is written `$${`.";
    NameLength = "IGC0021", "a name is empty or too long",
        "Names of streams, topics and consumer groups have 1 to 255 bytes of UTF-8: their length travels as one byte. Those of users have 3 to 50, those of access tokens 1 to 28, and `metadata.name` has 1 to 253, as Kubernetes takes it.";
    DigitOnlyName = "IGC0022", "a name is a number",
        "The official tools read digits, also with a `+` before them, as a numeric id, so a stream called `123` cannot be reached by its name, or somebody else's stream with the id 123 is reached instead. Add a letter.";
    ControlCharacterInName = "IGC0023", "a name holds a control character",
        "The server would take it, but nobody could type or see it, and in a terminal or a log it can do harm.";
    ReservedName = "IGC0024", "a name is reserved",
        "Streams whose name begins with `iggyctl` belong to this program, and no manifest may declare or own them. The name of an access token does not end with `~2`: that is the second name that it has while it is replaced.";
    UnsupportedYaml = "IGC0025", "a YAML feature is not supported",
        "Manifests are plain data: no custom tags (`!name`), no keys that are lists or mappings. Anchors, aliases and `<<` merges are fine.";
    DuplicateResource = "IGC0030", "a resource is declared twice",
        "Each stream, topic and consumer group is declared in one place, in an `IggyTopology` or in a document of its own. A stream shared by teams is declared once; the others add `IggyTopic` documents that name it. The message names both places.";
    SecondTopology = "IGC0031", "there are two IggyTopology documents",
        "The `IggyTopology` names the project that owns history and pruning, so there is at most one in what is applied together. Merge them, or apply them separately.";
    RenameCycle = "IGC0032", "renames go in a circle",
        "`previousName` says which name a resource had. If `a` was `b` and `b` was `a`, then an apply that has finished cannot be told from one that has not begun. Rename through a third name, in two applies.";
    RenameConflict = "IGC0033", "two resources claim the same previous name",
        "One resource can be renamed to one name only. Keep `previousName` where the data should go.";
    SizeBelowSegment = "IGC0034", "maxTopicSize is below segmentSize",
        "The server deletes whole segments, so a topic must be allowed to hold at least one; it refuses such a topic (error 1019). Without `segmentSize` a new topic gets segments of 1 GiB. No segment is smaller than 1 MiB, so no limit below that is ever right.";
    SegmentSize = "IGC0035", "segmentSize is not one the server takes",
        "A segment has 1 MiB to 1 GiB, in multiples of 512 bytes.";
    TooManyTopics = "IGC0036", "a stream has too many topics",
        "A stream holds at most 4096 topics (server error 2021).";
    PreallocationTooLarge = "IGC0037", "preallocated segments are too large together",
        "With `preallocateSegments`, each partition reserves a whole segment file, and the server refuses to create a topic with more than 64 GiB of them. Use fewer partitions or a smaller `segmentSize`. A warning, since the server checks this only when a topic is created, and one that grew later may have more: a plan that would create such a topic is blocked, and a plan that lets one grow beyond it says so.";
    SaveSizeTooLarge = "IGC0038", "sizeOfMessagesRequiredToSave is too large",
        "A partition is flushed when it holds this many bytes that are not on disk yet; the server takes at most 1 GiB.";
    OwnsPattern = "IGC0039", "a pattern of owns cannot be used",
        "`owns.streams` and `owns.users` hold names or patterns with `*` and `?`; `owns.topics` holds `stream/topic`, where both may be patterns. Nothing can own the streams that begin with `iggyctl`.";
    OwnsOverlap = "IGC0040", "owns says the same thing twice",
        "A stream that is owned is owned with all its topics, so an entry of `owns.topics` below it adds nothing. A warning: it usually means that one of the two is a mistake.";
    UnenforceableSize = "IGC0041", "maxTopicSize cannot be kept",
        "The server enforces `maxTopicSize` per partition, divided by their number, and never below one segment: `partitions × segmentSize` is the smallest limit that works. A warning; the topic will grow beyond its limit.";
    TooManyStreams = "IGC0042", "there are too many streams",
        "A server holds at most 1,048,576 streams (server error 1020).";
    LiteralSecret = "IGC0043", "a password stands in a manifest",
        "Manifests are kept in version control, reviewed and printed, so a password or token never stands in one, not even for a test. Say where it comes from: `{ env: NAME }` for an environment variable, `{ file: PATH }`, `{ context: NAME }` for a secret of the context file (which may ask a password manager), or `{ secretKeyRef: { name, key } }` for a Kubernetes Secret. If what stood there was a real password, change it: it is in the history of the file.";
    NotExactlyOne = "IGC0044", "not exactly one of several fields",
        "The mapping says one thing in one of several ways, such as where a secret comes from, so it holds exactly one of the fields.";
    PreviousPasswordAlone = "IGC0045", "previousPassword without password",
        "`previousPassword` is the password that the server still has, which it wants to see before it takes the one of `password`. Alone it says nothing.";
    RotatedAlways = "IGC0046", "rotateBefore is more than half of expiry",
        "A token is replaced when less than `rotateBefore` is left of it, and the one before goes on until its own end. A token has two names on the server, so there are at most two at a time: with more than half of `expiry`, a third one would be due while the first still works, which would have to end before its time. Without `rotateBefore`, a token is replaced when it has ended.";
    GrantName = "IGC0047", "a grant names nothing that can exist",
        "Permissions name streams and topics as the server does, or by a pattern with `*` and `?`, which means the streams and topics that the manifests declare. Not a name: an empty text, one of more than 255 bytes, only digits, control characters.";
    GrantedTwice = "IGC0048", "permissions have two entries for one name",
        "Lists of permissions are keyed by `name`: write all rights on a stream or topic in one entry. An entry for a name and one for a pattern that matches it may stand side by side; their rights add up.";
    RenameHeldUp = "IGC0049", "a previousName cannot act",
        "`previousName` takes over what has the previous name only while nobody else declares that name. Here it is declared too, and stays what it is. If it is what is to be renamed, remove its declaration; if it has another previous name itself, give it that `previousName`, and both are renamed in one apply; otherwise remove this `previousName`. A warning, since nothing is lost.";
    TooManyPatterns = "IGC0050", "owns has too many patterns",
        "`owns` holds any number of names, and at most 256 patterns with `*` or `?`. Use wider patterns, or names.";
    SharedSink = "IGC0051", "two tokens are written to one place",
        "Each token has a place of its own for its value: of two in one file, the second would overwrite the first, which then nobody has.";
    SinkPath = "IGC0052", "a token cannot be written to this path",
        "`writeTo.file` names the file that the value of a token goes to: no folder (`.`, `..`, `/`, a `/` at the end), no `~`, which only a shell replaces, and no NUL. Its name does not end in `.yaml`, `.yml` or `.json`, since a folder that is given with `-f` is searched for these and the value would be taken for a manifest; `.iggyctl.json` is the ending of the records of iggyctl.";
    PolicyMisplaced = "IGC0060", "a policy and a manifest stand in one place",
        "Policies (`kind: IggyPolicy`) are rules about manifests, and are given with `--policy` or by a context; manifests are given with `-f`. One among the others would be without effect, so it is refused. Keep policies in a folder of their own.";
    PolicySyntax = "IGC0061", "an expression of a policy cannot be read",
        "Expressions are CEL: `resource.partitions <= 100 && resource.name.startsWith('team-')`. The message names the place inside the expression. Texts are in single or double quotes; `&&`, `||` and `!` combine, `has(resource.messageExpiry)` asks whether a field is declared.";
    PolicyUnknownName = "IGC0062", "an expression of a policy names something unknown",
        "An expression knows the variables `resource`, `project` and, in rules with `kinds: [change]`, `change`, with the fields that docs/policies.md lists, the functions and macros of CEL, and `seconds` and `bytesOf`. The environment, files and the clock are out of its reach.";
    PolicyNotBool = "IGC0063", "an expression of a policy is of the wrong type",
        "`expression` has to be true or false: compare what is there with what should be. `messageExpression` has to be a text.";
    PolicyRuleInvalid = "IGC0064", "a rule of a policy cannot be used",
        "What `match`, `exceptions` or the name of a rule say contradicts itself, or can match nothing: verbs belong to rules with `kinds: [change]`; addresses begin with `stream/`, `topic/`, `group/`, `user/` or `token/`, or with `*`; `until` is a day such as `2027-01-31`; a rule has `message` or `messageExpression`, not both.";
    PolicyEvaluation = "IGC0065", "an expression of a policy fails for a resource",
        "The expression could be read, and has no result for a resource: it asks for a field that is not declared there, or compares values of different types. `has(resource.field)` says whether a field is there, `resource.?field.orValue(x)` gives a default. A rule that fails refuses the plan: it is not known whether it holds.";
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        Self::all()
            .iter()
            .find(|code| code.as_str().eq_ignore_ascii_case(text.trim()))
            .copied()
            .ok_or_else(|| UnknownCode(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_ascend_and_are_read_back() {
        let texts: Vec<&str> = Code::all().iter().map(|code| code.as_str()).collect();
        assert!(texts.is_sorted_by(|a, b| a < b), "{texts:?}");
        for code in Code::all() {
            assert_eq!(code.as_str().parse(), Ok(*code));
            assert!(code.explanation().len() > code.title().len());
        }
        assert_eq!("igc0012".parse(), Ok(Code::UnknownField));
        assert!("IGC9999".parse::<Code>().is_err());
    }
}
