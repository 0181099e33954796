//! From files to a `DesiredState`: parse, substitute, validate, merge.
//!
//! ```text
//!  SourceFile ─text─▶ str ─tree─▶ values with places ─┬─▶ typed document ─merge, rules─▶ DesiredState
//!                          (variables replaced)       │ when it has not the shape
//!                                                     └─structure─▶ every reason, along the JSON Schema
//! ```
//!
//! All mistakes of all files are collected; nothing here reads a file.

mod document;
mod foreign;
mod merge;
mod objects;
mod ownership;
mod partial;
mod policies;
mod render;
mod rules;
mod structure;
mod text;
mod tokens;
mod tree;
mod users;
mod variables;

use std::collections::{BTreeMap, BTreeSet};

use crate::api::v1alpha1::Kind;
use crate::diagnostic::Diagnostics;
use crate::state::desired::DesiredState;

pub use crate::diagnostic::SourceFile;
pub use foreign::is_meant_as_manifest;
pub use objects::{MOST_GROUPS_IN_OBJECT, MOST_TOPICS_IN_OBJECT, to_objects};
pub use policies::{PolicyDocument, RulePlaces, WrittenText, read_policies};
pub use render::{DollarForm, RenderFormat, Rendered, render_documents, starter, to_yaml};
pub use text::MAX_SOURCE_BYTES;
pub use variables::{Provenance, Variables, is_variable_name};

/// What a set of files declares.
#[derive(Debug, Clone, PartialEq)]
pub struct Compiled {
    /// The validated desired state.
    pub state: DesiredState,
    /// What is probably not meant, in the order of files and lines.
    pub warnings: Diagnostics,
    /// How many documents there are of each kind.
    pub documents: BTreeMap<Kind, usize>,
    /// Every variable that they name, with and without a default.
    pub named_variables: BTreeSet<String>,
}

/// Reads, checks and merges the manifests of all files.
///
/// # Errors
/// All mistakes of all files at once, warnings included, when one of them is
/// an error.
pub fn compile(sources: &[SourceFile], variables: &Variables) -> Result<Compiled, Diagnostics> {
    let mut diagnostics = Vec::new();
    let mut documents: BTreeMap<Kind, usize> = BTreeMap::new();
    let mut merge = merge::Merge::default();
    let named_variables = document::each_part(
        sources,
        variables,
        &mut diagnostics,
        |part, node, diagnostics| {
            if let document::Part::Document(document) = &part {
                *documents.entry(document.kind()).or_default() += 1;
            }
            merge.part(part, node, diagnostics);
        },
    );
    rules::whole(&merge, &mut diagnostics);
    let diagnostics: Diagnostics = diagnostics.into_iter().collect();
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    Ok(Compiled {
        state: merge.state,
        warnings: diagnostics,
        documents,
        named_variables,
    })
}
