//! `bob check`.

use super::Failure;

/// Arguments of `bob check`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `bob check`.
///
/// # Errors
/// Whatever makes it fail.
pub async fn run(_args: Args) -> Result<(), Failure> {
    Err(Failure::Usage("bob check is not built yet".into()))
}
