//! Here-documents: `<<WORD`, `<<-WORD`, with parts of the word in quotes or not.

use crate::converter::dockerfile::error::ErrorKind;
use crate::converter::shell::{self, Lex, NoEnv};

/// A here-document.
///
/// ```text
/// RUN cat <<-"EOF"
///             ^^^ name
///           ^ chomp
/// ```
///
/// Source: `Heredoc` in `frontend/dockerfile/parser/parser.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// Its word without quotes: the line that ends it, and the name of its file.
    pub name: String,
    /// Whether variables in it are expanded: no part of its word is quoted.
    pub expand: bool,
    /// Whether leading tabs are stripped (`<<-`), from the contents and from the line that ends it.
    pub chomp: bool,
    /// Its lines as written, with their line endings.
    pub content: Vec<u8>,
}

/// Returns the here-document that a word opens, without contents; `None` if it opens none.
///
/// What it takes for a word is BuildKit's `MustParseHeredoc`: digits, `<<`, perhaps `-`, white space,
/// and a word for the shell that has no `<`.
pub fn parse_heredoc(word: &str) -> Option<Heredoc> {
    of_word(word).ok().flatten()
}

/// Returns `content` without tabs at the start of its lines.
///
/// Source: `ChompHeredocContent` in `frontend/dockerfile/parser/parser.go` of BuildKit.
pub fn chomp(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len());
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        let tabs = line.iter().take_while(|byte| **byte == b'\t').count();
        out.extend_from_slice(&line[tabs..]);
    }
    out
}

/// Returns the here-documents that an instruction's text opens, in order, without contents.
///
/// Text that is no sequence of shell words, such as one with an unmatched quote, opens none.
pub(super) fn of_line(text: &str) -> Result<Vec<Heredoc>, ErrorKind> {
    let lex = Lex { raw_quotes: true, raw_escapes: true, skip_unset_env: true, ..Lex::new('\\') };
    let words = lex.process_words(text, &NoEnv).unwrap_or_default();
    let mut heredocs = Vec::new();
    for word in words {
        heredocs.extend(of_word(&word)?);
    }
    Ok(heredocs)
}

fn of_word(word: &str) -> Result<Option<Heredoc>, ErrorKind> {
    let Some(after) = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<") else {
        return Ok(None);
    };
    let rest = after.strip_prefix('-').unwrap_or(after);
    let chomp = rest.len() < after.len();
    let rest = rest.trim_start_matches(['\t', '\n', '\u{c}', '\r', ' ']);
    if rest.is_empty() || rest.contains('<') {
        return Ok(None);
    }
    let lex = Lex { skip_unset_env: true, ..Lex::new('\\') };
    let invalid = |error: shell::Error| ErrorKind::InvalidHeredoc {
        word: word.to_owned(),
        reason: error.kind.to_string(),
    };
    let unquoted = lex.process_words(rest, &NoEnv).map_err(invalid)?;
    let [name] = unquoted.as_slice() else {
        return Ok(None);
    };
    // A word has quotes of its own if keeping quotes gives more of them.
    let keeping = Lex { raw_quotes: true, ..lex };
    let quoted = keeping.process_words(rest, &NoEnv).map_err(invalid)?;
    let [quoted] = quoted.as_slice() else {
        return Err(ErrorKind::InvalidHeredoc {
            word: word.to_owned(),
            reason: "it is more than one word".to_owned(),
        });
    };
    let quotes = |text: &str| text.matches(['\'', '"']).count();
    Ok(Some(Heredoc {
        name: name.clone(),
        expand: quotes(name) == quotes(quoted),
        chomp,
        content: Vec::new(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heredoc(word: &str) -> (String, bool, bool) {
        let heredoc = parse_heredoc(word).unwrap_or_else(|| panic!("{word} opens none"));
        (heredoc.name, heredoc.expand, heredoc.chomp)
    }

    #[test]
    fn quotes_switch_expansion_off_and_a_dash_strips_tabs() {
        assert_eq!(heredoc("<<EOF"), ("EOF".to_owned(), true, false));
        assert_eq!(heredoc("<<-EOF"), ("EOF".to_owned(), true, true));
        assert_eq!(heredoc("3<<- 'E'OF"), ("EOF".to_owned(), false, true));
        assert_eq!(heredoc("<<\"E O F\""), ("E O F".to_owned(), false, false));
        assert_eq!(heredoc("<<E\\'OF"), ("E'OF".to_owned(), true, false));
        assert_eq!(heredoc("<<$X"), ("$X".to_owned(), true, false));
    }

    #[test]
    fn other_words_open_none() {
        for word in ["EOF", "<EOF", "<<", "<<-", "<<<EOF", "x<<EOF", "<<a<b", "<<a b", "<<''", "<<'a"] {
            assert_eq!(parse_heredoc(word), None, "{word}");
        }
    }

    #[test]
    fn chomp_strips_tabs_at_line_starts_only() {
        assert_eq!(chomp(b"\t\ta\tb\n \tc\n\t"), b"a\tb\n \tc\n");
    }
}
