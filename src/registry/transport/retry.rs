//! Sending a request again after a fault that may pass.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method, Response, StatusCode, header};

use super::error::TransportError;
use crate::http::body::Body;
use crate::http::date::parse_http_date;
use crate::registry::call::Call;
use crate::retry::{RetryPolicy, TransientFailure};

/// An error that may be one of the transport.
pub(crate) trait MayBeTransportError {
    /// Returns the transport's error, if it is one.
    fn transport_error(&self) -> Option<&TransportError>;
}

impl MayBeTransportError for TransportError {
    fn transport_error(&self) -> Option<&TransportError> {
        Some(self)
    }
}

/// How one attempt of a request by `method` ended.
struct Attempt<'a> {
    method: &'a Method,
    /// The response; else the transport's error, if it was one.
    outcome: Result<&'a Response<Body>, Option<&'a TransportError>>,
}

impl TransientFailure for Attempt<'_> {
    fn is_transient(&self) -> bool {
        match self.outcome {
            // PATCH appends to an upload: it is sent again only if the registry cannot have taken any of it.
            Ok(response) => {
                let status = response.status();
                is_transient_status(status) && (self.method != Method::PATCH || was_refused_unread(status))
            }
            Err(error) => error.is_some_and(|error| may_retry(self.method, error)),
        }
    }

    fn requested_pause(&self) -> Option<Duration> {
        self.outcome.ok().and_then(|response| retry_after(response.headers()))
    }
}

/// Returns the response to `call` by `send`. After a transport error that may pass, or a response with 429 or one of the
/// transient 5xx, it is sent again as `policy` says; `Retry-After` is honoured. A stream is sent once.
pub(crate) async fn send<E, F, S>(policy: &RetryPolicy, call: Call, mut send: S) -> Result<Response<Body>, E>
where
    E: MayBeTransportError,
    F: Future<Output = Result<Response<Body>, E>>,
    S: FnMut(Call) -> F,
{
    let mut next = call;
    let mut attempt = 1;
    loop {
        let copy = next.try_clone();
        let result = send(next).await;
        let Some(call) = copy else { return result };
        let Some(pause) = pause_after(policy, attempt, &call.method, &result) else { return result };
        let status = result.as_ref().ok().map(|response| response.status().as_u16());
        tracing::debug!(status, attempt, pause_ms = u64::try_from(pause.as_millis()).ok(), "sending again");
        drop(result);
        if let Some(counters) = &call.counters {
            counters.note_retry();
        }
        tokio::time::sleep(pause).await;
        next = call;
        attempt += 1;
    }
}

/// Returns the pause after the attempt number `attempt` of a request by `method`, which ended in `result`; none if it is
/// not to be sent again.
fn pause_after<E: MayBeTransportError>(
    policy: &RetryPolicy,
    attempt: u32,
    method: &Method,
    result: &Result<Response<Body>, E>,
) -> Option<Duration> {
    let outcome = result.as_ref().map_err(MayBeTransportError::transport_error);
    policy.pause_after(attempt, &Attempt { method, outcome })
}

/// Whether sending once more may help and cannot do harm. PATCH appends to an upload: it is sent again only if the
/// registry cannot have seen it.
fn may_retry(method: &Method, error: &TransportError) -> bool {
    error.is_transient() && (method != Method::PATCH || error.nothing_sent())
}

/// Whether a registry that answers with `status` may well answer otherwise a moment later.
pub(crate) fn is_transient_status(status: StatusCode) -> bool {
    was_refused_unread(status)
        || matches!(
            status,
            StatusCode::INTERNAL_SERVER_ERROR | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT
        )
}

/// Whether `status` says that the registry did nothing with the request.
fn was_refused_unread(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}

