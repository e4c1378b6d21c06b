//! `bob proxy`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::diag::redact_reference;
use crate::image::Reference;
use crate::job::hang_up;
use crate::proxy::{self, AccessTokens, Alias, Config, Limits, Listeners, Mirror, Rights};
use crate::registry::{Authenticator, Credentials, Host, HttpProxies, Origin, Transport, TransportConfig};
use crate::secret::Secret;
use crate::workspace::{process_variable, variables};

use crate::cli::usage::UsageError;
use crate::cli::values::registry_host;
use crate::cli::values::syntax::duration;
use crate::cli::{Failure, logging, process};

/// Where the proxy listens without `--listen`.
const DEFAULT_LISTEN: [&str; 2] = ["127.0.0.1:8080", "[::1]:8080"];

const BASE_REF: Setting = Setting { flag: "--base-ref", variable: variables::BOBPROXY_BASE_REF.name };
const TARGET_REF: Setting = Setting { flag: "--target-ref", variable: variables::BOBPROXY_TARGET_REF.name };
const AUTH: Setting = Setting { flag: "--auth", variable: variables::BOBPROXY_AUTH.name };
const ADDITIONAL_AUTH: Setting =
    Setting { flag: "--additional-auth", variable: variables::BOBPROXY_ADDITIONAL_AUTH.name };
const ACCESS_TOKEN: Setting = Setting { flag: "--access-token", variable: variables::BOBPROXY_TOKEN.name };
const PUSH_TOKEN: Setting = Setting { flag: "--push-token", variable: variables::BOBPROXY_PUSH_TOKEN.name };

/// Arguments of `bob proxy`.
#[derive(Debug, clap::Args)]
#[command(about = "Serve the authenticating registry proxy on localhost")]
pub struct Args {
    /// The image behind `base` [env: `WORKSPACEKIT_BOBPROXY_BASEREF`]
    #[arg(long, value_name = "REF")]
    base_ref: Option<String>,

    /// The image behind `target` [env: `WORKSPACEKIT_BOBPROXY_TARGETREF`]
    #[arg(long, value_name = "REF")]
    target_ref: Option<String>,

    /// Credentials for both, as a docker config ({} for none); better given by its variable, which other
    /// processes cannot list [env: `WORKSPACEKIT_BOBPROXY_AUTH`]
    #[arg(long, value_name = "JSON")]
    auth: Option<Secret>,

    /// Credentials of mirrored registries: HOST → {username,password} or {auth}; better given by its
    /// variable [env: `WORKSPACEKIT_BOBPROXY_ADDITIONALAUTH`]
    #[arg(long, value_name = "JSON")]
    additional_auth: Option<Secret>,

    /// What clients have to send as their password, to read, and to write where there is no push token; better
    /// given by its variable [env: `WORKSPACEKIT_BOBPROXY_TOKEN`]
    #[arg(long, value_name = "TOKEN")]
    access_token: Option<Secret>,

    /// What clients have to send as their password to write; it reads, too. Needs an access token beside it;
    /// better given by its variable [env: `WORKSPACEKIT_BOBPROXY_PUSH_TOKEN`]
    #[arg(long, value_name = "TOKEN")]
    push_token: Option<Secret>,

    /// Loopback address to listen on; may be repeated [default: port 8080 on both loopback addresses]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Vec<SocketAddr>,

    /// Name beside localhost and loopback addresses under which clients reach this proxy; may be repeated
    #[arg(long, value_name = "NAME")]
    listen_name: Vec<String>,

    /// Address to serve /metrics (Prometheus) and /healthz on, any of this machine's [default: off]
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics_listen: Option<SocketAddr>,

    /// Registry that may speak plain http; may be repeated (loopback ones always may)
    #[arg(long, value_name = "HOST[:PORT]")]
    insecure_registry: Vec<String>,

    /// How long a registry may say nothing before it is given up
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = duration::seconds)]
    upstream_timeout: Duration,

    /// How long requests under way may take after SIGTERM or SIGINT; a second signal ends them
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = duration::seconds)]
    drain_timeout: Duration,
}

/// A setting: the value of a flag, or else of a variable.
struct Setting {
    flag: &'static str,
    variable: &'static str,
}

impl Setting {
    /// The value and where it came from, if it is set.
    fn read<T: From<String>>(&self, given: Option<T>) -> Result<Option<(T, Origin)>, Failure> {
        if let Some(value) = given {
            return Ok(Some((value, Origin::Flag(self.flag.into()))));
        }
        let Some(value) = process_variable(self.variable) else { return Ok(None) };
        match value.into_string() {
            Ok(value) => Ok(Some((value.into(), Origin::Variable(self.variable.into())))),
            Err(_) => Err(UsageError::VariableNotUtf8 { variable: self.variable }.into()),
        }
    }

