//! Where one word ends and the next begins.

/// The words found so far, and the one being built; nothing where words are not wanted.
#[derive(Debug, Default)]
pub(super) struct Words {
    wanted: bool,
    finished: Vec<String>,
    current: String,
    in_word: bool,
}

impl Words {
    /// Words that are kept.
    pub(super) fn wanted() -> Self {
        Self { wanted: true, ..Self::default() }
    }

    /// Adds a character that ends the word if it is white space.
    pub(super) fn split_at(&mut self, c: char) {
        if !self.wanted {
            return;
        }
        if !c.is_whitespace() {
            self.push(c);
        } else if self.in_word && !self.current.is_empty() {
            self.finished.push(std::mem::take(&mut self.current));
            self.in_word = false;
        }
    }

    /// Adds a character that belongs to the word whatever it is.
    pub(super) fn push(&mut self, c: char) {
        if self.wanted {
            self.current.push(c);
            self.in_word = true;
        }
    }

    /// Adds a text that belongs to the word whatever it is.
    pub(super) fn push_str(&mut self, text: &str) {
        if self.wanted {
            self.current.push_str(text);
            self.in_word = true;
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
