//! Source images made from busybox, and a look inside what was built.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

use super::guarded::{Guarded, tool};
use super::registry::Registry;

/// The applets that source images have in `/bin`.
const APPLETS: &[&str] = &[
    "cat", "chmod", "chown", "echo", "env", "id", "ls", "mkdir", "rm", "sh", "sleep", "stat", "touch",
    "true", "wc",
];

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// An OCI layout folder with the image `source`: busybox, one user, an environment.
pub fn source_layout() -> &'static Path {
    static LAYOUT: OnceLock<(PathBuf, Guarded)> = OnceLock::new();
    let (layout, _) = LAYOUT.get_or_init(|| {
        let folder = Guarded::folder_alone("source");
        let root = folder.path().join("root");
        for dir in ["bin", "etc", "tmp", "home"] {
            fs::create_dir_all(root.join(dir)).expect("folders of the image");
        }
        fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("a mode");
        fs::copy(tool("busybox"), root.join("bin/busybox")).expect("busybox is copied");
        for applet in APPLETS {
            symlink("busybox", root.join("bin").join(applet)).expect("applets are linked");
        }
        fs::write(
            root.join("etc/passwd"),
            "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:app:/home:/bin/sh\n",
        )
        .expect("users of the image");
        fs::write(root.join("etc/group"), "root:x:0:\napp:x:1001:\n").expect("groups of the image");
        let layout = folder.path().join("layout").display().to_string();
        let image = format!("{layout}:source");
        let umoci = || Command::new(tool("umoci"));
        run(umoci().args(["init", "--layout", &layout]));
        run(umoci().args(["new", "--image", &image]));
        run(umoci().args(["insert", "--image", &image]).arg(&root).arg("/"));
        run(umoci()
            .args([
                "config",
                "--image",
                &image,
                "--config.env",
                "PATH=/bin",
                "--config.env",
                "FROM_SOURCE=yes",
            ])
            .args([
                "--config.cmd",
                "/bin/sh",
                "--config.label",
                "origin=source",
                "--config.workingdir",
                "/home",
            ]));
        (PathBuf::from(layout), folder)
    });
    layout
}

/// The digest of the image `tag` in an OCI layout.
pub fn digest_in_layout(layout: &Path, tag: &str) -> String {
    let index: Value =
        serde_json::from_slice(&fs::read(layout.join("index.json")).expect("an index")).expect("JSON");
    let manifests = index["manifests"].as_array().expect("images");
    let is_tagged =
        |image: &&Value| image["annotations"]["org.opencontainers.image.ref.name"].as_str() == Some(tag);
    manifests.iter().find(is_tagged).expect("the tag")["digest"].as_str().expect("a digest").to_owned()
}

/// An image in a registry.
#[derive(Debug)]
pub struct Image {
    /// Its manifest.
    pub manifest: Value,
    /// Its config file.
    pub config: Value,
    layout: tempfile::TempDir,
}

impl Image {
    /// Copies the busybox source image to `name` on `registry` and returns its reference.
    pub fn push_source(registry: &Registry, name: &str) -> String {
        let reference = registry.reference(name);
        let source = format!("oci:{}:source", source_layout().display());
        run(Command::new(tool("skopeo"))
            .args(["copy", "-q"])
            .args(registry.skopeo_flags("dest"))
            .args([source, format!("docker://{reference}")]));
        reference
    }

    /// The digests of its layers.
    pub fn layers(&self) -> Vec<&str> {
        let layers = self.manifest["layers"].as_array().expect("layers");
        layers.iter().map(|layer| layer["digest"].as_str().expect("a digest")).collect()
    }

    /// Unpacks it and returns the root folder, which lives as long as the image.
    pub fn unpack(&self) -> PathBuf {
        let bundle = self.layout.path().join("bundle");
        if !bundle.exists() {
            let image = format!("{}:image", self.layout.path().join("layout").display());
            run(Command::new(tool("umoci")).args(["unpack", "--image", &image]).arg(&bundle));
        }
        bundle.join("rootfs")
    }

    /// Runs `script` with the image's shell in its root folder and returns what it prints.
    pub fn run(&self, script: &str) -> String {
        let output = run(Command::new(tool("chroot")).arg(self.unpack()).args(["/bin/sh", "-c", script]));
        String::from_utf8(output.stdout).expect("UTF-8")
    }
}

/// Pulls an image as any client would.
pub fn pull(registry: &Registry, reference: &str) -> Image {
    let layout = tempfile::tempdir().expect("a temporary folder");
    let at = layout.path().join("layout");
    run(Command::new(tool("skopeo"))
        .args(["copy", "-q"])
        .args(registry.skopeo_flags("src"))
        .args([format!("docker://{reference}"), format!("oci:{}:image", at.display())]));
    let blob = |digest: &str| -> Value {
        let path = at.join("blobs").join(digest.replace(':', "/"));
        serde_json::from_slice(&fs::read(path).expect("a blob")).expect("JSON")
    };
    let index: Value =
        serde_json::from_slice(&fs::read(at.join("index.json")).expect("an index")).expect("JSON");
    let manifest = blob(index["manifests"][0]["digest"].as_str().expect("a digest"));
    let config = blob(manifest["config"]["digest"].as_str().expect("a digest"));
    Image { manifest, config, layout }
}

/// The bytes of the manifest that `reference` names at an open registry.
pub fn raw_manifest(reference: &str) -> Vec<u8> {
    run(Command::new(tool("skopeo"))
        .args(["inspect", "--raw", "--tls-verify=false"])
        .arg(format!("docker://{reference}")))
    .stdout
}
