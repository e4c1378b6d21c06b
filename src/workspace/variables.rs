//! The environment variables that Bob reads: one table of names, meanings, forms and defaults.
//!
//! `docs/workspace.md` and `docs/proxy.md` have the same rows; `tests/docs.rs` compares them, and sees to it that no
//! other file of the command line, of jobs or of workspace mode writes one of these names as text.

/// An environment variable. The texts are those of its row in the documents, in Markdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub meaning: &'static str,
    /// What its value looks like; empty where the meaning says it.
    pub form: &'static str,
    /// What holds where it is absent.
    pub default: &'static str,
}

/// The workspace image where [`TARGET_REF`] is absent.
pub const DEFAULT_TARGET_REF: &str = "localhost:8080/target:latest";
/// The base layer where [`BASE_REF`] is absent.
pub const DEFAULT_BASE_REF: &str = "localhost:8080/base:latest";

/// Makes a constant of each variable, and the list of all.
macro_rules! variables {
    ($($constant:ident {
        name: $name:literal, meaning: $meaning:literal, form: $form:literal, default: $default:literal,
    })*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $meaning, ".")]
            pub const $constant: Variable =
                Variable { name: $name, meaning: $meaning, form: $form, default: $default };
        )*

        /// All variables, in the order of the documents.
        pub const ALL: &[Variable] = &[$($constant,)*];
    };
}

