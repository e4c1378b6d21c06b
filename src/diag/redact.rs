//! Words without the credentials that stand in URLs and references.
//!
//! `https://user:password@host/…` and `user:password@registry/repository` are ways to write a password where none
//! belongs. What is shown of them (errors, excerpts, progress, logs) has `***` in place of all that stands before the
//! `@`. What is built is not touched.

use std::borrow::Cow;
use std::ops::Range;

/// What stands for a hidden part.
const HIDDEN: &str = "***";
/// The algorithms that make what follows an `@` a digest.
const ALGORITHMS: [&str; 6] = ["sha256", "sha384", "sha512", "sha1", "md5", "blake3"];
/// The digits of a digest in a reference, at least.
const MIN_DIGEST_DIGITS: usize = 32;
/// What stands before a colon and is no user: schemes without `//`.
const NO_USERS: [&str; 6] = ["mailto", "npm", "pkg", "jsr", "workspace", "docker-image"];
/// The longest host name, in bytes.
const MAX_HOST_BYTES: usize = 253;

/// `text` with `***` for the user part of every URL in it, and for what stands before the `@` of a registry's host.
pub fn redact(text: &str) -> Cow<'_, str> {
    replace(text, &user_parts(text), |_| HIDDEN.into())
}

/// `text` as [`redact`] has it, with as many `*` as the hidden part has characters: what stands in columns stays there.
pub fn redact_in_columns(text: &str) -> Cow<'_, str> {
    replace(text, &user_parts(text), |part| "*".repeat(part.chars().count()).into())
}

/// `text`, which is meant as one image reference or URL, with `***` for all that stands before an `@`, unless a digest
/// follows it.
pub fn redact_reference(text: &str) -> Cow<'_, str> {
    let scheme = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"+.-".contains(b)).count();
    let start = if text[scheme..].starts_with("://") { scheme + 3 } else { 0 };
    let last = text.match_indices('@').rev().map(|(at, _)| at).find(|at| !is_digest(&text[at + 1..]));
    match last {
        Some(at) if at > start => format!("{}{HIDDEN}{}", &text[..start], &text[at..]).into(),
        Some(at) => format!("{HIDDEN}{}", &text[at..]).into(),
        None => text.into(),
    }
}

/// Whether a part was hidden before.
fn is_hidden(part: &str) -> bool {
    part.bytes().all(|b| b == b'*')
}

fn replace<'t>(
    text: &'t str,
    parts: &[Range<usize>],
    by: impl Fn(&str) -> Cow<'static, str>,
) -> Cow<'t, str> {
    if parts.is_empty() {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for part in parts {
        out.push_str(&text[done..part.start]);
        out.push_str(&by(&text[part.clone()]));
        done = part.end;
    }
    out.push_str(&text[done..]);
    out.into()
}

/// Where user parts stand in `text`, in order.
fn user_parts(text: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    if memchr::memchr(b'@', text.as_bytes()).is_none() {
        return parts;
    }
    let mut start = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.contains('@') {
            user_parts_of_word(word, start, &mut parts);
        }
        // The separator may be longer than one byte: what `split` gives lies in `text`.
        start += word.len();
        start += text[start..].chars().next().map_or(0, char::len_utf8);
    }
    parts
}

fn user_parts_of_word(word: &str, offset: usize, parts: &mut Vec<Range<usize>>) {
    let mut add = |part: Range<usize>| {
        if !is_hidden(&word[part.clone()]) {
            parts.push(offset + part.start..offset + part.end);
        }
    };
    let mut done = 0;
    while let Some(found) = word[done..].find("://") {
        let colon = done + found;
        let before =
            word[done..colon].trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "+.-".contains(c));
        outside_of_urls(before, |part| add(done + part.start..done + part.end));
        let start = done + before.len();
        done = colon + 3 + url_end(&word[colon + 3..]);
        user_parts_of_url(&word[start..done], |part| add(start + part.start..start + part.end));
    }
    outside_of_urls(&word[done..], |part| add(done + part.start..done + part.end));
}

/// Finds the user part of a URL, and of those in its path.
fn user_parts_of_url(url: &str, mut add: impl FnMut(Range<usize>)) {
    let last = url.rfind('@');
    let mut done = 0;
    while let Some(found) = url[done..].find("://") {
        let start = done + found + 3;
        let part = start..user_end(url, start, last).unwrap_or(start);
        let scheme = &url[done..done + found];
        done = part.end;
        // The user of git over SSH says nothing.
        if !(scheme.ends_with("ssh") && &url[part.clone()] == "git") {
            add(part);
        }
    }
}

/// Where the user part ends of the authority that begins at `start`. The last `@` of the URL is at `last`.
fn user_end(url: &str, start: usize, last: Option<usize>) -> Option<usize> {
    let authority = &url[start..];
    let authority = &authority[..authority.find(['/', '?', '#']).unwrap_or(authority.len())];
    match (authority.rfind('@'), authority.rsplit_once(':')) {
        (Some(at), _) => Some(start + at),
        // `user:pass/word@host`: what would be a port is none, so the authority does not end there.
        (None, Some((_, port))) if !authority.ends_with(']') && !port.bytes().all(|b| b.is_ascii_digit()) => {
            last.filter(|last| *last >= start)
        }
        _ => None,
    }
}

