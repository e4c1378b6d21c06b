//! Where a registry may send us: redirects, upload locations, token endpoints.

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

use super::address::AddressPolicy;
use crate::registry::host::Host;

/// A place that a registry named and that is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedirectError {
    /// Not an absolute or relative URL of a host.
    #[error("{from} named a location that is not a valid URL")]
    Invalid {
        /// Who named it.
        from: Host,
    },
    /// Plain HTTP where TLS is needed.
    #[error("{from} named a location on {to} by plain http, which is refused")]
    Plain {
        /// Who named it.
        from: Host,
        /// Where it leads.
        to: Host,
    },
}

/// Who named a registry, which decides how far that registry may send us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrustedBy {
    /// The operator: it may send us to all machines, but not to link-local addresses, and back to this machine only if it
    /// is on it itself.
    Operator,
    /// A client: it may send us to public addresses and to hosts that the operator listed.
    Client,
}

/// A location that may be followed, and how far it may reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectTarget {
    /// The absolute URI.
    pub uri: Uri,
    /// Its host.
    pub host: Host,
    /// The addresses that may be connected to.
    pub reach: AddressPolicy,
}

/// What decides on an onward step, besides the location itself.
pub(crate) struct Step<'a> {
    pub(crate) named_by: TrustedBy,
    /// The URI whose answer names the location.
    pub(crate) from: &'a Uri,
    pub(crate) from_host: &'a Host,
    /// How far `from_host` itself may be reached.
    pub(crate) from_reach: AddressPolicy,
}

impl Step<'_> {
    /// Where `location` leads, if that may be followed. `listed` says whether the operator gave
    /// credentials for a host, `plain` whether it may speak plain HTTP.
    pub(crate) fn to(
        &self,
        location: &str,
        listed: impl Fn(&Host) -> bool,
        plain: impl Fn(&Host) -> bool,
    ) -> Result<RedirectTarget, RedirectError> {
        let from = self.from_host;
        let invalid = || RedirectError::Invalid { from: from.clone() };
        let uri = resolve(self.from, location).ok_or_else(invalid)?;
        let authority = uri.authority().ok_or_else(invalid)?;
        let host = Host::parse(authority.as_str()).map_err(|_| invalid())?;
        let uri = match uri.scheme_str() {
            Some("https") => uri,
            Some("http") if plain(&host) => uri,
            // A registry behind a TLS terminator that names itself by plain http means itself.
            Some("http") if host == *from => with_https(uri).ok_or_else(invalid)?,
            Some("http") => return Err(RedirectError::Plain { from: from.clone(), to: host }),
            _ => return Err(invalid()),
        };
        let reach = match self.named_by {
            _ if host == *from => self.from_reach,
            TrustedBy::Client if listed(&host) => AddressPolicy::Anywhere,
            TrustedBy::Client => AddressPolicy::Public,
            TrustedBy::Operator if from.is_loopback() && host.is_loopback() => AddressPolicy::Anywhere,
            TrustedBy::Operator => AddressPolicy::OtherMachines,
        };
        Ok(RedirectTarget { uri, host, reach })
    }
}

fn with_https(uri: Uri) -> Option<Uri> {
    let mut parts = uri.into_parts();
    parts.scheme = Some(Scheme::HTTPS);
    Uri::from_parts(parts).ok()
}

