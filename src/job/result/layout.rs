//! OCI image layouts in folders: `index.json` gets the image that was written, and keeps those of before.
//!
//! Source: `client/ociindex` in BuildKit, `client/solve.go` for what is put there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};
use serde_json::{Map, Value, json};

use super::whole_files::{self, MadeFolders};
use crate::beneath::Root;
use crate::image::{Reference, digest};

/// The largest `index.json` that is read, in bytes.
pub(crate) const MAX_INDEX_BYTES: u64 = 4 << 20;
/// The file that says what the folder is.
const LAYOUT_FILE: &str = "oci-layout";
/// The folder of blobs.
const BLOBS: &str = "blobs";
/// The annotation with the whole name of an image.
pub(crate) const IMAGE_NAME: &str = "io.containerd.image.name";
/// The annotation with the tag of an image.
pub(crate) const REFERENCE_NAME: &str = "org.opencontainers.image.ref.name";
/// What an image without a name is called.
const DEFAULT_TAG: &str = "latest";

/// Why an image is not in a layout.
#[derive(Debug, thiserror::Error)]
pub enum LayoutWriteError {
    /// A file of the layout.
    #[error("cannot write the OCI layout {folder}", folder = folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another program writes to it.
    #[error("the OCI layout {folder} is being written by somebody else: {lock} is locked", folder = folder.display(), lock = lock.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// The file that is locked.
        lock: PathBuf,
    },
    /// `index.json` is not the JSON that it has to be.
    #[error("the index.json of {folder} is no image index; remove it, or write to another folder", folder = folder.display())]
    Index {
        /// The folder.
        folder: PathBuf,
    },
    /// What buildkitd says it wrote is not there.
    #[error("buildkitd did not write the image into the OCI layout {folder}", folder = folder.display())]
    NotWritten {
        /// The folder.
        folder: PathBuf,
    },
}

/// The folder of a layout that a build writes to, made where it is missing. Dropping it removes what was made, unless the
/// layout has an index by then. In a folder that was there before, blobs stay: another build may count on them already.
#[derive(Debug)]
pub(crate) struct LayoutFolder {
    path: PathBuf,
    made: MadeFolders,
}

impl LayoutFolder {
    /// Returns the folder at `path`.
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), made: MadeFolders::new(Some(path))? })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for LayoutFolder {
    fn drop(&mut self) {
        if self.made.is_empty() {
            return;
        }
        if self.path.join("index.json").exists() {
            self.made.keep();
            return;
        }
        // What cannot be removed stays, and the folder with it.
        let _ = fs::remove_dir_all(self.path.join(BLOBS));
        let _ = fs::remove_file(self.path.join(LAYOUT_FILE));
    }
}

/// Puts the image of `descriptor` into the index of the layout at `folder` under `names`, in place of those that have
/// them. Images of other names stay.
///
/// # Errors
/// [`LayoutWriteError`].
pub(crate) fn put(folder: &Path, descriptor: &Value, names: &[Reference]) -> Result<(), LayoutWriteError> {
    let named = |name: &Reference| {
        let object = [name.tag(), name.digest()].into_iter().flatten().collect::<Vec<_>>().join("@");
        BTreeMap::from([(IMAGE_NAME, name.as_str().to_owned()), (REFERENCE_NAME, object)])
    };
    if names.is_empty() {
        return put_tagged(folder, descriptor, DEFAULT_TAG);
    }
    put_annotated(folder, descriptor, names.iter().map(named).collect())
}

/// Puts what `descriptor` is about into the index of the layout at `folder` under a tag, in place of what has it.
///
/// # Errors
/// [`LayoutWriteError`].
pub(crate) fn put_tagged(folder: &Path, descriptor: &Value, tag: &str) -> Result<(), LayoutWriteError> {
    put_annotated(folder, descriptor, vec![BTreeMap::from([(REFERENCE_NAME, tag.to_owned())])])
}

/// Puts what `descriptor` is about into the index of the layout at `folder` once more, without a name.
///
/// # Errors
/// [`LayoutWriteError`].
pub(crate) fn put_unnamed(folder: &Path, descriptor: &Value) -> Result<(), LayoutWriteError> {
    put_annotated(folder, descriptor, Vec::new())
}

/// Returns the descriptor in an index that is called `tag`.
pub(crate) fn tagged<'i>(index: &'i Value, tag: &str) -> Option<&'i Value> {
    let manifests = index["manifests"].as_array()?;
    let called = |key: &str| manifests.iter().find(|manifest| manifest["annotations"][key] == tag);
    called(IMAGE_NAME).or_else(|| called(REFERENCE_NAME))
}

/// Returns the path of a blob in a layout; `None` where its digest is none.
pub(crate) fn blob(digest: &str) -> Option<PathBuf> {
    digest::check(digest).ok()?;
    let (algorithm, encoded) = digest.split_once(':')?;
    Some(Path::new(BLOBS).join(algorithm).join(encoded))
}

