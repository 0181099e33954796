use std::collections::BTreeSet;

use cel::{Context, Env};

use super::exception::{Excepted, Exception, excepted};
use super::expression::{Expression, Failure};
use super::fields::{Field, change_fields, fields_of, project_fields};
use super::names::{Result as Wanted, Scope};
use crate::address::{Address, AddressPattern};
use crate::api::v1alpha1::{PolicyKind, PolicyMatch, PolicyRule, PolicySeverity, PolicyVerb};
use crate::check::{Finding, FindingId, Severity};
use crate::diagnostic::{Code, Diagnostic, Origin};
use crate::manifest::RulePlaces;

const RESOURCES: [PolicyKind; 5] = [
    PolicyKind::Stream,
    PolicyKind::Topic,
    PolicyKind::Group,
    PolicyKind::User,
    PolicyKind::Token,
];

/// A rule whose every part can be used.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: FindingId,
    pub(super) origin: Origin,
    /// Of resources; never empty.
    kinds: BTreeSet<PolicyKind>,
    pub(super) is_about_changes: bool,
    addresses: Vec<AddressPattern>,
    /// All when empty.
    verbs: Vec<PolicyVerb>,
    expression: Expression,
    message: Message,
    fix: Option<String>,
    severity: Severity,
    exceptions: Vec<Exception>,
}

#[derive(Debug)]
enum Message {
    Fixed(String),
    Made(Expression),
}

impl Rule {
    /// The rule, or everything that is wrong with it.
    pub(super) fn read(
        policy: &str,
        rule: &PolicyRule,
        places: &RulePlaces,
        environment: &Env,
        functions: &Context<'_, '_>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let PolicyRule {
            name,
            matches,
            expression: _,
            message,
            message_expression,
            fix,
            severity,
            exceptions: declared,
        } = rule;
        let before = diagnostics.len();
        check_name(name, &places.name, diagnostics);
        let nothing = PolicyMatch::default();
        let PolicyMatch {
            kinds,
            addresses: patterns,
            verbs,
        } = matches.as_ref().unwrap_or(&nothing);
        let is_about_changes = kinds.contains(&PolicyKind::Change);
        let named = kinds.iter().copied();
        let mut resources: BTreeSet<PolicyKind> =
            named.filter(|kind| *kind != PolicyKind::Change).collect();
        if resources.is_empty() {
            resources.extend(RESOURCES);
        }
        if !verbs.is_empty() && !is_about_changes {
            diagnostics.push(
                Diagnostic::error(
                    Code::PolicyRuleInvalid,
                    format!("the rule `{name}` names verbs, and is not about changes"),
                )
                .at(places.matches.clone())
                .hint("add `change` to `kinds`"),
            );
        }
        let addresses = patterns.iter().filter_map(|text| {
            let pattern = AddressPattern::new(text);
            if let Err(error) = &pattern {
                diagnostics.push(
                    Diagnostic::error(
                        Code::PolicyRuleInvalid,
                        format!("the address `{text}` cannot be used: {error}"),
                    )
                    .at(places.matches.clone())
                    .hint("an address is such as `topic/orders/events` or `topic/orders/*`"),
                );
            }
            pattern.ok()
        });
        let addresses: Vec<AddressPattern> = addresses.collect();
        let scope = scope(&resources, is_about_changes);
        let expression = Expression::read(
            environment,
            functions,
            &places.expression,
            &scope,
            Wanted::Bool,
            diagnostics,
        );
        if message.is_some() && message_expression.is_some() {
            diagnostics.push(
                Diagnostic::error(
                    Code::PolicyRuleInvalid,
                    format!("the rule `{name}` has both `message` and `messageExpression`"),
                )
                .at(places.name.clone())
                .hint("leave one of them out"),
            );
        }
        let made = places.message_expression.as_ref().and_then(|written| {
            let wanted = Wanted::Text;
            Expression::read(environment, functions, written, &scope, wanted, diagnostics)
        });
        let message = match (message, made) {
            (_, Some(made)) => Message::Made(made),
            (Some(text), None) => Message::Fixed(text.clone()),
            (None, None) => Message::Fixed(format!("`{}` does not hold", one_line(rule))),
        };
        let exceptions = declared.iter().zip(&places.exceptions);
        let exceptions: Vec<Exception> = exceptions
            .filter_map(|(declared, origin)| Exception::read(declared, origin, diagnostics))
            .collect();
        let expression = expression?;
        (diagnostics.len() == before).then(|| Self {
            id: FindingId::Policy {
                policy: policy.to_owned(),
                rule: name.clone(),
            },
            origin: places.name.clone(),
            kinds: resources,
            is_about_changes,
            addresses,
            verbs: verbs.clone(),
            expression,
            message,
            fix: fix.clone(),
            severity: match severity.unwrap_or_default() {
                PolicySeverity::Error => Severity::Error,
                PolicySeverity::Warn => Severity::Warning,
                PolicySeverity::Info => Severity::Note,
            },
            exceptions,
        })
    }

