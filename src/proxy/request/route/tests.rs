use super::*;
use http::Request;

fn route(method: &str, target: &str) -> Result<Route, ProxyError> {
    Route::of(&Request::builder().method(method).uri(target).body(()).unwrap().into_parts().0)
}

fn sha() -> String {
    format!("sha256:{}", "0".repeat(64))
}

#[test]
fn every_resource_is_read_from_its_path() {
    let digest = Digest::parse(&sha()).unwrap();
    let repository = |name: &str, resource| Route::Repository { name: name.into(), mirror: None, resource };
    let tag = |tag: &str| Resource::Manifest(ManifestReference::Tag(tag.into()));
    let sha = sha();
    for (method, target, want) in [
        ("GET", "/v2/".to_owned(), Route::Base),
        ("HEAD", "/v2".to_owned(), Route::Base),
        ("GET", "/v2/base/manifests/latest".to_owned(), repository("base", tag("latest"))),
        ("GET", "/v2/a/b/manifests/x?other=1".to_owned(), repository("a/b", tag("x"))),
        ("GET", "/v2/manifests/manifests/manifests".to_owned(), repository("manifests", tag("manifests"))),
        (
            "PUT",
            format!("/v2/base/manifests/{sha}"),
            repository("base", Resource::Manifest(ManifestReference::Digest(digest.clone()))),
        ),
        ("HEAD", format!("/v2/base/blobs/{sha}"), repository("base", Resource::Blob(digest.clone()))),
        (
            "POST",
            format!("/v2/base/blobs/uploads/?mount={}&from=other", sha.replace(':', "%3A")),
            repository(
                "base",
                Resource::StartUpload { mount: Some((digest.clone(), Some("other".into()))), digest: None },
            ),
        ),
        (
            "POST",
            "/v2/base/blobs/uploads".to_owned(),
            repository("base", Resource::StartUpload { mount: None, digest: None }),
        ),
        (
            "PUT",
            format!("/v2/base/blobs/uploads/some-Id?digest={sha}"),
            repository("base", Resource::Upload { id: "some-Id".into(), digest: Some(digest.clone()) }),
        ),
        (
            "DELETE",
            "/v2/base/blobs/uploads/x".to_owned(),
            repository("base", Resource::Upload { id: "x".into(), digest: None }),
        ),
    ] {
        assert_eq!(route(method, &target).unwrap(), want, "{method} {target}");
    }
}

#[test]
fn a_mirror_is_read_only() {
    let host = Host::parse("ghcr.io").unwrap();
    match route("GET", "/v2/a/b/manifests/x?ns=GHCR.io").unwrap() {
        Route::Repository { mirror, .. } => assert_eq!(mirror, Some(host)),
        other @ Route::Base => panic!("{other:?}"),
    }
    for (method, target) in [
        ("PUT", "/v2/a/manifests/x?ns=ghcr.io"),
        ("POST", "/v2/a/blobs/uploads/?ns=ghcr.io"),
        ("GET", "/v2/a/blobs/uploads/x?ns=ghcr.io"),
    ] {
        assert!(matches!(route(method, target), Err(ProxyError::Denied(_))), "{method} {target}");
    }
}

#[test]
fn other_spellings_of_a_path_are_malformed() {
    for target in [
        "/v2/base%2fmanifests/x",
        "/v2/base/manifests/%6catest",
        "/v2/%62ase/manifests/x",
        "/v2//base/manifests/x",
        "/v2/base//manifests/x",
        "/v2/base/./manifests/x",
        "/v2/base/../target/manifests/x",
        "/v2/..",
        "/v2/.",
        "/v2/base/manifests/..",
        "/v2/base/manifests/.",
        "/v2/base/manifests/a;b",
        "/v2/base/manifests/a:",
        "/v2/base/manifests/a\\b",
        "/v2/BASE/manifests/x",
        "/v2/base/blobs/sha256:abc",
        "/v2/base/blobs/x",
        "/v2/base/manifests/x?ns=%zz",
        "/v2/base/manifests/x?ns=a&ns=b",
        "/v2/base/manifests/x?ns=127.1",
        "/v2/base/manifests/x?ns=user@host",
        "/v2/base/manifests/x?ns=http://h",
        "/v2/base/manifests/x?ns=",
        "/v2/base/manifests/x?ns=a%0d%0ab",
        "http://base/v2/base/manifests/x",
        "https://x/",
        "/v2/base/manifests/x@sha256:00",
        "/v2/base/blobs/uploads/%2e%2e",
        "/v2/base/blobs/uploads/..",
        "/v2/base/manifests/x,y",
        "/v2/base*/manifests/x",
    ] {
        let error = route("GET", target).unwrap_err();
        assert!(matches!(error, ProxyError::Target(_)), "{target}: {error:?}");
    }
    assert!(route("CONNECT", "registry.example:443").is_err());
    assert!(route("OPTIONS", "*").is_err());
}

