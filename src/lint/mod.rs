//! The build checks.

mod rule;

pub use rule::{Explanation, Rule};
