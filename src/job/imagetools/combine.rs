//! The index that a new image is.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::future::try_join_all;
use llb::Digest;

use super::ImageTools;
use super::document::{Descriptor, Index, OLD_IMAGE, PlatformDocument};
use super::error::ImageToolsError;
use super::inspect::index_of;
use super::place::Place;
use super::referrers::{ATTESTATION, ATTESTED_DIGEST};
use super::source::Source;
use crate::image::Platform;
use crate::job::push::manifest::{IMAGES, INDEXES};

/// What the entry of an attestation in an index says that it is, and the word for that.
/// Source: `util/attestation/types.go` in BuildKit.
const ENTRY_KIND: [&str; 2] = ["vnd.docker.reference.type", "attestation-manifest"];

/// A new image that is to be put together.
#[derive(Debug, Default)]
pub struct NewImage {
    /// Its sources, in the order of the index.
    pub sources: Vec<Source>,
    /// Where it is written.
    pub targets: Vec<Place>,
    /// Annotations of the index and its entries.
    pub annotations: Vec<IndexAnnotation>,
    /// Whether a single image becomes an index of one; else it is copied as it is.
    pub prefers_index: bool,
    /// The platforms that are kept; all if empty.
    pub platforms: Vec<Platform>,
}

/// An annotation of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexAnnotation {
    /// What it is put on.
    pub place: IndexPlace,
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// What an annotation is put on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexPlace {
    /// The index itself.
    Index,
    /// The entries of the index: of this platform, or all.
    Entry(Option<Platform>),
}

/// An image that is put together, and not yet written.
#[derive(Debug)]
pub struct Combined {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its type, digest and size.
    pub descriptor: Descriptor,
    /// Images that it needs, and where each is.
    pub(super) parts: Vec<(Descriptor, Place)>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// A source that was read.
struct Fetched {
    place: Place,
    descriptor: Descriptor,
    bytes: Bytes,
}

impl ImageTools {
    /// Returns the image that the sources make together.
    ///
    /// Source: `Combine` in `util/imagetools/create.go` in buildx.
    ///
    /// # Errors
    /// [`ImageToolsError`].
    pub async fn combine(&self, image: &NewImage) -> Result<Combined, ImageToolsError> {
        let default = default_place(image);
        let fetched = try_join_all(image.sources.iter().map(|source| self.fetch(source, default))).await?;
        if let [only] = fetched.as_slice()
            && image.annotations.is_empty()
            && (only.descriptor.is_index() || !image.prefers_index)
        {
            return self.only_one(only, &image.platforms).await;
        }
        let mut entries = Entries::default();
        for source in &fetched {
            entries.add_source(source)?;
        }
        entries.keep_platforms(&image.platforms)?;
        let attestations = self.attestations(&entries).await?;
        Ok(entries.into_index(&image.annotations, attestations))
    }

    /// Returns a single source as it is, or with fewer platforms, or with attestations that only refer to its images.
    async fn only_one(&self, source: &Fetched, platforms: &[Platform]) -> Result<Combined, ImageToolsError> {
        let mut entries = Entries::default();
        let Some(index) = entries.add_source(source)? else {
            entries.keep_platforms(platforms)?;
            return Ok(source.as_it_is(entries.list));
        };
        let all = entries.list.len();
        entries.keep_platforms(platforms)?;
        let attestations = self.attestations(&entries).await?;
        if entries.list.len() == all && attestations.is_empty() {
            return Ok(source.as_it_is(entries.list));
        }
        entries.list.extend(attestations);
        let manifests = entries.list.iter().map(|(descriptor, _)| descriptor.clone()).collect();
        let bytes: Bytes = Index { manifests, ..index }.to_bytes().into();
        let descriptor = describe(&bytes, &source.descriptor.media_type);
        Ok(Combined { bytes, descriptor, parts: entries.list, warnings: Vec::new() })
    }

    /// Returns entries of an index for what is attested of its images: of each that has no such entry, the first that
    /// refers to it.
    ///
    /// Source: `filterPlatforms` in `util/imagetools/create.go` in buildx.
    async fn attestations(&self, entries: &Entries) -> Result<Vec<(Descriptor, Place)>, ImageToolsError> {
        let is_entry = |entry: &Descriptor| {
            let [kind, attestation] = ENTRY_KIND;
            entry.annotations.get(kind).is_some_and(|kind| kind == attestation)
        };
        let attested = entries.list.iter().filter_map(|(entry, _)| entry.annotations.get(ATTESTED_DIGEST));
        let attested: Vec<&String> = attested.collect();
        let bare =
            entries.list.iter().filter(|(entry, _)| !is_entry(entry) && !attested.contains(&&entry.digest));
        let find = async |(image, place): &(Descriptor, Place)| {
            let found = self.referrers(place, &image.digest).await?;
            let found = found.into_iter().find(|referrer| referrer.artifact_type == ATTESTATION);
            let entry = found.map(|found| attestation_entry(found, &image.digest));
            Ok::<_, ImageToolsError>(entry.map(|entry| (entry, place.clone())))
        };
        Ok(try_join_all(bare.map(find)).await?.into_iter().flatten().collect())
    }

