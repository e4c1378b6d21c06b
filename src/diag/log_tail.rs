//! What is kept of a log: its last lines, with repeats and progress bars folded, and of what came before them the lines
//! that tell of faults.

use std::collections::VecDeque;

/// How many last lines are kept.
const LAST_LINES: usize = 100;
/// How many earlier lines that tell of faults are kept.
const EARLIER_LINES: usize = 20;
/// The longest line that is kept, in bytes; what follows is dropped.
const MAX_LINE_BYTES: usize = 2048;
/// How many equal characters in a row make a progress bar.
const MIN_BAR_CHARACTERS: usize = 8;

/// What stands for lines that are no text.
const BINARY: &str = "(binary data)";

/// Words of a line that tells of a fault, in lower case.
const FAULTS: [&str; 30] = [
    "error",
    "fatal",
    "fail",
    "cannot",
    "can't",
    "could not",
    "couldn't",
    "unable to",
    "not found",
    "no such",
    "denied",
    "panic",
    "exception",
    "traceback",
    "undefined reference",
    "killed",
    "refused",
    "npm err",
    "***",
    "no space left",
    "not match",
    "mismatch",
    "out of memory",
    "timed out",
    "timeout",
    "no matching",
    "unreachable",
    "bad address",
    "segmentation fault",
    "core dumped",
];
/// Those of them that are also parts of names, such as `error.c` and `libgpg-error0`: only as words of their own they tell of
/// faults, with one of these endings.
const WORDS: [&str; 7] = ["error", "fatal", "fail", "panic", "exception", "killed", "timeout"];
const ENDINGS: [&str; 10] = ["", "s", "ed", "ure", "ures", "ing", "ked", "king", "ally", "out"];
/// What tells that there was no fault, in lower case. A number may stand before it.
const NO_FAULTS: [&str; 14] = [
    "0 errors",
    "0 error",
    "no errors",
    "no error",
    "without errors",
    "without error",
    "errors: 0",
    "error=0",
    "0 failures",
    "0 failed",
    "0 fail",
    "failures: 0",
    "failed: 0",
    "failed=0",
];
/// What a warning begins with, or has before its words, and what looks for something and goes on without it, in lower case.
const NO_REASONS: [&str; 14] = [
    "w: ",
    "+ ",
    "warning",
    "[warn",
    "npm warn",
    "warn ",
    "debconf: ",
    "invoke-rc.d: ",
    "dpkg-preconfigure: ",
    "perl: warning",
    "checking ",
    "-- looking for ",
    "-- performing test ",
    "-- could not find ",
];

/// A line of a log, perhaps for several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldedLine {
    /// The line; of a progress bar the last state.
    pub text: String,
    /// How many lines it stands for.
    pub times: usize,
    /// Whether it shows how far something is.
    pub is_progress: bool,
}

/// The end of a log.
#[derive(Debug, Clone, Default)]
pub struct LogTail {
    earlier: VecDeque<FoldedLine>,
    last: VecDeque<FoldedLine>,
    is_cut: bool,
}

impl LogTail {
    /// Takes the next line of the log.
    pub fn push(&mut self, line: &str) {
        let line = if is_binary(line) { BINARY } else { &line[..line.floor_char_boundary(MAX_LINE_BYTES)] };
        let is_progress = is_progress(line);
        if let Some(last) = self.last.back_mut()
            && (last.text == line || (last.is_progress && is_progress))
        {
            line.clone_into(&mut last.text);
            last.times += 1;
            return;
        }
        if self.last.len() == LAST_LINES
            && let Some(oldest) = self.last.pop_front()
        {
            self.is_cut = true;
            if tells_of_fault(&oldest.text) {
                if self.earlier.len() == EARLIER_LINES {
                    self.earlier.pop_front();
                }
                self.earlier.push_back(oldest);
            }
        }
        self.last.push_back(FoldedLine { text: line.to_owned(), times: 1, is_progress });
    }

    /// Returns the last lines, the oldest first.
    pub fn last(&self) -> impl ExactSizeIterator<Item = &FoldedLine> + DoubleEndedIterator {
        self.last.iter()
    }

    /// Returns the lines before the last ones that tell of faults, the oldest first.
    pub fn earlier(&self) -> impl ExactSizeIterator<Item = &FoldedLine> + DoubleEndedIterator {
        self.earlier.iter()
    }

    /// Returns whether the log had lines before those that [`last`](Self::last) returns.
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }
}

/// Returns whether a quarter of a line, or more, is no text.
fn is_binary(line: &str) -> bool {
    let replaced = line.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count();
    replaced > 0 && replaced * 4 >= line.chars().count()
}

/// Returns whether a line of a log is likely to say why something failed.
pub fn tells_of_fault(line: &str) -> bool {
    let trimmed = line.trim_start();
    if trimmed.starts_with("E: ") {
        return true;
    }
    let mut lower = trimmed.to_ascii_lowercase();
    if NO_REASONS.iter().any(|begin| lower.starts_with(begin)) || lower.contains(": warning: ") {
        return false;
    }
    let mut text = trimmed.to_owned();
    for phrase in NO_FAULTS {
        while let Some(at) = lower.find(phrase).filter(|at| !is_digit_before(&lower, *at)) {
            let range = at..at + phrase.len();
            lower.replace_range(range.clone(), "-");
            text.replace_range(range, "-");
        }
    }
    FAULTS.iter().any(|word| {
        lower.match_indices(word).any(|(at, _)| !WORDS.contains(word) || is_word(&text, at, word.len()))
    })
}

