//! Shell words: splitting, quotes, and `${variable}` expansion as BuildKit does it
//! (frontend/dockerfile/shell/lex.go).

mod env;
mod error;
mod lexer;
mod name;
mod pattern;
mod substitution;
mod wildcard;
mod words;

pub use env::{Env, NoEnv};
pub use error::{Error, ErrorKind};

use std::collections::BTreeSet;

use memchr::{memchr, memchr3};

use words::Words;

/// How words are read. [`Lex::new`] gives what most instructions use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "BuildKit's switches, set one by one")]
pub struct Lex {
    /// The escape character, `\` or `` ` ``.
    pub escape: char,
    /// Keep quotes in the result.
    pub raw_quotes: bool,
    /// Keep escape characters in the result.
    pub raw_escapes: bool,
    /// Take quotes for ordinary characters.
    pub skip_process_quotes: bool,
    /// Leave variables that are not set as they are written.
    pub skip_unset_env: bool,
}

/// What a text becomes.
///
/// Source: `ProcessWordResult` in `frontend/dockerfile/shell/lex.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expansion {
    /// The text with variables expanded, quotes and escapes removed.
    pub text: String,
    /// The names of the variables in it that are set.
    pub matched: BTreeSet<String>,
    /// The names of the variables in it that are not set.
    pub unmatched: BTreeSet<String>,
}

impl Lex {
    /// Returns a lexer with `escape` as its escape character and nothing kept.
    ///
    /// Source: `NewLex` in `frontend/dockerfile/shell/lex.go` of BuildKit.
    pub fn new(escape: char) -> Self {
        Self {
            escape,
            raw_quotes: false,
            raw_escapes: false,
            skip_process_quotes: false,
            skip_unset_env: false,
        }
    }

    /// Returns `text` as one word: expanded, with its white space (BuildKit's `ProcessWordWithMatches`,
    /// and `ProcessWord`).
    ///
    /// # Errors
    /// Quotes or braces that are not closed, a substitution that does not exist, or a variable that
    /// `${name?}` or `${name:?}` demands. The error knows the variables met before it.
    pub fn process_word(&self, text: &str, env: &(impl Env + ?Sized)) -> Result<Expansion, Error> {
        if self.leaves_alone(text) {
            return Ok(Expansion { text: text.to_owned(), ..Expansion::default() });
        }
        lexer::process(*self, text, env, Words::default()).map(|(expansion, _)| expansion)
    }

    /// Whether `text` has nothing that means anything to the lexer: most words of most Dockerfiles.
    fn leaves_alone(self, text: &str) -> bool {
        let Ok(escape) = u8::try_from(self.escape) else { return false };
        let bytes = text.as_bytes();
        escape.is_ascii()
            && text.len() <= substitution::MAX_LENGTH
            && !text.starts_with('\u{feff}')
            && memchr3(b'$', b'\'', b'"', bytes).is_none()
            && memchr(escape, bytes).is_none()
    }

    /// Returns the words of `text`, split at white space after expansion; quoted white space stays
    /// (BuildKit's `ProcessWords`).
    ///
    /// # Errors
    /// As [`Lex::process_word`].
    pub fn process_words(&self, text: &str, env: &(impl Env + ?Sized)) -> Result<Vec<String>, Error> {
        lexer::process(*self, text, env, Words::wanted()).map(|(_, words)| words)
    }
}

#[cfg(test)]
mod tests;
