//! Tables, sizes and times for people.

use crate::diag::{columns, fitted};

/// Rows of cells below a heading. The last column takes what the terminal leaves, and is cut there.
#[derive(Debug)]
pub(super) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
    right: [bool; N],
    /// Spaces between two columns.
    gap: usize,
}

/// The least that the last column gets, in columns of the terminal.
const LEAST: usize = 16;

impl<const N: usize> Table<N> {
    /// A table with a heading, and which of its columns are aligned at the right.
    pub(super) fn new(heading: [&str; N], right: [bool; N]) -> Self {
        Self { rows: vec![heading.map(str::to_owned)], right, gap: 2 }
    }

    /// A table of rows, the first of which is the heading, with three spaces between columns.
    pub(super) fn of_rows(rows: impl IntoIterator<Item = [String; N]>) -> Self {
        Self { rows: rows.into_iter().collect(), right: [false; N], gap: 3 }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    /// The table in lines of at most `width` columns, where that is known.
    pub(super) fn render(&self, width: Option<usize>) -> String {
        let mut widths = [0; N];
        for row in &self.rows {
            for (cell, width) in row.iter().zip(&mut widths) {
                *width = columns(cell).max(*width);
            }
        }
        let before: usize = widths[..N - 1].iter().map(|width| width + self.gap).sum();
        let room = width.map(|width| width.saturating_sub(before).max(LEAST));
        let gap = " ".repeat(self.gap);
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (index, cell) in row.iter().enumerate() {
                let pad = " ".repeat(widths[index].saturating_sub(columns(cell)));
                let cell = match room {
                    Some(room) if index == N - 1 => fitted(cell, room),
                    _ => cell.clone(),
                };
                match (self.right[index], index == N - 1) {
                    (true, _) => line += &format!("{pad}{cell}{gap}"),
                    (false, true) => line += &cell,
                    (false, false) => line += &format!("{cell}{pad}{gap}"),
                }
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }
}

/// Columns of the terminal that standard output is; `None` where it is none.
pub(super) fn terminal_width() -> Option<usize> {
    let columns = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?.ws_col;
    (columns > 0).then_some(usize::from(columns))
}

/// A number of bytes with four digits at most, in powers of 1000: `1.234MB`.
///
/// Source: `HumanSize` in docker's `go-units`.
#[expect(clippy::cast_precision_loss, reason = "shown with four digits")]
pub(super) fn size(bytes: i64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = match value {
        value if value >= 1000.0 => 0,
        value if value >= 100.0 => 1,
        value if value >= 10.0 => 2,
        _ => 3,
    };
    let number = format!("{value:.decimals$}");
    let number = if decimals > 0 { number.trim_end_matches('0').trim_end_matches('.') } else { &number };
    format!("{number}{}", UNITS[unit])
}

/// How long ago something was, in one unit: `3 hours ago`.
pub(super) fn ago(seconds: i64) -> String {
    let (count, unit) = match seconds {
        ..=0 => return "just now".to_owned(),
        1..=119 => (seconds, "second"),
        120..=7199 => (seconds / 60, "minute"),
        7200..=172_799 => (seconds / 3600, "hour"),
        172_800..=1_209_599 => (seconds / 86_400, "day"),
        1_209_600..=5_183_999 => (seconds / 604_800, "week"),
        5_184_000..=63_071_999 => (seconds / 2_592_000, "month"),
        _ => (seconds / 31_536_000, "year"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

/// How long ago something was, in few columns: `3h ago`.
pub(super) fn ago_short(seconds: i64) -> String {
    let (count, unit) = match seconds {
        ..=0 => return "now".to_owned(),
        1..=59 => (seconds, "s"),
        60..=3599 => (seconds / 60, "m"),
        3600..=86_399 => (seconds / 3600, "h"),
        _ => (seconds / 86_400, "d"),
    };
    format!("{count}{unit} ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_column_is_cut_where_the_terminal_ends() {
        let mut table = Table::new(["ID", "SIZE", "WHAT"], [false, true, false]);
        table.row(["abc".into(), "1B".into(), "日本語のとても長い説明です".into()]);
        table.row(["x".into(), "10kB".into(), "short".into()]);
        assert_eq!(
            table.render(Some(28)),
            "ID   SIZE  WHAT\nabc    1B  日本語のとても長…\nx    10kB  short\n"
        );
        assert!(table.render(None).contains("日本語のとても長い説明です"));
        assert!(table.render(Some(3)).lines().all(|line| columns(line) <= 11 + LEAST));
    }

    #[test]
    fn sizes_have_four_digits_and_times_one_unit() {
        for (bytes, text) in
            [(0, "0B"), (999, "999B"), (1050, "1.05kB"), (123_456_789, "123.5MB"), (2_000_000_000, "2GB")]
        {
            assert_eq!(size(bytes), text);
        }
        for (seconds, text) in [
            (-5, "just now"),
            (1, "1 second ago"),
            (119, "119 seconds ago"),
            (120, "2 minutes ago"),
            (200_000, "2 days ago"),
        ] {
            assert_eq!(ago(seconds), text);
        }
    }
    #[test]
    fn short_times_count_up_to_days() {
        let short = [0, 59, 60, 3599, 7300, 86_400 * 40].map(ago_short);
        assert_eq!(short, ["now", "59s ago", "1m ago", "59m ago", "2h ago", "40d ago"]);
    }
}
