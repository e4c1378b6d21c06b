//! Dockerfile text to an LLB graph, an image configuration and warnings. Pure: no files, clocks, environment or
//! network.
//!
//! A conversion never fetches. It answers with what it needs to know (configurations of base images, the ignore
//! file), the caller finds all of that out at once, and asks again:
//!
//! ```text
//! text ─ Converter::new ─▶ Converter ─ start(options, platform) ─▶ Pending ─ answer(facts) ─▶ Done(…)
//!                                                                    ▲          │
//!                                                                    └─ Need(…)─┘
//! ```

mod conversion;
pub mod dockerfile;
pub mod ignore;
pub mod lint;
pub mod lower;
pub mod plan;
pub mod shell;

pub use llb::{Definition, MarshalError};

pub use conversion::{Conversion, ConversionState, Converter, Marshalled, PendingConversion, Rejected};
