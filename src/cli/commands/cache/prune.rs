//! `bob prune`: frees buildkitd's cache.

use std::io::{IsTerminal as _, Write as _};

use tokio::io::AsyncBufReadExt as _;

use super::filter::{Filter, time};
use super::table::{FormatArgs, total};
use crate::cli::args::daemon::DaemonArgs;
use crate::cli::report::{listen, print_words};
use crate::cli::usage::UsageError;
use crate::cli::values::ValueError;
use crate::cli::{Failure, logging};
use crate::gotext::parse_ram_in_bytes;
use crate::job::{self, Interrupts, PruneOptions};

/// Arguments of `bob prune`.
#[derive(Debug, clap::Args)]
#[command(about = "Free buildkitd's cache, and show what went")]
pub struct Args {
    /// Also records of buildkitd's own, and images of frontends
    #[arg(short, long)]
    all: bool,
    /// Only records of which this holds; see `bob du`; may be repeated
    #[arg(long = "filter", value_name = "FILTER")]
    filters: Vec<String>,
    /// Leave records that were used within this time, such as 24h
    #[arg(long, value_name = "TIME")]
    keep_duration: Option<String>,
    /// How much of the cache may stay in any case, such as 10GB
    #[arg(long, visible_alias = "keep-storage", value_name = "SIZE")]
    reserved_space: Option<String>,
    /// How much of the cache may stay at most
    #[arg(long, value_name = "SIZE")]
    max_used_space: Option<String>,
    /// How much of the disk is to be free afterwards
    #[arg(long, value_name = "SIZE")]
    min_free_space: Option<String>,
    /// Do not ask first
    #[arg(short, long)]
    force: bool,
    /// How records are written.
    #[command(flatten)]
    format: FormatArgs,
    /// Which buildkitd.
    #[command(flatten)]
    daemon: DaemonArgs,
}

impl Args {
    fn options(&self) -> Result<PruneOptions, ValueError> {
        let filter = Filter::parse(&self.filters)?;
        let keep_duration = match (&self.keep_duration, filter.unused_for) {
            (Some(_), Some(_)) => {
                return Err(ValueError::Conflict { first: "--keep-duration", second: "--filter until=" });
            }
            (Some(text), None) => time("--keep-duration", text, text)?,
            (None, until) => until.unwrap_or_default(),
        };
        Ok(PruneOptions {
            filter: filter.expression,
            all: self.all,
            keep_duration,
            reserved_space: space("--reserved-space", self.reserved_space.as_deref())?,
            max_used_space: space("--max-used-space", self.max_used_space.as_deref())?,
            min_free_space: space("--min-free-space", self.min_free_space.as_deref())?,
        })
    }
}

/// A size in bytes, with a unit of 1024 or none; 0 where it is not given.
fn space(flag: &'static str, text: Option<&str>) -> Result<i64, ValueError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(0) };
    let size = parse_ram_in_bytes(text).filter(|size| *size >= 0);
    size.ok_or_else(|| ValueError::new(flag, text, "write a size such as 500MB or 10GB"))
}

/// Runs `bob prune`.
///
/// # Errors
/// No buildkitd, wrong usage, nobody who could be asked.
pub async fn run(args: Args) -> Result<(), Failure> {
    logging::init("warn");
    let options = args.options()?;
    let format = args.format.parse()?;
    let daemon = args.daemon.choice()?;
    let interrupts = listen()?;
    if !args.force && !is_confirmed(&options, &interrupts).await? {
        return Ok(());
    }
    let mut records = Vec::new();
    let done = job::prune(&daemon, &options, &interrupts, |record| records.push(record)).await;
    let mut text = format.render(&records)?;
    if format.has_totals() {
        if records.is_empty() {
            text += "nothing was freed\n";
        } else {
            let separator = if text.ends_with("\n\n") { "" } else { "\n" };
            text += &format!("{separator}freed {}\n", total(&records));
        }
    }
    print_words(text.as_bytes())?;
    Ok(done?)
}

/// Whether the user wants it, asked on standard error and read from standard input.
async fn is_confirmed(options: &PruneOptions, interrupts: &Interrupts) -> Result<bool, Failure> {
    let what = match (options.all, options.filter.is_empty()) {
        (true, true) => "the whole cache of buildkitd, its own records included",
        (false, true) => "the cache of buildkitd that no build uses now",
        (_, false) => "the records of buildkitd's cache that the filter names",
    };
    eprint_now(&format!("This frees {what}. Go on? [y/N] "));
    let mut answer = String::new();
    let mut input = tokio::io::BufReader::new(tokio::io::stdin());
    let read = interrupts.cancel().run_until_cancelled(input.read_line(&mut answer)).await;
    let is_terminal = std::io::stdin().is_terminal();
    match read {
        None => {
            eprint_now("\n");
            Err(job::Error::Interrupted.into())
        }
        Some(Err(error)) => Err(error.into()),
        Some(Ok(0)) if !is_terminal => {
            eprint_now("\n");
            Err(UsageError::NobodyToAsk.into())
        }
        Some(Ok(_)) => {
            let is_yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
            if !is_yes {
                eprint_now("nothing was freed\n");
            }
            Ok(is_yes)
        }
    }
}

/// Writes to standard error at once; nobody who reads is no failure.
fn eprint_now(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cli::pflag::parse_args;

    fn options(line: &[&str]) -> Result<PruneOptions, ValueError> {
        parse_args::<Args>(line).unwrap().options()
    }

    #[test]
    fn sizes_and_times_are_those_of_buildx_and_buildctl() {
        let given =
            options(&["--keep-storage", "10GB", "--max-used-space=1k", "--min-free-space", "5", "-a"])
                .unwrap();
        assert_eq!((given.reserved_space, given.max_used_space, given.min_free_space), (10 << 30, 1024, 5));
        assert!(given.all);
        assert_eq!(options(&["--keep-duration", "1h30m"]).unwrap().keep_duration, Duration::from_mins(90));
        assert_eq!(options(&["--filter", "until=24h"]).unwrap().keep_duration, Duration::from_hours(24));
    }

    #[test]
    fn wrong_values_name_their_flag() {
        for (line, flag) in [
            (&["--keep-storage", "much"][..], "--reserved-space \"much\""),
            (&["--keep-duration=-1h"], "--keep-duration \"-1h\""),
            (&["--keep-duration", "1h", "--filter", "until=1h"], "--keep-duration and"),
            (&["--filter", "colour=red"], "--filter \"colour=red\""),
        ] {
            let error = options(line).unwrap_err().to_string();
            assert!(error.starts_with(flag), "{error}");
        }
    }
}
