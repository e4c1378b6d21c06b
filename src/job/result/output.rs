//! What becomes of the result: exporters of buildkitd and where their data goes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::buildkit::SpecialFiles;
use crate::gotext::parse_bool;

/// One use of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The exporter that makes it.
    pub exporter: Exporter,
    /// Where it goes.
    pub destination: Destination,
    /// Attributes for buildkitd's exporter.
    pub attrs: BTreeMap<String, String>,
}

/// An exporter of buildkitd (BuildKit: `exporter`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exporter {
    /// Its name in BuildKit's API.
    pub name: &'static str,
    /// Whether what it makes is an image, which has names and annotations.
    pub makes_image: bool,
}

impl Exporter {
    /// Keeps an image at buildkitd, or pushes it.
    pub const IMAGE: Self = Self::of_images("image");
    /// Sends files one by one.
    pub const LOCAL: Self = Self::new("local");
    /// Sends an archive that `docker load` takes.
    pub const DOCKER: Self = Self::of_images("docker");
    /// Sends an OCI image layout.
    pub const OCI: Self = Self::of_images("oci");
    /// Stands for no exporter: the result stays in the cache.
    pub const NONE: Self = Self::new("cacheonly");

    /// The exporter `name`, which makes no image.
    pub const fn new(name: &'static str) -> Self {
        Self { name, makes_image: false }
    }

    /// The exporter `name`, which makes images.
    pub const fn of_images(name: &'static str) -> Self {
        Self { name, makes_image: true }
    }
}

/// Where the result goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// buildkitd keeps or pushes it.
    Daemon,
    /// Nowhere: the result stays in the cache.
    Nowhere,
    /// Into a folder, as files.
    Folder(OutputFolder),
    /// Into a folder, as an OCI image layout.
    Layout(PathBuf),
    /// Into a file, as an archive.
    File(PathBuf),
    /// To standard output, as an archive.
    Stdout,
    /// Into docker or podman: the engine of the docker context of this name, or the one in use.
    Engine(Option<String>),
}

/// A folder of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFolder {
    /// Where it is. It is made where missing.
    pub path: PathBuf,
    /// What becomes of what grants rights.
    pub special_files: SpecialFiles,
    /// What becomes of the files that are there and not in the result.
    pub old_files: OldFiles,
}

/// What becomes of files in an output's folder that are not in the result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OldFiles {
    /// They stay.
    #[default]
    Keep,
    /// They are removed.
    Delete,
}

impl OutputFolder {
    /// The folder at `path`, in which old files stay and nothing is written that grants rights.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), special_files: SpecialFiles::LeaveOut, old_files: OldFiles::Keep }
    }
}

impl Output {
    /// The output of `exporter` to `destination`, with attributes for the exporter.
    pub const fn new(exporter: Exporter, destination: Destination, attrs: BTreeMap<String, String>) -> Self {
        Self { exporter, destination, attrs }
    }

    /// The image exporter, with `push` or without.
    pub fn image(push: bool) -> Self {
        let mut output = Self::new(Exporter::IMAGE, Destination::Daemon, BTreeMap::new());
        if push {
            output.set_push();
        }
        output
    }

    /// An image that is loaded into the engine in use.
    pub const fn load() -> Self {
        Self::new(Exporter::DOCKER, Destination::Engine(None), BTreeMap::new())
    }

    /// Whether this is the image exporter.
    pub fn is_image(&self) -> bool {
        self.exporter == Exporter::IMAGE
    }

    /// Whether the image is pushed.
    pub fn pushes(&self) -> bool {
        self.is_image() && self.asks("push")
    }

    /// Whether the image is pushed without a tag.
    pub fn pushes_by_digest(&self) -> bool {
        self.pushes() && self.asks("push-by-digest")
    }

    /// Whether the registry may speak plain http, or have a certificate that nobody vouches for.
    pub fn is_insecure(&self) -> bool {
        self.pushes() && self.asks("registry.insecure")
    }

    /// Whether the layers of base images are pushed as they are.
    pub fn keeps_base_layers(&self) -> bool {
        !self.asks("force-compression") && !self.asks("rewrite-timestamp")
    }

    /// Whether an attribute that is a boolean is given and not false. The empty value is true.
    fn asks(&self, key: &str) -> bool {
        self.attrs.get(key).is_some_and(|value| parse_bool(value) != Some(false))
    }

    /// Makes an image exporter push. What is only pushed is not unpacked at buildkitd, unless that is asked for.
    pub fn set_push(&mut self) {
        self.attrs.insert("push".to_owned(), "true".to_owned());
        self.add_attr("unpack", "false");
    }

    /// The names that the image gets.
    pub fn names(&self) -> Vec<String> {
        let names = self.attrs.get("name").map(String::as_str).unwrap_or_default();
        names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    /// Names the image by `--tag`, which comes before `name=` of `--output`.
    pub fn name_by_tags(&mut self, tags: &[String]) {
        if self.exporter.makes_image && !tags.is_empty() {
            self.set_names(tags);
        }
    }

    /// Replaces the names.
    pub fn set_names(&mut self, names: &[String]) {
        self.attrs.insert("name".to_owned(), names.join(","));
    }

    /// Adds an attribute for buildkitd's exporter, unless the value of `--output` set it.
    pub fn add_attr(&mut self, key: &str, value: &str) {
        self.attrs.entry(key.to_owned()).or_insert_with(|| value.to_owned());
    }

    /// The annotations of `--annotation`, in the exporter's spelling. They come before those of `--output`.
    pub fn annotate(&mut self, annotations: &[(String, String)]) {
        if self.exporter.makes_image {
            for (key, value) in annotations {
                self.attrs.insert(key.clone(), value.clone());
            }
        }
    }
}
