//! The instructions by name.

use crate::gotext::to_lower;

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

/// Every instruction, as messages write it.
pub(super) const NAMES: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

impl Keyword {
    /// The instruction that a word names in whatever case, `None` if there is none.
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match &*to_lower(word) {
            "add" => Self::Add,
            "arg" => Self::Arg,
            "cmd" => Self::Cmd,
            "copy" => Self::Copy,
            "entrypoint" => Self::Entrypoint,
            "env" => Self::Env,
            "expose" => Self::Expose,
            "from" => Self::From,
            "healthcheck" => Self::Healthcheck,
            "label" => Self::Label,
            "maintainer" => Self::Maintainer,
            "onbuild" => Self::Onbuild,
            "run" => Self::Run,
            "shell" => Self::Shell,
            "stopsignal" => Self::StopSignal,
            "user" => Self::User,
            "volume" => Self::Volume,
            "workdir" => Self::Workdir,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case() {
        for name in NAMES {
            let found = Keyword::of(name).map(|keyword| format!("{keyword:?}").to_uppercase());
            assert_eq!(found.as_deref(), Some(name));
            assert_eq!(Keyword::of(name), Keyword::of(&name.to_lowercase()));
        }
        assert_eq!(Keyword::of("WOR\u{212a}D\u{130}R"), Some(Keyword::Workdir));
        assert_eq!(Keyword::of("RUNS"), None);
        assert_eq!(Keyword::of(""), None);
    }
}
