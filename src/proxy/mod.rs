//! The authenticating registry proxy: it holds the credentials, so that nothing behind it has to.

mod config;
mod serve;

pub use config::{Alias, Config, Limits, Mirror, Pin, Rights};
pub use serve::{Handle, ServeError, run, spawn};
