//! Tables for people.

use crate::cli::table::Table;
use crate::diag::printable_line;

/// Longer cells are cut.
const CELL_CHARACTERS: usize = 1000;

/// Returns rows as lines, each column as wide as its widest cell; the first row is the heading. What comes from a
/// Dockerfile drives no terminal.
pub(super) fn table<const N: usize>(rows: &[[&str; N]]) -> String {
    Table::of_rows(rows.iter().map(|row| row.map(|cell| printable_line(cell, CELL_CHARACTERS)))).render(None)
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_aligned_and_lines_do_not_end_in_spaces() {
        let text = table(&[["NAME", "VALUE"], ["longer", "1"], ["a", ""], ["é", "\u{1b}x"]]);
        assert_eq!(text, "NAME     VALUE\nlonger   1\na\né        \u{fffd}x\n");
        assert_eq!(table(&[["日本", "1"], ["abc", "2"]]), "日本   1\nabc    2\n");
    }
}
