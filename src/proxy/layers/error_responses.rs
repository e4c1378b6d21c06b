//! Turns every error into a response that registry clients read: `{"errors":[{"code":…,"message":…}]}`.
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes>)

use http::{HeaderValue, Response, StatusCode, header};

use crate::diag::{printable_line, with_causes};
use crate::http::body::{Body, full_body};
use crate::registry::{CallError, HttpProxyError, TransportError};

use super::Layer;
use crate::proxy::connection::framing::FramingError;
use crate::proxy::error::ProxyError;
use crate::proxy::request::ClientRequest;

/// The most characters of an error's message. Parts of it come from clients and registries, which bound their own.
const MAX_MESSAGE_CHARS: usize = 4096;

/// The layer that makes responses of errors. No other place does.
#[derive(Debug)]
pub(crate) struct ErrorResponses<S> {
    pub(crate) inner: S,
}

impl<S: Layer<ClientRequest>> Layer<ClientRequest> for ErrorResponses<S> {
    async fn call(&self, request: ClientRequest) -> Result<Response<Body>, ProxyError> {
        match self.inner.call(request).await {
            // Clients take 502 for the fault of a gateway on the way, and give up.
            Ok(mut response) if response.status() == StatusCode::BAD_GATEWAY => {
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                Ok(response)
            }
            Ok(response) => Ok(response),
            Err(error) => Ok(error_response(&error)),
        }
    }
}