/// Returns the pause that `Retry-After` asks for, in either form.
/// (<https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>)
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let due = parse_http_date(text)?;
    let own_clock =
        || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok().map(|time| time.as_secs());
    let date = headers.get(header::DATE).and_then(|date| parse_http_date(date.to_str().ok()?));
    Some(Duration::from_secs(due.saturating_sub(date.or_else(own_clock)?)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::http::body::empty_body;
    use crate::registry::call::Payload;
    use crate::registry::counters::RequestCounters;
    use crate::registry::transport::address::AddressPolicy;

    fn pause_seconds(status: u16, headers: &[(header::HeaderName, &str)], method: &Method) -> Option<u64> {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, *value);
        }
        let response = response.body(empty_body()).unwrap();
        let attempt = Attempt { method, outcome: Ok(&response) };
        RetryPolicy::REGISTRY.pause_after(1, &attempt).map(|pause| pause.as_secs())
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        let get = &Method::GET;
        assert_eq!(pause_seconds(429, &[(header::RETRY_AFTER, "7")], get), Some(7));
        assert_eq!(pause_seconds(503, &[(header::RETRY_AFTER, "7")], get), Some(7));
        let now = (header::DATE, "Sun, 06 Nov 1994 08:49:37 GMT");
        let then = (header::RETRY_AFTER, "Sun, 06 Nov 1994 08:49:49 GMT");
        assert_eq!(pause_seconds(429, &[now, then], get), Some(12));
        assert_eq!(pause_seconds(429, &[(header::RETRY_AFTER, "3600")], get), None);
        assert_eq!(pause_seconds(429, &[(header::RETRY_AFTER, "soon")], get), Some(0));
    }

    #[test]
    fn fuzz_retry_after_never_asks_for_more_than_the_longest_pause() {
        let seeds: [&[u8]; 3] = [b"7", b"Sun, 06 Nov 1994 08:49:49 GMT", b"18446744073709551615"];
        crate::fuzz::run(&seeds, |bytes| {
            let Ok(value) = http::HeaderValue::from_bytes(bytes) else { return };
            let response = Response::builder().status(429).header(header::RETRY_AFTER, value);
            let response = response.body(empty_body()).unwrap();
            let attempt = Attempt { method: &Method::GET, outcome: Ok(&response) };
            let policy = RetryPolicy::REGISTRY;
            assert!(policy.pause_after(1, &attempt).is_none_or(|pause| pause <= policy.max_pause));
            assert_eq!(policy.pause_after(policy.max_attempts, &attempt), None);
        });
    }

    #[test]
    fn a_request_is_sent_again_after_an_error_that_may_pass_and_patch_only_if_nothing_was_sent() {
        let host = || "r.example".to_owned();
        let connect = TransportError::Connect { host: host(), source: "refused".into() };
        let broken = TransportError::Broken { host: host(), source: "reset".into() };
        let tls = TransportError::Tls { host: host(), source: "unknown issuer".into() };
        for (error, method, want) in [
            (Some(&connect), Method::PUT, true),
            (Some(&connect), Method::PATCH, true),
            (Some(&broken), Method::PUT, true),
            (Some(&broken), Method::PATCH, false),
            (Some(&tls), Method::GET, false),
            (None, Method::GET, false),
        ] {
            let attempt = Attempt { method: &method, outcome: Err(error) };
            assert_eq!(attempt.is_transient(), want, "{method} {error:?}");
            assert_eq!(attempt.requested_pause(), None);
        }
    }

    /// Sends a request with this payload to a registry that answers with `statuses` in turn. Returns the last status that
    /// was received, and how many requests were sent again.
    async fn last_status(payload: Payload, statuses: &[u16]) -> (u16, u64) {
        let counters = Arc::new(RequestCounters::default());
        let call = Call {
            method: Method::PUT,
            uri: "https://r.example/v2/".parse().unwrap(),
            headers: HeaderMap::new(),
            payload,
            address_policy: AddressPolicy::Any,
            access: None,
            counters: Some(counters.clone()),
        };
        let mut statuses = statuses.iter();
        let response = send(&RetryPolicy::REGISTRY, call, |_| {
            let response = Response::builder().status(*statuses.next().unwrap()).body(empty_body());
            async move { Ok::<_, TransportError>(response.unwrap()) }
        });
        (response.await.unwrap().status().as_u16(), counters.retries())
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_sent_until_it_succeeds_and_four_times_at_most_but_a_stream_once() {
        let empty = || Payload::Empty;
        assert_eq!(last_status(empty(), &[503, 500, 201]).await, (201, 2));
        assert_eq!(last_status(empty(), &[404]).await, (404, 0));
        assert_eq!(last_status(empty(), &[503, 503, 503, 502]).await, (502, 3));
        assert_eq!(last_status(Payload::Stream(empty_body()), &[503]).await, (503, 0));
    }

    #[test]
    fn only_passing_faults_are_sent_again() {
        for status in [200, 202, 301, 400, 401, 403, 404, 416, 501] {
            assert_eq!(pause_seconds(status, &[], &Method::GET), None, "{status}");
        }
        for status in [429, 500, 502, 503, 504] {
            assert!(pause_seconds(status, &[], &Method::PUT).is_some(), "{status}");
        }
        assert_eq!(pause_seconds(500, &[], &Method::PATCH), None);
        assert!(pause_seconds(503, &[], &Method::PATCH).is_some());
    }
}
