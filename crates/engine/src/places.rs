//! Where on this machine the Secrets of a manifest lead.

use std::path::{Path, PathBuf};

use iggyctl_core::secret::SecretKey;

/// A name that would lead out of the folder of the Secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be the name of a Kubernetes Secret, or of a key of one")]
pub struct NotAKey(
    /// The name.
    pub String,
);

/// Where a key of a Secret is as a pod has it mounted: `FOLDER/NAME/KEY`.
/// Kubernetes mounts keys as links (`KEY -> ..data/KEY`), but no name may lead
/// out by itself.
///
/// # Errors
/// When one of the two names cannot be that of a file here.
pub fn mounted_path(folder: &Path, key: &SecretKey) -> Result<PathBuf, NotAKey> {
    let SecretKey { name, key } = key;
    Ok(folder.join(part(name)?).join(part(key)?))
}

/// The characters that Kubernetes allows in keys, of which names have fewer. It
/// also allows no key that begins with two dots.
fn part(text: &str) -> Result<&str, NotAKey> {
    let allowed =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let fits = !text.is_empty() && text != "." && !text.starts_with("..");
    if fits && text.chars().all(allowed) {
        Ok(text)
    } else {
        Err(NotAKey(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str, key: &str) -> Result<PathBuf, NotAKey> {
        let key = SecretKey {
            name: name.to_owned(),
            key: key.to_owned(),
        };
        mounted_path(Path::new("mounted"), &key)
    }

    #[test]
    fn a_key_is_a_file_in_the_folder_of_its_secret() {
        assert_eq!(
            path("iggy.users", "svc_orders-1"),
            Ok(PathBuf::from("mounted/iggy.users/svc_orders-1"))
        );
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        for bad in ["", ".", "..", "..data", "a/b", "/etc", "a\\b", "a\0b", "ä"] {
            assert_eq!(path(bad, "key"), Err(NotAKey(bad.to_owned())));
            assert_eq!(path("name", bad), Err(NotAKey(bad.to_owned())));
        }
    }
}
