//! Reads `WWW-Authenticate`. (<https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1>)

use std::borrow::Cow;

use http::{HeaderMap, header};

/// The longest realm that is followed, in bytes. URLs of token endpoints have less than a hundred.
const MAX_REALM: usize = 2048;
/// The longest name of a service that is sent on, in bytes.
const MAX_SERVICE: usize = 1024;
/// The longest scope that is read, in bytes: a mount names two repositories.
const MAX_SCOPE: usize = 4096;

/// Challenges and parameters of one header value that are read at most.
const MAX_PARTS: usize = 64;

/// What a registry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// User name and password with every request.
    Basic,
    /// A token from a token endpoint.
    /// (<https://distribution.github.io/distribution/spec/auth/token/>)
    Bearer {
        /// The token endpoint's URL.
        realm: String,
        /// The name of the service that the token is for.
        service: Option<String>,
        /// What the refused request needs.
        scope: Option<String>,
    },
}

/// One challenge as it stands in the header: a scheme in lower case and its parameters.
#[derive(Debug, PartialEq, Eq)]
struct RawChallenge<'a> {
    scheme: String,
    parameters: Vec<(String, Cow<'a, str>)>,
}

impl Challenge {
    /// The challenge to answer: Bearer before Basic; none if nothing is asked that we know, or in words that are
    /// longer than any registry needs. A scope that is too long is left out: what a request needs is known without.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(header::WWW_AUTHENTICATE).iter();
        let raw: Vec<RawChallenge<'_>> =
            values.filter_map(|value| value.to_str().ok()).flat_map(parse).collect();
        let bearer = raw.iter().filter(|raw| raw.scheme == "bearer").find_map(|raw| {
            let (realm, service) = (raw.parameter("realm")?, raw.parameter("service"));
            if realm.len() > MAX_REALM || service.is_some_and(|name| name.len() > MAX_SERVICE) {
                tracing::warn!(
                    "a challenge is ignored: its realm has more than {MAX_REALM} bytes, or its service more than {MAX_SERVICE}"
                );
                return None;
            }
            let scope = raw.parameter("scope").filter(|scope| scope.len() <= MAX_SCOPE);
            let [service, scope] = [service, scope].map(|text| text.map(ToOwned::to_owned));
            let realm = realm.to_owned();
            Some(Self::Bearer { realm, service, scope })
        });
        bearer.or_else(|| raw.iter().any(|raw| raw.scheme == "basic").then_some(Self::Basic))
    }
}

impl RawChallenge<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }
}

