//! What an expression names, judged before it is evaluated: variables, functions
//! and fields that nothing has, and results that can be neither true nor false.

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators,
};
use cel::{Context, ExecutionError, Value};

use super::fields::{Field, FieldType};
use crate::wording::nearest;

/// The variables of an expression, and the fields of each.
pub(super) struct Scope {
    pub(super) variables: Vec<(&'static str, Vec<Field>)>,
}

/// What is wrong with a node of an expression.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unknown {
    pub(super) id: u64,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Scope {
    fn fields(&self, variable: &str) -> Option<&[Field]> {
        let found = self.variables.iter().find(|(name, _)| *name == variable);
        found.map(|(_, fields)| fields.as_slice())
    }
}

/// Everything that the expression names and nothing has.
pub(super) fn unknown(root: &IdedExpr, scope: &Scope, functions: &Context<'_, '_>) -> Vec<Unknown> {
    let mut walk = Walk {
        scope,
        functions,
        bound: Vec::new(),
        found: Vec::new(),
    };
    walk.expression(root);
    walk.found
}

struct Walk<'a> {
    scope: &'a Scope,
    functions: &'a Context<'a, 'a>,
    bound: Vec<String>,
    found: Vec<Unknown>,
}

impl Walk<'_> {
    fn expression(&mut self, node: &IdedExpr) {
        match &node.expr {
            Expr::Unspecified | Expr::Literal(_) => {}
            Expr::Ident(name) => self.variable(node.id, name),
            Expr::Select(select) => self.select(node.id, select),
            Expr::Call(call) => self.call(node.id, call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => list.elements.iter().for_each(|item| self.expression(item)),
            Expr::Map(map) => map.entries.iter().for_each(|entry| self.entry(&entry.expr)),
            Expr::Struct(structure) => {
                self.found.push(Unknown {
                    id: node.id,
                    message: format!("there is no type `{}`", structure.type_name),
                    hint: None,
                });
                let entries = &structure.entries;
                entries.iter().for_each(|entry| self.entry(&entry.expr));
            }
        }
    }

    fn entry(&mut self, entry: &EntryExpr) {
        match entry {
            EntryExpr::StructField(field) => self.expression(&field.value),
            EntryExpr::MapEntry(entry) => {
                self.expression(&entry.key);
                self.expression(&entry.value);
            }
        }
    }

    fn is_bound(&self, name: &str) -> bool {
        // Macros make variables of their own, with names that nobody can write.
        name.starts_with(['@', '#']) || self.bound.iter().any(|bound| bound == name)
    }

    fn variable(&mut self, id: u64, name: &str) {
        const TYPES: [&str; 10] = [
            "bool",
            "bytes",
            "double",
            "int",
            "list",
            "map",
            "null_type",
            "string",
            "type",
            "uint",
        ];
        let known = self.scope.fields(name).is_some();
        if known || self.is_bound(name) || TYPES.contains(&name) {
            return;
        }
        let names = || self.scope.variables.iter().map(|(name, _)| *name);
        let hint = match nearest(name, names()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if name == "change" => "only rules with `kinds: [change]` see `change`".to_owned(),
            None => format!("the variables are {}", list_of(names())),
        };
        self.found.push(Unknown {
            id,
            message: format!("there is no variable `{name}`"),
            hint: Some(hint),
        });
    }

    fn select(&mut self, id: u64, select: &SelectExpr) {
        self.expression(&select.operand);
        self.field(id, &select.operand, &select.field);
    }

    fn field(&mut self, id: u64, operand: &IdedExpr, field: &str) {
        let Expr::Ident(variable) = &operand.expr else {
            return;
        };
        if self.is_bound(variable) {
            return;
        }
        let Some(fields) = self.scope.fields(variable) else {
            return;
        };
        let names = || fields.iter().map(|field| field.name);
        if names().any(|name| name == field) {
            return;
        }
        self.found.push(Unknown {
            id,
            message: format!("`{variable}` has no field `{field}` here"),
            hint: Some(match nearest(field, names()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("it has {}", list_of(names())),
            }),
        });
    }

    fn call(&mut self, id: u64, call: &CallExpr) {
        let CallExpr {
            func_name,
            target,
            args,
        } = call;
        let is_namespace = self.is_unknown_function(id, call);
        if let Some(target) = target
            && !is_namespace
        {
            self.expression(target);
        }
        if func_name == operators::OPT_SELECT
            && let [operand, field] = args.as_slice()
            && let Expr::Literal(LiteralValue::String(field)) = &field.expr
        {
            self.field(id, operand, field.inner());
        }
        args.iter().for_each(|argument| self.expression(argument));
    }

    /// Whether the target of a call is no value but the beginning of the
    /// function's name, as in `optional.of`.
    fn is_unknown_function(&mut self, id: u64, call: &CallExpr) -> bool {
        let name = call.func_name.as_str();
        let is_operator = name.starts_with(|first: char| !first.is_ascii_alphabetic());
        if is_operator {
            return false;
        }
        let namespace = match call.target.as_deref().map(|target| &target.expr) {
            Some(Expr::Ident(namespace)) => Some(namespace).filter(|namespace| {
                self.scope.fields(namespace).is_none() && !self.is_bound(namespace)
            }),
            _ => None,
        };
        // Asked without arguments, a function that there is has no overload for
        // that; one that there is not is said to be undeclared.
        let target = match (&call.target, namespace) {
            (None, _) => None,
            (Some(target), Some(_)) => Some(target.clone()),
            (Some(target), None) => Some(Box::new(IdedExpr {
                id: target.id,
                expr: Expr::Literal(LiteralValue::String(String::new().into())),
            })),
        };
        let probe = IdedExpr {
            id,
            expr: Expr::Call(CallExpr {
                func_name: name.to_owned(),
                target,
                args: Vec::new(),
            }),
        };
        match Value::resolve(&probe, self.functions) {
            Err(ExecutionError::UndeclaredReference(unknown)) if unknown.as_str() == name => {
                self.found.push(Unknown {
                    id,
                    message: format!("there is no function `{name}`"),
                    hint: None,
                });
                false
            }
            // The namespace itself is what is not known.
            Err(ExecutionError::UndeclaredReference(_)) => false,
            _ => namespace.is_some(),
        }
    }

    fn comprehension(&mut self, comprehension: &ComprehensionExpr) {
        let ComprehensionExpr {
            iter_range,
            iter_var,
            iter_var2,
            accu_var,
            accu_init,
            loop_cond,
            loop_step,
            result,
        } = comprehension;
        self.expression(iter_range);
        self.expression(accu_init);
        let before = self.bound.len();
        self.bound.push(iter_var.clone());
        self.bound.extend(iter_var2.clone());
        self.bound.push(accu_var.clone());
        self.expression(loop_cond);
        self.expression(loop_step);
        self.expression(result);
        self.bound.truncate(before);
    }
}

