//! What no single token shows.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::diagnostic::{Code, Diagnostic, Origin};
use crate::secret::{SecretKey, TokenSink};
use crate::state::desired::DesiredState;
use crate::state::desired_token::TokenDestination;

/// A place for one value, the same for all who mean it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum SinkPlace<'a> {
    File(PathBuf),
    Key(&'a SecretKey),
}

impl<'a> SinkPlace<'a> {
    /// Without looking at the disk: links may still lead to one place.
    fn of(destination: &'a TokenDestination) -> Self {
        let TokenDestination { sink, origin } = destination;
        match sink {
            TokenSink::File(path) => {
                let folder = Path::new(&*origin.file).parent().unwrap_or(Path::new(""));
                let path = folder.join(path);
                let parts = path.components().filter(|part| *part != Component::CurDir);
                Self::File(parts.collect())
            }
            TokenSink::SecretKeyRef(key) => Self::Key(key),
        }
    }
}

/// Each token has a sink of its own.
pub(super) fn shared_sinks(state: &DesiredState, diagnostics: &mut Vec<Diagnostic>) {
    let mut destinations: Vec<&TokenDestination> = state
        .tokens
        .values()
        .flat_map(BTreeMap::values)
        .map(|token| &token.write_to)
        .collect();
    destinations.sort_by(|one, other| one.origin.cmp(&other.origin));
    let mut taken: BTreeMap<SinkPlace<'_>, &Origin> = BTreeMap::new();
    for destination in destinations {
        let origin = &destination.origin;
        match taken.entry(SinkPlace::of(destination)) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(origin);
            }
            std::collections::btree_map::Entry::Occupied(first) => diagnostics.push(
                Diagnostic::error(Code::SharedSink, "two tokens are written to one place")
                    .at(origin.clone())
                    .related((*first.get()).clone(), "the first one")
                    .hint("give each token a place of its own"),
            ),
        }
    }
}
