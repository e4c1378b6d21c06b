//! Paths that may be empty.

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};

/// The parser of a path that may be empty, which clap's own refuses: `--file ""` is no `--file`.
pub(in crate::cli) fn any() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}
