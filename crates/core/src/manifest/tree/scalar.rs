/// What YAML 1.2 takes a scalar for (core schema).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::manifest) enum Scalar<'t> {
    /// `null`, `~` or nothing at all.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i128),
    /// Any other number.
    Float,
    /// Everything else, and everything in quotes.
    Text(&'t str),
}

impl<'t> Scalar<'t> {
    /// What a scalar without quotes is.
    pub(super) fn resolve(text: &'t str) -> Self {
        let Some(first) = text.bytes().next() else {
            return Self::Null;
        };
        match first {
            b'0'..=b'9' | b'+' | b'-' | b'.' => Self::number(text),
            b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' => match text {
                "~" | "null" | "Null" | "NULL" => Self::Null,
                "true" | "True" | "TRUE" => Self::Boolean(true),
                "false" | "False" | "FALSE" => Self::Boolean(false),
                _ => Self::Text(text),
            },
            _ => Self::Text(text),
        }
    }

    /// What a text would be without its quotes.
    pub(in crate::manifest) fn unquoted(text: &'t str) -> Self {
        Self::resolve(text)
    }

    fn number(text: &'t str) -> Self {
        let radix = |prefix, radix| {
            text.strip_prefix(prefix)
                .filter(|digits| !digits.starts_with(['+', '-']))
                .and_then(|digits| i128::from_str_radix(digits, radix).ok())
        };
        if let Some(number) = radix("0x", 16).or_else(|| radix("0o", 8)) {
            return Self::Integer(number);
        }
        let unsigned = text.trim_start_matches(['+', '-']);
        if unsigned.bytes().all(|byte| byte.is_ascii_digit())
            && !unsigned.is_empty()
            && unsigned.len() + 1 >= text.len()
        {
            // More digits than fit are still a number, and out of every range.
            return Self::Integer(text.parse().unwrap_or(i128::MAX));
        }
        let numeric = unsigned
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
        let special = matches!(
            unsigned,
            ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN"
        );
        if special || (numeric && text.parse::<f64>().is_ok()) {
            Self::Float
        } else {
            Self::Text(text)
        }
    }

    /// What it is, in words for a message.
    pub(in crate::manifest) fn describe(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Boolean(value) => format!("the boolean {value}"),
            Self::Integer(i128::MAX) => "a very large number".to_owned(),
            Self::Integer(value) => format!("the number {value}"),
            Self::Float => "a number with a fraction".to_owned(),
            Self::Text(text) => {
                let shown: String = text.chars().take(40).collect();
                let more = if shown.len() < text.len() { "…" } else { "" };
                format!("the text `{shown}{more}`")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_what_yaml_says() {
        for (text, expected) in [
            ("", Scalar::Null),
            ("~", Scalar::Null),
            ("true", Scalar::Boolean(true)),
            ("yes", Scalar::Text("yes")),
            ("6", Scalar::Integer(6)),
            ("-6", Scalar::Integer(-6)),
            ("0x10", Scalar::Integer(16)),
            ("0o10", Scalar::Integer(8)),
            ("1.5", Scalar::Float),
            ("1e3", Scalar::Float),
            ("-.inf", Scalar::Float),
            ("7d", Scalar::Text("7d")),
            ("1.2.3", Scalar::Text("1.2.3")),
            ("-", Scalar::Text("-")),
            ("--6", Scalar::Text("--6")),
            ("orders", Scalar::Text("orders")),
            (&"9".repeat(60), Scalar::Integer(i128::MAX)),
        ] {
            assert_eq!(Scalar::resolve(text), expected, "{text}");
        }
    }
}
