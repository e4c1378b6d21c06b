//! URLs as Go's `net/url` reads and writes them, as far as sources of a build need it.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use crate::percent;

/// A URL taken apart: `scheme://authority/path?query#fragment`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    /// In lower case, empty where the text has none.
    pub(super) scheme: String,
    /// Decoded, with the port.
    pub(super) host: Vec<u8>,
    /// Decoded.
    pub(super) path: Vec<u8>,
    /// As written.
    pub(super) query: String,
    /// Decoded.
    pub(super) fragment: Vec<u8>,
    /// The URL without query and fragment, as Go writes it.
    pub(super) remote: String,
}

/// Which part of a URL is encoded; each lets other characters stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Host,
    User,
    Path,
}

impl Url {
    /// The URL in `text`, `None` where Go's `url.Parse` fails.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
        if text.bytes().any(|b| b < b' ' || b == 0x7f) {
            return None;
        }
        let (scheme, rest) = split_scheme(text)?;
        let scheme = scheme.to_ascii_lowercase();
        let (rest, query, empty_query) = match rest.strip_suffix('?') {
            Some(rest) if !rest.contains('?') => (rest, "", true),
            _ => rest.split_once('?').map_or((rest, "", false), |(rest, query)| (rest, query, false)),
        };
        let opaque = !rest.starts_with('/');
        if opaque && scheme.is_empty() && rest.split('/').next().is_some_and(|segment| segment.contains(':'))
        {
            return None;
        }
        let mut remote = if scheme.is_empty() { String::new() } else { format!("{scheme}:") };
        let mut host = Vec::new();
        let mut path = "";
        if opaque && !scheme.is_empty() {
            remote.push_str(rest);
        } else {
            path = rest;
            let has_authority = rest.starts_with("//") && (!scheme.is_empty() || !rest.starts_with("///"));
            if has_authority {
                let authority = &rest[2..];
                let (authority, after) = authority.split_at(authority.find('/').unwrap_or(authority.len()));
                path = after;
                let (user, name) =
                    authority.rsplit_once('@').map_or((None, authority), |(u, h)| (Some(u), h));
                host = parse_host(&scheme, name)?;
                if user.is_some() || !host.is_empty() || !path.is_empty() {
                    remote.push_str("//");
                }
                if let Some(user) = user {
                    push_user(&mut remote, user)?;
                }
                remote.push_str(&encode(&host, Part::Host));
            }
            push_path(&mut remote, path)?;
        }
        if empty_query {
            remote.push('?');
        }
        Some(Self {
            scheme,
            host,
            path: percent::decode(path.as_bytes())?.into_owned(),
            query: query.to_owned(),
            fragment: percent::decode(fragment.as_bytes())?.into_owned(),
            remote,
        })
    }
}

/// A name and a value of a query, decoded.
pub(super) type Pair = (Vec<u8>, Vec<u8>);

/// Names and values of a query, in order; `None` where Go's `url.ParseQuery` reports an error.
pub(super) fn parse_query(query: &str) -> Option<Vec<Pair>> {
    let (pairs, whole) = read_query(query);
    whole.then_some(pairs)
}

/// Names and values of a query that can be decoded, as Go's `URL.Query` gives them.
pub(super) fn query_pairs(query: &str) -> Vec<Pair> {
    read_query(query).0
}

fn read_query(query: &str) -> (Vec<Pair>, bool) {
    let mut whole = true;
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (percent::decode_form(name.as_bytes()), percent::decode_form(value.as_bytes())) {
            (Some(name), Some(value)) if !pair.contains(';') => {
                pairs.push((name.into_owned(), value.into_owned()));
            }
            _ => whole = false,
        }
    }
    (pairs, whole)
}

