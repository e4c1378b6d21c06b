//! RUN with its mounts and here-documents.

use std::fmt::Write as _;

use super::Grammar;

/// Options of a mount with some of their values.
const OPTIONS: &[(&str, &[&str])] = &[
    ("target", &["/t", "t", "/", "", ".", "/a/../b", "$A", "/a b", "..", "C:\\x", "/run/secrets/x"]),
    ("dst", &["/t", "/t2"]),
    ("destination", &["/t3", "x/y"]),
    ("source", &["s", "/s", "/", "", "../x", "a/../b", "$A", ".", "/s/"]),
    ("src", &["s", "/"]),
    (
        "from",
        &[
            "0",
            "a",
            "base",
            "alpine",
            "scratch",
            "1",
            "$A",
            "A$",
            "",
            "missing",
            "example.org/img/missing",
            "context",
            "9",
        ],
    ),
    ("id", &["i", "", "$A", "${B:-x}", "a/b", "é"]),
    ("sharing", &["shared", "private", "locked", "LOCKED", "x", "", "$A"]),
    (
        "mode",
        &["0700", "755", "07777", "0", "8", "", "-1", "0o7", "77777777777", "$A", "37777777777", "+7", "7_7"],
    ),
    ("uid", &["0", "1", "4294967295", "4294967296", "-1", "x", "", "0x1", "+1", "$A", "01"]),
    ("gid", &["0", "2", "4294967296", ""]),
    (
        "size",
        &[
            "1m",
            "1",
            "0",
            "1.5g",
            "-1",
            "x",
            "1 kb",
            "1kib",
            "",
            "1e3",
            "$A",
            "1t",
            "9999999999999p",
            ".5k",
            "1B",
            "1 MiB",
        ],
    ),
    ("required", &["true", "false", "1", "T", "x", "", "$A"]),
    ("readonly", &["true", "false", "0", "x", ""]),
    ("ro", &["true", "f", "yes"]),
    ("rw", &["true", "False", ""]),
    ("readwrite", &["1", "x"]),
    ("env", &["E", "", "A", "$A", "PATH", "1"]),
    ("type", &["bind", "cache", "tmpfs", "secret", "ssh", "CACHE", "x", "", "$A", "${A:-cache}"]),
    ("TARGET", &["/up"]),
    ("Type", &["cache"]),
    ("nope", &["1"]),
    ("targt", &["/x"]),
];

const FLAGS: &[&str] =
    &["ro", "rw", "readonly", "readwrite", "required", "RO", "target", "x", "", "type", "env", "id"];

