//! What was declared when a plan was carried out, and what came of it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::after::{Tried, unread};
use super::{Away, BegunDocument, EndedDocument, Incarnation, Left, Removed, Settled};
use crate::address::Address;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::drift::Applied;
use crate::manifest::{DollarForm, RenderFormat, SourceFile, Variables, compile, render_documents};
use crate::state::RetainedThing;
use crate::state::desired::DesiredState;

/// A file of manifests as `iggyctl render` prints it: variables are substituted, and of
/// secrets it says only where they come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppliedManifest {
    /// The file that it was read from, as it was named then.
    pub file: String,
    /// The manifests in it, as YAML.
    pub text: String,
}

/// The manifests of files, as they are kept. Files without a manifest are left out.
///
/// # Errors
/// What keeps a document from having the shape of its kind.
pub fn applied_manifests(
    sources: &[SourceFile],
    variables: &Variables,
) -> Result<Vec<AppliedManifest>, Diagnostics> {
    let mut manifests = Vec::new();
    for source in sources {
        let rendered = render_documents(
            std::slice::from_ref(source),
            variables,
            RenderFormat::Yaml,
            DollarForm::Escaped,
        );
        match rendered {
            Ok(rendered) => manifests.push(AppliedManifest {
                file: source.name.to_string(),
                text: rendered.text,
            }),
            Err(diagnostics) if diagnostics.iter().all(is_nothing) => {}
            Err(diagnostics) => return Err(diagnostics),
        }
    }
    Ok(manifests)
}

/// Whether it is what was deleted. A group that comes again is told by nothing from the former
/// one.
fn is_removed(thing: &RetainedThing, removed: &BTreeMap<Address, Removed>) -> bool {
    let is_it = |(address, removed): (&Address, &Removed)| {
        let was = removed.was?;
        Some(match address {
            Address::ConsumerGroup(..) => *address == thing.address,
            _ => address.kind() == thing.address.kind() && was == thing.was,
        })
    };
    removed.iter().any(|it| is_it(it).unwrap_or_default())
}

/// Whether all that is wrong with a file is that it declares nothing: that is a mistake
/// only where no other file does.
fn is_nothing(diagnostic: &Diagnostic) -> bool {
    matches!(diagnostic.code, Code::NoManifests | Code::EmptyFile)
}

/// What was declared when a plan was carried out, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppliedState {
    /// The manifests.
    pub manifests: Vec<AppliedManifest>,
    /// Which thing had each declared name afterwards, as far as it was there. Tokens have
    /// none.
    pub incarnations: BTreeMap<Address, Incarnation>,
    /// Of what nobody knows how it was afterwards: it is not known whether a step was made,
    /// or it could not be read. What is inside it is named, too.
    pub unsettled: BTreeSet<Address>,
    /// What was not carried out, and how it was left.
    pub left: Left,
    /// What was renamed by hand before, and is there under another name.
    pub away: BTreeSet<Away>,
    /// What was deleted or renamed on purpose, by this apply or earlier ones, and is not
    /// declared.
    pub removed: BTreeMap<Address, Removed>,
    /// What is deleted only by its name: see [`BegunDocument::retained`].
    pub retained: BTreeSet<Address>,
    /// Which things these were, as far as that is known.
    pub retained_things: BTreeSet<RetainedThing>,
    /// What is declared and there, and was not taken over: see [`BegunDocument::passed_over`].
    pub passed_over: BTreeSet<Address>,
}

impl AppliedState {
    /// Puts together what an apply left behind; without an end it was cut off.
    #[must_use]
    pub fn of(begun: BegunDocument, ended: Option<EndedDocument>) -> Self {
        let BegunDocument {
            manifests,
            plan,
            before,
            away,
            mut removed,
            mut retained,
            retained_things: mut things,
            passed_over,
        } = begun;
        let Settled {
            mut incarnations,
            mut unsettled,
            mut left,
        } = match ended {
            None => unread(
                &before,
                &Tried::new(&plan.steps, &[], [], plan.approvals.destroy),
            ),
            Some(_) => before,
        };
        match ended {
            None => {}
            Some(ended) => {
                let EndedDocument {
                    steps: _,
                    verified: _,
                    incarnations: others,
                    unsettled: after,
                    left: not_done,
                    removed: more,
                } = ended;
                incarnations.extend(others);
                unsettled = after;
                left = not_done;
                retained.retain(|address| !more.contains_key(address));
                things.retain(|thing| !is_removed(thing, &more));
                removed.extend(more);
            }
        }
        // Which one it was is past with it.
        incarnations.retain(|address, _| !left.absent.contains(address));
        // What is declared now is retained if that is declared of it now.
        let released: BTreeSet<_> = incarnations
            .keys()
            .filter(|address| !retained.contains(address))
            .filter_map(|address| RetainedThing::of(address, &incarnations))
            .map(|thing| thing.key())
            .collect();
        things.retain(|thing| !released.contains(&thing.key()));
        let known = retained.iter();
        things.extend(known.filter_map(|address| RetainedThing::of(address, &incarnations)));
        Self {
            manifests,
            incarnations,
            unsettled,
            left,
            away,
            removed,
            retained,
            retained_things: things,
            passed_over,
        }
    }

    /// What drift is told by: `state` is what [`Self::compile`] says, and `removed` the
    /// addresses of [`Self::removed`]; the time is in microseconds since the Unix epoch.
    #[must_use]
    pub fn expected<'a>(
        &'a self,
        state: &'a DesiredState,
        removed: &'a BTreeSet<Address>,
        at_micros: u64,
    ) -> Applied<'a> {
        let Self {
            manifests: _,
            incarnations,
            unsettled,
            left,
            away,
            removed: _,
            retained: _,
            retained_things: _,
            passed_over,
        } = self;
        Applied {
            state,
            incarnations,
            unsettled,
            left,
            away,
            removed,
            passed_over,
            at_micros,
        }
    }

    /// What the manifests declare. Without any that is nothing.
    ///
    /// # Errors
    /// What is wrong with them: another version of iggyctl may have read them otherwise.
    pub fn compile(&self) -> Result<DesiredState, Diagnostics> {
        if self.manifests.is_empty() {
            return Ok(DesiredState::default());
        }
        let sources: Vec<SourceFile> = self
            .manifests
            .iter()
            .map(|manifest| SourceFile::new(manifest.file.as_str(), manifest.text.as_bytes()))
            .collect();
        compile(&sources, &Variables::default()).map(|compiled| compiled.state)
    }
}
