use std::fmt;
use std::str::FromStr;

use super::attribute::{NAME, PARTITIONS, PERMISSIONS, STATUS};
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

/// What is not to be reported: `ADDRESS` or `ADDRESS:ATTRIBUTE`, with the wildcards of
/// [`AddressPattern`] in the address. `permissions` stands for those of every scope.
#[derive(Debug, Clone)]
pub struct Ignore {
    text: String,
    address: AddressPattern,
    attribute: Option<&'static str>,
}

/// Why something cannot be ignored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` cannot be ignored: {source}")]
pub struct IgnoreError {
    /// As it was given.
    pub text: String,
    /// What is wrong with the address.
    pub source: AddressPatternError,
}

impl FromStr for Ignore {
    type Err = IgnoreError;

    /// A colon may be part of a name, so it divides only before the name of an attribute.
    fn from_str(text: &str) -> Result<Self, IgnoreError> {
        let divided = text.rsplit_once(':').and_then(|(address, last)| {
            let attribute = ATTRIBUTES.into_iter().find(|name| *name == last)?;
            Some((address, attribute))
        });
        let (address, attribute) = match divided {
            Some((address, attribute)) => (address, Some(attribute)),
            None => (text, None),
        };
        let address = AddressPattern::new(address).map_err(|source| IgnoreError {
            text: text.to_owned(),
            source,
        })?;
        Ok(Self {
            text: text.to_owned(),
            address,
            attribute,
        })
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
        let is_meant = match (self.attribute, item.attribute.as_deref()) {
            (None, _) => true,
            (Some(PERMISSIONS), Some(attribute)) => attribute.starts_with(PERMISSIONS),
            (Some(wanted), Some(attribute)) => wanted == attribute,
            (Some(_), None) => false,
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
    fn every_setting_can_be_ignored() {
        for setting in Setting::present(&default_settings()) {
            assert!(ATTRIBUTES.contains(&setting.name()), "{}", setting.name());
        }
    }
}
