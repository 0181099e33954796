//! The topic that a command is about.

use std::fmt;
use std::str::FromStr;

use iggyctl_core::address::{Address, AddressError};
use iggyctl_core::name::ResourceName;

/// A topic as an argument: `orders/events`, or its address `topic/orders/events`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct TopicPlace {
    pub(in crate::cli) stream: ResourceName,
    pub(in crate::cli) topic: ResourceName,
}

impl FromStr for TopicPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A stream may be called `topic`, so the number of names decides.
        let address = match text.split('/').count() {
            2 => format!("topic/{text}"),
            _ => text.to_owned(),
        };
        match address.parse() {
            Ok(Address::Topic(stream, topic)) => Ok(Self { stream, topic }),
            Ok(_) => Err(format!("`{text}` is no topic; {EXPECTED}")),
            // Kinds and their numbers of names are not what this is about.
            Err(error @ (AddressError::BadEncoding(_) | AddressError::Name(_))) => {
                Err(format!("{error}; {EXPECTED}"))
            }
            Err(AddressError::UnknownKind(_) | AddressError::WrongParts { .. }) => {
                Err(EXPECTED.to_owned())
            }
        }
    }
}

const EXPECTED: &str =
    "expected STREAM/TOPIC, such as orders/events, where a `/` in a name is written %2F";

impl fmt::Display for TopicPlace {
    /// As it is typed: percent-encoded, without its kind.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = Address::Topic(self.stream.clone(), self.topic.clone()).to_string();
        formatter.write_str(address.strip_prefix("topic/").unwrap_or(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<(String, String), String> {
        let TopicPlace { stream, topic } = text.parse()?;
        Ok((stream.to_string(), topic.to_string()))
    }

    fn pair(stream: &str, topic: &str) -> Result<(String, String), String> {
        Ok((stream.to_owned(), topic.to_owned()))
    }

    #[test]
    fn a_topic_is_named_with_and_without_its_kind() {
        assert_eq!(names("orders/events"), pair("orders", "events"));
        assert_eq!(names("topic/orders/events"), pair("orders", "events"));
        assert_eq!(names("topic/events"), pair("topic", "events"));
        assert_eq!(names("a%2Fb/100%25"), pair("a/b", "100%"));
        for text in ["", "orders", "orders/", "/events", "a/b/c", "group/a/b/c"] {
            assert!(names(text).is_err(), "{text}");
        }
    }

    #[test]
    fn it_is_shown_as_it_is_typed() {
        for text in ["orders/events", "a%2Fb/100%25", "topic/events"] {
            assert_eq!(text.parse::<TopicPlace>().unwrap().to_string(), text);
        }
    }
}
