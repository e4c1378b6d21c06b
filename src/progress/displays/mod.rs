//! The forms in which progress is shown, one file each.

pub(super) mod environment;
pub(super) mod plain;
pub(super) mod quiet;
mod raw;
mod text;
pub(super) mod tty;

use std::io::Write;

use bollard_buildkit_proto::moby::buildkit::v1::StatusResponse;

use super::time::Nanos;
use super::trace::Trace;

pub(super) use raw::warning as warning_json;

/// The forms, in the order in which errors and the help name them.
pub(super) const FORMS: [&Form; 4] = [&plain::FORM, &tty::FORM, &raw::FORM, &quiet::FORM];

/// One form of progress.
#[derive(Debug)]
pub(super) struct Form {
    /// What `--progress` calls it.
    pub(super) name: &'static str,
    /// What else it may be called.
    pub(super) other_names: &'static [&'static str],
    /// Returns a display of it on standard error.
    pub(super) open: fn() -> Box<dyn Display>,
}

/// What a form of progress does with the state of the build.
pub(super) trait Display: Send {
    /// Takes note of a message before the trace does.
    fn message(&mut self, _message: &StatusResponse) {}
    /// Shows what is new in `trace`, every [`REFRESH`](super::REFRESH).
    fn refresh(&mut self, trace: &mut Trace, now: Nanos);
    /// Shows the rest.
    fn finish(&mut self, trace: &mut Trace, now: Nanos);
}

/// Writes `text` and forgets about failures: progress is for people, and they may have gone.
pub(super) fn write_quietly(out: &mut impl Write, text: &str) {
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests;
