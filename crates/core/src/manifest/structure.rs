//! The slow path: why a document does not have the shape of its kind.
//!
//! Reading a document into its type stops at the first mistake and does not
//! say where. So when that fails, this walk goes over the JSON Schema that is
//! generated from the very same types, and finds every mistake with its place.

use serde_json::{Map, Value};

use super::tree::{Node, Scalar, Shape};
use crate::api::v1alpha1::{
    MAX_METADATA_NAME_BYTES, ManifestNameError, MetadataName, Name, StreamName, TokenName, UserName,
};
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::name::MAX_NAME_BYTES;
use crate::quantity::{
    ByteSize, Interval, MaxTopicSize, MessageExpiry, OrphanDelay, QuantityError, SmokeTimeout,
};
use crate::secret::SECRET_SOURCE_FORMAT;
use crate::wording::nearest;

/// Adds everything in `node` that `schema` does not allow; `what` is what
/// messages call it.
pub(super) fn explain(
    node: Node<'_>,
    what: &str,
    schema: &Value,
    diagnostics: &mut Vec<Diagnostic>,
) {
    Walk {
        diagnostics,
        near_secret: false,
        in_place: false,
    }
    .value(node, what, schema);
}

struct Walk<'d> {
    diagnostics: &'d mut Vec<Diagnostic>,
    /// Whether a secret may stand in place of what is looked at: then nothing
    /// of it is repeated, and its line is not shown.
    near_secret: bool,
    /// Whether this is what names the source or sink of a secret, or below it.
    in_place: bool,
}