variables! {
    TARGET_REF {
        name: "BOB_TARGET_REF",
        meaning: "the workspace image",
        form: "image reference without a digest",
        default: "`localhost:8080/target:latest`",
    }
    BASE_REF {
        name: "BOB_BASE_REF",
        meaning: "the base layer",
        form: "image reference; with a digest only where the base is not built",
        default: "`localhost:8080/base:latest`",
    }
    BUILD_BASE {
        name: "BOB_BUILD_BASE",
        meaning: "whether the base layer is built first",
        form: "`true` or `false`",
        default: "`false`",
    }
    DOCKERFILE_PATH {
        name: "BOB_DOCKERFILE_PATH",
        meaning: "the Dockerfile of the base layer; needed with `BOB_BUILD_BASE=true`",
        form: "path, from the current folder if relative; a file of at most 10 MiB that lies in the workspace once links are resolved",
        default: "–",
    }
    CONTEXT_DIR {
        name: "BOB_CONTEXT_DIR",
        meaning: "the build context of the base layer",
        form: "path, as above; a folder in the workspace",
        default: "`THEIA_WORKSPACE_ROOT`, else the current folder",
    }
    THEIA_WORKSPACE_ROOT {
        name: "THEIA_WORKSPACE_ROOT",
        meaning: "the build context where `BOB_CONTEXT_DIR` says none (set by the workspace itself)",
        form: "as above",
        default: "–",
    }
    EXTERNAL_BUILDKITD {
        name: "BOB_EXTERNAL_BUILDKITD",
        meaning: "the buildkitd that is asked first, or several",
        form: "addresses as in [daemons.md](daemons.md#addresses), parted by commas",
        default: "the one in the workspace, else one that Bob starts",
    }
    PROXY_TOKEN {
        name: "BOB_PROXY_TOKEN",
        meaning: "what `bob proxy` asks for, where it has an access token; sent while steps run (chosen by whoever starts the proxy)",
        form: "text",
        default: "none",
    }
    PROXY_PUSH_TOKEN {
        name: "BOB_PROXY_PUSH_TOKEN",
        meaning: "what it asks for before it takes a push; sent after the last step (chosen in the same way)",
        form: "text",
        default: "`BOB_PROXY_TOKEN`",
    }
    BASELAYER_AUTH {
        name: "BOB_BASELAYER_AUTH",
        meaning: "credentials for the base layer's registry and for base images of the Dockerfile",
        form: "JSON object of host → `{username,password}` or `{auth}`; encrypted where `BOB_AUTH_KEY` is set",
        default: "none",
    }
    WSLAYER_AUTH {
        name: "BOB_WSLAYER_AUTH",
        meaning: "credentials for the workspace image's registry",
        form: "the same",
        default: "none",
    }
    AUTH_KEY {
        name: "BOB_AUTH_KEY",
        meaning: "key of both credentials",
        form: "32 bytes",
        default: "none: both are plain JSON",
    }
    LOCAL_CACHE_IMPORT {
        name: "BOB_LOCAL_CACHE_IMPORT",
        meaning: "a cache that the base layer's build reads",
        form: "a value of `--cache-from`: a reference, or `type=registry`, `inline`, `local`, `gha`, `s3` or `azblob` with `key=value`",
        default: "none",
    }
    LINGER {
        name: "BOB_LINGER",
        meaning: "whether a build that fails early stays for the reader of its log",
        form: "`0`: no",
        default: "stay",
    }
    CACHE_IMAGES {
        name: "BOB_CACHE_IMAGES",
        meaning: "images that are pulled into buildkitd's cache",
        form: "JSON array of references",
        default: "none",
    }
    LOG_LEVEL {
        name: "LOG_LEVEL",
        meaning: "what is logged on standard error",
        form: "a level (`off`, `error`, `warn`, `info`, `debug`, `trace`), or filters such as `bob::proxy=debug,hyper=info`",
        default: "`info` in workspace mode and for `bob proxy` and `bob daemon`, `warn` for other builds; `bob llb` and `bob check` log nothing",
    }
    SUPERVISOR_DEBUG_ENABLE {
        name: "SUPERVISOR_DEBUG_ENABLE",
        meaning: "logs at `debug` where `LOG_LEVEL` is absent",
        form: "`true`",
        default: "off",
    }
    NO_COLOR {
        name: "NO_COLOR",
        meaning: "no colours in logs and progress",
        form: "anything but empty",
        default: "colours where standard error is a terminal; colours of steps always",
    }
    SEARCH_PATH {
        name: "PATH",
        meaning: "where `buildkitd`, credential helpers and, for the facade, `runc` are found. Empty and relative entries are passed over",
        form: "folders",
        default: "–",
    }
    SSL_CERT_FILE {
        name: "SSL_CERT_FILE",
        meaning: "certificate authorities beside the system's",
        form: "file in PEM form",
        default: "none",
    }
    SSL_CERT_DIR {
        name: "SSL_CERT_DIR",
        meaning: "certificate authorities in place of the system's",
        form: "folder",
        default: "none",
    }
    HTTPS_PROXY {
        name: "HTTPS_PROXY",
        meaning: "the HTTP proxy for TLS to registries ([more](usage.md#behind-an-http-proxy)); `https_proxy` where it is empty",
        form: "`http://HOST:PORT` or `https://HOST:PORT`, with `USER:PASSWORD@` before the host where it wants a login",
        default: "none",
    }
    HTTP_PROXY {
        name: "HTTP_PROXY",
        meaning: "the same for registries that speak plain http; `http_proxy` where it is empty",
        form: "the same",
        default: "none",
    }
    ALL_PROXY {
        name: "ALL_PROXY",
        meaning: "the HTTP proxy where the variable above is empty; `all_proxy` where it is empty",
        form: "the same",
        default: "none",
    }
    NO_PROXY {
        name: "NO_PROXY",
        meaning: "what is reached without an HTTP proxy; `no_proxy` where it is empty",
        form: "hosts, `.SUFFIX`, addresses and networks, each with `:PORT` if wanted, or `*`; separated by commas",
        default: "loopback",
    }
    TMPDIR {
        name: "TMPDIR",
        meaning: "where temporary files lie",
        form: "folder",
        default: "`/tmp`",
    }
    BUILDKIT_HOST {
        name: "BUILDKIT_HOST",
        meaning: "`--addr`",
        form: "addresses as in [daemons.md](daemons.md#addresses), parted by commas",
        default: "the usual socket, else one that Bob starts",
    }
    BUILDKIT_PROGRESS {
        name: "BUILDKIT_PROGRESS",
        meaning: "`--progress`",
        form: "`auto`, `plain`, `tty`, `rawjson`, `quiet`",
        default: "`auto`",
    }
    SOURCE_POLICY {
        name: "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY",
        meaning: "`--source-policy-file`",
        form: "file",
        default: "no rules",
    }
    GIT_INFO {
        name: "BUILDX_GIT_INFO",
        meaning: "whether history names the Git commit of the context",
        form: "`true` or `false`",
        default: "`true`",
    }
    GIT_LABELS {
        name: "BUILDX_GIT_LABELS",
        meaning: "whether the image is labelled with that commit, its repository and the Dockerfile",
        form: "`true`, `false` or `full`",
        default: "`false`",
    }
    GIT_CHECK_DIRTY {
        name: "BUILDX_GIT_CHECK_DIRTY",
        meaning: "whether a commit that the files differ from gets `-dirty`",
        form: "`true` or `false`",
        default: "`false`",
    }
    BUILDKIT_COLORS {
        name: "BUILDKIT_COLORS",
        meaning: "colours of `--progress tty`",
        form: "`run=blue:cancel=yellow:error=red:warning=255,128,0`, some or all",
        default: "those of the form, `warning=yellow`",
    }
    BUILDKIT_TTY_LOG_LINES {
        name: "BUILDKIT_TTY_LOG_LINES",
        meaning: "lines of its log that `--progress tty` shows of a running step",
        form: "number from 1 on",
        default: "6",
    }
    TERM {
        name: "TERM",
        meaning: "what terminal this is: without it, and where it is `dumb`, progress is plain text",
        form: "name",
        default: "–",
    }
    DOCKER_CONFIG {
        name: "DOCKER_CONFIG",
        meaning: "the folder of docker's `config.json`",
        form: "folder",
        default: "`~/.docker`",
    }
    DOCKER_AUTH_CONFIG {
        name: "DOCKER_AUTH_CONFIG",
        meaning: "a docker config, which comes before the file",
        form: "JSON",
        default: "none",
    }
    DOCKER_HOST {
        name: "DOCKER_HOST",
        meaning: "the engine that `--load` and `type=docker` load into",
        form: "`unix://PATH`, `tcp://HOST:PORT` or `ssh://HOST`",
        default: "the docker context in use, docker's socket, podman's, `podman load`",
    }
    DOCKER_CONTEXT {
        name: "DOCKER_CONTEXT",
        meaning: "the docker context to load into where `DOCKER_HOST` says none",
        form: "name",
        default: "`currentContext` of docker's `config.json`",
    }
    DOCKER_TLS_VERIFY {
        name: "DOCKER_TLS_VERIFY",
        meaning: "speaks TLS to `DOCKER_HOST`",
        form: "anything but empty",
        default: "no TLS",
    }
    DOCKER_CERT_PATH {
        name: "DOCKER_CERT_PATH",
        meaning: "certificates for that: `ca.pem`, `cert.pem`, `key.pem`",
        form: "folder",
        default: "`DOCKER_CONFIG`",
    }
    DOCKER_DEFAULT_PLATFORM {
        name: "DOCKER_DEFAULT_PLATFORM",
        meaning: "`--platform`",
        form: "platforms, separated by commas",
        default: "the builder's",
    }
    SOURCE_DATE_EPOCH {
        name: "SOURCE_DATE_EPOCH",
        meaning: "the build argument of this name, where the command line does not give it",
        form: "seconds since 1970",
        default: "none",
    }
    BUILDX_BUILDER {
        name: "BUILDX_BUILDER",
        meaning: "a builder of buildx; refused, because Bob has none: name a buildkitd with `BUILDKIT_HOST`",
        form: "empty",
        default: "–",
    }
    BUILDX_METADATA_PROVENANCE {
        name: "BUILDX_METADATA_PROVENANCE",
        meaning: "how much provenance `--metadata-file` gets",
        form: "`min`, `max`, `disabled` or `false`",
        default: "`min`",
    }
    BUILDX_METADATA_WARNINGS {
        name: "BUILDX_METADATA_WARNINGS",
        meaning: "whether `--metadata-file` gets the warnings of the build",
        form: "`true` or `false`",
        default: "`false`",
    }
    BUILDX_NO_DEFAULT_ATTESTATIONS {
        name: "BUILDX_NO_DEFAULT_ATTESTATIONS",
        meaning: "no provenance where the command line asks for none, which is so in Bob anyway",
        form: "`true` or `false`",
        default: "–",
    }
    BUILDX_NO_DEFAULT_LOAD {
        name: "BUILDX_NO_DEFAULT_LOAD",
        meaning: "no warning where a build names no output",
        form: "`true` or `false`",
        default: "`false`",
    }
    BUILDX_NO_DEFAULT_OCI_ARTIFACT {
        name: "BUILDX_NO_DEFAULT_OCI_ARTIFACT",
        meaning: "attestations are no OCI artifacts of their own (`oci-artifact=false`)",
        form: "`true` or `false`",
        default: "`false`",
    }
    SSH_AUTH_SOCK {
        name: "SSH_AUTH_SOCK",
        meaning: "the agent of `--ssh default`",
        form: "socket",
        default: "–",
    }
    HOME {
        name: "HOME",
        meaning: "for `~/.docker` and `~/.local/state`",
        form: "folder",
        default: "–",
    }
    XDG_STATE_HOME {
        name: "XDG_STATE_HOME",
        meaning: "where a buildkitd of Bob's keeps its state: `bob/buildkit` below it; also the records of builds: `bob/builds`",
        form: "absolute path",
        default: "`~/.local/state`; for root `/var/lib/bob`",
    }
    EXPLAIN_CACHE {
        name: "BOB_EXPLAIN_CACHE",
        meaning: "whether `bob build` says at its end why steps ran again, as `--explain-cache` does",
        form: "`true` or `false`",
        default: "`false`",
    }
    XDG_RUNTIME_DIR {
        name: "XDG_RUNTIME_DIR",
        meaning: "where sockets of this user lie",
        form: "folder",
        default: "–",
    }
    BOBPROXY_BASE_REF {
        name: "WORKSPACEKIT_BOBPROXY_BASEREF",
        meaning: "the image behind `base`",
        form: "",
        default: "needed",
    }
    BOBPROXY_TARGET_REF {
        name: "WORKSPACEKIT_BOBPROXY_TARGETREF",
        meaning: "the image behind `target`",
        form: "",
        default: "needed",
    }
    BOBPROXY_AUTH {
        name: "WORKSPACEKIT_BOBPROXY_AUTH",
        meaning: "credentials of both, as a docker config; `{}` for none",
        form: "",
        default: "needed",
    }
    BOBPROXY_ADDITIONAL_AUTH {
        name: "WORKSPACEKIT_BOBPROXY_ADDITIONALAUTH",
        meaning: "credentials of mirrored registries: a JSON object of host → `{username,password}` or `{auth}`",
        form: "",
        default: "none",
    }
    BOBPROXY_TOKEN {
        name: "WORKSPACEKIT_BOBPROXY_TOKEN",
        meaning: "what clients show to read; also to write where there is no push token. Must not be empty",
        form: "",
        default: "none: everybody on this host's network may read and write",
    }
    BOBPROXY_PUSH_TOKEN {
        name: "WORKSPACEKIT_BOBPROXY_PUSH_TOKEN",
        meaning: "what clients show to write; it reads, too. Needs an access token beside it. Must not be empty",
        form: "",
        default: "none",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_the_ones_that_hold() {
        assert_eq!(TARGET_REF.default, format!("`{DEFAULT_TARGET_REF}`"));
        assert_eq!(BASE_REF.default, format!("`{DEFAULT_BASE_REF}`"));
    }
}
