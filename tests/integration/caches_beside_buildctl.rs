//! Caches outside of buildkitd beside those of BuildKit's own client and Dockerfile frontend: of one build on one
//! buildkitd both write the same, and each finds every step in what the other wrote.

use std::fs;
use std::path::Path;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::support::{Bob, Buildkitd, Cloud, Image, Project, Registry, files, steps};

/// Two stages; what is made differs each time that it is made.
fn project(name: &str) -> Project {
    let source = Image::push_source(Registry::shared(), &format!("{name}/source:latest"));
    let dockerfile = format!(
        "FROM {source} AS make\nCOPY f /\nRUN cat /f /proc/sys/kernel/random/uuid > /made\nRUN wc /made > /counted\n\
         FROM {source}\nWORKDIR /d\nCOPY --from=make /made /counted /\nRUN cat /made /counted > all\n"
    );
    Project::new(&[("Dockerfile", &dockerfile), ("f", name)])
}

/// A buildkitd on which nothing else runs meanwhile: what one build adds to the records of its base is in the caches of all
/// others on it, too.
fn alone() -> MutexGuard<'static, Buildkitd> {
    static DAEMON: LazyLock<Mutex<Buildkitd>> = LazyLock::new(|| Mutex::new(Buildkitd::start()));
    DAEMON.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A cache of `client` in a form that both are told; `{}` stands for the client that writes it.
fn named(form: &str, client: &str) -> String {
    form.replace("{}", client)
}

fn with_bob(project: &Project, daemon: &Buildkitd, args: &[&str]) -> String {
    project.build_on(daemon, args).succeed().stderr
}

fn with_buildctl(project: &Project, daemon: &Buildkitd, args: &[&str]) -> String {
    let output = project.buildctl_on(daemon, args);
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {log}");
    log
}

/// Has both write a cache of the same results.
fn write_both(project: &Project, daemon: &Buildkitd, form: &str) {
    with_buildctl(project, daemon, &["--export-cache", &named(form, "buildctl")]);
    with_bob(project, daemon, &["--cache-to", &named(form, "bob")]);
}

/// The digest of a tag in a registry, and the manifest that it names.
fn tagged(registry: &Registry, repository: &str, tag: &str) -> (String, Value) {
    let link = format!("repositories/{repository}/_manifests/tags/{tag}/current/link");
    let digest = fs::read_to_string(registry.storage().join(link)).expect("a tag");
    let manifest = blob(registry, &digest);
    (digest, manifest)
}

fn blob(registry: &Registry, digest: &str) -> Value {
    let digest = digest.trim_start_matches("sha256:");
    let path = registry.storage().join("blobs/sha256").join(&digest[..2]).join(digest).join("data");
    serde_json::from_slice(&fs::read(path).expect("a blob")).expect("JSON")
}

/// The records and layers of a cache in a registry.
fn config(registry: &Registry, manifest: &Value) -> Value {
    let config = match &manifest["config"] {
        Value::Null => manifest["manifests"].as_array().and_then(|list| list.last()).expect("a config"),
        config => config,
    };
    blob(registry, config["digest"].as_str().expect("a digest"))
}

#[test]
fn a_cache_in_a_registry_is_the_same_digest_for_digest() {
    let (project, registry, daemon) = (project("caches/registry"), Registry::shared(), alone());
    for (position, attributes) in [
        "mode=min",
        "mode=max",
        "mode=max,image-manifest=false",
        "mode=max,image-manifest=false,oci-mediatypes=false",
        "mode=max,image-manifest=true,oci-mediatypes=true",
        "mode=max,compression=zstd,compression-level=3,force-compression=true",
        "mode=min,compression=uncompressed,force-compression=true",
        "mode=max,compression=estargz,force-compression=true",
        "mode=max,ignore-error=true,registry.insecure=true",
    ]
    .into_iter()
    .enumerate()
    {
        let reference = registry.reference(&format!("caches/{position}:"));
        let form = format!("type=registry,ref={reference}{{}},{attributes}");
        write_both(&project, &daemon, &form);
        let [bob, buildctl] =
            ["bob", "buildctl"].map(|client| tagged(registry, &format!("caches/{position}"), client));
        let configs = [&bob, &buildctl].map(|(_, manifest)| config(registry, manifest));
        assert_eq!(configs[0], configs[1], "{attributes}");
        assert_eq!(bob, buildctl, "{attributes}");
        assert!(configs[0]["records"].as_array().is_some_and(|records| records.len() > 4), "{attributes}");
    }
}

#[test]
fn a_cache_in_a_folder_has_the_same_files() {
    let (project, daemon) = (project("caches/local"), alone());
    let out = tempfile::tempdir().expect("a folder");
    for (position, attributes) in [
        "mode=min",
        "mode=max,tag=v1",
        "mode=max,image-manifest=false,oci-mediatypes=false",
        "mode=max,compression=zstd,force-compression=true",
    ]
    .into_iter()
    .enumerate()
    {
        let folder = out.path().join(position.to_string());
        write_both(&project, &daemon, &format!("type=local,dest={}/{{}},{attributes}", folder.display()));
        assert_same_files(attributes, &folder);
    }
}

