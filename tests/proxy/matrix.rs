//! Every kind of request against every fault: each ends intact, or in a clear error, within a bound.

mod broken;
mod lengths;
mod redirects;
mod statuses;

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use crate::harness::{DIGEST, Proxy};

/// No request may take longer, retries and the machine's other work included.
const BOUND: Duration = Duration::from_secs(30);
/// A body that is streamed, since it is longer than what is kept.
const LARGE: usize = 5 << 20;

/// Kinds of requests; those with a body say how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    GetManifest,
    HeadManifest,
    GetBlob,
    HeadBlob,
    Post,
    Patch(usize),
    Put(usize),
    PutManifest,
    Progress,
    Cancel,
}

const KINDS: [Kind; 12] = [
    Kind::GetManifest,
    Kind::HeadManifest,
    Kind::GetBlob,
    Kind::HeadBlob,
    Kind::Post,
    Kind::Patch(1000),
    Kind::Patch(LARGE),
    Kind::Put(1000),
    Kind::Put(LARGE),
    Kind::PutManifest,
    Kind::Progress,
    Kind::Cancel,
];

impl Kind {
    fn method(self) -> &'static str {
        match self {
            Self::GetManifest | Self::GetBlob | Self::Progress => "GET",
            Self::HeadManifest | Self::HeadBlob => "HEAD",
            Self::Post => "POST",
            Self::Patch(_) => "PATCH",
            Self::Put(_) | Self::PutManifest => "PUT",
            Self::Cancel => "DELETE",
        }
    }

    /// Its target here; `location` is that of an upload.
    fn target(self, location: &str) -> String {
        match self {
            Self::GetManifest | Self::HeadManifest | Self::PutManifest => "/v2/target/manifests/x".into(),
            Self::GetBlob | Self::HeadBlob => format!("/v2/target/blobs/{DIGEST}"),
            Self::Post => "/v2/target/blobs/uploads/".into(),
            Self::Patch(_) | Self::Progress | Self::Cancel => location.into(),
            Self::Put(_) => format!("{location}?digest={DIGEST}"),
        }
    }

    fn body(self) -> Bytes {
        match self {
            Self::Patch(size) | Self::Put(size) => vec![7; size].into(),
            Self::PutManifest => "{}".into(),
            _ => Bytes::new(),
        }
    }

    /// Whether its body cannot be sent twice.
    fn is_streamed(self) -> bool {
        matches!(self, Self::Patch(LARGE) | Self::Put(LARGE))
    }
}

/// How a request ended.
#[derive(Debug)]
struct End {
    status: u16,
    headers: HeaderMap,
    /// None if it broke off.
    body: Option<Bytes>,
    took: Duration,
}

impl End {
    fn text(&self) -> &str {
        self.body.as_deref().map_or("", |body| std::str::from_utf8(body).unwrap())
    }

    /// Whether the answer is an error that registry clients understand.
    fn is_clear_error(&self) -> bool {
        self.status >= 400 && self.text().contains(r#"{"errors":[{"code":""#)
    }
}

/// Sends a request of `kind`; `agent` tells the scripted registry what to do with it.
async fn ask(proxy: &Proxy, kind: Kind, location: &str, agent: &str) -> End {
    let uri = format!("http://{}{}", proxy.address, kind.target(location));
    let request = Request::builder().method(kind.method()).uri(uri).header("user-agent", agent);
    let request = request.body(Full::new(kind.body())).unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let begun = Instant::now();
    let exchange = async {
        let response =
            client.request(request).await.unwrap_or_else(|error| panic!("{kind:?} {agent}: {error:?}"));
        let (head, body) = response.into_parts();
        (head, body.collect().await.ok().map(http_body_util::Collected::to_bytes))
    };
    let ended = tokio::time::timeout(BOUND, exchange).await;
    let (head, body) = ended.unwrap_or_else(|_| panic!("{kind:?} {agent}: no end within {BOUND:?}"));
    End { status: head.status.as_u16(), headers: head.headers, body, took: begun.elapsed() }
}
