//! The instructions by name.

use super::text::to_lower;

/// An instruction, however its keyword is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Add,
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Label,
    Maintainer,
    Onbuild,
    Run,
    Shell,
    StopSignal,
    User,
    Volume,
    Workdir,
}

impl Keyword {
    /// Every instruction.
    const ALL: [Self; 18] = [
        Self::Add,
        Self::Arg,
        Self::Cmd,
        Self::Copy,
        Self::Entrypoint,
        Self::Env,
        Self::Expose,
        Self::From,
        Self::Healthcheck,
        Self::Label,
        Self::Maintainer,
        Self::Onbuild,
        Self::Run,
        Self::Shell,
        Self::StopSignal,
        Self::User,
        Self::Volume,
        Self::Workdir,
    ];

    /// The instruction that a word names in whatever case, `None` if there is none.
    pub(super) fn of(word: &str) -> Option<Self> {
        let named = |word: &str| Self::ALL.into_iter().find(|name| name.as_str().eq_ignore_ascii_case(word));
        // In lower case some characters behind ASCII are letters of it.
        if word.is_ascii() { named(word) } else { named(&to_lower(word)) }
    }

    /// Every name, as messages write it.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().map(Self::as_str)
    }

    /// The name, as messages write it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Arg => "ARG",
            Self::Cmd => "CMD",
            Self::Copy => "COPY",
            Self::Entrypoint => "ENTRYPOINT",
            Self::Env => "ENV",
            Self::Expose => "EXPOSE",
            Self::From => "FROM",
            Self::Healthcheck => "HEALTHCHECK",
            Self::Label => "LABEL",
            Self::Maintainer => "MAINTAINER",
            Self::Onbuild => "ONBUILD",
            Self::Run => "RUN",
            Self::Shell => "SHELL",
            Self::StopSignal => "STOPSIGNAL",
            Self::User => "USER",
            Self::Volume => "VOLUME",
            Self::Workdir => "WORKDIR",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case() {
        for name in Keyword::names() {
            assert_eq!(Keyword::of(name).map(Keyword::as_str), Some(name));
            assert_eq!(Keyword::of(&name.to_lowercase()).map(Keyword::as_str), Some(name));
        }
        assert_eq!(Keyword::of("WOR\u{212a}D\u{130}R"), Some(Keyword::Workdir));
        assert_eq!(Keyword::of("RUNS"), None);
        assert_eq!(Keyword::of(""), None);
    }
}
