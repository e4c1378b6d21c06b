//! Words: literals, quotes, escapes, variables in every form.

use super::Grammar;

/// Names of variables, many of which mean something.
pub(super) const NAMES: &[&str] = &[
    "A",
    "B",
    "FOO",
    "foo",
    "_x",
    "PATH",
    "HOME",
    "LANG",
    "TARGETARCH",
    "TARGETPLATFORM",
    "TARGETVARIANT",
    "TARGETOS",
    "TARGETSTAGE",
    "BUILDPLATFORM",
    "BUILDOS",
    "HTTP_PROXY",
    "no_proxy",
    "SOURCE_DATE_EPOCH",
    "BUILDKIT_SBOM_SCAN_STAGE",
    "API_KEY",
    "public_token",
    "AB",
    "A1",
];

const LITERALS: &[&str] = &[
    "a", "b", "x", "foo", "a.b", "a-b", "A_B", "1", "0", "-1", "9", "é", "中", "a/b", "/", ".", "..", "%20",
    "+", "@", "~", "*", "?", "[a]", "{", "}", "!", ":", "#", "&&", ";", "|", "<", ">", "(", ")", "true", "",
];

const OPERATORS: &[&str] =
    &[":-", "-", ":+", "+", ":?", "?", "#", "##", "%", "%%", "/", "//", ":", "^", "=", "", "/#", "/%", "@"];

const PATTERNS: &[&str] =
    &["a*", "*", "?", "*.", ".*", "a/b", "\\*", "[a]", "é", "*a*", "a", "", "\\", "/", "(", "."];

impl Grammar<'_> {
    pub(super) fn name(&mut self) -> String {
        match self.below(20) {
            0 => self.pick(&["1", "?", "@", "*", "#", "$", "-", "é", "0", "a-b", "a.b", "1a", "_"]).into(),
            1..=11 => self.pick(&NAMES[..5]).into(),
            _ => self.pick(NAMES).into(),
        }
    }

    /// A variable in one of its forms.
    pub(super) fn variable(&mut self) -> String {
        let name = self.name();
        if self.depth > 4 {
            return format!("${name}");
        }
        self.depth += 1;
        let forms = if self.calm { 13 } else { 14 };
        let text = match self.below(forms) {
            0..=2 => format!("${name}"),
            3..=4 => format!("${{{name}}}"),
            5..=8 => {
                let (operator, word) = (self.pick(OPERATORS), self.word());
                format!("${{{name}{operator}{word}}}")
            }
            9..=11 => {
                let operator = self.pick(&["#", "##", "%", "%%"]);
                let pattern = self.pick(PATTERNS);
                format!("${{{name}{operator}{pattern}}}")
            }
            12 => {
                let operator = self.pick(&["/", "//"]);
                let (pattern, with) =
                    (self.pick(PATTERNS), self.pick(&["", "/", "/x", "/$B", "/${A}", "/a/b", "/\\/"]));
                format!("${{{name}{operator}{pattern}{with}}}")
            }
            _ => self
                .pick(&["$", "${", "${}", "${:-x}", "$(", "$'a'", "$\"a\"", "${A", "${A:", "${ A}", "$$A"])
                .into(),
        };
        self.depth -= 1;
        text
    }

    fn atom(&mut self) -> String {
        match self.below(14) {
            0..=5 => self.pick(LITERALS).into(),
            6..=8 => self.variable(),
            9 => format!("\"{}\"", self.inner()),
            10 => format!("'{}'", self.inner()),
            11 => {
                self.pick(&["\\$A", "\\\"", "\\'", "\\\\", "\\a", "`$A", "``", "\\ ", "\\", "\\${A}"]).into()
            }
            12 if self.rarely() => {
                self.pick(&["\"", "'", "\\", "`", "\u{a0}", "\u{2028}", "\0", "\t"]).into()
            }
            _ => self.pick(&["a", "b", "c"]).into(),
        }
    }

    /// What stands in quotes.
    fn inner(&mut self) -> String {
        match self.below(6) {
            0 => self.variable(),
            1 => format!("a {}", self.variable()),
            2 => self.pick(&["", "a b", "a\\\"b", "\\$A", "it's", "a\\\\", "a=b", "a,b", "<<E", "  "]).into(),
            _ => self.pick(LITERALS).into(),
        }
    }

    /// A word without blanks outside quotes, mostly.
    pub(super) fn word(&mut self) -> String {
        let count = [1, 1, 1, 2, 2, 3][self.below(6)];
        (0..count).map(|_| self.atom()).collect()
    }

    /// A short word that is nothing special.
    pub(super) fn plain(&mut self) -> String {
        self.pick(&["a", "b", "foo", "a.b", "x1", "a-b", "é", "a b", "$A", ""]).into()
    }

    /// A path.
    pub(super) fn path(&mut self) -> String {
        match self.below(12) {
            0 => self.word(),
            1 => self.variable(),
            2 => format!("/{}", self.variable()),
            3 => self
                .pick(&[
                    "C:\\a",
                    "C:\\a\\b\\",
                    "c:/x",
                    "C:",
                    "D:\\x",
                    "\\a\\b",
                    "C:\\",
                    "a\\b",
                    "\\\\h\\s",
                    "C:a",
                ])
                .into(),
            4 => self
                .pick(&["/a/../b", "//a//b/", "/a/./b", "./a", "../a", "/..", "./", "..", "a/..", "/a/."])
                .into(),
            _ => self
                .pick(&[
                    "a", "/a", "/a/", "a/b", "/", ".", "/a/b/c", "a/", "*.go", "/srv/é", "dir/*", "[ab]c",
                    "/a b",
                ])
                .into(),
        }
    }

    /// `key=value`, or something like it.
    pub(super) fn pair(&mut self) -> String {
        let key = match self.below(12) {
            0 => self.word(),
            1 => self.pick(&["a.b", "a-b", "\"a b\"", "'k'", "é", "\"\"", "$A", "a\\ b"]).into(),
            _ => self.name(),
        };
        match self.below(16) {
            0 => key,
            1 => format!("{key}="),
            2 => format!("{key}=="),
            3 => format!("={key}"),
            4 => format!("{key} = x"),
            _ => format!("{key}={}", self.word()),
        }
    }
}
