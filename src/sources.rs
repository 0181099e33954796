//! Reading manifests: files, folders, glob patterns and standard input.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use iggyctl_core::diagnostic::{Code, Diagnostic};
use iggyctl_core::manifest::{MAX_SOURCE_BYTES, SourceFile};
use iggyctl_core::secret::RECORD_SUFFIX;

/// What stands for standard input where a manifest is named: `-f -`.
pub(crate) const STANDARD_INPUT: &str = "-";

/// What the `-f` options name, as far as it can be read.
pub(crate) struct Sources {
    /// Each file once, in the order of the options and by name within a folder
    /// or pattern.
    pub(crate) files: Vec<SourceFile>,
    /// The names of those that nobody named: a folder or pattern led to them.
    pub(crate) come_upon: BTreeSet<Arc<str>>,
    /// Everything that cannot be read.
    pub(crate) errors: Vec<Diagnostic>,
}

/// Reads everything that the `-f` options name.
pub(crate) fn read_sources(names: &[String]) -> Sources {
    let mut sources = Sources {
        files: Vec::new(),
        come_upon: BTreeSet::new(),
        errors: Vec::new(),
    };
    let mut seen = BTreeSet::new();
    for name in names {
        let paths = if name == STANDARD_INPUT {
            Ok(vec![PathBuf::from(STANDARD_INPUT)])
        } else {
            paths_of(name)
        };
        let paths = match paths {
            Ok(paths) => paths,
            Err(error) => {
                sources.errors.push(*error);
                continue;
            }
        };
        for path in paths {
            // The same file by two options is one declaration, not a duplicate.
            let identity = path.canonicalize().unwrap_or_else(|_| path.clone());
            if !seen.insert(identity) {
                continue;
            }
            let file = if name == STANDARD_INPUT {
                read(STANDARD_INPUT, std::io::stdin().lock())
            } else {
                open(&path)
            };
            match file {
                Ok(file) => {
                    if *file.name != **name {
                        sources.come_upon.insert(Arc::clone(&file.name));
                    }
                    sources.files.push(file);
                }
                Err(error) => sources.errors.push(*error),
            }
        }
    }
    sources
}

fn paths_of(name: &str) -> Result<Vec<PathBuf>, Box<Diagnostic>> {
    let path = Path::new(name);
    if path.is_dir() {
        return manifests_below(path);
    }
    if path.exists() || !name.contains(['*', '?', '[']) {
        return Ok(vec![path.to_owned()]);
    }
    // As a shell does it, and as within a folder: hidden files are not meant.
    let options = glob::MatchOptions {
        require_literal_leading_dot: true,
        ..glob::MatchOptions::default()
    };
    let paths = glob::glob_with(name, options)
        .map_err(|error| no_pattern(name, &error))?
        .map(|path| path.map_err(|error| unreadable(name, error)))
        .collect::<Result<Vec<PathBuf>, Box<Diagnostic>>>()?;
    let files: Vec<PathBuf> = paths
        .into_iter()
        .filter(|path| path.is_file() && !is_record(path))
        .collect();
    if files.is_empty() {
        return Err(Box::new(Diagnostic::error(
            Code::NoManifests,
            format!("no file matches the pattern {name}"),
        )));
    }
    Ok(files)
}

/// All manifests below a folder by name. Hidden files and folders are left out
/// (editors and Git keep theirs there), links to folders are not followed.
fn manifests_below(folder: &Path) -> Result<Vec<PathBuf>, Box<Diagnostic>> {
    let hidden = |entry: &walkdir::DirEntry| {
        entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.')
    };
    let mut paths = Vec::new();
    for entry in walkdir::WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| !hidden(entry))
    {
        let entry = entry.map_err(|error| unreadable(&folder.display().to_string(), error))?;
        if is_manifest(entry.path()) && entry.path().is_file() {
            paths.push(entry.into_path());
        }
    }
    if paths.is_empty() {
        let error = Diagnostic::error(
            Code::NoManifests,
            format!("the folder {} holds no manifest", folder.display()),
        );
        return Err(Box::new(
            error
                .expected("a file that ends in .yaml, .yml or .json")
                .hint("`iggyctl init` writes a first one"),
        ));
    }
    Ok(paths)
}

/// Whether a file of a folder is taken for a manifest. What iggyctl writes
/// there itself, the records beside the values of tokens, is not.
pub(crate) fn is_manifest(path: &Path) -> bool {
    !is_record(path)
        && path
            .extension()
            .is_some_and(|extension| matches!(extension.to_str(), Some("yaml" | "yml" | "json")))
}

fn is_record(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().ends_with(RECORD_SUFFIX))
}

fn open(path: &Path) -> Result<SourceFile, Box<Diagnostic>> {
    let name = path.display().to_string();
    match std::fs::File::open(path) {
        Ok(file) => read(&name, file),
        Err(error) => Err(unreadable(&name, error)),
    }
}

/// Reads to the end, or to the first byte that is too many: core refuses what
/// is longer, and needs no more of it to say so.
fn read(name: &str, source: impl Read) -> Result<SourceFile, Box<Diagnostic>> {
    let mut bytes = Vec::new();
    source
        .take(MAX_SOURCE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(name, error))?;
    Ok(SourceFile::new(name, bytes))
}

/// A pattern that is none, in our own words: those of the library speak of
/// "range patterns".
fn no_pattern(name: &str, error: &glob::PatternError) -> Box<Diagnostic> {
    let reason = if error.msg.contains("range") {
        let before: String = name.chars().take(error.pos).collect();
        format!("the `[` after `{before}` needs a `]`, with characters between them")
    } else {
        "`**` stands for whole folders, alone between two `/`".to_owned()
    };
    Box::new(
        Diagnostic::error(
            Code::UnreadableSource,
            format!("`{name}` is neither a file nor a pattern: {reason}"),
        )
        .expected("a file, a folder, or a pattern with `*`, `**`, `?` or `[abc]`"),
    )
}

fn unreadable(name: &str, reason: impl std::fmt::Display) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(
        Code::UnreadableSource,
        format!("{name} cannot be read: {reason}"),
    ))
}
