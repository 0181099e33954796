//! Whatever a file holds: nothing panics, nothing steers the terminal, and
//! what was understood reads back the same.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use iggyctl_core::diagnostic::render_text;
use iggyctl_core::manifest::{
    DollarForm, Provenance, RenderFormat, SourceFile, Variables, compile, render_documents, starter,
};
use iggyctl_core::state::desired::DesiredState;
use proptest::prelude::*;

fn holds(bytes: &[u8]) {
    let mut variables = Variables::default();
    variables.set("env", "prod", Provenance::CommandLine);
    let sources = [SourceFile::new("any.yaml", bytes)];
    match compile(&sources, &variables) {
        Ok(compiled) => {
            let text = render_documents(
                &sources,
                &variables,
                RenderFormat::Yaml,
                DollarForm::Escaped,
            )
            .unwrap()
            .text;
            let again = [SourceFile::new("again.yaml", text)];
            let again = compile(&again, &Variables::default())
                .unwrap_or_else(|error| panic!("{}", render_text(&error, &again, false)));
            assert_eq!(compiled.documents, again.documents);
        }
        Err(diagnostics) => {
            assert!(diagnostics.has_errors());
            let text = render_text(&diagnostics, &sources, false);
            let steers = |c: char| c.is_control() && c != '\n' && c != '\t';
            assert!(!text.chars().any(steers), "{text:?}");
        }
    }
}

fn examples() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    let mut files: Vec<Vec<u8>> = paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    files.push(starter().into());
    files
}

/// One change: where (in a thousandth of the file), how much is taken out, what is put in.
fn change() -> impl Strategy<Value = (usize, usize, Vec<u8>)> {
    let snippet = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..6),
        proptest::sample::select(vec![
            "\n",
            "  ",
            "- ",
            ": ",
            "{",
            "}",
            "[",
            "]",
            "&a ",
            "*a",
            "<<: *a",
            "!!str ",
            "!x ",
            "${env}",
            "${nope}",
            "${a:-}",
            "$${",
            "\"",
            "'",
            "|\n",
            "---\n",
            "\t",
            "\u{1b}[2J",
            "~",
            "null",
            "1e9",
            "0x7f",
            "é",
            "\u{202e}",
            "name",
            "previousName: orders",
            "\u{feff}",
            "%YAML 1.2\n",
            "? ",
            "#",
            "iggyctl",
            "18446744073709551615",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    (0_usize..1000, 0_usize..12, snippet)
}

/// Everything but where it stood.
fn meaning(state: &DesiredState) -> Vec<String> {
    let mut all = vec![format!("{:?} {:?}", state.project, state.owns)];
    for (name, stream) in &state.streams {
        all.push(format!("{name} {:?}", stream.previous_name));
        for (name, topic) in &stream.topics {
            let groups: Vec<_> = topic.groups.keys().collect();
            all.push(format!(
                "{name} {:?} {:?} {groups:?}",
                topic.previous_name, topic.settings
            ));
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_rendered_compiles_to_the_same(
        texts in proptest::collection::vec("a[a${}:. -]{0,8}z", 6),
        json in any::<bool>(),
    ) {
        let written: Vec<String> = texts.iter().map(|text| text.replace("${", "$${")).collect();
        let [project, owned, stream, previous, topic, group] = written.as_slice() else {
            unreachable!()
        };
        let document = serde_json::json!({
            "apiVersion": "iggyctl.dev/v1alpha1",
            "kind": "IggyTopology",
            "metadata": { "name": project, "labels": { (texts[0].clone()): group } },
            "spec": {
                "owns": { "streams": [owned], "topics": [format!("other/{topic}")] },
                "streams": [{
                    "name": stream,
                    "previousName": format!("{previous}-before"),
                    "topics": [{ "name": topic, "consumerGroups": [group], "messageExpiry": "${keep:-24h}" }],
                }],
            },
        });
        let sources = [SourceFile::new("a.json", document.to_string())];
        let before = compile(&sources, &Variables::default())
            .unwrap_or_else(|error| panic!("{}", render_text(&error, &sources, false)));
        prop_assert_eq!(before.state.project.as_ref(), texts.first());
        let format = if json { RenderFormat::Json } else { RenderFormat::Yaml };
        let rendered = |sources: &[SourceFile], dollars| {
            render_documents(sources, &Variables::default(), format, dollars).unwrap().text
        };
        let text = rendered(&sources, DollarForm::Escaped);
        let again = [SourceFile::new("b", text.clone())];
        let after = compile(&again, &Variables::default())
            .unwrap_or_else(|error| panic!("{text}\n{}", render_text(&error, &again, false)));
        prop_assert_eq!(meaning(&before.state), meaning(&after.state));
        prop_assert!(after.named_variables.is_empty());
        prop_assert_eq!(&rendered(&again, DollarForm::Escaped), &text);
        let literal = rendered(&sources, DollarForm::Literal);
        prop_assert_eq!(literal.contains("$${"), texts.iter().any(|text| text.contains("$${")));
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        holds(&bytes);
    }

    #[test]
    fn any_text(text in "[a-z0-9 :\\-\\[\\]{}&*!|>'\"%@`#?,<\n\t$~.]{0,300}") {
        holds(text.as_bytes());
    }

    #[test]
    fn examples_with_changes(
        index in 0_usize..100,
        changes in proptest::collection::vec(change(), 1..6),
    ) {
        let files = examples();
        let mut bytes = files[index % files.len()].clone();
        for (place, length, snippet) in changes {
            let start = bytes.len() * place / 1000;
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, snippet);
        }
        holds(&bytes);
    }
}
