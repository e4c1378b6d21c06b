//! Checks a manifest before it is written.

use http::Response;

use crate::http::body::Body;
use crate::registry::{MAX_MANIFEST_BYTES, Payload};

use super::Layer;
use super::body_buffering::BufferedRequest;
use crate::proxy::error::ProxyError;
use crate::proxy::request::action::Action;
use crate::proxy::request::manifest::has_subject;

/// The layer that refuses manifests which are too large, are no JSON object, or name a `subject`: these would be listed
/// among the referrers of another manifest.
#[derive(Debug)]
pub(crate) struct ManifestCheck<S> {
    pub(crate) inner: S,
}

impl<S: Layer<BufferedRequest>> Layer<BufferedRequest> for ManifestCheck<S> {
    async fn call(&self, request: BufferedRequest) -> Result<Response<Body>, ProxyError> {
        if matches!(request.action, Action::WriteManifest { .. }) {
            check(&request.payload)?;
        }
        self.inner.call(request).await
    }
}

fn check(payload: &Payload) -> Result<(), ProxyError> {
    let bytes: &[u8] = match payload {
        Payload::Bytes(bytes) if bytes.len() <= MAX_MANIFEST_BYTES => bytes,
        Payload::Empty => &[],
        _ => return Err(ProxyError::ManifestTooLarge { limit: MAX_MANIFEST_BYTES }),
    };
    match has_subject(bytes) {
        Some(false) => Ok(()),
        Some(true) => Err(ProxyError::Denied("writing referrers (a manifest with a subject)")),
        None => Err(ProxyError::ManifestInvalid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_may_have_as_many_bytes_as_the_limit_and_no_more() {
        let manifest = |length: usize| {
            let mut bytes = b"{}".to_vec();
            bytes.resize(length, b' ');
            check(&Payload::Bytes(bytes.into()))
        };
        assert!(manifest(MAX_MANIFEST_BYTES).is_ok());
        assert!(matches!(manifest(MAX_MANIFEST_BYTES + 1), Err(ProxyError::ManifestTooLarge { .. })));
        assert!(matches!(check(&Payload::Empty), Err(ProxyError::ManifestInvalid)));
    }
}
