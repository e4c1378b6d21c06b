//! Where one word ends and the next begins.

/// The words found so far, and the one being built; nothing where words are not wanted.
#[derive(Debug, Default)]
pub(super) struct Words {
    wanted: bool,
    finished: Vec<String>,
    current: String,
}

impl Words {
    /// Words that are kept.
    pub(super) fn wanted() -> Self {
        Self { wanted: true, ..Self::default() }
    }

    /// Adds a text whose white space ends words.
    pub(super) fn split(&mut self, text: &str) {
        if !self.wanted {
            return;
        }
        let mut pieces = text.split(char::is_whitespace);
        self.current.extend(pieces.next());
        for piece in pieces {
            if !self.current.is_empty() {
                self.finished.push(std::mem::take(&mut self.current));
            }
            self.current.push_str(piece);
        }
    }

    /// Adds a character that belongs to the word whatever it is.
    pub(super) fn push(&mut self, c: char) {
        if self.wanted {
            self.current.push(c);
        }
    }

    /// Adds a text that belongs to the word whatever it is.
    pub(super) fn push_str(&mut self, text: &str) {
        if self.wanted {
            self.current.push_str(text);
        }
    }

    /// Forgets the word being built. BuildKit has one buffer for it, which every word inside of braces
    /// empties: `80${U:-90}` becomes the one word `90`.
    pub(super) fn forget_current(&mut self) {
        self.current.clear();
    }

    /// Returns all words.
    pub(super) fn finish(mut self) -> Vec<String> {
        if !self.current.is_empty() {
            self.finished.push(self.current);
        }
        self.finished
    }
}
