//! The authenticating registry proxy: it holds the credentials, so that nothing behind it has to.
//!
//! `serve` accepts connections, `connection` lets only well-formed requests in, and `layers::stack` puts the layers
//! together that each request passes through.

mod config;
mod connection;
mod error;
mod layers;
mod listeners;
mod names;
mod operator;
mod serve;
mod uploads;

pub use config::{AccessTokens, Alias, Config, Limits, Mirror, Pin, Rights};
pub use listeners::Listeners;
pub use serve::{Handle, ServeError, run, spawn};
