use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use cel::{Context, Env, Value};
use jiff::civil::Date;

use super::expression::Failure;
use super::facts::{ChangeFacts, change, declared_resources, project, resource};
use super::functions::{context, environment};
use super::rule::Rule;
use crate::address::Address;
use crate::check::{Finding, FindingId, Findings};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Origin, SourceFile};
use crate::manifest::{PolicyDocument, read_policies};
use crate::state::desired::DesiredState;

/// Policies whose every rule can be used.
pub struct PolicySet {
    environment: Arc<Env>,
    rules: Vec<Rule>,
}

impl fmt::Debug for PolicySet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.rules.iter().map(|rule| rule.id.to_string());
        formatter.debug_list().entries(rules).finish()
    }
}

impl Default for PolicySet {
    fn default() -> Self {
        Self {
            environment: environment(),
            rules: Vec::new(),
        }
    }
}

impl PolicySet {
    /// Reads the policies of all files.
    ///
    /// # Errors
    /// Everything that is wrong with any of them, down to the place inside an
    /// expression.
    pub fn read(sources: &[SourceFile]) -> Result<Self, Diagnostics> {
        let mut set = Self::default();
        if sources.is_empty() {
            return Ok(set);
        }
        let mut diagnostics = Vec::new();
        let functions = context(&set.environment);
        let mut names: BTreeMap<String, Origin> = BTreeMap::new();
        for document in read_policies(sources, &mut diagnostics) {
            let PolicyDocument {
                policy,
                name,
                rules,
            } = document;
            let policy_name = policy.metadata.name.to_string();
            twice(
                &mut names,
                policy_name.clone(),
                &format!("the policy `{policy_name}`"),
                &name,
                &mut diagnostics,
            );
            let mut rule_names: BTreeMap<String, Origin> = BTreeMap::new();
            for (rule, places) in policy.spec.rules.iter().zip(&rules) {
                twice(
                    &mut rule_names,
                    rule.name.clone(),
                    &format!("the rule `{}`", rule.name),
                    &places.name,
                    &mut diagnostics,
                );
                set.rules.extend(Rule::read(
                    &policy_name,
                    rule,
                    places,
                    &set.environment,
                    &functions,
                    &mut diagnostics,
                ));
            }
        }
        drop(functions);
        let diagnostics: Diagnostics = diagnostics.into_iter().collect();
        match diagnostics.has_errors() {
            true => Err(diagnostics),
            false => Ok(set),
        }
    }

    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The names of all rules as `POLICY/RULE`, in their order.
    #[must_use]
    pub fn rule_names(&self) -> Vec<String> {
        let names = self.rules.iter().filter_map(|rule| match &rule.id {
            FindingId::Policy { policy, rule } => Some(format!("{policy}/{rule}")),
            FindingId::BuiltIn(_) => None,
        });
        names.collect()
    }

    /// What the rules about resources say of everything that is declared, in the
    /// order of a plan.
    ///
    /// # Errors
    /// An expression has no result for a resource.
    pub fn check_declared(
        &self,
        desired: &DesiredState,
        today: Date,
    ) -> Result<Findings, Diagnostics> {
        let mut run = Run::new(self, desired, today);
        if self.rules.iter().any(|rule| !rule.is_about_changes) {
            for address in declared_resources(desired) {
                run.judge(&address, None);
            }
        }
        run.finish()
    }

    /// What the rules about changes say, in the order of the changes.
    ///
    /// # Errors
    /// An expression has no result for a change.
    pub fn check_changes(
        &self,
        desired: &DesiredState,
        changes: &[ChangeFacts],
        today: Date,
    ) -> Result<Findings, Diagnostics> {
        let mut run = Run::new(self, desired, today);
        if self.rules.iter().any(|rule| rule.is_about_changes) {
            for facts in changes {
                run.judge(&facts.address, Some(facts));
            }
        }
        run.finish()
    }
}

fn twice(
    names: &mut BTreeMap<String, Origin>,
    name: String,
    what: &str,
    origin: &Origin,
    diagnostics: &mut Vec<Diagnostic>,
) {
    match names.get(&name) {
        Some(first) => diagnostics.push(
            Diagnostic::error(Code::DuplicateResource, format!("{what} is there twice"))
                .at(origin.clone())
                .related(first.clone(), "the first one"),
        ),
        None => {
            names.insert(name, origin.clone());
        }
    }
}

/// One look at everything.
struct Run<'a> {
    set: &'a PolicySet,
    desired: &'a DesiredState,
    today: Date,
    context: Context<'static, 'static>,
    findings: Vec<Finding>,
    /// By the rule and what is wrong: the first resource, and how many more.
    failures: BTreeMap<(usize, Origin, String), (Code, Address, usize)>,
}

impl<'a> Run<'a> {
    fn new(set: &'a PolicySet, desired: &'a DesiredState, today: Date) -> Self {
        let mut context = context(&set.environment);
        bind(&mut context, "project", project(desired));
        Self {
            set,
            desired,
            today,
            context,
            findings: Vec::new(),
            failures: BTreeMap::new(),
        }
    }

    fn judge(&mut self, address: &Address, facts: Option<&ChangeFacts>) {
        let verb = facts.map(|facts| facts.verb);
        let rules = self.set.rules.iter().enumerate();
        let mut rules = rules
            .filter(|(_, rule)| rule.is_about(address, verb))
            .peekable();
        if rules.peek().is_none() {
            return;
        }
        let mut context = self.context.new_inner_scope();
        bind(&mut context, "resource", resource(address, self.desired));
        if let Some(facts) = facts {
            bind(&mut context, "change", change(facts));
        }
        let origin = self.desired.origin(address);
        for (index, rule) in rules {
            match rule.finding(address, origin, &context, self.today) {
                Ok(finding) => self.findings.extend(finding),
                Err(Failure {
                    origin,
                    message,
                    code,
                }) => {
                    let (_, _, more) = self
                        .failures
                        .entry((index, origin, message))
                        .or_insert_with(|| (code, address.clone(), 0));
                    *more += 1;
                }
            }
        }
    }

    fn finish(self) -> Result<Findings, Diagnostics> {
        if self.failures.is_empty() {
            return Ok(Findings {
                findings: self.findings,
            });
        }
        let failures = self.failures.into_iter();
        Err(failures
            .map(|((index, origin, message), (code, address, count))| {
                let rule = self.set.rules.get(index);
                let id = rule.map_or_else(String::new, |rule| rule.id.to_string());
                let more = match count {
                    0 | 1 => String::new(),
                    more => format!(" and {} more", more - 1),
                };
                Diagnostic::error(code, format!("{id} fails for {address}{more}: {message}"))
                    .at(origin)
                    .hint(
                        "`has(resource.field)` says whether a field is declared, \
                         `resource.?field.orValue(x)` gives a default",
                    )
            })
            .collect())
    }
}

fn bind(context: &mut Context<'_, '_>, name: &str, value: Value) {
    context.add_variable_from_value(name, value);
}
