//! What no single token shows.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::merge::field_place;
use super::tree::Node;
use crate::diagnostic::{Code, Diagnostic, Origin, without_detours};
use crate::secret::{RECORD_SUFFIX, SecretKey, TokenSink};
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
            TokenSink::File(path) => Self::File(without_detours(&origin.path(path))),
            TokenSink::SecretKeyRef(key) => Self::Key(key),
        }
    }
}

/// What of the manifests a file of a folder has at the end of its name.
const MANIFEST_ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];

/// A path that cannot be that of a value: no file, or one that would be taken
/// for something else.
pub(super) fn sink_path(sink: &TokenSink, token: Node<'_>) -> Option<Diagnostic> {
    let TokenSink::File(path) = sink else {
        return None;
    };
    let name = path.rsplit('/').next().unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    let wrong = if path.contains('\0') {
        "it holds a NUL"
    } else if matches!(name, "" | "." | "..") {
        "it is that of a folder"
    } else if path.starts_with('~') {
        "`~` is replaced by shells only, and would be a folder of this name"
    } else if lower.ends_with(RECORD_SUFFIX) {
        "this is how the records of iggyctl are named"
    } else if MANIFEST_ENDINGS
        .iter()
        .any(|ending| lower.ends_with(ending))
    {
        "by its ending it would be taken for a manifest"
    } else {
        return None;
    };
    let node = token.get("writeTo").unwrap_or(token);
    let place = field_place(node, "file");
    Some(
        Diagnostic::error(
            Code::SinkPath,
            format!("a token cannot be written to this path: {wrong}"),
        )
        .at(place)
        .expected("the path of a file, such as `tokens/ci`"),
    )
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{SourceFile, Variables, compile};

    fn codes(tokens: &str) -> Vec<Code> {
        let text = format!(
            "apiVersion: iggyctl.dev/v1alpha1\nkind: IggyUser\nmetadata: {{ name: svc }}\n\
             spec: {{ tokens: [{tokens}] }}\n"
        );
        match compile(&[SourceFile::new("g/m.yaml", text)], &Variables::default()) {
            Ok(_) => Vec::new(),
            Err(diagnostics) => diagnostics.iter().map(|found| found.code).collect(),
        }
    }

    #[test]
    fn a_sink_is_a_file_that_is_taken_for_nothing_else() {
        for (path, fits) in [
            ("tokens/ci", true),
            ("/run/tokens/ci", true),
            ("../tokens/ci", true),
            ("./ci", true),
            ("ci.token", true),
            ("a.yaml/ci", true),
            ("a~", true),
            ("~/ci", false),
            ("~", false),
            ("~me/ci", false),
            ("..", false),
            ("a/..", false),
            (".", false),
            ("a/.", false),
            ("/", false),
            ("tokens/", false),
            ("a\\0b", false),
            ("tok.yaml", false),
            ("a/tok.yml", false),
            ("tok.JSON", false),
            ("ci.iggyctl.json", false),
        ] {
            let found = codes(&format!("{{ name: ci, writeTo: {{ file: \"{path}\" }} }}"));
            let expected: &[Code] = if fits { &[] } else { &[Code::SinkPath] };
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn one_place_by_two_paths_is_one_place() {
        for (path, is_shared) in [
            ("t/x", true),
            ("./t/x", true),
            ("t/../t/x", true),
            ("t/y/../../t//x", true),
            ("../g/t/x", true),
            ("../t/x", false),
            ("../../t/x", false),
            ("/t/x", false),
        ] {
            let found = codes(&format!(
                "{{ name: a, writeTo: {{ file: t/x }} }}, {{ name: b, writeTo: {{ file: {path} }} }}"
            ));
            let expected: &[Code] = if is_shared { &[Code::SharedSink] } else { &[] };
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn a_token_is_replaced_in_its_second_half_at_the_earliest() {
        for (expiry, before, fits) in [
            ("30d", "15d", true),
            ("30d", "15d 1us", false),
            ("30d", "30d", false),
            ("never", "5d", true),
            ("never", "never", false),
            ("30d", "never", false),
        ] {
            let found = codes(&format!(
                "{{ name: a, expiry: {expiry}, rotateBefore: {before}, writeTo: {{ file: a }} }}"
            ));
            let expected: &[Code] = if fits { &[] } else { &[Code::RotatedAlways] };
            assert_eq!(found, expected, "{expiry} {before}");
        }
    }
}
