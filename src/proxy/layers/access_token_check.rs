//! Checks the access token of a request, and admits its connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, Method, Response, header};
use zeroize::Zeroizing;

use crate::http::body::Body;
use crate::secret::Secret;

use super::Layer;
use crate::proxy::config::AccessTokens;
use crate::proxy::connection::framing::FramingError;
use crate::proxy::connection::slots::ConnectionSlot;
use crate::proxy::error::ProxyError;
use crate::proxy::request::ClientRequest;

/// The layer that checks the token: the password of Basic authentication, with any user name. So no RUN step on the same
/// network can push or pull. The connection of a request that passes is admitted.
/// (<https://www.rfc-editor.org/rfc/rfc7617#section-2>)
#[derive(Debug)]
pub(crate) struct AccessTokenCheck<S> {
    pub(crate) tokens: AccessTokens,
    /// Whether writes are allowed yet.
    pub(crate) pushes_allowed: Arc<AtomicBool>,
    pub(crate) inner: S,
}

impl<S: Layer<ClientRequest>> Layer<ClientRequest> for AccessTokenCheck<S> {
    async fn call(&self, mut request: ClientRequest) -> Result<Response<Body>, ProxyError> {
        let slot = request.head.extensions.remove::<Arc<ConnectionSlot>>();
        let checked = self.check(&request.head);
        if let (Err(_), Some(slot)) = (&checked, &slot) {
            slot.note_refusal();
        }
        let has_push_token = checked?;
        if has_push_token {
            request.record.note_push_token();
        }
        // Before anything waits, so that no client without a token takes this connection's slot.
        if let Some(slot) = slot {
            slot.admit(has_push_token).await?;
        }
        request.head.headers.remove(header::AUTHORIZATION);
        self.inner.call(request).await
    }
}

impl<S> AccessTokenCheck<S> {
    /// Whether a request has the push token. An empty token never matches.
    ///
    /// # Errors
    /// [`ProxyError::NoToken`], [`ProxyError::NoPushToken`] or [`ProxyError::PushesNotYet`] if the request may not be made.
    fn check(&self, head: &Parts) -> Result<bool, ProxyError> {
        let AccessTokens { read, push } = &self.tokens;
        let password = password(&head.headers);
        let has = |token: &Option<Secret>| match (token, &password) {
            (Some(token), Some(password)) => !token.is_empty() && token.matches(password),
            _ => false,
        };
        let (has_read_token, has_push_token) = (has(read), has(push));
        if read.is_some() && !has_read_token && !has_push_token {
            return Err(ProxyError::NoToken);
        }
        if only_reads(&head.method) {
            return Ok(has_push_token);
        }
        if push.is_some() && !has_push_token {
            return Err(ProxyError::NoPushToken);
        }
        if !self.pushes_allowed.load(Ordering::Acquire) {
            return Err(ProxyError::PushesNotYet);
        }
        Ok(has_push_token)
    }
}

/// The password of `Authorization: Basic`; none if there is no such header, or several.
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

/// Whether the method only reads. The placeholder of a malformed request does nothing.
fn only_reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD) || method.as_str() == FramingError::PLACEHOLDER_METHOD
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn layer(read: Option<&str>, push: Option<&str>, pushes_allowed: bool) -> AccessTokenCheck<()> {
        let tokens = AccessTokens { read: read.map(Secret::from), push: push.map(Secret::from) };
        let pushes_allowed = Arc::new(pushes_allowed.into());
        AccessTokenCheck { tokens, pushes_allowed, inner: () }
    }

    fn head(method: &Method, values: &[&str]) -> Parts {
        let mut head = http::Request::new(()).into_parts().0;
        head.method = method.clone();
        for value in values {
            head.headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        head
    }

    fn is_accepted(values: &[&str]) -> bool {
        layer(Some("to:ken"), None, true).check(&head(&Method::GET, values)).is_ok()
    }

    fn basic(plain: &str) -> String {
        format!("Basic {}", STANDARD.encode(plain))
    }

    #[test]
    fn the_token_is_the_password_of_any_user() {
        for plain in ["bob:to:ken", ":to:ken", "x y:to:ken"] {
            assert!(is_accepted(&[&basic(plain)]), "{plain}");
        }
        assert!(is_accepted(&[&basic("bob:to:ken").replace("Basic", "bAsIc")]));
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
            assert!(!is_accepted(&[value]), "{value}");
        }
        assert!(!is_accepted(&[]));
        assert!(!is_accepted(&[&basic("bob:to:ken"), &basic("bob:to:ken")]));
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
            let layer = layer(read, push, allowed);
            let basic = shown.map(|shown| basic(&format!("bob:{shown}")));
            let values: Vec<&str> = basic.iter().map(String::as_str).collect();
            let may = |method: &str| layer.check(&head(&method.parse().unwrap(), &values)).is_ok();
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
