//! Debian's registry, open or with a password, with TLS where there is one.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::guarded::{Guarded, tool};

/// A running registry.
#[derive(Debug)]
pub struct Registry {
    process: Guarded,
    /// `localhost:PORT`.
    pub host: String,
    /// Whether it asks for the password.
    secured: bool,
}

impl Registry {
    /// The user name of a registry with a password.
    pub const USER: &'static str = "builder";
    /// The password of a registry with one. Nothing but the registry and the proxy may ever show it.
    pub const PASSWORD: &'static str = "s3cret-of-the-registry";

    /// An open one over plain http.
    pub fn open() -> Self {
        Self::start(false)
    }

    /// One with TLS (see [`Registry::ca`]) and a password.
    pub fn secured() -> Self {
        Self::start(true)
    }

    /// An open one that the tests of this process share: use repositories of your own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Registry> = OnceLock::new();
        SHARED.get_or_init(Self::open)
    }

    /// A secured one that the tests of this process share.
    pub fn shared_secured() -> &'static Self {
        static SHARED: OnceLock<Registry> = OnceLock::new();
        SHARED.get_or_init(Self::secured)
    }

    /// One over plain http that asks for tokens of `realm`, issued by `issuer` for the service `service` and
    /// signed by the key of [`Registry::ca`], which [`Registry::key`] names.
    pub fn with_tokens(realm: &str) -> Self {
        let folder = Guarded::folder("registry");
        certificate(&folder);
        let bundle = folder.join("cert.pem");
        let auth = format!(
            "auth:\n  token: {{realm: '{realm}', service: service, issuer: issuer, rootcertbundle: {}}}\n",
            bundle.display()
        );
        Self::start_in(&folder, &auth, false)
    }

    /// One over plain http that takes nothing but the password.
    pub fn password_only() -> Self {
        let folder = Guarded::folder("registry");
        let auth = password(&folder);
        let registry = Self::start_in(&folder, &auth, false);
        Self { secured: true, ..registry }
    }

    fn start(secured: bool) -> Self {
        let folder = Guarded::folder("registry");
        let auth = if secured { password(&folder) } else { String::new() };
        Self::start_in(&folder, &auth, secured)
    }

    fn start_in(folder: &Path, auth: &str, tls: bool) -> Self {
        let at = |name: &str| folder.join(name).display().to_string();
        let mut config = format!(
            "version: 0.1\nlog: {{accesslog: {{disabled: false}}}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: true}}\nhttp:\n  addr: localhost:0\n",
            at("data")
        );
        if tls {
            certificate(folder);
            config += &format!("  tls: {{certificate: {}, key: {}}}\n", at("cert.pem"), at("key.pem"));
        }
        config += auth;
        fs::write(at("config.yml"), config).expect("the registry's configuration is written");
        let process =
            Guarded::start(folder.to_owned(), &[&tool("docker-registry"), "serve", &at("config.yml")], &[]);
        let port = process.wait_for("registry", |p| {
            let log = p.log();
            let (_, after) = log.split_once("listening on ")?;
            let address = after.split([',', '"', ' ']).next()?;
            address.rsplit(':').next()?.parse::<u16>().ok()
        });
        Self { process, host: format!("localhost:{port}"), secured: tls }
    }

    /// The certificate of a registry with TLS, which is its own authority.
    pub fn ca(&self) -> PathBuf {
        self.process.path().join("cert.pem")
    }

    /// The private key of [`Registry::ca`].
    pub fn key(&self) -> PathBuf {
        self.process.path().join("key.pem")
    }

    /// A reference on this registry.
    pub fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.host)
    }

    /// Requests and errors that the registry has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The repositories' folder, to look at what has arrived.
    pub fn storage(&self) -> PathBuf {
        self.process.path().join("data/docker/registry/v2")
    }

    /// Writes a manifest under `name`, a repository and a tag, of an open registry.
    pub fn put_manifest(&self, name: &str, media_type: &str, text: &str) {
        let (repository, tag) = name.split_once(':').expect("a tag");
        let mut stream = TcpStream::connect(&self.host).expect("the registry listens");
        let head = format!(
            "PUT /v2/{repository}/manifests/{tag} HTTP/1.1\r\nHost: {}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.host,
            text.len()
        );
        stream.write_all((head + text).as_bytes()).expect("the manifest is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }

    /// The auth configuration that a docker client would have for it.
    pub fn docker_config(&self) -> String {
        format!(
            r#"{{"auths":{{"{}":{{"username":"{}","password":"{}"}}}}}}"#,
            self.host,
            Self::USER,
            Self::PASSWORD
        )
    }

    /// skopeo's flags for the side `dest` or `src` on this registry.
    pub fn skopeo_flags(&self, side: &str) -> Vec<String> {
        let mut flags = vec![format!("--{side}-tls-verify=false")];
        if self.secured {
            flags.push(format!("--{side}-creds={}:{}", Self::USER, Self::PASSWORD));
        }
        flags
    }
}

/// Writes the users of a registry to `folder` and returns the configuration that names them.
fn password(folder: &Path) -> String {
    let users = Command::new(tool("htpasswd")).args(["-Bbn", Registry::USER, Registry::PASSWORD]).output();
    fs::write(folder.join("users"), users.expect("htpasswd runs").stdout).expect("users are written");
    format!("auth:\n  htpasswd: {{realm: test, path: {}}}\n", folder.join("users").display())
}

fn certificate(folder: &Path) {
    let made = Command::new(tool("openssl"))
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=localhost", "-addext"])
        .arg("subjectAltName=DNS:localhost,DNS:*.example.test,IP:127.0.0.1,IP:::1")
        .arg("-keyout")
        .arg(folder.join("key.pem"))
        .arg("-out")
        .arg(folder.join("cert.pem"))
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
