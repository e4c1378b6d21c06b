//! `bob check`: the build checks, without building.

use std::io::Write as _;
use std::path::PathBuf;

use crate::cli::args::attestations::source_policy_of_variable;
use crate::cli::args::convert::{ConvertArgs, Inputs};
use crate::cli::args::daemon::DaemonArgs;
use crate::cli::args::image_lock;
use crate::cli::report::print;
use crate::cli::usage::UsageError;
use crate::cli::values::call::{Call, Format, Method};
use crate::cli::{Failure, process, subrequests};
use crate::converter::lint::{RULES, Rule, rule};
use crate::job::{DockerLogins, DockerfileInput, ProgressMode, Request};
use crate::workspace::nonempty_process_variable;

/// Arguments of `bob check`.
#[derive(Debug, clap::Args)]
#[command(about = "Lint a Dockerfile with BuildKit's build checks")]
pub struct Args {
    #[command(flatten)]
    convert: ConvertArgs,
    /// How findings are written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Explain a rule, with a bad and a good example; `all` lists every rule
    #[arg(long, value_name = "RULE")]
    explain: Option<String>,
    /// Resolve base images from this file, never from the network
    #[arg(long, value_name = "FILE")]
    image_lock: Option<PathBuf>,
    /// The builder's platform [default: the daemon's]
    #[arg(long, value_name = "PLATFORM")]
    build_platform: Option<String>,
    /// The buildkitd that looks base images up where there is no --image-lock.
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Folder or Git repository with the files [default: .]
    context: Option<String>,
}

/// Runs `bob check`.
///
/// # Errors
/// A rejected Dockerfile, a rule that it breaks, wrong usage, a file that cannot be read.
pub async fn run(args: Args) -> Result<(), Failure> {
    if let Some(name) = &args.explain {
        return explain(name);
    }
    process::hide_memory();
    let Inputs { options, dockerfile, files, .. } =
        args.convert.inputs(args.context.as_deref(), args.build_platform.as_deref())?;
    let build_platform = args.build_platform.as_ref().map(|_| options.build_platform.clone());
    let image_lock = args.image_lock.as_deref().map(image_lock::read).transpose()?;
    let request = Request {
        dockerfile: DockerfileInput { source: dockerfile, options, build_platform, files, image_lock },
        logins: DockerLogins::of(nonempty_process_variable),
        daemon: args.daemon.choice()?,
        source_policy: source_policy_of_variable()?,
    };
    let call = Call { method: Method::Check, format: args.format, ignore_status: false };
    subrequests::answer(request, &call, ProgressMode::QUIET, None).await
}

fn explain(name: &str) -> Result<(), Failure> {
    if name == "all" {
        let mut list = Vec::new();
        for Rule { name, summary, .. } in RULES.iter() {
            writeln!(list, "{name:33} {summary}")?;
        }
        return print(&list);
    }
    let Some(rule) = rule(name) else {
        return Err(UsageError::UnknownRule { name: name.to_owned() }.into());
    };
    let indented = |text: &str| format!("    {}\n", text.replace('\n', "\n    "));
    let experimental =
        if rule.experimental { "\nIt runs only where `# check=experimental=…` asks for it.\n" } else { "" };
    let text = format!(
        "{}: {}\n\n{}\n{experimental}\nbad:\n{}\ngood:\n{}",
        rule.name,
        rule.summary,
        rule.reason,
        indented(rule.bad),
        indented(rule.good)
    );
    print(text.as_bytes())
}
