//! The subcommands about the cache of buildkitd.

pub mod du;
mod expression;
mod filter;
pub mod prune;
mod table;
