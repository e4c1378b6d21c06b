//! Lets only those in who mean this proxy and know the access token, so that neither a RUN step on the
//! same network nor a page in somebody's browser can push or pull.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Response, header};

use crate::registry::{Body, Secret};

use super::error::ProxyError;
use super::exchange::{Inbound, Layer};

/// Checks the name that the request is for, and the access token, if there is one: the password of Basic
/// authentication, with any user name.
#[derive(Debug)]
pub(super) struct Gate<S> {
    pub(super) token: Option<Secret>,
    /// Names beside `localhost` and loopback addresses that lead here; in lower case.
    pub(super) names: BTreeSet<String>,
    pub(super) inner: S,
}

impl<S: Layer<Inbound>> Layer<Inbound> for Gate<S> {
    async fn call(&self, mut inbound: Inbound) -> Result<Response<Body>, ProxyError> {
        self.check_host(&inbound.head.headers)?;
        if let Some(token) = &self.token
            && !knows(&inbound.head.headers, token)
        {
            return Err(ProxyError::NoToken);
        }
        inbound.head.headers.remove(header::AUTHORIZATION);
        self.inner.call(inbound).await
    }
}

impl<S> Gate<S> {
    /// Refuses what a browser sends for a foreign page: a page's host name may be made to lead to this
    /// address (DNS rebinding), and a page may write to any address without reading the answer.
    fn check_host(&self, headers: &HeaderMap) -> Result<(), ProxyError> {
        if headers.contains_key(header::ORIGIN) {
            return Err(ProxyError::Page);
        }
        let Some(value) = headers.get(header::HOST) else { return Ok(()) };
        let text = value.to_str().unwrap_or_default();
        let name = without_port(text).to_ascii_lowercase();
        let own = name == "localhost" || is_loopback(&name) || self.names.contains(&name);
        own.then_some(()).ok_or_else(|| ProxyError::ForeignHost(text.to_owned()))
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Whether `name` is a loopback address, in the usual spelling.
fn is_loopback(name: &str) -> bool {
    match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(v6) => v6.parse::<Ipv6Addr>().is_ok_and(|address| address.to_canonical().is_loopback()),
        None => name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback()),
    }
}

fn knows(headers: &HeaderMap, token: &Secret) -> bool {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Some((scheme, encoded)) = value.to_str().ok().and_then(|text| text.split_once(' ')) else {
        return false;
    };
    let Ok(decoded) = STANDARD.decode(encoded.trim()) else { return false };
    let decoded = zeroize::Zeroizing::new(decoded);
    let Some(colon) = decoded.iter().position(|byte| *byte == b':') else { return false };
    scheme.eq_ignore_ascii_case("basic") && token.matches(&decoded[colon + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn with(values: &[&str]) -> bool {
        let values =
            values.iter().map(|value| (header::AUTHORIZATION, HeaderValue::from_str(value).unwrap()));
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.append(name, value);
        }
        knows(&headers, &Secret::new("to:ken"))
    }

    fn basic(plain: &str) -> String {
        format!("Basic {}", STANDARD.encode(plain))
    }

    #[test]
    fn only_names_that_lead_here_are_served() {
        let gate = Gate { token: None, names: ["bob.internal".to_owned()].into(), inner: () };
        let ok = |name: &'static str, value: &str| {
            gate.check_host(&HeaderMap::from_iter([(
                header::HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )]))
            .is_ok()
        };
        for host in [
            "localhost",
            "localhost:8080",
            "LocalHost:8080",
            "127.0.0.1",
            "127.8.9.1:8080",
            "[::1]",
            "[::1]:8080",
            "[::ffff:127.0.0.1]:1",
            "bob.internal",
            "Bob.Internal:8080",
        ] {
            assert!(ok("host", host), "{host}");
        }
        for host in [
            "",
            ":8080",
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil-localhost",
            "localhost:8080:8080",
            "localhost:x",
            "localhost@evil.example",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "::1",
            "2130706433",
            "0x7f.1",
            "127.1",
            "bob.internal.evil.example",
        ] {
            assert!(!ok("host", host), "{host}");
        }
        assert!(!ok("origin", "http://localhost:8080") && !ok("origin", "null"));
        assert!(ok("accept", "*/*"));
    }

    #[test]
    fn the_token_is_the_password_of_any_user() {
        for plain in ["bob:to:ken", ":to:ken", "x y:to:ken"] {
            assert!(with(&[&basic(plain)]), "{plain}");
        }
        assert!(with(&[&basic("bob:to:ken").replace("Basic", "bAsIc")]));
    }

    #[test]
    fn anything_else_is_not_the_token() {
        for value in [
            "",
            "Basic",
            "Basic ",
            "Basic !",
            "Bearer to:ken",
            "to:ken",
            &basic("to:ken"),
            &basic("bob:to:ke"),
            &basic("bob:to:ken "),
            &basic("bob:"),
            &basic("bob"),
            &basic("to:ken:bob"),
        ] {
            assert!(!with(&[value]), "{value}");
        }
        assert!(!with(&[]));
        assert!(!with(&[&basic("bob:to:ken"), &basic("bob:to:ken")]));
    }
}
