//! HTTP proxies: which requests to registries go through one, as the usual variables say, and how.
//!
//! The variables mean what they mean to Go's programs, docker and buildkitd among them (`golang.org/x/net/http/httpproxy`),
//! and `ALL_PROXY` what it means to curl. What goes by TLS goes through a tunnel ([`tunnel`]), in which the HTTP proxy sees
//! nothing but the name of the registry; requests by plain HTTP are sent to the HTTP proxy itself.

mod no_proxy;
pub(crate) mod tunnel;

use std::fmt;
use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::uri::Scheme;
use http::{HeaderValue, StatusCode, Uri};
use zeroize::Zeroizing;

use self::no_proxy::NoProxy;
use crate::percent;
use crate::registry::host::Host;

/// The variables that name the HTTP proxy for TLS, the first that is not empty.
const HTTPS_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// The variables that name the HTTP proxy for plain HTTP, the first that is not empty.
const HTTP_VARIABLES: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
/// The variables that list what goes through no HTTP proxy, the first that is not empty.
const EXCEPTION_VARIABLES: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The HTTP proxies that requests go through, and the hosts that are spoken to directly. By default there are none.
#[derive(Clone, Debug, Default)]
pub struct HttpProxies {
    https: Option<Result<Arc<HttpProxy>, HttpProxyError>>,
    http: Option<Result<Arc<HttpProxy>, HttpProxyError>>,
    exceptions: NoProxy,
}

/// An HTTP proxy.
#[derive(Clone)]
pub(crate) struct HttpProxy {
    /// `http://HOST[:PORT]` or `https://HOST[:PORT]`, without a login.
    pub(crate) uri: Uri,
    /// The value of `Proxy-Authorization`, where the variable holds a login.
    pub(crate) login: Option<HeaderValue>,
    /// The variable that names it.
    variable: &'static str,
}

impl fmt::Display for HttpProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        write!(f, "the HTTP proxy {authority} of {}", self.variable)
    }
}

impl fmt::Debug for HttpProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a host cannot be reached through an HTTP proxy.
#[derive(Clone, Debug, thiserror::Error)]
pub enum HttpProxyError {
    /// The variable names no HTTP proxy.
    #[error(
        "{variable} names no HTTP proxy that can be used ({problem}): write http://[USER:PASSWORD@]HOST[:PORT], with special characters percent-encoded, or list the registry in NO_PROXY"
    )]
    Unusable {
        /// The variable.
        variable: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// There is no connection to the HTTP proxy.
    #[error("{proxy} cannot be reached")]
    Unreachable {
        /// The HTTP proxy and its variable.
        proxy: String,
        /// Why not.
        source: Arc<io::Error>,
    },
    /// The HTTP proxy said nothing.
    #[error("{proxy} said nothing for {seconds} s")]
    Silent {
        /// The HTTP proxy and its variable.
        proxy: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The HTTP proxy wants a login, or another one.
    #[error(
        "{proxy} {problem} (407): write the variable as http://USER:PASSWORD@HOST:PORT, with special characters percent-encoded"
    )]
    Login {
        /// The HTTP proxy and its variable.
        proxy: String,
        /// Whether a login is missing or wrong.
        problem: &'static str,
    },
    /// The HTTP proxy refuses to connect.
    #[error(
        "{proxy} refuses to connect to {target} ({status}): allow that there, or list the registry in NO_PROXY if it can be reached directly"
    )]
    Refused {
        /// The HTTP proxy and its variable.
        proxy: String,
        /// `HOST:PORT`.
        target: String,
        /// Its answer.
        status: StatusCode,
    },
    /// The HTTP proxy cannot connect itself.
    #[error("{proxy} cannot connect to {target} ({status}): check the registry's name")]
    NoConnection {
        /// The HTTP proxy and its variable.
        proxy: String,
        /// `HOST:PORT`.
        target: String,
        /// Its answer.
        status: StatusCode,
    },
    /// What the HTTP proxy answers is no HTTP.
    #[error("{proxy} does not answer as an HTTP proxy")]
    Broken {
        /// The HTTP proxy and its variable.
        proxy: String,
        /// Why.
        source: Arc<hyper::Error>,
    },
    /// The address of a name is not known here, and has to be.
    #[error(
        "{name} is not sent to {proxy}: a client or an answer named it, and its address, which may not be private, is not known here"
    )]
    UnknownAddress {
        /// The name.
        name: String,
        /// The HTTP proxy and its variable.
        proxy: String,
    },
}

