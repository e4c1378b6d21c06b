//! The log of a step, bounded: what a page can hold, and what a build can be expected to keep in memory.

use std::collections::VecDeque;

use crate::diag::shorten;

/// How many bytes of the beginning of a log are kept.
const HEAD_BYTES: usize = 64 * 1024;
/// How many bytes of the end of a log are kept.
const TAIL_BYTES: usize = 192 * 1024;

/// The first and the last lines of a log.
#[derive(Debug, Clone, Default)]
pub(super) struct BoundedLog {
    head: Vec<String>,
    head_bytes: usize,
    tail: VecDeque<String>,
    tail_bytes: usize,
    left_out: usize,
}

/// Bytes of a line with its line break.
const fn size(line: &str) -> usize {
    line.len() + 1
}

impl BoundedLog {
    /// Adds a line, for which the oldest ones of the end may be left out. The bounds are halved `halvings` times.
    pub(super) fn push(&mut self, line: String, halvings: u32) {
        let is_whole = self.tail.is_empty() && self.left_out == 0;
        if is_whole && self.head_bytes + size(&line) <= HEAD_BYTES >> halvings {
            self.head_bytes += size(&line);
            self.head.push(line);
            return;
        }
        self.tail_bytes += size(&line);
        self.tail.push_back(line);
        self.bound_tail(TAIL_BYTES >> halvings);
    }

    /// Leaves out what has no room in bounds that are halved `halvings` times.
    pub(super) fn shrink(&mut self, halvings: u32) {
        while self.head_bytes > HEAD_BYTES >> halvings
            && let Some(line) = self.head.pop()
        {
            self.head_bytes -= size(&line);
            self.tail_bytes += size(&line);
            self.tail.push_front(line);
        }
        self.bound_tail(TAIL_BYTES >> halvings);
        self.head.shrink_to_fit();
        self.tail.shrink_to_fit();
    }

    /// Leaves out the oldest lines of the end that are too many for `limit` bytes; of the last line its middle.
    fn bound_tail(&mut self, limit: usize) {
        while self.tail_bytes > limit
            && let Some(oldest) = self.tail.pop_front()
        {
            self.tail_bytes -= size(&oldest);
            let short = shorten::in_middle(&oldest, limit.saturating_sub(1));
            if self.tail.is_empty() && size(&short) <= limit {
                self.tail_bytes = size(&short);
                self.tail.push_back(short);
            } else {
                self.left_out += 1;
            }
        }
    }

    /// How many bytes of memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let lines = self.head.len() + self.tail.len();
        self.head_bytes + self.tail_bytes + lines * size_of::<String>()
    }

    /// The lines that were kept, and how many are missing after the first `head` of them.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = self.head.clone();
        if self.left_out > 0 {
            lines.push(format!("[{} lines left out]", self.left_out));
        }
        lines.extend(self.tail.iter().cloned());
        lines
    }

    /// How many lines were left out.
    pub(super) const fn left_out(&self) -> usize {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_and_end_of_a_long_log_stay() {
        let mut log = BoundedLog::default();
        for number in 0..100_000 {
            log.push(format!("line {number}"), 0);
        }
        let lines = log.lines();
        assert_eq!((lines[0].as_str(), lines.last().unwrap().as_str()), ("line 0", "line 99999"));
        assert_eq!(lines.len() - 1 + log.left_out(), 100_000);
        let bytes: usize = lines.iter().map(String::len).sum();
        assert!(bytes < HEAD_BYTES + TAIL_BYTES, "{bytes}");
        assert!(lines.contains(&format!("[{} lines left out]", log.left_out())));
    }

    #[test]
    fn a_short_log_is_whole() {
        let mut log = BoundedLog::default();
        log.push("a".repeat(70_000), 0);
        log.push("b".to_owned(), 0);
        assert_eq!((log.lines().len(), log.left_out()), (2, 0));
    }

    #[test]
    fn a_log_that_shrinks_keeps_its_ends_in_order() {
        let mut log = BoundedLog::default();
        for number in 0..100 {
            log.push(format!("line {number:04}"), 0);
        }
        // 64 and 192 bytes: 6 and 19 lines.
        log.shrink(10);
        log.push("line 0100".to_owned(), 10);
        let kept = (0..6).chain(82..101).map(|number| format!("line {number:04}"));
        let mut kept: Vec<String> = kept.collect();
        kept.insert(6, "[76 lines left out]".to_owned());
        assert_eq!(log.lines(), kept);
        log.shrink(30);
        assert_eq!(log.lines(), ["[101 lines left out]"]);
        log.push("more".to_owned(), 30);
        assert_eq!((log.lines(), log.bytes()), (vec!["[102 lines left out]".to_owned()], 0));
    }

    #[test]
    fn of_a_line_that_is_too_long_its_ends_stay() {
        let mut log = BoundedLog::default();
        log.push(format!("begin {} end", "x".repeat(TAIL_BYTES)), 0);
        let [line] = &log.lines()[..] else { panic!("one line") };
        assert!(line.starts_with("begin x") && line.ends_with("x end") && line.len() < TAIL_BYTES);
    }
}