impl Walk<'_> {
    /// `what` names the value in messages: the field that it belongs to.
    fn value(&mut self, node: Node<'_>, what: &str, schema: &Value) {
        let Some(schema) = schema.as_object() else {
            return;
        };
        if node.is_poisoned() {
            return;
        }
        if format_of(schema) == Some(SECRET_SOURCE_FORMAT) && node.shape() != Shape::Mapping {
            self.push(literal_secret(node, what));
            return;
        }
        let outer = self.near_secret;
        let is_place = is_place_of_secret(schema);
        self.near_secret = self.in_place || is_near_secret(schema);
        let outer_place = self.in_place;
        self.in_place |= is_place;
        match node.shape() {
            Shape::Mapping if allows(schema, "object") => self.mapping(node, what, schema),
            Shape::Sequence if allows(schema, "array") => {
                if let Some(items) = schema.get("items") {
                    let what = format!("an entry of {what}");
                    for item in node.items() {
                        self.value(item, &what, items);
                    }
                }
            }
            Shape::Mapping => self.wrong_type(node, what, schema, "a mapping"),
            Shape::Sequence => self.wrong_type(node, what, schema, "a list"),
            Shape::Scalar => self.scalar(node, what, schema),
        }
        self.near_secret = outer;
        self.in_place = outer_place;
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(Diagnostic {
            hides_line: diagnostic.hides_line || self.near_secret,
            ..diagnostic
        });
    }

    fn mapping(&mut self, node: Node<'_>, what: &str, schema: &Map<String, Value>) {
        let empty = Map::new();
        let properties = schema
            .get("properties")
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        let mut meant: Vec<&str> = Vec::new();
        for (key, value) in node.pairs() {
            // That a key is no text was reported when the document was read.
            if key.shape() != Shape::Scalar {
                continue;
            }
            match (
                properties.get(key.text()),
                schema.get("additionalProperties"),
            ) {
                (Some(property), _) => {
                    self.value(value, &format!("`{}`", key.text()), property);
                }
                (None, Some(Value::Bool(false))) => {
                    meant.extend(self.unknown_field(key, value, node, properties));
                }
                (None, Some(other)) => self.value(value, &format!("`{}`", key.text()), other),
                (None, None) => {}
            }
        }
        self.exactly_one(node, what, schema, properties);
        let required = schema.get("required").and_then(Value::as_array);
        for field in required.into_iter().flatten().filter_map(Value::as_str) {
            if node.key(field).is_none() && !meant.contains(&field) {
                let description = properties
                    .get(field)
                    .and_then(|property| property.get("description"))
                    .and_then(Value::as_str);
                let mut diagnostic = Diagnostic::error(
                    Code::MissingField,
                    format!("the required field `{field}` of {what} is missing"),
                )
                .at(node.place());
                if let Some(description) = description {
                    diagnostic = diagnostic.hint(format!("`{field}`: {}", first_line(description)));
                }
                self.push(diagnostic);
            }
        }
    }

    /// What holds one of several fields: a source of a secret, a sink of a token.
    fn exactly_one(
        &mut self,
        node: Node<'_>,
        what: &str,
        schema: &Map<String, Value>,
        properties: &Map<String, Value>,
    ) {
        let one = Some(1);
        let bound = |key| schema.get(key).and_then(Value::as_u64);
        let known = node
            .pairs()
            .filter(|(key, _)| properties.contains_key(key.text()))
            .count();
        let unknown = node.pairs().count() - known;
        if bound("minProperties") == one
            && bound("maxProperties") == one
            && (known > 1 || (known == 0 && unknown == 0))
        {
            let found = if known == 0 {
                "empty"
            } else {
                "several at once"
            };
            self.push(
                Diagnostic::error(Code::NotExactlyOne, format!("{what} cannot be {found}"))
                    .at(node.place())
                    .expected(format!(
                        "exactly {}",
                        one_of(properties.keys().map(String::as_str))
                    )),
            );
        }
    }

    /// Reports the field, and returns the one that was probably meant.
    fn unknown_field<'s>(
        &mut self,
        key: Node<'_>,
        value: Node<'_>,
        node: Node<'_>,
        properties: &'s Map<String, Value>,
    ) -> Option<&'s str> {
        let free = properties
            .keys()
            .map(String::as_str)
            .filter(|name| node.key(name).is_none());
        let meant = nearest(key.text(), free);
        // `{ hunter2 }` is a field without a value.
        let may_be_secret = self.near_secret
            && meant.is_none()
            && value.shape() == Shape::Scalar
            && matches!(value.scalar(), Scalar::Null);
        let message = match may_be_secret {
            true => "a field is not known here".to_owned(),
            false => format!("the field `{}` is not known here", key.text()),
        };
        let diagnostic = Diagnostic::error(Code::UnknownField, message).at(key.place());
        self.push(match meant {
            Some(name) => diagnostic.hint(format!("did you mean `{name}`?")),
            None => diagnostic.expected(one_of(properties.keys().map(String::as_str))),
        });
        meant
    }

    fn scalar(&mut self, node: Node<'_>, what: &str, schema: &Map<String, Value>) {
        if let Some(format) = schema.get("format").and_then(Value::as_str) {
            // A number where a name or a duration belongs: what is wrong with
            // its text says more than its type does.
            let numeric = matches!(node.scalar(), Scalar::Integer(_) | Scalar::Text(_));
            if numeric && let Some(diagnostic) = wrong_format(format, node.text(), what) {
                self.push(diagnostic.at(node.place()));
                return;
            }
        }
        let scalar = if allows(schema, "string") {
            node.scalar()
        } else {
            node.loose_scalar()
        };
        let fits = match scalar {
            Scalar::Null => false,
            Scalar::Boolean(_) => allows(schema, "boolean"),
            Scalar::Integer(_) => allows(schema, "integer") || allows(schema, "number"),
            Scalar::Float => allows(schema, "number"),
            Scalar::Text(_) => allows(schema, "string"),
        };
        if !fits {
            let found = match (self.near_secret, scalar) {
                (true, Scalar::Text(_)) => "a text".to_owned(),
                (true, Scalar::Integer(_) | Scalar::Float) => "a number".to_owned(),
                (true, Scalar::Boolean(_)) => "a boolean".to_owned(),
                (true, Scalar::Null) | (false, _) => scalar.describe(),
            };
            self.wrong_type(node, what, schema, &found);
            return;
        }
        if let Scalar::Integer(number) = scalar {
            self.range(node.place(), what, number, schema);
        }
        self.word(node, what, schema);
    }

    fn range(&mut self, place: Place, what: &str, number: i128, schema: &Map<String, Value>) {
        let bound = |key| schema.get(key).and_then(Value::as_i64).map(i128::from);
        let (minimum, maximum) = (bound("minimum"), bound("maximum"));
        if minimum.is_none_or(|minimum| number >= minimum)
            && maximum.is_none_or(|maximum| number <= maximum)
        {
            return;
        }
        let expected = match (minimum, maximum) {
            (Some(minimum), Some(maximum)) => {
                format!("a whole number from {minimum} to {maximum}")
            }
            (Some(minimum), None) => format!("a whole number of at least {minimum}"),
            (None, Some(maximum)) => format!("a whole number of at most {maximum}"),
            (None, None) => "a whole number".to_owned(),
        };
        let found = Scalar::Integer(number).describe();
        self.push(
            Diagnostic::error(Code::OutOfRange, format!("{what} cannot be {found}"))
                .at(place)
                .expected(expected),
        );
    }

    fn word(&mut self, node: Node<'_>, what: &str, schema: &Map<String, Value>) {
        let words: Vec<&str> = match (schema.get("const"), schema.get("enum")) {
            (Some(Value::String(word)), _) => vec![word],
            (_, Some(Value::Array(words))) => words.iter().filter_map(Value::as_str).collect(),
            _ => return,
        };
        if words.contains(&node.text()) {
            return;
        }
        let diagnostic = Diagnostic::error(
            Code::UnknownValue,
            format!("{what} cannot be `{}`", node.text()),
        )
        .at(node.place())
        .expected(one_of(words.iter().copied()));
        self.push(match nearest(node.text(), words.iter().copied()) {
            Some(word) => diagnostic.hint(format!("did you mean `{word}`?")),
            None => diagnostic,
        });
    }

    fn wrong_type(&mut self, node: Node<'_>, what: &str, schema: &Map<String, Value>, found: &str) {
        let diagnostic = Diagnostic::error(Code::WrongType, format!("{what} cannot be {found}"))
            .at(node.place())
            .expected(expected_type(schema));
        let diagnostic = match (node.shape(), node.loose_scalar()) {
            (Shape::Scalar, Scalar::Null) => {
                diagnostic.hint("give the field a value, or leave the whole line out")
            }
            (Shape::Scalar, Scalar::Integer(_) | Scalar::Float | Scalar::Boolean(_))
                if allows(schema, "string") =>
            {
                diagnostic.hint(match self.near_secret {
                    true => "quote it".to_owned(),
                    false => format!("quote it: \"{}\"", node.text()),
                })
            }
            (Shape::Scalar, Scalar::Text(text)) if !allows(schema, "array") => {
                match Scalar::unquoted(text) {
                    Scalar::Text(_) | Scalar::Null => diagnostic,
                    _ => diagnostic.hint("remove the quotes"),
                }
            }
            (Shape::Scalar, _) if allows(schema, "array") => {
                diagnostic.hint("write each entry on a line of its own that begins with `- `")
            }
            _ => diagnostic,
        };
        self.push(diagnostic);
    }
}

