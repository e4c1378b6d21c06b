//! The authenticating registry proxy: it holds the credentials, so that nothing behind it has to.
//!
//! `serve` accepts connections, `guard` and `framing` let only well-formed requests in, and `stack` puts
//! the layers together that each request passes through.

mod access_log;
mod authorise;
mod config;
mod content;
mod error;
mod exchange;
mod forward;
mod framing;
mod gate;
mod guard;
mod headers;
mod listeners;
mod manifest;
mod metrics;
mod names;
mod operator;
mod places;
mod rescue;
mod route;
mod seal;
mod serve;
mod sessions;
mod stack;
mod turn;
mod uploads;

pub use config::{AccessTokens, Alias, Config, Limits, Mirror, Pin, Rights};
pub use listeners::Listeners;
pub use serve::{Handle, ServeError, run, spawn};
