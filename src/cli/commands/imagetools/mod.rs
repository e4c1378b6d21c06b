//! `bob imagetools`: images at registries.

pub mod create;
pub mod inspect;

use crate::cli::Failure;
use crate::cli::failure::with_usage;
use crate::job::DockerLogins;
use crate::job::imagetools::{ImageTools, ImageToolsError};
use crate::workspace::nonempty_process_variable;

/// Arguments of `bob imagetools`.
#[derive(Debug, clap::Args)]
#[command(about = "Look at images at registries, and put them together")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Create(create::Args),
    Inspect(inspect::Args),
}

/// Runs `bob imagetools`.
///
/// # Errors
/// A registry that does not do what is asked, wrong usage.
pub async fn run(args: Args) -> Result<(), Failure> {
    crate::cli::logging::init("warn");
    match args.command {
        Command::Create(args) => create::run(args).await,
        Command::Inspect(args) => inspect::run(args).await,
    }
}

/// The registries, with the logins of docker's configuration.
fn registries() -> Result<ImageTools, Failure> {
    let logins = DockerLogins::of(nonempty_process_variable);
    Ok(ImageTools::new(&logins)?)
}

fn failed(error: &ImageToolsError) -> Failure {
    with_usage(error, error.is_usage())
}