impl HttpProxyError {
    /// Whether the same request may well succeed a moment later.
    pub(crate) const fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::NoConnection { .. })
    }
}

impl HttpProxies {
    /// Returns the HTTP proxies that this process's environment names.
    pub fn from_environment() -> Self {
        Self::from_variables(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Returns the HTTP proxies that the variables `value` name. A variable that names none that can be used is an error
    /// of each request that would go there.
    pub fn from_variables(value: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| {
                value(name)
                    .filter(|value| !value.trim().is_empty())
                    .map(|value| (*name, Zeroizing::new(value)))
            })
        };
        let proxy = |names: &[&'static str]| {
            first(names).map(|(variable, value)| HttpProxy::parse(variable, value.trim()).map(Arc::new))
        };
        Self {
            https: proxy(&HTTPS_VARIABLES),
            http: proxy(&HTTP_VARIABLES),
            exceptions: first(&EXCEPTION_VARIABLES)
                .map(|(_, value)| NoProxy::parse(&value))
                .unwrap_or_default(),
        }
    }

    /// Returns the HTTP proxy that requests to `host` go through, if they go through one.
    ///
    /// # Errors
    /// [`HttpProxyError::Unusable`] if the variable that holds for it names none.
    pub(crate) fn of(&self, is_tls: bool, host: &Host) -> Result<Option<Arc<HttpProxy>>, HttpProxyError> {
        let named = if is_tls { &self.https } else { &self.http };
        let Some(named) = named else { return Ok(None) };
        let port = host.port().unwrap_or(if is_tls { 443 } else { 80 });
        if host.is_loopback() || self.exceptions.contains(host, port) {
            return Ok(None);
        }
        named.clone().map(Some)
    }
}

impl HttpProxy {
    /// Returns the HTTP proxy that `value` of `variable` names: `[http[s]://][USER[:PASSWORD]@]HOST[:PORT]`.
    fn parse(variable: &'static str, value: &str) -> Result<Self, HttpProxyError> {
        let unusable = |problem| HttpProxyError::Unusable { variable, problem };
        let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::HTTP,
            "https" => Scheme::HTTPS,
            "socks4" | "socks4a" | "socks5" | "socks5h" => {
                return Err(unusable("SOCKS is not spoken, only HTTP"));
            }
            _ => return Err(unusable("its scheme is neither http nor https")),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (login, host) = match authority.rsplit_once('@') {
            Some((login, host)) => (Some(login), host),
            None => (None, authority),
        };
        let uri = Uri::builder().scheme(scheme).authority(host).path_and_query("/").build();
        let uri = uri.map_err(|_| unusable("it has no valid host"))?;
        let is_host = uri.authority().is_some_and(|named| {
            !named.host().is_empty()
                && (named.host() == host || named.port_u16().is_some_and(|port| port != 0))
        });
        if !is_host {
            return Err(unusable("it has no valid host"));
        }
        let login = login.map(|login| basic(login).ok_or_else(|| unusable("its login is not readable")));
        Ok(Self { uri, login: login.transpose()?, variable })
    }

    /// Whether the HTTP proxy itself is spoken to by TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.uri.scheme() == Some(&Scheme::HTTPS)
    }

    /// Returns the error of a request that the HTTP proxy answered with 407.
    pub(crate) fn login_error(&self) -> HttpProxyError {
        let problem = match self.login {
            Some(_) => "does not take the login of the variable",
            None => "wants a login",
        };
        HttpProxyError::Login { proxy: self.to_string(), problem }
    }
}

