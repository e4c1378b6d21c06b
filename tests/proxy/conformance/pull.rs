//! Pulling: manifests, blobs, whether they exist.

use super::{Case, Found, Holds, MANIFEST, Site, case, digest, run, status, want};
use crate::harness::DIGEST;

pub(super) const CASES: &[Case] = &[
    case("the API is spoken at /v2/", run!(api)),
    case("a manifest is served by its tag", run!(by_tag)),
    case("a manifest is served by its digest", run!(by_digest)),
    case("a manifest comes with its digest", run!(manifest_digest)),
    case("a manifest comes with the type that it was pushed with, without parameters", run!(manifest_type)),
    case("an unknown digest of a manifest is 404", run!(unknown_digest)),
    case("an unknown tag is 404", run!(unknown_tag))
        .through(Holds::No("200", "a tag is forced to the alias's own")),
    case("an unknown repository is 404", run!(unknown_repository))
        .through(Holds::No("403", "nothing but the aliases may be reached")),
    case("a reference is a tag or a digest", run!(odd_references))
        .not_directly("sha256:abc is 500", "Debian's registry fails on a broken digest")
        .through(Holds::Yes),
    case("a blob is served by its digest", run!(blob)),
    case("a blob comes with its digest", run!(blob_digest)),
    case("an unknown blob is 404", run!(unknown_blob)),
    case("a range of a blob is 206", run!(range)),
    case("HEAD of a manifest tells digest and size", run!(head_manifest)),
    case("HEAD of a blob tells digest and size", run!(head_blob)),
    case("HEAD of an unknown manifest is 404", run!(head_unknown_manifest)),
    case("HEAD of an unknown blob is 404", run!(head_unknown_blob)),
    case("an error's body lists errors with codes", run!(error_body)),
];

async fn api(site: &Site) -> Found {
    status(&site.get("/v2/").await, 200)
}

async fn by_tag(site: &Site) -> Found {
    let manifest = site.pushed("by tag").await?;
    let answer = site.get_manifest("one").await;
    status(&answer, 200)?;
    want("the manifest", answer.text(), &manifest)
}

async fn by_digest(site: &Site) -> Found {
    let manifest = site.pushed("by digest").await?;
    let answer = site.get_manifest(&digest(manifest.as_bytes())).await;
    status(&answer, 200)?;
    want("the manifest", answer.text(), &manifest)
}

async fn manifest_digest(site: &Site) -> Found {
    let digest = digest(site.pushed("digest").await?.as_bytes());
    for reference in ["one", &digest] {
        let answer = site.get_manifest(reference).await;
        want("the digest", answer.header("docker-content-digest"), Some(&digest))?;
    }
    Ok(())
}

async fn manifest_type(site: &Site) -> Found {
    site.pushed("type").await?;
    want("the type", site.get_manifest("one").await.header("content-type"), Some(MANIFEST))
}

async fn unknown_digest(site: &Site) -> Found {
    status(&site.get_manifest(DIGEST).await, 404)
}

async fn unknown_tag(site: &Site) -> Found {
    site.pushed("unknown tag").await?;
    status(&site.get_manifest("unknown").await, 404)
}

async fn unknown_repository(site: &Site) -> Found {
    status(&site.get(&site.path("unknown", "manifests/one")).await, 404)
}

async fn odd_references(site: &Site) -> Found {
    for reference in [".x", "-x", "a%20b", "sha256:abc", "sha256:", &"x".repeat(129)] {
        let answer = site.get_manifest(reference).await;
        if !matches!(answer.status, 400 | 404) {
            return Err(format!("{reference} is {}", answer.status));
        }
    }
    Ok(())
}

async fn blob(site: &Site) -> Found {
    let digest = site.blob("base", b"a blob").await?;
    let answer = site.get(&site.path("base", &format!("blobs/{digest}"))).await;
    status(&answer, 200)?;
    want("the blob", answer.text(), "a blob")
}

async fn blob_digest(site: &Site) -> Found {
    let digest = site.blob("base", b"a blob's digest").await?;
    let answer = site.get(&site.path("base", &format!("blobs/{digest}"))).await;
    want("the digest", answer.header("docker-content-digest"), Some(&digest))
}

async fn unknown_blob(site: &Site) -> Found {
    status(&site.get(&site.path("base", &format!("blobs/{DIGEST}"))).await, 404)
}

async fn range(site: &Site) -> Found {
    let digest = site.blob("base", b"0123456789").await?;
    let target = site.path("base", &format!("blobs/{digest}"));
    let answer = site.send("GET", &target, &[("range", "bytes=2-4")], "").await;
    status(&answer, 206)?;
    want("the range", answer.header("content-range"), Some("bytes 2-4/10"))?;
    want("the part", answer.text(), "234")
}

async fn head_manifest(site: &Site) -> Found {
    let manifest = site.pushed("head").await?;
    let target = site.path("base", "manifests/one");
    let answer = site.send("HEAD", &target, &[("accept", MANIFEST)], "").await;
    status(&answer, 200)?;
    want("the digest", answer.header("docker-content-digest"), Some(&digest(manifest.as_bytes())))?;
    want("the size", answer.header("content-length"), Some(&manifest.len().to_string()))?;
    want("the body", answer.text(), "")
}

async fn head_blob(site: &Site) -> Found {
    let digest = site.blob("base", b"0123456789").await?;
    let target = site.path("base", &format!("blobs/{digest}"));
    let answer = site.send("HEAD", &target, &[], "").await;
    status(&answer, 200)?;
    want("the digest", answer.header("docker-content-digest"), Some(&digest))?;
    want("the size", answer.header("content-length"), Some("10"))?;
    want("the body", answer.text(), "")
}

async fn head_unknown_manifest(site: &Site) -> Found {
    let target = site.path("base", &format!("manifests/{DIGEST}"));
    status(&site.send("HEAD", &target, &[], "").await, 404)
}

async fn head_unknown_blob(site: &Site) -> Found {
    let target = site.path("base", &format!("blobs/{DIGEST}"));
    status(&site.send("HEAD", &target, &[], "").await, 404)
}

async fn error_body(site: &Site) -> Found {
    let answer = site.get_manifest(DIGEST).await;
    want("the code", answer.code().as_str(), "MANIFEST_UNKNOWN")?;
    let answer = site.get(&site.path("base", &format!("blobs/{DIGEST}"))).await;
    want("the code", answer.code().as_str(), "BLOB_UNKNOWN")
}
