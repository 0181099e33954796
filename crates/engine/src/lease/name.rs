use iggyctl_core::name::{NameError, ResourceName};

/// The lease of what belongs to no project.
const NO_PROJECT: &str = "apply";

/// Before the name of a project.
const PREFIX: &str = "apply/";

/// Instead of [`PREFIX`] before the longest names of projects, which have 253 bytes: with
/// it they fit into the 255 bytes of the name of a group.
const SHORT_PREFIX: &str = "a/";

/// The name of the group that is the lease of a project, `apply/orders`; of manifests
/// without one, `apply`.
///
/// # Errors
/// For a name that no project has: empty, or of more than 253 bytes.
pub fn lease_name(project: Option<&str>) -> Result<ResourceName, NameError> {
    match project {
        None => NO_PROJECT.parse(),
        Some("") => Err(NameError::Empty),
        Some(project) => format!("{PREFIX}{project}").parse().or_else(|error| {
            let short = format!("{SHORT_PREFIX}{project}");
            short.parse().map_err(|_: NameError| error)
        }),
    }
}

/// The project that a group is the lease of, if it is a lease: `Some(None)` for that of
/// manifests without a project.
#[must_use]
pub fn project_of(group: &ResourceName) -> Option<Option<&str>> {
    let name = group.as_str();
    if name == NO_PROJECT {
        return Some(None);
    }
    let project = name
        .strip_prefix(PREFIX)
        .or_else(|| name.strip_prefix(SHORT_PREFIX))?;
    let is_its_name = lease_name(Some(project)).is_ok_and(|own| own == *group);
    is_its_name.then_some(Some(project))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_project_has_a_lease_of_its_own() {
        let longest = "x".repeat(253);
        let all = [None, Some("orders"), Some("a/b"), Some(longest.as_str())];
        for project in all {
            let name = lease_name(project).unwrap();
            assert_eq!(project_of(&name), Some(project));
        }
        assert_eq!(lease_name(Some("orders")).unwrap().as_str(), "apply/orders");
        assert_eq!(
            lease_name(Some(&"x".repeat(249))).unwrap().as_str().len(),
            255
        );
        assert!(lease_name(Some(&"x".repeat(254))).is_err());
        for other in ["applying", "apply/", "a/orders", "orders"] {
            assert_eq!(project_of(&other.parse().unwrap()), None, "{other}");
        }
    }
}
