use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::wording::nearest;

/// Where the value of a variable came from, weakest first: a later one replaces an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Provenance {
    /// The environment variable `IGGYCTL_VAR_name`.
    Environment,
    /// A file given with `--values`.
    ValuesFile(String),
    /// `--set name=value`.
    CommandLine,
}

impl fmt::Display for Provenance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => formatter.write_str("environment"),
            Self::ValuesFile(file) => write!(formatter, "--values {file}"),
            Self::CommandLine => formatter.write_str("--set"),
        }
    }
}

/// The variables that manifests may use, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, (String, Provenance)>);

impl Variables {
    /// Gives a variable a value, unless it has one from a stronger place.
    /// Of two from places of the same kind the later call wins.
    pub fn set(
        &mut self,
        name: impl Into<String>,
        value: impl Into<String>,
        provenance: Provenance,
    ) {
        let rank = |provenance: &Provenance| match provenance {
            Provenance::Environment => 0,
            Provenance::ValuesFile(_) => 1,
            Provenance::CommandLine => 2,
        };
        let name = name.into();
        match self.0.get(&name) {
            Some((_, stronger)) if rank(stronger) > rank(&provenance) => {}
            _ => {
                self.0.insert(name, (value.into(), provenance));
            }
        }
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|(value, _)| value.as_str())
    }

    /// Every variable with its value and where that came from, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &Provenance)> {
        self.0
            .iter()
            .map(|(name, (value, provenance))| (name.as_str(), value.as_str(), provenance))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Whether a text can be the name of a variable: letters, digits, `_`, `-`
/// and `.`, not beginning with a digit.
#[must_use]
pub fn is_variable_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|next| next.is_ascii_alphanumeric() || matches!(next, '_' | '-' | '.'))
}

/// What is wrong with a variable in a scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SubstitutionError {
    /// No value and no default; perhaps another one was meant.
    Unknown {
        /// The variable.
        name: String,
        /// The nearest one that has a value.
        nearest: Option<String>,
    },
    /// `${` without a `}`, or something that is no name between them.
    Syntax {
        /// The text from `${` on.
        found: String,
    },
}

/// The text with every `${name}` and `${name:-default}` replaced, once: a
/// value is not searched for further variables. `$${` gives `${`. Every name is
/// noted in `named`, whether it has a value or not.
pub(super) fn substitute(
    text: &str,
    variables: &Variables,
    named: &mut BTreeSet<String>,
) -> Result<String, SubstitutionError> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(position) = rest.find("${") {
        let (before, after) = rest.split_at(position);
        if let Some(escaped) = before.strip_suffix('$') {
            result.push_str(escaped);
            result.push_str("${");
            rest = after.get(2..).unwrap_or_default();
            continue;
        }
        result.push_str(before);
        let syntax = || SubstitutionError::Syntax {
            found: after.chars().take(40).collect(),
        };
        let (inside, next) = after
            .strip_prefix("${")
            .and_then(|inside| inside.split_once('}'))
            .ok_or_else(syntax)?;
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        if !is_variable_name(name) {
            return Err(syntax());
        }
        if !named.contains(name) {
            named.insert(name.to_owned());
        }
        let value = variables.get(name).or(default);
        result.push_str(value.ok_or_else(|| SubstitutionError::Unknown {
            name: name.to_owned(),
            nearest: nearest(name, variables.names()).map(str::to_owned),
        })?);
        rest = next;
    }
    result.push_str(rest);
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        let mut variables = Variables::default();
        variables.set("env", "prod", Provenance::CommandLine);
        variables.set("env", "test", Provenance::Environment);
        variables.set("nested", "${env}", Provenance::ValuesFile("v.yaml".into()));
        variables
    }

    #[test]
    fn variables_are_replaced_once() {
        for (text, expected) in [
            ("orders", "orders"),
            ("${env}", "prod"),
            ("orders-${env}-${env}", "orders-prod-prod"),
            ("${missing:-7d}", "7d"),
            ("${missing:-}", ""),
            ("${env:-7d}", "prod"),
            ("$${env}", "${env}"),
            ("a$$${env}", "a$${env}"),
            ("${nested}", "${env}"),
            ("$env $5 }", "$env $5 }"),
        ] {
            assert_eq!(
                substitute(text, &variables(), &mut BTreeSet::new()).as_deref(),
                Ok(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn what_cannot_be_replaced_is_said() {
        assert_eq!(
            substitute("${enw}", &variables(), &mut BTreeSet::new()),
            Err(SubstitutionError::Unknown {
                name: "enw".into(),
                nearest: Some("env".into())
            })
        );
        for text in ["${", "${env", "${}", "${a b}", "${1a}", "${:-x}"] {
            assert!(
                matches!(
                    substitute(text, &variables(), &mut BTreeSet::new()),
                    Err(SubstitutionError::Syntax { .. })
                ),
                "{text}"
            );
        }
    }
}
