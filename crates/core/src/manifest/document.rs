//! One document: which kind it is, and its value as the type of that kind.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::structure;
use super::text::text_of;
use super::tree::{Limits, Node, Outcome, Reader, Scalar, Shape};
use super::variables::{Variables, nearest};
use crate::api::v1alpha1::{
    API_VERSION, IggyConsumerGroup, IggyStream, IggyTopic, IggyTopology, Kind, schema,
};
use crate::diagnostic::{Code, Diagnostic, Origin, SourceFile};

/// A document of any kind, of the right shape.
#[derive(Debug)]
pub(super) enum Document {
    Topology(IggyTopology),
    Stream(IggyStream),
    Topic(IggyTopic),
    ConsumerGroup(IggyConsumerGroup),
}

impl Document {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Topology(_) => Kind::IggyTopology,
            Self::Stream(_) => Kind::IggyStream,
            Self::Topic(_) => Kind::IggyTopic,
            Self::ConsumerGroup(_) => Kind::IggyConsumerGroup,
        }
    }
}

/// Reads every document of every file, and hands each that has the right
/// shape on, together with its values and their places. One document is held
/// at a time.
pub(super) fn each_document(
    sources: &[SourceFile],
    variables: &Variables,
    diagnostics: &mut Vec<Diagnostic>,
    mut take: impl FnMut(Document, Node<'_>, &mut Vec<Diagnostic>),
) {
    let mut found = 0_usize;
    let mut empty: Vec<Diagnostic> = Vec::new();
    for source in sources {
        let text = match text_of(source) {
            Ok(text) => text,
            Err(diagnostic) => {
                diagnostics.push(*diagnostic);
                found += 1;
                continue;
            }
        };
        let mut reader = Reader::new(source.name.clone(), text, variables, Limits::DEFAULT);
        let mut documents = 0_usize;
        while let Some(outcome) = reader.next_document(diagnostics) {
            let Outcome::Document(tree) = outcome else {
                documents += 1;
                continue;
            };
            let Some(root) = tree.root() else { continue };
            if root.shape() == Shape::Scalar && root.scalar() == Scalar::Null {
                continue;
            }
            documents += 1;
            let members: Vec<Node<'_>> = list_members(root).unwrap_or_else(|| vec![root]);
            for member in members {
                if let Some(document) = read(member, diagnostics) {
                    take(document, member, diagnostics);
                }
            }
        }
        if documents == 0 {
            empty.push(
                Diagnostic::warning(
                    Code::EmptyFile,
                    if text.trim().is_empty() {
                        "the file is empty"
                    } else {
                        "the file holds no manifest, only comments"
                    },
                )
                .at(Origin {
                    file: source.name.clone(),
                    line: 1,
                    column: 1,
                })
                .hint("`iggyctl init` writes a first manifest"),
            );
        }
        found += documents;
    }
    if found == 0 && empty.is_empty() {
        diagnostics.push(
            Diagnostic::error(Code::NoManifests, "no manifests were found")
                .hint("name files or folders with `-f`; `iggyctl init` writes a first manifest"),
        );
    }
    // Next to manifests an empty file is harmless; alone it is a mistake.
    diagnostics.extend(empty.into_iter().map(|diagnostic| Diagnostic {
        severity: if found == 0 {
            crate::diagnostic::Severity::Error
        } else {
            crate::diagnostic::Severity::Warning
        },
        ..diagnostic
    }));
}

/// The documents of a Kubernetes `List`, which is how `render -o json` writes several.
fn list_members(root: Node<'_>) -> Option<Vec<Node<'_>>> {
    let is = |key, text| root.get(key).is_some_and(|value| value.text() == text);
    (is("apiVersion", "v1") && is("kind", "List"))
        .then(|| root.get("items").map(|items| items.items().collect()))
        .flatten()
}

fn read(node: Node<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Document> {
    let kind = kind_of(node, diagnostics)?;
    match kind {
        Kind::IggyTopology => typed(node, kind, diagnostics).map(Document::Topology),
        Kind::IggyStream => typed(node, kind, diagnostics).map(Document::Stream),
        Kind::IggyTopic => typed(node, kind, diagnostics).map(Document::Topic),
        Kind::IggyConsumerGroup => typed(node, kind, diagnostics).map(Document::ConsumerGroup),
    }
}

/// The kind, if the document says one; otherwise what is wrong is added.
fn kind_of(node: Node<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Kind> {
    if node.shape() != Shape::Mapping {
        let found = match node.shape() {
            Shape::Sequence => "a list".to_owned(),
            _ => node.scalar().describe(),
        };
        diagnostics.push(
            Diagnostic::error(Code::WrongType, format!("a manifest cannot be {found}"))
                .at(node.place())
                .expected("a mapping with `apiVersion`, `kind`, `metadata` and `spec`"),
        );
        return None;
    }
    let version_fits = match node.get("apiVersion") {
        None => {
            diagnostics.push(missing(node, "apiVersion", API_VERSION));
            true
        }
        Some(version) if version.text() == API_VERSION || version.is_poisoned() => true,
        Some(version) => {
            let diagnostic = Diagnostic::error(
                Code::UnknownApiVersion,
                format!("the apiVersion `{}` is not known", version.text()),
            )
            .at(version.place())
            .expected(format!("`{API_VERSION}`"));
            let ours = version.text().contains("iggyctl")
                || nearest(version.text(), std::iter::once(API_VERSION)).is_some();
            diagnostics.push(if ours {
                diagnostic
            } else {
                diagnostic.hint("documents for other programs cannot be mixed in")
            });
            ours
        }
    };
    let Some(kind) = node.get("kind") else {
        diagnostics.push(missing(node, "kind", "IggyTopology"));
        return None;
    };
    if kind.is_poisoned() || !version_fits {
        return None;
    }
    match kind.text().parse::<Kind>() {
        // Without an apiVersion that is known, the fields may be another version's.
        Ok(kind) => Some(kind),
        Err(_) => {
            let kinds = Kind::ALL.map(Kind::as_str);
            let diagnostic = Diagnostic::error(
                Code::UnknownKind,
                format!("the kind `{}` is not known", kind.text()),
            )
            .at(kind.place())
            .expected("`IggyTopology`, `IggyStream`, `IggyTopic` or `IggyConsumerGroup`");
            diagnostics.push(match nearest(kind.text(), kinds.into_iter()) {
                Some(name) => diagnostic.hint(format!("did you mean `{name}`?")),
                None => diagnostic,
            });
            None
        }
    }
}

fn missing(node: Node<'_>, field: &str, value: &str) -> Diagnostic {
    Diagnostic::error(
        Code::MissingField,
        format!("the required field `{field}` of the document is missing"),
    )
    .at(node.place())
    .hint(format!("write `{field}: {value}`"))
}

/// The document as its type; when it has not its shape, every reason is added.
fn typed<T: DeserializeOwned>(
    node: Node<'_>,
    kind: Kind,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<T> {
    match T::deserialize(node) {
        Ok(document) if node.get("apiVersion").is_some() => Some(document),
        Ok(_) => None,
        Err(mismatch) => {
            let before = diagnostics.len();
            structure::explain(node, schema_of(kind), diagnostics);
            // kind_of has said so already, with more help.
            let said = |diagnostic: &Diagnostic| {
                diagnostic.message.contains("`apiVersion`")
                    && matches!(diagnostic.code, Code::MissingField | Code::UnknownValue)
            };
            let reasons: Vec<Diagnostic> = diagnostics
                .drain(before..)
                .filter(|diagnostic| !said(diagnostic))
                .collect();
            diagnostics.extend(reasons);
            // The walk knows everything that the types refuse; if it should
            // ever not, a wrong document still must not pass.
            if diagnostics.is_empty() {
                diagnostics.push(
                    Diagnostic::error(
                        Code::WrongType,
                        format!("the document is not a valid {kind}: {mismatch}"),
                    )
                    .at(node.place()),
                );
            }
            None
        }
    }
}

fn schema_of(kind: Kind) -> &'static Value {
    static SCHEMAS: OnceLock<BTreeMap<Kind, Value>> = OnceLock::new();
    static NOTHING: Value = Value::Null;
    SCHEMAS
        .get_or_init(|| {
            Kind::ALL
                .into_iter()
                .map(|kind| (kind, schema(kind)))
                .collect()
        })
        .get(&kind)
        .unwrap_or(&NOTHING)
}
