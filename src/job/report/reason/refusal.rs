//! A server that answered with an HTTP status that is a refusal.

use super::evidence::holds;
use super::{Evidence, Reason};

/// What stands before a status in the words of buildkitd, curl, wget, apt, pip, npm and others, in lower case.
const BEFORE: [&str; 15] = [
    "invalid response status ",
    "unexpected status code ",
    "unexpected status code: ",
    "returned error: ",
    "http/1.1 ",
    "http/1.0 ",
    "http/2 ",
    "http error ",
    "http status ",
    "response status code ",
    "status code: ",
    "status code ",
    "got status ",
    "error code e",
    "err! code e",
];
const REASONS: [(&str, u16); 7] = [
    ("401 unauthorized", 401),
    ("403 forbidden", 403),
    ("404 not found", 404),
    ("404  not found", 404),
    ("429 too many requests", 429),
    ("error 404", 404),
    ("error 403", 403),
];

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    let words: Vec<&str> = BEFORE.into_iter().chain(REASONS.map(|(words, _)| words)).collect();
    // A line may have such words and another number behind them.
    let lines = evidence.lines();
    let texts =
        std::iter::once(evidence.cause).chain(lines.iter().copied().rev().filter(|line| !is_of_a_test(line)));
    let found = texts.filter(|text| holds(text, &words));
    let found: Vec<(&str, u16)> = found.filter_map(|text| Some((text, status(text)?))).collect();
    // The one that names the address says most.
    let (text, status) = *found.iter().find(|(text, _)| text.contains("://")).or_else(|| found.first())?;
    let (meaning, advice) = meaning(status);
    Some(
        Reason::new(format!("a server refused: {status} {meaning}"))
            .words(text)
            .advice(advice)
            .about(file_name(text)),
    )
}

/// Whether a test says what it expected.
fn is_of_a_test(line: &str) -> bool {
    let lower = line.to_lowercase();
    lower.contains("assert") || lower.contains("expected ") && !lower.contains("unexpected ")
}

/// The last part of the address that a text names, if it names one.
fn file_name(text: &str) -> Option<&str> {
    let (_, after) = text.split_once("://")?;
    let url = after.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '>' | ')')).next()?;
    url.trim_end_matches([':', ',', '.']).rsplit('/').next().filter(|name| name.len() > 3)
}

fn status(text: &str) -> Option<u16> {
    let lower = text.to_lowercase();
    let after = BEFORE.iter().find_map(|before| {
        let (_, after) = lower.split_once(before)?;
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u16>().ok().filter(|code| (400..600).contains(code))
    });
    after.or_else(|| REASONS.iter().find(|(words, _)| lower.contains(words)).map(|(_, code)| *code))
}

fn meaning(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => (
            "Unauthorized",
            "it wants a login: give the step its credentials with --mount=type=secret (never with ARG or ENV), and check that they are right",
        ),
        403 => (
            "Forbidden",
            "the login, or nobody, has no right to it: check the address and the rights of the credentials; some servers refuse whole networks or unknown programs in this way",
        ),
        404 => (
            "Not Found",
            "there is nothing at this address: check its spelling and version; package lists that are older than the server's need apt-get update (or the like) in the same RUN",
        ),
        407 => (
            "Proxy Authentication Required",
            "the proxy wants a login: put it into --build-arg HTTPS_PROXY=http://USER:PASSWORD@HOST",
        ),
        408 | 504 => ("Timeout", "the server took too long: try again"),
        410 => ("Gone", "it was removed from the server: use a newer version"),
        429 => (
            "Too Many Requests",
            "the server has had too many requests from this network or login: log in, use a mirror, or try again later",
        ),
        500..=599 => ("server error", "the fault is the server's: try again later"),
        _ => ("refusal", "check the address, and what the server says"),
    }
}
