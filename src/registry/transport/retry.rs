//! Sends again what can be sent again, when the fault may pass.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method, Response, StatusCode, header};

use super::error::TransportError;
use crate::http::body::Body;
use crate::http::date::parse_http_date;
use crate::registry::call::Call;

/// How often a request is sent at most.
const MAX_ATTEMPTS: u32 = 4;
/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause; a registry that asks for a longer one has its answer passed on instead.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// An error that may tell that sending again is worthwhile.
pub(crate) trait Retryable {
    /// The transport's fault, if it is one.
    fn transport(&self) -> Option<&TransportError>;
}

impl Retryable for TransportError {
    fn transport(&self) -> Option<&TransportError> {
        Some(self)
    }
}

/// The response to `call` by `send`, after up to three more attempts with growing pauses on connection
/// faults, 429 and 5xx. `Retry-After` is honoured. A stream is sent once.
pub(crate) async fn send<E, F, S>(call: Call, mut send: S) -> Result<Response<Body>, E>
where
    E: Retryable,
    F: Future<Output = Result<Response<Body>, E>>,
    S: FnMut(Call) -> F,
{
    let mut next = call;
    let mut attempt = 1;
    loop {
        let again = next.try_clone();
        let result = send(next).await;
        let Some(call) = again.filter(|_| attempt < MAX_ATTEMPTS) else { return result };
        let pause = match &result {
            Ok(response) => pause_for(&call.method, response, attempt),
            Err(error) => {
                error.transport().filter(|fault| may_retry(&call.method, fault)).map(|_| backoff(attempt))
            }
        };
        let Some(pause) = pause else { return result };
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

/// Whether sending once more cannot do harm and may help. PATCH appends to an upload: it is repeated
/// only if the registry cannot have seen it.
fn may_retry(method: &Method, fault: &TransportError) -> bool {
    fault.is_passing() && (method != Method::PATCH || fault.nothing_sent())
}

fn pause_for(method: &Method, response: &Response<Body>, attempt: u32) -> Option<Duration> {
    let status = response.status();
    let repeatable = *method != Method::PATCH || was_refused_unread(status);
    if !(is_passing_status(status) && repeatable) {
        return None;
    }
    pause(attempt, retry_after(response.headers()))
}

/// Whether a registry that answers with `status` may well answer otherwise a moment later.
pub(crate) fn is_passing_status(status: StatusCode) -> bool {
    was_refused_unread(status)
        || matches!(
            status,
            StatusCode::INTERNAL_SERVER_ERROR | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT
        )
}

fn was_refused_unread(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}

/// The pause after `attempt` (from 1) before the next, at least as long as the registry `asked` for; none if it asked
/// for too long a one.
fn pause(attempt: u32, asked: Option<Duration>) -> Option<Duration> {
    match asked {
        Some(asked) => (asked <= LONGEST_PAUSE).then(|| asked.max(backoff(attempt))),
        None => Some(backoff(attempt)),
    }
}

/// The same for something that is tried as a whole and is not sent again here, such as a stream; none after the last
/// attempt.
pub(crate) fn pause_before_next(attempt: u32, asked: Option<Duration>) -> Option<Duration> {
    pause(attempt, asked).filter(|_| attempt < MAX_ATTEMPTS)
}

/// The pause that `Retry-After` asks for, in either form.
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

/// The pause after `attempt` (from 1), up to half of it at random, so that clients do not return together.
fn backoff(attempt: u32) -> Duration {
    let full = FIRST_PAUSE.saturating_mul(1 << (attempt - 1)).min(LONGEST_PAUSE);
    full.mul_f64(0.5 + rand::random::<f64>() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::body::empty_body;

    fn asked(status: u16, headers: &[(header::HeaderName, &str)], method: &Method) -> Option<u64> {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, *value);
        }
        pause_for(method, &response.body(empty_body()).unwrap(), 1).map(|pause| pause.as_secs())
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        let get = &Method::GET;
        assert_eq!(asked(429, &[(header::RETRY_AFTER, "7")], get), Some(7));
        assert_eq!(asked(503, &[(header::RETRY_AFTER, "7")], get), Some(7));
        let now = (header::DATE, "Sun, 06 Nov 1994 08:49:37 GMT");
        let then = (header::RETRY_AFTER, "Sun, 06 Nov 1994 08:49:49 GMT");
        assert_eq!(asked(429, &[now, then], get), Some(12));
        assert_eq!(asked(429, &[(header::RETRY_AFTER, "3600")], get), None);
        assert_eq!(asked(429, &[(header::RETRY_AFTER, "soon")], get), Some(0));
    }

    #[test]
    fn fuzz_retry_after_never_asks_for_more_than_the_longest_pause() {
        let seeds: [&[u8]; 3] = [b"7", b"Sun, 06 Nov 1994 08:49:49 GMT", b"18446744073709551615"];
        crate::fuzz::run(&seeds, |bytes| {
            let Ok(value) = http::HeaderValue::from_bytes(bytes) else { return };
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value)]);
            let asked = retry_after(&headers);
            assert!(pause_before_next(1, asked).is_none_or(|pause| pause <= LONGEST_PAUSE));
            assert_eq!(pause_before_next(MAX_ATTEMPTS, asked), None);
        });
    }

    #[test]
    fn only_passing_faults_are_sent_again() {
        for status in [200, 202, 301, 400, 401, 403, 404, 416, 501] {
            assert_eq!(asked(status, &[], &Method::GET), None, "{status}");
        }
        for status in [429, 500, 502, 503, 504] {
            assert!(asked(status, &[], &Method::PUT).is_some(), "{status}");
        }
        assert_eq!(asked(500, &[], &Method::PATCH), None);
        assert!(asked(503, &[], &Method::PATCH).is_some());
    }

    #[test]
    fn pauses_grow_and_are_bounded() {
        for attempt in 1..20 {
            assert!(backoff(attempt) <= LONGEST_PAUSE);
            assert!(backoff(attempt) >= FIRST_PAUSE.mul_f64(0.5));
        }
        assert!(backoff(4) >= backoff(1));
    }
}