/// `location` as seen from `base`. (<https://www.rfc-editor.org/rfc/rfc3986#section-5.2>; dot segments
/// are left to the server that named them)
fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next()?;
    if location.is_empty() || location.bytes().any(|b| !(b'!'..=b'~').contains(&b) || b == b'\\') {
        return None;
    }
    let mut parts = base.clone().into_parts();
    if let Some(rest) = location.strip_prefix("//") {
        return format!("{}://{rest}", base.scheme_str()?).parse().ok();
    }
    let has_scheme = location.find([':', '/', '?']).is_some_and(|at| {
        location[at..].starts_with(':') && location[..at].bytes().all(|b| b.is_ascii_alphanumeric())
    });
    if has_scheme {
        let uri: Uri = location.parse().ok()?;
        // "http:/x" and "http:x" have no host that could be checked.
        let named = uri.authority().map(Authority::as_str).is_some_and(|text| !text.contains('@'));
        return named.then_some(uri);
    }
    let path = if location.starts_with('/') {
        location.to_owned()
    } else if location.starts_with('?') {
        format!("{}{location}", base.path())
    } else {
        let folder = &base.path()[..=base.path().rfind('/')?];
        format!("{folder}{location}")
    };
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(named_by: TrustedBy, from: &str, location: &str) -> Result<RedirectTarget, RedirectError> {
        let uri: Uri = from.parse().unwrap();
        let from_host = Host::parse(uri.authority().unwrap().as_str()).unwrap();
        let step = Step { named_by, from: &uri, from_host: &from_host, from_reach: AddressPolicy::Anywhere };
        step.to(location, |host| host.as_str() == "listed.example", Host::is_loopback)
    }

    #[test]
    fn locations_resolve_against_the_request() {
        let base = "https://r.example/v2/a/blobs/uploads/";
        for (location, want) in [
            ("/v2/a/blobs/uploads/1?s=x%3D", "https://r.example/v2/a/blobs/uploads/1?s=x%3D"),
            ("1?s=2", "https://r.example/v2/a/blobs/uploads/1?s=2"),
            ("?s=2", "https://r.example/v2/a/blobs/uploads/?s=2"),
            ("https://up.example/x?y#frag", "https://up.example/x?y"),
            ("//up.example/x", "https://up.example/x"),
            ("http://r.example/x", "https://r.example/x"),
        ] {
            assert_eq!(step(TrustedBy::Operator, base, location).unwrap().uri, want, "{location}");
        }
    }

    #[test]
    fn plain_http_to_another_host_and_odd_urls_are_refused() {
        let base = "https://r.example/v2/";
        for location in [
            "http://up.example/x",
            "http://r.example:8080/x",
            "ftp://r.example/",
            "file:///etc/passwd",
            "javascript:x",
            "http:/x",
            "https:x",
            "https://user:pw@r.example/",
            "https://r.example\\@evil.example/",
            "https://127.1/",
            "/a b",
            "/\r\nx",
            "",
            "#x",
            "https://",
            "//",
            "///x",
            "http://0x7f000001/",
            "https://r.example:99999/",
        ] {
            assert!(step(TrustedBy::Operator, base, location).is_err(), "{location}");
        }
    }

    #[test]
    fn fuzz_what_is_followed_is_a_plain_url_of_the_host_that_was_checked() {
        let seeds: [&[u8]; 5] = [
            b"/v2/a/blobs/uploads/1?s=x%3D",
            b"https://up.example/x?y#frag",
            b"//user@up.example:443/x",
            b"http://127.0.0.1:9000/x",
            b"?s=2",
        ];
        crate::fuzz::run(&seeds, |bytes| {
            let location = String::from_utf8_lossy(bytes);
            for named_by in [TrustedBy::Operator, TrustedBy::Client] {
                let Ok(onward) = step(named_by, "https://r.example/v2/", &location) else { continue };
                let authority = onward.uri.authority().unwrap().as_str();
                assert_eq!(Host::parse(authority).unwrap(), onward.host);
                assert!(!authority.contains('@'), "{authority}");
                let plain = onward.uri.scheme_str() == Some("http");
                assert!(!plain || onward.host.is_loopback(), "{}", onward.uri);
                assert!(
                    onward.reach != AddressPolicy::Anywhere
                        || matches!(onward.host.as_str(), "r.example" | "listed.example")
                );
            }
        });
    }

    #[test]
    fn reach_depends_on_who_named_the_registry() {
        let reach = |named_by, from, location| step(named_by, from, location).unwrap().reach;
        assert_eq!(reach(TrustedBy::Operator, "https://r.example/", "/x"), AddressPolicy::Anywhere);
        assert_eq!(
            reach(TrustedBy::Operator, "https://r.example/", "https://s3.example/x"),
            AddressPolicy::OtherMachines
        );
        assert_eq!(
            reach(TrustedBy::Operator, "https://r.example/", "http://127.0.0.1/x"),
            AddressPolicy::OtherMachines
        );
        assert_eq!(
            reach(TrustedBy::Operator, "http://localhost:5000/", "http://127.0.0.1:9000/x"),
            AddressPolicy::Anywhere
        );
        for elsewhere in ["https://169.254.169.254/x", "https://[fe80::1]/x", "https://s3.example/x"] {
            let reach = reach(TrustedBy::Operator, "http://localhost:5000/", elsewhere);
            assert_eq!(reach, AddressPolicy::OtherMachines, "a registry on this machine names {elsewhere}");
        }
        assert_eq!(
            reach(TrustedBy::Client, "https://r.example/", "https://cdn.example/x"),
            AddressPolicy::Public
        );
        assert_eq!(
            reach(TrustedBy::Client, "https://r.example/", "https://listed.example/x"),
            AddressPolicy::Anywhere
        );
        assert_eq!(
            reach(TrustedBy::Client, "https://listed.example/", "https://10.0.0.1/x"),
            AddressPolicy::Public
        );
    }
}
