//! Headers as arguments.

use std::collections::BTreeSet;
use std::str::FromStr;

use iggyctl_core::render::escape;
use iggyctl_messaging::Headers;

use crate::command_error::CommandError;

/// `NAME=VALUE`, a text, or `NAME:KIND=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeaderArgument {
    name: String,
    kind: String,
    value: String,
}

impl FromStr for HeaderArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text
            .split_once('=')
            .ok_or("expected NAME=VALUE, or NAME:KIND=VALUE such as attempt:uint32=3")?;
        // A name may have a colon, too, unless what follows it is a kind.
        let (name, kind) = match name.rsplit_once(':') {
            Some((name, kind)) if Headers::is_kind(kind) => (name, kind),
            _ => (name, "string"),
        };
        let argument = Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            value: value.to_owned(),
        };
        argument
            .add_to(&mut Headers::new())
            .map_err(|error| error.to_string())?;
        Ok(argument)
    }
}

impl HeaderArgument {
    fn add_to(&self, headers: &mut Headers) -> Result<(), iggyctl_messaging::MessagingError> {
        let Self { name, kind, value } = self;
        headers.insert_as(name, kind, value)
    }

    /// All of them; one name has one value.
    pub(super) fn all(arguments: &[Self]) -> Result<Headers, CommandError> {
        let mut headers = Headers::new();
        let mut names = BTreeSet::new();
        for argument in arguments {
            if !names.insert(&argument.name) {
                return Err(CommandError::usage(format!(
                    "--header: `{}` is given twice, and a header has one value",
                    escape(&argument.name)
                )));
            }
            argument
                .add_to(&mut headers)
                .map_err(|error| CommandError::usage(format!("--header: {error}")))?;
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_text_unless_its_kind_is_named() {
        for (text, name, kind, value) in [
            ("tenant=acme", "tenant", "string", "acme"),
            ("a=b=c", "a", "string", "b=c"),
            ("attempt:uint32=3", "attempt", "uint32", "3"),
            ("urn:x=1", "urn:x", "string", "1"),
            ("urn:x:int8=-1", "urn:x", "int8", "-1"),
        ] {
            let expected = HeaderArgument {
                name: name.to_owned(),
                kind: kind.to_owned(),
                value: value.to_owned(),
            };
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for text in [
            "tenant",
            "=acme",
            "tenant=",
            "attempt:uint8=256",
            "ok:bool=yes",
        ] {
            assert!(text.parse::<HeaderArgument>().is_err(), "{text}");
        }
    }
}