/// Checks that the folders `bob` and `buildctl` in `folder` have the same cache.
fn assert_same_files(what: &str, folder: &Path) {
    let [bob, buildctl] = ["bob", "buildctl"].map(|client| files(&folder.join(client)));
    assert_eq!(bob.keys().collect::<Vec<_>>(), buildctl.keys().collect::<Vec<_>>(), "{what}");
    assert!(bob.len() > 4 && bob.contains_key("index.json"), "{what}: {:?}", bob.keys());
    for (name, content) in &bob {
        if Path::new(name).extension().is_some_and(|extension| extension == "json") {
            let read = |content: &[u8]| serde_json::from_slice::<Value>(content).expect("JSON");
            assert_eq!(read(content), read(&buildctl[name]), "{what}: {name}");
        } else {
            assert!(*content == buildctl[name], "{what}: {name}");
        }
    }
}

#[test]
fn several_caches_at_once_and_one_in_the_image_are_the_same() {
    let (project, registry, daemon) = (project("caches/inline"), Registry::shared(), alone());
    let out = tempfile::tempdir().expect("a folder");
    let image = |client: &str| registry.reference(&format!("caches/image:{client}"));
    let caches = |client: &str| {
        [
            "type=inline".to_owned(),
            format!("type=registry,ref={},mode=max", registry.reference(&format!("caches/several:{client}"))),
            format!("type=local,dest={},mode=min", out.path().join(client).display()),
        ]
    };
    let epoch = "SOURCE_DATE_EPOCH=0";
    let opt = format!("build-arg:{epoch}");
    // What is written by the very build that made it is told otherwise by buildkitd, so that there is one before.
    for client in ["before", "buildctl"] {
        let [inline, remote, local] = caches(client);
        let output = format!("type=image,name={},push=true", image(client));
        let args = ["--export-cache", &inline, "--export-cache", &remote, "--export-cache", &local];
        with_buildctl(&project, &daemon, &[&args[..], &["--opt", &opt, "--output", &output]].concat());
    }
    let [inline, remote, local] = caches("bob");
    let args = ["--cache-to", &inline, "--cache-to", &remote, "--cache-to", &local];
    let ours = image("bob");
    let args = [&args[..], &["--build-arg", epoch, "--push", "-t", &ours]].concat();
    with_bob(&project, &daemon, &args);
    let compared = |repository: &str| ["bob", "buildctl"].map(|client| tagged(registry, repository, client));
    let [bob, buildctl] = compared("caches/image");
    assert_eq!(bob, buildctl);
    let config = config(registry, &bob.1);
    assert!(config["moby.buildkit.cache.v0"].is_string(), "{config}");
    let [bob, buildctl] = compared("caches/several");
    assert_eq!(bob, buildctl);
    assert_same_files("several", out.path());

    // The argument that asks for it alone is buildx's; it is no other cache.
    let argument = "BUILDKIT_INLINE_CACHE=1";
    let (ours, theirs) =
        (registry.reference("caches/argument:bob"), registry.reference("caches/argument:buildctl"));
    let build_arg = format!("build-arg:{argument}");
    let output = format!("type=image,name={theirs},push=true");
    let args = ["--opt", &opt, "--opt", &build_arg, "--export-cache=type=inline", "--output", &output];
    with_buildctl(&project, &daemon, &args);
    let args = ["--build-arg", epoch, "--build-arg", argument, "--push", "-t", &ours];
    with_bob(&project, &daemon, &args);
    let [bob, buildctl] = compared("caches/argument");
    assert_eq!(bob, buildctl);
}

#[test]
fn a_cache_that_cannot_be_written_fails_the_build_unless_that_is_to_be_ignored() {
    let (project, registry, daemon) = (project("caches/refused"), Registry::password_only(), alone());
    let form = format!("type=registry,ref={}", registry.reference("caches/refused:v1"));
    let ignored = format!("{form},ignore-error=true");
    for (form, is_good) in [(&form, false), (&ignored, true)] {
        let theirs = project.buildctl_on(&daemon, &["--export-cache", form]);
        let ours = project.build_on(&daemon, &["--cache-to", form]).run();
        assert_eq!(theirs.status.success(), is_good, "{}", String::from_utf8_lossy(&theirs.stderr));
        assert_eq!(ours.status.success(), is_good, "{}", ours.stderr);
        assert!(ours.stderr.contains("401 Unauthorized"), "{}", ours.stderr);
    }
    let twice = format!("{form},ignore-error=1");
    let theirs = project.buildctl_on(&daemon, &["--export-cache", &form, "--export-cache", &twice]);
    let ours = project.build_on(&daemon, &["--cache-to", &form, "--cache-to", &twice]).fail(1).stderr;
    let words = "duplicate cache exports";
    assert!(ours.contains(words) && String::from_utf8_lossy(&theirs.stderr).contains(words), "{ours}");
}

