//! Files that nobody wrote as manifests: a password, the value of a token, the
//! JSON of another program. They come along when a whole folder is read, and
//! what is wrong with them is said without a word of what they hold.

use crate::api::v1alpha1::Kind;
use crate::diagnostic::{Code, Diagnostic, SourceFile};

/// Whether somebody meant this file to be a manifest, ours or of another
/// program: it has a key `apiVersion`, misspelt by case at most, or one of our
/// kinds. What has neither may be a secret.
#[must_use]
pub fn is_meant_as_manifest(source: &SourceFile) -> bool {
    let text = String::from_utf8_lossy(&source.bytes);
    Kind::ALL.iter().any(|kind| text.contains(kind.as_str()))
        || contains_ignoring_case(text.as_bytes(), b"apiVersion")
}

/// Whether a document of the file is a Secret of Kubernetes, which holds what
/// it is named after.
fn holds_a_secret(source: &SourceFile) -> bool {
    let text = String::from_utf8_lossy(&source.bytes);
    let is_secret = |rest: &str| {
        let value = rest
            .trim_start_matches(['"', '\''])
            .trim_start()
            .strip_prefix(':');
        value.is_some_and(|value| {
            let value = value.trim_start().trim_start_matches(['"', '\'']);
            value.starts_with("Secret")
        })
    };
    text.split("kind").skip(1).any(is_secret)
}

fn contains_ignoring_case(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len())
        .any(|part| part.eq_ignore_ascii_case(word))
}

/// Takes every word of the file out of what is said about it, when the file may
/// hold a secret.
pub(super) fn conceal(source: &SourceFile, diagnostics: &mut [Diagnostic]) {
    let is_meant = is_meant_as_manifest(source);
    if is_meant && !holds_a_secret(source) {
        return;
    }
    for diagnostic in diagnostics {
        diagnostic.hides_line = true;
        // Messages of these codes name fields that we chose, and for what is
        // meant as a manifest its version and kind.
        let is_ours = match diagnostic.code {
            Code::MissingField
            | Code::EmptyFile
            | Code::TooLarge
            | Code::TooDeep
            | Code::TooManyValues => true,
            Code::UnknownApiVersion | Code::UnknownKind => is_meant,
            _ => false,
        };
        if is_ours {
            continue;
        }
        diagnostic.message = match diagnostic.code {
            Code::WrongType => "this is not a manifest".to_owned(),
            code => code.title().to_owned(),
        };
        if diagnostic.code != Code::WrongType {
            diagnostic.expected = None;
        }
        diagnostic.hint = Some(
            "it may hold a secret, so nothing of it is shown; what is no manifest is not for `-f`"
                .to_owned(),
        );
        diagnostic.related.clear();
        // How long a password is tells something about it.
        if let Some(place) = &mut diagnostic.place {
            place.width = 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Diagnostics, render_text, to_json};
    use crate::manifest::{Variables, compile};

    const SECRET: &str = "S3CRETmark";

    fn said(name: &str, content: &str) -> String {
        let sources = [SourceFile::new(name, content)];
        let diagnostics: Diagnostics = compile(&sources, &Variables::default()).unwrap_err();
        format!(
            "{}{}",
            render_text(&diagnostics, &sources, false),
            to_json(&diagnostics)
        )
    }

    #[test]
    fn nothing_of_what_is_no_manifest_is_said() {
        for content in [
            "S3CRETmark",
            "\"S3CRETmark",
            "'S3CRETmark': 'S3CRETmark",
            "[S3CRETmark",
            "S3CRETmark: S3CRETmark",
            "kind: S3CRETmark",
            "{S3CRETmark: 1, S3CRETmark: 2}",
            "- S3CRETmark",
            "*S3CRETmark",
            "!S3CRETmark x",
            "? [S3CRETmark]\n: x",
            "a: ${S3CRETmark}",
            "a: ${S3CRETmark!}",
            "S3CRETmark\u{0}",
            "S3CRETmark\u{7}",
            "<<: S3CRETmark",
            "a: b: S3CRETmark",
            "\tS3CRETmark: x",
            "---\nS3CRETmark\n---\nS3CRETmark",
            "{\"version\": 1, \"token\": \"S3CRETmark\"}",
        ] {
            let said = said("tok.yaml", content);
            assert!(!said.contains(SECRET), "{content:?}\n{said}");
            assert!(said.contains("tok.yaml"), "{said}");
            assert!(said.contains("\"width\":1"), "{said}");
        }
    }

    #[test]
    fn nothing_of_a_secret_of_kubernetes_is_said() {
        for content in [
            "apiVersion: v1\nkind: Secret\nstringData: { a: \"S3CRETmark }",
            "apiVersion: v1\nkind: Secret\nstringData: { a: 'x${S3CRETmark}' }",
            "{\"kind\": \"Secret\", \"apiVersion\": \"v1\", \"data\": {\"S3CRETmark\": 1, \"S3CRETmark\": 2}}",
            "apiVersion: iggyctl.dev/v1alpha1\nkind: Secret\nstringData: { a: S3CRETmark }",
        ] {
            let said = said("secret.yaml", content);
            assert!(!said.contains(SECRET), "{content:?}\n{said}");
        }
    }

    #[test]
    fn a_manifest_with_a_mistake_is_still_shown() {
        for content in [
            "apiversion: iggyctl.dev/v1alpha1\nkind: IggyStream\n",
            "kind: IggyStream\nmetadata: { name: shown }\n",
            "apiVersion: v1\nkind: Deployment\nmetadata: { name: shown }\n",
        ] {
            let said = said("a.yaml", content);
            assert!(said.contains("1 |"), "{said}");
        }
    }
}
