//! `--output`: what becomes of the result.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::IsTerminal as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::whole_files::{UnfinishedFile, WriteError};
use crate::buildkit::{Export, ExportFolder, ExportTarget, Rights};
use crate::job::csv::{self, ValueError};

const FLAG: &str = "--output";
/// The attribute of a local output that keeps devices, set-id bits and what else grants rights.
const ALLOW_SPECIAL: &str = "allow-special";

/// One use of the result, as the value of `--output` says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    kind: Kind,
    destination: Destination,
    /// Attributes for buildkitd's exporter.
    attrs: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Image,
    Local,
    Tar,
    Oci,
    Docker,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Destination {
    Daemon,
    Folder(PathBuf, Rights),
    File(PathBuf),
    Stdout,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Local => "local",
            Self::Tar => "tar",
            Self::Oci => "oci",
            Self::Docker => "docker",
        }
    }
}

impl Output {
    /// The image exporter, with `push` or without.
    pub fn image(push: bool) -> Self {
        let attrs =
            if push { BTreeMap::from([("push".to_owned(), "true".to_owned())]) } else { BTreeMap::new() };
        Self { kind: Kind::Image, destination: Destination::Daemon, attrs }
    }

    /// The output that `value` asks for: `FOLDER`, `-`, or `type=…,dest=…,key=value…`.
    ///
    /// # Errors
    /// [`ValueError`] where the value is malformed, or asks for what is not built yet.
    pub fn parse(value: &str) -> Result<Self, ValueError> {
        let wrong = |fault: String| ValueError::new(FLAG, value, fault);
        let fields = csv::fields(FLAG, value)?;
        if let [only] = fields.as_slice()
            && !only.starts_with("type=")
        {
            let (kind, destination) = match only.as_str() {
                "" => return Err(wrong("it is empty".to_owned())),
                "-" => (Kind::Tar, Destination::Stdout),
                folder => (Kind::Local, Destination::Folder(folder.into(), Rights::LeaveOut)),
            };
            return Ok(Self { kind, destination, attrs: BTreeMap::new() });
        }
        let mut attrs: BTreeMap<String, String> = csv::pairs(FLAG, value)?.into_iter().collect();
        let kind = match attrs.remove("type").as_deref() {
            Some("image") => Kind::Image,
            Some("registry") => {
                attrs.entry("push".to_owned()).or_insert_with(|| "true".to_owned());
                Kind::Image
            }
            Some("local") => Kind::Local,
            Some("tar") => Kind::Tar,
            Some("oci") => Kind::Oci,
            Some("docker") => Kind::Docker,
            Some("cacheonly") => {
                return Err(wrong("leave --output out to keep the result in the cache".to_owned()));
            }
            Some(other) => {
                return Err(wrong(format!(
                    "there is no type {other:?}; use image, registry, local, tar, oci or docker"
                )));
            }
            None => return Err(wrong("type= is missing".to_owned())),
        };
        if attrs.get("tar").is_some_and(|tar| tar == "false") {
            return Err(wrong("tar=false is not supported yet; leave it out to get an archive".to_owned()));
        }
        let rights = match attrs.remove(ALLOW_SPECIAL).as_deref() {
            Some(_) if kind != Kind::Local => {
                return Err(wrong(format!("{ALLOW_SPECIAL} goes with local; archives hold everything")));
            }
            None | Some("false" | "0") => Rights::LeaveOut,
            Some("true" | "1" | "") => Rights::Keep,
            Some(_) => return Err(wrong(format!("{ALLOW_SPECIAL} is true or false"))),
        };
        let dest = attrs.remove("dest");
        let destination = match (kind, dest.as_deref()) {
            (Kind::Image, None) => Destination::Daemon,
            (Kind::Image, Some(_)) => {
                return Err(wrong("dest goes with local, tar, oci and docker".to_owned()));
            }
            (Kind::Local, None | Some("" | "-")) => return Err(wrong("dest=FOLDER is missing".to_owned())),
            (Kind::Local, Some(folder)) => Destination::Folder(folder.into(), rights),
            (Kind::Docker, None | Some("")) => {
                return Err(wrong("loading into docker is not supported yet; give dest=FILE".to_owned()));
            }
            (_, None | Some("" | "-")) => Destination::Stdout,
            (_, Some(file)) => Destination::File(file.into()),
        };
        Ok(Self { kind, destination, attrs })
    }

