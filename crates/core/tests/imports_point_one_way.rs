//! Inside the crate nothing but discipline keeps a lower module from using a
//! higher one, so this test does.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// From the top to the bottom, as the documentation of the crate lists them. A
/// module may use itself and what is below it; those of one line use nothing of
/// each other.
const LAYERS: &[&[&str]] = &[
    &["testing"],
    &["saved"],
    &["ledger"],
    &["render"],
    &["smoke"],
    &["policy"],
    &["plan"],
    &["check"],
    &["drift"],
    &["diff"],
    &["manifest"],
    &["api"],
    &["state"],
    &["diagnostic"],
    &["address"],
    &["access"],
    &["quantity", "name", "secret", "wording"],
];

#[test]
fn imports_point_one_way() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut checked = 0;
    for file in rust_files(&source) {
        let relative = file.strip_prefix(&source).unwrap();
        let first = relative.components().next().unwrap();
        let module = Path::new(first.as_os_str()).file_stem().unwrap();
        let module = module.to_str().unwrap();
        // Tests may look at anything, and the root only lists the modules.
        let is_test = relative
            .file_stem()
            .is_some_and(|stem| stem == "tests" || stem.to_string_lossy().ends_with("properties"));
        if module == "lib" || is_test {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for used in used_modules(code) {
            checked += 1;
            if !may_use(module, &used) {
                wrong.push(format!("{}: `{module}` uses `{used}`", relative.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 50, "the test sees no imports any more: {checked}");
}

#[test]
fn every_module_has_a_layer() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(module == "lib" || layer(&module).is_some(), "{module}");
    }
}

#[test]
fn an_import_upwards_is_seen() {
    let code = "use crate::{address::Address, plan::{Plan, Step}};\n// crate::check\nlet x = crate::render::escape;";
    assert_eq!(used_modules(code), ["address", "plan", "render"]);
    assert!(!may_use("diff", "plan"));
    assert!(may_use("plan", "diff"));
    assert!(!may_use("name", "secret"));
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn may_use(module: &str, used: &str) -> bool {
    match (layer(module), layer(used)) {
        (Some(from), Some(to)) => module == used || from < to,
        _ => false,
    }
}

/// The modules of the crate that a text names: `crate::x`, and each first
/// segment inside `crate::{…}`.
fn used_modules(code: &str) -> Vec<String> {
    let mut modules = Vec::new();
    let is_comment = |line: &&str| line.trim_start().starts_with("//");
    let lines: Vec<&str> = code.lines().filter(|line| !is_comment(line)).collect();
    for path in lines.join("\n").split("crate::").skip(1) {
        match path.strip_prefix('{') {
            Some(group) => modules.extend(first_segments(group)),
            None => modules.push(identifier(path)),
        }
    }
    modules
}

fn identifier(text: &str) -> String {
    text.chars()
        .take_while(|character| character.is_ascii_alphanumeric() || *character == '_')
        .collect()
}

fn first_segments(group: &str) -> Vec<String> {
    let mut segments = Vec::new();
    let mut depth = 0_u32;
    let mut start = Some(0);
    for (index, character) in group.char_indices() {
        if depth == 0
            && let (Some(from), true) = (start, ":,{}".contains(character))
        {
            let segment = group[from..index].trim();
            if !segment.is_empty() {
                segments.push(segment.to_owned());
            }
            start = None;
        }
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = Some(index + 1),
            _ => {}
        }
    }
    segments
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
