//! Secrets of Kubernetes as a pod has them mounted: `FOLDER/NAME/KEY`.

use std::path::{Path, PathBuf};

use iggyctl_core::secret::SecretKey;

use super::SecretError;

/// Where a key is. Links are followed, since Kubernetes mounts keys as links
/// (`KEY -> ..data/KEY`), but no name may lead out by itself.
pub(super) fn path_of(folder: &Path, key: &SecretKey) -> Result<PathBuf, SecretError> {
    let SecretKey { name, key } = key;
    Ok(folder.join(part(name)?).join(part(key)?))
}

/// The characters that Kubernetes allows in keys, of which names have fewer. It
/// also allows no key that begins with two dots.
fn part(text: &str) -> Result<&str, SecretError> {
    let allowed =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let fits = !text.is_empty() && text != "." && !text.starts_with("..");
    if fits && text.chars().all(allowed) {
        Ok(text)
    } else {
        Err(SecretError::NotAKey(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str, key: &str) -> Result<PathBuf, SecretError> {
        let key = SecretKey {
            name: name.to_owned(),
            key: key.to_owned(),
        };
        path_of(Path::new("mounted"), &key)
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
            assert_eq!(path(bad, "key"), Err(SecretError::NotAKey(bad.to_owned())));
            assert_eq!(path("name", bad), Err(SecretError::NotAKey(bad.to_owned())));
        }
    }
}
