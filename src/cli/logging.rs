//! The log of long-running subcommands: one line an event on standard error.
//!
//! Fields hold names and errors of others. `tracing_subscriber` escapes what begins control sequences in them, but not
//! line breaks and what turns the direction of writing, and knows nothing of credentials; so every event passes
//! `VisibleLines`.

use std::io::{self, IsTerminal as _, Write};

use tracing_subscriber::EnvFilter;

use crate::diag::{Colours, log_event, redact};
use crate::job::{self, for_log};
use crate::workspace::variables::{LOG_LEVEL, NO_COLOR, SUPERVISOR_DEBUG_ENABLE};
use crate::workspace::{nonempty_process_variable, process_variable};

/// Starts logging to standard error as [`LOG_LEVEL`] (a level such as `debug`, or filters in the syntax of
/// `tracing_subscriber` such as `bob::proxy=debug,hyper=info`) or [`SUPERVISOR_DEBUG_ENABLE`] say, or at the level
/// `default`. A second call changes nothing.
pub fn init(default: &str) {
    let level = process_variable(LOG_LEVEL.name).and_then(|level| level.into_string().ok());
    let level = level.filter(|level| !level.trim().is_empty());
    let debug = process_variable(SUPERVISOR_DEBUG_ENABLE.name).is_some_and(|value| value == "true");
    let wanted = level.unwrap_or_else(|| if debug { "debug" } else { default }.to_owned());
    let (filter, fault) = filter(&wanted, default);
    let no_colour = nonempty_process_variable(NO_COLOR.name).is_some();
    let has_colours = io::stderr().is_terminal() && !no_colour;
    let colours = if has_colours { Colours::Keep } else { Colours::Drop };
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || VisibleLines { out: io::stderr(), colours })
        .with_ansi(has_colours)
        .with_target(false)
        .try_init();
    if let Some(fault) = fault {
        tracing::warn!("{fault}");
    }
}

/// The filter that `wanted` asks for; where it is none, that of `default`, and what is wrong.
fn filter(wanted: &str, default: &str) -> (EnvFilter, Option<String>) {
    EnvFilter::try_new(directives(wanted.trim())).map_or_else(
        |_| {
            let name = LOG_LEVEL.name;
            let fault = format!(
                "{name}={wanted:?} is not used: write off, error, warn, info, debug, trace or filters"
            );
            (EnvFilter::new(directives(default)), Some(fault))
        },
        |filter| (filter, None),
    )
}

/// Writes events, each of which comes in one piece, as single lines that drive no terminal and show no credential.
struct VisibleLines<W> {
    out: W,
    colours: Colours,
}

impl<W: Write> Write for VisibleLines<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = log_event(&redact(text.strip_suffix('\n').unwrap_or(&text)), self.colours);
        let line = for_log(&line);
        if !job::write_above(&line) {
            self.out.write_all(format!("{line}\n").as_bytes())?;
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A bare level is Bob's own: the HTTP libraries below would log every frame.
fn directives(wanted: &str) -> String {
    if wanted.contains(['=', ',']) || matches!(wanted, "off" | "error" | "warn") {
        wanted.to_owned()
    } else {
        format!("warn,bob={wanted}")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Collect(Arc<Mutex<Vec<u8>>>);

    impl Write for Collect {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_hostile_field_writes_no_second_event_and_drives_no_terminal() {
        let hostile =
            "a\nINFO all is well\r\u{1b}]52;c;ZXZpbA==\u{7}\u{9b}2J\u{202e} https://user:s3cr3t@host/x";
        for colours in [Colours::Keep, Colours::Drop] {
            let out = Collect::default();
            let written = out.clone();
            let subscriber = tracing_subscriber::fmt()
                .with_writer(move || VisibleLines { out: out.clone(), colours })
                .with_ansi(colours == Colours::Keep)
                .finish();
            tracing::subscriber::with_default(subscriber, || {
                tracing::info!(display = %hostile, debug = ?hostile, text = hostile, "{hostile}");
            });
            let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
            assert_eq!(text.matches('\n').count(), 1, "{text}");
            assert!(text.ends_with('\n') && text.contains("INFO all is well"), "{text}");
            assert_eq!(log_event(text.trim_end(), colours), text.trim_end(), "would drive a terminal");
            assert!(!text.contains("s3cr3t"), "{text}");
        }
    }

    #[test]
    fn a_level_that_does_not_exist_is_named_and_the_usual_one_holds() {
        for wanted in ["loud", "bob=loud"] {
            let (used, fault) = filter(wanted, "info");
            assert_eq!(used.to_string(), EnvFilter::new("warn,bob=info").to_string());
            assert!(fault.unwrap().starts_with(&format!("LOG_LEVEL={wanted:?} is not used: ")));
        }
        for wanted in ["off", "error", "warn", "info", " debug ", "trace", "bob::proxy=debug,hyper=info"] {
            assert_eq!(filter(wanted, "info").1, None, "{wanted}");
        }
    }

    #[test]
    fn a_bare_level_is_bobs_own() {
        assert_eq!(directives("debug"), "warn,bob=debug");
        assert_eq!(directives("error"), "error");
        assert_eq!(directives("hyper=info"), "hyper=info");
    }
}
