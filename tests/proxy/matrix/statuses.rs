//! Statuses, pauses and tokens.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;

use super::{KINDS, Kind, LARGE, ask};
use crate::harness::Setup;
use crate::upstream::{Reply, Seen, Upstream, reply};

const WORDS: &str = r#"{"errors":[{"code":"TOOBAD","message":"the registry's own words"}]}"#;
const STATUSES: [u16; 17] =
    [400, 401, 403, 404, 405, 406, 409, 412, 413, 416, 429, 500, 501, 502, 503, 504, 507];

/// What a registry that is well says.
fn well(seen: &Seen) -> Reply {
    let location = ("location", "/v2/team/target/blobs/uploads/1?state=a");
    match seen.method.as_str() {
        "POST" | "PATCH" => reply(202, &[location, ("range", "0-999")], ""),
        "PUT" => reply(201, &[], ""),
        "DELETE" => reply(204, &[], ""),
        _ if seen.path().contains("/uploads/") => reply(204, &[location, ("range", "0-999")], ""),
        "HEAD" => reply(200, &[("content-length", "7")], ""),
        _ => reply(200, &[], "content"),
    }
}

/// What the agent `WORD NUMBER …` of a request asks of the registry.
fn told(seen: &Seen) -> (String, u16) {
    let agent = seen.header("user-agent").unwrap_or_default().to_owned();
    let number = agent.split(' ').nth(1).and_then(|number| number.parse().ok()).unwrap_or(0);
    (agent, number)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_passed_on_with_its_words_to_every_kind_of_request() {
    let upstream = Upstream::start(|seen| match told(seen) {
        (agent, status) if agent.starts_with("always") && seen.path() != "/v2/" => reply(status, &[], WORDS),
        _ => well(seen),
    })
    .await;
    let proxy = Arc::new(Setup::new(upstream.host()).start().await);
    let mut cases = JoinSet::new();
    for kind in KINDS {
        for status in STATUSES {
            let (proxy, location) = (proxy.clone(), proxy.start_upload().await);
            cases.spawn(async move {
                let end = ask(&proxy, kind, &location, &format!("always {status} {kind:?}")).await;
                let expected = if status == 502 { 500 } else { status };
                assert_eq!(end.status, expected, "{kind:?}");
                let words = if kind.method() == "HEAD" { "" } else { WORDS };
                assert_eq!(end.text(), words, "{kind:?} {status}");
            });
        }
    }
    let count = cases.len();
    cases.join_all().await;
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for seen in upstream.seen().iter().filter(|seen| told(seen).0.starts_with("always")) {
        *sent.entry(told(seen).0).or_default() += 1;
    }
    assert!(sent.len() == count && sent.values().all(|times| *times <= 4), "{sent:?}");
    println!("{count} cases");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passing_status_is_waited_out_wherever_the_body_can_be_sent_again() {
    let times = Mutex::new(BTreeMap::<String, usize>::new());
    let upstream = Upstream::start(move |seen| {
        let (agent, status) = told(seen);
        if !agent.starts_with("once") {
            return well(seen);
        }
        let mut times = times.lock().unwrap();
        let time = times.entry(agent).or_default();
        *time += 1;
        if *time == 1 { reply(status, &[], WORDS) } else { well(seen) }
    })
    .await;
    let proxy = Arc::new(Setup::new(upstream.host()).start().await);
    let mut cases = JoinSet::new();
    for kind in KINDS {
        for status in [429, 500, 502, 503, 504] {
            let (proxy, location) = (proxy.clone(), proxy.start_upload().await);
            cases.spawn(async move {
                let end = ask(&proxy, kind, &location, &format!("once {status} {kind:?}")).await;
                // PATCH appends: it is repeated only if the registry says that it did nothing.
                let once =
                    kind.is_streamed() || (matches!(kind, Kind::Patch(_)) && !matches!(status, 429 | 503));
                if once {
                    let expected = if status == 502 { 500 } else { status };
                    assert_eq!((end.status, end.text()), (expected, WORDS), "{kind:?}");
                } else {
                    assert!(end.status < 300, "{kind:?} {status}: {end:?}");
                }
            });
        }
    }
    println!("{} cases", cases.len());
    cases.join_all().await;
}

fn http_date(time: SystemTime) -> String {
    let time = format!("@{}", time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs());
    let format = "+%a, %d %b %Y %H:%M:%S GMT";
    let output =
        std::process::Command::new("date").args(["-u", "-d", &time, format]).env("LC_ALL", "C").output();
    String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_forms_of_retry_after_are_kept_and_long_ones_passed_on() {
    let times = Mutex::new(BTreeMap::<String, usize>::new());
    let upstream = Upstream::start(move |seen| {
        let (agent, status) = told(seen);
        let Some((_, wait)) = agent.split_once(" wait ") else { return well(seen) };
        let (_kind, wait) = wait.split_once('/').unwrap();
        let mut times = times.lock().unwrap();
        let time = times.entry(agent.clone()).or_default();
        *time += 1;
        if *time == 1 { reply(status, &[("retry-after", wait)], WORDS) } else { well(seen) }
    })
    .await;
    let proxy = Arc::new(Setup::new(upstream.host()).start().await);
    let mut cases = JoinSet::new();
    for kind in
        [Kind::GetManifest, Kind::HeadBlob, Kind::Post, Kind::Put(1000), Kind::PutManifest, Kind::Patch(1000)]
    {
        for status in [429, 503] {
            let soon = http_date(SystemTime::now() + Duration::from_secs(4));
            let late = http_date(SystemTime::now() + Duration::from_hours(1));
            for (wait, at_least) in [
                ("2", Some(2)),
                (soon.as_str(), Some(1)),
                ("nonsense", Some(0)),
                ("3600", None),
                (late.as_str(), None),
            ] {
                let (proxy, location) = (proxy.clone(), proxy.start_upload().await);
                let agent = format!("x {status} wait {kind:?}/{wait}");
                cases.spawn(async move {
                    let end = ask(&proxy, kind, &location, &agent).await;
                    if let Some(seconds) = at_least {
                        assert!(end.status < 300, "{agent}: {end:?}");
                        assert!(end.took >= Duration::from_secs(seconds), "{agent}: {:?}", end.took);
                    } else {
                        assert_eq!(end.status, status, "{agent}");
                        assert!(end.headers.contains_key("retry-after"), "{agent}");
                    }
                });
            }
        }
    }
    println!("{} cases", cases.len());
    cases.join_all().await;
}

/// A registry whose tokens are good for `uses` requests each, and are said to hold for `seconds`.
async fn with_tokens(uses: usize, seconds: u32) -> Upstream {
    let left = Mutex::new((0, 0));
    Upstream::start(move |seen| {
        let mut left = left.lock().unwrap();
        if seen.path() == "/token" {
            *left = (left.0 + 1, uses);
            return reply(200, &[], format!(r#"{{"token":"t{}","expires_in":{seconds}}}"#, left.0));
        }
        if seen.header("authorization") == Some(&format!("Bearer t{}", left.0)) && left.1 > 0 {
            left.1 -= 1;
            return well(seen);
        }
        let challenge =
            format!(r#"Bearer realm="http://{}/token",service="s""#, seen.header("host").unwrap());
        reply(401, &[("www-authenticate", &challenge)], WORDS)
    })
    .await
}

#[tokio::test]
async fn a_token_that_expires_at_any_step_is_renewed() {
    // Every token is refused from its second use on, whatever was said of it.
    let upstream = with_tokens(1, 3600).await;
    let proxy = Setup::new(upstream.host()).with_password().start().await;
    for kind in KINDS {
        let location = proxy.start_upload().await;
        let end = ask(&proxy, kind, &location, "x").await;
        if kind.is_streamed() {
            // It cannot be sent again, and its token was said to be good.
            assert_eq!((end.status, end.text()), (401, WORDS), "{kind:?}");
            assert!(!end.headers.contains_key("www-authenticate"));
        } else {
            assert!(end.status < 300, "{kind:?}: {end:?}");
        }
    }
    // Tokens that hold for a second: a large upload begins with a fresh one.
    let upstream = with_tokens(usize::MAX, 1).await;
    let proxy = Setup::new(upstream.host()).with_password().start().await;
    for kind in [Kind::Patch(LARGE), Kind::Put(LARGE), Kind::PutManifest] {
        let location = proxy.start_upload().await;
        tokio::time::sleep(Duration::from_millis(1100)).await;
        assert!(ask(&proxy, kind, &location, "x").await.status < 300, "{kind:?}");
    }
    assert!(upstream.lines().iter().filter(|line| line.contains("/token")).count() >= 4);
}
