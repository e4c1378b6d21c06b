//! Files from the client to the daemon and back.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bob::buildkit::{ExportTarget, Gateway};

use crate::support::{Graph, build, dirs, export, round_trip, single};

/// Every path below a folder, sorted.
fn listing(root: &Path) -> Vec<String> {
    fn add(root: &Path, dir: &Path, out: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            out.push(path.strip_prefix(root).unwrap().display().to_string());
            if path.symlink_metadata().unwrap().is_dir() {
                add(root, &path, out);
            }
        }
    }
    let mut out = Vec::new();
    add(root, root, &mut out);
    out.sort();
    out
}

fn context() -> (tempfile::TempDir, impl Fn(&str) -> PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().to_owned();
    (dir, move |p: &str| root.join(p))
}

#[tokio::test]
async fn a_tree_comes_back_as_it_was() {
    let (dir, at) = context();
    for folder in ["foo", "foo-x", "empty"] {
        std::fs::create_dir(at(folder)).unwrap();
    }
    for (file, content) in [("foo/a", "one"), ("foo-x/b", "two"), ("foo.txt", ""), ("ü name", "three")] {
        std::fs::write(at(file), content).unwrap();
    }
    std::fs::set_permissions(at("foo/a"), std::fs::Permissions::from_mode(0o4751)).unwrap();
    std::fs::set_permissions(at("empty"), std::fs::Permissions::from_mode(0o1777)).unwrap();
    std::fs::hard_link(at("foo/a"), at("hard")).unwrap();
    symlink("foo/a", at("soft")).unwrap();
    symlink("loop", at("loop")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    let make = |name: &str, kind, device| {
        rustix::fs::mknodat(rustix::fs::CWD, at(name), kind, 0o640.into(), device).unwrap();
    };
    make("pipe", rustix::fs::FileType::Fifo, 0);
    make("null", rustix::fs::FileType::CharacterDevice, rustix::fs::makedev(1, 3));
    let attribute = rustix::fs::lsetxattr(at("foo.txt"), "user.k", b"v", rustix::fs::XattrFlags::empty());
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_500_000_000, 123_456_789);
    std::fs::File::open(at("foo")).unwrap().set_modified(time).unwrap();
    std::fs::File::open(at("foo/a")).unwrap().set_modified(time).unwrap();

    let out = round_trip(dir.path(), &[]).await.unwrap();
    drop(socket);
    assert_eq!(listing(out.path()), listing(dir.path()));
    let copy = |p: &str| out.path().join(p).symlink_metadata().unwrap();
    assert_eq!(std::fs::read(out.path().join("foo/a")).unwrap(), b"one");
    assert_eq!(copy("foo/a").permissions().mode() & 0o7777, 0o4751);
    assert_eq!(copy("empty").permissions().mode() & 0o7777, 0o1777);
    assert_eq!(copy("hard").ino(), copy("foo/a").ino());
    assert_eq!(std::fs::read_link(out.path().join("soft")).unwrap(), Path::new("foo/a"));
    assert_eq!(std::fs::read_link(out.path().join("loop")).unwrap(), Path::new("loop"));
    assert!(copy("socket").is_file() && copy("socket").len() == 0);
    assert!(copy("pipe").file_type().is_fifo() && copy("null").file_type().is_char_device());
    assert_eq!(copy("null").rdev(), rustix::fs::makedev(1, 3));
    assert_eq!(copy("foo").modified().unwrap(), time);
    assert_eq!(copy("foo/a").modified().unwrap(), time);
    if attribute.is_ok() {
        let mut value = [0; 8];
        let length = rustix::fs::lgetxattr(out.path().join("foo.txt"), "user.k", &mut value).unwrap();
        assert_eq!(&value[..length], b"v");
    }
}

