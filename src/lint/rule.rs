//! The build checks by name: what each one means, with a bad and a good example.
//!
//! Names are those of BuildKit's linter (`frontend/dockerfile/linter/ruleset.go`), so that
//! `# check=skip=…` means the same to both. The words and examples are Bob's own.

/// A build check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// A stage name with capital letters.
    StageNameCasing,
    /// `FROM … as` or `from … AS`.
    FromAsCasing,
    /// An empty line inside a continued instruction.
    NoEmptyContinuation,
    /// Some instructions in capitals, others not.
    ConsistentInstructionCasing,
    /// Two stages of one name.
    DuplicateStageName,
    /// A stage called `scratch` or `context`.
    ReservedStageName,
    /// CMD or ENTRYPOINT in shell form.
    JsonArgsRecommended,
    /// The instruction MAINTAINER.
    MaintainerDeprecated,
    /// FROM uses a variable that no ARG before it declares.
    UndefinedArgInFrom,
    /// A relative WORKDIR with no absolute one before it.
    WorkdirRelativePath,
    /// A variable that nothing defines.
    UndefinedVar,
    /// CMD, ENTRYPOINT or HEALTHCHECK more than once in a stage.
    MultipleInstructionsDisallowed,
    /// `ENV name value` in place of `ENV name=value`.
    LegacyKeyValueFormat,
    /// The base image is of another platform than the one asked for.
    InvalidBaseImagePlatform,
    /// `FROM --platform=$TARGETPLATFORM`.
    RedundantTargetPlatform,
    /// A name that suggests a secret, in ARG or ENV.
    SecretsUsedInArgOrEnv,
    /// FROM is empty or invalid with the defaults of its arguments.
    InvalidDefaultArgInFrom,
    /// `FROM --platform=linux/amd64`.
    FromPlatformFlagConstDisallowed,
    /// COPY or ADD of what the ignore file leaves out.
    CopyIgnoredFile,
    /// A comment above ARG or FROM that does not describe it by name.
    InvalidDefinitionDescription,
    /// EXPOSE with a protocol in capitals.
    ExposeProtoCasing,
    /// EXPOSE with an address or a host port.
    ExposeInvalidFormat,
}

/// What `bob check --explain` says of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Why the rule exists, in a sentence or two.
    pub meaning: &'static str,
    /// A Dockerfile that breaks it.
    pub bad: &'static str,
    /// The same, mended.
    pub good: &'static str,
}

macro_rules! rules {
    ($($rule:ident $name:literal { $meaning:literal, $bad:literal, $good:literal })*) => {
        impl Rule {
            /// Every rule, in the order of BuildKit's list.
            pub const ALL: &'static [Self] = &[$(Self::$rule),*];

            /// The name that `# check=skip=…` takes.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$rule => $name),* }
            }

            /// What the rule means, with examples.
            pub const fn explanation(self) -> Explanation {
                match self { $(Self::$rule => Explanation { meaning: $meaning, bad: $bad, good: $good }),* }
            }
        }
    };
}

