//! Policies: rules of a team about what manifests declare and what plans change,
//! as expressions of CEL that can see declared fields and nothing else.
//!
//! ```text
//!  SourceFile ──manifest──▶ PolicyDocument ──PolicySet::read──▶ PolicySet
//!                                                                  │ every expression parsed and checked
//!  DesiredState ──fields──▶ `resource` ─┐                          ▼
//!  ChangeFacts  ──fields──▶ `change`   ─┴──────────────▶ check_declared, check_changes ──▶ Findings
//! ```
//!
//! No expression sees a secret: none is here. The core has no clock, so the day
//! on which exceptions are judged is given.

mod exception;
mod expression;
mod facts;
mod fields;
mod functions;
mod locate;
mod names;
#[cfg(test)]
mod properties;
mod rule;
mod set;
#[cfg(test)]
mod tests;

pub use facts::{AttributeFacts, ChangeFacts};
pub use fields::{Field, FieldType, change_fields, fields_of, project_fields};
pub use functions::FUNCTIONS;
pub use jiff::civil::Date;
pub use set::PolicySet;
