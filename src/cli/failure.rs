//! How a subcommand fails: the text that the user sees and the exit code.

use std::error::Error;
use std::fmt::Write as _;

/// A failed subcommand. `main` prints it once, on standard error.
#[derive(Debug)]
pub enum Failure {
    /// Wrong usage: exit code 2. The text says which argument or variable is wrong and what to do.
    Usage(String),
    /// The work failed: exit code 1. Already rendered for people (`error: …` and what follows it).
    Rendered(String),
    /// The work failed: exit code 1. Shown as `error: …` followed by its sources.
    Failed(Box<dyn Error + Send + Sync>),
}

impl Failure {
    /// The exit code of the process: 2 for wrong usage, 1 for everything else.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Rendered(_) | Self::Failed(_) => 1,
        }
    }

    /// The whole report as plain text, without a final line break.
    pub fn render(&self) -> String {
        match self {
            Self::Usage(text) => format!("error: {text}"),
            Self::Rendered(text) => text.trim_end().to_owned(),
            Self::Failed(error) => {
                let mut text = format!("error: {error}");
                let mut source = error.source();
                while let Some(cause) = source {
                    let _ = write!(text, ": {cause}");
                    source = cause.source();
                }
                text
            }
        }
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(Box::new(error))
    }
}
