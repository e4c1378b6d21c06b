//! Instructions about variables and the image's configuration.

use std::fmt::Write as _;

use super::Grammar;

const DURATIONS: &[&str] = &[
    "1s",
    "500ms",
    "1m30s",
    "1h",
    "0s",
    "1ms",
    "999us",
    "-1s",
    "1",
    "",
    "1.5h",
    ".5s",
    "1d",
    "s",
    "1e3s",
    "+1s",
    "1h1h",
    "9223372036854775807ns",
    "2562048h",
    "0",
    "1µs",
    "1us1ns",
    "0.000001s",
    "$A",
    "1 s",
    "1000000ns",
    "999999ns",
];

const PORTS: &[&str] = &[
    "80",
    "80/tcp",
    "80/UDP",
    "8000-8010",
    "8000-8002/udp",
    "80/sctp",
    "$A",
    "${A:-8080}/tcp",
    "80/$A",
    "0",
    "65535",
    "65536",
    "-1",
    "80-70",
    "80/x",
    "127.0.0.1:80:80",
    "8080:80",
    "80/tcp/x",
    "/tcp",
    "",
    "80/",
    "a",
    "80-",
    "[::1]:80:80",
    "1-3:4-6",
    "1-2:3-6",
    "1.2.3.4::80",
    ":80",
    "80:",
    "080",
    "+80",
    "80 81/udp",
    "1:2:3:4",
    "x:80:80",
    "80-81:90",
    "0.0.0.0:1-2:1-2/udp",
    "\"80\"",
    "'80'",
    "80,81",
    "8 0",
    "[::1]:80",
    "::1:80",
    "[fe80::1%eth0]:80:80",
    "80/TCP",
    "1-1",
];

const SIGNALS: &[&str] = &[
    "SIGTERM",
    "9",
    "TERM",
    "sigkill",
    "SIGRTMIN+1",
    "RTMAX-2",
    "0",
    "65",
    "-1",
    "x",
    "$A",
    "${A:-INT}",
    "SIGIOT",
    "64",
    "SIGCLD",
    "SIGRTMIN+15",
    "RTMIN+31",
    "+9",
    "SIGSIGTERM",
    "é",
];

const COMMANDS: &[&str] = &["CMD", "ENTRYPOINT"];

