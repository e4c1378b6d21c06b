//! COPY and ADD.

use std::fmt::Write as _;

use super::Grammar;

const DIGEST: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

const MODES: &[&str] = &[
    "755",
    "0644",
    "u+x",
    "a=rX",
    "u=rw,g=r,o=",
    "go-w",
    "+x",
    "7777",
    "07777",
    "1777",
    "u=g",
    "a+st",
    "ug=rwx,+t",
    "10000",
    "8",
    "",
    "x",
    "u",
    "u+",
    "=",
    "-1",
    "0o755",
    "$A",
    "${A:-644}",
    "u+x,",
    "rwx",
    "u+q",
    "u=rwx,g=u",
    "a-x+r",
    "+",
    "u+x-w",
    "00000000755",
    "99999999999999999999",
    "é",
    "u+X",
    "o=g-w",
];

const OWNERS: &[&str] = &[
    "1:2",
    "app",
    "app:grp",
    "1",
    ":2",
    "0:0",
    "app:0",
    "$A",
    "${A:-x}:y",
    ":",
    "",
    "a:b:c",
    "4294967296",
    "-1",
    "+1",
    "1:é",
    "01",
];

const URLS: &[&str] = &[
    "https://e.example/f",
    "http://e.example/a/b.tgz",
    "https://e.example/",
    "https://e.example",
    "https://e.example/a%20b",
    "https://e.example/f?x=1#y",
    "HTTPS://e.example/f",
    "https://e.example/a%ff",
    "https://e.example/%zz",
    "https://e.example/$A",
    "https://e.example/a/..",
    "https://u:p@e.example/f",
    "https://e.example/a/.",
    "http://",
    "https://[::1]/f",
    "ftp://e.example/f",
    "https://e.example/f.git/x",
    "https://e.example:x/f",
    "https://e.example/é",
];

const REPOSITORIES: &[&str] = &[
    "https://g.example/a.git",
    "http://g.example/a/b.git",
    "git@g.example:a/b.git",
    "ssh://git@g.example/a",
    "git://g.example/a.git",
    "github.com/a/b",
    "github.com/a/b.git",
    "ssh://g.example:22/a",
    "git@g.example:a b",
    "ssh://g.example",
    "git@g.example:/a",
    "https://g.example/a b.git",
    "https://g.example/%ff.git",
    "https://u:p@g.example/a.git",
    "GIT://g.example/a",
    "a@b:c",
    "git@g_x:a",
    "https://g.example/.git",
    "ssh://u@g.example:x/a",
    "git+ssh://g.example/a",
];

const FRAGMENTS: &[&str] = &[
    "",
    "",
    "",
    "#v1",
    "#v1:sub",
    "#:sub/../x",
    "#",
    "#a:b:c",
    "#%ff",
    "#$A",
    "#a%20b",
    "#:/",
    "#1234567890123456789012345678901234567890",
    "#a#b",
];

const QUERIES: &[&str] = &[
    "",
    "",
    "",
    "?ref=v1",
    "?tag=v1",
    "?branch=b",
    "?subdir=s",
    "?ref=v1&subdir=s",
    "?submodules=false",
    "?submodules",
    "?keep-git-dir=1",
    "?keep-git-dir=0",
    "?checksum=abc",
    "?commit=abc",
    "?mtime=commit",
    "?mtime=x",
    "?fetch-by-commit",
    "?x=1",
    "?ref=",
    "?ref=a&ref=b",
    "?tag=a&branch=b",
    "?tag=refs/tags/a",
    "?ref=%ff",
    "?",
    "?ref=a;b",
    "?subdir=..",
    "?subdir=/a/",
    "?submodules=x",
    "?ref=a+b",
    "?fetch-by-commit=0&commit=ab",
];

