//! The words of others, made fit to be shown.

/// At most `limit` characters of `text`, in one line: what moves a cursor, begins a terminal sequence, hides or
/// turns text around is left out or shown as `�`.
pub(super) fn printable_line(text: &str, limit: usize) -> String {
    let shown = text.chars().map(|c| match c {
        '\n' | '\r' | '\t' => ' ',
        c if c.is_control() || is_invisible(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    });
    shown.take(limit).collect()
}

/// Whether `c` is a format character that changes how others are shown.
/// (<https://www.unicode.org/reports/tr9/>, and the tags of U+E0000)
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::printable_line;

    #[test]
    fn sequences_for_a_terminal_never_pass() {
        assert_eq!(
            printable_line("a\x1b]52;c;aGk=\x07b\u{9b}2J\r\nc", 100),
            "a\u{fffd}]52;c;aGk=\u{fffd}b\u{fffd}2J  c"
        );
        assert_eq!(printable_line("x\u{202e}gpj.exe\u{200b}", 100), "x\u{fffd}gpj.exe\u{fffd}");
        assert_eq!(printable_line("denied: größer", 7), "denied:");
    }

    #[test]
    fn fuzz_words_of_others_are_harmless_and_bounded() {
        crate::fuzz::run(&["denied \u{1b}[2J \u{202e}x".as_bytes()], |bytes| {
            let shown = printable_line(&String::from_utf8_lossy(bytes), 300);
            assert!(shown.chars().count() <= 300);
            assert!(!shown.contains(|c: char| c.is_control() || c == '\u{202e}'));
        });
    }
}