#[tokio::test]
async fn patterns_choose_what_is_sent() {
    let (dir, at) = context();
    std::fs::create_dir_all(at("d/e")).unwrap();
    std::fs::create_dir_all(at("foo")).unwrap();
    for file in ["d/e/f", "d/e/g", "foo/a", "foo/b", "top"] {
        std::fs::write(at(file), file).unwrap();
    }
    symlink("../foo/a", at("d/rel")).unwrap();
    let cases: [(&str, &str, &[&str]); 4] = [
        ("local.excludepatterns", r#"["*","!d/e/f"]"#, &["d", "d/e", "d/e/f"]),
        ("local.includepattern", r#"["foo","d/e/g"]"#, &["d", "d/e", "d/e/g", "foo", "foo/a", "foo/b"]),
        ("local.followpaths", r#"["d/rel"]"#, &["d", "d/rel", "foo", "foo/a"]),
        ("local.excludepatterns", r#"["**/[ag]", "top"]"#, &["d", "d/e", "d/e/f", "d/rel", "foo", "foo/b"]),
    ];
    for (key, value, expected) in cases {
        let out = round_trip(dir.path(), &[(key, value)]).await.unwrap();
        assert_eq!(listing(out.path()), expected, "{key} {value}");
    }
}

#[tokio::test]
async fn state_of_a_daemon_is_withheld_whatever_the_patterns_say() {
    let (dir, at) = context();
    std::fs::create_dir_all(at("state/snapshots")).unwrap();
    for file in ["file", "state/snapshots/s", "state/content"] {
        std::fs::write(at(file), "").unwrap();
    }
    symlink("state", at("link")).unwrap();
    for attrs in [
        &[][..],
        &[("local.includepattern", r#"["state","file","link"]"#)],
        &[("local.followpaths", r#"["link","file"]"#)],
    ] {
        let out = tempfile::tempdir().unwrap();
        let request = export("local", ExportTarget::Folder(out.path().to_owned().into()));
        let mut session = dirs(&[("context", dir.path())]);
        session.withheld_dirs = vec![at("link/.")];
        let (ended, _) = build(request, session, async |gateway: Gateway| {
            let mut graph = Graph::default();
            let vertex = graph.local(&gateway, "context", attrs);
            single(&gateway, graph, &vertex).await
        })
        .await;
        ended.unwrap();
        assert_eq!(listing(out.path()), ["file", "link"], "{attrs:?}");
    }
}

#[tokio::test]
async fn a_context_inside_the_state_of_a_daemon_is_refused() {
    let (dir, at) = context();
    std::fs::create_dir_all(at("state/inner")).unwrap();
    let mut session = dirs(&[("context", &at("state/inner"))]);
    session.withheld_dirs = vec![at("state")];
    let request = export("local", ExportTarget::Folder(dir.path().join("out").into()));
    let (ended, _) = build(request, session, async |gateway: Gateway| {
        let mut graph = Graph::default();
        let vertex = graph.local(&gateway, "context", &[]);
        single(&gateway, graph, &vertex).await
    })
    .await;
    let text = ended.unwrap_err().to_string();
    assert!(text.contains("the state of buildkitd is never part of a build"), "{text}");
}

#[tokio::test]
async fn a_very_long_ignore_file_fits() {
    let (dir, at) = context();
    for file in ["kept", "left-out-29999-by-a-pattern-of-some-length"] {
        std::fs::write(at(file), "").unwrap();
    }
    let patterns: Vec<_> =
        (0..30000).map(|n| format!("\"left-out-{n}-by-a-pattern-of-some-length\"")).collect();
    let patterns = format!("[{}]", patterns.join(","));
    let out = round_trip(dir.path(), &[("local.excludepatterns", &patterns)]).await.unwrap();
    assert_eq!(listing(out.path()), ["kept"]);
}

#[tokio::test]
async fn hard_links_to_files_that_are_left_out_become_files() {
    let (dir, at) = context();
    std::fs::write(at("a"), "content").unwrap();
    std::fs::hard_link(at("a"), at("b")).unwrap();
    std::fs::hard_link(at("a"), at("c")).unwrap();
    let out = round_trip(dir.path(), &[("local.excludepatterns", r#"["a"]"#)]).await.unwrap();
    assert_eq!(listing(out.path()), ["b", "c"]);
    assert_eq!(std::fs::read(out.path().join("c")).unwrap(), b"content");
}

#[tokio::test]
async fn an_unknown_folder_is_refused_by_name() {
    let (dir, _) = context();
    let request = export("local", ExportTarget::Folder(dir.path().join("out").into()));
    let (ended, _) = build(request, dirs(&[("context", dir.path())]), async |gateway: Gateway| {
        let mut graph = Graph::default();
        let vertex = graph.local(&gateway, "other", &[]);
        single(&gateway, graph, &vertex).await
    })
    .await;
    let text = ended.unwrap_err().to_string();
    assert!(text.contains("no access allowed to dir \"other\""), "{text}");
}

#[tokio::test]
async fn many_small_files_and_a_large_one_arrive() {
    let (dir, at) = context();
    for folder in 0..20 {
        std::fs::create_dir(at(&format!("d{folder}"))).unwrap();
        for file in 0..100 {
            std::fs::write(at(&format!("d{folder}/f{file}")), format!("{folder}/{file}")).unwrap();
        }
    }
    let large: Vec<u8> = (0..5_000_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(at("large"), &large).unwrap();
    let out = round_trip(dir.path(), &[]).await.unwrap();
    assert_eq!(listing(out.path()), listing(dir.path()));
    assert!(std::fs::read(out.path().join("large")).unwrap() == large);
    assert_eq!(std::fs::read(out.path().join("d19/f99")).unwrap(), b"19/99");
}

#[tokio::test]
async fn names_that_are_not_text_survive() {
    use std::os::unix::ffi::OsStrExt as _;
    let (dir, _) = context();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
    std::fs::write(dir.path().join(name), "x").unwrap();
    let out = round_trip(dir.path(), &[]).await.unwrap();
    assert_eq!(std::fs::read(out.path().join(name)).unwrap(), b"x");
}

#[tokio::test]
async fn an_export_replaces_files_and_never_follows_links_out_of_its_folder() {
    let (dir, at) = context();
    std::fs::create_dir(at("sub")).unwrap();
    std::fs::write(at("file"), "new").unwrap();
    std::fs::write(at("sub/inner"), "new").unwrap();
    let (outside, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(outside.path().join("file"), "old").unwrap();
    symlink(outside.path().join("file"), out.path().join("file")).unwrap();
    symlink(outside.path(), out.path().join("sub")).unwrap();
    std::fs::write(out.path().join("kept"), "kept").unwrap();
    let request = export("local", ExportTarget::Folder(out.path().to_owned().into()));
    let (ended, _) = build(request, dirs(&[("context", dir.path())]), async |gateway: Gateway| {
        let mut graph = Graph::default();
        let vertex = graph.local(&gateway, "context", &[]);
        single(&gateway, graph, &vertex).await
    })
    .await;
    ended.unwrap();
    assert_eq!(listing(outside.path()), ["file"]);
    assert_eq!(std::fs::read(outside.path().join("file")).unwrap(), b"old");
    assert_eq!(listing(out.path()), ["file", "kept", "sub", "sub/inner"]);
    assert_eq!(std::fs::read(out.path().join("file")).unwrap(), b"new");
}

/// A writer whose bytes can be looked at afterwards.
#[derive(Clone, Default)]
struct Collect(Arc<Mutex<Vec<u8>>>);

impl tokio::io::AsyncWrite for Collect {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        data: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        self.0.lock().unwrap().extend_from_slice(data);
        std::task::Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn archives_arrive_beside_a_folder_of_the_same_build() {
    let (dir, at) = context();
    std::fs::write(at("file"), vec![1; 2_000_000]).unwrap();
    let (tar, oci, out) = (Collect::default(), Collect::default(), tempfile::tempdir().unwrap());
    let mut request = export("tar", ExportTarget::Writer(Box::new(tar.clone())));
    request.exports.extend(export("local", ExportTarget::Folder(out.path().to_owned().into())).exports);
    request.exports.extend(export("oci", ExportTarget::Writer(Box::new(oci.clone()))).exports);
    let (ended, _) = build(request, dirs(&[("context", dir.path())]), async |gateway: Gateway| {
        let mut graph = Graph::default();
        let vertex = graph.local(&gateway, "context", &[]);
        single(&gateway, graph, &vertex).await
    })
    .await;
    let outcome = ended.unwrap();
    assert!(outcome.exporter_response.contains_key("containerimage.digest"), "{outcome:?}");
    assert_eq!(listing(out.path()), ["file"]);
    assert!(tar.0.lock().unwrap().len() > 2_000_000);
    let oci = oci.0.lock().unwrap();
    assert!(oci.windows(10).any(|w| w == b"index.json"), "{} bytes", oci.len());
}

#[tokio::test]
async fn a_change_of_content_alone_is_seen_where_the_build_says_so() {
    let (dir, at) = context();
    let write = |text: &str| {
        std::fs::write(at("Dockerfile"), text).unwrap();
        let file = std::fs::File::open(at("Dockerfile")).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000)).unwrap();
    };
    for text in ["one", "two"] {
        write(text);
        let attrs = [("local.differ", "none"), ("local.sharedkeyhint", "differ-test")];
        let out = round_trip(dir.path(), &attrs).await.unwrap();
        assert_eq!(std::fs::read_to_string(out.path().join("Dockerfile")).unwrap(), text);
    }
}