rules! {
    StageNameCasing "StageNameCasing" {
        "Stage names are compared with case in FROM and without it in COPY --from and --target. In lower case the two never differ.",
        "FROM alpine AS Builder",
        "FROM alpine AS builder"
    }
    FromAsCasing "FromAsCasing" {
        "FROM and AS belong together: written in the same case they read as one instruction.",
        "FROM alpine as builder",
        "FROM alpine AS builder"
    }
    NoEmptyContinuation "NoEmptyContinuation" {
        "An empty line inside a continued instruction looks like its end but is not; BuildKit will reject it one day.",
        "FROM alpine\nRUN apk add \\\n\n    curl",
        "FROM alpine\nRUN apk add \\\n    curl"
    }
    ConsistentInstructionCasing "ConsistentInstructionCasing" {
        "Instructions may be written in either case, but one file should keep to one.",
        "FROM alpine\nrun true\nRUN true",
        "FROM alpine\nRUN true\nRUN true"
    }
    DuplicateStageName "DuplicateStageName" {
        "Of two stages with one name only the last can be reached by it, so the first is lost or the wrong one is used.",
        "FROM golang AS build\nFROM node AS build",
        "FROM golang AS build-api\nFROM node AS build-web"
    }
    ReservedStageName "ReservedStageName" {
        "`scratch` is the empty image and `context` the build context; a stage of that name hides them.",
        "FROM alpine AS scratch",
        "FROM alpine AS tools"
    }
    JsonArgsRecommended "JSONArgsRecommended" {
        "In shell form a shell is the first process and keeps signals such as the one of `docker stop` to itself. In JSON form the program gets them.",
        "FROM alpine\nCMD my-server --port 80",
        "FROM alpine\nCMD [\"my-server\", \"--port\", \"80\"]"
    }
    MaintainerDeprecated "MaintainerDeprecated" {
        "MAINTAINER can name one author and nothing else. A label can be looked up with every other label.",
        "FROM alpine\nMAINTAINER me@example.com",
        "FROM alpine\nLABEL org.opencontainers.image.authors=\"me@example.com\""
    }
    UndefinedArgInFrom "UndefinedArgInFrom" {
        "FROM sees only the arguments declared before the first stage. Any other is empty.",
        "FROM alpine:$VERSION",
        "ARG VERSION=3.20\nFROM alpine:$VERSION"
    }
    WorkdirRelativePath "WorkdirRelativePath" {
        "A relative WORKDIR starts where the base image left off, and moves when the base image does.",
        "FROM alpine\nWORKDIR app",
        "FROM alpine\nWORKDIR /app"
    }
    UndefinedVar "UndefinedVar" {
        "A variable that neither ARG nor ENV nor the base image defines is empty: mostly a slip of the pen.",
        "FROM alpine\nARG VERSION\nCOPY app-$VERSON /app",
        "FROM alpine\nARG VERSION\nCOPY app-$VERSION /app"
    }
    MultipleInstructionsDisallowed "MultipleInstructionsDisallowed" {
        "Of several CMD, ENTRYPOINT or HEALTHCHECK instructions in one stage only the last one counts.",
        "FROM alpine\nCMD [\"one\"]\nCMD [\"two\"]",
        "FROM alpine\nCMD [\"two\"]"
    }
    LegacyKeyValueFormat "LegacyKeyValueFormat" {
        "Without `=` everything after the name is one value, spaces and quotes included, and only one can be set.",
        "FROM alpine\nENV DIR /my app",
        "FROM alpine\nENV DIR=\"/my app\""
    }
    InvalidBaseImagePlatform "InvalidBaseImagePlatform" {
        "The base image was found for another platform than the one that is built, so its programs may not run.",
        "FROM --platform=$TARGETPLATFORM example/amd64-only\nRUN uname -m",
        "FROM example/every-platform\nRUN uname -m"
    }
    RedundantTargetPlatform "RedundantTargetPlatform" {
        "The target platform is what FROM uses anyway.",
        "FROM --platform=$TARGETPLATFORM alpine",
        "FROM alpine"
    }
    SecretsUsedInArgOrEnv "SecretsUsedInArgOrEnv" {
        "Arguments and environment stay readable in the image's history and config. A secret mount leaves no trace.",
        "FROM alpine\nARG API_TOKEN\nRUN fetch --token $API_TOKEN",
        "FROM alpine\nRUN --mount=type=secret,id=api-token fetch --token-file /run/secrets/api-token"
    }
    InvalidDefaultArgInFrom "InvalidDefaultArgInFrom" {
        "Without build arguments the image name comes out empty or invalid, so a plain build fails.",
        "ARG TAG\nFROM alpine:$TAG",
        "ARG TAG=3.20\nFROM alpine:$TAG"
    }
    FromPlatformFlagConstDisallowed "FromPlatformFlagConstDisallowed" {
        "A fixed platform makes the image the same on every machine and ignores --platform.",
        "FROM --platform=linux/amd64 alpine",
        "FROM --platform=$BUILDPLATFORM alpine"
    }
    CopyIgnoredFile "CopyIgnoredFile" {
        "The ignore file keeps this file out of the build context, so there is nothing to copy.",
        "# .dockerignore has: secret.txt\nFROM alpine\nCOPY secret.txt /",
        "# .dockerignore has: secret.txt, then !secret.txt\nFROM alpine\nCOPY secret.txt /"
    }
    InvalidDefinitionDescription "InvalidDefinitionDescription" {
        "A comment right above ARG or FROM describes it in `--call outline` if it begins with its name. Set other comments apart with an empty line.",
        "# the version to build\nARG VERSION\nFROM alpine",
        "# VERSION is the version to build\nARG VERSION\nFROM alpine"
    }
    ExposeProtoCasing "ExposeProtoCasing" {
        "Protocols are `tcp`, `udp` and `sctp`, in lower case.",
        "FROM alpine\nEXPOSE 80/TCP",
        "FROM alpine\nEXPOSE 80/tcp"
    }
    ExposeInvalidFormat "ExposeInvalidFormat" {
        "An image names the ports it listens on. Addresses and host ports are chosen when it runs, and are ignored here.",
        "FROM alpine\nEXPOSE 127.0.0.1:8080:80",
        "FROM alpine\nEXPOSE 80"
    }
}

impl Rule {
    /// The rule of that name, if there is one.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.name() == name)
    }

    /// Whether it is off unless `# check=experimental=…` asks for it.
    pub const fn is_experimental(self) -> bool {
        matches!(self, Self::InvalidDefinitionDescription)
    }
}
