//! Content management: nothing of it is allowed through the proxy.

use super::{Case, Found, Holds, Site, case, digest, run, status};
use crate::harness::DIGEST;

const REFUSED: Holds = Holds::No("403", "deleting is not allowed");

pub(super) const CASES: &[Case] = &[
    case("deleting a tag is 202, or 400 or 405 where it is off", run!(tag)).through(REFUSED),
    case("deleting a manifest is 202, and it is gone", run!(manifest)).through(REFUSED),
    case("deleting a manifest of an unknown repository is 404", run!(unknown_repository)).through(REFUSED),
    case("deleting a blob is 202, and it is gone", run!(blob)).through(REFUSED),
    case("deleting an unknown blob is 404", run!(unknown_blob)).through(REFUSED),
];

async fn tag(site: &Site) -> Found {
    site.pushed("deleted tag").await?;
    let answer = site.send("DELETE", &site.path("base", "manifests/one"), &[], "").await;
    if matches!(answer.status, 202 | 400 | 405) { Ok(()) } else { Err(format!("it is {}", answer.status)) }
}

async fn manifest(site: &Site) -> Found {
    let digest = digest(site.pushed("deleted manifest").await?.as_bytes());
    let target = site.path("base", &format!("manifests/{digest}"));
    status(&site.send("DELETE", &target, &[], "").await, 202)?;
    status(&site.get_manifest(&digest).await, 404)
}

async fn unknown_repository(site: &Site) -> Found {
    let target = site.path("unknown", &format!("manifests/{DIGEST}"));
    status(&site.send("DELETE", &target, &[], "").await, 404)
}

async fn blob(site: &Site) -> Found {
    let digest = site.blob("base", b"a deleted blob").await?;
    let target = site.path("base", &format!("blobs/{digest}"));
    status(&site.send("DELETE", &target, &[], "").await, 202)?;
    status(&site.get(&target).await, 404)
}

async fn unknown_blob(site: &Site) -> Found {
    let target = site.path("base", &format!("blobs/{DIGEST}"));
    status(&site.send("DELETE", &target, &[], "").await, 404)
}
