//! The machine that reads words: what BuildKit does by recursion, with a stack of its own, so that no
//! depth of nesting exhausts the thread's; and one output that nested words are read into in place.

use std::collections::BTreeSet;
use std::iter::Peekable;
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
        chars: text.strip_prefix('\u{feff}').unwrap_or(text).chars().peekable(),
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
    chars: Peekable<Chars<'a>>,
    env: &'a E,
    /// Whether escape characters stay, here; inside of patterns they do.
    raw_escapes: bool,
    /// What is open around the current position, outermost first.
    frames: Vec<Frame>,
    out: String,
    words: Words,
    matched: BTreeSet<String>,
    unmatched: BTreeSet<String>,
}

/// Something that is open.
enum Frame {
    /// `"`; its text begins at `start`.
    Quote { start: usize },
    /// `${name`, an operator, and the word or pattern behind it.
    Substitution(Box<Substitution>),
}

impl<'a, E: Env + ?Sized> Machine<'a, E> {
    fn run(&mut self) -> Result<(), ErrorKind> {
        loop {
            if self.out.len() > MAX_LENGTH {
                return Err(ErrorKind::TooLong { max: MAX_LENGTH });
            }
            let Some(c) = self.chars.peek().copied() else {
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
                        self.words.split_at(c);
                        self.ordinary();
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes characters that mean nothing, outside of everything.
    fn ordinary(&mut self) {
        let escape = self.lex.escape;
        let means_nothing = |c: &char| !matches!(c, '$' | '<' | '\'' | '"') && *c != escape;
        while let Some(c) = self.chars.next_if(means_nothing) {
            self.out.push(c);
            self.words.split_at(c);
        }
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
        if self.chars.next_if_eq(&'<').is_some() {
            self.out.push('<');
            while let Some(blank) = self.chars.next_if(|c| matches!(c, '\t' | '\r' | ' ')) {
                self.out.push(blank);
            }
        }
        self.keep_in_word(start);
    }

    fn single_quotes(&mut self) -> Result<(), ErrorKind> {
        let start = self.out.len();
        let quote = self.chars.next().filter(|_| self.lex.raw_quotes);
        self.out.extend(quote);
        loop {
            match self.chars.next() {
                Some('\'') => break,
                Some(c) => self.out.push(c),
                None if self.frames.is_empty() => return Err(ErrorKind::SingleQuote),
                None => return self.end(),
            }
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
            return Ok(());
        }
        if self.raw_escapes {
            self.out.push(c);
        }
        match self.chars.peek().copied() {
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
        if self.chars.next_if_eq(&'{').is_none() {
            let name = self.name();
            if name.is_empty() {
                self.out.push('$');
            } else if let Some(value) = self.value(&name) {
                self.out.push_str(value);
            } else if self.lex.skip_unset_env {
                self.out.extend(["$", &name]);
            }
            self.split_into_words(start);
            return Ok(());
        }
        match self.chars.peek() {
            None => return Err(ErrorKind::MissingBrace),
            Some('{' | '}' | ':') => return Err(ErrorKind::BadSubstitution),
            Some(_) => {}
        }
        let name = self.name();
        let operator = match self.chars.next() {
            Some('}') => {
                if let Some(value) = self.value(&name) {
                    self.out.push_str(value);
                } else if self.lex.skip_unset_env {
                    self.out.extend(["${", &name, "}"]);
                }
                self.split_into_words(start);
                return Ok(());
            }
            Some(':') => self.colon_operator()?,
            Some(sign @ ('+' | '-' | '?')) => Operator::Condition { sign, empty_is_unset: false },
            Some(sign @ ('#' | '%')) => Operator::Trim { sign },
            Some('/') => Operator::Pattern { all: self.chars.next_if_eq(&'/').is_some() },
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
    fn open(&mut self, name: String, operator: Operator, start: usize) {
        let kept = self.lex.skip_unset_env && self.env.get(&name).is_none();
        if kept {
            let sign = operator.sign();
            self.out.extend(["${", &name, &sign]);
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
        let value = self.value(&open.name);
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
    fn pattern_read(&mut self, open: &Substitution, all: bool) -> Result<Operator, ErrorKind> {
        if open.kept {
            self.out.push('/');
            return Ok(Operator::ReplaceFirst { rest: None });
        }
        let pattern = self.out.split_off(open.start);
        if all {
            return Ok(Operator::ReplaceAll { pattern });
        }
        let value = self.env.get(&open.name).unwrap_or_default();
        let found = pattern::find(value, &pattern)?;
        if let Some(found) = &found {
            self.out.push_str(&value[..found.start]);
        }
        Ok(Operator::ReplaceFirst { rest: found.map(|found| found.end) })
    }

    /// Takes a variable's value, in the output from `start`, into the words: it is split.
    fn split_into_words(&mut self, start: usize) {
        if self.frames.is_empty() {
            for c in self.out[start..].chars() {
                self.words.split_at(c);
            }
        }
    }

    /// Takes a name: digits, one special parameter, or letters, digits and `_`.
    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.chars.peek().copied() {
            if name.is_empty() && is_digit(c) {
                while let Some(digit) = self.chars.next_if(|c| is_digit(*c)) {
                    name.push(digit);
                }
                return name;
            }
            if name.is_empty() && is_special(c) {
                self.chars.next();
                return c.to_string();
            }
            if !is_name_char(c) {
                break;
            }
            self.chars.next();
            name.push(c);
        }
        name
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
