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
use tokio::net::{TcpListener, TcpStream};

use super::metrics::Metrics;
use crate::proxy::config::Limits;
use crate::proxy::connection::places::{Bounds, Places};
use crate::proxy::serve::ACCEPT_PAUSE;
use crate::proxy::uploads::sessions::Sessions;

/// Connections at once; a further one takes the place of the oldest.
const CONNECTIONS: usize = 64;
/// What is read of a connection at once, at most, in bytes: the least that the HTTP library takes.
const READ_BUFFER: usize = 8 * 1024;

/// What operators are told.
#[derive(Debug)]
pub(crate) struct Operator {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) sessions: Arc<Sessions>,
}

impl Operator {
    /// Serves `listener` until it is dropped.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener, limits: Limits) {
        // Nobody here has a token: all are newcomers for as long as they stay.
        let places = Places::new(Bounds {
            newcomers: CONNECTIONS,
            newcomer_timeout: limits.newcomer_timeout,
            members: 0,
            members_to_push: 0,
            member_wait: limits.newcomer_timeout,
        });
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                places.make_room();
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let (operator, place) = (self.clone(), places.take().await);
            tokio::spawn(async move { place.keep_while(operator.serve_one(stream)).await });
        }
    }

    /// Answers the one request of a connection.
    async fn serve_one(self: Arc<Self>, stream: TcpStream) {
        let service = service_fn(|request: Request<_>| {
            let answer = self.answer(request.method(), request.uri().path());
            async { Ok::<_, Infallible>(answer) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .keep_alive(false)
            .max_buf_size(READ_BUFFER)
            .serve_connection(TokioIo::new(stream), service);
        // A scraper that goes away has no answer.
        let _ = connection.await;
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
