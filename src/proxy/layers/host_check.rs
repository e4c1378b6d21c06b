//! Checks that a request is meant for this proxy.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use http::{HeaderMap, Response, header};

use crate::http::body::Body;

use super::Layer;
use crate::proxy::connection::slots::ConnectionSlot;
use crate::proxy::error::ProxyError;
use crate::proxy::request::ClientRequest;

/// The layer that checks `Host` and `Origin`, so that no page in a browser can use the proxy.
#[derive(Debug)]
pub(crate) struct HostCheck<S> {
    /// Names beside `localhost` and loopback addresses that lead here, in lower case.
    pub(crate) names: BTreeSet<String>,
    pub(crate) inner: S,
}

impl<S: Layer<ClientRequest>> Layer<ClientRequest> for HostCheck<S> {
    async fn call(&self, request: ClientRequest) -> Result<Response<Body>, ProxyError> {
        let checked = self.check(&request.head.headers);
        if let (Err(_), Some(slot)) = (&checked, request.head.extensions.get::<Arc<ConnectionSlot>>()) {
            slot.note_refusal();
        }
        checked?;
        self.inner.call(request).await
    }
}

impl<S> HostCheck<S> {
    /// Refuses what a browser sends for a foreign page: a page's host name may be made to lead to this
    /// address (DNS rebinding), and a page may write to any address without reading the answer.
    fn check(&self, headers: &HeaderMap) -> Result<(), ProxyError> {
        if headers.contains_key(header::ORIGIN) {
            return Err(ProxyError::Page);
        }
        let Some(value) = headers.get(header::HOST) else { return Ok(()) };
        let text = value.to_str().unwrap_or_default();
        let name = without_port(text).to_ascii_lowercase();
        let is_own = name == "localhost" || is_loopback(&name) || self.names.contains(&name);
        is_own.then_some(()).ok_or_else(|| ProxyError::ForeignHost(text.to_owned()))
    }
}

/// The host without its port.
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

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    #[test]
    fn only_names_that_lead_here_are_served() {
        let layer = HostCheck { names: ["bob.internal".to_owned()].into(), inner: () };
        let ok = |name: &'static str, value: &str| {
            let header = (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
            layer.check(&HeaderMap::from_iter([header])).is_ok()
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
}