    /// Whether it looks at this resource, and at what happens to it.
    pub(super) fn is_about(&self, address: &Address, verb: Option<PolicyVerb>) -> bool {
        let text = address.to_string();
        self.is_about_changes == verb.is_some()
            && self.kinds.contains(&kind_of(address))
            && verb.is_none_or(|verb| self.verbs.is_empty() || self.verbs.contains(&verb))
            && (self.addresses.is_empty()
                || self.addresses.iter().any(|pattern| pattern.matches(&text)))
    }

    /// What it says of a resource that it is about; nothing when it holds.
    pub(super) fn finding(
        &self,
        address: &Address,
        declared_at: Option<&Origin>,
        context: &Context<'_, '_>,
        today: jiff::civil::Date,
    ) -> Result<Option<Finding>, Failure> {
        if self.expression.holds(context)? {
            return Ok(None);
        }
        let ended = match excepted(&self.exceptions, &address.to_string(), today) {
            Excepted::Yes => return Ok(None),
            Excepted::Ended { until, reason } => {
                format!(" (an exception ended on {until}: {})", reason.trim())
            }
            Excepted::No => String::new(),
        };
        let message = match &self.message {
            Message::Fixed(text) => text.trim().to_owned(),
            Message::Made(expression) => expression.text(context)?,
        };
        let fix = match &self.fix {
            Some(fix) => fix.trim().to_owned(),
            None => format!("the rule is at {}:{}", self.origin.file, self.origin.line),
        };
        Ok(Some(Finding {
            code: self.id.clone(),
            severity: self.severity,
            address: address.clone(),
            message: format!("{message}{ended}"),
            fix,
            origin: declared_at.cloned(),
        }))
    }
}

fn check_name(name: &str, origin: &Origin, diagnostics: &mut Vec<Diagnostic>) {
    let is_fine = !name.is_empty()
        && name.len() <= 63
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-');
    if !is_fine {
        diagnostics.push(
            Diagnostic::error(
                Code::PolicyRuleInvalid,
                format!("`{name}` cannot be the name of a rule"),
            )
            .at(origin.clone())
            .expected("lower-case letters, digits and `-` in between, at most 63"),
        );
    }
}

fn one_line(rule: &PolicyRule) -> String {
    let words: Vec<&str> = rule.expression.split_whitespace().collect();
    words.join(" ")
}

fn scope(kinds: &BTreeSet<PolicyKind>, is_about_changes: bool) -> Scope {
    let of_resource: Vec<Field> = kinds.iter().flat_map(|kind| fields_of(*kind)).collect();
    let mut variables = vec![
        ("resource", of_resource),
        ("project", project_fields().to_vec()),
    ];
    if is_about_changes {
        variables.push(("change", change_fields().to_vec()));
    }
    Scope { variables }
}

fn kind_of(address: &Address) -> PolicyKind {
    match address {
        Address::Stream(_) => PolicyKind::Stream,
        Address::Topic(..) => PolicyKind::Topic,
        Address::ConsumerGroup(..) => PolicyKind::Group,
        Address::User(_) => PolicyKind::User,
        Address::Token(..) => PolicyKind::Token,
    }
}
