//! Pushing manifests.

use serde_json::{Value, json};

use super::{Case, Found, Holds, INDEX, MANIFEST, Site, case, digest, location, run, status, want};
use crate::harness::DIGEST;

pub(super) const CASES: &[Case] = &[
    case("a manifest pushed by tag is 201 with a location that can be pulled", run!(by_tag)),
    case("a manifest can be pushed by its digest", run!(by_digest)),
    case("a manifest's answer has its digest", run!(answers_digest)),
    case("a manifest is stored byte for byte", run!(exact)),
    case("a tag can be moved to another manifest", run!(moved)),
    case("an index of manifests can be pushed", run!(index)),
    case("parameters of the content type are ignored", run!(parameters)),
    case("a manifest whose blob is unknown is refused with its code", run!(unknown_blob)),
    case("a manifest with another digest than it is pushed by is 400", run!(other_digest)),
    case("what is not a manifest is 400", run!(not_a_manifest)),
    case("a manifest of 4 MB is taken", run!(four_megabytes)),
    case("a manifest that is too large is 413", run!(too_large))
        .not_directly("the status is 400", "Debian's registry calls it an invalid manifest")
        .through(Holds::Yes),
    case("a manifest whose subject is not there is taken", run!(subject))
        .through(Holds::No("403", "referrers may not be written")),
];

async fn pull_back(site: &Site, at: &str, manifest: &str) -> Found {
    let answer = site.send("GET", at, &[("accept", MANIFEST), ("accept", INDEX)], "").await;
    status(&answer, 200)?;
    want("the manifest is the same", answer.text() == manifest, true)
}

async fn by_tag(site: &Site) -> Found {
    let manifest = site.manifest("push by tag").await?;
    let answer = site.put_manifest("one", MANIFEST, &manifest).await;
    status(&answer, 201)?;
    pull_back(site, &location(&answer)?, &manifest).await
}

async fn by_digest(site: &Site) -> Found {
    let manifest = site.manifest("push by digest").await?;
    let answer = site.put_manifest(&digest(manifest.as_bytes()), MANIFEST, &manifest).await;
    status(&answer, 201)?;
    pull_back(site, &location(&answer)?, &manifest).await
}

async fn answers_digest(site: &Site) -> Found {
    let manifest = site.manifest("push digest").await?;
    let answer = site.put_manifest("one", MANIFEST, &manifest).await;
    want("the digest", answer.header("docker-content-digest"), Some(&digest(manifest.as_bytes())))
}

async fn exact(site: &Site) -> Found {
    let manifest = site.manifest("exact").await?.replace(',', " ,\n\t ") + "\n";
    status(&site.put_manifest("one", MANIFEST, &manifest).await, 201)?;
    pull_back(site, &site.path("base", "manifests/one"), &manifest).await
}

async fn moved(site: &Site) -> Found {
    site.pushed("before").await?;
    let after = site.pushed("after").await?;
    pull_back(site, &site.path("base", "manifests/one"), &after).await
}

async fn index(site: &Site) -> Found {
    let child = site.manifest("child").await?;
    let reference = digest(child.as_bytes());
    status(&site.put_manifest(&reference, MANIFEST, &child).await, 201)?;
    let index = json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [{ "mediaType": MANIFEST, "digest": reference, "size": child.len() }],
    });
    let index = index.to_string();
    status(&site.put_manifest("one", INDEX, &index).await, 201)?;
    pull_back(site, &site.path("base", "manifests/one"), &index).await?;
    pull_back(site, &site.path("base", &format!("manifests/{reference}")), &child).await
}

async fn parameters(site: &Site) -> Found {
    let manifest = site.manifest("parameters").await?;
    status(&site.put_manifest("one", &format!("{MANIFEST}; charset=utf-8"), &manifest).await, 201)
}

async fn unknown_blob(site: &Site) -> Found {
    let mut manifest: Value = serde_json::from_str(&site.manifest("unknown blob").await?).unwrap();
    manifest["layers"][0]["digest"] = DIGEST.into();
    let answer = site.put_manifest("one", MANIFEST, &manifest.to_string()).await;
    if !(400..500).contains(&answer.status) {
        return Err(format!("the status is {}", answer.status));
    }
    let code = answer.code();
    want("the code", code == "MANIFEST_BLOB_UNKNOWN" || code == "BLOB_UNKNOWN", true)
}

async fn other_digest(site: &Site) -> Found {
    let manifest = site.manifest("other digest").await?;
    status(&site.put_manifest(DIGEST, MANIFEST, &manifest).await, 400)
}

async fn not_a_manifest(site: &Site) -> Found {
    for text in ["", "not json"] {
        status(&site.put_manifest("one", MANIFEST, text).await, 400)?;
    }
    Ok(())
}

async fn padded(site: &Site, bytes: usize) -> Result<String, String> {
    let manifest = site.manifest("PADDING").await?;
    let padding = "x".repeat(bytes - manifest.len() + "PADDING".len());
    Ok(manifest.replace("PADDING", &padding))
}

async fn four_megabytes(site: &Site) -> Found {
    let manifest = padded(site, 4_000_000).await?;
    status(&site.put_manifest("one", MANIFEST, &manifest).await, 201)?;
    pull_back(site, &site.path("base", "manifests/one"), &manifest).await
}

async fn too_large(site: &Site) -> Found {
    let manifest = padded(site, 5 * 1024 * 1024).await?;
    status(&site.put_manifest("one", MANIFEST, &manifest).await, 413)
}

async fn subject(site: &Site) -> Found {
    let mut manifest: Value = serde_json::from_str(&site.manifest("subject").await?).unwrap();
    manifest["subject"] = json!({ "mediaType": MANIFEST, "digest": DIGEST, "size": 2 });
    status(&site.put_manifest("one", MANIFEST, &manifest.to_string()).await, 201)
}
