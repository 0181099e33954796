//! What the checked-in schemas take and refuse, judged by a validator that is
//! not ours, and that it agrees with the reader.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};

use iggyctl_core::api::v1alpha1::{Kind, combined_schema, editor_schema, schema};
use iggyctl_core::diagnostic::render_text;
use iggyctl_core::manifest::{
    DollarForm, RenderFormat, SourceFile, Variables, compile, render_documents, starter,
};
use serde_json::{Value, json};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn example_files() -> Vec<SourceFile> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(examples())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml" || extension == "json")
        })
        .collect();
    paths.sort();
    let mut files: Vec<SourceFile> = paths
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            SourceFile::new(name, std::fs::read(path).unwrap())
        })
        .collect();
    files.push(SourceFile::new("starter.yaml", starter()));
    files
}

/// The documents of a manifest as JSON, after the reader took it.
fn documents(file: &SourceFile) -> Vec<Value> {
    let sources = std::slice::from_ref(file);
    let text = render_documents(
        sources,
        &Variables::default(),
        RenderFormat::Json,
        DollarForm::Literal,
    )
    .unwrap_or_else(|diagnostics| panic!("{}", render_text(&diagnostics, sources, false)))
    .text;
    let whole: Value = serde_json::from_str(&text).unwrap();
    match whole["kind"].as_str() {
        Some("List") => whole["items"].as_array().unwrap().clone(),
        _ => vec![whole],
    }
}

#[test]
fn every_example_is_valid_for_the_reader_and_for_the_schemas() {
    let combined = jsonschema::validator_for(&combined_schema()).unwrap();
    let files = example_files();
    assert!(files.len() >= 7, "{}", files.len());
    for file in &files {
        let sources = std::slice::from_ref(file);
        let compiled = compile(sources, &Variables::default())
            .unwrap_or_else(|diagnostics| panic!("{}", render_text(&diagnostics, sources, false)));
        assert!(
            compiled.warnings.is_empty(),
            "{}",
            render_text(&compiled.warnings, sources, false)
        );
        for document in documents(file) {
            let errors: Vec<String> = combined
                .iter_errors(&document)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{}: {errors:?}", file.name);
        }
    }
}

