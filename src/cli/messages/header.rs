//! Headers as arguments.

use std::str::FromStr;

use iggyctl_messaging::Headers;

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

    /// All of them; the last one of a name counts.
    pub(super) fn all(arguments: &[Self]) -> Result<Headers, iggyctl_messaging::MessagingError> {
        let mut headers = Headers::new();
        for argument in arguments {
            argument.add_to(&mut headers)?;
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