    /// Reads a source, and completes what is said of it.
    async fn fetch(&self, source: &Source, default: Option<&Place>) -> Result<Fetched, ImageToolsError> {
        let said = source.descriptor.clone().unwrap_or_default();
        let place = match (&source.place, default) {
            (Some(place), _) => place.clone(),
            (None, Some(default)) => default.at(&said.digest)?,
            (None, None) => return Err(ImageToolsError::NoRepository { text: source.text.clone() }),
        };
        let manifest = self.manifest(&place).await?;
        let found = manifest.descriptor.size;
        if said.size != 0 && i64::try_from(found) != Ok(said.size) {
            let reference = place.to_string();
            return Err(ImageToolsError::Size { reference, found, said: said.size });
        }
        let mut descriptor = Descriptor {
            digest: manifest.descriptor.digest,
            size: i64::try_from(found).unwrap_or(i64::MAX),
            ..said
        };
        if descriptor.media_type.is_empty() {
            descriptor.media_type = manifest.descriptor.media_type;
        }
        if descriptor.media_type.starts_with(OLD_IMAGE.trim_end_matches("+json")) {
            return Err(ImageToolsError::OldFormat { reference: place.to_string() });
        }
        if IMAGES.contains(&descriptor.media_type.as_str()) {
            let platform = descriptor.platform.take().unwrap_or_default();
            descriptor.platform = Some(self.whole_platform(platform, &place, &manifest.bytes).await?);
        }
        Ok(Fetched { place, descriptor, bytes: manifest.bytes })
    }

    /// A platform with what its image's configuration says of it.
    ///
    /// Source: `loadPlatform` in `util/imagetools/create.go` in buildx.
    async fn whole_platform(
        &self,
        mut platform: PlatformDocument,
        place: &Place,
        manifest: &[u8],
    ) -> Result<PlatformDocument, ImageToolsError> {
        if !platform.os.is_empty() && !platform.architecture.is_empty() {
            return Ok(platform);
        }
        let config = self.config(place, manifest).await?;
        let wrong = |source| ImageToolsError::Document {
            reference: place.to_string(),
            wanted: "image configuration",
            source,
        };
        let own = serde_json::from_value::<PlatformDocument>(config).map_err(wrong)?.normalized();
        if platform.architecture.is_empty() {
            platform.architecture = own.architecture.to_string();
            if platform.variant.is_empty() {
                platform.variant = own.variant.to_string();
            }
        }
        if platform.os.is_empty() {
            platform.os = own.os.to_string();
        }
        Ok(platform)
    }
}

impl Fetched {
    /// Returns it with its own bytes; `parts` are what it needs.
    fn as_it_is(&self, parts: Vec<(Descriptor, Place)>) -> Combined {
        let (bytes, descriptor) = (self.bytes.clone(), self.descriptor.clone());
        Combined { bytes, descriptor, parts, warnings: Vec::new() }
    }
}

/// The place of sources that name none: the only repository or layout that there is.
fn default_place(image: &NewImage) -> Option<&Place> {
    let mut named = image.sources.iter().filter_map(|source| source.place.as_ref()).chain(&image.targets);
    let first = named.next()?;
    named.all(|other| other.name() == first.name()).then_some(first)
}

/// The entry of an index for what is attested of the image `digest`, of what refers to it.
fn attestation_entry(mut referrer: Descriptor, digest: &str) -> Descriptor {
    let [kind, attestation] = ENTRY_KIND;
    let unknown = "unknown".to_owned();
    let platform =
        PlatformDocument { os: unknown.clone(), architecture: unknown, ..PlatformDocument::default() };
    referrer.platform = Some(platform);
    referrer.annotations.insert(kind.to_owned(), attestation.to_owned());
    referrer.annotations.insert(ATTESTED_DIGEST.to_owned(), digest.to_owned());
    referrer.artifact_type.clear();
    referrer
}

/// The type, digest and size of `bytes`.
fn describe(bytes: &[u8], media_type: &str) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(bytes).to_string(),
        size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        ..Descriptor::default()
    }
}

