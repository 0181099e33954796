use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Where a secret comes from; a manifest never holds one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretSource {
    /// An environment variable of this name.
    Env(String),
    /// The content of a file, without a final line break. A relative path
    /// begins at the folder of the manifest.
    File(String),
    /// A secret of this name in the context file, which may run a program.
    Context(String),
    /// A key of a Kubernetes Secret.
    SecretKeyRef(SecretKey),
}

/// Where the value of a new token goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TokenSink {
    /// A file that only its owner can read. A relative path begins at the
    /// folder of the manifest.
    File(String),
    /// A key of a Kubernetes Secret.
    SecretKeyRef(SecretKey),
}

/// A key of a Kubernetes Secret in the namespace of the document.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretKey {
    /// The Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key in it.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// The `format` of a secret's source, by which a literal is told from any
/// other wrong value.
pub const SECRET_SOURCE_FORMAT: &str = "secret-source";

/// What the name of the record of a token has after that of the file with its
/// value.
pub const RECORD_SUFFIX: &str = ".iggyctl.json";

// Written by hand: exactly one of several properties, in a form that editors
// explain well and that Kubernetes takes.
impl JsonSchema for SecretSource {
    fn schema_name() -> Cow<'static, str> {
        "SecretSource".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "format": SECRET_SOURCE_FORMAT,
            "properties": {
                "env": {
                    "description": "An environment variable of this name.",
                    "type": "string",
                    "minLength": 1,
                },
                "file": {
                    "description": "A file, without its final line break; a relative path begins at the folder of the manifest.",
                    "type": "string",
                    "minLength": 1,
                },
                "context": {
                    "description": "A secret of this name in the context file, which may run a program such as a password manager.",
                    "type": "string",
                    "minLength": 1,
                },
                "secretKeyRef": generator.subschema_for::<SecretKey>(),
            },
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
        })
    }
}

impl JsonSchema for TokenSink {
    fn schema_name() -> Cow<'static, str> {
        "TokenSink".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "file": {
                    "description": "A file that only its owner can read; a relative path begins at the folder of the manifest.",
                    "type": "string",
                    "minLength": 1,
                },
                "secretKeyRef": generator.subschema_for::<SecretKey>(),
            },
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
        })
    }
}
