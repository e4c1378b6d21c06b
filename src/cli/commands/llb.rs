//! `bob llb`: the graph of a Dockerfile, without building it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::beneath::read_named;
use crate::cli::args::attestations::source_policy_of_variable;
use crate::cli::args::convert::{ConvertArgs, Inputs};
use crate::cli::args::daemon::DaemonArgs;
use crate::cli::args::image_lock;
use crate::cli::report::{listen, print_words};
use crate::cli::usage::UsageError;
use crate::cli::{Failure, process};
use crate::converter::dockerfile::frontend::Edition;
use crate::converter::lint::Warning;
use crate::converter::{Definition, Rejected};
use crate::diag::{Source, redact};
use crate::explain::{Record, Salt, add_steps, diff_text, graph_difference};
use crate::gotext::json;
use crate::image::Platform;
use crate::job::graph;
use crate::job::lookup::{self, Converted, ImageLock, LockResolver};
use crate::job::{DockerLogins, DockerfileInput, GivenNames, Request, show_unused_names, show_warnings};
use crate::workspace::nonempty_process_variable;

/// Arguments of `bob llb`.
#[derive(Debug, clap::Args)]
#[command(about = "Print the LLB graph of a Dockerfile without building it")]
pub struct Args {
    #[command(flatten)]
    convert: ConvertArgs,
    /// How the graph is written
    #[arg(long, value_enum, default_value = "tree")]
    format: Format,
    /// Print what differs from this graph, which `--format pb` wrote
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    diff: Option<PathBuf>,
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
    /// The builder's platform [default: the daemon's, with --image-lock this machine's]
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
    let mut inputs = args.convert.inputs(args.context.as_deref(), args.build_platform.as_deref())?;
    // Graphs are to be compared: they do not depend on where a folder lies.
    inputs.options.shared_keys.clear();
    if inputs.options.platforms.len() > 1 {
        return Err(UsageError::SeveralPlatforms.into());
    }
    let build_platform = args.build_platform.as_ref().map(|_| inputs.options.build_platform.clone());
    let converted = match &args.image_lock {
        Some(path) => from_lock(path, &inputs).await?,
        None => from_daemon(&args, &inputs, build_platform).await?,
    };
    if let Some(path) = &args.image_lock_out {
        let lock = ImageLock::of_facts(&converted.facts, &inputs.options.build_platform);
        write(path, (lock.to_json() + "\n").as_bytes())?;
    }
    let names = converted.names_in_use();
    let Some((_, conversion)) = converted.builds.into_iter().next() else { return Ok(()) };
    show_warnings(&conversion.warnings, &converted.source);
    if let Some(names) = names {
        show_unused_names(&names, &inputs.options, &GivenNames::default());
    }
    let lowered = &conversion.lowered;
    if let Some(path) = &args.metadata_file {
        let metadata = std::collections::BTreeMap::from([("containerimage.config", &lowered.image)]);
        write(path, &json::to_vec(&metadata)?)?;
    }
    let unique = args.local_unique_id.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
    let definition = conversion.marshal(unique)?.definition;
    match &args.diff {
        Some(path) => print_words(difference(path, &definition, &inputs.options.filename)?.as_bytes()),
        None => print_words(&render(&definition, args.format)?),
    }
}

/// The largest graph that is read, in bytes.
const MAX_GRAPH_BYTES: u64 = 64 << 20;

/// Returns in words how a graph differs from the one in a file.
fn difference(path: &Path, definition: &Definition, dockerfile: &str) -> Result<String, Failure> {
    let failed = |error: &dyn std::error::Error| {
        let causes = crate::diag::with_causes(error);
        Failure::failed(format!("cannot read the graph in {}: {causes}", path.display()))
    };
    let bytes = read_named(path, MAX_GRAPH_BYTES).map_err(|error| failed(&error))?;
    let before = Definition::decode(&bytes).map_err(|error| failed(&error))?;
    // One salt, so that hidden values can be compared.
    let salt = Salt::new(rand::random());
    let record = |definition| {
        let mut record = Record::new(salt.clone());
        dockerfile.clone_into(&mut record.dockerfile);
        add_steps(&mut record, definition);
        record
    };
    let (old, new) = (record(&before), record(definition));
    Ok(diff_text(&graph_difference(&old, &new), &old, &new))
}

async fn from_lock(path: &Path, inputs: &Inputs) -> Result<Converted, Failure> {
    let lock = image_lock::read(path)?;
    let resolver =
        LockResolver { lock: &lock, files: &inputs.files, build_platform: &inputs.options.build_platform };
    let dockerfile = inputs.local_dockerfile("bob llb --image-lock")?;
    if let Err(foreign) = Edition::of(dockerfile, &inputs.options.build_args) {
        let rendered = foreign.render();
        let rendered = rendered.strip_prefix("error: ").unwrap_or(&rendered);
        let _ = write!(std::io::stderr().lock(), "warning: {rendered}");
    }
    lookup::convert(dockerfile, &inputs.options, &resolver)
        .await
        .map_err(|rejected| failed(&rejected, dockerfile))
}

async fn from_daemon(
    args: &Args,
    inputs: &Inputs,
    build_platform: Option<Platform>,
) -> Result<Converted, Failure> {
    let daemon = args.daemon.choice()?;
    let request = Request {
        dockerfile: DockerfileInput {
            source: inputs.dockerfile.clone(),
            options: inputs.options.clone(),
            build_platform,
            files: inputs.files.clone(),
            image_lock: None,
        },
        logins: DockerLogins::of(nonempty_process_variable),
        daemon: daemon.for_subject(args.convert.subject(args.context.as_deref().unwrap_or("."))),
        source_policy: source_policy_of_variable()?,
    };
    Ok(graph(&request, &listen()?).await?)
}

/// A rejected Dockerfile as the user sees it: the error first, then what the build checks found.
fn failed(rejected: &Rejected, dockerfile: &Source) -> Failure {
    Failure::Rendered(rejected.error.render() + &warnings(&rejected.warnings, dockerfile))
}

fn warnings(warnings: &[Warning], dockerfile: &Source) -> String {
    warnings.iter().map(|warning| warning.diagnostic(dockerfile).render()).collect()
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
        .map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))
}
