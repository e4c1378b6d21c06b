//! What subcommands that run jobs share: signals and standard output.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};

use super::Failure;
use crate::diag::{redact, visible, visible_lines};
use crate::job::{self, Interrupts};

pub(super) use crate::job::warn;

/// Listens for the signals that interrupt a job.
pub(super) fn listen() -> Result<Interrupts, Failure> {
    Ok(Interrupts::listen().map_err(job::Error::Signals)?)
}

/// Writes words of a registry or a daemon to standard output: as they are for a program, and harmless for a terminal.
pub(super) fn print_words(bytes: &[u8]) -> Result<(), Failure> {
    print(&words_for(bytes, io::stdout().is_terminal()))
}

/// Words of a registry or a daemon, on one line and without credentials.
pub(super) fn words(text: &str) -> String {
    visible(&redact(text)).into_owned()
}

fn words_for(bytes: &[u8], is_terminal: bool) -> Cow<'_, [u8]> {
    if !is_terminal {
        return bytes.into();
    }
    visible_lines(&String::from_utf8_lossy(bytes)).into_owned().into_bytes().into()
}

/// Standard output cannot be written to.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
struct StandardOutputError(#[source] io::Error);

/// Writes to standard output; a reader that has seen enough is no failure.
///
/// # Errors
/// Where the output is lost for another reason.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.map_err(unless_reader_is_gone).or_else(|failure| failure.map_or(Ok(()), Err))
}

/// The failure of output that could not be written; none where its reader has seen enough.
pub fn unless_reader_is_gone(error: io::Error) -> Option<Failure> {
    (error.kind() != io::ErrorKind::BrokenPipe).then(|| StandardOutputError(error).into())
}

#[cfg(test)]
mod tests {
    use super::words_for;

    #[test]
    fn words_of_others_do_not_drive_the_terminal_and_reach_programs_as_they_are() {
        let words = b"{\"a\": \"b\"}\n\x1b]0;title\x07\xc2\x9b2J\ttab\n";
        assert_eq!(&*words_for(words, false), words);
        let shown = String::from_utf8(words_for(words, true).into_owned()).unwrap();
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{shown:?}");
        assert!(shown.starts_with("{\"a\": \"b\"}\n") && shown.contains("title"), "{shown:?}");
    }
}
