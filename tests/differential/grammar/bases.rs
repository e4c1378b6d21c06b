//! FROM, and the base images that it names.

use std::fmt::Write as _;

use super::{Grammar, STAGES};

const IMAGES: &[&str] = &[
    "alpine",
    "scratch",
    "alpine:3.20",
    "busybox",
    "example.org/img/base:1",
    "example.org/img/base:2",
    "example.org/img/base:3",
    "example.org/img/base:4",
    "example.org/img/base:5",
    "example.org/img/base:6",
    "a/b",
    "localhost:5000/x",
    "docker.io/library/alpine",
    "example.org/img/base",
    "alpine@sha256:1111111111111111111111111111111111111111111111111111111111111111",
    "alpine:3@sha256:1111111111111111111111111111111111111111111111111111111111111111",
    "base:7",
    "img:8",
    "img:9",
];

const ODD_IMAGES: &[&str] = &[
    "example.org/img/missing",
    "Alpine",
    "alpine:",
    "a//b",
    "-a",
    "SCRATCH",
    "a@sha256:1",
    "scratch:latest",
    "1111111111111111111111111111111111111111111111111111111111111111",
    "http://x/y",
    "x:é",
    "a:b:c",
    "''",
    "\"\"",
    "alpine:$",
    "é",
    "docker.io/scratch",
    "context",
    "library/scratch",
];

pub(super) const PLATFORMS: &[&str] = &[
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/arm/v6",
    "linux/arm",
    "linux/386",
    "windows/amd64",
    "windows(10.0.17763)/amd64",
    "darwin/arm64",
    "linux",
    "amd64",
    "arm64",
    "linux/amd64/v3",
    "linux/arm64/v8",
    "$BUILDPLATFORM",
    "${TARGETPLATFORM}",
    "$TARGETPLATFORM",
    "$TARGETOS/$TARGETARCH",
    "linux/$A",
    "${A:-linux/arm64}",
    "Linux/AMD64",
    "macos",
    "x86_64",
    "aarch64",
    "linux/x86-64",
    "freebsd/riscv64",
    "linux/mips64le",
    "local",
];

const ODD_PLATFORMS: &[&str] = &[
    "",
    "x",
    "linux/",
    "/amd64",
    "linux/amd64/v1/x",
    "linux/ amd64",
    "$A",
    "\"linux/amd64\"",
    "linux/é",
    "a/b/c/d",
    "linux(1/amd64",
];

/// Configurations of base images, as JSON that is merged into one.
const CONFIGS: &[&str] = &[
    r#"{"config":null}"#,
    r#"{"config":{"Env":null}}"#,
    r#"{"config":{"Env":["A=base","PATH"]}}"#,
    r#"{"config":{"Env":["A=1","A=2","=x","novalue",""]}}"#,
    r#"{"config":{"WorkingDir":"rel/dir"}}"#,
    r#"{"config":{"WorkingDir":"/a/../b/"}}"#,
    r#"{"config":{"User":"app:grp","WorkingDir":"/w"}}"#,
    r#"{"config":{"Shell":["/bin/bash","-c"],"Cmd":["x"],"Entrypoint":["y"]}}"#,
    r#"{"config":{"OnBuild":["COPY . /src","RUN make"]}}"#,
    r#"{"config":{"OnBuild":["COPY --from=a /x /y"]}}"#,
    r#"{"config":{"OnBuild":["COPY --from=0 /x /y","COPY --from=alpine /x /z"]}}"#,
    r#"{"config":{"OnBuild":["COPY --from=b /x /y","ARG A","ENV B=$A","WORKDIR rel"]}}"#,
    r#"{"config":{"OnBuild":["RUN --mount=from=a,target=/t x","RUN --mount=from=busybox,target=/t x"]}}"#,
    r#"{"config":{"OnBuild":["COPY --from=1 /x /y","COPY --from=base / /"]}}"#,
    r#"{"config":{"OnBuild":["CMD x","ENTRYPOINT y","HEALTHCHECK NONE","ONBUILD RUN z"]}}"#,
    r#"{"config":{"OnBuild":["ONBUILD RUN z"]}}"#,
    r##"{"config":{"OnBuild":["# escape=`\nRUN a `\n b","COPY <<E /x\na $A\nE\n"]}}"##,
    r#"{"config":{"OnBuild":["FROM x"]}}"#,
    r#"{"config":{"OnBuild":[""]}}"#,
    r#"{"config":{"OnBuild":["RUN a\nRUN b"]}}"#,
    r#"{"config":{"OnBuild":["RUN <<E\nx\nE"]}}"#,
    r#"{"config":{"Healthcheck":{"Test":["NONE"]},"StopSignal":"SIGTERM"}}"#,
    r#"{"config":{"ExposedPorts":{"80/tcp":{},"x":{}},"Volumes":{"/v":{}},"Labels":{"a":"b"}}}"#,
    r#"{"os":"windows","config":{"Env":["A=b"]}}"#,
    r#"{"os":"windows","config":{"WorkingDir":"C:\\app","Env":null}}"#,
    r#"{"architecture":"arm64"}"#,
    r#"{"architecture":"arm","variant":"v6"}"#,
    r#"{"os":"","architecture":""}"#,
    r#"{"os.version":"10.0.1","os.features":["win32k"]}"#,
    r#"{"rootfs":{"type":"layers","diff_ids":[]},"history":[]}"#,
    r#"{"rootfs":{"type":"layers","diff_ids":[]}}"#,
    r#"{"rootfs":{"type":"layers","diff_ids":null},"history":[{"empty_layer":true}]}"#,
    r#"{"history":[{"created":"2024-01-02T03:04:05.12+01:00","author":"x"}],"author":"me"}"#,
    r#"{"created":null,"config":{"ArgsEscaped":true}}"#,
    r#"{"config":{"Cmd":"x"}}"#,
    r#"{"created":"x"}"#,
    r#"{"CONFIG":{"user":"x"}}"#,
    r#"{"config":{"Labels":null,"Env":["TARGETARCH=x","HTTP_PROXY=p"]}}"#,
];

