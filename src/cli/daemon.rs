//! `bob daemon`.

use super::Failure;

/// Arguments of `bob daemon`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `bob daemon`.
///
/// # Errors
/// Whatever makes it fail.
pub async fn run(_args: Args) -> Result<(), Failure> {
    Err(Failure::Usage("bob daemon is not built yet".into()))
}
