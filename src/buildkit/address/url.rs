//! The parts of an address that is a URL.

use crate::percent;

/// What follows `SCHEME://` in an address.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct UrlParts {
    /// The user, without a password.
    pub(super) user: Option<String>,
    /// The host, or what stands in its place; an IPv6 address without brackets. Never empty.
    pub(super) host: String,
    /// The port's digits.
    pub(super) port: Option<String>,
    /// The path with its leading slash; empty where there is none.
    pub(super) path: String,
    /// The members of the query in their order.
    pub(super) query: Vec<(String, String)>,
}

impl UrlParts {
    /// Returns the parts of `rest`. The error is to be put behind the address.
    pub(super) fn parse(rest: &str) -> Result<Self, String> {
        if rest.contains('#') {
            return Err("has a part after #, which means nothing there".to_owned());
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        if user.is_some_and(|user| user.contains(':')) {
            return Err("has a password, which does not belong there: use a key".to_owned());
        }
        let (host, port) = host_and_port(host)?;
        let member = |member: &str| {
            let (key, value) = member.split_once('=').unwrap_or((member, ""));
            Ok((decoded(key, percent::decode_form)?, decoded(value, percent::decode_form)?))
        };
        let members = query.split('&').filter(|text| !text.is_empty());
        Ok(Self {
            user: user.map(|user| decoded(user, percent::decode)).transpose()?,
            host: decoded(host, percent::decode)?,
            port: port.map(str::to_owned),
            path: decoded(path, percent::decode)?,
            query: members.map(member).collect::<Result<_, String>>()?,
        })
    }

    /// Returns the value of `key` in the query; `None` where it is absent or empty.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        let found = self.query.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Makes sure that nothing but a name and, in the query, values of `keys` is given.
    pub(super) fn only_name_and(&self, keys: &[&str]) -> Result<(), String> {
        if self.user.is_some() || self.port.is_some() || !matches!(self.path.as_str(), "" | "/") {
            return Err("has more than a name after its scheme".to_owned());
        }
        self.only_values_of(keys)
    }

    /// Makes sure that the query gives nothing but values of `keys`, each once.
    pub(super) fn only_values_of(&self, keys: &[&str]) -> Result<(), String> {
        for (index, (key, _)) in self.query.iter().enumerate() {
            if !keys.contains(&key.as_str()) {
                let known = if keys.is_empty() {
                    "takes none".to_owned()
                } else {
                    format!("takes {}", keys.join(", "))
                };
                return Err(format!("has {key:?} after its question mark; it {known}"));
            }
            if self.query[..index].iter().any(|(earlier, _)| earlier == key) {
                return Err(format!("has {key:?} twice"));
            }
        }
        Ok(())
    }
}

fn host_and_port(text: &str) -> Result<(&str, Option<&str>), String> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').unwrap_or(rest))),
        None => text.rsplit_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() || host.starts_with('-') {
        return Err("lacks a name after its scheme".to_owned());
    }
    match port {
        Some(port) if port.parse::<u16>().is_err() => {
            Err(format!("has the port {port:?}, which is no number"))
        }
        port => Ok((host, port)),
    }
}

fn decoded(
    text: &str,
    decode: impl Fn(&[u8]) -> Option<std::borrow::Cow<'_, [u8]>>,
) -> Result<String, String> {
    let bytes = decode(text.as_bytes()).map(std::borrow::Cow::into_owned);
    let decoded = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.filter(|text| !text.contains(char::is_control));
    decoded.ok_or_else(|| format!("has {text:?}, which is not percent-encoded text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_read() {
        let parts = UrlParts::parse("me@host.example:2222/run/a%20b.sock?context=c%2Fd&namespace=").unwrap();
        assert_eq!(parts.user.as_deref(), Some("me"));
        assert_eq!((parts.host.as_str(), parts.port.as_deref()), ("host.example", Some("2222")));
        assert_eq!(parts.path, "/run/a b.sock");
        assert_eq!((parts.value("context"), parts.value("namespace")), (Some("c/d"), None));
        assert_eq!(UrlParts::parse("[::1]:22").unwrap().host, "::1");
    }

    #[test]
    fn malformed_parts_are_errors() {
        for text in ["", "?a=b", ":1", "-x", "[]", "h:x", "h:70000", "u:p@h", "h#f", "h/%zz", "h/%0a", "@"] {
            assert!(UrlParts::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn fuzz_any_text_is_parts_or_an_error() {
        let seeds: [&[u8]; 3] = [b"me@host:22/run/x.sock", b"[::1]:1?context=a&namespace=%20", b"pod?a=b#c"];
        crate::fuzz::run(&seeds, |bytes| {
            if let Ok(parts) = UrlParts::parse(&String::from_utf8_lossy(bytes)) {
                assert!(!parts.host.is_empty() && !parts.host.starts_with('-'));
                let _ = parts.only_name_and(&["context"]);
            }
        });
    }
}
