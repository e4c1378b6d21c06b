//! The machine that reads words: what BuildKit does by recursion, with a stack of its own, so that no
//! depth of nesting exhausts the thread's; and one output that nested words are read into in place.

use std::collections::BTreeSet;
use std::str::Chars;

use super::name::{is_digit, is_name_char, is_special};
use super::pattern;
use super::substitution::{MAX_LENGTH, Operator, Substitution};
use super::words::Words;
use super::{Env, Error, ErrorKind, Expansion, Lex};

/// Returns what `text` becomes as one word, and its words if they are wanted.
pub(super) fn process(
    lex: Lex,
    text: &str,
    env: &(impl Env + ?Sized),
    words: Words,
) -> Result<(Expansion, Vec<String>), Error> {
    let mut machine = Machine {
        lex,
        // BuildKit's scanner drops a byte order mark at the start of every text.
        chars: text.strip_prefix('\u{feff}').unwrap_or(text).chars(),
        env,
        raw_escapes: lex.raw_escapes,
        frames: Vec::new(),
        out: String::with_capacity(text.len()),
        words,
        matched: BTreeSet::new(),
        unmatched: BTreeSet::new(),
    };
    match machine.run() {
        Ok(()) => {
            let expansion =
                Expansion { text: machine.out, matched: machine.matched, unmatched: machine.unmatched };
            Ok((expansion, machine.words.finish()))
        }
        Err(kind) => {
            Err(Error { kind, text: text.to_owned(), matched: machine.matched, unmatched: machine.unmatched })
        }
    }
}

struct Machine<'a, E: ?Sized> {
    lex: Lex,
    chars: Chars<'a>,
    env: &'a E,
    /// Whether escape characters stay, here; inside of patterns they do.
    raw_escapes: bool,
    /// What is open around the current position, outermost first.
    frames: Vec<Frame<'a>>,
    out: String,
    words: Words,
    matched: BTreeSet<String>,
    unmatched: BTreeSet<String>,
}

/// Something that is open.
enum Frame<'a> {
    /// `"`; its text begins at `start`.
    Quote { start: usize },
    /// `${name`, an operator, and the word or pattern behind it.
    Substitution(Box<Substitution<'a>>),
}

impl<'a, E: Env + ?Sized> Machine<'a, E> {
    fn peek(&self) -> Option<char> {
        self.chars.clone().next()
    }

    /// Takes the next character if it is `c`.
    fn take(&mut self, c: char) -> bool {
        match self.chars.as_str().strip_prefix(c) {
            Some(rest) => {
                self.chars = rest.chars();
                true
            }
            None => false,
        }
    }

