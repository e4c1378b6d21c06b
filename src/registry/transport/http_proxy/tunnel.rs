//! Tunnels through HTTP proxies, which `CONNECT` opens.
//! (<https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6>)

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{HttpProxy, HttpProxyError};

/// Returns a tunnel to `target`, `HOST:PORT`, over `connection`, which leads to `proxy`.
///
/// # Errors
/// [`HttpProxyError`] if the HTTP proxy opens none.
pub(crate) async fn open<S>(
    connection: S,
    proxy: &HttpProxy,
    target: &str,
) -> Result<TokioIo<Upgraded>, HttpProxyError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let broken = |source| HttpProxyError::Broken { proxy: proxy.to_string(), source: Arc::new(source) };
    let (mut sender, connection) = http1::handshake(TokioIo::new(connection)).await.map_err(broken)?;
    // It ends when the tunnel is open, or when the sender goes with this function.
    tokio::spawn(connection.with_upgrades());
    let mut request = Request::builder().method(Method::CONNECT).uri(target).header(header::HOST, target);
    if let Some(login) = &proxy.login {
        request = request.header(header::PROXY_AUTHORIZATION, login);
    }
    let request = request.body(Empty::<Bytes>::new()).expect("a host and a port make a valid request");
    let response = sender.send_request(request).await.map_err(broken)?;
    let (proxy_name, target) = (proxy.to_string(), target.to_owned());
    match response.status() {
        status if status.is_success() => {
            Ok(TokioIo::new(hyper::upgrade::on(response).await.map_err(broken)?))
        }
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => Err(proxy.login_error()),
        status if status.is_server_error() => {
            Err(HttpProxyError::NoConnection { proxy: proxy_name, target, status })
        }
        status => Err(HttpProxyError::Refused { proxy: proxy_name, target, status }),
    }
}
