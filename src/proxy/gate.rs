//! Lets only those in who know the access token, so that a RUN step on the same network can neither push
//! nor pull.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Response, header};

use crate::registry::{Body, Secret};

use super::error::ProxyError;
use super::exchange::{Inbound, Layer};

/// Checks the access token, if there is one: the password of Basic authentication, with any user name.
#[derive(Debug)]
pub(super) struct Gate<S> {
    pub(super) token: Option<Secret>,
    pub(super) inner: S,
}

impl<S: Layer<Inbound>> Layer<Inbound> for Gate<S> {
    async fn call(&self, mut inbound: Inbound) -> Result<Response<Body>, ProxyError> {
        if let Some(token) = &self.token
            && !knows(&inbound.head.headers, token)
        {
            return Err(ProxyError::NoToken);
        }
        inbound.head.headers.remove(header::AUTHORIZATION);
        self.inner.call(inbound).await
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
