//! How a Dockerfile is laid out: directives, comments, continued lines, line ends.

use super::Grammar;

const CHECKS: &[&str] = &[
    "skip=all",
    "skip=StageNameCasing",
    "error=true",
    "skip=JSONArgsRecommended;error=true",
    "experimental=all",
    "skip=all;experimental=InvalidDefinitionDescription",
    "skip = all ; error = 1",
    "skip=a, UndefinedVar ,b",
    "error=x",
    "skip",
    "x=1",
    "",
    "error=true;skip=all;x",
    "experimental=all;error=true",
    "SKIP=all",
    "skip=",
];

impl Grammar<'_> {
    /// What may stand at the top.
    pub(super) fn directives(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        if self.rarely() {
            text.extend_from_slice("\u{feff}".as_bytes());
        }
        if self.rarely() {
            text.extend_from_slice(self.pick(&["#!/bin/x\n", "\n", " \n", "# c\n", "#\n"]).as_bytes());
        }
        let mut any = false;
        if self.below(8) == 0 {
            let line = self.pick(&[
                "# escape=`\n",
                "# escape=\\\n",
                "#escape=`\n",
                "# ESCAPE = ` \n",
                "# escape=x\n",
                "\t#\tescape\t=\t`\n",
                "# escape=\n",
                "// escape=`\n",
                "# escape=``\n",
            ]);
            text.extend_from_slice(line.as_bytes());
            any = true;
        }
        if self.below(8) == 0 {
            let line = self.pick(&[
                "# syntax=docker/dockerfile:1\n",
                "# syntax=\n",
                "#syntax = x y\n",
                "# syntax=x\n# syntax=y\n",
            ]);
            text.extend_from_slice(line.as_bytes());
            any = true;
        }
        if self.below(8) == 0 {
            let check = format!("# check={}\n", self.pick(CHECKS));
            text.extend_from_slice(check.as_bytes());
            any = true;
        }
        if any && self.rarely() {
            text.extend_from_slice(b"# other=x\n# escape=`\n");
        }
        text
    }

    /// A keyword, mostly in upper case.
    pub(super) fn keyword(&mut self, name: &str) -> String {
        match self.below(24) {
            0 | 1 => name.to_lowercase(),
            2 => name[..1].to_owned() + &name[1..].to_lowercase(),
            _ => name.to_owned(),
        }
    }

    /// Adds an instruction, sometimes over several lines or with a comment above.
    pub(super) fn push_line(&mut self, text: &mut Vec<u8>, line: &str) {
        match self.below(24) {
            0 => text.extend_from_slice(b"# a comment\n"),
            1 => {
                let check = format!("# check={}\n", self.pick(CHECKS));
                text.extend_from_slice(check.as_bytes());
            }
            2 => text.extend_from_slice(
                self.pick(&["\n", "  \n", "#\n", "  # x\n", "# a the thing\n", "# A the thing\n"]).as_bytes(),
            ),
            3 => text.extend_from_slice(self.pick(&[" ", "\t", "  "]).as_bytes()),
            _ => {}
        }
        let continued = self.below(8) == 0 && !line.contains("<<");
        let blank = if continued { line.rfind(' ') } else { None };
        match blank {
            None => text.extend_from_slice(line.as_bytes()),
            Some(at) => {
                text.extend_from_slice(&line.as_bytes()[..at]);
                let joint = self.pick(&[
                    " \\\n ",
                    " \\\n# c\n ",
                    " \\\n\n ",
                    " \\  \n ",
                    "\\\n ",
                    " \\\n  # c\n\n",
                    " \\\n\\\n",
                    " \\\n \t\n ",
                ]);
                text.extend_from_slice(joint.as_bytes());
                text.extend_from_slice(&line.as_bytes()[at + 1..]);
            }
        }
        text.extend_from_slice(self.pick(&["\n", "\n", "\n", "\n", "\n", "\n", " \n", "\n\n"]).as_bytes());
    }

    /// Line ends, stray bytes, an end without a line break.
    pub(super) fn finish(&mut self, mut text: Vec<u8>) -> Vec<u8> {
        match self.below(24) {
            0 | 1 => {
                text =
                    text.iter().flat_map(|b| if *b == b'\n' { b"\r\n".to_vec() } else { vec![*b] }).collect();
            }
            2 => {
                while text.last() == Some(&b'\n') {
                    text.pop();
                }
            }
            3 => text.extend_from_slice(
                self.pick(&["\\", "\\\n", " \\\n\n", "#", "\u{0}", "\r", "  "]).as_bytes(),
            ),
            4 => {
                let at = self.below(text.len() + 1);
                let byte = [0xff, 0xc3, 0x80, 0xe2, 0x85, 0xa0][self.below(6)];
                text.insert(at, byte);
            }
            _ => {}
        }
        text
    }
}
