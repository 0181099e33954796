//! The functions that expressions have beyond those of CEL.

use std::sync::Arc;

use cel::extensions;
use cel::{Context, Env, ExecutionError};

use crate::quantity::{ByteSize, MaxTopicSize, MessageExpiry};

/// Name, and what it is for: the functions beyond those of CEL.
pub const FUNCTIONS: [(&str, &str); 2] = [
    (
        "seconds",
        "a duration such as `7d` in seconds; of `never` it is larger than every other",
    ),
    (
        "bytesOf",
        "a size such as `50GiB` in bytes; of `unlimited` it is larger than every other",
    ),
];

/// What all expressions are read with: CEL, and its extensions for texts and lists.
pub(super) fn environment() -> Arc<Env> {
    let mut environment = Env::stdlib();
    // Both declare names that nothing else does; were one of them taken, the
    // expressions that use it would be refused as naming something unknown.
    let _ = environment.add_extension(extensions::strings);
    let _ = environment.add_extension(extensions::lists);
    Arc::new(environment)
}

/// A context with all functions and no variables.
pub(super) fn context(environment: &Arc<Env>) -> Context<'static, 'static> {
    let mut context = Context::with_env(Arc::clone(environment));
    let _ = context.add_function("seconds", |text: Arc<String>| seconds(&text));
    let _ = context.add_function("bytesOf", |text: Arc<String>| bytes_of(&text));
    context
}

const FOR_EVER: i64 = i64::MAX;

fn seconds(text: &str) -> Result<i64, ExecutionError> {
    let expiry: MessageExpiry = text
        .parse()
        .map_err(|error| ExecutionError::function_error("seconds", error))?;
    if expiry == MessageExpiry::NEVER {
        return Ok(FOR_EVER);
    }
    Ok(i64::try_from(expiry.micros() / 1_000_000).unwrap_or(FOR_EVER))
}

fn bytes_of(text: &str) -> Result<i64, ExecutionError> {
    // A topic's size has a word for "without end", others do not.
    let size = match text.parse::<MaxTopicSize>() {
        Ok(size) => size.limit(),
        Err(_) => Some(
            text.parse::<ByteSize>()
                .map_err(|error| ExecutionError::function_error("bytesOf", error))?,
        ),
    };
    Ok(size.map_or(FOR_EVER, |size| {
        i64::try_from(size.bytes()).unwrap_or(FOR_EVER)
    }))
}
