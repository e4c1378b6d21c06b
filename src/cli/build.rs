//! `bob build`.

use super::Failure;

/// Arguments of `bob build`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `bob build`.
///
/// # Errors
/// Whatever makes it fail.
pub async fn run(_args: Args) -> Result<(), Failure> {
    Err(Failure::Usage("bob build is not built yet".into()))
}
