//! Which credentials registries get and hand out, and what is remembered of their challenges.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bob::registry::{AuthScheme, Host, Repository, Scopes};

use super::{authenticator, basic, basic_registry, login, repository};
use crate::harness::{Setup, send};
use crate::upstream::{Reply, Seen, Upstream, reply};

/// A `bob proxy` of its own, with a mirror for `listed`, by its process id.
struct Process {
    child: Child,
    base: String,
    log: Arc<Mutex<String>>,
}

impl Process {
    fn start(listed: &str, login: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bob"))
            .args(["proxy", "--listen", "127.0.0.1:0"])
            .env_clear()
            .env("WORKSPACEKIT_BOBPROXY_BASEREF", format!("{listed}/team/base:one"))
            .env("WORKSPACEKIT_BOBPROXY_TARGETREF", format!("{listed}/team/target:two"))
            .env("WORKSPACEKIT_BOBPROXY_AUTH", format!(r#"{{"auths":{{"{listed}":{login}}}}}"#))
            .env("WORKSPACEKIT_BOBPROXY_ADDITIONALAUTH", format!(r#"{{"{listed}":{login}}}"#))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let address = loop {
            let line = lines.next().expect("the proxy listens").unwrap();
            if let Some((_, rest)) = line.split_once("listening on ") {
                let end = rest.find(|c: char| !(c.is_ascii_digit() || ".:".contains(c)));
                break rest[..end.unwrap_or(rest.len())].to_owned();
            }
        };
        let written = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                *written.lock().unwrap() += &(line + "\n");
            }
        });
        Self { child, base: format!("http://{address}"), log }
    }

