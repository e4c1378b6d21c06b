//! `--ssh`: an SSH agent for RUN.

use std::path::PathBuf;

/// An agent's id, and its socket where that is given: `ID` or `ID=SOCKET`. Without an id it is the default one.
pub(in crate::cli) fn parse(value: &str) -> (String, Option<PathBuf>) {
    let (id, path) = match value.split_once('=') {
        Some((id, path)) => (id, Some(PathBuf::from(path))),
        None => (value, None),
    };
    (if id.is_empty() { "default" } else { id }.to_owned(), path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_without_an_id_is_the_default_one() {
        assert_eq!(parse(""), ("default".to_owned(), None));
        assert_eq!(parse("=/a"), ("default".to_owned(), Some("/a".into())));
        assert_eq!(parse("git=/a=b"), ("git".to_owned(), Some("/a=b".into())));
    }
}
