//! One document: which kind it is, and its value as the type of that kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::structure::one_of;
use super::text::text_of;
use super::tree::{Limits, Mismatch, Node, Outcome, Reader, Scalar, Shape, Tree};
use super::variables::Variables;
use super::{foreign, partial, structure};
use crate::api::v1alpha1::{
    API_VERSION, ClusterIggyServer, IggyAccessToken, IggyConsumerGroup, IggyServer, IggySmokeTest,
    IggyStream, IggyTopic, IggyTopology, IggyUser, Kind, Stream, schema,
};
use crate::diagnostic::{Code, Diagnostic, Origin, SourceFile};
use crate::wording::nearest;

/// A document of any kind, of the right shape.
#[derive(Debug)]
pub(super) enum Document {
    Topology(IggyTopology),
    Stream(IggyStream),
    Topic(IggyTopic),
    ConsumerGroup(IggyConsumerGroup),
    User(IggyUser),
    Token(IggyAccessToken),
    /// For the operator, as the next two: it declares nothing.
    Server(IggyServer),
    ClusterServer(ClusterIggyServer),
    SmokeTest(IggySmokeTest),
}

impl Document {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Topology(_) => Kind::IggyTopology,
            Self::Stream(_) => Kind::IggyStream,
            Self::Topic(_) => Kind::IggyTopic,
            Self::ConsumerGroup(_) => Kind::IggyConsumerGroup,
            Self::User(_) => Kind::IggyUser,
            Self::Token(_) => Kind::IggyAccessToken,
            Self::Server(_) => Kind::IggyServer,
            Self::ClusterServer(_) => Kind::ClusterIggyServer,
            Self::SmokeTest(_) => Kind::IggySmokeTest,
        }
    }
}

/// A document, or a stream of the topology that came before it.
#[derive(Debug)]
pub(super) enum Part {
    Document(Box<Document>),
    Stream(Stream),
}

/// Reads every document of every file, and hands each that has the right
/// shape on. One document is held at a time. Returns the variables that are
/// named anywhere.
pub(super) fn each_document(
    sources: &[SourceFile],
    variables: &Variables,
    diagnostics: &mut Vec<Diagnostic>,
    mut take: impl FnMut(Document),
) -> BTreeSet<String> {
    each_tree(sources, variables, diagnostics, |tree, diagnostics| {
        for member in tree.root().into_iter().flat_map(members) {
            if let Some(document) = read(member, diagnostics) {
                take(document);
            }
        }
    })
}

