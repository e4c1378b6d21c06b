//! Pushing blobs: whole, in chunks, cancelled, mounted.

use super::{Case, Found, OCTETS, Site, case, digest, location, run, status, want};
use crate::harness::DIGEST;

pub(super) const CASES: &[Case] = &[
    case("an upload is started with 202 and a location", run!(start)),
    case("each upload has a location of its own", run!(own_locations)),
    case("PUT of the whole is 201 with a location that can be pulled", run!(whole)),
    case("an empty blob can be pushed", run!(empty)),
    case("a blob that is there can be pushed again", run!(again)),
    case("POST of the whole is 201, or 202 and goes on with PUT", run!(single_post)),
    case("a wrong digest is 400", run!(wrong_digest)),
    case("an invalid digest is 400", run!(invalid_digest)),
    case("a closing PUT without a digest is 400", run!(no_digest)),
    case("PATCH of a stream is 202 with location and range", run!(stream)),
    case("chunks in order are 202 with location and range, and PUT closes with 201", run!(chunks)),
    case("the closing PUT may bring the last chunk", run!(last_chunk)),
    case("a chunk out of order is 416", run!(out_of_order))
        .not_directly("the status is 202", "Debian's registry of version 2.8 does not read Content-Range"),
    case("a last chunk out of order is 416", run!(last_out_of_order))
        .not_directly("the status is 400", "the same: it finds the digest wrong"),
    case("GET of an upload is 204 with location and range", run!(progress)),
    case("a cancelled upload is 204 and gone", run!(cancel)),
    case("an unknown upload is 404", run!(unknown_upload)),
    case("a mount is 201 with a location that can be pulled", run!(mount)),
    case("a mount of an unknown blob becomes an upload", run!(mount_unknown)),
    case("a mount from an unknown repository becomes an upload", run!(mount_from_unknown)),
    case("a mount without a source is 201 or becomes an upload", run!(mount_from_anywhere)),
    case("a blob of several MiB goes up whole", run!(large)),
];

async fn start(site: &Site) -> Found {
    site.start("target").await.map(|_| ())
}

async fn own_locations(site: &Site) -> Found {
    let (one, two) = (site.start("target").await?, site.start("target").await?);
    if one == two { Err("two uploads have one location".into()) } else { Ok(()) }
}

async fn pull_back(site: &Site, at: &str, bytes: &[u8]) -> Found {
    let answer = site.get(at).await;
    status(&answer, 200)?;
    want("the blob is whole", answer.body == bytes, true)
}

async fn put(site: &Site, bytes: &[u8]) -> Found {
    let at = site.start("target").await?;
    let answer = site.finish(&at, &digest(bytes), bytes).await;
    status(&answer, 201)?;
    pull_back(site, &location(&answer)?, bytes).await
}

async fn whole(site: &Site) -> Found {
    put(site, b"the whole").await
}

async fn empty(site: &Site) -> Found {
    put(site, b"").await
}

async fn again(site: &Site) -> Found {
    put(site, b"twice").await?;
    put(site, b"twice").await
}

async fn large(site: &Site) -> Found {
    let bytes: Vec<u8> = (0..9_000_000_u32).map(|i| (i % 251) as u8).collect();
    put(site, &bytes).await
}

async fn single_post(site: &Site) -> Found {
    let bytes = b"in one request";
    let target = site.path("target", &format!("blobs/uploads/?digest={}", digest(bytes)));
    let answer = site.send("POST", &target, &[OCTETS], *bytes).await;
    if answer.status == 201 {
        return pull_back(site, &location(&answer)?, bytes).await;
    }
    status(&answer, 202)?;
    let answer = site.finish(&location(&answer)?, &digest(bytes), bytes).await;
    status(&answer, 201)?;
    pull_back(site, &location(&answer)?, bytes).await
}

async fn wrong_digest(site: &Site) -> Found {
    let at = site.start("target").await?;
    status(&site.finish(&at, DIGEST, b"something else").await, 400)?;
    status(&site.get(&site.path("target", &format!("blobs/{DIGEST}"))).await, 404)
}

async fn invalid_digest(site: &Site) -> Found {
    for digest in ["sha256:abc", "nonsense"] {
        let at = site.start("target").await?;
        status(&site.finish(&at, digest, b"x").await, 400)?;
    }
    Ok(())
}

async fn no_digest(site: &Site) -> Found {
    let at = site.start("target").await?;
    status(&site.send("PUT", &at, &[OCTETS], "x").await, 400)
}

