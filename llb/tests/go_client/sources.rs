use llb::{
    BlobSource, BlobStore, BundleStore, Constraints, Differ, GitSource, HttpHeaders, HttpSignature,
    HttpSource, ImageSource, LocalSource, OciLayoutSource, Output, Platform, RawSource, ResolveMode,
    SourceOp,
};

use super::{Build, Case, none, sha};

fn add(b: &mut Build, source: impl Into<SourceOp>) -> Output {
    b.graph.source(source, none())
}

fn local(name: &str) -> LocalSource {
    LocalSource::new(name).with_session_id("s1")
}

fn strings<const N: usize>(items: [&str; N]) -> Vec<String> {
    items.map(str::to_owned).to_vec()
}

pub(super) const CASES: &[Case] = &[
    ("image", |b| add(b, ImageSource::new("alpine"))),
    ("image_pulled", |b| {
        add(
            b,
            ImageSource::new(format!("ghcr.io/a/b:1@{}", sha()))
                .with_resolve_mode(ResolveMode::ForcePull)
                .with_record_type("internal"),
        )
    }),
    ("image_local_for_arm", |b| {
        let source = ImageSource::new("localhost:5000/a").with_resolve_mode(ResolveMode::PreferLocal);
        let arm = Platform::new("linux", "arm").with_variant("v7");
        b.graph.source(source, Constraints::default().with_platform(arm))
    }),
    ("image_windows", |b| {
        let platform = Platform::new("windows", "amd64")
            .with_os_version("10.0.1")
            .with_os_features(strings(["win32k", ""]));
        let constraints = Constraints::default().with_platform(platform);
        b.graph.source(ImageSource::new("a/b"), constraints)
    }),
    ("local", |b| add(b, LocalSource::new("context"))),
    ("local_with_session", |b| add(b, local("a b").with_shared_key_hint("hint"))),
    ("local_patterns", |b| {
        add(
            b,
            local("c")
                .with_include_patterns(strings(["a&b", "<é>\u{2028}"]))
                .with_exclude_patterns(strings(["*", "!x\ty\u{1}"]))
                .with_follow_paths(strings(["Dockerfile"])),
        )
    }),
    ("local_differ", |b| add(b, local("c").with_differ(Differ::None).with_metadata_only(Vec::new()))),
    ("local_differ_required", |b| {
        add(
            b,
            local("c")
                .with_differ(Differ::Metadata)
                .with_differ_required(true)
                .with_metadata_only(strings(["a"])),
        )
    }),
    ("git", |b| add(b, GitSource::new("github.com/moby/buildkit.git"))),
    ("git_fragment", |b| {
        let url = "https://user:pw@github.com/moby/buildkit.git?x=1#y";
        add(b, GitSource::from_fragment(url, "v0.1:/a/../sub/"))
    }),
    ("git_ssh", |b| {
        add(
            b,
            GitSource::from_fragment("git@github.com:moby/buildkit.git", "main")
                .with_known_ssh_hosts(strings(["github.com ssh-ed25519 AAAA", "b\n"])),
        )
    }),
    ("git_ssh_url", |b| {
        add(
            b,
            GitSource::from_fragment("SSH://git@github.com:22/moby/build%20kit.git", ":docs")
                .with_known_ssh_hosts(strings(["github.com ssh-ed25519 AAAA"]))
                .with_ssh_agent("key"),
        )
    }),
    ("git_options", |b| {
        add(
            b,
            GitSource::new("https://github.com/moby/buildkit")
                .with_reference("main")
                .with_keep_git_dir(true)
                .with_auth_token_secret(String::new())
                .with_auth_header_secret("header".to_owned())
                .with_checksum("abcdef")
                .with_skip_submodules(true)
                .with_mtime("commit")
                .with_fetch_by_commit(true),
        )
    }),
    ("git_bundle", |b| {
        add(
            b,
            GitSource::new("git://example.com/a/b/../c")
                .with_checksum("ab")
                .with_checkout_bundle(true)
                .with_bundle(format!("oci-layout+blob://x@{}", sha()))
                .with_bundle_store(BundleStore::default().with_session_id("s1").with_store_id("store")),
        )
    }),
    ("git_unknown_scheme", |b| add(b, GitSource::from_fragment("ftp://example.com/a", "main"))),
    ("git_odd_path", |b| {
        add(
            b,
            GitSource::new("https://example.com/a b/ü")
                .with_auth_token_secret(String::new())
                .with_auth_header_secret(String::new()),
        )
    }),
    ("git_encoded_path", |b| add(b, GitSource::from_fragment("https://example.com/%c3%bc%2Fx", "main"))),
    ("git_malformed_path", |b| add(b, GitSource::from_fragment("example.com/%zz", "main"))),
    ("git_control_character", |b| add(b, GitSource::from_fragment("https://example.com/a\x01", "main"))),
    ("git_blank_in_host", |b| add(b, GitSource::from_fragment("https://exam ple.com/a", "main"))),
    ("http", |b| add(b, HttpSource::new("https://example.com/a.tar.gz"))),
    ("http_options", |b| {
        add(
            b,
            HttpSource::new("http://example.com/a")
                .with_checksum(sha())
                .with_filename("b")
                .with_mode(0o640)
                .with_uid(1000)
                .with_auth_header_secret("h")
                .with_headers(HttpHeaders::default().with_accept("text/plain"))
                .with_signature(HttpSignature::new("key", "sig")),
        )
    }),
    ("oci_layout", |b| {
        add(
            b,
            OciLayoutSource::new(format!("example.com/a@{}", sha()))
                .with_session_id("s1")
                .with_store_id("store")
                .with_layer_limit(2),
        )
    }),
    ("image_blob", |b| {
        add(
            b,
            BlobSource::new(format!("alpine@{}", sha()))
                .with_filename("f")
                .with_mode(0o600)
                .with_uid(1)
                .with_gid(2),
        )
    }),
    ("oci_layout_blob", |b| {
        add(
            b,
            BlobSource::new(format!("example.com/a@{}", sha())).with_store(BlobStore::OciLayout {
                session_id: "s1".to_owned(),
                store_id: "store".to_owned(),
            }),
        )
    }),
    ("raw_with_empty_values", |b| {
        let attrs = [("", "a"), ("b", ""), ("local.session", "")];
        add(
            b,
            RawSource {
                identifier: "local://x".to_owned(),
                attrs: attrs.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            },
        )
    }),
    ("raw_local", |b| {
        let attrs = [("a".to_owned(), "b".to_owned())].into();
        add(b, RawSource { identifier: "local://x".to_owned(), attrs })
    }),
];
