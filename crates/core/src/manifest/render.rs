//! Manifests as text again: with every variable replaced, and a first one.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};

use super::document::{Document, each_document};
use super::variables::Variables;
use crate::api::v1alpha1::{Manifest, Spec};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceFile};

/// The text form of [`render_documents`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenderFormat {
    /// Documents separated by `---`.
    Yaml,
    /// One document, or a Kubernetes `List` of several.
    Json,
}

/// How a `${` that belongs to a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DollarForm {
    /// As `$${`: the text is a manifest, and reads back as what it came from.
    Escaped,
    /// As it is, for programs that know no variables, such as Kubernetes.
    Literal,
}

/// Manifests as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The text; ends with a line break.
    pub text: String,
    /// Every variable that the manifests name, with and without a default.
    pub named_variables: BTreeSet<String>,
}

/// The manifests with every variable replaced, in the order of the files, with
/// values in their canonical form (`24h` is `1d`): a manifest again, or with
/// [`DollarForm::Literal`] what Kubernetes gets.
///
/// # Errors
/// What keeps a document from having the shape of its kind; that documents
/// contradict each other does not matter here.
pub fn render_documents(
    sources: &[SourceFile],
    variables: &Variables,
    format: RenderFormat,
    dollars: DollarForm,
) -> Result<Rendered, Diagnostics> {
    let mut diagnostics = Vec::new();
    let mut values: Vec<Result<Value, serde_json::Error>> = Vec::new();
    let named_variables = each_document(sources, variables, &mut diagnostics, |document| {
        values.push(value(&document).map(|value| with_dollars(value, dollars)));
    });
    let diagnostics: Diagnostics = diagnostics.into_iter().collect();
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    let values: Vec<Value> = values
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(unprintable)?;
    let text = match format {
        RenderFormat::Yaml => values
            .iter()
            .map(|value| serde_saphyr::to_string(value).map_err(unprintable))
            .collect::<Result<Vec<String>, Diagnostics>>()
            .map(|documents| documents.join("---\n"))?,
        RenderFormat::Json => {
            let whole = match values.as_slice() {
                [only] => only.clone(),
                _ => json!({ "apiVersion": "v1", "kind": "List", "items": values }),
            };
            serde_json::to_string_pretty(&whole)
                .map(|text| text + "\n")
                .map_err(unprintable)?
        }
    };
    Ok(Rendered {
        text,
        named_variables,
    })
}

/// The manifest as YAML that reads back as the same manifest.
///
/// # Errors
/// Never for the types of `api::v1alpha1`; the serialiser has no other way to say so.
pub fn to_yaml<S: Spec + Serialize>(manifest: &Manifest<S>) -> Result<String, Diagnostics> {
    let value = serde_json::to_value(manifest).map_err(unprintable)?;
    serde_saphyr::to_string(&with_dollars(value, DollarForm::Escaped)).map_err(unprintable)
}

/// Variables are looked for in values only, never in the keys of a mapping.
fn with_dollars(value: Value, dollars: DollarForm) -> Value {
    match (dollars, value) {
        (DollarForm::Escaped, Value::String(text)) if text.contains("${") => {
            Value::String(text.replace("${", "$${"))
        }
        (DollarForm::Escaped, Value::Array(items)) => items
            .into_iter()
            .map(|item| with_dollars(item, dollars))
            .collect(),
        (DollarForm::Escaped, Value::Object(fields)) => fields
            .into_iter()
            .map(|(key, value)| (key, with_dollars(value, dollars)))
            .collect(),
        (_, value) => value,
    }
}

pub(super) fn value(document: &Document) -> Result<Value, serde_json::Error> {
    match document {
        Document::Topology(document) => serde_json::to_value(document),
        Document::Stream(document) => serde_json::to_value(document),
        Document::Topic(document) => serde_json::to_value(document),
        Document::ConsumerGroup(document) => serde_json::to_value(document),
        Document::User(document) => serde_json::to_value(document),
        Document::Token(document) => serde_json::to_value(document),
        Document::Server(document) => serde_json::to_value(document),
        Document::ClusterServer(document) => serde_json::to_value(document),
        Document::SmokeTest(document) => serde_json::to_value(document),
    }
}

pub(super) fn unprintable(error: impl std::fmt::Display) -> Diagnostics {
    Diagnostic::error(
        Code::WrongType,
        format!("the manifest cannot be written: {error}"),
    )
    .into()
}

/// A commented first manifest, for `iggyctl init`.
#[must_use]
pub fn starter() -> &'static str {
    include_str!("starter.yaml")
}
