//! What buildkitd and registries say, in plain words.
//!
//! BuildKit passes the errors of registries on as text only, so they are told apart by their text: the
//! forms below are those of containerd's resolver and pusher (`core/remotes/docker`) and of Go's `net`.

use crate::registry::Host;

/// What is wrong between buildkitd and a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryMessage {
    /// The registry does not have it.
    Missing,
    /// It does not exist, or needs credentials: the registry does not tell which.
    MissingOrPrivate,
    /// The registry answered with this status (`403 Forbidden`), and perhaps said why.
    Status {
        /// The code and its reason.
        status: String,
        /// What the registry said.
        words: Option<String>,
    },
    /// The server that gives tokens for the registry gives none.
    Token {
        /// Its `HOST:PORT`.
        server: String,
        /// Its status.
        status: String,
        /// What it said.
        words: Option<String>,
    },
    /// It answered plain HTTP with 400, as servers do that speak TLS.
    PlainHttpRefused,
    /// The registry refused in its own words, without a status that is known.
    Refused {
        /// What the registry said.
        words: String,
    },
    /// The registry cannot be reached, for this reason.
    Unreachable {
        /// Why.
        reason: String,
    },
    /// Something else.
    Other {
        /// What was said.
        message: String,
    },
}

impl RegistryMessage {
    /// Returns what the text of a failed look-up or push says.
    pub(crate) fn of(message: &str) -> Self {
        if let Some(Answer { server, is_token, status, words }) = answer(message) {
            if is_token {
                return Self::Token { server, status, words };
            }
            if status.starts_with("404") {
                return Self::Missing;
            }
            if status.starts_with("400") && message.contains(" request to http://") {
                return Self::PlainHttpRefused;
            }
            return Self::Status { status, words };
        }
        if let Some(reason) = unreachable(message) {
            return Self::Unreachable { reason };
        }
        if message.contains("pull access denied") || message.contains("insufficient_scope") {
            return Self::MissingOrPrivate;
        }
        if message.trim_end().ends_with(": not found") || message.contains("no match for platform") {
            return Self::Missing;
        }
        let last = message.rsplit_once(": ").map_or(message, |(_, last)| last);
        for code in
            ["denied", "unauthorized", "toomanyrequests", "name unknown", "name invalid", "unsupported"]
        {
            if let Some(at) = message.find(&format!("{code}: ")) {
                return Self::Refused { words: message[at..].trim().to_owned() };
            }
            if last.trim() == code {
                return Self::Refused { words: code.to_owned() };
            }
        }
        Self::Other { message: message.trim().to_owned() }
    }

    /// Returns what is wrong with the base image `reference`, to be put after its name.
    pub(crate) fn of_lookup(&self, reference: &str) -> String {
        let host = host_of(reference);
        match self {
            Self::Missing => {
                format!(
                    "base image does not exist; check its name, its tag and its platform{}",
                    no_stage(reference)
                )
            }
            Self::MissingOrPrivate => format!(
                "base image does not exist or needs credentials; check its name and that you are logged in to {host}{}",
                no_stage(reference)
            ),
            Self::Status { status, words } => {
                let words = in_parentheses(words.as_deref());
                format!("registry {host} does not give it: {status}{words}{}", advice(status, "pull"))
            }
            Self::Token { server, status, words } => {
                format!(
                    "registry {host} does not give it: {}{}",
                    token_refused(server, status, words.as_deref()),
                    advice(status, "pull")
                )
            }
            Self::PlainHttpRefused => {
                format!("registry {host} does not give it: {}", plain_http_refused(host))
            }
            Self::Refused { words } => {
                format!("registry {host} refuses to give it: {words}{}", advice_for(words, host, ""))
            }
            Self::Unreachable { reason } => format!("cannot reach registry {host}: {reason}"),
            Self::Other { message } => other(message),
        }
    }

