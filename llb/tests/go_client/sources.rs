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
    LocalSource { session_id: "s1".to_owned(), ..LocalSource::new(name) }
}

fn strings<const N: usize>(items: [&str; N]) -> Vec<String> {
    items.map(str::to_owned).to_vec()
}

pub(super) const CASES: &[Case] = &[
    ("image", |b| add(b, ImageSource::new("alpine"))),
    ("image_pulled", |b| {
        add(
            b,
            ImageSource {
                resolve_mode: ResolveMode::ForcePull,
                record_type: "internal".to_owned(),
                ..ImageSource::new(format!("ghcr.io/a/b:1@{}", sha()))
            },
        )
    }),
    ("image_local_for_arm", |b| {
        let source =
            ImageSource { resolve_mode: ResolveMode::PreferLocal, ..ImageSource::new("localhost:5000/a") };
        let arm = Platform::new("linux", "arm").with_variant("v7");
        b.graph.source(source, Constraints::default().with_platform(arm))
    }),
    ("image_windows", |b| {
        let platform = Platform {
            os_version: "10.0.1".into(),
            os_features: strings(["win32k", ""]),
            ..Platform::new("windows", "amd64")
        };
        let constraints = Constraints::default().with_platform(platform);
        b.graph.source(ImageSource::new("a/b"), constraints)
    }),
    ("local", |b| add(b, LocalSource::new("context"))),
    ("local_with_session", |b| add(b, LocalSource { shared_key_hint: "hint".to_owned(), ..local("a b") })),
    ("local_patterns", |b| {
        add(
            b,
            LocalSource {
                include_patterns: strings(["a&b", "<é>\u{2028}"]),
                exclude_patterns: strings(["*", "!x\ty\u{1}"]),
                follow_paths: strings(["Dockerfile"]),
                ..local("c")
            },
        )
    }),
    ("local_differ", |b| {
        add(b, LocalSource { differ: Some(Differ::None), metadata_only: Some(Vec::new()), ..local("c") })
    }),
    ("local_differ_required", |b| {
        add(
            b,
            LocalSource {
                differ: Some(Differ::Metadata),
                differ_required: true,
                metadata_only: Some(strings(["a"])),
                ..local("c")
            },
        )
    }),
    ("git", |b| add(b, GitSource::new("github.com/moby/buildkit.git"))),
    ("git_fragment", |b| {
        let url = "https://user:pw@github.com/moby/buildkit.git?x=1#y";
        add(b, GitSource::with_fragment(url, "v0.1:/a/../sub/"))
    }),
    ("git_ssh", |b| {
        add(
            b,
            GitSource {
                known_ssh_hosts: strings(["github.com ssh-ed25519 AAAA", "b\n"]),
                ..GitSource::with_fragment("git@github.com:moby/buildkit.git", "main")
            },
        )
    }),
    ("git_ssh_url", |b| {
        add(
            b,
            GitSource {
                known_ssh_hosts: strings(["github.com ssh-ed25519 AAAA"]),
                ssh_agent: "key".to_owned(),
                ..GitSource::with_fragment("SSH://git@github.com:22/moby/build%20kit.git", ":docs")
            },
        )
    }),
    ("git_options", |b| {
        add(
            b,
            GitSource {
                reference: "main".to_owned(),
                keep_git_dir: true,
                auth_token_secret: Some(String::new()),
                auth_header_secret: Some("header".to_owned()),
                checksum: "abcdef".to_owned(),
                skip_submodules: true,
                mtime: "commit".to_owned(),
                fetch_by_commit: true,
                ..GitSource::new("https://github.com/moby/buildkit")
            },
        )
    }),
    ("git_bundle", |b| {
        add(
            b,
            GitSource {
                checksum: "ab".to_owned(),
                checkout_bundle: true,
                bundle: format!("oci-layout+blob://x@{}", sha()),
                bundle_store: BundleStore { session_id: "s1".to_owned(), store_id: "store".to_owned() },
                ..GitSource::new("git://example.com/a/b/../c")
            },
        )
    }),
    ("git_unknown_scheme", |b| add(b, GitSource::with_fragment("ftp://example.com/a", "main"))),
    ("git_odd_path", |b| {
        add(
            b,
            GitSource {
                auth_token_secret: Some(String::new()),
                auth_header_secret: Some(String::new()),
                ..GitSource::new("https://example.com/a b/ü")
            },
        )
    }),
    ("git_encoded_path", |b| add(b, GitSource::with_fragment("https://example.com/%c3%bc%2Fx", "main"))),
    ("git_malformed_path", |b| add(b, GitSource::with_fragment("example.com/%zz", "main"))),
    ("git_control_character", |b| add(b, GitSource::with_fragment("https://example.com/a\x01", "main"))),
    ("git_blank_in_host", |b| add(b, GitSource::with_fragment("https://exam ple.com/a", "main"))),
    ("http", |b| add(b, HttpSource::new("https://example.com/a.tar.gz"))),
    ("http_options", |b| {
        add(
            b,
            HttpSource {
                checksum: sha(),
                filename: "b".to_owned(),
                mode: 0o640,
                uid: 1000,
                auth_header_secret: "h".to_owned(),
                headers: Some(HttpHeaders { accept: "text/plain".to_owned(), ..HttpHeaders::default() }),
                signature: Some(HttpSignature { public_key: "key".to_owned(), signature: "sig".to_owned() }),
                ..HttpSource::new("http://example.com/a")
            },
        )
    }),
    ("oci_layout", |b| {
        add(
            b,
            OciLayoutSource {
                session_id: "s1".to_owned(),
                store_id: "store".to_owned(),
                layer_limit: Some(2),
                ..OciLayoutSource::new(format!("example.com/a@{}", sha()))
            },
        )
    }),
    ("image_blob", |b| {
        add(
            b,
            BlobSource {
                filename: "f".to_owned(),
                mode: 0o600,
                uid: 1,
                gid: 2,
                ..BlobSource::new(format!("alpine@{}", sha()))
            },
        )
    }),
    ("oci_layout_blob", |b| {
        add(
            b,
            BlobSource {
                store: BlobStore::OciLayout { session_id: "s1".to_owned(), store_id: "store".to_owned() },
                ..BlobSource::new(format!("example.com/a@{}", sha()))
            },
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
