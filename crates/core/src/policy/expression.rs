//! An expression of a rule: read once, evaluated for each resource.

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, SourceInfo};
use cel::{Context, Env, ExecutionError, Value};

use super::locate::locate;
use super::names::{Result as Wanted, Scope, mistyped, unknown};
use crate::diagnostic::{Code, Diagnostic, Origin, Place};
use crate::manifest::WrittenText;

/// An expression that can be read, and names only what there is.
#[derive(Debug)]
pub(super) struct Expression {
    root: IdedExpr,
    source: SourceInfo,
    written: WrittenText,
    wanted: Wanted,
}

/// Why an expression has no result.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure {
    pub(super) origin: Origin,
    pub(super) message: String,
    pub(super) code: Code,
}

/// Longer ones are a mistake, and reading takes time that grows with them.
const MAX_LENGTH: usize = 16 << 10;

impl Expression {
    /// Reads an expression, or adds everything that is wrong with it.
    pub(super) fn read(
        environment: &Env,
        functions: &Context<'_, '_>,
        written: &WrittenText,
        scope: &Scope,
        wanted: Wanted,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let text = written.text.as_str();
        if text.trim().is_empty() || text.len() > MAX_LENGTH {
            let what = match text.len() > MAX_LENGTH {
                true => format!("has more than {MAX_LENGTH} bytes"),
                false => "is empty".to_owned(),
            };
            diagnostics.push(
                Diagnostic::error(Code::PolicySyntax, format!("the expression {what}"))
                    .at(written.origin.clone()),
            );
            return None;
        }
        let (root, source) = match environment.parser().parse_with_source_info(text) {
            Ok(read) => read,
            Err(errors) => {
                diagnostics.extend(errors.errors.iter().map(|error| {
                    let place = locate(written, index_of(text, error.pos));
                    Diagnostic::error(
                        Code::PolicySyntax,
                        format!("the expression cannot be read: {}", wording(&error.msg)),
                    )
                    .at(place)
                }));
                return None;
            }
        };
        let expression = Self {
            root,
            source,
            written: written.clone(),
            wanted,
        };
        let unknown = unknown(&expression.root, scope, functions);
        if !unknown.is_empty() {
            diagnostics.extend(unknown.into_iter().map(|unknown| {
                let diagnostic = Diagnostic::error(Code::PolicyUnknownName, unknown.message)
                    .at(expression.place(unknown.id));
                match unknown.hint {
                    Some(hint) => diagnostic.hint(hint),
                    None => diagnostic,
                }
            }));
            return None;
        }
        if let Some((node, found)) = mistyped(&expression.root, wanted, scope) {
            let id = node.id;
            diagnostics.push(
                Diagnostic::error(
                    Code::PolicyNotBool,
                    match wanted {
                        Wanted::Bool => {
                            format!("this is {found}, and can be neither true nor false")
                        }
                        Wanted::Text => format!("this is {found}, and no text"),
                    },
                )
                .at(expression.place(id)),
            );
            return None;
        }
        Some(expression)
    }