/// Whether it names where a secret comes from, or where one goes.
fn is_place_of_secret(schema: &Map<String, Value>) -> bool {
    properties_of(schema).any(|(name, _)| name == "secretKeyRef")
}

/// Whether it is such a place, what has one as a field, such as a user or a
/// token, or a list of these: what is written there by mistake may be a secret.
fn is_near_secret(schema: &Map<String, Value>) -> bool {
    let inner = |value: &Value| value.as_object().is_some_and(is_near_secret);
    let is_object = |value: &Value| value.get("items").is_none();
    is_place_of_secret(schema)
        || schema.get("items").is_some_and(inner)
        || properties_of(schema).any(|(_, value)| is_object(value) && inner(value))
}

fn properties_of(schema: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten()
}

fn format_of(schema: &Map<String, Value>) -> Option<&str> {
    schema.get("format").and_then(Value::as_str)
}

/// The text is not repeated, in case it is a password.
fn literal_secret(node: Node<'_>, what: &str) -> Diagnostic {
    Diagnostic::error(
        Code::LiteralSecret,
        format!("{what} cannot stand in a manifest"),
    )
    .at(node.place())
    .expected("where it comes from: `{ env: NAME }`, `{ file: PATH }`, `{ context: NAME }` or `{ secretKeyRef: … }`")
    .hint("a manifest is kept in version control and shown in reviews; if this was a real one, change it")
    .hiding_line()
}