/// Entries of an index, each digest once, and where each image is.
#[derive(Default)]
struct Entries {
    list: Vec<(Descriptor, Place)>,
    places: BTreeMap<String, usize>,
}

impl Entries {
    /// Adds the images of a source that is an index, else the source itself. Returns the index.
    fn add_source(&mut self, source: &Fetched) -> Result<Option<Index>, ImageToolsError> {
        if !source.descriptor.is_index() {
            self.add(source.descriptor.clone(), &source.place);
            return Ok(None);
        }
        let index = index_of(&source.bytes, &source.place)?;
        for entry in &index.manifests {
            self.add(entry.clone(), &source.place);
        }
        Ok(Some(index))
    }

    fn add(&mut self, descriptor: Descriptor, from: &Place) {
        let Some(&place) = self.places.get(&descriptor.digest) else {
            self.places.insert(descriptor.digest.clone(), self.list.len());
            self.list.push((descriptor, from.clone()));
            return;
        };
        let (old, old_from) = &mut self.list[place];
        if old.media_type.is_empty() {
            old.media_type = descriptor.media_type;
        }
        if descriptor.platform.is_some() {
            old.platform = descriptor.platform;
        }
        old.annotations.extend(descriptor.annotations);
        *old_from = from.clone();
    }

    /// Keeps the images for `platforms`, those that say none, and the attestations of those that stay.
    ///
    /// Source: `filterPlatforms` in `util/imagetools/create.go` in buildx.
    fn keep_platforms(&mut self, platforms: &[Platform]) -> Result<(), ImageToolsError> {
        if platforms.is_empty() {
            return Ok(());
        }
        let wanted: Vec<String> =
            platforms.iter().map(|platform| platform.normalized().to_string()).collect();
        let matches = |descriptor: &Descriptor| {
            let own = descriptor.platform.as_ref().map(|platform| platform.normalized().to_string());
            own.is_none_or(|own| wanted.contains(&own))
        };
        let by_digest = |digest: &str| self.places.get(digest).map(|place| &self.list[*place].0);
        let stays = |descriptor: &Descriptor| {
            let subject = descriptor.annotations.get(ATTESTED_DIGEST).and_then(|digest| by_digest(digest));
            matches(descriptor) || subject.is_some_and(matches)
        };
        let kept: Vec<bool> = self.list.iter().map(|(descriptor, _)| stays(descriptor)).collect();
        if !kept.contains(&true) {
            let found = self.list.iter().filter_map(|(descriptor, _)| descriptor.platform.as_ref());
            let found: Vec<String> = found.map(PlatformDocument::short).collect();
            return Err(ImageToolsError::NoPlatform { wanted: wanted.join(", "), found: found.join(", ") });
        }
        let mut kept = kept.into_iter();
        self.list.retain(|_| kept.next().unwrap_or(false));
        self.places.clear();
        Ok(())
    }