    /// Whether this is the image exporter.
    pub fn is_image(&self) -> bool {
        self.kind == Kind::Image
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
        if matches!(self.kind, Kind::Image | Kind::Oci | Kind::Docker)
            && self.names().is_empty()
            && !tags.is_empty()
        {
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
        if matches!(self.kind, Kind::Image | Kind::Oci | Kind::Docker) {
            for (key, value) in annotations {
                self.add_attr(key, value);
            }
        }
    }
}

/// The exporter attributes of the values of `--annotation`: `KEY=VALUE` or `TYPE[PLATFORM],…:KEY=VALUE`.
///
/// # Errors
/// [`ValueError`].
pub fn annotations(values: &[String]) -> Result<Vec<(String, String)>, ValueError> {
    let mut attrs = Vec::new();
    for value in values {
        let wrong = |fault: &str| ValueError::new("--annotation", value, fault);
        let (key, text) = value.split_once('=').ok_or_else(|| wrong("write KEY=VALUE"))?;
        let (places, key) = match key.rsplit_once(':') {
            Some((places, key)) => (places.split(',').collect(), key),
            None => (vec!["manifest"], key),
        };
        for place in places {
            let kind = place.split('[').next().unwrap_or_default();
            if !matches!(kind, "manifest" | "index" | "manifest-descriptor" | "index-descriptor") {
                return Err(wrong(
                    "the type is one of manifest, index, manifest-descriptor, index-descriptor",
                ));
            }
            attrs.push((format!("annotation-{place}.{key}"), text.to_owned()));
        }
    }
    Ok(attrs)
}

/// Why an output cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// An archive would go to a terminal.
    #[error("an archive is not written to a terminal; redirect standard output, or give dest=FILE")]
    Terminal,
    /// Two outputs want standard output.
    #[error("only one output can go to standard output")]
    TwoOnStdout,
}

/// Outputs on their way: files are put into their places only when the build has succeeded.
#[derive(Debug, Default)]
pub(crate) struct PreparedOutputs {
    /// What buildkitd is told.
    pub(crate) exports: Vec<Export>,
    files: Vec<UnfinishedFile>,
    folders: Vec<ExportFolder>,
}

impl PreparedOutputs {
    /// Opens what `outputs` need.
    pub(crate) fn new(outputs: &[Output]) -> Result<Self, OutputError> {
        let mut prepared = Self::default();
        let mut stdout_taken = false;
        for output in outputs {
            let target = match &output.destination {
                Destination::Daemon => ExportTarget::Daemon,
                Destination::Folder(path, rights) => {
                    let folder = ExportFolder { rights: *rights, ..path.clone().into() };
                    prepared.folders.push(folder.clone());
                    ExportTarget::Folder(folder)
                }
                Destination::Stdout if std::mem::replace(&mut stdout_taken, true) => {
                    return Err(OutputError::TwoOnStdout);
                }
                Destination::Stdout if std::io::stdout().is_terminal() => return Err(OutputError::Terminal),
                Destination::Stdout => ExportTarget::Writer(Box::new(tokio::io::stdout())),
                Destination::File(path) if is_terminal(path) => return Err(OutputError::Terminal),
                Destination::File(path) => {
                    let mut file = UnfinishedFile::new(path)?;
                    let writer = file.writer()?;
                    prepared.files.push(file);
                    ExportTarget::Writer(writer)
                }
            };
            let kind = output.kind.name().to_owned();
            prepared.exports.push(Export { kind, attrs: output.attrs.clone(), target });
        }
        Ok(prepared)
    }

    /// The files that are being written, which are no part of a context even where they lie in it.
    pub(crate) fn unfinished_files(&self) -> Vec<PathBuf> {
        self.files.iter().filter_map(UnfinishedFile::temporary_path).map(Path::to_owned).collect()
    }

    /// Takes what buildkitd is told.
    pub(crate) fn take_exports(&mut self) -> Vec<Export> {
        std::mem::take(&mut self.exports)
    }

    /// Puts finished files into their places, and warns of what was left out of folders.
    pub(crate) fn keep(self) -> Result<(), WriteError> {
        for folder in self.folders.iter().filter(|folder| !folder.left_out.is_empty()) {
            tracing::warn!(
                folder = %folder.path.display(),
                "left out of the export: {}; -o type=local,{ALLOW_SPECIAL}=true,dest=… writes them",
                folder.left_out
            );
        }
        self.files.into_iter().try_for_each(UnfinishedFile::keep)
    }
}

