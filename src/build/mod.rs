//! The use case `bob build`: the only place where pure code meets I/O.

mod builder;
pub mod convert;
mod csv;
mod explain;
mod failure;
mod files;
mod interrupt;
mod output;
mod secret;

pub use builder::{Builder, DaemonChoice, NoBuilder, OwnDaemon, usual_addresses};
pub use csv::ValueError;
pub use failure::{Error, StepFailure};
pub use files::WriteError;
pub use interrupt::Interrupts;
pub use output::{Output, OutputError, annotations};
pub use secret::{Lookup, SecretError};
