//! Errors of requests that brought no response, made from those of the HTTP client.

use std::error::Error;

use hyper_util::client::legacy;

use super::address::AddressRefused;
use super::connect::{PlainHttpRefused, not_tls};
use super::http_proxy::HttpProxyError;
use super::idle::Stalled;
use crate::diag::{self, printable_line};
use crate::http::body::BoxError;

/// Characters of a cause's text at most.
const MAX_SHOWN_CHARS: usize = 300;

/// A request that brought no response.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection: nothing was sent.
    #[error("cannot connect to {host}: check its name, and that it can be reached from here")]
    Connect {
        /// The registry.
        host: String,
        /// Why.
        source: BoxError,
    },
    /// The HTTP proxy that it has to go through does not pass it on: the host has seen nothing.
    #[error("{host} cannot be reached through an HTTP proxy")]
    HttpProxy {
        /// The registry.
        host: String,
        /// Why not.
        source: HttpProxyError,
    },
    /// The certificate or the handshake is not acceptable: nothing was sent.
    #[error(
        "no trusted TLS connection to {host}: if it has a private certificate authority, name its file in SSL_CERT_FILE"
    )]
    Tls {
        /// The registry.
        host: String,
        /// Why.
        source: BoxError,
    },
    /// The address may not be connected to.
    #[error("{host} may not be reached from here: its address is private, loopback or link-local")]
    AddressRefused {
        /// The host.
        host: String,
    },
    /// Plain HTTP is not allowed to this host.
    #[error(
        "plain http to {host} is refused: only loopback hosts and those of --insecure-registry may use it"
    )]
    PlainHttp {
        /// The host.
        host: String,
    },
    /// What has to be TLS is not: nothing was sent.
    #[error(
        "{host} does not answer with TLS: plain http is only for loopback hosts and those of --insecure-registry, and for none that spoke TLS before"
    )]
    NotTls {
        /// The host.
        host: String,
    },
    /// An answer that is read whole did not arrive in time, though it may still move.
    #[error("{what} did not come whole within {seconds} s")]
    TimedOut {
        /// What did not come.
        what: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The registry said nothing.
    #[error("{host} said nothing for {seconds} s")]
    Silent {
        /// The registry.
        host: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The connection broke after the request was begun.
    #[error("the connection to {host} broke before its answer")]
    Broken {
        /// The registry.
        host: String,
        /// Why.
        source: BoxError,
    },
    /// The request's body stopped coming.
    #[error("the request's body stopped for {seconds} s")]
    RequestStalled {
        /// How long it was waited for.
        seconds: u64,
    },
    /// The request's body could not be read from where it comes from.
    #[error("the request's body ended early")]
    RequestBody {
        /// Why.
        source: BoxError,
    },
}

impl TransportError {
    /// Whether the registry cannot have seen the request.
    pub const fn nothing_sent(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. }
                | Self::HttpProxy { .. }
                | Self::Tls { .. }
                | Self::NotTls { .. }
                | Self::AddressRefused { .. }
                | Self::PlainHttp { .. }
        )
    }

    /// Whether the same request may well succeed a moment later.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Broken { .. } => true,
            Self::HttpProxy { source, .. } => source.is_transient(),
            _ => false,
        }
    }
}

/// Returns what `error`, of a request to `host`, means.
pub(crate) fn classify(host: String, error: &legacy::Error) -> TransportError {
    if find::<AddressRefused>(error).is_some() {
        return TransportError::AddressRefused { host };
    }
    if let Some(source) = find::<HttpProxyError>(error) {
        return TransportError::HttpProxy { host, source: source.clone() };
    }
    if find::<PlainHttpRefused>(error).is_some() {
        return TransportError::PlainHttp { host };
    }
    if error.is_connect() {
        let source: BoxError = match find::<rustls::Error>(error) {
            Some(tls) if not_tls(tls) => return TransportError::NotTls { host },
            Some(tls) => return TransportError::Tls { host, source: line(&diag::tls_words(tls)) },
            None => innermost(error),
        };
        return TransportError::Connect { host, source };
    }
    if let Some(Stalled(limit)) = find(error) {
        return TransportError::RequestStalled { seconds: limit.as_secs() };
    }
    // hyper marks a request that failed by its own body as the user's fault.
    let own_body = find::<hyper::Error>(error).is_some_and(hyper::Error::is_user);
    let source = innermost(error);
    if own_body { TransportError::RequestBody { source } } else { TransportError::Broken { host, source } }
}

/// Returns the first error of type `T` among `error` and its causes.
pub(crate) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|cause| cause.downcast_ref())
}

/// Returns `error` and its causes, outermost first.
pub(crate) fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> + use<'a> {
    std::iter::successors(Some(error), |cause: &&'a (dyn Error + 'static)| {
        let cause = *cause;
        // An io::Error passes over what it wraps when it is asked for its source.
        match cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => cause.source(),
        }
    })
}

/// Returns the text of the last cause: hyper's chains repeat it with less and less detail.
fn innermost(error: &legacy::Error) -> BoxError {
    diag::causes(error).last().map_or_else(|| line(&error.to_string()), |last| line(&diag::cause_text(last)))
}

/// Returns `text` in one line, cut: the name in a certificate may be long.
fn line(text: &str) -> BoxError {
    printable_line(text, MAX_SHOWN_CHARS).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_with_nine_hundred_names_makes_no_long_error() {
        let names = (0..900).map(|number| format!("DnsName(\"{number}.{}\")", "long".repeat(15)));
        let error = rustls::Error::InvalidCertificate(rustls::CertificateError::NotValidForNameContext {
            expected: rustls::pki_types::ServerName::try_from("r.example").unwrap(),
            presented: names.collect(),
        });
        assert!(error.to_string().len() > 60_000);
        let text = line(&diag::tls_words(&error)).to_string();
        assert!(text.contains("not valid for r.example"), "{text}");
        assert_eq!(text.chars().count(), MAX_SHOWN_CHARS);
    }
}
