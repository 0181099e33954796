//! What a text has to be like in each format.

use serde_json::Value;

use crate::table::Row;

type Checked = Result<(), String>;

/// Whether the text is data of the format; without one what the command always prints.
pub(crate) fn check(row: &Row, format: Option<&str>, text: &str) -> Checked {
    // Colours are for people: no other format has them, even if somebody asks for them.
    let for_people = |text| for_people(text, is_coloured(row));
    if format != Some("raw") && !text.ends_with('\n') {
        return Err("the last line has no end".to_owned());
    }
    match format {
        None => plain(row, text),
        Some("text") => for_people(text),
        Some("json") => json(row, text),
        Some("yaml" | "kubernetes") => yaml(text),
        Some("markdown") => begins(text, &["<!-- iggyctl ", "#", "|"]),
        Some("github") => annotations(text),
        Some("html") => begins(text, &["<!DOCTYPE html>"]).and(ends(text, "</html>")),
        Some("svg") => begins(text, &["<svg "]).and(ends(text, "</svg>")),
        Some("mermaid") => begins(text, &["flowchart "]),
        Some("junit") => junit(text),
        // Payloads, one after the other or as digits.
        Some("raw" | "hex") => for_people(text),
        Some(other) => Err(format!("nobody wrote down what {other} looks like")),
    }
}

/// What is on standard error: whatever went wrong is said there, and nothing else is said so.
pub(crate) fn check_messages(row: &Row, text: &str) -> Checked {
    let is_error = |line: &str| {
        let line = line.trim_start_matches("\u{1b}[1;31m");
        line.starts_with("error:") || line.starts_with("error[")
    };
    let says = text.lines().any(is_error);
    // Blocked, pending, partly applied, drift and a check that says no are answers: the data
    // has them.
    let is_answer = [0, 2, 3, 6, 7, 8].contains(&row.code);
    if !is_answer && !says {
        return Err(format!("exit code {} and no error", row.code));
    }
    if row.code == 6 && text.is_empty() {
        return Err("exit code 6 and nothing for who watches".to_owned());
    }
    if [0, 2].contains(&row.code) && says {
        return Err(format!("exit code {} and an error", row.code));
    }
    match text.contains('\u{1b}') && !is_coloured(row) {
        true => Err("colours for no terminal".to_owned()),
        false => Ok(()),
    }
}

fn is_coloured(row: &Row) -> bool {
    row.arguments.contains("--color always")
}

/// What a person reads, and a program may read line by line: no message is in it.
fn for_people(text: &str, is_coloured: bool) -> Checked {
    for line in text.lines() {
        let is_message = [
            "error:", "error[", "warning:", "warning[", "hint:", "usage:",
        ]
        .iter()
        .any(|start| line.to_lowercase().starts_with(start));
        // `[1/3] create …`: progress.
        let counts = line.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let is_progress = counts.is_some_and(|(counts, _)| {
            counts.contains('/') && counts.chars().all(|it| it == '/' || it.is_ascii_digit())
        });
        if is_message || is_progress {
            return Err(format!("a message among data: {line}"));
        }
    }
    match text.contains('\u{1b}') && !is_coloured {
        true => Err("colours for no terminal".to_owned()),
        false => Ok(()),
    }
}

fn plain(row: &Row, text: &str) -> Checked {
    match row.command {
        "init" | "export" => yaml(text),
        "schema" => one_document(text).map(drop),
        _ => for_people(text, is_coloured(row)),
    }
}

fn json(row: &Row, text: &str) -> Checked {
    let schema = match row.command {
        "plan" | "diff" | "show" => "plan.v1",
        "apply" | "destroy" => "apply.v1",
        "drift" => "drift.v1",
        "history" => "history.v1",
        "history show" => "revision.v1",
        "lock list" => "locks.v1",
        "smoke" => "smoke.v1",
        "access check" => "access-check.v1",
        "access" if row.arguments.contains("--topic") => "access-topic.v1",
        "access" => "access-user.v1",
        // A document for each message.
        "consume" | "dlq show" => {
            let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
            let values: Result<Vec<Value>, _> = values.collect();
            values.map_err(|error| error.to_string())?;
            return Ok(());
        }
        _ => return one_document(text).map(drop),
    };
    let document = one_document(text)?;
    let path = format!("{}/schemas/{schema}.json", env!("CARGO_MANIFEST_DIR"));
    let schema = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let schema = serde_json::from_str(&schema).map_err(|error| error.to_string())?;
    let validator = jsonschema::validator_for(&schema).map_err(|error| error.to_string())?;
    validator
        .validate(&document)
        .map_err(|error| error.to_string())
}

fn one_document(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn yaml(text: &str) -> Checked {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| error.to_string())?;
    let is_data = |document: &Value| document.is_object() || document.is_array();
    match !documents.is_empty() && documents.iter().all(is_data) {
        true => Ok(()),
        false => Err("a text, and no YAML".to_owned()),
    }
}

fn junit(text: &str) -> Checked {
    let report = quick_junit::Report::deserialize_from_str(text);
    report.map(drop).map_err(|error| error.to_string())
}

fn annotations(text: &str) -> Checked {
    for line in text.lines() {
        let level = ["error", "warning", "notice"]
            .iter()
            .find_map(|level| line.strip_prefix("::")?.strip_prefix(level));
        let is_command = level.is_some_and(|rest| rest.starts_with(' ') && rest.contains("::"));
        if !is_command {
            return Err(format!("no annotation: {line}"));
        }
    }
    Ok(())
}

fn begins(text: &str, starts: &[&str]) -> Checked {
    match starts.iter().any(|start| text.starts_with(start)) {
        true => Ok(()),
        false => Err(format!("it does not begin with any of {starts:?}")),
    }
}

fn ends(text: &str, end: &str) -> Checked {
    match text.trim_end().ends_with(end) {
        true => Ok(()),
        false => Err(format!("it does not end with {end}")),
    }
}
