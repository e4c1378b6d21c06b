//! Log output in arbitrary pieces → lines.

/// The longest line kept in one piece, in bytes; a longer one is broken there.
const MAX_LINE_BYTES: usize = 16 * 1024;

/// Joins pieces of a log into lines.
#[derive(Debug, Default)]
pub(super) struct LineBuffer {
    partial: Vec<u8>,
}

impl LineBuffer {
    /// Calls `line` for each line that `piece` completes, without its line break.
    pub(super) fn push(&mut self, piece: &[u8], mut line: impl FnMut(String)) {
        for part in piece.split_inclusive(|&byte| byte == b'\n') {
            self.partial.extend_from_slice(part);
            if part.ends_with(b"\n") || self.partial.len() >= MAX_LINE_BYTES {
                self.flush(&mut line);
            }
        }
    }

    /// Calls `line` with what came after the last line break, if anything.
    pub(super) fn flush(&mut self, mut line: impl FnMut(String)) {
        if self.partial.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&self.partial);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        line(text.strip_suffix('\r').unwrap_or(text).to_owned());
        self.partial.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut buffer = LineBuffer::default();
        let mut lines = Vec::new();
        for piece in pieces {
            buffer.push(piece, |line| lines.push(line));
        }
        buffer.flush(|line| lines.push(line));
        lines
    }

    #[test]
    fn pieces_join_whatever_their_boundaries() {
        assert_eq!(lines(&[b"ab", b"c\nd", b"\n\ne\r\n", b"f"]), ["abc", "d", "", "e", "f"]);
    }

    #[test]
    fn a_character_may_be_split_between_pieces() {
        assert_eq!(lines(&["é".as_bytes().split_at(1).0, "é".as_bytes().split_at(1).1, b"\n"]), ["é"]);
    }

    #[test]
    fn a_line_without_end_is_broken() {
        let piece = vec![b'x'; MAX_LINE_BYTES];
        assert_eq!(lines(&[&piece, b"y\n"]), ["x".repeat(MAX_LINE_BYTES), "y".to_owned()]);
    }
}