impl Grammar<'_> {
    pub(super) fn from(&mut self) -> String {
        let keyword = self.keyword("FROM");
        let mut text = keyword.clone();
        if self.below(5) == 0 {
            let platform = if self.rarely() { self.pick(ODD_PLATFORMS) } else { self.pick(PLATFORMS) };
            let _ = write!(text, " --platform={platform}");
        } else if self.rarely() && self.rarely() {
            text += " --link";
        }
        text += " ";
        text += &self.base();
        if self.below(2) == 0 {
            let name = if self.rarely() {
                self.pick(&["1a", "-a", "a b", "é", "a/b", "", "a$b", "$A"]).to_owned()
            } else {
                self.pick(STAGES).to_owned()
            };
            let lower = keyword.starts_with('f');
            let word = if lower == self.rarely() { "AS" } else { "as" };
            let _ = write!(text, " {word} {name}");
            self.stages.push(name);
        }
        text
    }

    /// What FROM names.
    fn base(&mut self) -> String {
        match self.below(20) {
            0..=3 if !self.stages.is_empty() => self.stage(),
            0 => self.variable(),
            1 => format!("alpine:{}", self.variable()),
            2 => format!("${{A:-{}}}", self.pick(IMAGES)),
            3 if self.rarely() => self.pick(ODD_IMAGES).into(),
            4 | 5 => self.onbuild_image(),
            6 | 8 | 9 => format!("example.org/img/config-{}", hex(self.pick(CONFIGS))),
            7 if self.rarely() => self.word(),
            _ => self.pick(IMAGES).into(),
        }
    }

    /// An image with triggers.
    pub(crate) fn onbuild_image(&mut self) -> String {
        let mut name = "example.org/img/onbuild".to_owned();
        for _ in 0..=self.below(2) {
            let trigger = if self.depth > 1 {
                "RUN x".to_owned()
            } else {
                self.depth += 2;
                let trigger = self.instruction();
                self.depth -= 2;
                trigger
            };
            name += "-";
            name += &hex(&trigger);
        }
        // References have a length that they may not pass.
        if name.len() > 200 { "example.org/img/onbuild-52554e2078".into() } else { name }
    }

    /// The name of a stage, mostly one that there is.
    pub(super) fn stage(&mut self) -> String {
        if self.stages.is_empty() || self.rarely() {
            return self.pick(STAGES).into();
        }
        let at = self.below(self.stages.len());
        let name = self.stages[at].clone();
        if self.rarely() { name.to_uppercase() } else { name }
    }

    /// What `--from` and `from=` name.
    pub(super) fn source(&mut self) -> String {
        match self.below(12) {
            0 | 1 => self.below(4).to_string(),
            2 => self.pick(IMAGES).into(),
            3 => self.pick(&["-1", "00", "+1", "1x", "$A", "", "99", "a b", "é", "$", "\"a\"", "\\a"]).into(),
            4 => "example.org/img/onbuild-52554e2078".into(),
            5 if self.rarely() => self.pick(ODD_IMAGES).into(),
            _ => self.stage(),
        }
    }
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
