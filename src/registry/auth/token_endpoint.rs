//! Requests to a token endpoint, and the lifetime of the tokens that it gives.
//! (<https://distribution.github.io/distribution/spec/auth/token/>, …/oauth/)

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::credential::{Credential, Login};
use super::scope::Scopes;
use super::store::basic;
use crate::http::body::collect;
use crate::http::date::{parse_http_date, parse_timestamp};
use crate::http::query::encode_pairs;
use crate::registry::call::{Call, Payload};
use crate::registry::client::api::{user_agent, with_query};
use crate::registry::error::CallError;
use crate::registry::host::Host;
use crate::registry::transport::redirect_target::RedirectTarget;
use crate::registry::transport::retry;
use crate::registry::transport::{HostProtocol, Transport};
use crate::secret::Secret;

/// The most that is read of a token endpoint's answer, in bytes.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// The longest token that is used, in bytes: servers take no longer headers.
pub(crate) const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// How long a token is valid if the endpoint does not say: the specification's default.
pub(crate) const DEFAULT_LIFETIME: Duration = Duration::from_mins(1);
/// How long before it expires a token is renewed, at most.
const RENEWAL_MARGIN: Duration = Duration::from_secs(30);
/// The `client_id` of Bob at token endpoints.
const CLIENT_ID: &str = "bob";

/// A bearer token, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// The whole `Authorization` value; marked sensitive.
    pub(crate) header: HeaderValue,
    renew_at: Instant,
    ends_at: Instant,
}

/// A bearer token for another program, such as buildkitd, that sends it itself.
#[derive(Clone, Debug)]
pub struct DelegatedToken {
    /// The token.
    pub token: Secret,
    /// How long it is valid from [`DelegatedToken::issued_at`] on.
    pub expires_in: Duration,
    /// The time from which `expires_in` counts, by this machine's clock.
    pub issued_at: SystemTime,
}

impl Token {
    /// Returns the token's text, with how long it is still valid.
    pub(crate) fn delegate(&self) -> DelegatedToken {
        let text = self.header.to_str().unwrap_or_default();
        DelegatedToken {
            token: Secret::new(text.strip_prefix("Bearer ").unwrap_or(text)),
            expires_in: self.ends_at.saturating_duration_since(Instant::now()),
            issued_at: SystemTime::now(),
        }
    }

    pub(crate) fn is_fresh(&self) -> bool {
        Instant::now() < self.renew_at
    }
}

#[derive(Deserialize)]
struct TokenResponse {
    token: Option<Secret>,
    access_token: Option<Secret>,
    expires_in: Option<f64>,
    issued_at: Option<String>,
}

/// One request for a token.
pub(crate) struct TokenRequest<'a> {
    /// The registry that the token is for.
    pub(crate) registry: &'a Host,
    /// The endpoint, checked.
    pub(crate) realm: &'a RedirectTarget,
    pub(crate) service: Option<&'a str>,
    pub(crate) scopes: &'a Scopes,
    pub(crate) credential: Option<&'a Credential>,
    /// The kind of login and where it comes from, for an error.
    pub(crate) login: String,
}

