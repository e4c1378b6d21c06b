//! The lines of a text as BuildKit's scanner hands them out.

use memchr::memchr;

use crate::converter::dockerfile::text::MAX_LINE;

/// Hands out lines with their line endings and counts them.
///
/// A line that is too long ends them. Whoever asks once more gets what fits of that line, as from Go's
/// scanner: BuildKit does so where the line was to continue another.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    rest: &'a [u8],
    number: u32,
    too_long: bool,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { rest: text, number: 0, too_long: false }
    }

    /// Returns the number of the line handed out last, 0 before the first.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// Whether the lines ended early because one is too long.
    pub(super) fn too_long(&self) -> bool {
        self.too_long
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let window = &self.rest[..self.rest.len().min(MAX_LINE)];
        let (line, rest) = match memchr(b'\n', window) {
            Some(end) => self.rest.split_at(end + 1),
            None if window.len() < MAX_LINE => (window, &[][..]),
            None if self.too_long => (window, &[][..]),
            None => {
                self.too_long = true;
                return None;
            }
        };
        self.rest = rest;
        self.number += 1;
        Some(line)
    }
}
