use std::fmt;
use std::str::FromStr;

use super::attribute::{DELETED, NAME, PARTITIONS, PERMISSIONS, SERVER, STATUS};
use super::item::DriftItem;
use crate::address::{AddressPattern, AddressPatternError};

/// The names that may stand behind the colon.
const ATTRIBUTES: [&str; 13] = [
    NAME,
    PARTITIONS,
    STATUS,
    PERMISSIONS,
    "messageExpiry",
    "maxTopicSize",
    "compression",
    "segmentSize",
    "durability",
    "consumerOffsetDurability",
    "messagesRequiredToSave",
    "sizeOfMessagesRequiredToSave",
    "preallocateSegments",
];

/// Before the scope of permissions.
const OF_SCOPE: &str = ":permissions ";

/// The scopes of permissions that are no address.
const SCOPES: [&str; 2] = [SERVER, DELETED];

/// What is not to be reported: `ADDRESS` or `ADDRESS:ATTRIBUTE`, with the wildcards of
/// [`AddressPattern`] in the address. `permissions` stands for those of every scope, and
/// `permissions SCOPE` for those of one: `server`, `of what was deleted`, or the address of
/// a stream or topic, which may be a pattern, too.
#[derive(Debug, Clone)]
pub struct Ignore {
    text: String,
    address: AddressPattern,
    part: Part,
}

/// What of a resource is meant.
#[derive(Debug, Clone)]
enum Part {
    Everything,
    Attribute(&'static str),
    Permissions(Scope),
}

/// What permissions are about.
#[derive(Debug, Clone)]
enum Scope {
    Named(&'static str),
    Resources(AddressPattern),
}

/// Why something cannot be ignored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreError {
    /// Its address is none.
    #[error("`{text}` cannot be ignored: {source}")]
    Address {
        /// As it was given.
        text: String,
        /// What is wrong with the address.
        source: AddressPatternError,
    },
    /// Nothing is granted for that.
    #[error(
        "`{text}` cannot be ignored: behind `permissions ` stands what they are for: server, \
         stream/STREAM, topic/STREAM/TOPIC or a pattern of these; `:permissions` alone is all of \
         them"
    )]
    Scope {
        /// As it was given.
        text: String,
    },
}

impl FromStr for Ignore {
    type Err = IgnoreError;

    /// A colon may be part of a name, so it divides only before the name of an attribute.
    fn from_str(text: &str) -> Result<Self, IgnoreError> {
        let (address, part) = match text.split_once(OF_SCOPE) {
            Some((address, scope)) => {
                let scope = Scope::parse(scope).ok_or_else(|| IgnoreError::Scope {
                    text: text.to_owned(),
                })?;
                (address, Part::Permissions(scope))
            }
            None => attribute_of(text).unwrap_or((text, Part::Everything)),
        };
        let address = AddressPattern::new(address).map_err(|source| IgnoreError::Address {
            text: text.to_owned(),
            source,
        })?;
        Ok(Self {
            text: text.to_owned(),
            address,
            part,
        })
    }
}

fn attribute_of(text: &str) -> Option<(&str, Part)> {
    let (address, last) = text.rsplit_once(':')?;
    let attribute = ATTRIBUTES.into_iter().find(|name| *name == last)?;
    Some((address, Part::Attribute(attribute)))
}

impl Scope {
    fn parse(text: &str) -> Option<Self> {
        if let Some(named) = SCOPES.into_iter().find(|scope| *scope == text) {
            return Some(Self::Named(named));
        }
        let begins = ["stream/", "topic/", "*"];
        if !begins.iter().any(|begin| text.starts_with(begin)) {
            return None;
        }
        AddressPattern::new(text).ok().map(Self::Resources)
    }

    fn covers(&self, scope: &str) -> bool {
        match self {
            Self::Named(named) => *named == scope,
            Self::Resources(pattern) => pattern.matches(scope),
        }
    }
}