impl TokenRequest<'_> {
    /// Returns a new token. After a transient fault of the endpoint it is asked for again.
    pub(crate) async fn fetch(&self, transport: &Transport) -> Result<Token, CallError> {
        let call = match self.credential.map(|credential| &credential.login) {
            Some(Login::IdentityToken { token, .. }) => {
                self.post(&[("grant_type", "refresh_token"), ("refresh_token", token.expose())])
            }
            _ => self.get()?,
        };
        let mut answer = self.ask(transport, call).await?;
        // Endpoints that know only OAuth2 refuse GET.
        if matches!(answer.0, StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_FOUND)
            && let Some(Login::Password { username, password }) = self.credential.map(|found| &found.login)
        {
            let grant = [("grant_type", "password"), ("username", username), ("password", password.expose())];
            answer = self.ask(transport, self.post(&grant)).await?;
        }
        let (status, headers, body) = answer;
        let body = Zeroizing::new(Vec::from(body));
        if !status.is_success() {
            return Err(self.refused(status));
        }
        read_token(&body, &headers).ok_or_else(|| self.malformed())
    }

    async fn ask(
        &self,
        transport: &Transport,
        call: Call,
    ) -> Result<(StatusCode, HeaderMap, Bytes), CallError> {
        let host = || self.realm.host.to_string();
        // A registry that is its own token endpoint may speak plain HTTP; another host gets what its URL says.
        let protocol = if self.realm.host == *self.registry {
            transport.protocol(self.realm.address_policy, self.registry).await
        } else {
            HostProtocol::from_uri()
        };
        let response = retry::send(transport.retry_policy(), call, |call| {
            transport.send_to(&protocol, call.address_policy, call.into_request())
        })
        .await
        .map_err(|source| CallError::Endpoint { endpoint: host(), source })?;
        let (parts, body) = response.into_parts();
        let body = collect(body, MAX_RESPONSE_BYTES).await.map_err(|_| self.malformed())?;
        Ok((parts.status, parts.headers, body))
    }

    fn get(&self) -> Result<Call, CallError> {
        let service = self.service.map(|service| ("service", service));
        let scopes: Vec<String> = self.scopes.iter().map(ToString::to_string).collect();
        let scopes = scopes.iter().map(|scope| ("scope", scope.as_str()));
        let query = encode_pairs(service.into_iter().chain(scopes));
        let uri = with_query(&self.realm.uri, &query).ok_or_else(|| self.malformed())?;
        let mut call = self.call(Method::GET, uri, Payload::Empty);
        if let Some(Login::Password { username, password }) = self.credential.map(|found| &found.login) {
            call.headers.insert(header::AUTHORIZATION, basic_header(username, password));
        }
        Ok(call)
    }

    fn post(&self, grant: &[(&str, &str)]) -> Call {
        let scope = self.scopes.to_string();
        let service = self.service.map(|service| ("service", service));
        let fixed = [("client_id", CLIENT_ID), ("scope", scope.as_str())];
        let form = encode_pairs(grant.iter().copied().chain(service).chain(fixed));
        // It holds a password or an identity token.
        let form = Bytes::from_owner(Zeroizing::new(form.into_bytes()));
        let mut call = self.call(Method::POST, self.realm.uri.clone(), Payload::Bytes(form));
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        call.headers.insert(header::CONTENT_TYPE, form);
        call
    }

    fn call(&self, method: Method, uri: http::Uri, payload: Payload) -> Call {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, user_agent());
        Call {
            method,
            uri,
            headers,
            payload,
            address_policy: self.realm.address_policy,
            access: None,
            counters: None,
        }
    }

    fn refused(&self, status: StatusCode) -> CallError {
        CallError::Refused {
            registry: self.registry.clone(),
            endpoint: self.realm.host.to_string(),
            status,
            login: self.login.clone(),
            scopes: self.scopes.to_string(),
        }
    }

    fn malformed(&self) -> CallError {
        CallError::Malformed { registry: self.registry.clone(), endpoint: self.realm.host.to_string() }
    }
}

/// Returns the token in the response of an endpoint, if there is one that can be used.
fn read_token(body: &[u8], headers: &HeaderMap) -> Option<Token> {
    let answer: TokenResponse = serde_json::from_slice(body).ok()?;
    let lifetime = lifetime(&answer, headers);
    let text = answer.token.filter(|token| !token.is_empty()).or(answer.access_token)?;
    let header =
        Some(text).filter(|text| text.expose().len() <= MAX_TOKEN_BYTES).as_ref().and_then(bearer_header)?;
    let now = Instant::now();
    let renew_at = now + lifetime.saturating_sub(RENEWAL_MARGIN.min(lifetime / 4));
    Some(Token { header, renew_at, ends_at: now + lifetime })
}