/// The challenges of one header value. What cannot be read ends the list.
fn parse(value: &str) -> Vec<RawChallenge<'_>> {
    let mut rest = value;
    let mut challenges: Vec<RawChallenge<'_>> = Vec::new();
    for _ in 0..MAX_PARTS {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let Some((word, after)) = token(rest) else { return challenges };
        let after_space = after.trim_start_matches([' ', '\t']);
        let parameter = after_space.strip_prefix('=').map(|value| value.trim_start_matches([' ', '\t']));
        if let (Some((value, after)), Some(challenge)) =
            (parameter.and_then(parameter_value), challenges.last_mut())
        {
            challenge.parameters.push((word.to_ascii_lowercase(), value));
            rest = after;
        } else {
            challenges.push(RawChallenge { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
            rest = skip_token68(after_space);
        }
    }
    challenges
}

/// A token or quoted string, and what follows it.
fn parameter_value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        return token(text).map(|(word, rest)| (Cow::Borrowed(word), rest));
    };
    if let Some((value, rest)) = quoted.split_once('"').filter(|(value, _)| !value.contains('\\')) {
        return Some((Cow::Borrowed(value), rest));
    }
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((Cow::Owned(value), &quoted[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// What follows the token68 at the start of `text`, or `text` itself if there is none.
fn skip_token68(text: &str) -> &str {
    let in_token68 = |c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c);
    let after = text.trim_start_matches(in_token68).trim_start_matches('=');
    let ends = after.trim_start_matches([' ', '\t']);
    if after.len() < text.len() && (ends.is_empty() || ends.starts_with(',')) { ends } else { text }
}

/// The token at the start of `text` and what follows it.
fn token(text: &str) -> Option<(&str, &str)> {
    let in_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let end = text.find(|c| !in_token(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::Challenge;
    use http::{HeaderMap, HeaderValue, header};

    fn read(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_str(value).unwrap());
        }
        Challenge::from_headers(&headers)
    }

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.into(),
            service: service.map(Into::into),
            scope: scope.map(Into::into),
        }
    }

    #[test]
    fn reads_what_registries_send() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        assert_eq!(
            read(&[hub]),
            Some(bearer(
                "https://auth.docker.io/token",
                Some("registry.docker.io"),
                Some("repository:a/b:pull,push")
            ))
        );
        assert_eq!(
            read(&[r#"Basic realm="https://x.example/",service="ecr.amazonaws.com""#]),
            Some(Challenge::Basic)
        );
        assert_eq!(read(&["basic"]), Some(Challenge::Basic));
        assert_eq!(read(&["BEARER Realm = t , service=\"a\\\"b\""]), Some(bearer("t", Some("a\"b"), None)));
    }

    #[test]
    fn prefers_bearer_among_several_challenges() {
        let want = Some(bearer("https://t.example", None, Some("a,b")));
        assert_eq!(read(&[r#"Basic realm="x", Bearer realm="https://t.example", scope="a,b""#]), want);
        assert_eq!(read(&[r#"Bearer realm="https://t.example",scope="a,b", Basic realm="x""#]), want);
        assert_eq!(read(&[r#"Basic realm="x""#, r#"Bearer realm="https://t.example",scope="a,b""#]), want);
        assert_eq!(read(&[r#"Negotiate YWJj==, , Bearer realm="https://t.example",scope="a,b""#]), want);
        assert_eq!(read(&[r#"Negotiate, Bearer realm="https://t.example",scope="a,b""#]), want);
    }

    #[test]
    fn words_of_a_challenge_that_are_too_long_are_not_kept() {
        let long = "x".repeat(100_000);
        let scope = format!(r#"Bearer realm="https://t.example",service="s",scope="repository:{long}:pull""#);
        assert_eq!(read(&[&scope]), Some(bearer("https://t.example", Some("s"), None)));
        assert_eq!(read(&[&format!(r#"Bearer realm="https://t.example/{long}""#)]), None);
        assert_eq!(read(&[&format!(r#"Bearer realm="https://t.example",service="{long}""#)]), None);
    }

    #[test]
    fn words_of_a_challenge_are_kept_up_to_their_limits() {
        let words = |realm: usize, service: usize, scope: usize| {
            let [realm, service, scope] = [realm, service, scope].map(|length| "x".repeat(length));
            let read = read(&[&format!(r#"Bearer realm="{realm}",service="{service}",scope="{scope}""#)]);
            (read == Some(bearer(&realm, Some(&service), Some(&scope))), read.is_some())
        };
        assert_eq!(words(2048, 1024, 4096), (true, true));
        assert_eq!(words(2048, 1024, 4097), (false, true));
        assert_eq!(words(2049, 1024, 4096), (false, false));
        assert_eq!(words(2048, 1025, 4096), (false, false));
    }

    #[test]
    fn fuzz_challenges_are_read_within_their_bounds() {
        let seeds: [&[u8]; 3] = [
            br#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#,
            br#"Negotiate YWJj==, , Basic realm="a\"b", Bearer realm=t"#,
            br#"Basic realm="x""#,
        ];
        crate::fuzz::run(&seeds, |bytes| {
            let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
            let headers = HeaderMap::from_iter([(header::WWW_AUTHENTICATE, value)]);
            if let Some(Challenge::Bearer { realm, service, scope }) = Challenge::from_headers(&headers) {
                assert!(realm.len() <= super::MAX_REALM);
                assert!(service.unwrap_or_default().len() <= super::MAX_SERVICE);
                assert!(scope.unwrap_or_default().len() <= super::MAX_SCOPE);
            }
        });
    }

    #[test]
    fn unreadable_or_unknown_challenges_are_none() {
        for value in [
            "",
            ",",
            "Digest realm=\"x\"",
            "Bearer",
            "Bearer realm=\"open",
            "Bearer service=\"x\"",
            "=x",
            "\"Basic\"",
        ] {
            assert_eq!(read(&[value]), None, "{value}");
        }
    }
}
