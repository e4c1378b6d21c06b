//! Locations that a registry's answers name (redirects, upload locations, token endpoints), and which of them may be
//! followed.

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

use super::address::AddressPolicy;
use crate::registry::host::Host;

/// A location that a registry named and that is not followed.
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

/// Whose word makes a registry one that requests may go to. It decides which hosts that registry's answers may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrustedBy {
    /// The operator, who configured it: its answers may name every host but link-local ones, and hosts on this machine if
    /// it is on this machine itself.
    Operator,
    /// Nobody: a client of the proxy named it. Its answers may name public hosts and those that the operator listed.
    Client,
}

/// A location that may be followed, and the addresses that its host may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectTarget {
    /// The absolute URI.
    pub uri: Uri,
    /// Its host.
    pub host: Host,
    /// The addresses that may be connected to.
    pub address_policy: AddressPolicy,
}

impl RedirectTarget {
    /// Returns where `location` leads, which an answer from `self` names. `is_listed` says whether the operator gave
    /// credentials for a host, `allows_plain` whether it may speak plain HTTP.
    ///
    /// # Errors
    /// [`RedirectError`] if `location` is not a URL or needs plain HTTP where that is not allowed.
    pub(crate) fn resolve(
        &self,
        location: &str,
        trusted_by: TrustedBy,
        is_listed: impl Fn(&Host) -> bool,
        allows_plain: impl Fn(&Host) -> bool,
    ) -> Result<Self, RedirectError> {
        let from = &self.host;
        let invalid = || RedirectError::Invalid { from: from.clone() };
        let uri = resolve_reference(&self.uri, location).ok_or_else(invalid)?;
        let authority = uri.authority().ok_or_else(invalid)?;
        let host = Host::parse(authority.as_str()).map_err(|_| invalid())?;
        let uri = match uri.scheme_str() {
            Some("https") => uri,
            Some("http") if allows_plain(&host) => uri,
            // A registry behind a TLS terminator that names itself by plain http means itself.
            Some("http") if host == *from => with_https(uri).ok_or_else(invalid)?,
            Some("http") => return Err(RedirectError::Plain { from: from.clone(), to: host }),
            _ => return Err(invalid()),
        };
        let address_policy = match trusted_by {
            _ if host == *from => self.address_policy,
            TrustedBy::Client if is_listed(&host) => AddressPolicy::Any,
            TrustedBy::Client => AddressPolicy::PublicOnly,
            TrustedBy::Operator if from.is_loopback() && host.is_loopback() => AddressPolicy::Any,
            TrustedBy::Operator => AddressPolicy::NonLocal,
        };
        Ok(Self { uri, host, address_policy })
    }
}

fn with_https(uri: Uri) -> Option<Uri> {
    let mut parts = uri.into_parts();
    parts.scheme = Some(Scheme::HTTPS);
    Uri::from_parts(parts).ok()
}

/// Returns the URI that `location` means in an answer from `base`. Dot segments are left to the server that named them.
/// (<https://www.rfc-editor.org/rfc/rfc3986#section-5.2>)
fn resolve_reference(base: &Uri, location: &str) -> Option<Uri> {
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

    fn resolve(trusted_by: TrustedBy, from: &str, location: &str) -> Result<RedirectTarget, RedirectError> {
        let uri: Uri = from.parse().unwrap();
        let host = Host::parse(uri.authority().unwrap().as_str()).unwrap();
        let from = RedirectTarget { uri, host, address_policy: AddressPolicy::Any };
        from.resolve(location, trusted_by, |host| host.as_str() == "listed.example", Host::is_loopback)
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
            assert_eq!(resolve(TrustedBy::Operator, base, location).unwrap().uri, want, "{location}");
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
            assert!(resolve(TrustedBy::Operator, base, location).is_err(), "{location}");
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
            for trusted_by in [TrustedBy::Operator, TrustedBy::Client] {
                let Ok(target) = resolve(trusted_by, "https://r.example/v2/", &location) else { continue };
                let authority = target.uri.authority().unwrap().as_str();
                assert_eq!(Host::parse(authority).unwrap(), target.host);
                assert!(!authority.contains('@'), "{authority}");
                let plain = target.uri.scheme_str() == Some("http");
                assert!(!plain || target.host.is_loopback(), "{}", target.uri);
                assert!(
                    target.address_policy != AddressPolicy::Any
                        || matches!(target.host.as_str(), "r.example" | "listed.example")
                );
            }
        });
    }

    #[test]
    fn the_addresses_allowed_depend_on_who_named_the_registry() {
        let address_policy =
            |trusted_by, from, location| resolve(trusted_by, from, location).unwrap().address_policy;
        assert_eq!(address_policy(TrustedBy::Operator, "https://r.example/", "/x"), AddressPolicy::Any);
        assert_eq!(
            address_policy(TrustedBy::Operator, "https://r.example/", "https://s3.example/x"),
            AddressPolicy::NonLocal
        );
        assert_eq!(
            address_policy(TrustedBy::Operator, "https://r.example/", "http://127.0.0.1/x"),
            AddressPolicy::NonLocal
        );
        assert_eq!(
            address_policy(TrustedBy::Operator, "http://localhost:5000/", "http://127.0.0.1:9000/x"),
            AddressPolicy::Any
        );
        for elsewhere in ["https://169.254.169.254/x", "https://[fe80::1]/x", "https://s3.example/x"] {
            let address_policy = address_policy(TrustedBy::Operator, "http://localhost:5000/", elsewhere);
            assert_eq!(
                address_policy,
                AddressPolicy::NonLocal,
                "a registry on this machine names {elsewhere}"
            );
        }
        assert_eq!(
            address_policy(TrustedBy::Client, "https://r.example/", "https://cdn.example/x"),
            AddressPolicy::PublicOnly
        );
        assert_eq!(
            address_policy(TrustedBy::Client, "https://r.example/", "https://listed.example/x"),
            AddressPolicy::Any
        );
        assert_eq!(
            address_policy(TrustedBy::Client, "https://listed.example/", "https://10.0.0.1/x"),
            AddressPolicy::PublicOnly
        );
    }
}
