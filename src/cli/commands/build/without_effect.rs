//! Flags that docker's older builders had: buildx takes them, and they do nothing.

use crate::cli::report::warn;

/// Flags without effect.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct FlagsWithoutEffect {
    #[arg(long, hide = true)]
    rm: bool,
    #[arg(long, hide = true)]
    force_rm: bool,
    #[arg(long, hide = true)]
    compress: bool,
    #[arg(long, hide = true)]
    squash: bool,
    #[arg(long, hide = true, value_name = "TECHNOLOGY")]
    isolation: Option<String>,
    #[arg(long, hide = true, value_name = "OPTION")]
    security_opt: Vec<String>,
}

impl FlagsWithoutEffect {
    /// What to say of those that once changed what was built.
    pub(super) fn notes(&self) -> impl Iterator<Item = &'static str> {
        let notes = [
            (
                self.squash,
                "--squash does nothing: copy the files into a stage of their own, with COPY --from",
            ),
            (self.isolation.is_some(), "--isolation does nothing: buildkitd decides how steps are isolated"),
            (
                !self.security_opt.is_empty(),
                "--security-opt does nothing: use RUN --security=insecure, with --allow security.insecure",
            ),
        ];
        notes.into_iter().filter_map(|(is_given, note)| is_given.then_some(note))
    }

    /// Warns of those that once changed what was built. The others concern containers and a transfer that no longer
    /// exist.
    pub(super) fn warn(&self) {
        for note in self.notes() {
            warn(note);
        }
    }
}