fn is_digit_before(text: &str, at: usize) -> bool {
    text[..at].ends_with(|c: char| c.is_ascii_digit())
}

/// Returns whether a word of [`WORDS`] at a place of `text` is one, or the end of a name such as `KeyError`.
fn is_word(text: &str, at: usize, length: usize) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '\\' | '@');
    let is_capital = text[at..].starts_with(|c: char| c.is_ascii_uppercase());
    let begins = match text[..at].chars().next_back() {
        Some(before) if before.is_lowercase() => is_capital,
        Some('.') => is_capital,
        Some(before) => !is_part(before),
        None => true,
    };
    let after = &text[at + length..];
    let end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
    let mut rest = after[end..].chars();
    let ends = match rest.next() {
        Some('.') => !rest.next().is_some_and(char::is_alphanumeric),
        Some(next) => !is_part(next),
        None => true,
    };
    begins && ends && ENDINGS.contains(&after[..end].to_ascii_lowercase().as_str())
}

/// Returns whether a line shows how far something is: a percentage or a bar.
fn is_progress(line: &str) -> bool {
    if tells_of_fault(line) {
        return false;
    }
    let bytes = line.as_bytes();
    let is_percentage = |at: usize| {
        at > 0
            && (bytes[at - 1].is_ascii_digit()
                || (bytes[at - 1] == b' ' && at > 1 && bytes[at - 2].is_ascii_digit()))
    };
    if memchr::memchr_iter(b'%', bytes).any(is_percentage) {
        return true;
    }
    let mut run = 0;
    let mut before = '\0';
    for c in line.chars() {
        run = if c == before { run + 1 } else { 1 };
        before = c;
        if run >= MIN_BAR_CHARACTERS
            && matches!(c, '#' | '=' | '.' | '>' | '━' | '█' | '▓')
            && line.contains(|c: char| c.is_ascii_digit())
        {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(lines: &[&str]) -> Vec<(String, usize)> {
        let mut tail = LogTail::default();
        for line in lines {
            tail.push(line);
        }
        tail.last().map(|line| (line.text.clone(), line.times)).collect()
    }

    #[test]
    fn repeats_and_progress_bars_become_one_line() {
        let lines = ["a", "a", "a", "10% [==>  ]", "55 % [====>]", "100% done", "b", "a"];
        let expected = [("a", 3), ("100% done", 3), ("b", 1), ("a", 1)];
        assert_eq!(folded(&lines), expected.map(|(text, times)| (text.to_owned(), times)));
    }

    #[test]
    fn a_fault_is_never_folded_into_a_progress_bar() {
        assert_eq!(folded(&["10%", "error: only 12% free", "20%"]).len(), 3);
    }

    #[test]
    fn only_the_end_is_kept_and_of_the_beginning_what_tells_of_faults() {
        let mut tail = LogTail::default();
        tail.push("first");
        tail.push("E: Unable to locate package nope");
        for number in 0..LAST_LINES {
            tail.push(&format!("line {number}"));
        }
        assert_eq!(tail.last().len(), LAST_LINES);
        assert_eq!(tail.last().next().unwrap().text, "line 0");
        let earlier: Vec<_> = tail.earlier().map(|line| line.text.as_str()).collect();
        assert_eq!(earlier, ["E: Unable to locate package nope"]);
        assert!(tail.is_cut());
    }

    #[test]
    fn lines_that_tell_of_faults_are_told_from_others() {
        for line in
            ["E: Broken packages", "foo.c:1:2: error: x", "npm ERR! code E404", "make: *** [all] Error 2"]
        {
            assert!(tells_of_fault(line), "{line}");
        }
        for line in
            ["1 failed, 0 errors", "Found 10 errors", "KeyError: 'x'", "a.b.SomeException", "it failed."]
        {
            assert!(tells_of_fault(line), "{line}");
        }
        for line in [
            "W: Failed to fetch",
            "0 errors",
            "+ cat error.txt",
            "compiling",
            "Unpacking libgpg-error0:amd64 (1.46-1) ...",
            "[ 12%] Building C object CMakeFiles/x.dir/error.c.o",
            "gcc -Werror -fno-exceptions -c src/fail_fast.c",
            "   Compiling thiserror-impl v1.0.61",
            "a.c:3:5: warning: unused variable 'error' [-Wunused-variable]",
            "Tests run: 3, Failures: 0, Errors: 0, Skipped: 0",
            "-- Performing Test HAVE_X - Failed",
            "checking for strlcpy... not found",
            "debconf: unable to initialize frontend: Dialog",
        ] {
            assert!(!tells_of_fault(line), "{line}");
        }
    }

    #[test]
    fn a_very_long_line_is_cut_between_characters() {
        assert!(folded(&["é".repeat(MAX_LINE_BYTES).as_str()])[0].0.len() <= MAX_LINE_BYTES);
    }
}
