//! The last lines that a program wrote: a daemon, or what a connection goes through.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// Lines that are kept.
const LINES: usize = 40;
/// Bytes of a line that are kept.
const LINE_BYTES: usize = 1 << 10;

/// A ring of the last lines.
#[derive(Clone, Debug, Default)]
pub(super) struct RecentLines(Arc<Mutex<VecDeque<String>>>);

impl RecentLines {
    /// Returns the lines, oldest first.
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn push(&self, line: &[u8]) {
        let line = String::from_utf8_lossy(&line[..line.len().min(LINE_BYTES)]).trim_end().to_owned();
        if line.is_empty() {
            return;
        }
        tracing::debug!(target: "bob::buildkitd", "{line}");
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// Takes lines until the stream ends.
    pub(super) async fn fill(self, stream: impl AsyncRead + Unpin) {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while let Ok(part) = reader.fill_buf().await {
            if part.is_empty() {
                break;
            }
            let (end, length) = match part.iter().position(|b| *b == b'\n') {
                Some(end) => (true, end + 1),
                None => (false, part.len()),
            };
            // A line without end must not grow without end either.
            let room = LINE_BYTES.saturating_sub(line.len()).min(length);
            line.extend_from_slice(&part[..room]);
            reader.consume(length);
            if end {
                self.push(&line);
                line.clear();
            }
        }
        self.push(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn kept(text: &str) -> Vec<String> {
        let recent = RecentLines::default();
        recent.clone().fill(text.as_bytes()).await;
        recent.lines()
    }

    #[tokio::test]
    async fn the_last_lines_are_kept() {
        let text = (0..100).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
        let lines = kept(&text).await;
        assert_eq!(
            (lines.len(), lines[0].as_str(), lines[LINES - 1].as_str()),
            (LINES, "line 60", "line 99")
        );
    }

    #[tokio::test]
    async fn a_long_line_is_cut_and_a_last_one_without_end_counts() {
        let lines = kept(&format!("{}\nend", "x".repeat(100_000))).await;
        assert_eq!((lines[0].len(), lines[1].as_str()), (LINE_BYTES, "end"));
    }
}
