//! `bob man`: manual pages.

use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use crate::cli::{Cli, Failure};
use crate::diag::visible_path;

/// Arguments of `bob man`.
#[derive(Debug, clap::Args)]
#[command(about = "Write the manual pages into a folder, one for each command")]
pub struct Args {
    /// The folder; made where it is missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// A page that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {path}", path = visible_path(path))]
struct PageError {
    what: &'static str,
    path: PathBuf,
    source: std::io::Error,
}

/// Runs `bob man`.
///
/// # Errors
/// A page that cannot be written.
#[allow(clippy::unused_async, reason = "all subcommands are called alike")]
pub async fn run(args: Args) -> Result<(), Failure> {
    let folder = args.folder;
    std::fs::create_dir_all(&folder).map_err(|source| PageError {
        what: "make the folder",
        path: folder.clone(),
        source,
    })?;
    let mut command = Cli::command();
    command.build();
    write(&command, "bob", &folder)?;
    Ok(())
}

/// Writes the page of `command`, which is called `name`, and those of the commands below it.
fn write(command: &Command, name: &str, folder: &Path) -> Result<(), PageError> {
    let path = folder.join(format!("{name}.1"));
    let mut page = Vec::new();
    let written = Man::new(command.clone().name(name.to_owned())).render(&mut page);
    written.and_then(|()| std::fs::write(&path, page)).map_err(|source| PageError {
        what: "write the manual page",
        path,
        source,
    })?;
    for below in command.get_subcommands().filter(|below| below.get_name() != "help" && !below.is_hide_set())
    {
        write(below, &format!("{name}-{}", below.get_name()), folder)?;
    }
    Ok(())
}
