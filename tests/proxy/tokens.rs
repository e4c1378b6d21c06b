//! Debian's registry with tokens that expire quickly, from a small token server of our own.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use crate::harness::{Proxy, Setup, digest};
use crate::support::{Image, Project, Registry, tool};
use crate::upstream::{Reply, Seen, Upstream, reply};

/// The registry takes a token for this much longer than it says.
const LEEWAY: u64 = 60;

/// Signs tokens with the key of a registry's certificate.
struct Issuer {
    key: std::path::PathBuf,
    /// The header of every token.
    header: String,
    /// How long a token holds, in seconds.
    lifetime: u64,
}

impl Issuer {
    fn new(registry: &Registry, lifetime: u64) -> Self {
        let pem = std::fs::read_to_string(registry.ca()).unwrap();
        let certificate: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let header = json!({ "typ": "JWT", "alg": "ES256", "x5c": [certificate] });
        Self { key: registry.key(), header: URL_SAFE_NO_PAD.encode(header.to_string()), lifetime }
    }

    /// A JSON Web Token for `scopes` (<https://distribution.github.io/distribution/spec/auth/jwt/>).
    fn token(&self, scopes: &[String]) -> String {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        // Times are whole seconds there: rounded up, a token holds for its lifetime and up to a second more.
        let now = now.as_secs() + 1;
        let access: Vec<_> = scopes
            .iter()
            .map(|scope| {
                let parts: Vec<&str> = scope.split(':').collect();
                json!({ "type": parts[0], "name": parts[1], "actions": parts[2].split(',').collect::<Vec<_>>() })
            })
            .collect();
        let claims = json!({
            "iss": "issuer", "aud": "service", "sub": "user", "jti": now.to_string(),
            "nbf": now - 2, "iat": now - 1, "exp": now - LEEWAY + self.lifetime, "access": access,
        });
        let signed = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(claims.to_string()));
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("input");
        std::fs::write(&input, &signed).unwrap();
        let output = Command::new(tool("openssl"))
            .args(["dgst", "-sha256", "-sign"])
            .arg(&self.key)
            .arg(input)
            .output();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(plain_signature(&output.unwrap().stdout)))
    }

    /// The answer of the token endpoint.
    fn answer(&self, seen: &Seen) -> Reply {
        let wanted = format!("Basic {}", STANDARD.encode("user:password"));
        if seen.header("authorization") != Some(&wanted) {
            return reply(401, &[], "");
        }
        let query = seen.target.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let pairs = bob::http::query::parse_pairs(query).unwrap();
        let scopes = pairs.into_iter().filter(|(name, _)| name == "scope").map(|(_, scope)| scope);
        let token = self.token(&scopes.collect::<Vec<_>>());
        reply(200, &[], json!({ "token": token, "expires_in": self.lifetime }).to_string())
    }
}

/// The two numbers of a DER signature, 32 bytes each.
fn plain_signature(der: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 2);
    for _ in 0..2 {
        let length = usize::from(der[at + 1]);
        let number = &der[at + 2..at + 2 + length];
        let number = &number[number.len().saturating_sub(32)..];
        out.extend(std::iter::repeat_n(0, 32 - number.len()).chain(number.iter().copied()));
        at += 2 + length;
    }
    out
}

/// A registry with its token server, and a proxy before it.
struct Site {
    registry: Registry,
    tokens: Upstream,
    proxy: Proxy,
}

impl Site {
    async fn start(lifetime: u64) -> Self {
        let issuer: Arc<Mutex<Option<Issuer>>> = Arc::default();
        let later = issuer.clone();
        let tokens = Upstream::start(move |seen| later.lock().unwrap().as_ref().unwrap().answer(seen)).await;
        let registry = Registry::with_tokens(&format!("http://{}/token", tokens.host()));
        *issuer.lock().unwrap() = Some(Issuer::new(&registry, lifetime));
        let proxy = Setup::new(registry.host.clone()).with_password().start().await;
        Self { registry, tokens, proxy }
    }
}

