//! How far a build is: reads buildkitd's status stream and shows it as plain text, as a live view of a
//! terminal, or as JSON lines; keeps what a failure report needs afterwards.

mod displays;
mod journal;
mod lines;
pub mod report;
mod step;
mod time;
mod trace;

use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use bollard_buildkit_proto::moby::buildkit::v1::StatusResponse;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use self::displays::environment::why_no_live_view;
use self::displays::{Display, FORMS, Form, plain, quiet, tty, write_quietly};

pub use journal::{Journal, StepRecord};
pub use step::{Step, StepTransfer, timestamp};

/// How often a display may change.
const REFRESH: Duration = Duration::from_millis(100);

/// The form in which progress is shown, on standard error.
#[derive(Clone, Copy, Default)]
pub struct Mode {
    /// `None` for a live view where standard error is a terminal that can show it, else lines of text.
    form: Option<&'static Form>,
}

impl Mode {
    /// A live view where standard error is a terminal that can show it, else lines of text.
    pub const AUTO: Self = Self { form: None };
    /// Lines of text, as they come.
    pub const PLAIN: Self = Self { form: Some(&plain::FORM) };
    /// Nothing.
    pub const QUIET: Self = Self { form: Some(&quiet::FORM) };

    /// What the modes are called.
    pub fn names() -> impl Iterator<Item = &'static str> {
        [Self::AUTO.name()].into_iter().chain(FORMS.map(|form| form.name))
    }

    fn name(self) -> &'static str {
        self.form.map_or("auto", |form| form.name)
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Modes are equal if their names are.
impl PartialEq for Mode {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Mode {}

/// A progress mode that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("unknown progress mode {given:?}; use {}", alternatives())]
pub struct UnknownMode {
    given: String,
}

/// The names of the modes as a text lists them: `a, b or c`.
fn alternatives() -> String {
    let names: Vec<&str> = Mode::names().collect();
    let (last, first) = names.split_last().expect("there are modes");
    format!("{} or {last}", first.join(", "))
}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        if text.is_empty() || text == Self::AUTO.name() {
            return Ok(Self::AUTO);
        }
        let form = FORMS.into_iter().find(|form| form.name == text || form.other_names.contains(&text));
        form.map(|form| Self { form: Some(form) }).ok_or_else(|| UnknownMode { given: text.to_owned() })
    }
}

/// Takes a line that is to be written to standard error, where a live view is there that would overwrite it. Returns whether
/// it did; if not, the line has to be written.
pub fn write_above(line: &str) -> bool {
    tty::above::write_above(line)
}

/// Shows `updates` on standard error in the form that `mode` asks for until the channel closes.
/// Returns what the steps were and what they last logged. Output that cannot be written is dropped:
/// a closed terminal is no reason to fail a build.
pub async fn follow(mode: Mode, updates: mpsc::Receiver<StatusResponse>) -> Journal {
    let form = match (mode.form, why_no_live_view()) {
        (None, None) => &tty::FORM,
        (None, Some(_)) => &plain::FORM,
        (Some(form), Some(reason)) if form.name == tty::FORM.name => {
            let text = format!("progress is shown as plain text instead of tty: {reason}\n");
            write_quietly(&mut io::stderr(), &text);
            &plain::FORM
        }
        (Some(form), _) => form,
    };
    follow_with((form.open)(), updates).await
}

async fn follow_with(mut display: Box<dyn Display>, mut updates: mpsc::Receiver<StatusResponse>) -> Journal {
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