/// The parser of each `format` of the schemas: the type that has it.
fn wrong_format(format: &str, text: &str, what: &str) -> Option<Diagnostic> {
    match format {
        "iggy-name" => text
            .parse::<Name>()
            .err()
            .map(|error| bad_name(&error, what)),
        "iggy-stream-name" => text
            .parse::<StreamName>()
            .err()
            .map(|error| bad_name(&error, what)),
        "iggy-user-name" => text
            .parse::<UserName>()
            .err()
            .map(|error| bad_name(&error, what)),
        "iggy-token-name" => text
            .parse::<TokenName>()
            .err()
            .map(|error| bad_name(&error, what)),
        "metadata-name" => text
            .parse::<MetadataName>()
            .err()
            .map(|error| bad_name(&error, what)),
        "message-expiry" => text
            .parse::<MessageExpiry>()
            .err()
            .map(|error| bad_quantity(error, what)),
        "topic-size" => text
            .parse::<MaxTopicSize>()
            .err()
            .map(|error| bad_quantity(error, what)),
        "byte-size" => text
            .parse::<ByteSize>()
            .err()
            .map(|error| bad_quantity(error, what)),
        Interval::FORMAT => text
            .parse::<Interval>()
            .err()
            .map(|error| bad_quantity(error, what)),
        OrphanDelay::FORMAT => text
            .parse::<OrphanDelay>()
            .err()
            .map(|error| bad_quantity(error, what)),
        SmokeTimeout::FORMAT => text
            .parse::<SmokeTimeout>()
            .err()
            .map(|error| bad_quantity(error, what)),
        _ => None,
    }
}

/// Why a text cannot be a name, without its place.
pub(super) fn bad_name(error: &ManifestNameError, what: &str) -> Diagnostic {
    let of_bytes = |minimum: usize, maximum: usize| {
        let hint = format!("choose a name of {minimum} to {maximum} bytes");
        (Code::NameLength, hint)
    };
    let (code, hint) = match error {
        ManifestNameError::Length(_) => of_bytes(1, MAX_NAME_BYTES),
        ManifestNameError::MetadataTooLong(_) => of_bytes(1, MAX_METADATA_NAME_BYTES),
        ManifestNameError::Bytes {
            what: _,
            minimum,
            maximum,
            found: _,
        } => of_bytes(*minimum, *maximum),
        ManifestNameError::Number(_) => {
            (Code::DigitOnlyName, "add a letter to the name".to_owned())
        }
        ManifestNameError::ControlCharacter(_) => (
            Code::ControlCharacterInName,
            "remove the character".to_owned(),
        ),
        ManifestNameError::Reserved(_) | ManifestNameError::TokenMark(_) => {
            (Code::ReservedName, "choose another name".to_owned())
        }
    };
    Diagnostic::error(code, format!("{what}: {error}")).hint(hint)
}

fn bad_quantity(error: QuantityError, what: &str) -> Diagnostic {
    let QuantityError {
        expected,
        found,
        reason,
    } = error;
    let found = Scalar::Text(&found).describe();
    let diagnostic = Diagnostic::error(Code::BadQuantity, format!("{what} cannot be {found}"))
        .expected(expected);
    match reason {
        Some(reason) => diagnostic.hint(reason),
        None => diagnostic,
    }
}

/// Whether the schema takes values of this JSON type.
fn allows(schema: &Map<String, Value>, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(names)) => names.iter().any(|other| other == name),
        // Constants and enums of the schemas are texts.
        _ => name == "string" && (schema.contains_key("const") || schema.contains_key("enum")),
    }
}

fn expected_type(schema: &Map<String, Value>) -> String {
    let example = schema
        .get("examples")
        .and_then(Value::as_array)
        .and_then(|examples| examples.first())
        .and_then(Value::as_str)
        .map(|example| format!(" such as `{example}`"))
        .unwrap_or_default();
    let name = match schema.get("type") {
        Some(Value::String(name)) => name.as_str(),
        _ => "string",
    };
    match name {
        "object" => "a mapping of fields".to_owned(),
        "array" => "a list".to_owned(),
        "integer" => "a whole number".to_owned(),
        "boolean" => "`true` or `false`".to_owned(),
        _ => format!("a text{example}"),
    }
}

pub(super) fn one_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [two, three] => format!("{two} or {three}"),
        [first @ .., last] => format!("one of {} or {last}", first.join(", ")),
    }
}

fn first_line(text: &str) -> &str {
    text.split_once(['\n', '.'])
        .map_or(text, |(first, _)| first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_about_a_length_is_that_of_the_name() {
        let long = "x".repeat(300);
        let wrong: [(ManifestNameError, &str); 4] = [
            (long.parse::<StreamName>().unwrap_err(), "1 to 255 bytes"),
            (long.parse::<MetadataName>().unwrap_err(), "1 to 253 bytes"),
            (long.parse::<UserName>().unwrap_err(), "3 to 50 bytes"),
            (long.parse::<TokenName>().unwrap_err(), "1 to 28 bytes"),
        ];
        for (error, bytes) in wrong {
            let hint = bad_name(&error, "name").hint.unwrap();
            assert_eq!(hint, format!("choose a name of {bytes}"), "{error}");
        }
    }
}
