//! `bob proxy`.

use super::Failure;

/// Arguments of `bob proxy`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `bob proxy`.
///
/// # Errors
/// Whatever makes it fail.
pub async fn run(_args: Args) -> Result<(), Failure> {
    Err(Failure::Usage("bob proxy is not built yet".into()))
}
