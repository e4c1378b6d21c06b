//! Errors and their causes as one text.

use std::error::Error;

/// Returns the causes of `error`, the nearest first, without `error` itself.
pub fn causes<'a>(error: &'a dyn Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> + use<'a> {
    std::iter::successors(error.source(), |cause: &&'a (dyn Error + 'static)| (*cause).source())
}

/// Returns the text of a cause alone; in plain words where it is an error of TLS.
pub fn cause_text(cause: &(dyn Error + 'static)) -> String {
    #[cfg(any(feature = "buildkit", feature = "registry"))]
    return super::tls::text(cause);
    #[cfg(not(any(feature = "buildkit", feature = "registry")))]
    cause.to_string()
}

/// Returns the text of `error` and of its causes, each after a colon: `cannot read x: permission denied`. A cause that
/// says what stands there already is left out: errors of some libraries repeat their causes.
pub fn with_causes(error: &dyn Error) -> String {
    causes(error).fold(error.to_string(), |text, cause| {
        let cause = cause_text(cause);
        let is_said = text.strip_suffix(&cause).is_some_and(|rest| rest.is_empty() || rest.ends_with(": "));
        if is_said { text } else { format!("{text}: {cause}") }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the file")]
    struct Unreadable(#[source] Refused);

    #[derive(Debug, thiserror::Error)]
    #[error("the disk refused")]
    struct Refused(#[source] std::io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error(transparent)]
    struct Transparent(#[from] Unreadable);

    #[test]
    fn every_cause_follows_once_and_the_nearest_first() {
        let error = Unreadable(Refused(std::io::Error::other("it is worn out")));
        assert_eq!(with_causes(&error), "cannot read the file: the disk refused: it is worn out");
        assert_eq!(causes(&error).count(), 2);
        let error = Transparent(error);
        assert_eq!(with_causes(&error), "cannot read the file: the disk refused: it is worn out");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Repeating(#[source] Unreadable);

    #[derive(Debug, thiserror::Error)]
    #[error("dns: {0}")]
    struct Quoting(#[source] std::fmt::Error);

    #[test]
    fn a_cause_that_is_repeated_is_told_once() {
        let error = Repeating(Unreadable(Refused(std::io::Error::other("worn out"))));
        assert_eq!(with_causes(&error), "cannot read the file: the disk refused: worn out");
        assert_eq!(with_causes(&Quoting(std::fmt::Error)), format!("dns: {}", std::fmt::Error));
    }

    #[test]
    fn an_error_without_causes_is_its_text() {
        assert_eq!(with_causes(&std::fmt::Error), std::fmt::Error.to_string());
    }
}
