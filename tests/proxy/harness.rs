//! A proxy in this process, before one scripted registry, and a client for it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bob::proxy::{AccessTokens, Alias, Config, Handle, Limits, Listeners, Mirror, Pin, Rights};
use bob::registry::{Authenticator, Credentials, Host, Origin, Transport, TransportConfig};
use bob::secret::Secret;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A digest that no content needs to have.
pub(crate) const DIGEST: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

/// What a proxy is to be like. `base` is `team/base:one` and `target` is `team/target:two` at `registry`.
pub(crate) struct Setup {
    pub(crate) registry: String,
    /// A docker config.
    pub(crate) auth: String,
    /// An auth map.
    pub(crate) additional: String,
    /// The access token.
    pub(crate) token: Option<&'static str>,
    pub(crate) push_token: Option<&'static str>,
    /// Whether writes are refused until the test allows them.
    pub(crate) pushes_wait: bool,
    pub(crate) limits: Limits,
    pub(crate) transport: TransportConfig,
    /// How `target` is pinned.
    pub(crate) pin: Pin,
    pub(crate) rights: Rights,
    /// Whether metrics are served.
    pub(crate) operator: bool,
    /// Names of the proxy beside loopback ones.
    pub(crate) names: &'static [&'static str],
}

impl Setup {
    pub(crate) fn new(registry: impl Into<String>) -> Self {
        Self {
            registry: registry.into(),
            auth: "{}".into(),
            additional: String::new(),
            token: None,
            push_token: None,
            pushes_wait: false,
            limits: Limits::default(),
            transport: TransportConfig { silence: Duration::from_secs(20), ..TransportConfig::default() },
            pin: Pin::Tag("two".into()),
            rights: Rights::PULL_PUSH,
            operator: false,
            names: &[],
        }
    }

    /// The registry's user `user` with the password `password`.
    pub(crate) fn with_password(mut self) -> Self {
        self.auth =
            format!(r#"{{"auths":{{"{}":{{"username":"user","password":"password"}}}}}}"#, self.registry);
        self
    }

    pub(crate) async fn start(self) -> Proxy {
        let transport = Arc::new(Transport::new(&self.transport).unwrap());
        let origin = Origin::Variable("TEST".into());
        let auth = Credentials::from_docker_config(&self.auth, &origin).unwrap();
        let auth = Arc::new(Authenticator::new(transport.clone(), auth));
        let mirrored = Credentials::from_auth_map(&self.additional, &origin).unwrap();
        let alias = |repository: &str, pin: Pin| Alias {
            host: Host::parse(&self.registry).unwrap(),
            repository: repository.into(),
            pin,
            rights: self.rights,
            auth: auth.clone(),
        };
        let aliases = BTreeMap::from([
            ("base".to_owned(), alias("team/base", Pin::Tag("one".into()))),
            ("target".to_owned(), alias("team/target", self.pin.clone())),
        ]);
        let config = Config {
            aliases,
            mirror: Some(Mirror { auth: Arc::new(Authenticator::for_clients(transport, mirrored)) }),
            access_tokens: AccessTokens {
                read: self.token.map(Secret::from),
                push: self.push_token.map(Secret::from),
            },
            limits: self.limits,
            uploads: None,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let operator = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let metrics = operator.local_addr().unwrap();
        let operator = self.operator.then_some(operator);
        let names = self.names.iter().map(|name| (*name).to_owned()).collect();
        let listeners = Listeners { clients: vec![listener], names, operator };
        let handle = bob::proxy::spawn(listeners, config).unwrap();
        if !self.pushes_wait {
            handle.allow_pushes();
        }
        Proxy { address: handle.addresses()[0], metrics, handle }
    }
}

/// The digest of `bytes`.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |digest, byte| digest + &format!("{byte:02x}"))
}

/// A running proxy.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    /// Where metrics are served, if they are.
    pub(crate) metrics: SocketAddr,
    pub(crate) handle: Handle,
}

/// What the proxy answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The code of the registry error in the body.
    pub(crate) fn code(&self) -> String {
        let json: serde_json::Value = serde_json::from_slice(&self.body).expect("a registry error");
        json["errors"][0]["code"].as_str().expect("an error code").to_owned()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Proxy {
    pub(crate) async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        send(&format!("http://{}", self.address), method, target, headers, body).await
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[], "").await
    }

    /// Sends exactly these bytes and returns what comes back until the proxy closes.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        raw(&self.address.to_string(), bytes).await
    }

    /// Starts an upload to `target` and returns its location here.
    pub(crate) async fn start_upload(&self) -> String {
        let answer = self.send("POST", "/v2/target/blobs/uploads/", &[], "").await;
        assert_eq!(answer.status, StatusCode::ACCEPTED.as_u16(), "{}", answer.text());
        answer.header("location").expect("a location").to_owned()
    }
}

/// The answer of the server at `base` (`http://HOST:PORT`), on a connection of its own.
pub(crate) async fn send(
    base: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let mut request = Request::builder().method(method).uri(format!("{base}{target}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).unwrap();
    let response = Client::builder(TokioExecutor::new()).build_http().request(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: head.status.as_u16(), headers: head.headers, body }
}

/// Sends exactly these bytes to `address` and returns what comes back until it closes.
pub(crate) async fn raw(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("an answer in time").unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
