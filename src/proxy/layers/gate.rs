//! Lets only those in who mean this proxy and know a token for what they ask, so that neither a RUN step on the
//! same network nor a page in somebody's browser can push or pull. Who is let in has a place.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, Method, Response, header};
use zeroize::Zeroizing;

use crate::http::body::Body;
use crate::registry::Secret;

use super::exchange::{Inbound, Layer};
use crate::proxy::config::AccessTokens;
use crate::proxy::connection::framing::Refusal;
use crate::proxy::connection::places::Place;
use crate::proxy::error::ProxyError;

/// Checks the name that the request is for, and the token: the password of Basic authentication, with any user
/// name.
#[derive(Debug)]
pub(crate) struct Gate<S> {
    pub(crate) tokens: AccessTokens,
    /// Whether writes are let through at all.
    pub(crate) pushes_allowed: Arc<AtomicBool>,
    /// Names beside `localhost` and loopback addresses that lead here; in lower case.
    pub(crate) names: BTreeSet<String>,
    pub(crate) inner: S,
}

impl<S: Layer<Inbound>> Layer<Inbound> for Gate<S> {
    async fn call(&self, mut inbound: Inbound) -> Result<Response<Body>, ProxyError> {
        let place = inbound.head.extensions.remove::<Arc<Place>>();
        let checked = self.check_host(&inbound.head.headers).and_then(|()| self.check_token(&inbound.head));
        if let (Err(_), Some(place)) = (&checked, &place) {
            place.refuse();
        }
        let shows_push_token = checked?;
        if shows_push_token {
            inbound.facts.note_push_token();
        }
        // Before anything waits, so that nobody without a token takes this connection's place.
        if let Some(place) = place {
            place.enter(shows_push_token).await?;
        }
        inbound.head.headers.remove(header::AUTHORIZATION);
        self.inner.call(inbound).await
    }
}

impl<S> Gate<S> {
    /// Whether a request shows the push token. One that shows no token for what it asks is refused; a token that is
    /// empty lets nobody in.
    fn check_token(&self, head: &Parts) -> Result<bool, ProxyError> {
        let AccessTokens { read, push } = &self.tokens;
        let shown = password(&head.headers);
        let is_shown = |token: &Option<Secret>| match (token, &shown) {
            (Some(token), Some(shown)) => !token.is_empty() && token.matches(shown),
            _ => false,
        };
        let (shows_read, shows_push) = (is_shown(read), is_shown(push));
        if read.is_some() && !shows_read && !shows_push {
            return Err(ProxyError::NoToken);
        }
        if only_reads(&head.method) {
            return Ok(shows_push);
        }
        if push.is_some() && !shows_push {
            return Err(ProxyError::NoPushToken);
        }
        if !self.pushes_allowed.load(Ordering::Acquire) {
            return Err(ProxyError::PushesNotYet);
        }
        Ok(shows_push)
    }

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

/// The password of the one `Authorization: Basic`, if there is one.
fn password(headers: &HeaderMap) -> Option<Zeroizing<Vec<u8>>> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?);
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    Some(Zeroizing::new(decoded[colon + 1..].to_vec()))
}

/// Whether a request changes nothing wherever it leads. One that stands for malformed bytes leads nowhere.
fn only_reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD) || method.as_str() == Refusal::METHOD
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn gate(read: Option<&str>, push: Option<&str>, pushes_allowed: bool) -> Gate<()> {
        let tokens = AccessTokens { read: read.map(Secret::from), push: push.map(Secret::from) };
        let pushes_allowed = Arc::new(pushes_allowed.into());
        Gate { tokens, pushes_allowed, names: ["bob.internal".to_owned()].into(), inner: () }
    }

    fn head(method: &Method, values: &[&str]) -> Parts {
        let mut head = http::Request::new(()).into_parts().0;
        head.method = method.clone();
        for value in values {
            head.headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        head
    }

    fn with(values: &[&str]) -> bool {
        gate(Some("to:ken"), None, true).check_token(&head(&Method::GET, values)).is_ok()
    }

    fn basic(plain: &str) -> String {
        format!("Basic {}", STANDARD.encode(plain))
    }

    #[test]
    fn only_names_that_lead_here_are_served() {
        let gate = gate(None, None, true);
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

    #[test]
    fn each_token_permits_what_it_is_for_and_writes_wait_until_they_are_allowed() {
        const READ: Option<&str> = Some("reader");
        const PUSH: Option<&str> = Some("pusher");
        // The tokens, whether writes are allowed yet, the password shown, and whether it may read and write.
        for (read, push, allowed, shown, may_read, may_write) in [
            (READ, PUSH, true, None, false, false),
            (READ, PUSH, true, Some("wrong"), false, false),
            (READ, PUSH, true, Some(""), false, false),
            (READ, PUSH, true, READ, true, false),
            (READ, PUSH, true, PUSH, true, true),
            (READ, PUSH, false, PUSH, true, false),
            (READ, PUSH, false, READ, true, false),
            (READ, READ, true, READ, true, true),
            (READ, READ, false, READ, true, false),
            (READ, None, true, READ, true, true),
            (READ, None, false, READ, true, false),
            (READ, None, true, PUSH, false, false),
            (None, PUSH, true, None, true, false),
            (None, PUSH, true, READ, true, false),
            (None, PUSH, true, PUSH, true, true),
            (None, None, true, None, true, true),
            (None, None, false, None, true, false),
            (Some(""), Some(""), true, Some(""), false, false),
        ] {
            let gate = gate(read, push, allowed);
            let basic = shown.map(|shown| basic(&format!("bob:{shown}")));
            let values: Vec<&str> = basic.iter().map(String::as_str).collect();
            let may = |method: &str| gate.check_token(&head(&method.parse().unwrap(), &values)).is_ok();
            let case = format!("{read:?} {push:?} {allowed} {shown:?}");
            for method in ["GET", "HEAD"] {
                assert_eq!(may(method), may_read, "{method} {case}");
            }
            for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", "MKCOL"] {
                assert_eq!(may(method), may_write, "{method} {case}");
            }
        }
    }
}
