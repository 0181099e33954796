//! The manifests of the command line, as `iggyctl render` prints them, on the API server.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::control_plane::{ControlPlane, Failure, Said, repository};

/// Examples with secrets of the environment or of files, or with `${` in a name: in a cluster
/// they are refused.
const FOR_THE_COMMAND_LINE: [(&str, &str); 3] = [
    ("examples/smoke.yaml", "secretKeyRef"),
    ("examples/users.yaml", "secretKeyRef"),
    ("examples/variables.yaml", "should match"),
];

/// Every manifest of the examples.
fn all() -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(repository("examples")).sort_by_file_name() {
        let entry = entry?;
        let path = entry.path();
        let is_yaml = path
            .extension()
            .is_some_and(|extension| extension == "yaml");
        // That of a team is for two environments, with their variables.
        let is_of_team = path.starts_with(repository("examples/team"));
        if is_yaml && !is_of_team && is_manifest(path)? {
            found.push(path.to_owned());
        }
    }
    Ok(found)
}

fn is_manifest(path: &Path) -> Result<bool, Failure> {
    let text = std::fs::read_to_string(path)?;
    Ok(text.contains("apiVersion: iggyctl.dev/") && !text.contains("kind: IggyPolicy"))
}

/// A manifest as the API server gets it.
pub(crate) fn rendered(path: &Path) -> Result<String, Failure> {
    let output = Command::new(env!("CARGO_BIN_EXE_iggyctl"))
        .args(["render", "--literal", "-f"])
        .arg(path)
        .env_clear()
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Those that a cluster takes.
pub(crate) fn for_clusters() -> Result<Vec<PathBuf>, Failure> {
    let mut all = all()?;
    all.retain(|path| !is_for_the_command_line(path));
    match all.len() {
        0..5 => Err(format!("only {} examples were found", all.len()).into()),
        _ => Ok(all),
    }
}

fn is_for_the_command_line(path: &Path) -> bool {
    FOR_THE_COMMAND_LINE
        .iter()
        .any(|(name, _)| path == repository(name))
}

pub(crate) fn each(plane: &ControlPlane) -> Result<(), Failure> {
    for path in for_clusters()? {
        let text = rendered(&path)?;
        let namespace = plane.namespace()?;
        let with = |arguments: &[&'static str]| {
            let mut all = arguments.to_vec();
            all.extend(
                ["-n", namespace.as_str(), "-f", "-"].map(|text| text.to_owned().leak() as &str),
            );
            all
        };
        for arguments in [
            with(&["apply", "--dry-run=server"]),
            with(&["apply", "--server-side", "--dry-run=server"]),
            with(&["apply"]),
            // Ends with 1 where anything differs: nothing was dropped or defaulted.
            with(&["diff"]),
            with(&["apply", "--server-side", "--force-conflicts"]),
            with(&["diff", "--server-side", "--force-conflicts"]),
        ] {
            let said = plane
                .succeed(&arguments, &text)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            if said.stderr.contains("Warning") {
                return Err(format!("{}: {}", path.display(), said.stderr).into());
            }
        }
    }
    Ok(())
}

pub(crate) fn refused(plane: &ControlPlane) -> Result<(), Failure> {
    for (name, words) in FOR_THE_COMMAND_LINE {
        let namespace = plane.namespace()?;
        let output = plane.kubectl(
            &["apply", "-n", &namespace, "-f", "-"],
            &rendered(&repository(name))?,
        )?;
        let said = Said::of(&output);
        if output.status.success() || !said.stderr.contains(words) {
            return Err(format!("{name}: {}{}", said.stdout, said.stderr).into());
        }
    }
    Ok(())
}
