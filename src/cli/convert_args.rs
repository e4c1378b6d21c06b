//! The conversion options that `bob build`, `bob llb` and `bob check` share.

/// Conversion options, with the names and value syntax of `docker buildx build`.
#[derive(Debug, Default, Clone, clap::Args)]
pub struct ConvertArgs {}