impl Grammar<'_> {
    pub(super) fn run(&mut self) -> String {
        let mut text = self.keyword("RUN");
        for _ in 0..[0, 0, 1, 1, 1, 2][self.below(6)] {
            let flag = self.run_flag();
            let _ = write!(text, " {flag}");
        }
        text += " ";
        match self.below(16) {
            0..=2 => text += &self.json(Self::plain),
            3..=6 => return self.run_heredoc(&text),
            7 if self.rarely() => {}
            8 => {
                text += self.pick(&[
                    "[ -f x ] && y",
                    "[\"a\"] b",
                    "$((1 << 2))",
                    "cat <<< x",
                    "a 'b",
                    "a; b # c",
                    "\"a\"",
                    "[]",
                    "<<",
                    "<<E",
                ]);
            }
            _ => text += &self.several(1, 3, " ", Self::word),
        }
        text
    }

    fn run_flag(&mut self) -> String {
        match self.below(20) {
            0 => format!(
                "--network={}",
                self.pick(&["none", "host", "default", "x", "", "NONE", "$A", "sandbox"])
            ),
            1 => format!("--security={}", self.pick(&["insecure", "sandbox", "x", "", "$A"])),
            2 if self.rarely() => self
                .pick(&[
                    "--device=a.b/c=d",
                    "--x",
                    "--",
                    "--mount",
                    "--network",
                    "--link",
                    "--mount=",
                    "-x",
                    "--Mount=type=ssh",
                ])
                .into(),
            _ => format!("--mount={}", self.mount()),
        }
    }

    fn mount(&mut self) -> String {
        let kind = self.pick(&["bind", "cache", "tmpfs", "secret", "ssh"]);
        let fitting: &[usize] = match kind {
            "bind" => &[0, 1, 3, 4, 5, 13, 14, 15],
            "cache" => &[0, 2, 3, 5, 6, 7, 8, 9, 10, 13],
            "tmpfs" => &[0, 1, 11, 14],
            "secret" => &[0, 3, 6, 8, 9, 10, 12, 17],
            _ => &[0, 1, 6, 8, 9, 10, 12],
        };
        let mut options = vec![format!("type={kind}")];
        for _ in 0..self.below(5) {
            if self.below(8) == 0 {
                options.push(self.pick(FLAGS).into());
                continue;
            }
            let any = self.rarely();
            let (key, values) = if any {
                OPTIONS[self.below(OPTIONS.len())]
            } else {
                OPTIONS[fitting[self.below(fitting.len())]]
            };
            // The first values are the sound ones.
            let sound = values.len().min(2);
            let value = if self.below(4) == 0 { self.pick(values) } else { self.pick(&values[..sound]) };
            options.push(format!("{key}={value}"));
        }
        if kind != "ssh" && kind != "secret" && !self.rarely() {
            options.push(format!("target=/t{}", self.below(3)));
        }
        if kind == "secret" && self.maybe() {
            options.push("id=s".into());
        }
        if self.below(6) == 0 {
            let (one, other) = (self.below(options.len()), self.below(options.len()));
            options.swap(one, other);
        }
        if kind == "bind" && self.maybe() {
            options.remove(0);
        }
        match self.below(24) {
            0 => options.iter().map(|option| format!("\"{option}\"")).collect::<Vec<_>>().join(","),
            1 => options.join(", "),
            2 => options.join(",") + ",",
            _ => options.join(","),
        }
    }

    fn run_heredoc(&mut self, head: &str) -> String {
        let document = self.document();
        let (before, after) = match self.below(8) {
            0 => ("cat ", ""),
            1 => ("", " sh"),
            2 => ("python3 - ", " && b"),
            3 => ("3", ""),
            _ => ("", ""),
        };
        let mut text = format!("{head}{before}{}{after}", document.0);
        if self.rarely() {
            let second = self.document();
            let _ = write!(text, " {}\n{}{}", second.0, document.1, second.1);
        } else {
            let _ = write!(text, "\n{}", document.1);
        }
        text.trim_end_matches('\n').to_owned()
    }

    /// The word that opens a here-document, and the document with its end.
    pub(super) fn document(&mut self) -> (String, String) {
        let name = self.pick(&["EOF", "E", "a.txt", "/x/y", "f", "é", "E-1", "E.F_G", "1"]);
        let dash = self.pick(&["", "", "-"]);
        let quoted = match self.below(8) {
            0 => format!("'{name}'"),
            1 => format!("\"{name}\""),
            2 if self.rarely() => {
                let first = name.chars().next().map_or(0, char::len_utf8);
                format!("{}\"{}\"", &name[..first], &name[first..])
            }
            3 if self.rarely() => {
                self.pick(&["$A", "\\E", "", " E", "E'", "${A:-E}", "'E' F", "<E", "E<", "-E"]).to_owned()
            }
            _ => name.to_owned(),
        };
        let lines = self.several(0, 3, "\n", |grammar| match grammar.below(10) {
            0 => "#!/bin/sh".into(),
            1 => "\tindented $A".into(),
            2 => String::new(),
            3 => "  ".into(),
            4 => "a \\".into(),
            5 => "$A ${B:-c} \\$C `x` \"q\" 'r'".into(),
            6 => "# comment".into(),
            7 => "\t\tE".into(),
            _ => grammar.several(0, 2, " ", Self::word),
        });
        let lines = if lines.is_empty() { lines } else { lines + "\n" };
        let end = if self.rarely() { self.pick(&["\tEOF", "EOF ", "", "eof", "\t"]) } else { name };
        (format!("<<{dash}{quoted}"), format!("{lines}{end}\n"))
    }
}