/// The forms of caches in clouds, each in a place of its own.
fn cloud_forms(cloud: &Cloud, more: &str) -> [(&'static str, String); 3] {
    let (url, token) = (cloud.url(), Cloud::actions_token());
    [
        (
            "s3",
            format!(
                "type=s3,bucket=b,region=r,endpoint_url={url},use_path_style=true,access_key_id=i,secret_access_key=k,name=s3-{{}}{more}"
            ),
        ),
        (
            "azblob",
            format!(
                "type=azblob,account_url={url}/account,account_name=account,container=c,secret_access_key=a2V5,name=azblob-{{}}{more}"
            ),
        ),
        ("gha", format!("type=gha,version=2,url_v2={url},token={token},scope=gha-{{}}{more}")),
    ]
}

#[test]
fn a_cache_in_a_cloud_is_the_same_byte_by_byte() {
    let (project, cloud, daemon) = (project("caches/clouds"), Cloud::start(), alone());
    for (kind, form) in cloud_forms(&cloud, ",mode=max") {
        write_both(&project, &daemon, &form);
        let [bob, buildctl] = ["bob", "buildctl"].map(|client| match kind {
            "gha" => cloud.newest_entry(&format!("index-gha-{client}-")),
            _ => cloud.newest(&format!("manifests/{kind}-{client}")),
        });
        let read = |content: &[u8]| serde_json::from_slice::<Value>(content).expect("JSON");
        assert_eq!(read(&bob), read(&buildctl), "{kind}");
        assert!(read(&bob)["records"].as_array().is_some_and(|records| records.len() > 4), "{kind}");
        assert!(bob == buildctl, "{kind}");
    }
}

#[test]
fn each_finds_every_step_in_what_the_other_wrote() {
    let (daemon, registry, cloud) = (alone(), Registry::shared(), Cloud::start());
    let project = project("caches/read");
    let folder = tempfile::tempdir().expect("a folder");
    let place = |form: &str| format!("{form}={}/{{}}", folder.path().display());
    let reference = |name: &str| registry.reference(&format!("caches/read-{name}:{{}}"));
    let plain = |kind: &str, to: &str, from: &str| (kind.to_owned(), to.to_owned(), from.to_owned());
    let mut forms = vec![
        plain("inline", "type=inline", &format!("type=registry,ref={}", reference("image"))),
        plain(
            "local",
            &format!("type=local,{},mode=max", place("dest")),
            &format!("type=local,{}", place("src")),
        ),
    ];
    let from = format!("type=registry,ref={}", reference("zstd"));
    let attributes = "mode=max,compression=zstd,force-compression=true,image-manifest=false";
    forms.push(plain("zstd", &format!("{from},{attributes}"), &from));
    let in_clouds = cloud_forms(&cloud, "");
    // Of these both write the same bytes, so that one direction is as good as two.
    let is_in_cloud = |kind: &str| in_clouds.iter().any(|(cloud, _)| *cloud == kind);
    for (kind, form) in &in_clouds {
        forms.push(plain(kind, &format!("{form},mode=max"), form));
    }
    let out = tempfile::tempdir().expect("a folder");
    let free = || Bob::new(["prune", "--all", "--force", "--addr", &daemon.addr()]).succeed();
    for (kind, to, from) in &forms {
        // Each writes as it reads what the one before has written; the daemon remembers nothing.
        let mut made: Option<Vec<u8>> = None;
        let clients = ["buildctl", "bob", "buildctl"];
        let count = if is_in_cloud(kind) { 2 } else { 3 };
        for (position, client) in clients.into_iter().take(count).enumerate() {
            free();
            let files = out.path().join(format!("{kind}-{position}"));
            let local = format!("type=local,dest={}", files.display());
            let pushed = format!("type=image,name={},push=true", named(&reference("image"), client));
            let (export, import) = match client {
                "bob" => ("--cache-to", "--cache-from"),
                _ => ("--export-cache", "--import-cache"),
            };
            let (to, before) = (named(to, client), clients[position.saturating_sub(1)]);
            let from = named(from, before);
            let mut args = vec!["--output", &local, export, &to];
            if kind == "inline" {
                args.extend(["--output", &pushed]);
            }
            if made.is_some() {
                args.extend([import, &from]);
            }
            let log = match client {
                "bob" => with_bob(&project, &daemon, &args),
                _ => with_buildctl(&project, &daemon, &args),
            };
            let content = fs::read(files.join("d/all")).expect("the file");
            if let Some(made) = &made {
                assert_eq!(content, *made, "{kind}, read by {client}: {log}");
                // The last one may be told as a step that unpacks what was found; the files say that it did not run.
                let steps = steps(&log).into_iter().filter(|(name, _)| !name.contains("> all"));
                let uncached: Vec<_> =
                    steps.filter(|(_, is_cached)| !is_cached).map(|(name, _)| name).collect();
                assert!(uncached.is_empty(), "{kind}, read by {client}: {uncached:?}\n{log}");
                assert!(log.contains("] RUN wc"), "{log}");
            }
            made = Some(content);
        }
    }
}