/// As [`each_document`], with places, and a large topology in parts: first
/// without its streams, then stream by stream from the last to the first.
/// Each is freed when the next is made, and so are its values, so that not
/// the whole document is in memory in three forms at once.
pub(super) fn each_part(
    sources: &[SourceFile],
    variables: &Variables,
    diagnostics: &mut Vec<Diagnostic>,
    mut take: impl FnMut(Part, Node<'_>, &mut Vec<Diagnostic>),
) -> BTreeSet<String> {
    each_tree(sources, variables, diagnostics, |mut tree, diagnostics| {
        let streams = tree.root().and_then(streams_of).map(|list| list.index());
        tree.set_aside(streams);
        let mut complete = false;
        for member in tree.root().into_iter().flat_map(members) {
            if let Some(document) = read(member, diagnostics) {
                take(Part::Document(Box::new(document)), member, diagnostics);
                complete = true;
            }
        }
        if !complete {
            return;
        }
        for index in tree.take_aside().into_iter().rev() {
            let node = tree.node(index);
            match Stream::deserialize(node) {
                Ok(stream) => take(Part::Stream(stream), node, diagnostics),
                Err(mismatch) => {
                    let schema = schema_of(Kind::IggyTopology)
                        .pointer("/properties/spec/properties/streams/items");
                    explain(
                        node,
                        schema.unwrap_or(&Value::Null),
                        "an entry of `streams`",
                        &mismatch,
                        diagnostics,
                    );
                    partial::stream(node, diagnostics);
                    // Its name still counts against the other streams.
                    if let Some(stream) = partial::stub(node) {
                        take(Part::Stream(stream), node, diagnostics);
                    }
                }
            }
            tree.truncate(index);
        }
    })
}

/// The list of streams of a document that is a topology.
fn streams_of(root: Node<'_>) -> Option<Node<'_>> {
    let kind = root.get("kind")?;
    (kind.text() == Kind::IggyTopology.as_str())
        .then(|| root.get("spec")?.get("streams"))
        .flatten()
        .filter(|streams| streams.shape() == Shape::Sequence)
}

pub(super) fn each_tree(
    sources: &[SourceFile],
    variables: &Variables,
    diagnostics: &mut Vec<Diagnostic>,
    mut take: impl FnMut(Tree<'_>, &mut Vec<Diagnostic>),
) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    let mut found = 0_usize;
    let mut empty: Vec<Diagnostic> = Vec::new();
    for source in sources {
        let before = diagnostics.len();
        let text = match text_of(source) {
            Ok(text) => text,
            Err(diagnostic) => {
                diagnostics.push(*diagnostic);
                foreign::conceal(source, diagnostics.get_mut(before..).unwrap_or_default());
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
            take(tree, diagnostics);
        }
        foreign::conceal(source, diagnostics.get_mut(before..).unwrap_or_default());
        // A part of a secret may look like a variable.
        if foreign::is_meant_as_manifest(source) {
            named.extend(reader.into_named());
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
    named
}

/// The document, or those of a Kubernetes `List`, which is how `render -o json` writes several.
pub(super) fn members(root: Node<'_>) -> Vec<Node<'_>> {
    let is = |key, text| root.get(key).is_some_and(|value| value.text() == text);
    if is("apiVersion", "v1")
        && is("kind", "List")
        && let Some(items) = root.get("items")
    {
        return items.items().collect();
    }
    vec![root]
}

fn read(node: Node<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Document> {
    let kind = kind_of(node, diagnostics)?;
    match kind {
        Kind::IggyTopology => typed(node, kind, diagnostics).map(Document::Topology),
        Kind::IggyStream => typed(node, kind, diagnostics).map(Document::Stream),
        Kind::IggyTopic => typed(node, kind, diagnostics).map(Document::Topic),
        Kind::IggyConsumerGroup => typed(node, kind, diagnostics).map(Document::ConsumerGroup),
        Kind::IggyUser => typed(node, kind, diagnostics).map(Document::User),
        Kind::IggyAccessToken => typed(node, kind, diagnostics).map(Document::Token),
        Kind::IggyServer => typed(node, kind, diagnostics).map(Document::Server),
        Kind::ClusterIggyServer => typed(node, kind, diagnostics).map(Document::ClusterServer),
        Kind::IggySmokeTest => typed(node, kind, diagnostics).map(Document::SmokeTest),
        Kind::IggyPolicy => {
            diagnostics.push(
                Diagnostic::error(
                    Code::PolicyMisplaced,
                    "a policy among the manifests does not apply",
                )
                .at(node
                    .get("kind")
                    .map_or_else(|| node.place(), |kind| kind.place()))
                .hint("keep policies in a folder of their own, and name that with --policy"),
            );
            None
        }
    }
}

/// The kind, if the document says one; otherwise what is wrong is added.
pub(super) fn kind_of(node: Node<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Kind> {
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
            .expected(one_of(
                Kind::ALL
                    .into_iter()
                    .filter(|kind| *kind != Kind::IggyPolicy && !kind.is_only_for_operator())
                    .map(Kind::as_str),
            ));
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
pub(super) fn typed<T: DeserializeOwned>(
    node: Node<'_>,
    kind: Kind,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<T> {
    match T::deserialize(node) {
        Ok(document) if node.get("apiVersion").is_some() => Some(document),
        Ok(_) => {
            partial::document(kind, node, diagnostics);
            None
        }
        Err(mismatch) => {
            explain(
                node,
                schema_of(kind),
                "the document",
                &mismatch,
                diagnostics,
            );
            partial::document(kind, node, diagnostics);
            None
        }
    }
}

/// Adds every reason why a value has not the shape of its schema.
fn explain(
    node: Node<'_>,
    schema: &Value,
    what: &str,
    mismatch: &Mismatch,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let before = diagnostics.len();
    structure::explain(node, what, schema, diagnostics);
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
    // The walk knows everything that the types refuse; if it should ever not,
    // a wrong document still must not pass.
    if diagnostics.is_empty() {
        diagnostics.push(
            Diagnostic::error(Code::WrongType, format!("{what} is not valid: {mismatch}"))
                .at(node.place()),
        );
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