    /// Returns the sentence for an image that cannot be pushed.
    pub(crate) fn of_push(&self, reference: &str) -> String {
        let host = host_of(reference);
        match self {
            Self::Missing => {
                format!(
                    "registry {host} has no place for {reference}: it answered 404 Not Found; check the repository's name"
                )
            }
            Self::MissingOrPrivate => {
                format!(
                    "registry {host} refused the push of {reference}; check the credentials for {host} and their rights"
                )
            }
            Self::Status { status, words } => {
                let advice = advice(status, "push to");
                format!(
                    "registry {host} refused the push of {reference}: {status}{}{advice}",
                    in_parentheses(words.as_deref())
                )
            }
            Self::Token { server, status, words } => {
                format!(
                    "registry {host} refused the push of {reference}: {}{}",
                    token_refused(server, status, words.as_deref()),
                    advice(status, "push to")
                )
            }
            Self::PlainHttpRefused => {
                format!("registry {host} refused the push of {reference}: {}", plain_http_refused(host))
            }
            Self::Refused { words } => {
                format!(
                    "registry {host} refused the push of {reference}: {words}{}",
                    advice_for(words, host, " and their rights")
                )
            }
            Self::Unreachable { reason } => {
                format!("cannot reach registry {host} to push {reference}: {reason}")
            }
            Self::Other { message } => format!("cannot push {reference}: {}", other(message)),
        }
    }
}

/// Returns what buildkitd does to registries on this machine, and how to tell it otherwise.
/// (BuildKit: `fillInsecureOpts` in `util/resolver/resolver.go`)
fn plain_http_refused(host: &str) -> String {
    if !Host::parse(host).is_ok_and(|host| host.is_loopback()) {
        return "400 Bad Request".to_owned();
    }
    format!(
        "400 Bad Request to plain http, which buildkitd speaks to every registry on localhost; if this one speaks TLS, write http = false, and ca = [FILE] for its own authority, below [registry.\"{host}\"] in buildkitd.toml and restart buildkitd"
    )
}

fn in_parentheses(words: Option<&str>) -> String {
    words.map(|words| format!(" ({words})")).unwrap_or_default()
}

fn advice(status: &str, doing: &str) -> &'static str {
    match (status.get(..3), doing) {
        (Some("401"), _) => "; check that there are credentials for it and that they are right",
        (Some("403"), "pull") => "; the credentials do not allow to pull from this repository",
        (Some("403"), _) => "; the credentials do not allow to push to this repository",
        (Some("404"), _) => {
            "; check the repository's name, and that it exists where the registry wants it made before"
        }
        (Some("405"), "push to") => {
            "; the registry, or this address of it, takes no pushes: it may be a mirror"
        }
        (Some("413"), _) => {
            "; a layer is larger than the registry, or a server before it, takes: raise that limit (nginx: client_max_body_size), or make smaller layers"
        }
        (Some("429"), "pull") => "; too many requests: log in, use a mirror, or try again later",
        (Some("429"), _) => "; too many requests: try again later",
        (Some("507"), _) => "; the registry's disk is full or a quota is used up: make room there",
        (Some(code), _) if code.starts_with('5') => "; the fault is the registry's: try again later",
        _ => "",
    }
}

/// The registry of a reference: Docker Hub where its first part is no host.
pub(crate) fn host_of(reference: &str) -> &str {
    match reference.split_once('/') {
        Some((host, _)) if host == "localhost" || host.contains(['.', ':']) => host,
        _ => "docker.io",
    }
}

/// Returns what a registry's own words ask for.
fn advice_for(words: &str, host: &str, rights: &str) -> String {
    match words.split(':').next() {
        Some("toomanyrequests") => advice("429", "pull").to_owned(),
        Some("name unknown") => advice("404", "").to_owned(),
        Some("name invalid" | "unsupported") => String::new(),
        _ if words.contains("quota") => advice("507", rights).to_owned(),
        _ => format!("; check the credentials for {host}{rights}"),
    }
}

/// What is said of a token that was not given.
fn token_refused(server: &str, status: &str, words: Option<&str>) -> String {
    format!("its token server {server} answered {status}{}", in_parentheses(words))
}

