//! Image references, platforms, digests and image configurations, with the meaning that Docker and
//! containerd give them.
//!
//! Pure values: nothing here knows a registry. The image configuration is a type of our own because
//! its JSON has to be what Go writes, byte for byte (field order, escapes, `null` beside `[]`), and has
//! to be read as Go reads it (names in any case, unknown fields dropped).

pub mod config;
pub mod digest;
pub mod platform;
pub mod reference;
pub mod timestamp;

pub use config::{Config, ConfigError, Healthcheck, History, ImageConfig, RootFs};
pub use platform::{Platform, PlatformError};
pub use reference::{Reference, ReferenceError};