fn split_scheme(text: &str) -> Option<(&str, &str)> {
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return None,
            b':' => return Some((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Some(("", text))
}

fn parse_host(scheme: &str, host: &str) -> Option<Vec<u8>> {
    match host.rfind('[') {
        Some(0) => {
            let close = host.rfind(']')?;
            let (address, port) = (&host[1..close], &host[close + 1..]);
            if !is_port(port) {
                return None;
            }
            let address = percent::decode(address.as_bytes())?;
            let plain = address.split(|byte| *byte == b'%').next().unwrap_or_default();
            str::from_utf8(plain).ok()?.parse::<Ipv6Addr>().ok()?;
            let mut bracketed = vec![b'['];
            bracketed.extend_from_slice(&address);
            bracketed.push(b']');
            bracketed.extend_from_slice(port.as_bytes());
            return Some(bracketed);
        }
        Some(_) => return None,
        None => {}
    }
    let web = matches!(scheme, "http" | "https");
    let colon = if web { host.find(':') } else { host.rfind(':') };
    if colon.is_some_and(|at| !is_port(&host[at..])) {
        return None;
    }
    // Percent signs in a host stand for bytes that are not ASCII only.
    let mut rest = host;
    while let Some(at) = rest.find('%') {
        if rest.as_bytes().get(at + 1).is_some_and(|b| matches!(b, b'0'..=b'7'))
            && !rest[at..].starts_with("%25")
        {
            return None;
        }
        rest = &rest[at + 1..];
    }
    if host.bytes().any(|b| b.is_ascii() && b != b'%' && must_encode(b, Part::Host)) {
        return None;
    }
    percent::decode(host.as_bytes()).map(Cow::into_owned)
}

fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()))
}

fn push_user(remote: &mut String, user: &str) -> Option<()> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
    if !user.bytes().all(allowed) {
        return None;
    }
    let (name, password) = user.split_once(':').map_or((user, None), |(n, p)| (n, Some(p)));
    remote.push_str(&encode(&percent::decode(name.as_bytes())?, Part::User));
    if let Some(password) = password {
        remote.push(':');
        remote.push_str(&encode(&percent::decode(password.as_bytes())?, Part::User));
    }
    remote.push('@');
    Some(())
}

/// Adds a path as it is written if that is a valid encoding, else encoded anew.
fn push_path(remote: &mut String, path: &str) -> Option<()> {
    let decoded = percent::decode(path.as_bytes())?;
    let stays = |b: u8| b"!$&'()*+,;=:@[]%".contains(&b) || !must_encode(b, Part::Path);
    if path.bytes().all(stays) {
        remote.push_str(path);
    } else {
        remote.push_str(&encode(&decoded, Part::Path));
    }
    Some(())
}

fn must_encode(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        return false;
    }
    match part {
        Part::Host => !b"!$&'()*+,;=:[]<>\"".contains(&byte),
        Part::User => !b"$&+,;=".contains(&byte),
        Part::Path => !b"$&+,/:;=@".contains(&byte),
    }
}

fn encode(text: &[u8], part: Part) -> String {
    percent::encode(text, |byte| !must_encode(byte, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> Option<String> {
        Url::parse(text).map(|url| url.remote)
    }

    #[test]
    fn remotes_are_written_as_go_writes_them() {
        for (text, written) in [
            ("HTTPS://Example.com/a.git?x=1#f", "https://Example.com/a.git"),
            ("https://u:p%40w@h:1/a b", "https://u:p%40w@h:1/a%20b"),
            ("https://h/%2f", "https://h/%2f"),
            ("https://h/a?", "https://h/a?"),
            ("ssh://git@h", "ssh://git@h"),
            ("https://[::1]:80/x", "https://[::1]:80/x"),
            ("https://", "https:"),
            ("https://h/%ff b", "https://h/%FF%20b"),
            ("https://%ff/a", "https://%FF/a"),
        ] {
            assert_eq!(remote(text).as_deref(), Some(written), "{text}");
        }
    }

    #[test]
    fn malformed_urls_are_none() {
        for text in [
            "https://h/%zz",
            "https://h:x/",
            "https://a:1:2/",
            "https://a b/",
            "https://[::1/",
            "https://h/\u{1}",
            ":x",
            "a:b/c:d\u{7f}",
        ] {
            assert_eq!(remote(text), None, "{text}");
        }
    }

    #[test]
    fn queries_decode_plus_and_percent() {
        assert_eq!(
            parse_query("a=b+c&d=%41&e"),
            Some(vec![(b"a".into(), b"b c".into()), (b"d".into(), b"A".into()), (b"e".into(), Vec::new())])
        );
        assert_eq!(parse_query("a=%4"), None);
        assert_eq!(query_pairs("a=1;b&c=2"), [(b"c".into(), b"2".into())]);
    }
}