/// What is said of a name that has the form of a stage's.
fn no_stage(reference: &str) -> String {
    if reference.contains(['/', ':', '@']) {
        return String::new();
    }
    format!("; no stage is called {reference}, so it is taken for an image of Docker Hub")
}

/// What is neither the registry's nor the network's fault.
fn other(message: &str) -> String {
    if !message.contains("no space left on device") {
        return message.to_owned();
    }
    format!(
        "the disk of buildkitd's machine is full: {message}; free it with bob prune, or give buildkitd a larger one"
    )
}

/// An answer that was no success.
struct Answer {
    /// The `HOST:PORT` that gave it.
    server: String,
    /// Whether it was asked for a token: everything else lies below `/v2/`.
    is_token: bool,
    /// Its status and reason, as in `403 Forbidden`.
    status: String,
    /// What it said, where it said it as text.
    words: Option<String>,
}

/// The answer in `unexpected status from POST request to URL: 403 Forbidden: WORDS`, or with the words on a line of their own.
fn answer(message: &str) -> Option<Answer> {
    let (_, after) = message.split_once("unexpected status from ")?;
    let (_, after) = after.split_once(" request to ")?;
    let (url, answer) = after.split_once(": ")?;
    let (line, rest) = answer.split_once('\n').unwrap_or((answer, ""));
    let (status, words) = line.split_once(": ").unwrap_or((line, ""));
    status.get(..3)?.parse::<u16>().ok()?;
    let words = [words, rest].into_iter().flat_map(str::lines).map(str::trim).find(|line| !line.is_empty());
    let (_, place) = url.split_once("://")?;
    let (server, path) = place.split_once('/').unwrap_or((place, ""));
    Some(Answer {
        server: server.to_owned(),
        is_token: !path.starts_with("v2/") && path != "v2",
        status: status.trim().to_owned(),
        words: words.filter(|words| !words.starts_with('<')).map(str::to_owned),
    })
}

/// Why there was no connection, as Go's dialer and TLS say it.
fn unreachable(message: &str) -> Option<String> {
    const REASONS: [(&str, &str); 9] = [
        ("connection refused", "connection refused: nothing listens there"),
        ("no such host", "there is no such host"),
        ("server misbehaving", "its name cannot be looked up"),
        ("i/o timeout", "it does not answer"),
        ("network is unreachable", "the network is unreachable"),
        ("no route to host", "there is no route to it"),
        ("connection reset by peer", "it broke the connection off"),
        ("certificate signed by unknown authority", "its TLS certificate is signed by an unknown authority"),
        ("server gave HTTP response to HTTPS client", "it speaks plain http where https was expected"),
    ];
    REASONS.iter().find(|(text, _)| message.contains(text)).map(|(_, reason)| (*reason).to_owned())
}

