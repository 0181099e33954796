//! The schemas and the reference are generated from the types, checked in, and
//! current. `UPDATE_GENERATED=1 cargo test -p iggyctl-core --test generated_files`
//! writes them anew.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write as _;
use std::path::PathBuf;

use iggyctl_core::api::v1alpha1::{Kind, combined_schema, editor_schema, schema};
use iggyctl_core::check::FindingCode;
use iggyctl_core::diagnostic::Code;
use serde_json::{Map, Value};

fn check(path: &str, expected: &str) {
    let full = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(&full, expected).unwrap();
    }
    let found = std::fs::read_to_string(&full).unwrap_or_default();
    assert!(
        found == expected,
        "{path} is not current; run: UPDATE_GENERATED=1 cargo test -p iggyctl-core --test generated_files"
    );
}

fn pretty(schema: &Value) -> String {
    serde_json::to_string_pretty(schema).unwrap() + "\n"
}

#[test]
fn schemas_are_current() {
    for kind in Kind::ALL {
        check(
            &format!("schemas/{kind}.schema.json"),
            &pretty(&editor_schema(kind)),
        );
    }
    check("schemas/iggyctl.schema.json", &pretty(&combined_schema()));
}

#[test]
fn the_reference_of_manifests_is_current() {
    let mut text = String::from(
        "# Manifests\n\n\
         Generated from the types; do not edit.\n\n\
         Every document has `apiVersion: iggyctl.dev/v1alpha1`, a `kind`, `metadata.name` and a `spec`. \
         A field that is left out is not managed: it is never changed and never shown as a difference. \
         Fields marked *required* identify the resource.\n\n\
         Durations are written `7d`, `36h`, `1h 30m`, ISO 8601 `P7D`, or `never`; sizes `256MiB`, `50GB`, \
         a number of bytes, or `unlimited` where that makes sense. Scalars may hold `${name}` and \
         `${name:-default}`, from `--set`, `--values` or `IGGYCTL_VAR_name`; `$${` is a literal `${`.\n",
    );
    for kind in Kind::ALL {
        let schema = schema(kind);
        let description = schema["description"].as_str().unwrap();
        write!(text, "\n## {kind}\n\n{description}\n").unwrap();
        let metadata = &schema["properties"]["metadata"];
        fields(&mut text, "metadata", metadata);
        fields(&mut text, "spec", &schema["properties"]["spec"]);
    }
    check("docs/reference/manifest.md", &text);
}

/// One table for the fields of an object, then one for each object inside it.
fn fields(text: &mut String, path: &str, schema: &Value) {
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    write!(
        text,
        "\n### `{path}`\n\n| field | type | |\n|---|---|---|\n"
    )
    .unwrap();
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (name, property) in properties {
        let mark = if required.contains(&name.as_str()) {
            " *required*"
        } else {
            ""
        };
        let description = property["description"]
            .as_str()
            .unwrap_or_default()
            .replace('\n', " ")
            .replace('|', "\\|");
        let kind = type_of(property);
        writeln!(text, "| `{name}`{mark} | {kind} | {description} |").unwrap();
    }
    for (name, property) in properties {
        if property["properties"].is_object() {
            fields(text, &format!("{path}.{name}"), property);
        } else if property["items"]["properties"].is_object() {
            fields(text, &format!("{path}.{name}[]"), &property["items"]);
        }
    }
}

fn type_of(property: &Value) -> String {
    if let Some(words) = property["enum"].as_array() {
        let words: Vec<String> = words
            .iter()
            .map(|word| format!("`{}`", word.as_str().unwrap()))
            .collect();
        return words.join(" or ");
    }
    match property["format"].as_str() {
        Some("message-expiry") => return "duration".to_owned(),
        Some("topic-size" | "byte-size") => return "size".to_owned(),
        Some("iggy-name" | "iggy-stream-name" | "metadata-name") => return "name".to_owned(),
        _ => {}
    }
    match property["type"].as_str() {
        Some("array") => format!("list of {}s", type_of(&property["items"])),
        Some("object") if property["properties"].is_object() => "mapping".to_owned(),
        Some("object") => "mapping of texts".to_owned(),
        Some("string") => "text".to_owned(),
        Some("integer") => "number".to_owned(),
        Some(other) => other.to_owned(),
        None => "text".to_owned(),
    }
}

#[test]
fn the_reference_of_codes_is_current() {
    let mut text = String::from(
        "# Error codes\n\n\
         Generated from the table of codes; do not edit. `iggyctl explain IGC0012` prints one of them. \
         A code never changes its meaning.\n\n| code | |\n|---|---|\n",
    );
    for code in Code::all() {
        let anchor = code.as_str().to_lowercase();
        writeln!(text, "| [{code}](#{anchor}) | {} |", code.title()).unwrap();
    }
    for code in Code::all() {
        write!(
            text,
            "\n## {code}\n\n**{}**\n\n{}\n",
            code.title(),
            code.explanation()
        )
        .unwrap();
    }
    text.push_str("\n# Warnings of a plan\n\n| code | |\n|---|---|\n");
    for code in FindingCode::ALL {
        let anchor = code.as_str().to_lowercase();
        writeln!(text, "| [{code}](#{anchor}) | {} |", code.title()).unwrap();
    }
    for code in FindingCode::ALL {
        write!(
            text,
            "\n## {code}\n\n**{}**\n\n{}\n",
            code.title(),
            code.explanation()
        )
        .unwrap();
    }
    check("docs/reference/errors.md", &text);
}

#[test]
fn the_reference_has_an_index() {
    check(
        "docs/reference/README.md",
        "# Reference\n\n\
         - [Manifests](manifest.md): every field of every kind\n\
         - [Error codes](errors.md): what each diagnostic means and how to repair it\n\
         - [JSON Schemas](../../schemas/): for editors, `iggyctl schema` prints them; and those of the JSON that `plan`, `apply` and `access` print\n",
    );
}
