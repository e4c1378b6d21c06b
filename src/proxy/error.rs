//! Why the proxy answers a request itself. The rescue layer alone turns these into responses.

use crate::registry::{CallError, Host, RedirectError};

use super::connection::framing::Refusal;

/// The most characters that an error shows of one thing that a client sent.
const SHOWN: usize = 80;

/// What is shown of a client's text: not much, no control characters, and nothing before an `@`, which may be a login.
pub(super) fn shown(text: &str) -> String {
    let text = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(SHOWN + 1).collect();
    if let Some((end, _)) = shown.char_indices().nth(SHOWN) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

/// A request that the proxy answers itself.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    /// Bytes that are not one unambiguous request.
    #[error("malformed request: {}", .0.text())]
    Framing(Refusal),
    /// A request target that is no path of the registry API in its one spelling.
    #[error("malformed request: {0}")]
    Target(&'static str),
    /// A body where none belongs.
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
    /// A write before the time for it.
    #[error("nothing may be written through this proxy yet: its push token is accepted later")]
    PushesNotYet,
    /// A path outside the registry API.
    #[error("there is nothing here: this proxy serves the registry API under /v2/")]
    NotFound,
    /// A valid request that nobody may make here.
    #[error("{0} is not allowed through this proxy")]
    Denied(&'static str),
    /// A repository that this proxy does not serve.
    #[error("repository {:?} is not served here: only the proxy's own names are", shown(.0))]
    UnknownName(String),
    /// A method that the resource does not have.
    #[error("{} is not supported on {}", shown(.0.as_str()), .1)]
    Method(http::Method, &'static str),
    /// A manifest larger than registries have to take.
    #[error("the manifest has more than {limit} bytes")]
    ManifestTooLarge {
        /// The most that is taken.
        limit: usize,
    },
    /// A manifest that is not a JSON object.
    #[error("the manifest is not a JSON object")]
    ManifestInvalid,
    /// An upload that this proxy did not hand out.
    #[error("unknown upload: start it with POST to blobs/uploads/")]
    UnknownUpload,
    /// More clients at once than there is room for.
    #[error("all places of this proxy are in use: try again later")]
    Crowded,
    /// A push that would begin while the proxy ends.
    #[error("this proxy is stopping: uploads that are under way are finished, new ones are not begun")]
    Stopping,
    /// A name that does not lead here: a browser may have been sent by a foreign page.
    #[error("this proxy is not called {:?}: ask for localhost, or name it with --listen-name", shown(.0))]
    ForeignHost(String),
    /// A request that a page in a browser makes.
    #[error("requests of web pages are not served: registry clients send no Origin")]
    Page,
    /// The client stopped sending in the middle of a body.
    #[error("the request's body stopped for {seconds} s")]
    ClientStalled {
        /// How long it was waited for.
        seconds: u64,
    },
    /// Next to nothing came of a small body.
    #[error("the request's body came too slowly: it was waited for {seconds} s")]
    ClientTrickles {
        /// How long it was waited for.
        seconds: u64,
    },
    /// The client's body broke off.
    #[error("the request's body ended early")]
    ClientBody,
    /// The registry could not be asked.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The registry's answer cannot be passed on.
    #[error("{host} answered with {what}")]
    Answer {
        /// The registry.
        host: Host,
        /// What is wrong with its answer.
        what: &'static str,
        /// The location in it, if that is what is wrong.
        source: Option<RedirectError>,
    },
}