impl fmt::Display for Ignore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Ignore {
    /// Whether it is about this.
    #[must_use]
    pub fn covers(&self, item: &DriftItem) -> bool {
        let attribute = item.attribute.as_deref();
        let is_meant = match (&self.part, attribute) {
            (Part::Everything, _) => true,
            (Part::Attribute(PERMISSIONS), Some(attribute)) => attribute.starts_with(PERMISSIONS),
            (Part::Attribute(wanted), Some(attribute)) => *wanted == attribute,
            (Part::Permissions(scope), Some(attribute)) => attribute
                .strip_prefix(PERMISSIONS)
                .and_then(|rest| rest.strip_prefix(' '))
                .is_some_and(|of| scope.covers(of)),
            (Part::Attribute(_) | Part::Permissions(_), None) => false,
        };
        is_meant && self.address.matches(&item.address.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::item::DriftKind;
    use super::*;
    use crate::diff::Setting;
    use crate::testing::default_settings;

    fn item(address: &str, attribute: Option<&str>) -> DriftItem {
        DriftItem {
            attribute: attribute.map(str::to_owned),
            ..DriftItem::new(address.parse().unwrap(), DriftKind::Changed)
        }
    }

    #[test]
    fn an_address_covers_all_of_it_and_an_attribute_only_that() {
        for (ignore, address, attribute, covers) in [
            ("topic/a/b", "topic/a/b", Some("partitions"), true),
            ("topic/a/b", "topic/a/b", None, true),
            ("topic/a/*", "topic/a/b", None, true),
            ("topic/a/*", "topic/b/a", None, false),
            ("**:messageExpiry", "topic/a/b", Some("messageExpiry"), true),
            ("**:messageExpiry", "topic/a/b", Some("partitions"), false),
            ("**:messageExpiry", "topic/a/b", None, false),
            (
                "user/svc-*:permissions",
                "user/svc-a",
                Some("permissions stream/orders"),
                true,
            ),
            (
                "user/svc-*:permissions",
                "user/svc-a",
                Some("status"),
                false,
            ),
            ("topic/a:b/c", "topic/a:b/c", None, true),
            ("topic/a/b:c", "topic/a/b:c", Some("partitions"), true),
            (
                "topic/a/b:c:partitions",
                "topic/a/b:c",
                Some("partitions"),
                true,
            ),
        ] {
            let parsed: Ignore = ignore.parse().unwrap();
            let covered = parsed.covers(&item(address, attribute));
            assert_eq!(covered, covers, "{ignore} {address} {attribute:?}");
            assert_eq!(parsed.to_string(), ignore);
        }
        assert!("orders/events".parse::<Ignore>().is_err());
    }

    #[test]
    fn permissions_are_told_apart_by_what_they_are_for() {
        let scopes = [
            "server",
            "of what was deleted",
            "stream/orders",
            "topic/orders/events",
        ];
        for (scope, covered) in [
            ("server", &["server"][..]),
            ("of what was deleted", &["of what was deleted"]),
            ("stream/orders", &["stream/orders"]),
            ("topic/orders/*", &["topic/orders/events"]),
            ("*/orders", &["stream/orders"]),
            ("**", &scopes),
        ] {
            let ignore: Ignore = format!("user/a:permissions {scope}").parse().unwrap();
            let covers =
                |of: &&str| ignore.covers(&item("user/a", Some(&format!("permissions {of}"))));
            let found: Vec<&str> = scopes.into_iter().filter(covers).collect();
            assert_eq!(found, covered, "{scope}");
            assert!(!ignore.covers(&item("user/b", Some("permissions server"))));
            assert!(!ignore.covers(&item("user/a", Some("permissions"))));
            assert!(!ignore.covers(&item("user/a", Some("status"))));
        }
        for nothing in ["", "streams", "user/a", "group/a/b/c", "stream/"] {
            let ignore = format!("user/a:permissions {nothing}").parse::<Ignore>();
            assert!(ignore.unwrap_err().to_string().contains("stream/STREAM"));
        }
    }

    #[test]
    fn every_setting_can_be_ignored() {
        for setting in Setting::present(&default_settings()) {
            assert!(ATTRIBUTES.contains(&setting.name()), "{}", setting.name());
        }
    }
}
