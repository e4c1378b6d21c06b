//! Reads the route of a request.

use http::Response;

use crate::http::body::Body;

use super::Layer;
use crate::proxy::error::ProxyError;
use crate::proxy::request::ClientRequest;
use crate::proxy::request::route::Route;

/// The layer that reads the request target. The layers inside it decide on the [`Route`] and never see the path.
#[derive(Debug)]
pub(crate) struct Routing<S> {
    pub(crate) inner: S,
}

/// A request whose route is known.
#[derive(Debug)]
pub(crate) struct RoutedRequest {
    pub(crate) request: ClientRequest,
    pub(crate) route: Route,
}

impl<S: Layer<RoutedRequest>> Layer<ClientRequest> for Routing<S> {
    async fn call(&self, request: ClientRequest) -> Result<Response<Body>, ProxyError> {
        let route = Route::of(&request.head)?;
        self.inner.call(RoutedRequest { request, route }).await
    }
}
