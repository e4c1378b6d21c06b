//! Daemons behind TLS, and registries that ask for a password.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bob::buildkit::{
    Address, BearerToken, BuildRequest, Client, CredentialProvider, CredentialRefusal, Credentials, Daemon,
    Error, ExportTarget, Gateway, TlsOptions,
};

use crate::support::{Graph, build, dirs, export, options, single};

/// A port that was free a moment ago.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Runs OpenSSL, or any other program, in a folder.
fn run(dir: &Path, line: &str) {
    let output = Command::new("sh").args(["-ec", line]).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An authority, and a key with a certificate from it for server and client alike.
fn certificates(dir: &Path) {
    run(
        dir,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 2",
    );
    run(
        dir,
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out csr.pem -subj /CN=bk",
    );
    run(
        dir,
        "printf 'subjectAltName=DNS:bk.example\\n' > ext; openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -out cert.pem -days 2 -extfile ext",
    );
}

#[tokio::test]
async fn a_daemon_behind_mutual_tls_answers_whoever_has_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let certs = tempfile::tempdir().unwrap();
    certificates(certs.path());
    let at = |name: &str| certs.path().join(name);
    let address = Address::Tcp { host: "127.0.0.1".into(), port: port() };
    let mut options = options(folder.path());
    options.extra_args = vec![
        format!("--addr={address}").into(),
        format!("--tlscacert={}", at("ca.pem").display()).into(),
        format!("--tlscert={}", at("cert.pem").display()).into(),
        format!("--tlskey={}", at("key.pem").display()).into(),
    ];
    let daemon = Daemon::start(options).await.unwrap();
    let patience = Duration::from_secs(5);
    let full = TlsOptions {
        ca: Some(at("ca.pem")),
        cert: Some(at("cert.pem")),
        key: Some(at("key.pem")),
        server_name: Some("bk.example".into()),
    };
    let client = Client::probe(&address, &full, patience).await.unwrap();
    assert!(!client.workers().await.unwrap().is_empty());

    let stranger = TlsOptions { cert: None, key: None, ..full.clone() };
    assert!(Client::probe(&address, &stranger, patience).await.is_err(), "no certificate");
    let misnamed = TlsOptions { server_name: None, ..full.clone() };
    let error = Client::probe(&address, &misnamed, patience).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    let half = TlsOptions { key: None, ..full.clone() };
    let error = Client::probe(&address, &half, patience).await.unwrap_err();
    assert!(error.to_string().contains("--tlskey"), "{error}");
    let absent = TlsOptions { ca: Some(at("absent")), ..full };
    assert!(matches!(Client::probe(&address, &absent, patience).await, Err(Error::TlsFile { .. })));
    daemon.stop().await;
}

/// A registry with the user `u` and the password `p4ss`.
struct Registry {
    process: Child,
    _folder: tempfile::TempDir,
    host: String,
}

impl Registry {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let host = format!("127.0.0.1:{}", port());
        run(folder.path(), "htpasswd -Bbn u p4ss > users");
        let at = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '{host}'}}\n\
             auth: {{htpasswd: {{realm: test, path: {}}}}}\n",
            at("data"),
            at("users")
        );
        std::fs::write(at("config.yml"), config).unwrap();
        let process = Command::new(crate::parts::tool("docker-registry"))
            .args(["serve", &at("config.yml")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while std::net::TcpStream::connect(&host).is_err() {
            assert!(began.elapsed() < Duration::from_secs(10), "no registry");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { process, _folder: folder, host }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Knows one password for one host.
struct Password(String, &'static str);

#[tonic::async_trait]
impl CredentialProvider for Password {
    async fn credentials(&self, host: &str) -> Result<Option<Credentials>, CredentialRefusal> {
        let password = self.1.to_owned().into();
        Ok((host == self.0).then(|| Credentials { username: "u".into(), password }))
    }

    async fn fetches_tokens(&self, _: &str) -> bool {
        false
    }

    async fn token(&self, host: &str, _: &[String]) -> Result<BearerToken, CredentialRefusal> {
        Err(CredentialRefusal::new(format!("no tokens for {host}")))
    }
}

#[tokio::test]
async fn a_push_uses_the_sessions_credentials_and_no_others() {
    let registry = tokio::task::spawn_blocking(Registry::start).await.unwrap();
    let context = tempfile::tempdir().unwrap();
    std::fs::write(context.path().join("file"), "content").unwrap();
    for (host, password, works) in [(registry.host.as_str(), "p4ss", true), ("elsewhere", "p4ss", false)] {
        let mut request: BuildRequest = export("image", ExportTarget::Daemon);
        let name = format!("{}/pushed:{works}", registry.host);
        request.exports[0].attrs = BTreeMap::from([("name".into(), name), ("push".into(), "true".into())]);
        let mut session = dirs(&[("context", context.path())]);
        session.credentials = Some(Arc::new(Password(host.to_owned(), password)));
        let (ended, _) = build(request, session, async |gateway: Gateway| {
            let mut graph = Graph::default();
            let vertex = graph.local(&gateway, "context", &[]);
            single(&gateway, graph, &vertex).await
        })
        .await;
        match ended {
            Ok(outcome) => assert!(works && outcome.exporter_response.contains_key("containerimage.digest")),
            Err(error) => {
                let text = format!("{error} {error:?}");
                assert!(!works && text.contains("401"), "{text}");
                assert!(!text.contains("p4ss"), "{text}");
            }
        }
    }
}
