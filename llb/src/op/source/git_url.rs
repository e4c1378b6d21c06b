//! URLs of Git repositories (`util/gitutil/git_url.go` of BuildKit).

use std::fmt::Write;

/// A URL of a repository, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GitUrl {
    pub(super) scheme: String,
    /// Host with its port, percent signs decoded.
    pub(super) host: String,
    /// Path, percent signs decoded.
    pub(super) path: String,
    /// What `git` is given: the URL without query and fragment.
    pub(super) remote: String,
}

impl GitUrl {
    /// Takes a URL apart, with `https://` in front if it has no scheme.
    pub(super) fn parse_or_https(url: &str) -> Option<Self> {
        if scheme(url).is_some() {
            Self::parse(url)
        } else {
            Self::parse_scp(url).or_else(|| Self::parse(&format!("https://{url}")))
        }
    }

    /// Returns a URL that cannot be taken apart as it is used, with `https://` if it has no scheme.
    pub(super) fn text_or_https(url: &str) -> String {
        match scheme(url) {
            Some(_) => url.to_owned(),
            None => format!("https://{url}"),
        }
    }

    fn parse(url: &str) -> Option<Self> {
        let scheme = scheme(url)?.to_ascii_lowercase();
        if !["http", "https", "ssh", "git"].contains(&&*scheme) {
            return None;
        }
        let rest = &url[scheme.len() + "://".len()..];
        let rest = rest.split(['#']).next().unwrap_or_default();
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        // Go keeps the sign of an empty query.
        let empty_query = if query == Some("") { "?" } else { "" };
        if rest.contains(|c: char| c.is_ascii_control()) {
            return None;
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        if host.contains(' ') {
            return None;
        }
        let host = decode(host)?;
        let decoded = decode(path)?;
        let path_as_written = if path.bytes().all(is_plain) { path.to_owned() } else { encode(&decoded) };
        Some(Self {
            remote: format!("{scheme}://{authority}{path_as_written}{empty_query}"),
            host,
            path: decoded,
            scheme,
        })
    }

    /// Takes `user@host:path` apart.
    fn parse_scp(url: &str) -> Option<Self> {
        let remote = url.split('#').next().unwrap_or_default();
        let remote = remote.split('?').next().unwrap_or_default();
        let (user, rest) = remote.split_once('@')?;
        let (host, path) = rest.split_once(':')?;
        let is_word = |text: &str, extra: &[char]| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(&c))
        };
        (is_word(user, &['-', '_']) && is_word(host, &['-', '.']) && !url.contains('\n')).then(|| Self {
            scheme: "ssh".to_owned(),
            host: host.to_owned(),
            path: path.to_owned(),
            remote: remote.to_owned(),
        })
    }
}

/// Returns what stands before `://` if that can be a scheme.
fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once("://")?;
    (!scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(scheme)
}

/// Whether a byte may stand in a path as it is (`validEncoded` in Go's `net/url`).
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:@[]/%".contains(&byte)
}

/// Decodes percent signs; nothing where one is not followed by two hex digits, or where the result is
/// not UTF-8.
fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Encodes what may not stand in a path (`shouldEscape` in Go's `net/url`).
fn encode(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
