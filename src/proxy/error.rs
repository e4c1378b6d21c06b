//! The errors of requests. Only the layer `error_responses` makes responses of them.

use crate::registry::{CallError, Host, RedirectError};

use super::connection::framing::FramingError;

/// The most characters of a client's text that an error shows.
const MAX_SHOWN: usize = 80;

/// The beginning of a client's text, without control characters and without what stands before an `@`, which may be a
/// login.
pub(super) fn shown(text: &str) -> String {
    let text = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(MAX_SHOWN + 1).collect();
    if let Some((end, _)) = shown.char_indices().nth(MAX_SHOWN) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

/// Why a request fails.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    /// A malformed or ambiguous request.
    #[error("malformed request: {}", .0.message())]
    Framing(FramingError),
    /// A request target that is no path of the registry API, or a second spelling of one.
    #[error("malformed request: {0}")]
    Target(&'static str),
    /// A body with a method that takes none.
    #[error("malformed request: {} takes no body", shown(.0.as_str()))]
    UnwantedBody(http::Method),
    /// No access token, or a wrong one.
    #[error("this proxy needs its access token: send it as the password of Basic authentication")]
    NoToken,
    /// A write without the push token.
    #[error(
        "this proxy needs its push token for everything that writes: send it as the password of Basic authentication (the access token only reads)"
    )]
    NoPushToken,
    /// A write before writes are allowed.
    #[error("nothing may be written through this proxy yet: its push token is accepted later")]
    PushesNotYet,
    /// A path outside the registry API.
    #[error("there is nothing here: this proxy serves the registry API under /v2/")]
    NotFound,
    /// A request that the rights do not allow.
    #[error("{0} is not allowed through this proxy")]
    Denied(&'static str),
    /// A repository that this proxy does not serve.
    #[error("repository {:?} is not served here: only the proxy's own names are", shown(.0))]
    UnknownName(String),
    /// A method that the resource does not have.
    #[error("{} is not supported on {}", shown(.0.as_str()), .1)]
    Method(http::Method, &'static str),
    /// A manifest larger than the limit.
    /// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests>)
    #[error("the manifest has more than {limit} bytes")]
    ManifestTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A manifest that is not a JSON object.
    #[error("the manifest is not a JSON object")]
    ManifestInvalid,
    /// An upload location that this proxy did not seal.
    #[error("unknown upload: start it with POST to blobs/uploads/")]
    UnknownUpload,
    /// No slot or no memory became free in time.
    #[error("all places of this proxy are in use: try again later")]
    Crowded,
    /// An upload that would start while the proxy is stopping.
    #[error("this proxy is stopping: uploads that are under way are finished, new ones are not begun")]
    Stopping,
    /// A `Host` that does not name this proxy: it may come from a browser on a foreign page.
    #[error("this proxy is not called {:?}: ask for localhost, or name it with --listen-name", shown(.0))]
    ForeignHost(String),
    /// A request with `Origin`, which a browser sends for a page.
    #[error("requests of web pages are not served: registry clients send no Origin")]
    Page,
    /// The client sent no more of a body for too long.
    #[error("the request's body stopped for {seconds} s")]
    ClientStalled {
        /// The time limit.
        seconds: u64,
    },
    /// Too little of a small body came in time.
    #[error("the request's body came too slowly: it was waited for {seconds} s")]
    ClientTrickles {
        /// The time limit.
        seconds: u64,
    },
    /// The client's body ended early.
    #[error("the request's body ended early")]
    ClientBody,
    /// The call of the registry failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The registry's response cannot be passed on.
    #[error("{host} answered with {what}")]
    UnusableResponse {
        /// The registry.
        host: Host,
        /// What is wrong with its response.
        what: &'static str,
        /// The location in it, if that is what is wrong.
        source: Option<RedirectError>,
    },
}