/// Where the URL ends that `text` is the rest of: before a quote that closes something, or a comma before another value.
fn url_end(text: &str) -> usize {
    let closes = |(at, c): (usize, char)| {
        let after = &text[at + c.len_utf8()..];
        let ends = after.is_empty() || after.starts_with([',', ']', '}', ')', ':', ';', '>']);
        match c {
            '"' | '\'' | '`' => ends,
            ',' => begins_a_value(after),
            _ => false,
        }
    };
    text.char_indices().find(|found| closes(*found)).map_or(text.len(), |(at, _)| at)
}

/// Finds `user:password@host` and `token@host/…` where no scheme says that it is a URL. Mail addresses, versions of
/// packages (`name@1.2.3`), Git's `git@host:path` and digests stay.
fn outside_of_urls(text: &str, mut add: impl FnMut(Range<usize>)) {
    let mut start = 0;
    loop {
        start += value_start(&text[start..]);
        let end = start + next_value(&text[start..]);
        let value = &text[start..end];
        let separator = value.find([':', '/']);
        let is_host = |at: &usize| {
            follows_user(&value[..*at], separator.filter(|separator| separator < at), &value[at + 1..])
        };
        if let Some(at) = value.match_indices('@').rev().map(|(at, _)| at).find(is_host) {
            add(start..start + at);
        }
        if end == text.len() {
            return;
        }
        start = end + 1;
    }
}

/// The length of `KEY=` and of opening quotes and brackets before a value.
fn value_start(text: &str) -> usize {
    let mut start = 0;
    loop {
        let rest = &text[start..];
        let opened = rest.len() - rest.trim_start_matches(['"', '\'', '`', '(', '<', '[', '{', '\\']).len();
        let step = if opened > 0 { opened } else { key_length(rest) };
        if step == 0 {
            return start;
        }
        start += step;
    }
}

/// The length of `KEY=` at the beginning of `text`.
fn key_length(text: &str) -> usize {
    let key = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"_.-".contains(b)).count();
    if key > 0 && text.as_bytes().get(key) == Some(&b'=') { key + 1 } else { 0 }
}

/// Where the comma stands that parts the first value of a list from the next one.
fn next_value(text: &str) -> usize {
    let parts = |at: &usize| begins_a_value(&text[at + 1..]);
    text.match_indices(',').map(|(at, _)| at).find(parts).unwrap_or(text.len())
}

/// Whether what follows a comma is another value of a list, and not more of the same one.
fn begins_a_value(text: &str) -> bool {
    text.starts_with(['"', '\'', '\\']) || key_length(text) > 0
}

/// Whether `before`, in which the first colon or slash is at `separator`, is a user part, and what follows the `@` is the
/// host of a registry or server.
fn follows_user(before: &str, separator: Option<usize>, after: &str) -> bool {
    if is_digest(after) {
        return false;
    }
    let may_be_host = |b: &u8| b.is_ascii_alphanumeric() || b".-[]".contains(b);
    let (host, rest) = after.split_at(after.bytes().take(MAX_HOST_BYTES).take_while(may_be_host).count());
    let is_host = host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
    // `user:password` has its colon before any slash; `registry/name:tag` has not.
    is_host
        && match separator {
            Some(at) => before.as_bytes()[at] == b':' && !NO_USERS.contains(&&before[..at]),
            None => before != "git" && rest.starts_with('/'),
        }
}

