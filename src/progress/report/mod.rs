//! Where the time of a build went: what the status stream told, as data and as a page.
//!
//! A [`Collector`] takes in the messages that the displays show, and what is known of the graph besides. A [`Report`] is
//! its state at one moment: steps, what waited for what, the longest chain, and what would shorten the build. It is
//! written as JSON or as one HTML page, which are made of the same numbers.

mod chain;
mod claims;
mod collector;
mod graph;
mod log;
mod model;
mod page;
#[cfg(test)]
mod tests;

pub use collector::{Collector, Ending};
pub use graph::{GraphStep, LineSpan, StepKind};
pub use model::{Layer, Report};