/// The documents of a text as an editor sees them, variables and all.
fn as_written(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn every_example_is_valid_for_an_editor_as_it_is_written() {
    let readme = std::fs::read_to_string(examples().join("../README.md")).unwrap();
    let mut texts: Vec<String> = readme
        .split("<<'YAML'\n")
        .skip(1)
        .filter_map(|block| {
            block
                .split_once("\nYAML\n")
                .map(|(text, _)| text.to_owned())
        })
        .filter(|text| text.contains("iggyctl.dev/"))
        .collect();
    assert!(
        texts.iter().any(|text| text.contains("${")),
        "the tour has variables"
    );
    texts.extend(
        example_files()
            .iter()
            .map(|file| String::from_utf8(file.bytes.to_vec()).unwrap()),
    );
    let combined = jsonschema::validator_for(&combined_schema()).unwrap();
    for text in &texts {
        for document in as_written(text) {
            let kind: Kind = document["kind"].as_str().unwrap().parse().unwrap();
            let own = jsonschema::validator_for(&editor_schema(kind)).unwrap();
            let errors: Vec<String> = combined
                .iter_errors(&document)
                .chain(own.iter_errors(&document))
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{errors:?}\n{text}");
        }
    }
}

#[test]
fn variables_may_stand_where_an_editor_looks_only() {
    let editor = jsonschema::validator_for(&combined_schema()).unwrap();
    let strict = jsonschema::validator_for(&schema(Kind::IggyTopology)).unwrap();
    for field in [
        "partitions",
        "preallocateSegments",
        "messagesRequiredToSave",
        "messageExpiry",
        "maxTopicSize",
        "segmentSize",
        "compression",
        "durability",
    ] {
        let document = with(field, json!("${value:-1}"));
        assert!(editor.is_valid(&document), "{field}");
        assert!(!strict.is_valid(&document), "{field}");
        assert!(!editor.is_valid(&with(field, json!("$value"))), "{field}");
    }
}

#[test]
fn what_is_rendered_means_the_same() {
    for file in example_files() {
        let before = compile(std::slice::from_ref(&file), &Variables::default()).unwrap();
        for format in [RenderFormat::Yaml, RenderFormat::Json] {
            let text = render_documents(
                std::slice::from_ref(&file),
                &Variables::default(),
                format,
                DollarForm::Escaped,
            )
            .unwrap()
            .text;
            let rendered = SourceFile::new(file.name.clone(), text);
            let after = compile(std::slice::from_ref(&rendered), &Variables::default())
                .unwrap_or_else(|diagnostics| {
                    panic!(
                        "{}",
                        render_text(&diagnostics, std::slice::from_ref(&rendered), false)
                    )
                });
            assert_eq!(before.documents, after.documents);
            // Two states that say the same serialise the same, wherever they stood.
            let shape = |state: &iggyctl_core::state::desired::DesiredState| {
                let text = format!("{state:?}");
                let places = "origin: Origin {";
                text.split(places)
                    .map(|part| {
                        part.split_once('}')
                            .map_or(part, |(_, rest)| rest)
                            .to_owned()
                    })
                    .collect::<Vec<_>>()
            };
            assert_eq!(shape(&before.state)[1..], shape(&after.state)[1..]);
        }
    }
}

#[test]
fn rendered_yaml_has_the_variables_replaced() {
    let file = SourceFile::new(
        "variables.yaml",
        std::fs::read(examples().join("variables.yaml")).unwrap(),
    );
    let mut variables = Variables::default();
    variables.set(
        "env",
        "prod",
        iggyctl_core::manifest::Provenance::CommandLine,
    );
    let text = render_documents(&[file], &variables, RenderFormat::Yaml, DollarForm::Escaped)
        .unwrap()
        .text;
    insta::assert_snapshot!("rendered_variables", text);
}

/// A valid `IggyTopology` with one change in its topic.
fn with(field: &str, value: Value) -> Value {
    let mut topic = json!({ "name": "events" });
    topic[field] = value;
    json!({
        "apiVersion": "iggyctl.dev/v1alpha1",
        "kind": "IggyTopology",
        "metadata": { "name": "orders" },
        "spec": { "streams": [{ "name": "orders", "topics": [topic] }] },
    })
}

fn reader_takes(document: &Value) -> bool {
    let source = SourceFile::new("a.json", document.to_string());
    compile(&[source], &Variables::default()).is_ok()
}

#[test]
fn schema_and_reader_take_and_refuse_the_same() {
    let own = jsonschema::validator_for(&schema(Kind::IggyTopology)).unwrap();
    let combined = jsonschema::validator_for(&combined_schema()).unwrap();
    let taken = [
        ("partitions", json!(0)),
        ("partitions", json!(1_000_000)),
        ("messageExpiry", json!("7d")),
        ("messageExpiry", json!("1h 30m")),
        ("messageExpiry", json!("P7D")),
        ("messageExpiry", json!("never")),
        ("maxTopicSize", json!("unlimited")),
        ("maxTopicSize", json!("50GiB")),
        ("maxTopicSize", json!(2_147_483_648_u64)),
        ("compression", json!("gzip")),
        ("segmentSize", json!("256MiB")),
        ("durability", json!("persisted")),
        ("consumerOffsetDurability", json!("replicated")),
        ("messagesRequiredToSave", json!(16_777_216)),
        ("sizeOfMessagesRequiredToSave", json!("1MiB")),
        ("preallocateSegments", json!(false)),
        ("consumerGroups", json!(["a", "b"])),
        ("consumerGroups", json!([])),
        ("previousName", json!("before")),
        ("name", json!("a b/%é")),
        ("name", json!("+")),
        ("name", json!("++5")),
        ("name", json!("5+")),
        ("name", json!("5+5")),
        ("name", json!("-5")),
    ];
    for (field, value) in taken {
        let document = with(field, value.clone());
        assert!(own.is_valid(&document), "{field}: {value}");
        assert!(combined.is_valid(&document), "{field}: {value}");
        assert!(reader_takes(&document), "{field}: {value}");
    }
    let refused = [
        ("partions", json!(1)),
        ("partitions", json!(-1)),
        ("partitions", json!(1_000_001)),
        ("partitions", json!("6")),
        ("partitions", json!(null)),
        ("messageExpiry", json!(7)),
        ("messageExpiry", json!("soon")),
        ("messageExpiry", json!("7")),
        ("maxTopicSize", json!("never")),
        ("maxTopicSize", json!(0)),
        ("maxTopicSize", json!("50 gigs")),
        ("compression", json!("zstd")),
        ("segmentSize", json!("unlimited")),
        ("durability", json!("Persisted")),
        ("messagesRequiredToSave", json!(0)),
        ("preallocateSegments", json!("yes")),
        ("consumerGroups", json!("billing")),
        ("consumerGroups", json!([{ "name": "billing" }])),
        ("name", json!("")),
        ("name", json!("123")),
        ("name", json!("+123")),
        ("name", json!("a\u{7}")),
        ("name", json!("x".repeat(256))),
        ("name", json!(5)),
    ];
    for (field, value) in refused {
        let document = with(field, value.clone());
        assert!(!own.is_valid(&document), "{field}: {value}");
        assert!(!combined.is_valid(&document), "{field}: {value}");
        assert!(!reader_takes(&document), "{field}: {value}");
    }
}

#[test]
fn the_combined_schema_knows_the_kinds() {
    let combined = jsonschema::validator_for(&combined_schema()).unwrap();
    let mut document = with("partitions", json!(1));
    document["kind"] = json!("IggyTopologi");
    assert!(!combined.is_valid(&document));
    // The spec of one kind is not the spec of another.
    document["kind"] = json!("IggyStream");
    assert!(!combined.is_valid(&document));
    document["spec"] = json!({ "topics": [] });
    assert!(combined.is_valid(&document));
    document["apiVersion"] = json!("iggyctl.dev/v2");
    assert!(!combined.is_valid(&document));
}

#[test]
fn every_field_has_a_description() {
    fn walk(path: &str, schema: &Value) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            assert!(property["description"].is_string(), "{path}");
            walk(&path, property);
            walk(&path, &property["items"]);
        }
    }
    for kind in Kind::ALL {
        walk(kind.as_str(), &schema(kind));
    }
}

#[test]
fn nothing_takes_null() {
    for kind in Kind::ALL {
        assert!(!schema(kind).to_string().contains("null"), "{kind}");
    }
}