/// Returns the Bearer `Authorization` value of this token, marked sensitive; none if it cannot stand in a header.
pub(crate) fn bearer_header(token: &Secret) -> Option<HeaderValue> {
    let text = Zeroizing::new(format!("Bearer {}", token.expose()));
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Returns the Basic `Authorization` value of this login, marked sensitive.
/// (<https://www.rfc-editor.org/rfc/rfc7617#section-2>)
pub(crate) fn basic_header(username: &str, password: &Secret) -> HeaderValue {
    let text = Zeroizing::new(format!("Basic {}", basic(username, password).expose()));
    let mut value = HeaderValue::from_str(&text).expect("base64 is valid in a header");
    value.set_sensitive(true);
    value
}

/// Returns how much longer the token of `response` is valid: the endpoint may give one that it issued earlier.
fn lifetime(response: &TokenResponse, headers: &HeaderMap) -> Duration {
    let total = response.expires_in.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let total =
        total.filter(|total| !total.is_zero()).unwrap_or(DEFAULT_LIFETIME).min(Duration::from_hours(24));
    let issued = response.issued_at.as_deref().and_then(parse_timestamp);
    // By the endpoint's own clock, if it sends its time: this machine's may differ.
    let date = headers.get(header::DATE).and_then(|date| parse_http_date(date.to_str().ok()?));
    let ours = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let age = issued.map_or(0, |issued| date.unwrap_or_else(ours).saturating_sub(issued));
    let left = total.saturating_sub(Duration::from_secs(age));
    if left.is_zero() { total } else { left }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(json: &str, date: Option<&'static str>) -> u64 {
        let mut headers = HeaderMap::new();
        if let Some(date) = date {
            headers.insert(header::DATE, HeaderValue::from_static(date));
        }
        lifetime(&serde_json::from_str(json).unwrap(), &headers).as_secs()
    }

    #[test]
    fn fuzz_the_token_of_an_answer_can_be_sent_and_has_an_end() {
        let seeds: [&[u8]; 3] = [
            br#"{"token":"t","expires_in":300,"issued_at":"2015-12-31T23:58:59Z"}"#,
            br#"{"access_token":"a.b-c","refresh_token":"r","scope":"","expires_in":1e3}"#,
            br#"{"details":"no"}"#,
        ];
        crate::fuzz::run(&seeds, |bytes| {
            let Some(token) = read_token(bytes, &HeaderMap::new()) else { return };
            let handed = token.delegate();
            assert!(token.header.is_sensitive() && token.header.len() <= MAX_TOKEN_BYTES + 7);
            assert!(handed.token.expose().bytes().all(|b| b == b'\t' || b >= b' '));
            assert!(handed.expires_in <= Duration::from_hours(24));
        });
    }

    #[test]
    fn a_token_that_no_server_would_take_is_not_kept() {
        let answer = |length: usize| format!(r#"{{"token":"{}"}}"#, "t".repeat(length));
        assert!(read_token(answer(MAX_TOKEN_BYTES).as_bytes(), &HeaderMap::new()).is_some());
        assert!(read_token(answer(MAX_TOKEN_BYTES + 1).as_bytes(), &HeaderMap::new()).is_none());
        assert!(read_token(br#"{"token":""}"#, &HeaderMap::new()).is_none());
    }

    #[test]
    fn a_token_is_renewed_30_seconds_or_a_quarter_of_its_time_before_its_end() {
        for (lifetime, margin) in [(300, 30), (120, 30), (60, 15), (4, 1)] {
            let answer = format!(r#"{{"token":"t","expires_in":{lifetime}}}"#);
            let mut token = read_token(answer.as_bytes(), &HeaderMap::new()).unwrap();
            assert_eq!(token.ends_at - token.renew_at, Duration::from_secs(margin), "{lifetime}");
            token.renew_at = Instant::now() + Duration::from_secs(60);
            assert!(token.is_fresh());
            token.renew_at = Instant::now();
            assert!(!token.is_fresh());
        }
    }

    #[test]
    fn a_token_is_handed_on_without_its_scheme() {
        let answer = br#"{"token":"","access_token":"a.b-c","expires_in":300}"#;
        let token = read_token(answer, &HeaderMap::new()).unwrap();
        assert_eq!(token.header, "Bearer a.b-c");
        assert_eq!(token.delegate().token.expose(), "a.b-c");
        assert_eq!(basic_header("u", &Secret::new("p")), "Basic dTpw");
    }

    #[test]
    fn a_token_holds_from_when_it_was_issued_by_the_endpoints_clock() {
        let date = Some("Thu, 31 Dec 2015 23:59:59 GMT");
        assert_eq!(left(r#"{"expires_in":300}"#, date), 300);
        assert_eq!(left("{}", date), 60);
        assert_eq!(left(r#"{"expires_in":0}"#, date), 60);
        assert_eq!(left(r#"{"expires_in":-5}"#, date), 60);
        assert_eq!(left(r#"{"expires_in":300,"issued_at":"2015-12-31T23:58:59Z"}"#, date), 240);
        assert_eq!(left(r#"{"expires_in":300,"issued_at":"2016-12-31T23:58:59Z"}"#, date), 300);
        assert_eq!(left(r#"{"expires_in":300,"issued_at":"2014-12-31T23:58:59Z"}"#, date), 300);
        assert_eq!(left(r#"{"expires_in":1e300}"#, date), 60);
    }
}
