//! `bob llb`: the graph of a Dockerfile, without building it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::build::{environment, failure, listen};
use super::convert_args::{ConvertArgs, Inputs, read_near};
use super::daemon_args::DaemonArgs;
use super::{Failure, process};
use crate::converter::lint::Warning;
use crate::converter::{Definition, Rejected};
use crate::diag::{redact, visible_path};
use crate::image::gojson;
use crate::job::graph;
use crate::job::lookup::{self, Converted, ImageLock, LockResolver};
use crate::job::{DockerLogins, DockerfileInput, Request};

/// Arguments of `bob llb`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    convert: ConvertArgs,
    /// How the graph is written
    #[arg(long, value_enum, default_value = "tree")]
    format: Format,
    /// Resolve base images from this file, never from the network
    #[arg(long, value_name = "FILE")]
    image_lock: Option<PathBuf>,
    /// Write the base images that were resolved to this file
    #[arg(long, value_name = "FILE")]
    image_lock_out: Option<PathBuf>,
    /// Write {"containerimage.config": …} to this file
    #[arg(long, value_name = "FILE")]
    metadata_file: Option<PathBuf>,
    /// Value of local sources' local.unique attribute [default: a random one]
    #[arg(long, value_name = "ID")]
    local_unique_id: Option<String>,
    /// The builder's platform [default: this machine's]
    #[arg(long, value_name = "PLATFORM")]
    build_platform: Option<String>,
    /// The buildkitd that looks base images up where there is no --image-lock.
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Folder or Git repository with the files [default: .]
    context: Option<String>,
}

/// How a graph is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One JSON object for each op, as `buildctl debug dump-llb` prints them
    Json,
    /// The definition that `buildctl build` takes
    Pb,
    /// Graphviz
    Dot,
    /// For people
    Tree,
}

/// Runs `bob llb`.
///
/// # Errors
/// A rejected Dockerfile, wrong usage, a file that cannot be read or written.
pub async fn run(args: Args) -> Result<(), Failure> {
    process::hide_memory();
    let inputs = args.convert.inputs(args.context.as_deref(), args.build_platform.as_deref())?;
    if inputs.options.platforms.len() > 1 {
        return Err(Failure::Usage(
            "bob llb prints the graph of one platform: name one with --platform".into(),
        ));
    }
    let converted = match &args.image_lock {
        Some(path) => from_lock(path, &inputs).await?,
        None => from_daemon(&args.daemon, &inputs).await?,
    };
    if let Some(path) = &args.image_lock_out {
        let lock = ImageLock::of_facts(&converted.facts, &inputs.options.build_platform);
        write(path, (lock.to_json() + "\n").as_bytes())?;
    }
    let Some((_, conversion)) = converted.builds.into_iter().next() else { return Ok(()) };
    let _ = std::io::stderr().lock().write_all(warnings(&conversion.warnings, &inputs).as_bytes());
    let lowered = &conversion.lowered;
    if let Some(path) = &args.metadata_file {
        let metadata = std::collections::BTreeMap::from([("containerimage.config", &lowered.image)]);
        write(path, &gojson::to_vec(&metadata)?)?;
    }
    let unique = args.local_unique_id.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
    print(&render(&conversion.marshal(unique)?.definition, args.format)?)
}

async fn from_lock(path: &Path, inputs: &Inputs) -> Result<Converted, Failure> {
    let lock = read_lock(path)?;
    let resolver =
        LockResolver { lock: &lock, files: &inputs.files, build_platform: &inputs.options.build_platform };
    lookup::convert(&inputs.dockerfile, &inputs.options, &resolver)
        .await
        .map_err(|rejected| failed(&rejected, inputs))
}

async fn from_daemon(daemon: &DaemonArgs, inputs: &Inputs) -> Result<Converted, Failure> {
    let request = Request {
        dockerfile: DockerfileInput {
            source: inputs.dockerfile.clone(),
            options: inputs.options.clone(),
            files: inputs.files.clone(),
            image_lock: None,
        },
        logins: DockerLogins::of(environment),
        daemon: daemon.choice().map_err(|error| failure(&error))?,
    };
    graph(&request, &listen()?).await.map_err(|error| failure(&error))
}

/// The largest image lock that is read, in bytes.
const MAX_LOCK_BYTES: u64 = 256 << 20;

/// The image lock in a file.
pub(super) fn read_lock(path: &Path) -> Result<ImageLock, Failure> {
    let shown = visible_path(path);
    let text = read_near(path, MAX_LOCK_BYTES)
        .map_err(|error| Failure::Rendered(format!("error: cannot read {shown}: {error}")))?;
    ImageLock::parse(&text).map_err(|error| {
        let mut text = std::error::Error::source(&error).map_or_else(String::new, ToString::to_string);
        // The cause may quote the file.
        text.truncate(text.floor_char_boundary(MAX_CAUSE));
        let cause = if text.is_empty() { text } else { format!(": {}", text.escape_debug()) };
        Failure::Rendered(format!("error: {shown} is {error}{cause}"))
    })
}

/// The longest cause of a fault in an image lock that is shown, in bytes.
const MAX_CAUSE: usize = 120;

/// A rejected Dockerfile as the user sees it: the error first, then what the build checks found.
pub(super) fn failed(rejected: &Rejected, inputs: &Inputs) -> Failure {
    Failure::Rendered(rejected.error.render() + &warnings(&rejected.warnings, inputs))
}

fn warnings(warnings: &[Warning], inputs: &Inputs) -> String {
    warnings.iter().map(|warning| warning.diagnostic(&inputs.dockerfile).render()).collect()
}

fn render(definition: &Definition, format: Format) -> Result<Vec<u8>, Failure> {
    Ok(match format {
        Format::Json => definition.to_json()?.into_bytes(),
        Format::Pb => definition.encode(),
        // People look at these, and keep them in logs; they have the passwords of URLs hidden, but not users.
        Format::Dot => redact(&definition.to_dot()?).into_owned().into_bytes(),
        Format::Tree => redact(&definition.to_tree()?).into_owned().into_bytes(),
    })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes)
        .map_err(|error| Failure::Rendered(format!("error: cannot write {}: {error}", path.display())))
}

/// Writes to standard output; a reader that has seen enough is no failure.
pub(super) fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
