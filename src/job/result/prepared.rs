//! Files and folders of outputs while a build runs: they appear whole when it has succeeded, or not at all.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde_json::Value;
use tokio::io::AsyncWrite;

use super::archive_writer::{ArchiveFailure, ArchiveWriter};
use super::folder::UnfinishedFolder;
use super::layout::{self, LayoutFolder, LayoutWriteError};
use super::output::{Destination, Output};
use super::whole_files::{UnfinishedFile, WriteError};
use crate::buildkit::{Export, ExportTarget};
use crate::diag::redact_reference;
use crate::image::{Reference, ReferenceError};
use crate::job::engine::{EngineError, Engines, LoadFailure};

/// The content store that the exporter of layouts writes to (BuildKit: `exporter/oci/export.go`).
const EXPORT_STORE: &str = "export";

/// Why an output cannot be prepared or put into its place.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// An archive would go to a terminal.
    #[error("an archive is not written to a terminal; redirect standard output, or give dest=FILE")]
    Terminal,
    /// Whoever read standard output has ended.
    #[error(
        "the program that reads standard output ended before it had the whole archive; have it read to the end, or give dest=FILE"
    )]
    ReaderGone,
    /// Standard output takes no more.
    #[error("cannot write the archive to standard output")]
    Stdout(#[source] io::Error),
    /// An image layout in a folder.
    #[error(transparent)]
    Layout(#[from] LayoutWriteError),
    /// The name of an image in a layout.
    #[error("{shown:?} is not an image reference", shown = redact_reference(text))]
    Name {
        /// The name.
        text: String,
        /// What is wrong with it.
        source: ReferenceError,
    },
}

/// Outputs that are being written: files are put into their places only when the build has succeeded.
#[derive(Debug, Default)]
pub(crate) struct PreparedOutputs {
    /// The exports that buildkitd is asked for.
    pub(crate) exports: Vec<Export>,
    files: Vec<UnfinishedFile>,
    folders: Vec<UnfinishedFolder>,
    loads: Vec<LoadFailure>,
    archives: Vec<ArchiveFailure>,
    layout: Option<Layout>,
}

/// An image layout in a folder.
#[derive(Debug)]
struct Layout {
    folder: LayoutFolder,
    /// The names of the image.
    names: Vec<Reference>,
}

impl PreparedOutputs {
    /// Opens what `outputs` need. Images are loaded into `engines`.
    pub(crate) fn new(outputs: &[Output], engines: &Engines) -> Result<Self, OutputError> {
        let mut prepared = Self::default();
        for output in outputs {
            let target = match &output.destination {
                Destination::Nowhere => continue,
                Destination::Daemon => ExportTarget::Daemon,
                Destination::Layout(folder) => {
                    if folder.exists() && !folder.is_dir() {
                        return Err(WriteError::new(folder, io::ErrorKind::NotADirectory.into()).into());
                    }
                    let names = output.names().into_iter().map(parse_name).collect::<Result<_, _>>()?;
                    let folder =
                        LayoutFolder::new(folder).map_err(|source| WriteError::new(folder, source))?;
                    prepared.layout = Some(Layout { folder, names });
                    ExportTarget::Daemon
                }
                Destination::Engine(context) => {
                    let engine = engines.writer(context.as_deref());
                    let (writer, load) = engine.expect("the engines are those of these outputs");
                    prepared.loads.push(load);
                    ExportTarget::Writer(Box::new(writer))
                }
                Destination::Folder(folder) => {
                    let folder = UnfinishedFolder::new(folder)?;
                    let target = ExportTarget::Folder(folder.export());
                    prepared.folders.push(folder);
                    target
                }
                Destination::Stdout if io::stdout().is_terminal() => return Err(OutputError::Terminal),
                Destination::Stdout => {
                    if leads_nowhere(io::stdout()) {
                        tracing::warn!(
                            "standard output is closed or the null device: the archive goes nowhere"
                        );
                    }
                    prepared.archive(None, Box::new(tokio::io::stdout()))
                }
                Destination::File(path) if is_terminal(path) => return Err(OutputError::Terminal),
                Destination::File(path) => {
                    let mut file = UnfinishedFile::with_folders(path)?;
                    let writer = file.writer()?;
                    prepared.files.push(file);
                    prepared.archive(Some(path.clone()), writer)
                }
            };
            let kind = output.exporter.name.to_owned();
            prepared.exports.push(Export { kind, attrs: output.attrs.clone(), target });
        }
        Ok(prepared)
    }

    /// The target of an archive that goes to `file`, or to standard output.
    fn archive(&mut self, file: Option<PathBuf>, writer: Box<dyn AsyncWrite + Send + Unpin>) -> ExportTarget {
        let (writer, failure) = ArchiveWriter::new(file, writer);
        self.archives.push(failure);
        ExportTarget::Writer(Box::new(writer))
    }

    /// The files and folders that are being written, which are no part of a context even where they lie in it.
    pub(crate) fn unfinished(&self) -> Vec<PathBuf> {
        let files = self.files.iter().filter_map(UnfinishedFile::temporary_path);
        files.chain(self.folders.iter().map(UnfinishedFolder::temporary_path)).map(Path::to_owned).collect()
    }

    /// The folders that buildkitd writes blobs to, by the ids that its exporters know.
    pub(crate) fn writable_stores(&self) -> BTreeMap<String, PathBuf> {
        let layout = self.layout.as_ref();
        let folder = |layout: &Layout| (EXPORT_STORE.to_owned(), layout.folder.path().to_owned());
        layout.map(folder).into_iter().collect()
    }

    /// Takes the exports that buildkitd is asked for.
    pub(crate) fn take_exports(&mut self) -> Vec<Export> {
        std::mem::take(&mut self.exports)
    }

    /// Takes why an image did not get into its engine.
    pub(crate) fn load_failure(&self) -> Option<EngineError> {
        self.loads.iter().find_map(LoadFailure::take)
    }

    /// Takes why an archive was not written.
    pub(crate) fn archive_failure(&self) -> Option<OutputError> {
        self.archives.iter().find_map(ArchiveFailure::take)
    }

    /// Puts finished files and folders into their places, and warns of what was left out of folders. `descriptor` is that
    /// of the image.
    pub(crate) fn keep(self, descriptor: Option<&Value>) -> Result<(), OutputError> {
        if let Some(Layout { folder, names }) = &self.layout {
            layout::put(folder.path(), descriptor.unwrap_or(&Value::Null), names)?;
        }
        self.folders.iter().for_each(UnfinishedFolder::warn_of_left_out);
        self.folders.into_iter().try_for_each(UnfinishedFolder::keep)?;
        Ok(self.files.into_iter().try_for_each(UnfinishedFile::keep)?)
    }
}

fn parse_name(text: String) -> Result<Reference, OutputError> {
    match Reference::parse(&text) {
        Ok(name) => Ok(name.with_default_tag()),
        Err(source) => Err(OutputError::Name { text, source }),
    }
}

/// Whether `output` may have been closed when the process began: Rust then opens the null device in its place, for reading and
/// writing. Some programs that start others do the same on purpose; a shell that redirects to it does not.
fn leads_nowhere(output: impl AsFd) -> bool {
    let is_null = rustix::fs::fstat(&output).is_ok_and(|found| found.st_rdev == rustix::fs::makedev(1, 3));
    let is_readable =
        || rustix::fs::fcntl_getfl(&output).is_ok_and(|flags| flags & OFlags::ACCMODE == OFlags::RDWR);
    is_null && is_readable()
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
    use super::super::output::Exporter;
    use super::*;

    fn archive(path: &Path) -> Output {
        Output::new(Exporter::new("tar"), Destination::File(path.into()), BTreeMap::new())
    }

    #[test]
    fn an_archive_is_not_written_to_a_terminal_by_any_name() {
        // The master of a new terminal, which is one itself.
        let output = archive(Path::new("/dev/ptmx"));
        assert!(matches!(PreparedOutputs::new(&[output], &Engines::default()), Err(OutputError::Terminal)));
        PreparedOutputs::new(&[archive(Path::new("/dev/null"))], &Engines::default()).unwrap();
    }

    #[test]
    fn a_file_appears_only_when_it_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let dest = dir.path().join("out.tar");
        let output = archive(&dest);
        let prepared = PreparedOutputs::new(std::slice::from_ref(&output), &Engines::default()).unwrap();
        assert!(!dest.exists());
        drop(prepared);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        PreparedOutputs::new(&[output], &Engines::default()).unwrap().keep(None).unwrap();
        assert!(dest.exists());
    }
}
