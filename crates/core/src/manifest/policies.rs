//! Reading policies: the same files, parser and checks as manifests, and no
//! variables: whoever plans must not be able to set what a policy says.

use super::document::{each_tree, kind_of, members, typed};
use super::tree::Node;
use super::variables::Variables;
use crate::api::v1alpha1::{IggyPolicy, Kind};
use crate::diagnostic::{Code, Diagnostic, Origin, SourceFile};

/// A policy, and where its parts stand.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyDocument {
    /// What it says.
    pub policy: IggyPolicy,
    /// Where its name stands.
    pub name: Origin,
    /// For each of its rules.
    pub rules: Vec<RulePlaces>,
}

/// Where the parts of a rule stand.
#[derive(Debug, Clone, PartialEq)]
pub struct RulePlaces {
    /// The rule's name.
    pub name: Origin,
    /// `match`, or the rule.
    pub matches: Origin,
    /// `expression`.
    pub expression: WrittenText,
    /// `messageExpression`.
    pub message_expression: Option<WrittenText>,
    /// Each of `exceptions`.
    pub exceptions: Vec<Origin>,
}

/// A text of a file, as it means and as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenText {
    /// What it means.
    pub text: String,
    /// Where it begins: its quote, its `|`, or its first character.
    pub origin: Origin,
    /// The file from the line of that place on.
    pub written: String,
}

/// Reads every policy of every file, in their order.
///
/// What is wrong is added to `diagnostics`.
#[must_use]
pub fn read_policies(
    sources: &[SourceFile],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<PolicyDocument> {
    let mut policies = Vec::new();
    for source in sources {
        let text = std::str::from_utf8(&source.bytes).unwrap_or_default();
        each_tree(
            std::slice::from_ref(source),
            &Variables::default(),
            diagnostics,
            |tree, diagnostics| {
                for member in tree.root().into_iter().flat_map(members) {
                    policies.extend(policy(member, text, diagnostics));
                }
            },
        );
    }
    policies
}

fn policy(node: Node<'_>, text: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<PolicyDocument> {
    let kind = kind_of(node, diagnostics)?;
    if kind != Kind::IggyPolicy {
        let place = node
            .get("kind")
            .map_or_else(|| node.place(), |kind| kind.place());
        diagnostics.push(
            Diagnostic::error(
                Code::PolicyMisplaced,
                format!("an {kind} among the policies is no policy"),
            )
            .at(place)
            .hint("give manifests with -f, and only policies with --policy"),
        );
        return None;
    }
    let policy: IggyPolicy = typed(node, kind, diagnostics)?;
    let name = node
        .get("metadata")
        .and_then(|metadata| metadata.get("name"))
        .unwrap_or(node);
    let rules = node.get("spec").and_then(|spec| spec.get("rules"));
    let rules = || rules.into_iter().flat_map(|rules| rules.items());
    // What stands there is not what was meant, and that is said already.
    let is_poisoned = rules().any(|rule| {
        let expressions = [rule.get("expression"), rule.get("messageExpression")];
        expressions.into_iter().flatten().any(|it| it.is_poisoned())
    });
    if is_poisoned {
        return None;
    }
    Some(PolicyDocument {
        policy,
        name: name.origin(),
        rules: rules().map(|rule| places(rule, text)).collect(),
    })
}

fn places(rule: Node<'_>, text: &str) -> RulePlaces {
    let field = |name: &str| rule.get(name);
    let exceptions = field("exceptions");
    RulePlaces {
        name: field("name").unwrap_or(rule).origin(),
        matches: field("match").unwrap_or(rule).origin(),
        expression: written(field("expression").unwrap_or(rule), text),
        message_expression: field("messageExpression").map(|node| written(node, text)),
        exceptions: exceptions
            .into_iter()
            .flat_map(|list| list.items())
            .map(|node| node.origin())
            .collect(),
    }
}

fn written(node: Node<'_>, text: &str) -> WrittenText {
    let origin = node.origin();
    let lines = text
        .split_inclusive('\n')
        .skip(origin.line.saturating_sub(1) as usize);
    // What a text is written as has at most an escape for each character, and an
    // indentation for each line.
    let enough = node.text().lines().count() * 3 + 3;
    WrittenText {
        text: node.text().to_owned(),
        origin,
        written: lines.take(enough).collect(),
    }
}
