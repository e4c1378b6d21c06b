//! How far a build is: reads buildkitd's status stream and shows it as plain text, as a live view of a
//! terminal, or as JSON lines; keeps what a failure report needs afterwards.

mod journal;
mod lines;
mod plain;
mod raw;
mod step;
mod text;
mod time;
mod trace;
mod tty;

use std::io::{self, IsTerminal as _, Write};
use std::str::FromStr;
use std::time::Duration;

use bollard_buildkit_proto::moby::buildkit::v1::StatusResponse;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::diag::Colours;

pub use journal::{Journal, StepRecord};
pub use step::{Step, timestamp};

/// How often a display may change.
const REFRESH: Duration = Duration::from_millis(100);

/// The form in which progress is shown, on standard error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// [`Mode::Tty`] where standard error is a terminal, else [`Mode::Plain`].
    #[default]
    Auto,
    /// Lines of text, as they come.
    Plain,
    /// A live view.
    Tty,
    /// One `SolveStatus` a line, in buildctl's schema.
    RawJson,
    /// Nothing.
    Quiet,
}

/// A progress mode that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("unknown progress mode {given:?}; use auto, plain, tty, rawjson or quiet")]
pub struct UnknownMode {
    given: String,
}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        match text {
            "auto" | "" => Ok(Self::Auto),
            "plain" => Ok(Self::Plain),
            "tty" => Ok(Self::Tty),
            "rawjson" => Ok(Self::RawJson),
            "quiet" | "none" => Ok(Self::Quiet),
            _ => Err(UnknownMode { given: text.to_owned() }),
        }
    }
}

/// Shows `updates` on standard error in the form that `mode` asks for until the channel closes.
/// Returns what the steps were and what they last logged. Output that cannot be written is dropped:
/// a closed terminal is no reason to fail a build.
pub async fn follow(mode: Mode, updates: mpsc::Receiver<StatusResponse>) -> Journal {
    let stderr = io::stderr();
    let mode = match mode {
        Mode::Auto if stderr.is_terminal() => Mode::Tty,
        Mode::Auto => Mode::Plain,
        other => other,
    };
    match mode {
        Mode::Tty => follow_with(tty::Live::new(), updates).await,
        Mode::RawJson => follow_with(raw::JsonLines::new(stderr), updates).await,
        Mode::Quiet => follow_with(Silent, updates).await,
        Mode::Auto | Mode::Plain => follow_with(plain::Printer::new(stderr, colours()), updates).await,
    }
}

/// What becomes of the colours that steps log. They also stay where standard error is no terminal: logs of CI systems
/// show them.
#[allow(clippy::disallowed_methods, reason = "a habit of terminals, not a setting of Bob")]
fn colours() -> Colours {
    match std::env::var_os("NO_COLOR") {
        Some(value) if !value.is_empty() => Colours::Drop,
        _ => Colours::Keep,
    }
}

/// What a form of progress does with the state of the build.
trait Display {
    /// Takes note of a message before the trace does.
    fn message(&mut self, _message: &StatusResponse) {}
    /// Shows what is new in `trace`, at most every [`REFRESH`].
    fn refresh(&mut self, trace: &mut trace::Trace, now: time::Nanos);
    /// Shows the rest.
    fn finish(&mut self, trace: &mut trace::Trace, now: time::Nanos);
}

struct Silent;

impl Display for Silent {
    fn refresh(&mut self, _trace: &mut trace::Trace, _now: time::Nanos) {}
    fn finish(&mut self, _trace: &mut trace::Trace, _now: time::Nanos) {}
}

async fn follow_with(mut display: impl Display, mut updates: mpsc::Receiver<StatusResponse>) -> Journal {
    let mut trace = trace::Trace::default();
    let mut ticks = tokio::time::interval(REFRESH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            message = updates.recv() => match message {
                Some(message) => {
                    display.message(&message);
                    trace.apply(&message, time::now());
                }
                None => break,
            },
            _ = ticks.tick() => display.refresh(&mut trace, time::now()),
        }
    }
    trace.end(time::now());
    display.finish(&mut trace, time::now());
    trace.into_journal()
}

/// Writes `text` and forgets about failures: progress is for people, and they may have gone.
fn write_quietly(out: &mut impl Write, text: &str) {
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests;
