//! Dockerfiles that nobody would write: mutations and recombinations of those that somebody did.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::case::Case;
use crate::grammar::Grammar;
use crate::options;

/// Pieces that mean something to a Dockerfile parser.
const PIECES: &[&str] = &[
    "FROM ",
    "RUN ",
    "COPY ",
    "ADD ",
    "ENV ",
    "ARG ",
    "LABEL ",
    "USER ",
    "WORKDIR ",
    "CMD ",
    "ENTRYPOINT ",
    "EXPOSE ",
    "VOLUME ",
    "STOPSIGNAL ",
    "HEALTHCHECK ",
    "SHELL ",
    "ONBUILD ",
    "MAINTAINER ",
    " AS ",
    " as x",
    "scratch",
    "alpine",
    "$BUILDPLATFORM",
    "${TARGETARCH}",
    "$TARGETPLATFORM",
    "--platform=",
    "--from=",
    "--from=0 ",
    "--chown=1:2 ",
    "--chown=app ",
    "--chmod=755 ",
    "--chmod=u+x ",
    "--link ",
    "--link=false ",
    "--parents ",
    "--exclude=*.md ",
    "--checksum=sha256:",
    "--keep-git-dir ",
    "--unpack ",
    "--mount=type=bind,",
    "--mount=type=cache,",
    "--mount=type=tmpfs,",
    "--mount=type=secret,",
    "--mount=type=ssh,",
    "target=/t,",
    "dst=/d,",
    "source=s,",
    "from=0,",
    "id=i,",
    "sharing=locked,",
    "mode=0700,",
    "uid=1,",
    "gid=2,",
    "size=1m,",
    "required,",
    "env=E,",
    "rw,",
    "ro=true,",
    "--network=none ",
    "--network=",
    "--security=insecure ",
    "--device=a.b/c=d ",
    "--interval=1s ",
    "--retries=3 ",
    "--timeout=",
    "--start-period=1m ",
    "NONE",
    "${A:-b}",
    "${A-",
    "${A:+$B}",
    "${A:?e}",
    "${A?}",
    "${A#*.}",
    "${A##a}",
    "${A%b}",
    "${A%%*}",
    "${A/a/b}",
    "${A//a}",
    "${",
    "}",
    "$",
    "$$",
    "$1",
    "$?",
    "\\$",
    "\"",
    "'",
    "\\",
    "\\\n",
    "`",
    "\n",
    "\r\n",
    "\n\n",
    "# ",
    "\n# c\n",
    "# escape=`\n",
    "# syntax=x\n",
    "# check=skip=all\n",
    "\t",
    " ",
    "  ",
    "\u{feff}",
    "<<EOF",
    "<<-EOF",
    "<<'E'",
    "<<\"E\"",
    "EOF\n",
    "\nEOF\n",
    "E\n",
    "<<a <<b",
    "3<<EOF",
    "[\"a\", \"b\"]",
    "[",
    "]",
    "[]",
    ",",
    "=",
    "==",
    "A=1 ",
    "A",
    "a=\"b c\"",
    "/",
    "./",
    "../",
    "//",
    ".",
    "*",
    "**/*.go",
    "?",
    "[a-z]",
    "!",
    "~",
    ":",
    "@",
    "@sha256:1111111111111111111111111111111111111111111111111111111111111111",
    ":latest",
    "80/tcp",
    "8000-8010/udp",
    "https://e.example/f",
    "git@g.example:a/b.git#c:d",
    "https://g.example/a.git?ref=v1&subdir=x",
    "\u{e9}",
    "\u{4e2d}",
    "\0",
    "-",
    "--",
    "--x",
    "0",
    "1",
    "99999999999999999999",
    "-1",
    "0x1f",
    "1.5h",
    "1e3",
    "true",
    "false",
    "\u{a0}",
    "%2f",
    "%C3%A4",
    "%ff",
    "http://",
    ".git",
    "&",
    "<<",
    "type=",
    "TARGETARCH",
    "SOURCE_DATE_EPOCH",
    "PATH",
    "http_proxy",
    "windows/amd64",
    "C:\\",
    "ONBUILD RUN x",
    "\u{2028}",
];

/// Makes Dockerfiles from a seed: the same seed makes the same ones.
#[derive(Debug)]
pub(crate) struct Mutator<'a> {
    corpus: &'a [Vec<u8>],
    random: StdRng,
}

impl<'a> Mutator<'a> {
    /// A mutator of the Dockerfiles in `corpus`, of which there has to be one.
    pub(crate) fn new(corpus: &'a [Vec<u8>], seed: u64) -> Self {
        Self { corpus, random: StdRng::seed_from_u64(seed) }
    }