    /// As [`Setting::read`], for a setting that has to be there.
    ///
    /// # Errors
    /// The variable and the flag to set, if neither is.
    fn require<T: From<String>>(&self, given: Option<T>, what: &str) -> Result<(T, Origin), Failure> {
        let Self { flag, variable } = *self;
        let missing = || UsageError::Missing { what: what.to_owned(), variable, flag };
        Ok(self.read(given)?.ok_or_else(missing)?)
    }
}

/// Runs `bob proxy` until SIGTERM or SIGINT.
///
/// # Errors
/// Wrong arguments or variables, or an address that cannot be listened on.
pub async fn run(args: Args) -> Result<(), Failure> {
    logging::init("info");
    process::hide_memory();
    process::allow_open_files();
    let (addresses, is_default) = if args.listen.is_empty() {
        (DEFAULT_LISTEN.iter().filter_map(|address| address.parse().ok()).collect(), true)
    } else {
        (args.listen.clone(), false)
    };
    if let Some(address) = addresses.iter().find(|address| !address.ip().is_loopback()) {
        return Err(UsageError::NotLoopback { address: *address }.into());
    }
    let (names, metrics) = (BTreeSet::from_iter(args.listen_name.clone()), args.metrics_listen);
    let config = config(args)?;
    if let Some(risk) = push_risk(&config.access_tokens) {
        tracing::warn!("{risk}");
    }
    let clients = listen(&addresses, is_default).await?;
    let operator = match metrics {
        Some(address) => Some(bind(address, "--metrics-listen").await?),
        None => None,
    };
    if let Some(address) = operator.as_ref().and_then(|listener| listener.local_addr().ok()) {
        tracing::info!("metrics on {address}");
    }
    let listeners = Listeners { clients, names, operator };
    let (stop, abort) = signals()?;
    tokio::select! {
        ended = proxy::run(listeners, config, stop.cancelled_owned()) => Ok(ended?),
        () = abort.cancelled() => Ok(()),
    }
}

/// The settings of the proxy.
fn config(args: Args) -> Result<Config, Failure> {
    let (auth, origin) =
        AUTH.require(args.auth, "the registry credentials (a docker config, {} for none)")?;
    let credentials = Credentials::from_docker_config(auth.expose(), &origin).map_err(UsageError::from)?;
    let mirrored = match ADDITIONAL_AUTH.read(args.additional_auth)? {
        Some((map, origin)) => Credentials::from_auth_map(map.expose(), &origin).map_err(UsageError::from)?,
        None => Credentials::default(),
    };
    let access_tokens = access_tokens(args.access_token, args.push_token)?;
    let transport = Transport::new(&TransportConfig {
        insecure: insecure_registries(&args.insecure_registry)?,
        silence: args.upstream_timeout,
        http_proxies: HttpProxies::from_environment(),
        ..TransportConfig::default()
    })?;
    let transport = Arc::new(transport);
    let auth = Arc::new(Authenticator::new(transport.clone(), credentials));
    let mut aliases = BTreeMap::new();
    for (name, setting, given) in [("base", BASE_REF, args.base_ref), ("target", TARGET_REF, args.target_ref)]
    {
        let (text, origin) = setting.require(given, &format!("the {name} image"))?;
        let shown = redact_reference(&text);
        if shown != text {
            let Setting { flag, variable } = AUTH;
            return Err(
                UsageError::ReferenceWithLogin { origin, shown: shown.into_owned(), variable, flag }.into()
            );
        }
        let reference = Reference::parse(&text).map_err(|source| UsageError::Reference {
            origin: origin.clone(),
            shown: text.clone(),
            source,
        })?;
        let alias = Alias::new(&reference, Rights::PULL_PUSH, auth.clone());
        let alias = alias.map_err(|source| UsageError::ReferenceHost { origin, shown: text, source })?;
        aliases.insert(name.to_owned(), alias);
    }
    Ok(Config {
        aliases,
        mirror: Some(Mirror { auth: Arc::new(Authenticator::for_clients(transport, mirrored)) }),
        access_tokens,
        limits: Limits { drain_timeout: args.drain_timeout, ..Limits::default() },
        uploads: None,
    })
}

/// The hosts of `--insecure-registry`. They are parsed here and not by clap, which shows the value that it refuses: a
/// password may be in it.
fn insecure_registries(names: &[String]) -> Result<BTreeSet<Host>, Failure> {
    Ok(names.iter().map(|name| registry_host::parse(name)).collect::<Result<_, _>>()?)
}

/// The tokens that clients have to send.
fn access_tokens(read: Option<Secret>, push: Option<Secret>) -> Result<AccessTokens, Failure> {
    let (read, push) = (ACCESS_TOKEN.read(read)?, PUSH_TOKEN.read(push)?);
    for (kind, token) in [("access", &read), ("push", &push)] {
        if let Some((_, origin)) = token.as_ref().filter(|(token, _)| token.is_empty()) {
            return Err(UsageError::EmptyToken { kind, origin: origin.clone() }.into());
        }
    }
    if let (None, Some((_, origin))) = (&read, &push) {
        let Setting { flag, variable } = ACCESS_TOKEN;
        return Err(UsageError::PushTokenAlone { origin: origin.clone(), variable, flag }.into());
    }
    let token = |setting: Option<(Secret, Origin)>| setting.map(|(token, _)| token);
    Ok(AccessTokens { read: token(read), push: token(push) })
}