    /// Whether it holds.
    pub(super) fn holds(&self, context: &Context<'_, '_>) -> Result<bool, Failure> {
        match Value::resolve(&self.root, context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(self.other(&other)),
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// The text that it makes.
    pub(super) fn text(&self, context: &Context<'_, '_>) -> Result<String, Failure> {
        match Value::resolve(&self.root, context) {
            Ok(Value::String(text)) => Ok(text.as_str().to_owned()),
            Ok(other) => Err(self.other(&other)),
            Err(error) => Err(self.failure(&error)),
        }
    }

    fn other(&self, found: &Value) -> Failure {
        let wanted = match self.wanted {
            Wanted::Bool => "true or false",
            Wanted::Text => "a text",
        };
        Failure {
            origin: self.place(self.root.id).origin,
            message: format!("it results in a {}, not in {wanted}", found.type_of()),
            code: Code::PolicyNotBool,
        }
    }

    fn failure(&self, error: &ExecutionError) -> Failure {
        let culprit = match error {
            ExecutionError::NoSuchKey(key) => {
                find(&self.root, &|expression| selects(expression, key))
            }
            ExecutionError::NoSuchOverload(error) => find(
                &self.root,
                &|expression| matches!(expression, Expr::Call(call) if call.func_name == error.function()),
            ),
            ExecutionError::FunctionError { function, .. } => find(
                &self.root,
                &|expression| matches!(expression, Expr::Call(call) if call.func_name == *function),
            ),
            _ => None,
        };
        let message = match error {
            ExecutionError::NoSuchKey(key) => format!("there is no `{key}`"),
            // Its own text is the value of a variable, in a form that is nobody's.
            ExecutionError::UnsupportedBinaryOperator(operator, ..) => {
                format!("`{operator}` cannot be used with these values")
            }
            ExecutionError::ValuesNotComparable(..) => {
                "the two values cannot be compared".to_owned()
            }
            other => wording(&other.to_string()),
        };
        Failure {
            origin: self.place(culprit.unwrap_or(self.root.id)).origin,
            message,
            code: Code::PolicyEvaluation,
        }
    }

    fn place(&self, id: u64) -> Place {
        let start = self.source.offset_for(id).map_or(0, |(start, _)| start);
        let text = &self.written.text;
        let start = named(text, start as usize);
        let index = text
            .char_indices()
            .take_while(|(byte, _)| *byte < start)
            .count();
        Place::from(locate(&self.written, index))
    }
}

/// The parser places `a.b` at the `.` and `f(x)` at the `(`: where the name is that
/// a person would look for.
fn named(text: &str, start: usize) -> usize {
    let (before, after) = text.split_at_checked(start).unwrap_or((text, ""));
    match after.chars().next() {
        Some('.') => start + after.len() - after.trim_start_matches(['.', '?']).len(),
        Some('(') => {
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            before.trim_end_matches(is_name).len()
        }
        _ => start,
    }
}

/// A character's index from a line and a column, both from 1.
fn index_of(text: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line - 1).unwrap_or(0);
    let column = usize::try_from(column - 1).unwrap_or(0);
    let before = text.split_inclusive('\n').take(line);
    before.map(|line| line.chars().count()).sum::<usize>() + column
}

/// The parser's words without its lists of all tokens that there are.
fn wording(message: &str) -> String {
    let message = message.trim_start_matches("Syntax error: ");
    let message = match message.split_once(" expecting {") {
        Some((before, _)) => before,
        None => message,
    };
    let unexpected = [
        "mismatched input ",
        "extraneous input ",
        "no viable alternative at input ",
        "token recognition error at: ",
    ];
    let found = unexpected
        .into_iter()
        .find_map(|words| message.strip_prefix(words));
    let message = match found {
        Some(found) => format!("{found} cannot stand here"),
        None => message.to_owned(),
    };
    message.replace("'<EOF>'", "the end").replace('\n', " ")
}

fn selects(expression: &Expr, key: &str) -> bool {
    matches!(expression, Expr::Select(select) if select.field == key)
}

/// The first node that is meant.
fn find(node: &IdedExpr, is_meant: &impl Fn(&Expr) -> bool) -> Option<u64> {
    if is_meant(&node.expr) {
        return Some(node.id);
    }
    let entry = |entry: &EntryExpr| match entry {
        EntryExpr::StructField(field) => find(&field.value, is_meant),
        EntryExpr::MapEntry(entry) => {
            find(&entry.key, is_meant).or_else(|| find(&entry.value, is_meant))
        }
    };
    match &node.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => None,
        Expr::Select(select) => find(&select.operand, is_meant),
        Expr::Call(CallExpr { target, args, .. }) => target
            .iter()
            .map(|target| &**target)
            .chain(args)
            .find_map(|node| find(node, is_meant)),
        Expr::List(list) => list.elements.iter().find_map(|node| find(node, is_meant)),
        Expr::Map(map) => map.entries.iter().find_map(|it| entry(&it.expr)),
        Expr::Struct(structure) => structure.entries.iter().find_map(|it| entry(&it.expr)),
        Expr::Comprehension(comprehension) => {
            let ComprehensionExpr {
                iter_range,
                accu_init,
                loop_cond,
                loop_step,
                result,
                ..
            } = &**comprehension;
            [iter_range, accu_init, loop_cond, loop_step, result]
                .into_iter()
                .find_map(|node| find(node, is_meant))
        }
    }
}
