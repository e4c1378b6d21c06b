//! Dockerfile text to an LLB graph, an image configuration and warnings. Pure: no files, clocks, environment or
//! network.
//!
//! A conversion never fetches. It answers with what it needs to know (configurations of base images, the ignore
//! file), the caller finds all of that out at once, and asks again:
//!
//! ```text
//! text ─ Converter::new ─▶ Converter ─ start(options, platform) ─▶ PendingConversion ─ resume(facts) ─▶ Done(…)
//!                                                                          ▲               │
//!                                                                          └──── Need(…) ──┘
//! ```
//!
//! # Example
//!
//! The whole way of a Dockerfile, with an image that is made up in place of one that is looked up:
//!
//! ```
//! use bob::converter::plan::{Fact, Facts, ImageFact, Need, Options};
//! use bob::converter::{ConversionState, Converter};
//! use bob::diag::Source;
//! use bob::image::Platform;
//!
//! let source = Source::new("Dockerfile", "FROM alpine:3.20\nRUN echo hello\n");
//! let options = Options { build_platform: Platform::new("linux", "amd64"), ..Options::default() };
//! let converter = Converter::new(source, &options).expect("the text is a Dockerfile");
//! let mut pending = converter.start(&options, None).expect("the build checks are set well");
//!
//! let mut facts = Facts::new();
//! let conversion = loop {
//!     match pending.resume(&facts).expect("BuildKit takes it too") {
//!         ConversionState::Done(conversion) => break conversion,
//!         ConversionState::Need(more, needs) => {
//!             pending = more;
//!             for need in needs {
//!                 let fact = match &need {
//!                     Need::Image { reference, .. } => {
//!                         assert_eq!(reference.as_str(), "docker.io/library/alpine:3.20");
//!                         let config = br#"{"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": ["sha256:1"]}}"#;
//!                         Fact::Image(ImageFact::new(format!("sha256:{}", "0".repeat(64)), *config))
//!                     }
//!                     _ => Fact::Ignore(None),
//!                 };
//!                 facts.insert(need, Ok(fact));
//!             }
//!         }
//!     }
//! };
//!
//! let marshalled = conversion.marshal("example").expect("conversion leaves nothing that cannot be encoded");
//! // The image, the command, and the result, whose digest is the graph's.
//! let [_, _, result] = &marshalled.definition.ops[..] else { panic!("three ops") };
//! assert!(result.digest.to_string().starts_with("sha256:"));
//! assert_eq!(marshalled.image.platform, Platform::new("linux", "amd64"));
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
pub use lower::{Outline, OutlineArg, OutlineMount};
