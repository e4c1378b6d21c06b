//! Parser directives: `# name=value` comments at the top of a Dockerfile
//! (BuildKit's parser/directives.go).

use smol_str::SmolStr;

use super::error::ErrorKind;
use super::text::{BOM, MAX_LINE, trim_regex_space_end, trim_regex_space_start};
use crate::diag::Span;
use crate::gotext::{lossy, trim_start};

/// The directives that exist.
///
/// Source: `validDirectives` in `frontend/dockerfile/parser/directives.go` of BuildKit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// `# syntax=image`: the frontend to use.
    Syntax,
    /// `# escape=c`: the escape character.
    Escape,
    /// `# check=options`: the linter's configuration.
    Check,
}

impl Name {
    const ALL: [Self; 3] = [Self::Syntax, Self::Escape, Self::Check];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Escape => "escape",
            Self::Check => "check",
        }
    }

    /// The directive that a word names in whatever case.
    fn of(word: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str().as_bytes().eq_ignore_ascii_case(word))
    }
}

/// One directive.
///
/// ```text
/// # syntax=docker/dockerfile:1
///   ^^^^^^ name
///          ^^^^^^^^^^^^^^^^^^^ value
/// ```
///
/// Source: `Directive` in `frontend/dockerfile/parser/directives.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Which one.
    pub name: Name,
    /// The whole value, trimmed.
    pub value: String,
    /// The line it stands on.
    pub span: Span,
}

impl Directive {
    /// Returns the value up to its first space: what `syntax` and `check` use of it.
    ///
    /// Source: `DetectSyntax` in `frontend/dockerfile/parser/directives.go` of BuildKit.
    pub fn first_word(&self) -> &str {
        first_word(&self.value)
    }
}

fn first_word(value: &str) -> &str {
    value.split(' ').next().unwrap_or_default()
}

/// Returns directive `name` of a Dockerfile, if it is given.
///
/// Reads as BuildKit's `ParseDirective` does, which differs from the parser: a `#!` line comes before
/// the directives, they begin at the start of the line, and a repeated one ends the search.
pub fn find(dockerfile: &[u8], name: Name) -> Option<Directive> {
    let (text, line) = without_preamble(dockerfile);
    search(text, line, "#", name)
}

/// Returns the directive `syntax` of a text that may use another comment sign: `# syntax=…`,
/// `// syntax=…` or a JSON object with a member `syntax` (BuildKit's `DetectSyntax`).
pub fn detect_syntax(text: &[u8]) -> Option<Directive> {
    let (text, line) = without_preamble(text);
    search(text, line, "#", Name::Syntax).or_else(|| search(text, line, "//", Name::Syntax)).or_else(|| {
        let object: serde_json::Value = serde_json::from_slice(text).ok()?;
        Some(Directive {
            name: Name::Syntax,
            value: object.get("syntax")?.as_str()?.to_owned(),
            span: Span::line(line),
        })
    })
}

/// Returns the value of the first `check=…` among `comments`, which are those above an instruction, without
/// their `#`.
pub(super) fn check_of_comments(comments: &[&[u8]]) -> Option<SmolStr> {
    comments.iter().find_map(|comment| {
        let (name, value) = split_directive(comment, "")?;
        (name == Name::Check).then(|| first_word(&lossy(value)).into())
    })
}

fn without_preamble(text: &[u8]) -> (&[u8], u32) {
    let text = text.strip_prefix(BOM).unwrap_or(text);
    if !text.starts_with(b"#!") {
        return (text, 0);
    }
    let end = text.iter().position(|byte| *byte == b'\n');
    (end.map_or(&[][..], |end| &text[end + 1..]), 1)
}

fn search(text: &[u8], line: u32, comment: &'static str, name: Name) -> Option<Directive> {
    let mut parser = Parser::new(comment);
    parser.line = line;
    for line in text.split(|byte| *byte == b'\n') {
        if line.len() >= MAX_LINE {
            return None;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match parser.line(line) {
            Ok(Some(directive)) if directive.name == name => return Some(directive),
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return None,
        }
    }
    None
}

/// Reads directives line by line until a line is none.
#[derive(Debug)]
pub(super) struct Parser {
    comment: &'static str,
    line: u32,
    seen: Vec<Name>,
    done: bool,
}

impl Parser {
    /// Returns a parser whose lines begin with `comment`.
    pub(super) fn new(comment: &'static str) -> Self {
        Self { comment, line: 0, seen: Vec::new(), done: false }
    }

    /// Returns the directive on the next line, if it is one.
    ///
    /// # Errors
    /// [`ErrorKind::DuplicateDirective`].
    pub(super) fn line(&mut self, line: &[u8]) -> Result<Option<Directive>, ErrorKind> {
        self.line += 1;
        if self.done {
            return Ok(None);
        }
        let Some((name, value)) = split_directive(line, self.comment) else {
            self.done = true;
            return Ok(None);
        };
        if self.seen.contains(&name) {
            let name = name.as_str().to_owned();
            return Err(ErrorKind::DuplicateDirective { name });
        }
        self.seen.push(name);
        Ok(Some(Directive { name, value: lossy(value).into_owned(), span: Span::line(self.line) }))
    }
}

/// `comment name = value`, with optional space around each part.
fn split_directive<'a>(line: &'a [u8], comment: &str) -> Option<(Name, &'a [u8])> {
    let rest = trim_start(line.strip_prefix(comment.as_bytes())?);
    let letters = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let name = Name::of(&rest[..letters])?;
    let rest = trim_regex_space_start(&rest[letters..]).strip_prefix(b"=")?;
    let value = match trim_regex_space_end(trim_regex_space_start(rest)) {
        // A value has a character at least: of nothing but space the last.
        [] => rest.split_last_chunk::<1>()?.1,
        value => value,
    };
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, name: Name) -> Option<String> {
        find(text.as_bytes(), name).map(|directive| directive.value)
    }

    #[test]
    fn directives_end_at_the_first_line_that_is_none() {
        let text = "# syntax = a b \n#escape=`\n\n# check=skip=all\n";
        assert_eq!(value(text, Name::Syntax).as_deref(), Some("a b"));
        assert_eq!(value(text, Name::Escape).as_deref(), Some("`"));
        assert_eq!(value(text, Name::Check), None);
    }

    #[test]
    fn a_shebang_line_and_a_byte_order_mark_come_before() {
        let directive = find(b"\xef\xbb\xbf#!/bin/x\r\n# CHECK=error=true x\r\n", Name::Check).unwrap();
        assert_eq!(directive.first_word(), "error=true");
        assert_eq!(directive.span, Span::line(2));
    }

    #[test]
    fn a_repeated_directive_hides_what_follows() {
        assert_eq!(value("# escape=`\n# escape=`\n# check=skip=all\n", Name::Check), None);
    }

    #[test]
    fn an_indented_directive_is_none() {
        assert_eq!(value(" # check=skip=all\n", Name::Check), None);
    }

    #[test]
    fn syntax_is_found_behind_slashes_and_in_json() {
        assert_eq!(detect_syntax(b"// syntax=x y\n").unwrap().first_word(), "x");
        assert_eq!(detect_syntax(br#"{"syntax": "x"}"#).unwrap().value, "x");
        assert_eq!(detect_syntax(b"FROM x"), None);
    }

    #[test]
    fn comments_above_an_instruction_may_configure_the_linter() {
        let comments = [&b"text"[..], b"check", b"escape=x", b"check=skip=A,B x", b"check=skip=C"];
        assert_eq!(check_of_comments(&comments).as_deref(), Some("skip=A,B"));
    }
}