/// Returns the value of `Proxy-Authorization` for `USER[:PASSWORD]`, percent-encoded. None if it is not so, or holds
/// control characters.
fn basic(login: &str) -> Option<HeaderValue> {
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let decode = |text: &str| Some(Zeroizing::new(percent::decode(text.as_bytes())?.into_owned()));
    let (user, password) = (decode(user)?, decode(password)?);
    let pair = Zeroizing::new([&user[..], b":", &password[..]].concat());
    if pair.iter().any(u8::is_ascii_control) || user.contains(&b':') {
        return None;
    }
    let value = Zeroizing::new(format!("Basic {}", *Zeroizing::new(STANDARD.encode(&pair))));
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> HttpProxies {
        HttpProxies::from_variables(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn of(proxies: &HttpProxies, is_tls: bool, host: &str) -> Option<String> {
        let found = proxies.of(is_tls, &Host::parse(host).unwrap()).unwrap();
        found.map(|found| format!("{} {}", found.uri, found.variable))
    }

    #[test]
    fn the_first_variable_that_is_not_empty_holds_for_its_scheme() {
        let both = proxies(&[
            ("HTTPS_PROXY", ""),
            ("https_proxy", "lower.example:3128"),
            ("HTTP_PROXY", "http://plain.example"),
            ("ALL_PROXY", "https://all.example:8443/path"),
        ]);
        assert_eq!(of(&both, true, "r.example").unwrap(), "http://lower.example:3128/ https_proxy");
        assert_eq!(of(&both, false, "r.example:80").unwrap(), "http://plain.example/ HTTP_PROXY");
        let all = proxies(&[("all_proxy", "HTTPS://all.example:8443/path")]);
        assert_eq!(of(&all, true, "r.example").unwrap(), "https://all.example:8443/ all_proxy");
        assert_eq!(of(&all, false, "r.example:80"), of(&all, true, "r.example"));
        assert_eq!(of(&proxies(&[("HTTP_PROXY", "p.example")]), true, "r.example"), None);
        assert_eq!(of(&HttpProxies::default(), true, "r.example"), None);
    }

    #[test]
    fn this_machine_and_what_is_listed_are_spoken_to_directly() {
        let listed = proxies(&[("HTTPS_PROXY", "p.example"), ("no_proxy", "direct.example, 10.0.0.0/8")]);
        for host in ["localhost:5000", "127.0.0.1", "127.9.9.9:1", "[::1]:5000", "direct.example", "10.1.2.3"]
        {
            assert_eq!(of(&listed, true, host), None, "{host}");
        }
        assert!(of(&listed, true, "localhost.example").is_some());
        // Even where a variable cannot be used.
        assert_eq!(of(&proxies(&[("ALL_PROXY", "socks5://p.example")]), true, "localhost:5000"), None);
    }

    #[test]
    fn the_login_is_decoded_and_shown_nowhere() {
        let named = proxies(&[("HTTPS_PROXY", "http://us%65r:p%40ss:w%2Frd@p.example:3128")]);
        let found = named.of(true, &Host::parse("r.example").unwrap()).unwrap().unwrap();
        let login = found.login.clone().unwrap();
        assert_eq!(login.to_str().unwrap(), format!("Basic {}", STANDARD.encode("user:p@ss:w/rd")));
        assert!(login.is_sensitive());
        let shown = format!("{named:?} {found} {found:?} {:?} {:?}", found.uri, found.login_error());
        assert!(!shown.contains("p@ss") && !shown.contains("p%40ss"), "{shown}");
        assert!(shown.contains("p.example:3128"), "{shown}");
        let bare = proxies(&[("HTTPS_PROXY", "user@p.example")]);
        let found = bare.of(true, &Host::parse("r.example").unwrap()).unwrap().unwrap();
        assert_eq!(
            found.login.as_ref().unwrap().to_str().unwrap(),
            format!("Basic {}", STANDARD.encode("user:"))
        );
    }

    #[test]
    fn what_names_no_http_proxy_is_an_error_without_the_value() {
        for (value, problem) in [
            ("socks5://user:s3cret@p.example:1080", "SOCKS"),
            ("ftp://user:s3cret@p.example", "scheme"),
            ("http://user:s3cret@", "host"),
            ("http://user:s3cret@p.example:99999", "host"),
            ("http://user:s3cret@p.example:0", "host"),
            ("http://user:s3cret@p.example:", "host"),
            ("http://user:s3cret@p exa", "host"),
            ("http://user:s3cret%zz@p.example", "login"),
            ("http://user:s3cret%0d%0ax@p.example", "login"),
            ("http://us%3aer:s3cret@p.example", "login"),
            ("http://", "host"),
        ] {
            let error =
                proxies(&[("ALL_PROXY", value)]).of(true, &Host::parse("r.example").unwrap()).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains("ALL_PROXY") && text.contains(problem), "{value}: {text}");
            assert!(!text.contains("s3cret"), "{text}");
        }
    }
}
