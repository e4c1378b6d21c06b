//! The part of a terminal that is drawn anew again and again, below what scrolls up.

use std::fmt::Write as _;
use std::io::Write;

use super::palette::{Palette, Style};
use crate::diag::columns;
use crate::progress::displays::write_quietly;

/// A line of the live view. Its text drives no terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) style: Style,
}

/// Columns and rows of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

impl Size {
    /// The size of the terminal on standard error; 80 columns and 24 rows where it does not know.
    pub(super) fn of_stderr() -> Self {
        let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok();
        let known = |value: Option<u16>, usual| value.filter(|value| *value > 0).map_or(usual, usize::from);
        Self {
            columns: known(size.map(|size| size.ws_col), 80),
            rows: known(size.map(|size| size.ws_row), 24),
        }
    }
}

/// A terminal of which the last rows are live.
pub(super) struct Screen<W> {
    out: W,
    palette: Palette,
    live: Vec<Line>,
}

impl<W: Write> Screen<W> {
    pub(super) fn new(out: W, palette: Palette) -> Self {
        Self { out, palette, live: Vec::new() }
    }

    /// Puts `done` above the live part, for good, and `live` in place of what the live part was.
    pub(super) fn draw(&mut self, done: &[Line], live: Vec<Line>, size: Size) {
        if done.is_empty() && live == self.live {
            return;
        }
        // A terminal that became narrower has broken the old lines into several rows.
        let old_rows: usize =
            self.live.iter().map(|line| columns(&line.text).div_ceil(size.columns).max(1)).sum();
        let mut text = String::from("\u{1b}[?25l\r");
        if old_rows > 0 {
            let _ = write!(text, "\u{1b}[{old_rows}A");
        }
        for line in done.iter().chain(&live) {
            let _ = writeln!(text, "{}\u{1b}[K", self.palette.paint(&line.text, line.style));
        }
        text += "\u{1b}[J\u{1b}[?25h";
        write_quietly(&mut self.out, &text);
        self.live = live;
    }

    #[cfg(test)]
    pub(super) fn into_inner(self) -> W {
        self.out
    }
}
