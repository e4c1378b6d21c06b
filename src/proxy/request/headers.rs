//! The headers that the proxy passes on, in both directions.

use http::{HeaderMap, HeaderName, header};

use super::names::Digest;

/// The headers of a client that registries need. No others are sent on: not `Authorization`, `Cookie`, `Host`, `Expect` or
/// `X-Forwarded-*`.
const REQUEST_HEADERS: [HeaderName; 11] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::IF_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::IF_UNMODIFIED_SINCE,
    header::RANGE,
    header::USER_AGENT,
];

/// The headers of a registry that clients do not get: those of its connection, and those that would make a client talk to
/// the registry itself. A challenge that is passed on would make it send the proxy's access token there.
const REMOVED_FROM_RESPONSES: [&str; 20] = [
    "alt-svc",
    "authentication-info",
    "clear-site-data",
    "connection",
    "content-location",
    "keep-alive",
    "link",
    "location",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "refresh",
    "set-cookie",
    "strict-transport-security",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
];

/// The header with the digest of the content in a response.
/// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>)
pub(crate) const CONTENT_DIGEST: &str = "docker-content-digest";

/// The headers of a client's request that go to the registry.
pub(crate) fn request_headers(headers: &HeaderMap) -> HeaderMap {
    let dropped = connection_options(headers);
    let mut out = HeaderMap::new();
    for name in REQUEST_HEADERS.iter().filter(|name| !dropped.contains(name)) {
        for value in headers.get_all(name) {
            out.append(name, value.clone());
        }
    }
    out
}

/// Removes the headers of a registry's response that do not go to the client.
pub(crate) fn clean_response_headers(headers: &mut HeaderMap) {
    for name in connection_options(headers) {
        headers.remove(name);
    }
    for name in REMOVED_FROM_RESPONSES {
        headers.remove(name);
    }
    // Clients name content by it. An invalid digest is left out: they then compute it.
    let digest = headers.get(CONTENT_DIGEST).and_then(|value| Digest::parse(value.to_str().ok()?));
    if digest.is_none() || headers.get_all(CONTENT_DIGEST).iter().count() > 1 {
        headers.remove(CONTENT_DIGEST);
    }
}

/// The headers that `Connection` declares to be hop-by-hop.
/// (<https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1>)
fn connection_options(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(','));
    names.filter_map(|name| HeaderName::try_from(name.trim()).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn only_what_registries_need_goes_on() {
        let out = request_headers(&headers(&[
            ("accept", "a"),
            ("accept", "b"),
            ("range", "bytes=0-1"),
            ("if-match", "x"),
            ("connection", "close, If-Match"),
            ("authorization", "Basic x"),
            ("cookie", "x"),
            ("host", "x"),
            ("x-forwarded-for", "x"),
            ("forwarded", "x"),
            ("x-real-ip", "x"),
            ("expect", "100-continue"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("x-anything", "x"),
            ("content-length", "5"),
            ("transfer-encoding", "chunked"),
            ("proxy-authorization", "x"),
            ("via", "x"),
        ]));
        assert_eq!(out, headers(&[("accept", "a"), ("accept", "b"), ("range", "bytes=0-1")]));
    }

    #[test]
    fn challenges_cookies_and_connection_headers_stay_here() {
        let mut out = headers(&[
            ("content-type", "x"),
            ("docker-content-digest", SHA256),
            ("www-authenticate", "Bearer realm=\"x\""),
            ("set-cookie", "x"),
            ("connection", "x-own"),
            ("x-own", "1"),
            ("transfer-encoding", "chunked"),
            ("location", "https://secret"),
            ("link", "x"),
        ]);
        clean_response_headers(&mut out);
        assert_eq!(out, headers(&[("content-type", "x"), ("docker-content-digest", SHA256)]));
        for digest in ["d", "md5:d41d8cd98f00b204e9800998ecf8427e", &SHA256[..70], "sha256:../../x"] {
            let mut out =
                HeaderMap::from_iter([(HeaderName::from_static(CONTENT_DIGEST), digest.parse().unwrap())]);
            clean_response_headers(&mut out);
            assert!(out.is_empty(), "{digest}");
        }
        let mut out = headers(&[("docker-content-digest", SHA256), ("docker-content-digest", "d")]);
        clean_response_headers(&mut out);
        assert!(out.is_empty());
    }
}