/// A warning if others than the holders of a push token may push; none if that is not so.
fn push_risk(tokens: &AccessTokens) -> Option<String> {
    let Setting { flag, variable } = PUSH_TOKEN;
    let one_for_both = match tokens {
        AccessTokens { read: None, push: None } => {
            let Setting { flag, variable } = ACCESS_TOKEN;
            return Some(format!(
                "there is no access token: any process of this network may pull and push through this proxy; set {variable} or give {flag}"
            ));
        }
        AccessTokens { read: Some(read), push: Some(push) } if push.matches(read.expose().as_bytes()) => {
            "the push token is the access token"
        }
        AccessTokens { read: Some(_), push: None } => "there is no push token",
        AccessTokens { push: Some(_), .. } => return None,
    };
    Some(format!(
        "{one_for_both}: whoever sees the access token on the loopback interface while it reads, such as a RUN step with host network and CAP_NET_RAW, may push with it; set {variable} or give {flag}, with another value"
    ))
}

/// Listeners on all addresses; with `is_default`, IPv6 addresses are left out on a machine without IPv6.
async fn listen(addresses: &[SocketAddr], is_default: bool) -> Result<Vec<TcpListener>, Failure> {
    let mut listeners = Vec::new();
    for address in addresses {
        match TcpListener::bind(address).await {
            Err(error) if is_default && address.is_ipv6() && is_missing_family(&error) => {
                tracing::warn!(%address, %error, "not listening there: this machine has no IPv6");
            }
            bound => listeners.push(bound.map_err(|error| cannot_listen(*address, &error, "--listen"))?),
        }
    }
    Ok(listeners)
}

/// A listener on `address`, which `flag` has given.
async fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| cannot_listen(address, &error, flag))
}

fn cannot_listen(address: SocketAddr, error: &std::io::Error, flag: &str) -> Failure {
    Failure::failed(format!("cannot listen on {address}: {error}; choose another address with {flag}"))
}

/// Whether the machine does not have the address family.
fn is_missing_family(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{AddrNotAvailable, Unsupported};
    // EAFNOSUPPORT has no kind of its own.
    matches!(error.kind(), AddrNotAvailable | Unsupported)
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

/// Two tokens: the first SIGTERM or SIGINT cancels one, the second signal the other.
fn signals() -> Result<(CancellationToken, CancellationToken), Failure> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hang_up = hang_up()?;
    let tokens = [CancellationToken::new(), CancellationToken::new()];
    let [stop, abort] = tokens.clone();
    tokio::spawn(async move {
        for token in tokens {
            let hung_up = async {
                match &mut hang_up {
                    Some(signal) => signal.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hung_up => tracing::warn!("the terminal or session that the proxy ran in ended (SIGHUP)"),
            }
            token.cancel();
        }
    });
    Ok((stop, abort))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_in_a_reference_is_not_shown() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, shown) in [
            ("user:pw@host.example/a:1", "***@host.example/a:1"),
            ("https://user:pw@host.example:5000/a", "https://***@host.example:5000/a"),
            ("https://user:pw@host.example:5000", "https://***@host.example:5000"),
            ("user:p@w@host.example/a", "***@host.example/a"),
            ("user:p/w@host.example/a", "***@host.example/a"),
            (&format!("user:pw@host.example/a@{digest}"), &format!("***@host.example/a@{digest}")),
            ("pw@host.example", "***@host.example"),
            ("host.example/a@pw", "***@pw"),
        ] {
            assert_eq!(redact_reference(text), shown, "{text}");
        }
        for text in
            ["alpine", "host.example:5000/a:1", &format!("a@{digest}"), &format!("h.example/a:1@{digest}")]
        {
            assert_eq!(redact_reference(text), text, "{text}");
        }
    }

    #[test]
    fn each_choice_of_tokens_says_who_may_push() {
        let tokens = |read: Option<&str>, push: Option<&str>| AccessTokens {
            read: read.map(Secret::from),
            push: push.map(Secret::from),
        };
        assert_eq!(push_risk(&tokens(Some("a"), Some("b"))), None);
        assert!(
            push_risk(&tokens(None, None)).unwrap().contains("any process of this network may pull and push")
        );
        for one in [tokens(Some("hunter2"), None), tokens(Some("hunter2"), Some("hunter2"))] {
            let risk = push_risk(&one).unwrap();
            assert!(
                risk.contains("CAP_NET_RAW") && risk.contains("WORKSPACEKIT_BOBPROXY_PUSH_TOKEN"),
                "{risk}"
            );
            assert!(!risk.contains("hunter2"), "{risk}");
        }
    }
}