/// The response to a request that failed with `error`.
fn error_response(error: &ProxyError) -> Response<Body> {
    let (status, code) = status_and_code(error);
    let message = printable_line(&with_causes(error), MAX_MESSAGE_CHARS);
    if status.is_server_error() {
        tracing::warn!(status = status.as_u16(), error = message, "a request failed");
    }
    let body = serde_json::json!({ "errors": [{ "code": code, "message": message }] });
    let mut response = Response::new(full_body(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if needs_challenge(error) {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"bob\""));
    }
    if ends_connection(error) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether the response asks the client for a token of this proxy, so that it sends one.
const fn needs_challenge(error: &ProxyError) -> bool {
    matches!(error, ProxyError::NoToken | ProxyError::NoPushToken | ProxyError::PushesNotYet)
}

/// Whether the connection ends with the response: what follows on it is no request, or is not wanted.
const fn ends_connection(error: &ProxyError) -> bool {
    matches!(
        error,
        ProxyError::Framing(_)
            | ProxyError::UnwantedBody(_)
            | ProxyError::ClientStalled { .. }
            | ProxyError::ClientTrickles { .. }
            | ProxyError::ClientBody
            | ProxyError::ManifestTooLarge { .. }
    )
}

/// The status and the error code of the registry API.
fn status_and_code(error: &ProxyError) -> (StatusCode, &'static str) {
    match error {
        ProxyError::Framing(FramingError::TooLarge) => {
            (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "UNSUPPORTED")
        }
        ProxyError::Framing(_) | ProxyError::UnwantedBody(_) | ProxyError::ClientBody => {
            (StatusCode::BAD_REQUEST, "UNSUPPORTED")
        }
        ProxyError::Target(_) => (StatusCode::BAD_REQUEST, "NAME_INVALID"),
        ProxyError::NoToken | ProxyError::NoPushToken | ProxyError::PushesNotYet => {
            (StatusCode::UNAUTHORIZED, "UNAUTHORIZED")
        }
        ProxyError::ForeignHost(_) => (StatusCode::MISDIRECTED_REQUEST, "DENIED"),
        ProxyError::Stopping | ProxyError::Crowded => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        ProxyError::NotFound => (StatusCode::NOT_FOUND, "NAME_UNKNOWN"),
        ProxyError::Denied(_) | ProxyError::UnknownName(_) | ProxyError::Page => {
            (StatusCode::FORBIDDEN, "DENIED")
        }
        ProxyError::Method(..) => (StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED"),
        ProxyError::ManifestTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "MANIFEST_INVALID"),
        ProxyError::ManifestInvalid => (StatusCode::BAD_REQUEST, "MANIFEST_INVALID"),
        ProxyError::UnknownUpload => (StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"),
        ProxyError::ClientStalled { .. } | ProxyError::ClientTrickles { .. } => {
            (StatusCode::REQUEST_TIMEOUT, "UNAVAILABLE")
        }
        ProxyError::Call(error) => call_status(error.root()),
        ProxyError::UnusableResponse { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "UNAVAILABLE"),
    }
}

/// The status and the error code for a failed call of the registry.
fn call_status(error: &CallError) -> (StatusCode, &'static str) {
    match error {
        CallError::Transport(fault) | CallError::Endpoint { source: fault, .. } => match fault {
            TransportError::AddressRefused { .. }
            | TransportError::PlainHttp { .. }
            // A client that tries again meets the same refusal.
            | TransportError::HttpProxy {
                source:
                    HttpProxyError::UnknownAddress { .. }
                    | HttpProxyError::Unusable { .. }
                    | HttpProxyError::Login { .. }
                    | HttpProxyError::Refused { .. },
                ..
            } => (StatusCode::FORBIDDEN, "DENIED"),
            TransportError::RequestStalled { .. } => (StatusCode::REQUEST_TIMEOUT, "UNAVAILABLE"),
            TransportError::RequestBody { .. } => (StatusCode::BAD_REQUEST, "UNSUPPORTED"),
            TransportError::Silent { .. } | TransportError::TimedOut { .. } => {
                (StatusCode::GATEWAY_TIMEOUT, "UNAVAILABLE")
            }
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "UNAVAILABLE"),
        },
        CallError::Refused { status, .. } => match *status {
            StatusCode::FORBIDDEN => (StatusCode::FORBIDDEN, "DENIED"),
            StatusCode::TOO_MANY_REQUESTS => (StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS"),
            status if status.is_client_error() => (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "UNAVAILABLE"),
        },
        CallError::Redirect(_) | CallError::Realm { .. } => (StatusCode::FORBIDDEN, "DENIED"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "UNAVAILABLE"),
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::http::body::collect;
    use crate::registry::Host;

    #[test]
    fn every_error_has_its_status_and_code() {
        let host = || Host::parse("r.example").unwrap();
        let refused = |status| {
            let (registry, endpoint) = (host(), "r.example".to_owned());
            let (login, scopes) = (String::new(), String::new());
            ProxyError::Call(CallError::Refused { registry, endpoint, status, login, scopes })
        };
        for (error, status, code) in [
            (ProxyError::Framing(FramingError::TooLarge), 431, "UNSUPPORTED"),
            (ProxyError::Framing(FramingError::Line), 400, "UNSUPPORTED"),
            (ProxyError::UnwantedBody(Method::GET), 400, "UNSUPPORTED"),
            (ProxyError::ClientBody, 400, "UNSUPPORTED"),
            (ProxyError::Target("x"), 400, "NAME_INVALID"),
            (ProxyError::NoToken, 401, "UNAUTHORIZED"),
            (ProxyError::NoPushToken, 401, "UNAUTHORIZED"),
            (ProxyError::PushesNotYet, 401, "UNAUTHORIZED"),
            (ProxyError::ForeignHost("x".into()), 421, "DENIED"),
            (ProxyError::Stopping, 503, "UNAVAILABLE"),
            (ProxyError::Crowded, 503, "UNAVAILABLE"),
            (ProxyError::NotFound, 404, "NAME_UNKNOWN"),
            (ProxyError::Denied("x"), 403, "DENIED"),
            (ProxyError::UnknownName("x".into()), 403, "DENIED"),
            (ProxyError::Page, 403, "DENIED"),
            (ProxyError::Method(Method::PUT, "x"), 405, "UNSUPPORTED"),
            (ProxyError::ManifestTooLarge { limit: 1 }, 413, "MANIFEST_INVALID"),
            (ProxyError::ManifestInvalid, 400, "MANIFEST_INVALID"),
            (ProxyError::UnknownUpload, 404, "BLOB_UPLOAD_UNKNOWN"),
            (ProxyError::ClientStalled { seconds: 1 }, 408, "UNAVAILABLE"),
            (ProxyError::ClientTrickles { seconds: 1 }, 408, "UNAVAILABLE"),
            (ProxyError::UnusableResponse { host: host(), what: "x", source: None }, 500, "UNAVAILABLE"),
            (refused(StatusCode::FORBIDDEN), 403, "DENIED"),
            (refused(StatusCode::TOO_MANY_REQUESTS), 429, "TOOMANYREQUESTS"),
            (refused(StatusCode::UNAUTHORIZED), 401, "UNAUTHORIZED"),
            (refused(StatusCode::NOT_FOUND), 401, "UNAUTHORIZED"),
            (refused(StatusCode::BAD_GATEWAY), 500, "UNAVAILABLE"),
        ] {
            let (found, found_code) = status_and_code(&error);
            assert_eq!((found.as_u16(), found_code), (status, code), "{error:?}");
            let response = error_response(&error);
            assert_eq!(response.status(), found, "{error:?}");
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
            // A client sends this proxy's token only where this proxy asks for it.
            let is_asked = response.headers().contains_key(header::WWW_AUTHENTICATE);
            let needs_token =
                matches!(error, ProxyError::NoToken | ProxyError::NoPushToken | ProxyError::PushesNotYet);
            assert_eq!(is_asked, needs_token, "{error:?}");
        }
    }

    #[test]
    fn a_request_of_which_more_may_come_is_the_last_of_its_connection() {
        for (error, is_last) in [
            (ProxyError::Framing(FramingError::Line), true),
            (ProxyError::UnwantedBody(Method::GET), true),
            (ProxyError::ClientStalled { seconds: 1 }, true),
            (ProxyError::ClientTrickles { seconds: 1 }, true),
            (ProxyError::ClientBody, true),
            (ProxyError::ManifestTooLarge { limit: 1 }, true),
            (ProxyError::ManifestInvalid, false),
            (ProxyError::NotFound, false),
            (ProxyError::NoToken, false),
        ] {
            let response = error_response(&error);
            let closes = response.headers().get(header::CONNECTION).is_some_and(|value| value == "close");
            assert_eq!(closes, is_last, "{error:?}");
        }
    }

    #[tokio::test]
    async fn errors_have_no_control_characters_whatever_was_sent() {
        let error = |what| ProxyError::UnusableResponse {
            host: Host::parse("r.example").unwrap(),
            what,
            source: None,
        };
        let body =
            error_response(&error("\u{1b}]52;c;AAAA\u{7}\u{9b}31m\u{202e}\r\nINFO forged: \u{e9}\u{4e2d}"));
        let body = collect(body.into_body(), 4096).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let message = body["errors"][0]["message"].as_str().unwrap();
        assert!(!message.contains(|c: char| c.is_control() || c == '\u{202e}'), "{message:?}");
        assert!(message.ends_with("  INFO forged: \u{e9}\u{4e2d}"), "{message:?}");
    }
}
