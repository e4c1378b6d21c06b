//! Follows redirects of reads: without credentials, and only where a registry may send us.

use http::{Method, Response, StatusCode, header};

use crate::http::body::Body;
use crate::registry::auth::authenticator::Authenticator;
use crate::registry::call::Call;
use crate::registry::error::CallError;
use crate::registry::host::Host;
use crate::registry::transport::HostProtocol;
use crate::registry::transport::redirect_target::RedirectTarget;
use crate::registry::transport::retry;

/// Redirects followed for one read. Registries use one or two.
const MAX_REDIRECTS: usize = 5;

/// Whether an answer of this status sends the client elsewhere.
pub fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

impl Authenticator {
    /// As [`Authenticator::send`], for GET and HEAD: redirects are followed, without credentials.
    ///
    /// # Errors
    /// [`CallError`] if there is no response, or a redirect leads where it may not.
    pub async fn read(&self, call: Call) -> Result<Response<Body>, CallError> {
        debug_assert!(matches!(call.method, Method::GET | Method::HEAD));
        let (Some(host), Some(mut again)) = (call.uri.authority().map(ToString::to_string), call.try_clone())
        else {
            return self.send(call).await;
        };
        let Ok(host) = Host::parse(&host) else { return self.send(call).await };
        let mut at =
            RedirectTarget { uri: call.uri.clone(), host: host.clone(), address_policy: call.address_policy };
        let mut response = self.send(call).await?;
        for _ in 0..MAX_REDIRECTS {
            let location =
                response.headers().get(header::LOCATION).filter(|_| is_redirect(response.status()));
            let Some(location) = location else { return Ok(response) };
            // Whatever is not plain text is refused as a location that is no URL.
            at = self.redirect_target(&at, location.to_str().unwrap_or_default())?;
            again.uri = at.uri.clone();
            again.address_policy = at.address_policy;
            again.access = None;
            drop(response);
            let next = again.try_clone().unwrap_or_else(|| unreachable!("a read has no stream"));
            let protocol = if at.host == host {
                self.protocol(at.address_policy, &host).await
            } else {
                HostProtocol::from_uri()
            };
            response = retry::send(next, |call| self.transmit(call, &protocol)).await?;
        }
        if is_redirect(response.status()) {
            return Err(CallError::RedirectLoop { registry: host, limit: MAX_REDIRECTS });
        }
        Ok(response)
    }
}