    fn into_index(
        mut self,
        annotations: &[IndexAnnotation],
        attestations: Vec<(Descriptor, Place)>,
    ) -> Combined {
        let is_docker =
            self.list.iter().all(|(entry, _)| entry.media_type.starts_with("application/vnd.docker."));
        let media_type = INDEXES[usize::from(is_docker)];
        let mut warnings = Vec::new();
        let mut of_index = BTreeMap::new();
        if is_docker && !annotations.is_empty() {
            warnings.push("the annotations are left out: all images are in Docker's format, whose manifest lists have none".to_owned());
        } else {
            for IndexAnnotation { place, key, value } in annotations {
                match place {
                    IndexPlace::Index => {
                        of_index.insert(key.clone(), value.clone());
                    }
                    IndexPlace::Entry(platform) => {
                        let wanted = platform.as_ref().map(|platform| platform.normalized().short());
                        for (entry, _) in &mut self.list {
                            let own = entry.platform.as_ref().map(|own| own.normalized().short());
                            if wanted.is_none() || wanted == own {
                                entry.annotations.insert(key.clone(), value.clone());
                            }
                        }
                    }
                }
            }
        }
        self.list.extend(attestations);
        let index = Index {
            schema_version: 2,
            media_type: media_type.to_owned(),
            manifests: self.list.iter().map(|(entry, _)| entry.clone()).collect(),
            annotations: of_index,
            ..Index::default()
        };
        let bytes: Bytes = index.to_bytes().into();
        let descriptor = describe(&bytes, media_type);
        Combined { bytes, descriptor, parts: self.list, warnings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(start: &str, media_type: &str, platform: Option<(&str, &str)>) -> Descriptor {
        Descriptor {
            media_type: media_type.into(),
            digest: format!("sha256:{start:0<64}"),
            size: 1,
            platform: platform.map(|(architecture, variant)| PlatformDocument {
                os: "linux".into(),
                architecture: architecture.into(),
                variant: variant.into(),
                ..PlatformDocument::default()
            }),
            ..Descriptor::default()
        }
    }

    fn entries(list: Vec<Descriptor>) -> Entries {
        let place = Place::parse("r.example/a:1").unwrap();
        let mut entries = Entries::default();
        for descriptor in list {
            entries.add(descriptor, &place);
        }
        entries
    }

    fn platforms(entries: &Entries) -> Vec<String> {
        let own = entries.list.iter().filter_map(|(entry, _)| entry.platform.as_ref());
        own.map(PlatformDocument::short).collect()
    }

    #[test]
    fn a_platform_keeps_its_image_and_the_attestations_of_it() {
        let attestation = |start: &str, of: &Descriptor| Descriptor {
            annotations: BTreeMap::from([(ATTESTED_DIGEST.into(), of.digest.clone())]),
            ..entry(start, IMAGES[0], Some(("unknown", "")))
        };
        let (amd64, arm64) =
            (entry("a", IMAGES[0], Some(("amd64", ""))), entry("b", IMAGES[0], Some(("arm64", "v8"))));
        let list = vec![amd64.clone(), arm64.clone(), attestation("c", &amd64), attestation("d", &arm64)];
        let mut kept = entries(list.clone());
        kept.keep_platforms(&[Platform::parse("linux/arm64").unwrap()]).unwrap();
        assert_eq!(platforms(&kept), ["linux/arm64/v8", "linux/unknown"]);
        assert!(kept.list[1].0.digest.starts_with("sha256:d"));
        let error = entries(list).keep_platforms(&[Platform::parse("linux/s390x").unwrap()]).unwrap_err();
        assert!(
            error.to_string().starts_with("no image is for linux/s390x; there are images for linux/amd64,")
        );
    }

    #[test]
    fn an_index_is_dockers_only_where_all_of_it_is() {
        let list = |second| {
            vec![
                entry("a", IMAGES[1], None),
                entry("b", second, None),
                entry("a", IMAGES[1], Some(("arm", "v7"))),
            ]
        };
        let docker = entries(list(IMAGES[1]));
        assert_eq!((docker.list.len(), platforms(&docker)), (2, vec!["linux/arm/v7".to_owned()]));
        let annotation = IndexAnnotation { place: IndexPlace::Index, key: "k".into(), value: "v".into() };
        let docker = docker.into_index(std::slice::from_ref(&annotation), Vec::new());
        assert_eq!((docker.descriptor.media_type.as_str(), docker.warnings.len()), (INDEXES[1], 1));
        let mixed = entries(list(IMAGES[0])).into_index(&[annotation], Vec::new());
        assert_eq!((mixed.descriptor.media_type.as_str(), mixed.warnings.len()), (INDEXES[0], 0));
        assert!(
            std::str::from_utf8(&mixed.bytes)
                .unwrap()
                .ends_with("  \"annotations\": {\n    \"k\": \"v\"\n  }\n}")
        );
    }

    #[test]
    fn annotations_of_entries_may_be_for_one_platform() {
        let list =
            vec![entry("a", IMAGES[0], Some(("amd64", ""))), entry("b", IMAGES[0], Some(("arm64", "v8")))];
        let only = IndexPlace::Entry(Some(Platform::parse("linux/arm64").unwrap()));
        let annotations = [
            IndexAnnotation { place: IndexPlace::Entry(None), key: "all".into(), value: "1".into() },
            IndexAnnotation { place: only, key: "arm".into(), value: "2".into() },
        ];
        let made = entries(list).into_index(&annotations, Vec::new());
        let keys = |part: usize| made.parts[part].0.annotations.keys().cloned().collect::<Vec<_>>();
        assert_eq!((keys(0), keys(1)), (vec!["all".to_owned()], vec!["all".to_owned(), "arm".to_owned()]));
    }

    #[test]
    fn a_digest_alone_lies_in_the_only_repository_that_is_named() {
        let digest = Source::parse(&format!("sha256:{}", "a".repeat(64))).unwrap();
        let target = |name: &str| Place::parse(name).unwrap();
        let mut image = NewImage {
            sources: vec![digest],
            targets: vec![target("r/a:1"), target("r/a:2")],
            ..NewImage::default()
        };
        assert_eq!(default_place(&image).unwrap().name(), "docker.io/r/a");
        image.targets.push(target("r/b"));
        assert!(default_place(&image).is_none());
    }
}