impl Grammar<'_> {
    pub(super) fn env(&mut self) -> String {
        let text = self.keyword("ENV");
        self.pairs(text)
    }

    pub(super) fn label(&mut self) -> String {
        let text = self.keyword("LABEL");
        self.pairs(text)
    }

    fn pairs(&mut self, head: String) -> String {
        match self.below(10) {
            0 | 1 => format!("{head} {} {}", self.name(), self.several(1, 3, " ", Self::word)),
            2 if self.rarely() => head,
            _ => format!("{head} {}", self.several(1, 3, " ", Self::pair)),
        }
    }

    pub(super) fn arg(&mut self) -> String {
        let mut text = self.keyword("ARG");
        if self.rarely() && self.rarely() {
            text += " --x";
        }
        for _ in 0..[1, 1, 1, 2, 3][self.below(5)] {
            let name = self.name();
            let _ = match self.below(10) {
                0..=3 => write!(text, " {name}"),
                4 => write!(text, " {name}="),
                5 => write!(text, " \"{name}={}\"", self.plain()),
                6 if self.rarely() => write!(text, " {}", self.pair()),
                7 => write!(text, " {name}={}", self.variable()),
                _ => write!(text, " {name}={}", self.word()),
            };
        }
        text
    }

    pub(super) fn expose(&mut self) -> String {
        let text = self.keyword("EXPOSE");
        let ports = self.several(1, 3, " ", |grammar| {
            let sound = grammar.below(3) > 0;
            grammar.pick(if sound { &PORTS[..8] } else { PORTS }).into()
        });
        format!("{text} {ports}")
    }

    pub(super) fn volume(&mut self) -> String {
        let text = self.keyword("VOLUME");
        match self.below(3) {
            0 => format!("{text} {}", self.json(Self::path)),
            _ => format!("{text} {}", self.several(1, 2, " ", Self::path)),
        }
    }

    pub(super) fn user(&mut self) -> String {
        let text = self.keyword("USER");
        match self.below(4) {
            0 => format!("{text} {}", self.word()),
            _ => format!(
                "{text} {}",
                self.pick(&[
                    "app",
                    "1:2",
                    "app:grp",
                    "$A",
                    "${A:-x}:y",
                    "0",
                    "a b",
                    "",
                    "1",
                    "ContainerAdministrator"
                ])
            ),
        }
    }

    pub(super) fn workdir(&mut self) -> String {
        let text = self.keyword("WORKDIR");
        format!("{text} {}", self.path())
    }

    pub(super) fn command(&mut self) -> String {
        let name = self.pick(COMMANDS);
        let text = self.keyword(name);
        match self.below(6) {
            0..=2 => format!("{text} {}", self.json(Self::plain)),
            3 if self.rarely() => text,
            4 if self.rarely() => format!("{text} --x y"),
            _ => format!("{text} {}", self.several(1, 3, " ", Self::word)),
        }
    }

    pub(super) fn healthcheck(&mut self) -> String {
        let mut text = self.keyword("HEALTHCHECK");
        for _ in 0..self.below(4) {
            let flag = self.pick(&[
                "interval",
                "timeout",
                "start-period",
                "start-interval",
                "retries",
                "interval",
                "timeout",
            ]);
            let flag = if self.rarely() { self.pick(&["nope", "Interval", "retry"]) } else { flag };
            let value = if flag == "retries" {
                self.pick(&[
                    "3",
                    "0",
                    "1",
                    "-1",
                    "x",
                    "",
                    "99999999999999999999",
                    "+2",
                    "0x3",
                    "03",
                    "2147483648",
                ])
            } else {
                let sound = self.below(3) > 0;
                self.pick(if sound { &DURATIONS[..6] } else { DURATIONS })
            };
            let flag = format!("--{flag}={value}");
            self.push_flag(&mut text, &flag);
        }
        match self.below(12) {
            0 | 1 => text + " NONE",
            2 => {
                text + self.pick(&[
                    " none",
                    " NONE x",
                    " CMD",
                    "",
                    " SHELL x",
                    " CMD-SHELL x",
                    " cmd x",
                    " CMD []",
                    " NONE [\"a\"]",
                    " \"CMD\" a",
                ])
            }
            3..=6 => format!("{text} CMD {}", self.json(Self::plain)),
            _ => format!("{text} CMD {}", self.several(1, 2, " ", Self::word)),
        }
    }

    pub(super) fn shell(&mut self) -> String {
        let text = self.keyword("SHELL");
        match self.below(8) {
            0 => format!("{text} {}", self.pick(&["bash", "[]", "[\"a\"", "", "[\"\"]", "{}"])),
            1 => format!("{text} [\"powershell\", \"-Command\"]"),
            _ => format!("{text} {}", self.json(Self::plain)),
        }
    }

    pub(super) fn scalar(&mut self) -> String {
        match self.below(4) {
            0..=1 => {
                let text = self.keyword("STOPSIGNAL");
                format!("{text} {}", self.pick(SIGNALS))
            }
            2 => {
                let text = self.keyword("MAINTAINER");
                format!("{text} {}", self.several(0, 2, " ", Self::word))
            }
            _ => self
                .pick(&[
                    "NOPE x",
                    "RNU x",
                    "FROMM x",
                    "CROSS_BUILD a",
                    "run",
                    "é x",
                    "<<E",
                    "ONBUILD",
                    "ONBUILD ONBUILD RUN x",
                    "ONBUILD MAINTAINER x",
                    "}",
                ])
                .into(),
        }
    }
}
