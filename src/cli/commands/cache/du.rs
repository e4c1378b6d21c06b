//! `bob du`: what buildkitd's cache holds.

use std::cmp::Reverse;

use super::filter::Filter;
use super::table::{FormatArgs, totals};
use crate::cli::args::daemon::DaemonArgs;
use crate::cli::report::{listen, print_words};
use crate::cli::{Failure, logging};
use crate::job;

/// Arguments of `bob du`.
#[derive(Debug, clap::Args)]
#[command(about = "Show what buildkitd's cache holds, the largest first")]
pub struct Args {
    /// Only records of which this holds: FIELD=VALUE (id, parents, description, type), inuse, mutable, immutable, shared, private, until=TIME; may be repeated
    #[arg(long = "filter", value_name = "FILTER")]
    filters: Vec<String>,
    /// How records are written.
    #[command(flatten)]
    format: FormatArgs,
    /// Which buildkitd.
    #[command(flatten)]
    daemon: DaemonArgs,
}

/// Runs `bob du`.
///
/// # Errors
/// No buildkitd, wrong usage.
pub async fn run(args: Args) -> Result<(), Failure> {
    logging::init("warn");
    let filter = Filter::parse(&args.filters)?;
    let format = args.format.parse()?;
    let daemon = args.daemon.choice()?;
    let interrupts = listen()?;
    let unused_for = filter.unused_for.unwrap_or_default();
    let mut records = job::disk_usage(&daemon, &filter.expression, unused_for, &interrupts).await?;
    records.sort_by(|one, other| (Reverse(one.size), &one.id).cmp(&(Reverse(other.size), &other.id)));
    let mut text = format.render(&records)?;
    if format.has_totals() {
        if !text.is_empty() && !text.ends_with("\n\n") {
            text.push('\n');
        }
        text += &totals(&records);
    }
    print_words(text.as_bytes())
}
