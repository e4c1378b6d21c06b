//! The one way from an error of a source text to the diagnostic that the user sees.

use std::fmt::Display;

use super::{Diagnostic, Source, Span};

/// An error that is about lines of a source text. Its `Display` is the message, in one line.
pub trait Located: Display {
    /// Returns the lines that it is about; the first span is the place that BuildKit names. Empty where BuildKit
    /// names none.
    fn spans(&self) -> &[Span];

    /// Returns what to do about it, if that is known.
    fn help(&self) -> Option<&str>;

    /// Returns the error as the user sees it, with the lines of `source`, which must be the text that was read.
    fn diagnostic(&self, source: &Source) -> Diagnostic {
        let diagnostic = Diagnostic::error(self.to_string()).at(source, self.spans().iter().copied());
        match self.help() {
            Some(help) => diagnostic.with_help(help),
            None => diagnostic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("unknown instruction: FRMO")]
    struct Unknown {
        span: Option<Span>,
        help: Option<&'static str>,
    }

    impl Located for Unknown {
        fn spans(&self) -> &[Span] {
            self.span.as_slice()
        }

        fn help(&self) -> Option<&str> {
            self.help
        }
    }

    #[test]
    fn the_place_and_the_help_of_an_error_are_shown_where_it_has_them() {
        let source = Source::new("Dockerfile", "FRMO x\n");
        let error = Unknown { span: Some(Span::line(1)), help: Some("write FROM") };
        let diagnostic = error.diagnostic(&source);
        assert_eq!(diagnostic.message, "unknown instruction: FRMO");
        assert_eq!(diagnostic.location.unwrap().spans, [Span::line(1)]);
        assert_eq!(diagnostic.help.as_deref(), Some("write FROM"));
        let error = Unknown { span: None, help: None };
        assert_eq!(error.diagnostic(&source).render(), "error: unknown instruction: FRMO\n");
    }
}
