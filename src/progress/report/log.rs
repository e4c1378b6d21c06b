//! The log of a step, bounded: what a page can hold, and what a build can be expected to keep in memory.

use std::collections::VecDeque;

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

impl BoundedLog {
    /// Adds a line, for which the oldest ones of the end may be left out.
    pub(super) fn push(&mut self, line: String) {
        let bytes = line.len() + 1;
        if self.tail.is_empty() && self.head_bytes + bytes <= HEAD_BYTES {
            self.head_bytes += bytes;
            self.head.push(line);
            return;
        }
        self.tail_bytes += bytes;
        self.tail.push_back(line);
        while self.tail_bytes > TAIL_BYTES {
            let Some(oldest) = self.tail.pop_front() else { break };
            self.tail_bytes -= oldest.len() + 1;
            self.left_out += 1;
        }
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
            log.push(format!("line {number}"));
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
        log.push("a".repeat(70_000));
        log.push("b".to_owned());
        assert_eq!((log.lines().len(), log.left_out()), (2, 0));
    }
}