fn put_annotated(
    folder: &Path,
    descriptor: &Value,
    annotations: Vec<BTreeMap<&'static str, String>>,
) -> Result<(), LayoutWriteError> {
    let failed =
        |source: io::Error| LayoutWriteError::Io { folder: folder.to_owned(), source: source.into() };
    if !is_written(folder, descriptor) {
        return Err(LayoutWriteError::NotWritten { folder: folder.to_owned() });
    }
    let _lock = Lock::new(folder)?;
    let write = |name: &str, text: String| {
        let written = whole_files::write(&folder.join(name), text.as_bytes());
        written.map_err(|error| LayoutWriteError::Io { folder: folder.to_owned(), source: error.into() })
    };
    write(LAYOUT_FILE, json!({ "imageLayoutVersion": "1.0.0" }).to_string())?;
    let text = match Root::open(folder).map_err(failed)?.read(Path::new("index.json"), MAX_INDEX_BYTES) {
        Ok(text) => Some(text),
        Err(error) if error.is_absent() => None,
        Err(error) => {
            return Err(LayoutWriteError::Io { folder: folder.to_owned(), source: error.into() });
        }
    };
    let no_index = || LayoutWriteError::Index { folder: folder.to_owned() };
    let mut index = match text.filter(|text| !text.is_empty()) {
        Some(text) => serde_json::from_slice::<Map<_, _>>(&text).map_err(|_| no_index())?,
        None => Map::new(),
    };
    index.entry("schemaVersion").or_insert(json!(2));
    index.entry("mediaType").or_insert(json!("application/vnd.oci.image.index.v1+json"));
    let manifests = index.entry("manifests").or_insert(json!([]));
    insert(manifests.as_array_mut().ok_or_else(no_index)?, descriptor, annotations);
    write("index.json", Value::Object(index).to_string())
}

/// Whether the blob of a descriptor is in the layout.
fn is_written(folder: &Path, descriptor: &Value) -> bool {
    descriptor["digest"].as_str().and_then(blob).is_some_and(|blob| folder.join(blob).is_file())
}

/// Puts a descriptor among `manifests`, once for each set of annotations; once as it is where there are none.
fn insert(manifests: &mut Vec<Value>, descriptor: &Value, annotations: Vec<BTreeMap<&'static str, String>>) {
    if annotations.is_empty() {
        // The same again would say nothing more.
        manifests.retain(|manifest| manifest != descriptor);
        manifests.push(descriptor.clone());
    }
    for annotations in annotations {
        manifests.retain(|manifest| {
            let has = |key: &str| {
                let value = manifest["annotations"][key].as_str().unwrap_or_default();
                value == annotations.get(key).map(String::as_str).unwrap_or_default()
            };
            !(has(IMAGE_NAME) && has(REFERENCE_NAME))
        });
        let mut manifest = descriptor.clone();
        let all = manifest["annotations"].as_object().cloned().unwrap_or_default();
        let added = annotations.into_iter().map(|(key, value)| (key.to_owned(), value.into()));
        manifest["annotations"] = all.into_iter().chain(added).collect();
        manifests.push(manifest);
    }
}

/// The lock of a layout's index, which BuildKit's client takes too.
struct Lock(PathBuf, File);

