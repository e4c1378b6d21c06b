//! `bob explain`: why steps of the last build of a folder ran again.

use std::path::{Path, PathBuf};

use crate::cli::Failure;
use crate::cli::args::daemon::record_folder;
use crate::cli::report::print;
use crate::diag::{visible, visible_lines, with_causes};
use crate::explain::Record;
use crate::job::{for_log, last_build};

/// Arguments of `bob explain`.
#[derive(Debug, clap::Args)]
#[command(about = "Say why steps of the last build of a folder ran again, without building")]
pub struct Args {
    /// Root of the workspace whose last build is asked for, where no folder is named
    #[arg(long, value_name = "FOLDER", conflicts_with = "context")]
    workspace_root: Option<PathBuf>,
    /// Context folder of the build [default: .]
    context: Option<PathBuf>,
}

/// Runs `bob explain`.
///
/// # Errors
/// There is no record of a build, or it cannot be read.
#[allow(clippy::unused_async, reason = "all subcommands are called alike")]
pub async fn run(args: Args) -> Result<(), Failure> {
    let context = args.context.as_deref().unwrap_or(Path::new("."));
    let what = args.workspace_root.as_deref().unwrap_or(context);
    let found = match record_folder() {
        Some(folder) => last_build(&folder, what).map_err(|error| {
            Failure::failed(format!("{}; build once more to have a new one", with_causes(&error)))
        })?,
        None => None,
    };
    let Some(record) = found else {
        return Err(Failure::failed(format!(
            "there is no record of a build of {}; bob build leaves one",
            what.display()
        )));
    };
    print(for_log(&text(&record)).as_bytes())
}

/// What the record of a build says. It may be anybody's.
fn text(record: &Record) -> String {
    let ended =
        jiff::Timestamp::from_second(record.ended).map_or_else(|_| "?".to_owned(), |time| time.to_string());
    let (folder, dockerfile) = (visible(&record.folder), visible(&record.dockerfile));
    format!("Build of {folder} with {dockerfile}, ended {ended}.\n{}", visible_lines(&record.explanation))
}
