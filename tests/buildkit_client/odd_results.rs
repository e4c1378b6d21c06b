//! Results that are legal and odd: the daemon must be alive after each of them, because one that crashes ends the
//! builds of everybody who uses it.
//!
//! Each case returns something in which a message is empty, which prost and Go write differently.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use bob::buildkit::proto::pb;
use bob::buildkit::{
    BuildRequest, BuildResult, Daemon, Error, Export, ExportTarget, Gateway, PlatformEntry, ResultReference,
    SolveOptions, platforms_metadata,
};

use super::parts::Registry;
use super::support::{Graph, build_on, client_of, dirs, options, rootfs};

/// The metadata of a result for `platforms`, with an image config for each of them where `configs` is set.
fn metadata(platforms: &[&str], configs: bool) -> BTreeMap<String, Vec<u8>> {
    let entry = |id: &&str| PlatformEntry {
        id: (*id).to_owned(),
        os: "linux".to_owned(),
        architecture: id.trim_start_matches("linux/").to_owned(),
        ..PlatformEntry::default()
    };
    let entries: Vec<PlatformEntry> = platforms.iter().map(entry).collect();
    let mut metadata = BTreeMap::from([("refs.platforms".to_owned(), platforms_metadata(&entries))]);
    for entry in entries.iter().filter(|_| configs) {
        let config = format!(r#"{{"os":"linux","architecture":"{}","config":{{}}}}"#, entry.architecture);
        let key = if platforms.len() > 1 {
            format!("containerimage.config/{}", entry.id)
        } else {
            "containerimage.config".to_owned()
        };
        metadata.insert(key, config.into_bytes());
    }
    metadata
}

/// A result that has files for those of two platforms that `with_files` says.
fn platforms(files: Option<&ResultReference>, with_files: [bool; 2], configs: bool) -> BuildResult {
    let ids = ["linux/amd64", "linux/arm64"];
    let reference = |has_files: bool| files.filter(|_| has_files).cloned();
    let references = ids.iter().zip(with_files).map(|(id, has)| ((*id).to_owned(), reference(has)));
    BuildResult::Platforms { references: references.collect(), metadata: metadata(&ids, configs) }
}

/// Makes a result of files, or of none.
type Make = fn(Option<ResultReference>) -> BuildResult;

async fn files(gateway: &Gateway) -> Result<Option<ResultReference>, Error> {
    let mut graph = Graph::default();
    let vertex = graph.local(gateway, "context", &[]);
    graph.source = Some(pb::Source {
        locations: BTreeMap::from([(vertex.0.clone(), pb::Locations::default())]),
        infos: vec![pb::SourceInfo::default()],
    });
    gateway.solve(graph.definition(&vertex), SolveOptions::default()).await
}

/// A request that exports the result as `kind`: nothing, a pushed image, or files below `out`.
fn request(kind: &str, out: &Path) -> BuildRequest {
    let export = |kind: &str, target, attrs: &[(&str, String)]| {
        let attrs = attrs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        Export { kind: kind.to_owned(), attrs, target }
    };
    let exports = match kind {
        "image" => {
            let name = Registry::shared().reference("odd:latest");
            vec![export("image", ExportTarget::Daemon, &[("name", name), ("push", "true".to_owned())])]
        }
        "oci" => {
            let file = File::create(out.join("oci.tar")).unwrap();
            vec![export("oci", ExportTarget::Writer(Box::new(tokio::fs::File::from_std(file))), &[])]
        }
        "local" => vec![export("local", ExportTarget::Folder(out.to_owned().into()), &[])],
        _ => Vec::new(),
    };
    BuildRequest { exports, ..BuildRequest::default() }
}

#[tokio::test]
async fn the_daemon_is_alive_after_each_odd_result() {
    let folder = tempfile::tempdir().unwrap();
    let context = rootfs();
    tokio::task::spawn_blocking(Registry::shared).await.unwrap();
    let daemon = Daemon::start(options(folder.path())).await.unwrap();
    let results: [(&str, Make); 9] = [
        ("no files and nothing else", |_| BuildResult::Single { reference: None, metadata: BTreeMap::new() }),
        ("no files", |_| BuildResult::Single { reference: None, metadata: metadata(&["linux/amd64"], true) }),
        ("no config", |files| BuildResult::Single { reference: files, metadata: BTreeMap::new() }),
        ("two platforms without files", |_| platforms(None, [false; 2], true)),
        ("the first of two without files", |files| platforms(files.as_ref(), [false, true], true)),
        ("the last of two without files", |files| platforms(files.as_ref(), [true, false], true)),
        ("two platforms without configs", |files| platforms(files.as_ref(), [true; 2], false)),
        ("two platforms with neither", |_| platforms(None, [false; 2], false)),
        ("no platform at all", |_| BuildResult::Platforms {
            references: BTreeMap::new(),
            metadata: metadata(&[], false),
        }),
    ];
    for (name, make) in results {
        for kind in ["nothing", "image", "oci", "local"] {
            let out = tempfile::tempdir().unwrap();
            let client = client_of(daemon.address()).await;
            let session = dirs(&[("context", context.path())]);
            let function = async |gateway: Gateway| Ok::<_, Error>((make(files(&gateway).await?), ()));
            let (ended, _) = build_on(&client, request(kind, out.path()), session, function).await;
            // Some of these are refused, and that is all right: what counts is that the daemon answers the next.
            if let Err(error) = &ended {
                println!("{name} as {kind}: {error}");
            }
            let alive = client.workers().await;
            assert!(alive.is_ok(), "{name} as {kind} ended the daemon:\n{}", daemon.log_tail().join("\n"));
        }
    }
    daemon.stop().await;
}
