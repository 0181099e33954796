//! A topology as a picture: streams with topics, partitions and groups, and the users who
//! reach them.
//!
//! ```text
//! DesiredState ──┐                              ┌─▶ layout ─▶ SVG, alone or in a page
//! ObservedState ─┴▶ TopologyGraph ─▶ Selection ─┤
//! PlanReport ──────▶ before, after              └─▶ Mermaid
//! ```

mod label;
mod layout;
mod mermaid;
mod model;
mod note;
mod selection;
mod svg;
#[cfg(test)]
mod tests;

pub use model::TopologyGraph;
pub(super) use svg::STYLE;
