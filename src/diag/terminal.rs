//! The one rule for words of others on their way to a terminal, a log or `bob.log`.
//!
//! RUN steps, registries, daemons, Dockerfiles and file names choose their words. Shown as they come they could
//! move the cursor over what was printed before, set the window's title, or write the clipboard. So nothing that
//! is shown holds a control character (C0, DEL, C1) other than line feeds and tabs, nor one that turns the
//! direction of writing. Colours (`ESC [ … m`) stay in the logs of steps where the display has them, and end with
//! their line.

use std::borrow::Cow;
use std::path::Path;

const ESC: char = '\u{1b}';
const BEL: char = '\u{7}';
/// What ends colours.
const RESET: &str = "\u{1b}[0m";
/// The longest colour sequence that is kept, in bytes.
const MAX_COLOUR_BYTES: usize = 64;

/// What becomes of the colours in a line of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// They stay, and are reset at the end of the line.
    Keep,
    /// They go, as every other sequence.
    Drop,
}

/// A line of a log without what would drive a terminal: whole control sequences go, as do single control characters
/// other than tabs. Of text that carriage returns overwrite only the last state stays.
pub fn log_line(line: &str, colours: Colours) -> String {
    let last_state = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
    without_sequences(last_state, colours)
}

/// An event of a log as one line: line breaks in it become `\n`, so that nobody can write a second event.
pub fn log_event(event: &str, colours: Colours) -> String {
    without_sequences(&event.replace('\n', "\\n").replace('\r', "\\r"), colours)
}

/// `text` on one line with every control character shown as U+FFFD, character for character.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.contains(is_forbidden_in_line) {
        text.chars().map(|c| if is_forbidden_in_line(c) { '\u{fffd}' } else { c }).collect::<String>().into()
    } else {
        text.into()
    }
}

/// `text` over several lines: as [`visible`], but line feeds and tabs stay.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    if !text.contains(is_forbidden) {
        return text.into();
    }
    let text = text.replace("\r\n", "\n");
    text.chars().map(|c| if is_forbidden(c) { '\u{fffd}' } else { c }).collect::<String>().into()
}

