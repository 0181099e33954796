//! Reading manifests: files, folders, glob patterns and standard input.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use iggyctl_core::manifest::SourceFile;

use crate::command_error::CommandError;

/// What `-f -` names.
const STANDARD_INPUT: &str = "-";

/// A manifest larger than this is refused before it is read: 10,000 topics
/// take about 2 MiB, so this is no limit for people, and one for accidents.
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// Reads everything that the `-f` options name, each file once, in the order
/// of the options and by name within a folder or pattern. All files that
/// cannot be read are named at once.
pub(crate) fn read_sources(names: &[String]) -> Result<Vec<SourceFile>, CommandError> {
    let mut sources = Vec::new();
    let mut errors = Vec::new();
    let mut seen = BTreeSet::new();
    for name in names {
        if name == STANDARD_INPUT {
            if seen.insert(PathBuf::from(STANDARD_INPUT)) {
                match read_standard_input() {
                    Ok(source) => sources.push(source),
                    Err(error) => errors.push(error),
                }
            }
            continue;
        }
        match paths_of(name) {
            Ok(paths) => {
                for path in paths {
                    // The same file by two options is one declaration, not a duplicate.
                    let identity = path.canonicalize().unwrap_or_else(|_| path.clone());
                    if !seen.insert(identity) {
                        continue;
                    }
                    match read_file(&path) {
                        Ok(source) => sources.push(source),
                        Err(error) => errors.push(error),
                    }
                }
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(sources)
    } else {
        Err(CommandError::invalid_input(errors.join("\n")))
    }
}

fn paths_of(name: &str) -> Result<Vec<PathBuf>, String> {
    let path = Path::new(name);
    if path.is_dir() {
        return manifests_below(path);
    }
    if path.exists() || !name.contains(['*', '?', '[']) {
        return Ok(vec![path.to_owned()]);
    }
    let paths = glob::glob(name)
        .map_err(|error| format!("{name}: not a pattern: {error}"))?
        .map(|path| path.map_err(|error| format!("{name}: {error}")))
        .collect::<Result<Vec<PathBuf>, String>>()?;
    let files: Vec<PathBuf> = paths.into_iter().filter(|path| path.is_file()).collect();
    if files.is_empty() {
        return Err(format!("{name}: no file matches this pattern"));
    }
    Ok(files)
}

/// All manifests below a folder by name. Hidden files and folders are left out
/// (editors and Git keep theirs there), links to folders are not followed.
fn manifests_below(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let hidden = |entry: &walkdir::DirEntry| {
        entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.')
    };
    let mut paths = Vec::new();
    for entry in walkdir::WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| !hidden(entry))
    {
        let entry = entry.map_err(|error| format!("cannot read {error}"))?;
        let is_manifest = entry
            .path()
            .extension()
            .is_some_and(|extension| matches!(extension.to_str(), Some("yaml" | "yml" | "json")));
        if is_manifest && entry.path().is_file() {
            paths.push(entry.into_path());
        }
    }
    if paths.is_empty() {
        return Err(format!(
            "{}: the folder holds no manifest (a file that ends in .yaml, .yml or .json)",
            folder.display()
        ));
    }
    Ok(paths)
}

fn read_file(path: &Path) -> Result<SourceFile, String> {
    let name = path.display();
    let cannot = |error: std::io::Error| format!("{name}: cannot be read: {error}");
    let metadata = std::fs::metadata(path).map_err(cannot)?;
    if metadata.len() > MAX_FILE_BYTES {
        return Err(too_large(&name.to_string()));
    }
    let bytes = std::fs::read(path).map_err(cannot)?;
    Ok(SourceFile {
        name: name.to_string().into(),
        bytes,
    })
}

fn read_standard_input() -> Result<SourceFile, String> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("standard input cannot be read: {error}"))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(too_large("standard input"));
    }
    Ok(SourceFile {
        name: STANDARD_INPUT.into(),
        bytes,
    })
}

fn too_large(name: &str) -> String {
    format!(
        "{name}: larger than {} MiB, which is no manifest",
        MAX_FILE_BYTES / 1024 / 1024
    )
}