impl Lock {
    fn new(folder: &Path) -> Result<Self, LayoutWriteError> {
        let path = folder.join("index.json.lock");
        let failed =
            |source: io::Error| LayoutWriteError::Io { folder: folder.to_owned(), source: source.into() };
        // Nobody waits for a pipe of that name, and a link leads nowhere.
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(&path, flags, Mode::from_raw_mode(0o666));
        let file = File::from(file.map_err(|error| failed(error.into()))?);
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self(path, file)),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                Err(LayoutWriteError::Locked { folder: folder.to_owned(), lock: path })
            }
            Err(error) => Err(failed(error.into())),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
        let _ = rustix::fs::flock(&self.1, FlockOperation::Unlock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGESTS: [&str; 2] = ["1", "2"];

    fn descriptor(number: usize) -> Value {
        json!({"mediaType": "m", "digest": format!("sha256:{}", DIGESTS[number].repeat(64)), "size": 3})
    }

    fn layout() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("blobs/sha256")).unwrap();
        for digest in DIGESTS {
            fs::write(dir.path().join("blobs/sha256").join(digest.repeat(64)), "{}").unwrap();
        }
        dir
    }

    fn names(texts: &[&str]) -> Vec<Reference> {
        texts.iter().map(|text| Reference::parse(text).unwrap().with_default_tag()).collect()
    }

    /// The images in a layout: digest's first digit, name, tag.
    fn images(folder: &Path) -> Vec<(char, String, String)> {
        let index: Value = serde_json::from_slice(&fs::read(folder.join("index.json")).unwrap()).unwrap();
        assert_eq!(index["schemaVersion"], 2);
        let image = |manifest: &Value| {
            let annotation = |key: &str| manifest["annotations"][key].as_str().unwrap_or_default().to_owned();
            let digest = manifest["digest"].as_str().unwrap().chars().nth(7).unwrap();
            (digest, annotation(IMAGE_NAME), annotation(REFERENCE_NAME))
        };
        index["manifests"].as_array().unwrap().iter().map(image).collect()
    }

    #[test]
    fn a_folder_that_was_made_goes_again_unless_it_has_an_index() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        let write_blob = || {
            fs::create_dir_all(path.join("blobs/sha256")).unwrap();
            fs::write(path.join("blobs/sha256").join(DIGESTS[0].repeat(64)), "{}").unwrap();
        };
        let folder = LayoutFolder::new(&path).unwrap();
        assert!(path.is_dir());
        write_blob();
        drop(folder);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);

        let folder = LayoutFolder::new(&path).unwrap();
        write_blob();
        put(folder.path(), &descriptor(0), &[]).unwrap();
        drop(folder);
        assert_eq!(images(&path).len(), 1);

        fs::remove_file(path.join("index.json")).unwrap();
        drop(LayoutFolder::new(&path).unwrap());
        assert!(path.join("blobs").is_dir(), "it was there before");
    }

    #[test]
    fn images_of_other_names_stay_in_the_index() {
        let dir = layout();
        let image = |digest, name: &str, tag: &str| (digest, name.to_owned(), tag.to_owned());
        put(dir.path(), &descriptor(0), &names(&["x:one", "x:two"])).unwrap();
        put(dir.path(), &descriptor(1), &names(&["x:two"])).unwrap();
        assert_eq!(
            images(dir.path()),
            [image('1', "docker.io/library/x:one", "one"), image('2', "docker.io/library/x:two", "two")]
        );
        put(dir.path(), &descriptor(0), &[]).unwrap();
        put(dir.path(), &descriptor(1), &[]).unwrap();
        assert_eq!(images(dir.path())[2..], [image('2', "", "latest")]);
        let layout = fs::read_to_string(dir.path().join("oci-layout")).unwrap();
        assert_eq!(layout, r#"{"imageLayoutVersion":"1.0.0"}"#);
        assert!(!dir.path().join("index.json.lock").exists());
    }

    #[test]
    fn a_link_in_place_of_the_lock_leads_nowhere() {
        let (dir, outside) = (layout(), tempfile::tempdir().unwrap());
        let target = outside.path().join("made");
        std::os::unix::fs::symlink(&target, dir.path().join("index.json.lock")).unwrap();
        put(dir.path(), &descriptor(0), &[]).unwrap_err();
        assert!(!target.exists());
        fs::remove_file(dir.path().join("index.json.lock")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, dir.path().join("index.json.lock"), Mode::RUSR | Mode::WUSR)
            .unwrap();
        put(dir.path(), &descriptor(0), &[]).unwrap_err();
    }

    #[test]
    fn a_descriptor_with_other_annotations_keeps_them_and_an_odd_one_is_put_as_well() {
        let dir = layout();
        for annotations in [json!("text"), json!([1]), json!(null), json!({"k": "v"})] {
            let mut descriptor = descriptor(0);
            descriptor["annotations"] = annotations.clone();
            put(dir.path(), &descriptor, &names(&["x:one"])).unwrap();
            let index: Value =
                serde_json::from_slice(&fs::read(dir.path().join("index.json")).unwrap()).unwrap();
            let written = &index["manifests"][0]["annotations"];
            assert_eq!((&written[REFERENCE_NAME], &written["k"]), (&json!("one"), &annotations["k"]));
        }
    }

    #[test]
    fn what_is_no_index_is_left_alone() {
        let dir = layout();
        for text in ["[]", "{", r#"{"manifests": 3}"#] {
            fs::write(dir.path().join("index.json"), text).unwrap();
            let error = put(dir.path(), &descriptor(0), &[]).unwrap_err();
            assert!(matches!(error, LayoutWriteError::Index { .. }));
            assert_eq!(fs::read_to_string(dir.path().join("index.json")).unwrap(), text);
        }
        let held = Lock::new(dir.path()).unwrap();
        let error = put(dir.path(), &descriptor(0), &[]).unwrap_err();
        assert!(matches!(error, LayoutWriteError::Locked { .. }));
        drop(held);
        let missing = json!({"digest": format!("sha256:{}", "0".repeat(64))});
        let error = put(dir.path(), &missing, &[]).unwrap_err();
        assert!(matches!(error, LayoutWriteError::NotWritten { .. }));
    }
}
