//! The rules, and what they mean.

/// A build check.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// BuildKit's name of it.
    pub name: &'static str,
    /// What it wants, in one sentence.
    pub summary: &'static str,
    /// Why.
    pub reason: &'static str,
    /// A Dockerfile that breaks it.
    pub bad: &'static str,
    /// The same as it should be.
    pub good: &'static str,
    /// Whether it runs only where it is asked for.
    pub experimental: bool,
}

/// The rule of a name.
pub fn rule(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}

/// Every rule, by name.
pub const RULES: [Rule; 22] = [
    Rule {
        name: "ConsistentInstructionCasing",
        summary: "All instructions of a Dockerfile are in one case.",
        reason: "Mixed case is legal, but makes a file harder to read and to search.",
        bad: "FROM alpine\nrun echo hi",
        good: "FROM alpine\nRUN echo hi",
        experimental: false,
    },
    Rule {
        name: "CopyIgnoredFile",
        summary: "COPY and ADD take no file that .dockerignore leaves out.",
        reason: "The file is not sent to the builder, so the copy finds nothing.",
        bad: "# .dockerignore has the line: secret\nCOPY secret /",
        good: "# .dockerignore does not have it\nCOPY secret /",
        experimental: false,
    },
    Rule {
        name: "DuplicateStageName",
        summary: "Stages have different names.",
        reason: "A name that is used twice means the later stage; the earlier one cannot be named any more.",
        bad: "FROM debian AS build\nFROM golang AS build",
        good: "FROM debian AS tools\nFROM golang AS build",
        experimental: false,
    },
    Rule {
        name: "ExposeInvalidFormat",
        summary: "EXPOSE names ports of the container only.",
        reason: "Addresses and ports of the host are chosen when a container is started; here they have no effect.",
        bad: "EXPOSE 127.0.0.1:8080:80",
        good: "EXPOSE 80",
        experimental: false,
    },
    Rule {
        name: "ExposeProtoCasing",
        summary: "Protocols in EXPOSE are in lower case.",
        reason: "The image's configuration has them in lower case whatever is written.",
        bad: "EXPOSE 80/TCP",
        good: "EXPOSE 80/tcp",
        experimental: false,
    },
    Rule {
        name: "FromAsCasing",
        summary: "AS is in the case of FROM.",
        reason: "They are two words of one instruction.",
        bad: "FROM alpine as base",
        good: "FROM alpine AS base",
        experimental: false,
    },
    Rule {
        name: "FromPlatformFlagConstDisallowed",
        summary: "FROM --platform is not a fixed platform.",
        reason: "A fixed platform makes the image the same for every platform that it is built for. A stage \
                 whose name has the platform in it says that this is meant.",
        bad: "FROM --platform=linux/amd64 alpine",
        good: "FROM --platform=$BUILDPLATFORM alpine",
        experimental: false,
    },
    Rule {
        name: "InvalidBaseImagePlatform",
        summary: "A base image is for the platform that is built for.",
        reason: "An image for another platform runs emulated, or not at all.",
        bad: "# built for linux/arm64\nFROM an-image-for-amd64-only",
        good: "# built for linux/arm64\nFROM an-image-for-both",
        experimental: false,
    },
    Rule {
        name: "InvalidDefaultArgInFrom",
        summary: "FROM works without build arguments.",
        reason: "An argument without a default leaves a reference that is empty or malformed.",
        bad: "ARG TAG\nFROM alpine:$TAG",
        good: "ARG TAG=3.20\nFROM alpine:$TAG",
        experimental: false,
    },
    Rule {
        name: "InvalidDefinitionDescription",
        summary: "A comment above a stage or an argument begins with its name.",
        reason: "Such comments are shown as descriptions; an empty line parts other comments from them.",
        bad: "# the compiler\nFROM golang AS build",
        good: "# build the compiler\nFROM golang AS build",
        experimental: true,
    },
    Rule {
        name: "JSONArgsRecommended",
        summary: "CMD and ENTRYPOINT are JSON arrays.",
        reason: "In shell form the program is a child of a shell, which does not pass signals on to it. After \
                 SHELL the shell is a choice, and the rule is silent.",
        bad: "CMD my-server --port 80",
        good: "CMD [\"my-server\", \"--port\", \"80\"]",
        experimental: false,
    },
    Rule {
        name: "LegacyKeyValueFormat",
        summary: "ENV and LABEL have an equals sign.",
        reason: "The form without one takes a single pair, and everything after the name is its value.",
        bad: "ENV MODE fast",
        good: "ENV MODE=fast",
        experimental: false,
    },
    Rule {
        name: "MaintainerDeprecated",
        summary: "MAINTAINER is not used.",
        reason: "A label does the same, and tools read it.",
        bad: "MAINTAINER me@example.com",
        good: "LABEL org.opencontainers.image.authors=\"me@example.com\"",
        experimental: false,
    },
    Rule {
        name: "MultipleInstructionsDisallowed",
        summary: "A stage has one CMD, one ENTRYPOINT and one HEALTHCHECK.",
        reason: "Only the last one counts.",
        bad: "FROM alpine\nCMD [\"a\"]\nCMD [\"b\"]",
        good: "FROM alpine\nCMD [\"b\"]",
        experimental: false,
    },
    Rule {
        name: "NoEmptyContinuation",
        summary: "No empty line stands in a continued instruction.",
        reason: "It is skipped today, and is to become an error.",
        bad: "RUN a && \\\n\n    b",
        good: "RUN a && \\\n    b",
        experimental: false,
    },
    Rule {
        name: "RedundantTargetPlatform",
        summary: "FROM does not say --platform=$TARGETPLATFORM.",
        reason: "It is the platform that FROM takes anyway.",
        bad: "FROM --platform=$TARGETPLATFORM alpine",
        good: "FROM alpine",
        experimental: false,
    },
    Rule {
        name: "ReservedStageName",
        summary: "No stage is called scratch or context.",
        reason: "Both names mean something else, and such a stage takes their place in surprising ways.",
        bad: "FROM alpine AS scratch",
        good: "FROM alpine AS base",
        experimental: false,
    },
    Rule {
        name: "SecretsUsedInArgOrEnv",
        summary: "ARG and ENV hold no secrets.",
        reason: "Their values stay in the image's configuration and history for all to read.",
        bad: "ARG API_TOKEN\nRUN fetch --token $API_TOKEN",
        good: "RUN --mount=type=secret,id=token fetch --token-file /run/secrets/token",
        experimental: false,
    },
    Rule {
        name: "StageNameCasing",
        summary: "Stage names are in lower case.",
        reason: "They are turned into lower case, and FROM then finds them in lower case only.",
        bad: "FROM alpine AS Base",
        good: "FROM alpine AS base",
        experimental: false,
    },
    Rule {
        name: "UndefinedArgInFrom",
        summary: "FROM uses arguments that are declared above it.",
        reason: "An argument that is not declared is empty.",
        bad: "FROM alpine:${TAG}",
        good: "ARG TAG=3.20\nFROM alpine:${TAG}",
        experimental: false,
    },
    Rule {
        name: "UndefinedVar",
        summary: "Instructions use variables that are set.",
        reason: "A variable that is not set is empty, which is usually a slip of the pen.",
        bad: "COPY $SRC .",
        good: "ARG SRC=app\nCOPY $SRC .",
        experimental: false,
    },
    Rule {
        name: "WorkdirRelativePath",
        summary: "The first WORKDIR of a stage is absolute.",
        reason: "A relative one depends on the base image, which may change.",
        bad: "FROM nginx\nWORKDIR html",
        good: "FROM nginx\nWORKDIR /usr/share/nginx/html",
        experimental: false,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_found_by_name_and_sorted() {
        assert!(RULES.is_sorted_by_key(|rule| rule.name));
        assert_eq!(rule("UndefinedVar").map(|rule| rule.name), Some("UndefinedVar"));
        assert_eq!(rule("Undefined"), None);
    }
}
