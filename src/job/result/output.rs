//! What becomes of the result: exporters of buildkitd and where their data goes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::buildkit::SpecialFiles;

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
    /// Into a folder.
    Folder(PathBuf, SpecialFiles),
    /// Into a file, as an archive.
    File(PathBuf),
    /// To standard output, as an archive.
    Stdout,
}

impl Output {
    /// The output of `exporter` to `destination`, with attributes for the exporter.
    pub const fn new(exporter: Exporter, destination: Destination, attrs: BTreeMap<String, String>) -> Self {
        Self { exporter, destination, attrs }
    }

    /// The image exporter, with `push` or without.
    pub fn image(push: bool) -> Self {
        let attrs =
            if push { BTreeMap::from([("push".to_owned(), "true".to_owned())]) } else { BTreeMap::new() };
        Self::new(Exporter::IMAGE, Destination::Daemon, attrs)
    }

    /// Whether this is the image exporter.
    pub fn is_image(&self) -> bool {
        self.exporter == Exporter::IMAGE
    }

    /// Whether the image is pushed.
    pub fn pushes(&self) -> bool {
        self.is_image() && self.attrs.get("push").is_some_and(|push| push != "false")
    }

    /// Whether the layers of base images are pushed as they are.
    pub fn keeps_base_layers(&self) -> bool {
        let asks = |key: &str| self.attrs.get(key).is_some_and(|value| value != "false");
        !asks("force-compression") && !asks("rewrite-timestamp")
    }

    /// Makes an image exporter push.
    pub fn set_push(&mut self) {
        self.attrs.insert("push".to_owned(), "true".to_owned());
    }

    /// The names that the image gets.
    pub fn names(&self) -> Vec<String> {
        let names = self.attrs.get("name").map(String::as_str).unwrap_or_default();
        names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    /// Names the image, unless the value of `--output` did.
    pub fn name_if_unnamed(&mut self, tags: &[String]) {
        if self.exporter.makes_image && self.names().is_empty() && !tags.is_empty() {
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

    /// The annotations of `--annotation`, in the exporter's spelling.
    pub fn annotate(&mut self, annotations: &[(String, String)]) {
        if self.exporter.makes_image {
            for (key, value) in annotations {
                self.add_attr(key, value);
            }
        }
    }
}
