//! The OCI distribution specification's pull, push and content management, asked of Debian's registry
//! directly and through the proxy: each case holds on both, or the table says why not.
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md>)

mod manage;
mod manifests;
mod pull;
mod push;

use std::pin::Pin;

use crate::harness::{Answer, Proxy, Setup, digest, send};
use crate::support::Registry;
use serde_json::json;

/// What a case finds: nothing, or what is not as it has to be.
type Found = Result<(), String>;
type Run = for<'a> fn(&'a Site) -> Pin<Box<dyn Future<Output = Found> + Send + 'a>>;

/// Whether a case holds.
#[derive(Clone, Copy, Debug)]
enum Holds {
    Yes,
    /// It does not: words of what is found instead, and why that is as it should be.
    No(&'static str, &'static str),
}

/// A requirement of the specification.
struct Case {
    /// The requirement, in our words.
    name: &'static str,
    run: Run,
    directly: Holds,
    /// Through the proxy, where that is not as it is directly.
    through: Option<Holds>,
}

const fn case(name: &'static str, run: Run) -> Case {
    Case { name, run, directly: Holds::Yes, through: None }
}

impl Case {
    /// The registry itself does not do it.
    const fn not_directly(mut self, found: &'static str, why: &'static str) -> Self {
        self.directly = Holds::No(found, why);
        self
    }

    /// The proxy differs from the registry.
    const fn through(mut self, holds: Holds) -> Self {
        self.through = Some(holds);
        self
    }
}

/// Makes a [`Run`] of an async function.
macro_rules! run {
    ($function:path) => {
        |site| Box::pin($function(site))
    };
}
use run;

/// A registry as clients see it: itself, or the proxy before another like it.
struct Site {
    base: String,
    /// What the names of repositories begin with.
    prefix: &'static str,
}

const OCTETS: (&str, &str) = ("content-type", "application/octet-stream");
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

#[expect(clippy::needless_pass_by_value, reason = "calls read better without borrows")]
fn want<T: PartialEq + std::fmt::Debug>(what: &str, found: T, wanted: T) -> Found {
    if found == wanted { Ok(()) } else { Err(format!("{what} is {found:?}, not {wanted:?}")) }
}

fn status(answer: &Answer, wanted: u16) -> Found {
    want("the status", answer.status, wanted)
}

fn location(answer: &Answer) -> Result<String, String> {
    answer.header("location").map(ToOwned::to_owned).ok_or_else(|| "there is no location".into())
}

impl Site {
    /// `/v2/NAME/REST` of the repository `base` (its tag is `one`) or `target` (`two`).
    fn path(&self, repository: &str, rest: &str) -> String {
        format!("/v2/{}{repository}/{rest}", self.prefix)
    }

    async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        let body: Vec<u8> = body.into();
        match target.find("/v2/") {
            Some(at) if target.starts_with("http://") => {
                send(&target[..at], method, &target[at..], headers, body).await
            }
            _ => send(&self.base, method, target, headers, body).await,
        }
    }

    async fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[], "").await
    }

    /// Starts an upload and returns where it goes on.
    async fn start(&self, repository: &str) -> Result<String, String> {
        let answer = self.send("POST", &self.path(repository, "blobs/uploads/"), &[], "").await;
        status(&answer, 202)?;
        location(&answer)
    }

    async fn finish(&self, at: &str, digest: &str, body: &[u8]) -> Answer {
        let joint = if at.contains('?') { '&' } else { '?' };
        self.send("PUT", &format!("{at}{joint}digest={digest}"), &[OCTETS], body).await
    }

    /// Uploads a blob and returns its digest.
    async fn blob(&self, repository: &str, bytes: &[u8]) -> Result<String, String> {
        let at = self.start(repository).await?;
        let digest = digest(bytes);
        status(&self.finish(&at, &digest, bytes).await, 201)?;
        Ok(digest)
    }

    /// A manifest of `base` whose blobs are there; its annotation is `note`.
    async fn manifest(&self, note: &str) -> Result<String, String> {
        let (config, layer) = (format!("{{\"config\":{note:?}}}"), format!("layer {note}"));
        let layers = json!([{
            "mediaType": "application/vnd.oci.image.layer.v1.tar",
            "digest": self.blob("base", layer.as_bytes()).await?,
            "size": layer.len(),
        }]);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": self.blob("base", config.as_bytes()).await?,
                "size": config.len(),
            },
            "layers": layers,
            "annotations": { "note": note },
        });
        Ok(manifest.to_string())
    }

    async fn put_manifest(&self, reference: &str, media_type: &str, manifest: &str) -> Answer {
        let target = self.path("base", &format!("manifests/{reference}"));
        self.send("PUT", &target, &[("content-type", media_type)], manifest).await
    }

    /// A manifest that is in `base` under `one`.
    async fn pushed(&self, note: &str) -> Result<String, String> {
        let manifest = self.manifest(note).await?;
        status(&self.put_manifest("one", MANIFEST, &manifest).await, 201)?;
        Ok(manifest)
    }

    async fn get_manifest(&self, reference: &str) -> Answer {
        let target = self.path("base", &format!("manifests/{reference}"));
        self.send("GET", &target, &[("accept", MANIFEST), ("accept", INDEX)], "").await
    }
}

#[derive(Default)]
struct Count {
    holds: usize,
    wrong: Vec<String>,
}

impl Count {
    fn note(&mut self, name: &str, expected: Holds, found: Found) {
        match (expected, found) {
            (Holds::Yes, Ok(())) => self.holds += 1,
            (Holds::No(words, _), Err(text)) if text.contains(words) => {}
            (expected, found) => self.wrong.push(format!("{name}: {found:?}; expected {expected:?}")),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_holds_the_specification_wherever_the_registry_does_and_the_rights_allow() {
    let (own, behind) = (Registry::open(), Registry::open());
    let proxy: Proxy = Setup::new(behind.host.clone()).start().await;
    let direct = Site { base: format!("http://{}", own.host), prefix: "team/" };
    let through = Site { base: format!("http://{}", proxy.address), prefix: "" };
    let (mut directly, mut proxied, mut cases) = (Count::default(), Count::default(), 0);
    for case in [pull::CASES, push::CASES, manifests::CASES, manage::CASES].into_iter().flatten() {
        cases += 1;
        directly.note(case.name, case.directly, (case.run)(&direct).await);
        proxied.note(case.name, case.through.unwrap_or(case.directly), (case.run)(&through).await);
        if let Some(Holds::No(found, why)) = case.through {
            println!("through the proxy, not: {}: {found}: {why}", case.name);
        } else if let Holds::No(found, why) = case.directly {
            println!("this registry does not: {}: {found}: {why}", case.name);
        }
    }
    println!("{cases} cases; directly {} hold, through the proxy {}", directly.holds, proxied.holds);
    let wrong = [directly.wrong, proxied.wrong].concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