    /// The next case.
    pub(crate) fn next(&mut self) -> Case {
        let mut case = Case { steps: true, ..Case::of(self.text()) };
        if self.below(3) == 0 {
            options::add(&mut self.random, &mut case);
        }
        case
    }

    fn text(&mut self) -> Vec<u8> {
        if self.below(3) > 0 {
            return self.made_up();
        }
        let mut text = self.corpus[self.below(self.corpus.len())].clone();
        let mutations = if self.below(3) == 0 { 1 + self.below(4) } else { 1 };
        for _ in 0..mutations {
            self.mutate(&mut text);
        }
        text
    }

    /// A Dockerfile from the grammar, or one of the corpus with an instruction from there.
    fn made_up(&mut self) -> Vec<u8> {
        if self.below(6) == 0 {
            let mut text = self.corpus[self.below(self.corpus.len())].clone();
            let mut line = Grammar::new(&mut self.random).instruction();
            line.push('\n');
            let at = self.line(&text).end;
            if at > 0 && text[at - 1] != b'\n' {
                line.insert(0, '\n');
            }
            text.splice(at..at, line.into_bytes());
            return text;
        }
        let mut text = Grammar::new(&mut self.random).dockerfile();
        if self.below(6) == 0 {
            self.mutate(&mut text);
        }
        text
    }

    fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { self.random.random_range(0..end) }
    }

    fn mutate(&mut self, text: &mut Vec<u8>) {
        match self.below(12) {
            0..=2 => self.insert_piece(text),
            3 => self.replace_word(text),
            4 => self.remove_range(text, 12),
            5 => self.repeat_range(text),
            6 => self.remove_line(text),
            7 | 8 => self.splice_line(text),
            9 => self.swap_lines(text),
            10 => self.flip_byte(text),
            _ => self.change_case(text),
        }
    }

    fn insert_piece(&mut self, text: &mut Vec<u8>) {
        let piece = PIECES[self.below(PIECES.len())];
        let at = self.below(text.len() + 1);
        text.splice(at..at, piece.bytes());
    }

    fn replace_word(&mut self, text: &mut Vec<u8>) {
        let start = self.below(text.len());
        let separates = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'=' | b',' | b'"' | b':');
        let from = text[..start].iter().rposition(separates).map_or(0, |at| at + 1);
        let to = text[start..].iter().position(separates).map_or(text.len(), |at| start + at).max(from);
        let piece = PIECES[self.below(PIECES.len())];
        text.splice(from..to, piece.bytes());
    }

    fn range(&mut self, text: &[u8], longest: usize) -> std::ops::Range<usize> {
        let from = self.below(text.len());
        let length = self.below(longest) + 1;
        from..(from + length).min(text.len())
    }

    fn remove_range(&mut self, text: &mut Vec<u8>, longest: usize) {
        let range = self.range(text, longest);
        text.drain(range);
    }

    fn repeat_range(&mut self, text: &mut Vec<u8>) {
        let range = self.range(text, 40);
        let copy = text[range.clone()].to_vec();
        text.splice(range.end..range.end, copy);
    }

    /// A line of `text`, with its line break.
    fn line(&mut self, text: &[u8]) -> std::ops::Range<usize> {
        let at = self.below(text.len());
        let from = text[..at].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let to = text[at..].iter().position(|b| *b == b'\n').map_or(text.len(), |end| at + end + 1);
        from..to
    }

    fn remove_line(&mut self, text: &mut Vec<u8>) {
        let line = self.line(text);
        text.drain(line);
    }

    fn splice_line(&mut self, text: &mut Vec<u8>) {
        let other = self.below(self.corpus.len());
        let other = &self.corpus[other];
        let mut line = other[self.line(other)].to_vec();
        if line.last() != Some(&b'\n') {
            line.push(b'\n');
        }
        let at = self.line(text).start;
        text.splice(at..at, line);
    }

    fn swap_lines(&mut self, text: &mut Vec<u8>) {
        let line = self.line(text);
        let moved: Vec<u8> = text.drain(line).collect();
        let at = self.line(text).start;
        text.splice(at..at, moved);
    }

    fn flip_byte(&mut self, text: &mut [u8]) {
        if text.is_empty() {
            return;
        }
        let at = self.below(text.len());
        text[at] = match self.below(3) {
            0 => text[at] ^ (1 << self.below(7)),
            1 => b" \t\n\\\"'$#=,[]{}<>&|"[self.below(18)],
            _ => self.random.random(),
        };
    }

    fn change_case(&mut self, text: &mut [u8]) {
        let range = self.range(text, 10);
        for byte in &mut text[range] {
            *byte =
                if byte.is_ascii_lowercase() { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
        }
    }
}
