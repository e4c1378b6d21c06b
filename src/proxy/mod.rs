//! The authenticating registry proxy: it holds the credentials, so that its clients need none.
//!
//! `serve` accepts connections, `connection` checks the framing of requests, and `layers` puts the layers together that
//! each request passes.

mod config;
mod connection;
mod error;
mod layers;
mod listeners;
mod operator;
mod request;
mod serve;
mod uploads;

pub use config::{AccessTokens, Alias, Config, Limits, Mirror, Pin, Rights, UploadObserver};
pub use listeners::Listeners;
pub use serve::{Handle, ServeError, run, spawn};