/// At most `limit` characters of `text`, in one line: line breaks and tabs become spaces, and what moves a cursor, begins a
/// terminal sequence, hides or turns text around becomes U+FFFD. This is for words out of which a message is made.
pub fn printable_line(text: &str, limit: usize) -> String {
    let shown = text.chars().map(|c| match c {
        '\n' | '\r' | '\t' => ' ',
        c if c.is_control() || is_invisible(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    });
    shown.take(limit).collect()
}

/// `path` with its control characters escaped, so that two names that differ in them alone are told apart.
pub fn visible_path(path: &Path) -> String {
    let mut text = String::new();
    for c in path.to_string_lossy().chars() {
        if c.is_control() { text.extend(c.escape_default()) } else { text.push(c) }
    }
    text
}

/// Whether `c` never reaches a terminal.
pub fn is_forbidden(c: char) -> bool {
    c != '\n' && c != '\t' && is_forbidden_in_line(c)
}

fn is_forbidden_in_line(c: char) -> bool {
    // Control characters, and those that turn the direction of writing.
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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

fn without_sequences(text: &str, colours: Colours) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut is_coloured = false;
    let mut rest = text;
    while let Some(at) = rest.find(|c| c != '\t' && is_forbidden_in_line(c)) {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let (sequence, after) = rest.split_at(sequence_length(rest));
        if colours == Colours::Keep
            && let Some(parameters) = colour_parameters(sequence)
        {
            plain.push_str(sequence);
            is_coloured = !matches!(parameters, "" | "0");
        }
        rest = after;
    }
    plain.push_str(rest);
    if is_coloured {
        plain.push_str(RESET);
    }
    plain
}

/// The parameters of `ESC [ … m`. Others than numbers belong to other commands (`ESC [ > 4 m` is about keys).
fn colour_parameters(sequence: &str) -> Option<&str> {
    let parameters = sequence.strip_prefix("\u{1b}[")?.strip_suffix('m')?;
    let are_numbers = parameters.bytes().all(|b| b.is_ascii_digit() || matches!(b, b';' | b':'));
    (are_numbers && sequence.len() <= MAX_COLOUR_BYTES).then_some(parameters)
}

/// The length in bytes of the control sequence that `text` begins with (ECMA-48, 5.3 to 5.6). A string that does not
/// end before the next control character is no sequence: only what would begin it counts.
fn sequence_length(text: &str) -> usize {
    let mut chars = text.chars();
    let first = chars.next().unwrap_or_default();
    let alone = first.len_utf8();
    match (first, chars.next()) {
        (ESC, Some('[')) => 2 + control_length(&text[2..]),
        (ESC, Some(']' | 'P' | 'X' | '^' | '_')) => 2 + string_length(&text[2..]),
        // Parts of a charset's or another short command, such as `ESC ( B`.
        (ESC, Some(' '..='/')) => alone + escape_length(&text[alone..]),
        (ESC, Some('0'..='~')) => 2,
        ('\u{9b}', _) => alone + control_length(&text[alone..]),
        ('\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}', _) => alone + string_length(&text[alone..]),
        _ => alone,
    }
}

/// The length of parameters and end of a control sequence.
fn control_length(text: &str) -> usize {
    let parameters = text.bytes().take_while(|b| (b' '..=b'?').contains(b)).count();
    parameters + usize::from(matches!(text.as_bytes().get(parameters), Some(b'@'..=b'~')))
}

/// The length of what follows the escape character of a short command.
fn escape_length(text: &str) -> usize {
    let between = text.bytes().take_while(|b| (b' '..=b'/').contains(b)).count();
    between + usize::from(matches!(text.as_bytes().get(between), Some(b'0'..=b'~')))
}

/// The length of a command's string with its end; 0 where it has none.
fn string_length(text: &str) -> usize {
    let Some(end) = text.find(char::is_control) else { return 0 };
    let after = &text[end..];
    match after.chars().next() {
        Some(BEL | '\u{9c}') => end + after.chars().next().map_or(0, char::len_utf8),
        Some(ESC) if after[1..].starts_with('\\') => end + 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        log_line(text, Colours::Drop)
    }

    #[test]
    fn sequences_that_drive_a_terminal_go_whole() {
        for sequence in [
            "\u{1b}]52;c;ZXZpbA==\u{7}",
            "\u{1b}]52;c;ZXZpbA==\u{1b}\\",
            "\u{1b}]0;title\u{9c}",
            "\u{9d}0;title\u{7}",
            "\u{1b}[2J",
            "\u{1b}[1;1H",
            "\u{1b}[?1049h",
            "\u{1b}[>4;1m",
            "\u{1b}[ q",
            "\u{9b}31m",
            "\u{9b}2J",
            "\u{1b}Pq#0\u{1b}\\",
            "\u{90}q\u{9c}",
            "\u{1b}_payload\u{1b}\\",
            "\u{1b}^private\u{1b}\\",
            "\u{1b}Xstring\u{1b}\\",
            "\u{98}string\u{9c}",
            "\u{1b}(B",
            "\u{1b}#8",
            "\u{1b}c",
            "\u{1b}7",
            "\u{7}",
            "\u{8}",
            "\u{85}",
            "\u{7f}",
            "\u{0}",
            "\u{202e}",
            "\u{2066}",
            "\u{1b}",
        ] {
            assert_eq!(plain(&format!("a{sequence}é")), "aé", "{sequence:?}");
            let coloured = log_line(&format!("a{sequence}é"), Colours::Keep);
            assert_eq!(coloured, "aé", "{sequence:?}");
        }
    }

    #[test]
    fn a_string_without_end_hides_nothing() {
        assert_eq!(plain("\u{1b}]52;c;abc"), "52;c;abc");
        assert_eq!(plain("\u{1b}]52;c;\u{1b}[31mabc\u{7}d"), "52;c;abcd");
        assert_eq!(plain("\u{1b}[31"), "");
        assert_eq!(plain("\u{1b}[3é"), "é");
    }

    #[test]
    fn colours_stay_where_they_are_wanted_and_end_with_the_line() {
        let line = "\u{1b}[1;38:5:9mred\u{1b}[0m \u{1b}[32mgreen";
        assert_eq!(log_line(line, Colours::Keep), format!("{line}{RESET}"));
        assert_eq!(log_line("\u{1b}[31mred\u{1b}[m", Colours::Keep), "\u{1b}[31mred\u{1b}[m");
        assert_eq!(plain(line), "red green");
        let endless = format!("\u{1b}[{}mx", "1;".repeat(100));
        assert_eq!(log_line(&endless, Colours::Keep), "x");
    }

    #[test]
    fn carriage_returns_leave_the_last_state() {
        assert_eq!(plain("10%\r50%\r100%\r"), "100%");
        assert_eq!(log_line("\r#9 DONE 0.1s", Colours::Keep), "#9 DONE 0.1s");
        assert_eq!(plain("a\tb"), "a\tb");
    }

    #[test]
    fn an_event_stays_one_line() {
        assert_eq!(log_event("a\r\nINFO b\u{1b}[2J", Colours::Keep), "a\\r\\nINFO b");
    }

    #[test]
    fn control_characters_are_seen_but_not_obeyed() {
        assert_eq!(visible("a\u{1b}[31m\n\u{202e}b"), "a\u{fffd}[31m\u{fffd}\u{fffd}b");
        assert_eq!(visible_lines("a\tb\r\nc\rd\u{9b}"), "a\tb\nc\u{fffd}d\u{fffd}");
    }

    #[test]
    fn a_printable_line_holds_no_sequences_for_a_terminal() {
        assert_eq!(
            printable_line("a\x1b]52;c;aGk=\x07b\u{9b}2J\r\nc", 100),
            "a\u{fffd}]52;c;aGk=\u{fffd}b\u{fffd}2J  c"
        );
        assert_eq!(printable_line("x\u{202e}gpj.exe\u{200b}", 100), "x\u{fffd}gpj.exe\u{fffd}");
        assert_eq!(printable_line("denied: größer", 7), "denied:");
    }

    #[test]
    fn fuzz_printable_lines_are_harmless_and_bounded() {
        crate::fuzz::run(&["denied \u{1b}[2J \u{202e}x".as_bytes()], |bytes| {
            let shown = printable_line(&String::from_utf8_lossy(bytes), 300);
            assert!(shown.chars().count() <= 300);
            assert!(!shown.contains(|c: char| c.is_control() || c == '\u{202e}'));
        });
    }

    #[test]
    fn control_characters_of_a_path_are_escaped() {
        assert_eq!(visible_path(Path::new("a\u{1b}]52;c;é")), "a\\u{1b}]52;c;é");
    }

    #[test]
    fn fuzz_lines_of_any_bytes_hold_nothing_that_drives_a_terminal() {
        let seeds: [&[u8]; 6] = [
            b"\x1b]52;c;ZXZpbA==\x07after",
            b"\x1b[1;31mred\x1b[0m\t10%\r100%",
            "\u{9b}2J\u{9d}0;t\u{9c}\u{202e}".as_bytes(),
            b"\x1bP1$r\x1b\\\x1b(B\x1b_x\x1b\\",
            b"\x1b\x1b[[31m\x1b[\x1b[0m",
            b"plain",
        ];
        crate::fuzz::run(&seeds, |bytes| {
            let text = String::from_utf8_lossy(bytes);
            for plain in [plain(&text), visible(&text).into_owned()] {
                assert!(!plain.contains(|c| c != '\t' && is_forbidden_in_line(c)), "{plain:?}");
            }
            assert!(!visible_lines(&text).contains(is_forbidden));
            let kept = log_line(&text, Colours::Keep);
            assert_only_colours(&kept);
            assert_only_colours(&log_event(&text, Colours::Keep));
            assert_eq!(log_line(&kept, Colours::Drop), plain(&text));
        });
    }

    /// Asserts that every escape character begins a colour, and that colours are reset.
    fn assert_only_colours(text: &str) {
        let mut last = RESET;
        for (at, _) in text.match_indices(ESC) {
            let end = at + text[at..].find('m').expect("an end");
            assert!(colour_parameters(&text[at..=end]).is_some(), "{text:?}");
            last = &text[at..=end];
        }
        assert!(matches!(last, RESET | "\u{1b}[m"), "{text:?}");
        assert!(!text.contains(|c| !matches!(c, ESC | '\t') && is_forbidden_in_line(c)), "{text:?}");
    }
}