    /// Takes the next `len` bytes.
    fn take_text(&mut self, len: usize) -> &'a str {
        let (text, rest) = self.chars.as_str().split_at(len);
        self.chars = rest.chars();
        text
    }

    /// Takes the text up to the next byte that `ends` it, which is ASCII.
    fn take_until(&mut self, ends: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.chars.as_str();
        self.take_text(rest.bytes().position(ends).unwrap_or(rest.len()))
    }

    /// Whether `byte` is the escape character.
    fn is_escape(lex: Lex, byte: u8) -> bool {
        byte.is_ascii() && char::from(byte) == lex.escape
    }

    fn run(&mut self) -> Result<(), ErrorKind> {
        loop {
            if self.out.len() > MAX_LENGTH {
                return Err(ErrorKind::TooLong { max: MAX_LENGTH });
            }
            let Some(c) = self.peek() else {
                return self.end();
            };
            match self.frames.last() {
                Some(Frame::Quote { start }) => {
                    let start = *start;
                    self.in_double_quotes(c, start)?;
                }
                Some(Frame::Substitution(open)) if c == open.end() => {
                    self.chars.next();
                    self.close()?;
                }
                _ => self.in_word(c)?,
            }
        }
    }

    /// The text has ended: an error if something is open.
    fn end(&self) -> Result<(), ErrorKind> {
        let mut outermost = self.frames.iter();
        let outermost = outermost.find_map(|frame| match frame {
            Frame::Quote { .. } => None,
            Frame::Substitution(open) => Some(open.end()),
        });
        match outermost {
            Some('/') => Err(ErrorKind::MissingSlash),
            Some(_) => Err(ErrorKind::MissingBrace),
            None if self.frames.is_empty() => Ok(()),
            None => Err(ErrorKind::DoubleQuote),
        }
    }

    fn in_word(&mut self, c: char) -> Result<(), ErrorKind> {
        match c {
            '$' => return self.dollar(),
            '<' => self.angle(),
            '\'' if !self.lex.skip_process_quotes => return self.single_quotes(),
            '"' if !self.lex.skip_process_quotes => {
                self.chars.next();
                let start = self.out.len();
                if self.lex.raw_quotes {
                    self.out.push(c);
                }
                self.frames.push(Frame::Quote { start });
            }
            _ => {
                self.chars.next();
                if c == self.lex.escape {
                    if self.raw_escapes {
                        self.push_raw(c);
                    }
                    // An escape character at the very end is dropped.
                    if let Some(escaped) = self.chars.next() {
                        self.push_raw(escaped);
                    }
                } else {
                    self.out.push(c);
                    if self.frames.is_empty() {
                        let start = self.out.len() - c.len_utf8();
                        self.ordinary();
                        self.words.split(&self.out[start..]);
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes characters that mean nothing, outside of everything.
    fn ordinary(&mut self) {
        let lex = self.lex;
        let text =
            self.take_until(|byte| matches!(byte, b'$' | b'<' | b'\'' | b'"') || Self::is_escape(lex, byte));
        self.out.push_str(text);
    }

    fn push_raw(&mut self, c: char) {
        if self.frames.is_empty() {
            self.words.push(c);
        }
        self.out.push(c);
    }

    /// Takes what the output has from `start` for a part of the current word that is not split.
    fn keep_in_word(&mut self, start: usize) {
        if self.frames.is_empty() {
            self.words.push_str(&self.out[start..]);
        }
    }

    /// `<`, or `<<` with the white space behind it: the start of a here-document is one word.
    fn angle(&mut self) {
        let start = self.out.len();
        self.chars.next();
        self.out.push('<');
        if self.take('<') {
            self.out.push('<');
            let blanks = self.take_until(|byte| !matches!(byte, b'\t' | b'\r' | b' '));
            self.out.push_str(blanks);
        }
        self.keep_in_word(start);
    }

    fn single_quotes(&mut self) -> Result<(), ErrorKind> {
        let start = self.out.len();
        let quote = self.chars.next().filter(|_| self.lex.raw_quotes);
        self.out.extend(quote);
        let text = self.take_until(|byte| byte == b'\'');
        self.out.push_str(text);
        match self.chars.next() {
            Some(_) => {}
            None if self.frames.is_empty() => return Err(ErrorKind::SingleQuote),
            None => return self.end(),
        }
        self.out.extend(quote);
        self.keep_in_word(start);
        Ok(())
    }

    fn in_double_quotes(&mut self, c: char, start: usize) -> Result<(), ErrorKind> {
        if c == '$' {
            return self.dollar();
        }
        self.chars.next();
        if c == '"' {
            if self.lex.raw_quotes {
                self.out.push(c);
            }
            self.frames.pop();
            self.keep_in_word(start);
            return Ok(());
        }
        if c != self.lex.escape {
            self.out.push(c);
            let lex = self.lex;
            let text = self.take_until(|byte| matches!(byte, b'"' | b'$') || Self::is_escape(lex, byte));
            self.out.push_str(text);
            return Ok(());
        }
        if self.raw_escapes {
            self.out.push(c);
        }
        match self.peek() {
            // The quote is not closed; the next step says so.
            None => {}
            Some(escaped) if matches!(escaped, '"' | '$') || escaped == self.lex.escape => {
                self.chars.next();
                self.out.push(escaped);
            }
            // Nothing else can be escaped: the escape character stays, twice where it is kept anyway.
            Some(_) => self.out.push(c),
        }
        Ok(())
    }

    /// `$name`, `${name}`, or the start of a substitution with an operator.
    fn dollar(&mut self) -> Result<(), ErrorKind> {
        let start = self.out.len();
        self.chars.next();
        if !self.take('{') {
            let name = self.name();
            if name.is_empty() {
                self.out.push('$');
            } else if let Some(value) = self.value(name) {
                self.out.push_str(value);
            } else if self.lex.skip_unset_env {
                self.out.extend(["$", name]);
            }
            self.split_into_words(start);
            return Ok(());
        }
        match self.peek() {
            None => return Err(ErrorKind::MissingBrace),
            Some('{' | '}' | ':') => return Err(ErrorKind::BadSubstitution),
            Some(_) => {}
        }
        let name = self.name();
        let operator = match self.chars.next() {
            Some('}') => {
                if let Some(value) = self.value(name) {
                    self.out.push_str(value);
                } else if self.lex.skip_unset_env {
                    self.out.extend(["${", name, "}"]);
                }
                self.split_into_words(start);
                return Ok(());
            }
            Some(':') => self.colon_operator()?,
            Some(sign @ ('+' | '-' | '?')) => Operator::Condition { sign, empty_is_unset: false },
            Some(sign @ ('#' | '%')) => Operator::Trim { sign },
            Some('/') => Operator::Pattern { all: self.take('/') },
            Some(other) => {
                let modifier = other.to_string();
                return Err(ErrorKind::UnsupportedModifier { modifier });
            }
            None => return Err(self.end().err().unwrap_or(ErrorKind::MissingBrace)),
        };
        self.open(name, operator, start);
        Ok(())
    }

    /// The operator behind `${name:`.
    fn colon_operator(&mut self) -> Result<Operator, ErrorKind> {
        match self.chars.next() {
            Some(sign @ ('+' | '-' | '?')) => Ok(Operator::Condition { sign, empty_is_unset: true }),
            Some(sign @ ('#' | '%')) => Err(ErrorKind::UnsupportedModifier { modifier: format!(":{sign}") }),
            // Refused as well, after the word behind it has been read.
            Some(sign) => Ok(Operator::Unsupported { modifier: format!(":{sign}") }),
            None => Err(ErrorKind::MissingBrace),
        }
    }

    /// Begins to read the word of a substitution.
    fn open(&mut self, name: &'a str, operator: Operator, start: usize) {
        let kept = self.lex.skip_unset_env && self.env.get(name).is_none();
        if kept {
            let sign = operator.sign();
            self.out.extend(["${", name, &sign]);
        }
        let open = Substitution { name, start, outer_raw_escapes: self.raw_escapes, kept, operator };
        self.raw_escapes = open.has_pattern();
        self.words.forget_current();
        self.frames.push(Frame::Substitution(Box::new(open)));
    }

    /// Ends the innermost substitution, or the pattern of a replacement: its end has been taken.
    fn close(&mut self) -> Result<(), ErrorKind> {
        let Some(Frame::Substitution(mut open)) = self.frames.pop() else {
            return Ok(());
        };
        if let Operator::Pattern { all } = open.operator {
            open.operator = self.pattern_read(&open, all)?;
            self.words.forget_current();
            self.frames.push(Frame::Substitution(open));
            return Ok(());
        }
        self.raw_escapes = open.outer_raw_escapes;
        let value = self.value(open.name);
        if open.kept {
            self.out.push('}');
        } else {
            open.apply(&mut self.out, value)?;
        }
        self.split_into_words(open.start);
        Ok(())
    }

    /// The pattern of a replacement is read: looks for it in the value, so that the replacement can be
    /// read in place.
    fn pattern_read(&mut self, open: &Substitution<'a>, all: bool) -> Result<Operator, ErrorKind> {
        if open.kept {
            self.out.push('/');
            return Ok(Operator::ReplaceFirst { rest: None });
        }
        let pattern = self.out.split_off(open.start);
        if all {
            return Ok(Operator::ReplaceAll { pattern });
        }
        let value = self.env.get(open.name).unwrap_or_default();
        let found = pattern::find(value, &pattern)?;
        if let Some(found) = &found {
            self.out.push_str(&value[..found.start]);
        }
        Ok(Operator::ReplaceFirst { rest: found.map(|found| found.end) })
    }

    /// Takes a variable's value, in the output from `start`, into the words: it is split.
    fn split_into_words(&mut self, start: usize) {
        if self.frames.is_empty() {
            self.words.split(&self.out[start..]);
        }
    }

    /// Takes a name: digits, one special parameter, or letters, digits and `_`.
    fn name(&mut self) -> &'a str {
        let rest = self.chars.as_str();
        let end = match self.peek() {
            Some(c) if is_digit(c) => rest.find(|c| !is_digit(c)),
            Some(c) if is_special(c) => Some(c.len_utf8()),
            _ => rest.find(|c| !is_name_char(c)),
        };
        self.take_text(end.unwrap_or(rest.len()))
    }

    /// Returns a variable's value and remembers that it was asked for.
    fn value(&mut self, name: &str) -> Option<&'a str> {
        let value = self.env.get(name);
        let names = if value.is_some() { &mut self.matched } else { &mut self.unmatched };
        if !names.contains(name) {
            names.insert(name.to_owned());
        }
        value
    }
}