/// Sends a chunk that begins at `from` and returns where the upload goes on.
async fn chunk(site: &Site, at: &str, from: usize, bytes: &str) -> Result<String, String> {
    let end = from + bytes.len() - 1;
    let range = format!("{from}-{end}");
    let answer = site.send("PATCH", at, &[OCTETS, ("content-range", &range)], bytes).await;
    status(&answer, 202)?;
    want("the range", answer.header("range"), Some(&format!("0-{end}")))?;
    location(&answer)
}

async fn stream(site: &Site) -> Found {
    let at = site.start("target").await?;
    let answer = site.send("PATCH", &at, &[OCTETS], "streamed").await;
    status(&answer, 202)?;
    want("the range", answer.header("range"), Some("0-7"))?;
    let answer = site.finish(&location(&answer)?, &digest(b"streamed"), b"").await;
    status(&answer, 201)?;
    pull_back(site, &location(&answer)?, b"streamed").await
}

async fn chunks(site: &Site) -> Found {
    let at = site.start("target").await?;
    let at = chunk(site, &at, 0, "first").await?;
    let at = chunk(site, &at, 5, "second").await?;
    let answer = site.finish(&at, &digest(b"firstsecond"), b"").await;
    status(&answer, 201)?;
    pull_back(site, &location(&answer)?, b"firstsecond").await
}

async fn last_chunk(site: &Site) -> Found {
    let at = site.start("target").await?;
    let at = chunk(site, &at, 0, "begin").await?;
    let answer = site.finish(&at, &digest(b"beginend"), b"end").await;
    status(&answer, 201)?;
    pull_back(site, &location(&answer)?, b"beginend").await
}

async fn out_of_order(site: &Site) -> Found {
    let at = site.start("target").await?;
    let at = chunk(site, &at, 0, "first").await?;
    let answer = site.send("PATCH", &at, &[OCTETS, ("content-range", "50-54")], "third").await;
    status(&answer, 416)
}

async fn last_out_of_order(site: &Site) -> Found {
    let at = site.start("target").await?;
    let at = chunk(site, &at, 0, "first").await?;
    let joint = if at.contains('?') { '&' } else { '?' };
    let target = format!("{at}{joint}digest={}", digest(b"firstsecond"));
    status(&site.send("PUT", &target, &[OCTETS, ("content-range", "50-54")], "third").await, 416)
}

async fn progress(site: &Site) -> Found {
    let at = site.start("target").await?;
    let at = chunk(site, &at, 0, "progress").await?;
    let answer = site.get(&at).await;
    status(&answer, 204)?;
    want("the range", answer.header("range"), Some("0-7"))?;
    let answer = site.finish(&location(&answer)?, &digest(b"progress"), b"").await;
    status(&answer, 201)
}

async fn cancel(site: &Site) -> Found {
    let at = site.start("target").await?;
    status(&site.send("DELETE", &at, &[], "").await, 204)?;
    status(&site.get(&at).await, 404)
}

async fn unknown_upload(site: &Site) -> Found {
    let at = site.path("target", "blobs/uploads/00000000-0000-4000-8000-000000000000");
    status(&site.get(&at).await, 404)?;
    status(&site.finish(&at, DIGEST, b"x").await, 404)
}

async fn ask_for_mount(site: &Site, digest: &str, from: Option<&str>) -> crate::harness::Answer {
    let from = from.map(|from| format!("&from={}{from}", site.prefix)).unwrap_or_default();
    let target = site.path("target", &format!("blobs/uploads/?mount={digest}{from}"));
    site.send("POST", &target, &[], "").await
}

async fn mount(site: &Site) -> Found {
    let digest = site.blob("base", b"to be mounted").await?;
    let answer = ask_for_mount(site, &digest, Some("base")).await;
    status(&answer, 201)?;
    pull_back(site, &location(&answer)?, b"to be mounted").await
}

async fn mount_unknown(site: &Site) -> Found {
    let answer = ask_for_mount(site, DIGEST, Some("base")).await;
    status(&answer, 202)?;
    let answer = site.finish(&location(&answer)?, &digest(b"not mounted"), b"not mounted").await;
    status(&answer, 201)
}

async fn mount_from_unknown(site: &Site) -> Found {
    let answer = ask_for_mount(site, DIGEST, Some("unknown")).await;
    status(&answer, 202)?;
    location(&answer).map(|_| ())
}

async fn mount_from_anywhere(site: &Site) -> Found {
    let digest = site.blob("base", b"from anywhere").await?;
    let answer = ask_for_mount(site, &digest, None).await;
    if answer.status == 201 { Ok(()) } else { status(&answer, 202) }
}