/// The reference and the rest of `failed to push REFERENCE: REST`.
pub(crate) fn failed_push(message: &str) -> Option<(&str, &str)> {
    let (_, after) = message.split_once("failed to push ")?;
    after.split_once(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const REF: &str = "127.0.0.1:1403/a/b:1";

    #[test]
    fn failed_lookups_are_put_into_words() {
        let cases = [
            (
                "failed to resolve source metadata for 127.0.0.1:1403/a/b:1: 127.0.0.1:1403/a/b:1: not found",
                "base image does not exist; check its name, its tag and its platform",
            ),
            (
                "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
                "base image does not exist or needs credentials; check its name and that you are logged in to 127.0.0.1:1403",
            ),
            (
                "unexpected status from HEAD request to http://127.0.0.1:1403/v2/a/b/manifests/1: 401 Unauthorized",
                "registry 127.0.0.1:1403 does not give it: 401 Unauthorized; check that there are credentials for it and that they are right",
            ),
            (
                "unexpected status from HEAD request to http://127.0.0.1:1403/v2/a/b/manifests/1: 403 Forbidden\ndenied: not today",
                "registry 127.0.0.1:1403 does not give it: 403 Forbidden (denied: not today); the credentials do not allow to pull from this repository",
            ),
            (
                "failed to do request: Head \"http://127.0.0.1:1403/v2/a/b/manifests/1\": dial tcp 127.0.0.1:1403: connect: connection refused",
                "cannot reach registry 127.0.0.1:1403: connection refused: nothing listens there",
            ),
            (
                "unexpected status from HEAD request to http://127.0.0.1:1403/v2/a/b/manifests/1: 400 Bad Request",
                "registry 127.0.0.1:1403 does not give it: 400 Bad Request to plain http, which buildkitd speaks to every registry on localhost; if this one speaks TLS, write http = false, and ca = [FILE] for its own authority, below [registry.\"127.0.0.1:1403\"] in buildkitd.toml and restart buildkitd",
            ),
            (
                "failed to authorize: failed to fetch oauth token: unexpected status from GET request to http://127.0.0.1:1403/token?scope=repository%3Aa%2Fb%3Apull&service=x: 401 Unauthorized: incorrect username or password",
                "registry 127.0.0.1:1403 does not give it: its token server 127.0.0.1:1403 answered 401 Unauthorized (incorrect username or password); check that there are credentials for it and that they are right",
            ),
            (
                "toomanyrequests: you have reached your limit",
                "registry 127.0.0.1:1403 refuses to give it: toomanyrequests: you have reached your limit; too many requests: log in, use a mirror, or try again later",
            ),
            (
                "write /var/lib/buildkit/x.db: no space left on device",
                "the disk of buildkitd's machine is full: write /var/lib/buildkit/x.db: no space left on device; free it with bob prune, or give buildkitd a larger one",
            ),
            ("something new", "something new"),
        ];
        assert_eq!(
            RegistryMessage::Missing.of_lookup("biulder"),
            "base image does not exist; check its name, its tag and its platform; no stage is called biulder, so it is taken for an image of Docker Hub"
        );
        for (message, sentence) in cases {
            assert_eq!(RegistryMessage::of(message).of_lookup(REF), sentence);
        }
    }

    #[test]
    fn failed_pushes_are_put_into_words() {
        let cases = [
            (
                "denied: not today",
                "registry 127.0.0.1:1403 refused the push of 127.0.0.1:1403/a/b:1: denied: not today; check the credentials for 127.0.0.1:1403 and their rights",
            ),
            (
                "unexpected status from POST request to http://127.0.0.1:1403/v2/a/b/blobs/uploads/: 500 Internal Server Error",
                "registry 127.0.0.1:1403 refused the push of 127.0.0.1:1403/a/b:1: 500 Internal Server Error; the fault is the registry's: try again later",
            ),
            (
                "unexpected status from PUT request to http://127.0.0.1:1403/v2/a/b/blobs/uploads/1?digest=sha256%3A4c: 413 Request Entity Too Large: <html><head><title>413</title></head></html>",
                "registry 127.0.0.1:1403 refused the push of 127.0.0.1:1403/a/b:1: 413 Request Entity Too Large; a layer is larger than the registry, or a server before it, takes: raise that limit (nginx: client_max_body_size), or make smaller layers",
            ),
            (
                "unexpected status from PUT request to http://127.0.0.1:1403/v2/a/b/blobs/uploads/1: 507 Insufficient Storage",
                "registry 127.0.0.1:1403 refused the push of 127.0.0.1:1403/a/b:1: 507 Insufficient Storage; the registry's disk is full or a quota is used up: make room there",
            ),
            (
                "failed to do request: Head \"https://x.invalid/v2/\": dial tcp: lookup x.invalid on 10.0.0.1:53: no such host",
                "cannot reach registry 127.0.0.1:1403 to push 127.0.0.1:1403/a/b:1: there is no such host",
            ),
        ];
        for (message, sentence) in cases {
            assert_eq!(RegistryMessage::of(message).of_push(REF), sentence);
        }
        assert_eq!(
            failed_push("failed to push 127.0.0.1:1403/a/b:1: denied: not today"),
            Some((REF, "denied: not today"))
        );
    }
}