/// Whether `path` is a terminal, which an archive would drive.
fn is_terminal(path: &Path) -> bool {
    let is_device = std::fs::metadata(path).is_ok_and(|found| found.file_type().is_char_device());
    // Opening a terminal must not make it this process's own, nor wait for a line.
    let flags = (OFlags::NOCTTY | OFlags::NONBLOCK).bits().cast_signed();
    let open = || File::options().write(true).custom_flags(flags).open(path);
    is_device && open().is_ok_and(|file| file.is_terminal())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &str) -> Output {
        Output::parse(value).unwrap()
    }

    #[test]
    fn short_forms_are_a_folder_and_standard_output() {
        assert_eq!(parse("out").destination, Destination::Folder("out".into(), Rights::LeaveOut));
        assert_eq!((parse("-").kind, parse("-").destination), (Kind::Tar, Destination::Stdout));
    }

    #[test]
    fn every_type_has_its_destination() {
        assert_eq!(parse("type=tar").destination, Destination::Stdout);
        assert_eq!(parse("type=oci,dest=a.tar").destination, Destination::File("a.tar".into()));
        assert_eq!(parse("type=docker,dest=-").destination, Destination::Stdout);
        assert_eq!(parse("type=local,dest=d").destination, Destination::Folder("d".into(), Rights::LeaveOut));
        assert!(parse("type=registry,name=a").pushes());
        assert!(parse("type=image,push=true").pushes());
        assert!(!parse("type=image").pushes());
    }

    #[test]
    fn what_grants_rights_is_kept_only_where_asked_for() {
        let keeping = parse("type=local,dest=d,allow-special=true");
        assert_eq!(keeping.destination, Destination::Folder("d".into(), Rights::Keep));
        assert!(keeping.attrs.is_empty(), "it is not the daemon's to know");
        for value in ["d", "type=local,dest=d", "type=local,dest=d,allow-special=false"] {
            assert_eq!(parse(value).destination, Destination::Folder("d".into(), Rights::LeaveOut));
        }
    }

    #[test]
    fn an_archive_is_not_written_to_a_terminal_by_any_name() {
        // The master of a new terminal, which is one itself.
        let output = parse("type=tar,dest=/dev/ptmx");
        assert!(matches!(PreparedOutputs::new(&[output]), Err(OutputError::Terminal)));
        PreparedOutputs::new(&[parse("type=tar,dest=/dev/null")]).unwrap();
    }

    #[test]
    fn attributes_are_passed_on() {
        let output = parse("type=image,\"name=a,b\",compression=zstd");
        assert_eq!(output.names(), ["a", "b"]);
        assert_eq!(output.attrs["compression"], "zstd");
    }

    #[test]
    fn tags_name_what_has_no_name() {
        let tags = ["x:1".to_owned(), "y:2".to_owned()];
        let named = |value| {
            let mut output = parse(value);
            output.name_if_unnamed(&tags);
            output.names()
        };
        assert_eq!(named("type=image"), tags);
        assert_eq!(named("type=docker,dest=f,name=z"), ["z"]);
        assert!(named("type=local,dest=d").is_empty());
    }

    #[test]
    fn faults_say_what_to_write() {
        let cases = [
            ("type=zip", "there is no type \"zip\"; use image, registry, local, tar, oci or docker"),
            ("type=local", "dest=FOLDER is missing"),
            ("type=docker", "loading into docker is not supported yet; give dest=FILE"),
            ("dest=x,push=true", "type= is missing"),
            ("type=image,dest=x", "dest goes with local, tar, oci and docker"),
            ("type=tar,allow-special=true", "allow-special goes with local; archives hold everything"),
            ("type=local,dest=d,allow-special=yes", "allow-special is true or false"),
            ("type=oci,dest=x,tar=false", "tar=false is not supported yet; leave it out to get an archive"),
        ];
        for (value, fault) in cases {
            assert_eq!(Output::parse(value).unwrap_err().to_string(), format!("--output {value:?}: {fault}"));
        }
    }

    #[test]
    fn annotations_take_the_exporters_spelling() {
        let read = |value: &str| annotations(&[value.to_owned()]).unwrap();
        assert_eq!(read("a.b=c=d"), [("annotation-manifest.a.b".to_owned(), "c=d".to_owned())]);
        assert_eq!(
            read("index,manifest[linux/amd64]:k=v"),
            [
                ("annotation-index.k".to_owned(), "v".to_owned()),
                ("annotation-manifest[linux/amd64].k".to_owned(), "v".to_owned()),
            ]
        );
        assert!(annotations(&["x:k=v".to_owned()]).is_err());
    }

    #[test]
    fn a_file_appears_only_when_it_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let dest = dir.path().join("out.tar");
        let output = parse(&format!("type=tar,dest={}", dest.display()));
        let prepared = PreparedOutputs::new(std::slice::from_ref(&output)).unwrap();
        assert!(!dest.exists());
        drop(prepared);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        PreparedOutputs::new(&[output]).unwrap().keep().unwrap();
        assert!(dest.exists());
    }
}
