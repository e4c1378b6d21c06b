//! Registries that send a request elsewhere.

use super::{Kind, LARGE, ask};
use crate::harness::Setup;
use crate::upstream::{Upstream, reply};

const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];

#[tokio::test(flavor = "multi_thread")]
async fn redirected_reads_are_followed_without_credentials_and_in_bounds() {
    let storage = Upstream::start(|seen| match seen.path() {
        "/gone" => reply(410, &[], "gone"),
        _ => reply(200, &[], "content"),
    })
    .await;
    let to = format!("http://{}", storage.host());
    let upstream = Upstream::start(move |seen| {
        let agent = seen.header("user-agent").unwrap_or_default().to_owned();
        let mut words = agent.split(' ');
        let status = words.next().and_then(|status| status.parse().ok()).unwrap_or(200);
        let location = match words.next() {
            Some("storage") => format!("{to}/blob?signature=x"),
            Some("gone") => format!("{to}/gone"),
            // Without asking who it is.
            Some("itself") => return reply(status, &[("location", &seen.target)], ""),
            Some("plain") => "http://storage.example/blob".to_owned(),
            Some("nonsense") => "http://".to_owned(),
            Some("closed") => "http://127.0.0.1:1/".to_owned(),
            _ => return reply(401, &[("www-authenticate", "Basic realm=\"r\"")], ""),
        };
        if seen.header("authorization").is_none() {
            return reply(401, &[("www-authenticate", "Basic realm=\"r\"")], "");
        }
        reply(status, &[("location", &location)], "")
    })
    .await;
    let proxy = Setup::new(upstream.host()).with_password().start().await;
    let mut count = 0;
    for status in STATUSES {
        for kind in [Kind::GetManifest, Kind::HeadManifest, Kind::GetBlob, Kind::HeadBlob] {
            for (to, expected) in [
                ("storage", 200),
                ("gone", 410),
                ("itself", 500),
                ("plain", 403),
                ("nonsense", 403),
                ("closed", 500),
            ] {
                let end = ask(&proxy, kind, "", &format!("{status} {to}")).await;
                assert_eq!(end.status, expected, "{status} {kind:?} {to}: {end:?}");
                if to == "storage" && kind.method() == "GET" {
                    assert_eq!(end.text(), "content");
                }
                assert!(!end.headers.contains_key("location"), "{status} {kind:?} {to}");
                count += 1;
            }
        }
    }
    assert!(storage.seen().iter().all(|seen| seen.header("authorization").is_none()));
    println!("{count} cases");
}

#[tokio::test(flavor = "multi_thread")]
async fn redirected_writes_are_sent_on_by_the_client_or_refused() {
    let storage = Upstream::start(|seen| match seen.method.as_str() {
        "POST" | "PATCH" => reply(202, &[("location", "/up/2")], ""),
        _ => reply(201, &[], ""),
    })
    .await;
    let to = format!("http://{}/up/1", storage.host());
    let upstream = Upstream::start(move |seen| {
        let agent = seen.header("user-agent").unwrap_or_default();
        match agent.parse() {
            Ok(status) => reply(status, &[("location", &to)], ""),
            Err(_) => reply(202, &[("location", "/up/1")], ""),
        }
    })
    .await;
    let proxy = Setup::new(upstream.host()).start().await;
    let mut count = 0;
    for status in STATUSES {
        for kind in [
            Kind::Post,
            Kind::Patch(1000),
            Kind::Patch(LARGE),
            Kind::Put(1000),
            Kind::Put(LARGE),
            Kind::PutManifest,
        ] {
            let location = proxy.start_upload().await;
            let end = ask(&proxy, kind, &location, &status.to_string()).await;
            let case = format!("{status} {kind:?}: {end:?}");
            count += 1;
            if status < 307 {
                // As a read it would seem to succeed.
                assert!(end.status == 500 && end.is_clear_error(), "{case}");
                continue;
            }
            assert_eq!(end.status, status, "{case}");
            let onward = end.headers["location"].to_str().unwrap();
            assert!(
                onward.starts_with("/v2/target/blobs/uploads/") && !onward.contains("127.0.0.1"),
                "{case}"
            );
            let again = proxy.send(kind.method(), onward, &[], kind.body()).await;
            assert!(matches!(again.status, 201 | 202), "{case}: {}", again.text());
            // For this method only.
            let other = proxy.send("DELETE", onward, &[], "").await;
            assert_eq!(other.status, 404, "{case}");
        }
    }
    println!("{count} cases");
}