/// Whether `text` is a digest, perhaps a malformed or cut one, or one of an algorithm that does not exist.
fn is_digest(text: &str) -> bool {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    let (algorithm, rest) = text.split_at(end);
    let digits = || rest[1..].bytes().take_while(u8::is_ascii_hexdigit).count();
    let is_long = rest.starts_with(':') && digits() >= MIN_DIGEST_DIGITS;
    (ALGORITHMS.contains(&algorithm) || is_long) && !rest.contains(['/', '@'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_parts_of_urls_are_hidden() {
        let cases = [
            ("https://user:pw@host/x", "https://***@host/x"),
            ("ADD https://user:pw@host/x /y", "ADD https://***@host/x /y"),
            ("git https://token@github.com/a/b.git#main", "git https://***@github.com/a/b.git#main"),
            ("https://user:p@w@host/x@y", "https://***@host/x@y"),
            ("https://user:p/w@host/x", "https://***@host/x"),
            ("https://user:p#w?@host/x", "https://***@host/x"),
            ("\"https://user:p\"w@host/x\"", "\"https://***@host/x\""),
            ("ssh://me:pw@host/x", "ssh://***@host/x"),
            ("http://proxy/http://u:p@host", "http://proxy/http://***@host"),
            ("Head \"https://u:p@h/v2/\": 401", "Head \"https://***@h/v2/\": 401"),
            ("a=https://u:p@h,b=https://v:q@i/x", "a=https://***@h,b=https://***@i/x"),
            ("https://[::1]:5000/x https://u@[::1]/", "https://[::1]:5000/x https://***@[::1]/"),
            ("HTTPS://U:P@h", "HTTPS://***@h"),
            ("https://:pw@h", "https://***@h"),
            ("[\"https://h/a\",\"https://u:p@h/b\"]", "[\"https://h/a\",\"https://***@h/b\"]"),
            ("first\nhttps://u:p@h\u{2003}https://u:p@h", "first\nhttps://***@h\u{2003}https://***@h"),
        ];
        for (text, shown) in cases {
            assert_eq!(redact(text), shown);
        }
    }

    #[test]
    fn what_stands_before_a_registry_is_hidden() {
        let cases = [
            ("user:pw@registry.example/x:1", "***@registry.example/x:1"),
            ("FROM user:pw@localhost:5000/x", "FROM ***@localhost:5000/x"),
            ("\"user:p/w@10.0.0.1/x\"", "\"***@10.0.0.1/x\""),
            ("token@registry.example/x", "***@registry.example/x"),
            ("type=image,name=us:p=w@r.example/x,push=true", "type=image,name=***@r.example/x,push=true"),
            ("\"type=image,\\\"name=us:pw@r.example/x\\\"\"", "\"type=image,\\\"name=***@r.example/x\\\"\""),
            ("user:pw@host:5000/x", "***@host:5000/x"),
            ("token@registry/x", "***@registry/x"),
            ("user:pw@registry/x user:pw@registry", "***@registry/x ***@registry"),
            ("u:p@r.example/x@sha256:00", "***@r.example/x@sha256:00"),
        ];
        for (text, shown) in cases {
            assert_eq!(redact(text), shown);
        }
    }

    #[test]
    fn what_is_no_credential_stays() {
        for text in [
            "alpine:3@sha256:0123",
            "docker.io/library/alpine:3.20@sha256:abc: not found",
            "FROM alpine:3@${DIGEST}",
            "FROM alpine:3@sha265:0123456789abcdef0123456789abcdef",
            "npm install left-pad@1.3.0 @scope/name@^2.0.0 npm:other@1.2.3",
            "go install example.org/tool@v1.2.3",
            "git clone git@github.com:me/app.git",
            "ssh://git@github.com/me/app.git",
            "LABEL maintainer=me@example.org",
            "MAINTAINER Me <me@example.org>",
            "https://unpkg.com/react@18.2.0/umd/react.js",
            "https://host:8080/a@b",
            "mailto:me@example.org",
            "pkg:npm/left-pad@1.3.0",
            "no at sign",
            "@",
            "",
        ] {
            assert_eq!(redact(text), text);
            assert!(matches!(redact(text), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn columns_stay_where_they_are() {
        assert_eq!(redact_in_columns("ADD https://é:pw@h/x /y"), "ADD https://****@h/x /y");
        assert_eq!(redact("ADD https://****@h/x /y"), "ADD https://****@h/x /y");
    }

    #[test]
    fn a_reference_shows_nothing_before_its_host() {
        let cases = [
            ("user:pw@registry/x", "***@registry/x"),
            ("user:p,w=\"@registry/x", "***@registry/x"),
            ("user:p w@r/x@sha256:00", "***@r/x@sha256:00"),
            ("https://user:pw@r/x", "https://***@r/x"),
            ("https://user:1/2#3@r/x", "https://***@r/x"),
            ("u@x://y", "***@x://y"),
            ("alpine@sha256:zz", "alpine@sha256:zz"),
            ("alpine:3", "alpine:3"),
        ];
        for (text, shown) in cases {
            assert_eq!(redact_reference(text), shown);
        }
    }

    #[test]
    fn a_long_word_of_separators_takes_no_long_time() {
        for piece in ["@", "a://b:c/", "a:", "@sha256:", ",a=", "\"", "://@", "a@b.de/"] {
            let text = format!("@{}", piece.repeat(50_000));
            assert_eq!(redact_in_columns(&text).len(), text.len());
        }
    }

    #[test]
    fn fuzz_a_password_is_never_shown() {
        const SECRET: &str = "s3cr3t";
        let seeds: [&[u8]; 8] = [
            b"https://user:s3cr3t@host/x",
            b"user:s3cr3t@registry.example/x:1",
            b"alpine:3@sha256:0123",
            b"type=image,name=u:s3cr3t@r.example/x,push=true",
            b"\"a\",\"b\"",
            b"npm@1.2.3",
            b" ",
            "é".as_bytes(),
        ];
        crate::fuzz::run(&seeds, |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let columns = redact_in_columns(&text);
            assert_eq!(columns.chars().count(), text.chars().count());
            // Whatever stands around it: a URL with a password of its own.
            let around: String = text.chars().filter(|c| !"@:/?#".contains(*c)).take(40).collect();
            let secret = around.replace(SECRET, "");
            let url = format!("{text} https://u:{SECRET}@host.example/{secret}");
            assert!(!redact(&url).ends_with(&format!("{SECRET}@host.example/{secret}")), "{url}");
            let reference = format!("u:{}{SECRET}@host.example/x", text.replace('@', ""));
            assert!(!redact_reference(&reference).contains(SECRET), "{reference}");
        });
    }
}