    /// The most memory that the process ever had, in KiB, without the pages of the program's file: the system can drop
    /// those, and a program without optimisations has several times as many. `make bench-proxy` counts all.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let kib = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        kib("VmHWM:") - kib("RssFile:")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn nine_hundred_challenges_of_a_hundred_kilobytes_are_not_kept() {
    let upstream = Upstream::start(|seen| {
        if seen.path() == "/token" {
            return reply(200, &[], format!(r#"{{"token":"{}"}}"#, "t".repeat(16 * 1024)));
        }
        let (host, own) = (seen.header("host").unwrap(), seen.path().replace('/', "-"));
        let scope = format!("repository:{own}{}:pull", "x".repeat(100_000));
        let value = format!("Bearer realm=\"http://{host}/token\",service=\"s\",scope=\"{scope}\"");
        reply(401, &[("www-authenticate", &value)], "")
    })
    .await;
    let proxy = Process::start(&upstream.host(), r#"{"username":"u","password":"p"}"#);
    let ns = upstream.host();
    let before = proxy.peak();
    for number in 0..900 {
        let target = format!("/v2/library/r{number}/manifests/x?ns={ns}");
        let status = send(&proxy.base, "GET", &target, &[], "").await.status;
        assert!(matches!(status, 401 | 500), "{status}");
    }
    assert!(proxy.peak() <= 40 * 1024, "{before} KiB before, {} KiB after", proxy.peak());
}

#[tokio::test]
async fn a_user_name_that_is_the_token_is_in_no_answer_and_no_log() {
    let upstream = Upstream::start(|seen| match seen.path() {
        "/token" => reply(401, &[], ""),
        path if path.contains("target") => reply(401, &[("www-authenticate", "Basic realm=\"r\"")], "no"),
        _ => {
            let realm = format!("http://{}/token", seen.header("host").unwrap());
            reply(401, &[("www-authenticate", &format!("Bearer realm=\"{realm}\""))], "")
        }
    })
    .await;
    let proxy = Process::start(&upstream.host(), r#"{"username":"glpat-t0ken","password":"x"}"#);
    // Basic first: who wants tokens once gets tokens for all.
    for alias in ["target", "base"] {
        let answer = send(&proxy.base, "GET", &format!("/v2/{alias}/manifests/x"), &[], "").await;
        assert_eq!(answer.status, 401);
        assert!(!answer.text().contains("t0ken"), "{}", answer.text());
        if alias == "base" {
            assert!(answer.text().contains("a user name and password from"), "{}", answer.text());
        }
    }
    let logged = async {
        while !proxy.log.lock().unwrap().contains("the registry refuses") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), logged)
        .await
        .unwrap_or_else(|_| panic!("{}", proxy.log.lock().unwrap()));
    assert!(!proxy.log.lock().unwrap().contains("t0ken"), "{}", proxy.log.lock().unwrap());
}

#[tokio::test]
async fn a_small_put_that_is_refused_without_a_challenge_is_sent_again_with_fresh_credentials() {
    // Each token holds for one request.
    let issued = Arc::new(Mutex::new(0));
    let script = {
        let issued = Arc::clone(&issued);
        move |seen: &Seen| -> Reply {
            let mut issued = issued.lock().unwrap();
            let host = seen.header("host").unwrap();
            match (seen.path(), seen.header("authorization")) {
                ("/token", _) => {
                    *issued += 1;
                    reply(200, &[], format!(r#"{{"token":"t{issued}","expires_in":300}}"#))
                }
                ("/v2/", None) => {
                    let value = format!("Bearer realm=\"http://{host}/token\",service=\"s\"");
                    reply(401, &[("www-authenticate", &value)], "")
                }
                (_, Some(value)) if value == format!("Bearer t{issued}") && seen.body == "{}" => {
                    reply(201, &[], "")
                }
                _ => reply(401, &[], "no challenge"),
            }
        }
    };
    let upstream = Upstream::start(script).await;
    let proxy = Setup::new(upstream.host()).with_password().start().await;
    assert_eq!(
        proxy.send("PUT", "/v2/target/manifests/x", &[], "{}").await.status,
        201,
        "{:?}",
        upstream.lines()
    );
    // The token is worth nothing any more.
    *issued.lock().unwrap() += 10;
    assert_eq!(
        proxy.send("PUT", "/v2/target/manifests/x", &[], "{}").await.status,
        201,
        "{:?}",
        upstream.lines()
    );
    let puts = upstream.seen().iter().filter(|seen| seen.method == "PUT").count();
    assert_eq!(puts, 4, "{:?}", upstream.lines());
}

#[tokio::test]
async fn a_login_with_an_empty_half_is_sent() {
    for (entry, want) in [
        (r#"{"username":"t0ken","password":""}"#.to_owned(), "t0ken:"),
        (r#"{"username":"t0ken"}"#.to_owned(), "t0ken:"),
        (r#"{"username":"","password":"t0ken"}"#.to_owned(), ":t0ken"),
        (format!(r#"{{"auth":"{}"}}"#, STANDARD.encode("t0ken:")), "t0ken:"),
        (format!(r#"{{"auth":"{}"}}"#, STANDARD.encode(":t0ken")), ":t0ken"),
    ] {
        let upstream = Upstream::start(move |seen| match seen.header("authorization") {
            Some(value) if value == basic(want) => reply(200, &[], "in"),
            _ => reply(401, &[("www-authenticate", "Basic realm=\"r\"")], ""),
        })
        .await;
        let mut setup = Setup::new(upstream.host());
        setup.auth = format!(r#"{{"auths":{{"{}":{entry}}}}}"#, upstream.host());
        setup.additional = format!(r#"{{"{}":{entry}}}"#, upstream.host());
        let proxy = setup.start().await;
        assert_eq!(proxy.get("/v2/base/manifests/x").await.text(), "in", "{entry}");
        let mirrored = format!("/v2/library/a/manifests/x?ns={}", upstream.host());
        assert_eq!(proxy.get(&mirrored).await.text(), "in", "{entry}");
    }
}

#[tokio::test]
async fn a_token_is_handed_out_for_exactly_the_scopes_asked_for() {
    let upstream = Upstream::start(|seen| {
        if seen.path() == "/token" {
            assert_eq!(seen.header("authorization"), Some(basic("user:password").as_str()));
            return reply(200, &[], r#"{"token":"handed","expires_in":300}"#);
        }
        let realm = format!("http://{}/token", seen.header("host").unwrap());
        let value = format!("Bearer realm=\"{realm}\",service=\"s\",scope=\"repository:x:pull,push\"");
        reply(401, &[("www-authenticate", &value)], "")
    })
    .await;
    let (auth, host) = (authenticator(&login(&upstream.host()), 20), Host::parse(&upstream.host()).unwrap());
    assert_eq!(auth.scheme(&host).await.unwrap(), Some(AuthScheme::Bearer));
    let scopes = Scopes::parse(["repository:a/b:pull"]).unwrap();
    let handed = auth.delegate_token(&host, scopes.clone()).await.unwrap().expect("a token");
    assert_eq!(handed.token.expose(), "handed");
    assert!(handed.expires_in > Duration::from_secs(290) && handed.expires_in <= Duration::from_secs(300));
    auth.delegate_token(&host, scopes).await.unwrap().expect("the same");
    assert_eq!(upstream.lines(), ["GET /v2/", "GET /token?service=s&scope=repository%3Aa%2Fb%3Apull"]);
}

#[tokio::test]
async fn a_registry_that_shows_v2_to_everybody_is_asked_by_repository_whether_it_takes_tokens() {
    for reads_are_open in [false, true] {
        let upstream = Upstream::start(move |seen| {
            assert!(seen.header("authorization").is_none() || seen.path() == "/token");
            match (seen.path(), seen.method.as_str()) {
                ("/token", _) => reply(200, &[], r#"{"token":"handed","expires_in":300}"#),
                ("/v2/", _) => reply(200, &[], "{}"),
                (_, "GET" | "HEAD") if reads_are_open => reply(404, &[], ""),
                _ => {
                    let host = seen.header("host").unwrap();
                    let value = format!("Bearer realm=\"http://{host}/token\",service=\"s\"");
                    reply(401, &[("www-authenticate", &value)], "")
                }
            }
        })
        .await;
        let repository = repository(&upstream.host());
        let auth = authenticator(&login(&upstream.host()), 20);
        assert_eq!(auth.scheme(&repository.host).await.unwrap(), None);
        assert_eq!(auth.scheme_of(&repository).await.unwrap(), Some(AuthScheme::Bearer), "{reads_are_open}");
        let asked = upstream.lines();
        assert_eq!(auth.scheme_of(&repository).await.unwrap(), Some(AuthScheme::Bearer));
        assert_eq!(auth.scheme(&repository.host).await.unwrap(), Some(AuthScheme::Bearer));
        assert_eq!(upstream.lines(), asked, "what was learned is remembered");
        // With and without having asked first.
        for auth in [auth, authenticator(&login(&upstream.host()), 20)] {
            let handed = auth.delegate_token(&repository.host, Scopes::push("team/base")).await.unwrap();
            assert_eq!(handed.expect("a token").token.expose(), "handed");
        }
    }
    let broken = Upstream::start(|seen| reply(if seen.path() == "/v2/" { 200 } else { 503 }, &[], "")).await;
    let asked = authenticator("{}", 20).scheme_of(&repository(&broken.host())).await;
    assert!(
        asked.unwrap_err().to_string().contains("answered 503 Service Unavailable to HEAD /v2/team/base")
    );
}

#[tokio::test]
async fn what_wants_no_tokens_gets_none_and_a_registry_token_is_handed_out_as_it_is() {
    let open = Upstream::start(|_| reply(200, &[], "{}")).await;
    let (auth, host) = (authenticator(&login(&open.host()), 20), Host::parse(&open.host()).unwrap());
    assert_eq!(auth.scheme(&host).await.unwrap(), None);
    assert!(auth.delegate_token(&host, Scopes::pull("a")).await.unwrap().is_none());
    assert_eq!(auth.scheme_of(&Repository { host: host.clone(), name: "a".into() }).await.unwrap(), None);
    // It was asked once whether this repository is open to read and to write.
    let upload = "PATCH /v2/a/blobs/uploads/00000000-0000-0000-0000-000000000000";
    assert_eq!(open.lines(), ["GET /v2/", "HEAD /v2/a/manifests/latest", upload]);

    let asking = basic_registry().await;
    let (auth, host) = (authenticator(&login(&asking.host()), 20), Host::parse(&asking.host()).unwrap());
    assert_eq!(auth.scheme(&host).await.unwrap(), Some(AuthScheme::Basic));
    assert!(auth.delegate_token(&host, Scopes::pull("a")).await.unwrap().is_none());
    assert!(asking.seen().iter().all(|seen| seen.header("authorization").is_none()));

    let bearer = Upstream::start(|_| {
        reply(401, &[("www-authenticate", "Bearer realm=\"https://127.0.0.1:1/token\"")], "")
    })
    .await;
    let config = format!(r#"{{"auths":{{"{}":{{"registrytoken":"as-it-is"}}}}}}"#, bearer.host());
    let (auth, host) = (authenticator(&config, 20), Host::parse(&bearer.host()).unwrap());
    let handed = auth.delegate_token(&host, Scopes::pull("a")).await.unwrap().expect("a token");
    assert_eq!(handed.token.expose(), "as-it-is");

    let broken = Upstream::start(|_| reply(500, &[], "")).await;
    let (auth, host) = (authenticator("{}", 20), Host::parse(&broken.host()).unwrap());
    assert!(auth.scheme(&host).await.unwrap_err().to_string().contains("answered 500"));
}