fn list_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// What an expression may result in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Result {
    Bool,
    Text,
}

/// The first node that can never have the wanted result, and what it is.
pub(super) fn mistyped<'e>(
    node: &'e IdedExpr,
    wanted: Result,
    scope: &Scope,
) -> Option<(&'e IdedExpr, &'static str)> {
    match &node.expr {
        Expr::Call(call) if call.func_name == operators::CONDITIONAL => {
            let [condition, yes, no] = call.args.as_slice() else {
                return None;
            };
            mistyped(condition, Result::Bool, scope)
                .or_else(|| mistyped(yes, wanted, scope))
                .or_else(|| mistyped(no, wanted, scope))
        }
        Expr::Call(call)
            if [
                operators::LOGICAL_AND,
                operators::LOGICAL_OR,
                operators::LOGICAL_NOT,
            ]
            .contains(&call.func_name.as_str()) =>
        {
            if wanted != Result::Bool {
                return Some((node, "true or false"));
            }
            let mut args = call.args.iter();
            args.find_map(|argument| mistyped(argument, Result::Bool, scope))
        }
        _ => {
            let (found, what) = type_of(node, scope)?;
            (found != Some(wanted)).then_some((node, what))
        }
    }
}

/// What a node results in, where that is certain.
fn type_of(node: &IdedExpr, scope: &Scope) -> Option<(Option<Result>, &'static str)> {
    const BOOL: (Option<Result>, &str) = (Some(Result::Bool), "true or false");
    const TEXT: (Option<Result>, &str) = (Some(Result::Text), "a text");
    const NUMBER: (Option<Result>, &str) = (None, "a number");
    const LIST: (Option<Result>, &str) = (None, "a list");
    const MAP: (Option<Result>, &str) = (None, "a mapping");
    match &node.expr {
        Expr::Literal(LiteralValue::Boolean(_)) => Some(BOOL),
        Expr::Literal(LiteralValue::String(_)) => Some(TEXT),
        Expr::Literal(LiteralValue::Int(_) | LiteralValue::UInt(_) | LiteralValue::Double(_)) => {
            Some(NUMBER)
        }
        Expr::Literal(LiteralValue::Bytes(_)) => Some((None, "bytes")),
        Expr::Literal(LiteralValue::Null) => Some((None, "nothing")),
        Expr::List(_) => Some(LIST),
        Expr::Map(_) => Some(MAP),
        Expr::Ident(name) => scope.fields(name).map(|_| MAP),
        Expr::Select(select) if select.test => Some(BOOL),
        Expr::Select(select) => {
            let Expr::Ident(variable) = &select.operand.expr else {
                return None;
            };
            let mut fields = scope.fields(variable)?.iter();
            // Kinds may differ in a field of one name.
            let field = fields.find(|field| field.name == select.field)?;
            if fields.any(|other| other.name == field.name && other.kind != field.kind) {
                return None;
            }
            Some(match field.kind {
                FieldType::Text => TEXT,
                FieldType::Number => NUMBER,
                FieldType::Bool => BOOL,
                FieldType::List => LIST,
                FieldType::Map => MAP,
            })
        }
        Expr::Call(call) => match call.func_name.as_str() {
            operators::EQUALS
            | operators::NOT_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS
            | operators::LESS
            | operators::LESS_EQUALS
            | operators::IN
            | "startsWith"
            | "endsWith"
            | "contains"
            | "matches"
            | "bool" => Some(BOOL),
            "string" | "lowerAscii" | "upperAscii" | "trim" | "replace" | "join" => Some(TEXT),
            operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO
            | operators::NEGATE
            | "size"
            | "int"
            | "uint"
            | "double"
            | "seconds"
            | "bytesOf" => Some(NUMBER),
            "split" => Some(LIST),
            _ => None,
        },
        Expr::Unspecified | Expr::Comprehension(_) | Expr::Struct(_) => None,
    }
}
