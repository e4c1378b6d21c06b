//! One cache for both: what `bob` built, `buildctl` with BuildKit's own frontend finds cached and pushes
//! under the same manifest digest; and the other way round.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{Bob, Buildkitd, Image, Registry, steps, tool};

/// A build of one Dockerfile of `testdata/ok`.
#[expect(clippy::struct_field_names, reason = "build arguments are called so")]
struct Build<'a> {
    buildkitd: &'a Buildkitd,
    base: &'a str,
    /// Names the repositories of one direction. The tests of both directions run side by side, and once the registry
    /// refused a blob that two daemons uploaded to one repository at the same moment.
    way: &'a str,
    name: String,
    dockerfile: PathBuf,
    context: PathBuf,
    /// `NAME=VALUE`, apart from the base.
    build_args: Vec<String>,
}

/// What a build said and pushed.
struct Built {
    digest: String,
    /// Step name → whether it was cached.
    steps: BTreeMap<String, bool>,
}

impl Build<'_> {
    fn with_bob(&self, registry: &Registry) -> Built {
        let metadata = tempfile::NamedTempFile::new().expect("a temporary file");
        let outcome = Bob::new(["build", "--progress=plain", "--push", "--addr", &self.buildkitd.addr()])
            .arg("--build-arg")
            .arg(format!("BASE={}", self.base))
            .arg("--file")
            .arg(&self.dockerfile)
            .arg("--tag")
            .arg(registry.reference(&format!("interchange/{}/{}:bob", self.way, self.name)))
            .arg("--metadata-file")
            .arg(metadata.path())
            .args(&self.build_args.iter().flat_map(|arg| ["--build-arg", arg]).collect::<Vec<_>>())
            .arg(&self.context)
            .succeed();
        Built { digest: digest(metadata.path()), steps: steps(&outcome.stderr) }
    }

    fn with_buildctl(&self, registry: &Registry) -> Built {
        let metadata = tempfile::NamedTempFile::new().expect("a temporary file");
        let folder = self.dockerfile.parent().expect("a folder").display();
        let file = self.dockerfile.file_name().expect("a name").to_string_lossy();
        let reference = registry.reference(&format!("interchange/{}/{}:buildctl", self.way, self.name));
        let output = Command::new(tool("buildctl"))
            .args(["--addr", &self.buildkitd.addr(), "build", "--progress=plain", "--frontend=dockerfile.v0"])
            .args(["--local", &format!("context={}", self.context.display())])
            .args(["--local", &format!("dockerfile={folder}"), "--opt", &format!("filename={file}")])
            .args(["--opt", &format!("build-arg:BASE={}", self.base)])
            .args(["--output", &format!("type=image,name={reference},push=true")])
            .args(self.build_args.iter().flat_map(|arg| ["--opt".into(), format!("build-arg:{arg}")]))
            .arg("--metadata-file")
            .arg(metadata.path())
            .output()
            .expect("buildctl runs");
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {log}", self.name);
        Built { digest: digest(metadata.path()), steps: steps(&log) }
    }
}

fn digest(metadata: &Path) -> String {
    let metadata: serde_json::Value =
        serde_json::from_slice(&fs::read(metadata).expect("metadata")).expect("JSON");
    metadata["containerimage.digest"].as_str().expect("a digest").to_owned()
}

/// A Dockerfile of `testdata/ok` that builds on any busybox image.
struct Case {
    name: String,
    dockerfile: PathBuf,
    context: PathBuf,
    build_args: Vec<String>,
}

/// Those that name their base by the argument BASE, unless they need flags that `buildctl` has not.
fn buildable() -> Vec<Case> {
    let ok = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/ok");
    let empty = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("no-files");
    fs::create_dir_all(&empty).expect("an empty context");
    let mut found = Vec::new();
    for entry in fs::read_dir(ok).expect("testdata") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let (dockerfile, context, args) = match path.extension() {
            None => (path.join("Dockerfile"), path.clone(), path.join("args")),
            Some(extension) if extension == "Dockerfile" => {
                (path.clone(), empty.clone(), path.with_extension("args"))
            }
            Some(_) => continue,
        };
        let args = fs::read_to_string(args).unwrap_or_default();
        let (flags, build_args): (Vec<_>, Vec<_>) = args.lines().partition(|arg| arg.starts_with("--"));
        let text = fs::read_to_string(&dockerfile).expect("UTF-8").to_lowercase();
        if text.contains("arg base=") && flags.iter().all(|flag| *flag == "--build-arg") {
            let build_args = build_args.into_iter().map(str::to_owned).collect();
            found.push(Case { name, dockerfile, context, build_args });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Builds everything with `first`, then with `second`, on a daemon of its own.
fn interchange(
    way: &str,
    first: impl Fn(&Build<'_>, &Registry) -> Built,
    second: impl Fn(&Build<'_>, &Registry) -> Built,
) {
    let buildkitd = Buildkitd::start();
    let registry = Registry::shared();
    let base = Image::push_source(registry, &format!("interchange/{way}/source:latest"));
    let cases = buildable();
    assert!(cases.len() >= 40, "only {} Dockerfiles found", cases.len());
    let wrong: Vec<String> = cases
        .into_iter()
        .filter_map(|Case { name, dockerfile, context, build_args }| {
            let build =
                Build { buildkitd: &buildkitd, base: &base, way, name, dockerfile, context, build_args };
            let compared = catch_unwind(AssertUnwindSafe(|| {
                compare(&first(&build, registry), &second(&build, registry))
            }));
            compared
                .unwrap_or_else(|_| Err("the build failed".into()))
                .err()
                .map(|e| format!("{}: {e}", build.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the second build did not share with the first.
fn compare(first: &Built, second: &Built) -> Result<(), String> {
    if !first.steps.keys().eq(second.steps.keys()) {
        return Err(format!("the steps differ: {:?} / {:?}", first.steps.keys(), second.steps.keys()));
    }
    if let Some((step, _)) = second.steps.iter().find(|(_, cached)| !**cached) {
        return Err(format!("{step} was not cached"));
    }
    if first.digest != second.digest {
        return Err(format!("the manifests differ: {} / {}", first.digest, second.digest));
    }
    Ok(())
}

#[test]
#[expect(clippy::redundant_closure_for_method_calls, reason = "the methods are not general over lifetimes")]
fn buildctl_finds_everything_cached_that_bob_built() {
    interchange("bob-first", |b, r| b.with_bob(r), |b, r| b.with_buildctl(r));
}

#[test]
#[expect(clippy::redundant_closure_for_method_calls, reason = "the methods are not general over lifetimes")]
fn bob_finds_everything_cached_that_buildctl_built() {
    interchange("buildctl-first", |b, r| b.with_buildctl(r), |b, r| b.with_bob(r));
}
