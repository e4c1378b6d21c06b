//! `/metrics` and `/healthz`, on a listener of their own: nothing else is served there, and nothing there
//! is secret.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::config::Limits;
use super::metrics::Metrics;
use super::serve::ACCEPT_PAUSE;
use super::sessions::Sessions;

/// Connections at once; further ones wait.
const CONNECTIONS: usize = 16;

/// What operators are told.
#[derive(Debug)]
pub(super) struct Operator {
    pub(super) metrics: Arc<Metrics>,
    pub(super) sessions: Arc<Sessions>,
}

impl Operator {
    /// Serves `listener` until it is dropped.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener, limits: Limits) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        while let Ok(place) = places.clone().acquire_owned().await {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let operator = self.clone();
            tokio::spawn(async move {
                let _place = place;
                let service = service_fn(move |request: Request<_>| {
                    let answer = operator.answer(request.method(), request.uri().path());
                    async { Ok::<_, Infallible>(answer) }
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(limits.head_timeout)
                    .keep_alive(false)
                    .serve_connection(TokioIo::new(stream), service);
                // A scraper that takes no answer in this time has none.
                let _ = tokio::time::timeout(limits.head_timeout, connection).await;
            });
        }
    }

    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        let (status, text) = match path {
            _ if !matches!(*method, Method::GET | Method::HEAD) => {
                (StatusCode::METHOD_NOT_ALLOWED, "only GET is served here\n".to_owned())
            }
            "/metrics" => (StatusCode::OK, self.metrics.text()),
            "/healthz" if self.sessions.is_stopping() => {
                (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned())
            }
            "/healthz" => (StatusCode::OK, "ok\n".to_owned()),
            _ => (StatusCode::NOT_FOUND, "there are /metrics and /healthz here\n".to_owned()),
        };
        let mut response = Response::new(Full::new(text.into()));
        *response.status_mut() = status;
        let plain = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, plain);
        response
    }
}