#[test]
fn listing_deleting_and_unknown_methods_are_refused() {
    let sha = sha();
    for (method, target) in [
        ("GET", "/v2/_catalog".to_owned()),
        ("GET", "/v2/base/tags/list".to_owned()),
        ("GET", format!("/v2/base/referrers/{sha}")),
        ("DELETE", "/v2/base/manifests/latest".to_owned()),
        ("DELETE", format!("/v2/base/manifests/{sha}")),
        ("DELETE", format!("/v2/base/blobs/{sha}")),
    ] {
        assert!(matches!(route(method, &target), Err(ProxyError::Denied(_))), "{method} {target}");
    }
    for (method, target) in [
        ("POST", "/v2/base/manifests/latest".to_owned()),
        ("PUT", format!("/v2/base/blobs/{sha}")),
        ("GET", "/v2/base/blobs/uploads/".to_owned()),
        ("TRACE", "/v2/".to_owned()),
        ("OPTIONS", "/v2/".to_owned()),
    ] {
        assert!(matches!(route(method, &target), Err(ProxyError::Method(..))), "{method} {target}");
    }
    for target in [
        "/",
        "/v1/",
        "/v2x/",
        "/v2/base",
        "/v2/base/manifests",
        "/v2/base/other/x",
        "/metrics",
        "/v3/a/manifests/b",
    ] {
        assert!(matches!(route("GET", target), Err(ProxyError::NotFound)), "{target}");
    }
}

#[test]
fn a_placeholder_request_is_answered_with_its_error() {
    for expected in [FramingError::Length, FramingError::Line] {
        let line = String::from_utf8(expected.placeholder_request()).unwrap();
        let error = route("REFUSED", line.split(' ').nth(1).unwrap()).unwrap_err();
        assert!(matches!(error, ProxyError::Framing(found) if found == expected));
    }
}

/// Whether nothing in `text` could lead a path, or a second reader of it, anywhere else.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-:+=~".contains(&b))
        && !text.split('/').any(|part| matches!(part, "" | "." | ".."))
}

fn check(digest: &Digest) {
    let (algorithm, hex) = digest.as_str().split_once(':').unwrap();
    assert_eq!(hex.len(), if algorithm == "sha256" { 64 } else { 128 }, "{digest}");
    assert!(matches!(algorithm, "sha256" | "sha512") && is_plain(digest.as_str()), "{digest}");
}

#[test]
fn fuzz_targets_lead_only_to_names_in_their_one_spelling() {
    let sha = sha();
    let targets = [
        "/v2/base/manifests/latest".to_owned(),
        format!("/v2/target/manifests/{sha}?ns=ghcr.io"),
        format!("/v2/a/b/blobs/uploads/?mount={}&from=base", sha.replace(':', "%3A")),
        format!("/v2/target/blobs/uploads/some-Id?digest={sha}"),
        format!("/v2/x/blobs/sha512:{}", "a".repeat(128)),
    ];
    let seeds: Vec<&[u8]> = targets.iter().map(String::as_bytes).collect();
    crate::fuzz::run(&seeds, |bytes| {
        let Ok(target) = std::str::from_utf8(bytes) else { return };
        for method in ["GET", "PUT", "POST"] {
            let Ok(request) = Request::builder().method(method).uri(target).body(()) else { return };
            let Ok(Route::Repository { name, mirror, resource }) = Route::of(&request.into_parts().0) else {
                continue;
            };
            assert!(is_repository_name(&name) && is_plain(&name), "{name}");
            assert!(mirror.is_none_or(|host| Host::parse(host.as_str()).is_ok_and(|again| again == host)));
            match resource {
                Resource::Manifest(ManifestReference::Tag(tag)) => {
                    assert!(is_plain(&tag) && !tag.contains(['/', ':']), "{tag}");
                }
                Resource::Manifest(ManifestReference::Digest(digest)) | Resource::Blob(digest) => {
                    check(&digest);
                }
                Resource::StartUpload { mount, digest } => {
                    mount.iter().map(|(digest, _)| digest).chain(&digest).for_each(check);
                }
                Resource::Upload { id, digest } => {
                    assert!(is_plain(&id) && !id.contains('/'), "{id}");
                    digest.iter().for_each(check);
                }
            }
        }
    });
}