fn skopeo(args: &[&str]) {
    let output =
        Command::new(tool("skopeo")).args(["--insecure-policy", "copy"]).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_tokens_pushes_and_pulls_past_their_end() {
    let site = Site::start(2).await;
    let plain = crate::harness::send(&format!("http://{}", site.registry.host), "GET", "/v2/", &[], "").await;
    assert_eq!(plain.status, 401);
    let source = Registry::shared();
    let from = format!("docker://{}", Image::push_source(source, "tokens/source:1"));
    let target = format!("docker://{}/target:x", site.proxy.address);
    let folder = tempfile::tempdir().unwrap();
    let down = format!("oci:{}:down", folder.path().display());
    for _ in 0..2 {
        skopeo(&["--src-tls-verify=false", "--dest-tls-verify=false", &from, &target]);
        tokio::time::sleep(Duration::from_millis(3100)).await;
        skopeo(&["--src-tls-verify=false", &target, &down]);
    }
    assert!(site.tokens.seen().len() >= 4, "{:?}", site.tokens.lines());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_token_expires_between_its_steps_is_finished() {
    // A body this large is sent once only, so a busy machine must have sent its head while a fresh token holds.
    let site = Site::start(3).await;
    let is_over = Duration::from_millis(4100);
    let proxy = &site.proxy;
    let large = vec![7; 6 << 20];
    let location = proxy.start_upload().await;
    tokio::time::sleep(is_over).await;
    let patched = proxy.send("PATCH", &location, &[], large.clone()).await;
    assert_eq!(patched.status, 202, "{}", patched.text());
    tokio::time::sleep(is_over).await;
    let location = patched.header("location").unwrap();
    let done = proxy.send("PUT", &format!("{location}?digest={}", digest(&large)), &[], "").await;
    assert_eq!(done.status, 201, "{}", done.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_small_layers_go_up_while_tokens_expire() {
    const LAYERS: usize = 1000;
    let site = Arc::new(Site::start(2).await);
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (site, next) = (site.clone(), next.clone());
        workers.spawn(async move {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= LAYERS {
                    return;
                }
                let layer = format!("layer {index}");
                let digest = digest(layer.as_bytes());
                let there = site.proxy.send("HEAD", &format!("/v2/target/blobs/{digest}"), &[], "").await;
                assert_eq!(there.status, 404);
                let location = site.proxy.start_upload().await;
                let put = format!("{location}?digest={digest}");
                assert_eq!(site.proxy.send("PUT", &put, &[], layer).await.status, 201);
            }
        });
    }
    workers.join_all().await;
    let digests = (0..LAYERS).map(|index| digest(format!("layer {index}").as_bytes()));
    let layers = digests.map(|digest| {
        json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": 9 })
    });
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let config = json!({ "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(b"layer 0"), "size": 7 });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers.collect::<Vec<_>>(),
    });
    let headers = [("content-type", media_type)];
    let done = site.proxy.send("PUT", "/v2/target/manifests/x", &headers, manifest.to_string()).await;
    assert_eq!(done.status, 201, "{}", done.text());
    assert!(site.tokens.seen().len() < 200, "one token serves many requests");
    println!("{LAYERS} layers, {} tokens", site.tokens.seen().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn buildkitd_pulls_and_pushes_with_tokens_that_are_fetched_for_it_and_no_password() {
    let site = Site::start(60).await;
    let registry = &site.registry.host;
    let config = tempfile::tempdir().unwrap();
    let login = json!({ "auths": { registry: { "username": "user", "password": "password" } } });
    std::fs::write(config.path().join("config.json"), login.to_string()).unwrap();
    // A private base: what buildkitd has to read.
    let from = format!("docker://{}", Image::push_source(Registry::shared(), "tokens/source:1"));
    let base = format!("{registry}/private/base:1");
    skopeo(&[
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        "--dest-creds=user:password",
        &from,
        &format!("docker://{base}"),
    ]);
    let before = site.tokens.seen().len();
    let dockerfile = format!("FROM {base}\nRUN echo made > /made\n");
    let project = Project::new(&[("Dockerfile", &dockerfile)]);
    let name = format!("{registry}/private/app:1");
    let bob =
        project.build(&["-t", &name, "--push", "--push-via", "session"]).env("DOCKER_CONFIG", config.path());
    let outcome = tokio::task::spawn_blocking(|| bob.run()).await.unwrap();
    assert!(outcome.status.success(), "{}", outcome.stderr);

    let asked = site.tokens.seen().split_off(before);
    let agents: Vec<_> = asked.iter().filter_map(|seen| seen.header("user-agent")).collect();
    assert!(!agents.iter().any(|agent| agent.contains("buildkit")), "buildkitd has the password: {agents:?}");
    let push = asked.iter().position(|seen| seen.target.contains("push")).expect("the push has a token");
    assert!(push > 0 && asked[push].target.contains("private%2Fapp"), "{:?}", site.tokens.lines());
    assert!(
        asked[..push].iter().all(|seen| seen.target.contains("private%2Fbase")),
        "{:?}",
        site.tokens.lines()
    );
}
