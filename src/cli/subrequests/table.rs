//! Tables for people.

use std::fmt::Write as _;

use crate::diag::printable_line;

/// Longer cells are cut.
const CELL_CHARACTERS: usize = 1000;

/// Returns rows as lines, each column as wide as its widest cell; the first row is the heading. What comes from a
/// Dockerfile drives no terminal.
pub(super) fn table<const N: usize>(rows: &[[&str; N]]) -> String {
    let rows: Vec<[String; N]> =
        rows.iter().map(|row| row.map(|cell| printable_line(cell, CELL_CHARACTERS))).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        let start = text.len();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(text, "{cell:width$}   ");
        }
        text.truncate(start + text[start..].trim_end().len());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_aligned_and_lines_do_not_end_in_spaces() {
        let text = table(&[["NAME", "VALUE"], ["longer", "1"], ["a", ""], ["é", "\u{1b}x"]]);
        assert_eq!(text, "NAME     VALUE\nlonger   1\na\né        \u{fffd}x\n");
    }
}