impl Grammar<'_> {
    pub(super) fn copy(&mut self) -> String {
        let mut text = self.keyword("COPY");
        for _ in 0..[0, 0, 1, 1, 2, 3][self.below(6)] {
            let flag = match self.below(8) {
                0 | 1 => format!("--from={}", self.source()),
                2 => self
                    .pick(&["--parents", "--parents", "--parents=false", "--parents=x", "--parents="])
                    .into(),
                3 if self.rarely() => self
                    .pick(&[
                        "--checksum=x",
                        "--unpack",
                        "--keep-git-dir",
                        "--from",
                        "--nope",
                        "--",
                        "--chmd=1",
                    ])
                    .into(),
                _ => self.common_flag(),
            };
            self.push_flag(&mut text, &flag);
        }
        self.files(&text, Self::copied)
    }

    pub(super) fn add(&mut self) -> String {
        let mut text = self.keyword("ADD");
        for _ in 0..[0, 0, 1, 1, 2, 3][self.below(6)] {
            let flag = match self.below(8) {
                0 => format!(
                    "--checksum={}",
                    self.pick(&[
                        DIGEST,
                        DIGEST,
                        "sha256:1",
                        "",
                        "$A",
                        "abc",
                        "md5:00",
                        "1234567890123456789012345678901234567890",
                        "sha512:ab"
                    ])
                ),
                1 => self
                    .pick(&[
                        "--keep-git-dir",
                        "--keep-git-dir=true",
                        "--keep-git-dir=false",
                        "--keep-git-dir=x",
                    ])
                    .into(),
                2 => self
                    .pick(&["--unpack", "--unpack=false", "--unpack=true", "--unpack=TRUE", "--unpack=1"])
                    .into(),
                3 if self.rarely() => self.pick(&["--from=a", "--parents", "--checksum", "--nope"]).into(),
                _ => self.common_flag(),
            };
            self.push_flag(&mut text, &flag);
        }
        self.files(&text, Self::added)
    }

    /// Adds a flag, mostly unless it is there.
    pub(super) fn push_flag(&mut self, text: &mut String, flag: &str) {
        let name = flag.split('=').next().unwrap_or_default();
        if !text.contains(name) || name == "--exclude" || self.rarely() {
            let _ = write!(text, " {flag}");
        }
    }

    fn common_flag(&mut self) -> String {
        match self.below(8) {
            0 | 1 => {
                let sound = self.below(3) > 0;
                format!("--chmod={}", self.pick(if sound { &MODES[..13] } else { MODES }))
            }
            2 | 3 => format!("--chown={}", self.pick(OWNERS)),
            4 | 5 => self
                .pick(&["--link", "--link", "--link=true", "--link=false", "--link=True", "--link=0"])
                .into(),
            _ => format!(
                "--exclude={}",
                self.pick(&["*.md", "a", "**/x", "", "[", "$A", "!a", "a b", "/a", "../a", "é"])
            ),
        }
    }

    /// Sources and destination in one of their forms.
    fn files(&mut self, head: &str, source: fn(&mut Self) -> String) -> String {
        match self.below(16) {
            0 | 1 => {
                let words: Vec<String> = (0..2 + self.below(2)).map(|_| source(self)).collect();
                format!("{head} {}", serde_json::to_string(&words).expect("strings"))
            }
            2 => format!("{head} {}", self.json(source)),
            3 | 4 => self.document_files(head, source),
            5 if self.rarely() => format!("{head} {}", source(self)),
            _ => {
                let sources = self.several(1, 2, " ", source);
                format!("{head} {sources} {}", self.path())
            }
        }
    }

    fn document_files(&mut self, head: &str, source: fn(&mut Self) -> String) -> String {
        let (word, mut body) = self.document();
        let mut words = vec![word];
        if self.below(4) == 0 {
            let (word, more) = self.document();
            words.push(word);
            body += &more;
        }
        if self.below(4) == 0 {
            let at = self.below(words.len() + 1);
            words.insert(at, source(self));
        }
        let text = format!("{head} {} {}\n{body}", words.join(" "), self.path());
        text.trim_end_matches('\n').to_owned()
    }

    fn copied(&mut self) -> String {
        match self.below(16) {
            0 => self
                .pick(&[
                    "a/./b",
                    "/a/./b/c",
                    "./a/./b",
                    "/./a",
                    "a/*/./b",
                    "*/./x",
                    "a/./b/./c",
                    "a/./*",
                    "./.",
                ])
                .into(),
            1 if self.rarely() => self.pick(URLS).into(),
            2 if self.rarely() => self.pick(REPOSITORIES).into(),
            _ => self.path(),
        }
    }

    fn added(&mut self) -> String {
        match self.below(8) {
            0 | 1 => self.pick(URLS).into(),
            2 | 3 => {
                let (repository, query, fragment) =
                    (self.pick(REPOSITORIES), self.pick(QUERIES), self.pick(FRAGMENTS));
                format!("{repository}{query}{fragment}")
            }
            4 => self.pick(&["a.tar.gz", "x.zip", "./github.com/a/b", "../a.git", "a.tar"]).into(),
            _ => self.path(),
        }
    }
}
