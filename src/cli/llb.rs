//! `bob llb`.

use super::Failure;

/// Arguments of `bob llb`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `bob llb`.
///
/// # Errors
/// Whatever makes it fail.
pub async fn run(_args: Args) -> Result<(), Failure> {
    Err(Failure::Usage("bob llb is not built yet".into()))
}
