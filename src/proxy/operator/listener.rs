//! The listener for operators. It serves `/metrics` and `/healthz` and nothing else; neither tells a secret.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use super::metrics::Metrics;
use crate::proxy::config::Limits;
use crate::proxy::connection::slots::{ConnectionSlots, SlotLimits};
use crate::proxy::serve::ACCEPT_PAUSE;
use crate::proxy::uploads::sessions::UploadSessions;

/// The most connections at once; for a further one the oldest is evicted.
const MAX_CONNECTIONS: usize = 64;
/// The most bytes that are read from a connection at once: the least that hyper allows.
const READ_BUFFER: usize = 8 * 1024;

/// The service for operators.
#[derive(Debug)]
pub(crate) struct OperatorService {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) sessions: Arc<UploadSessions>,
}

impl OperatorService {
    /// Serves `listener` until it is dropped.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener, limits: Limits) {
        // There are no tokens here: no connection is ever admitted.
        let slots = ConnectionSlots::new(SlotLimits {
            unadmitted: MAX_CONNECTIONS,
            admission_timeout: limits.admission_timeout,
            admitted: 0,
            reserved_for_push: 0,
            admission_wait: limits.admission_timeout,
        });
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                slots.evict_one();
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let (operator, slot) = (self.clone(), slots.acquire().await);
            tokio::spawn(async move { slot.run(operator.serve_one(stream)).await });
        }
    }

    /// Answers the one request of a connection.
    async fn serve_one(self: Arc<Self>, stream: TcpStream) {
        let service = service_fn(|request: Request<_>| {
            let response = self.response(request.method(), request.uri().path());
            async { Ok::<_, Infallible>(response) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .keep_alive(false)
            .max_buf_size(READ_BUFFER)
            .serve_connection(TokioIo::new(stream), service);
        // A client that leaves needs no response.
        let _ = connection.await;
    }

    fn response(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
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
