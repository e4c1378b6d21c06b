//! Dockerfiles made up from the grammar: every instruction with every flag and option, in all spellings and
//! orders, mostly right and now and then wrong.

mod bases;
mod config;
mod copies;
mod layout;
mod runs;
mod words;

use rand::RngExt as _;
use rand::rngs::StdRng;

/// Names that stages may have.
const STAGES: &[&str] = &["a", "b", "base", "build", "Final", "x-y", "x_1.z", "linux", "scratch", "context"];

/// Makes up Dockerfiles.
pub(crate) struct Grammar<'r> {
    random: &'r mut StdRng,
    /// Names of the stages so far.
    stages: Vec<String>,
    /// How deep expansions and triggers are nested.
    depth: usize,
    /// Whether to take sound values mostly, so that what comes late in a conversion is reached.
    calm: bool,
}

impl<'r> Grammar<'r> {
    pub(crate) fn new(random: &'r mut StdRng) -> Self {
        let calm = random.random_range(0..2) == 0;
        Self { random, stages: Vec::new(), depth: 0, calm }
    }

    /// A whole Dockerfile.
    pub(crate) fn dockerfile(&mut self) -> Vec<u8> {
        let mut text = self.directives();
        for _ in 0..self.below(3) {
            let arg = self.arg();
            self.push_line(&mut text, &arg);
        }
        let stages = [1, 1, 2, 2, 3, 4][self.below(6)];
        for _ in 0..stages {
            let from = self.from();
            self.push_line(&mut text, &from);
            for _ in 0..self.below(5) {
                let instruction = self.instruction();
                self.push_line(&mut text, &instruction);
            }
        }
        self.finish(text)
    }

    /// One instruction below FROM, without the line break.
    pub(crate) fn instruction(&mut self) -> String {
        match self.below(24) {
            0..=3 => self.run(),
            4..=6 => self.copy(),
            7..=9 => self.add(),
            10 | 11 => self.env(),
            12 | 13 => self.arg(),
            14 => self.label(),
            15 => self.expose(),
            16 => self.volume(),
            17 => self.user(),
            18 => self.workdir(),
            19 => self.command(),
            20 => self.healthcheck(),
            21 => self.shell(),
            22 => self.scalar(),
            _ => self.onbuild(),
        }
    }

    fn onbuild(&mut self) -> String {
        if self.depth > 1 {
            return "ONBUILD RUN x".into();
        }
        self.depth += 2;
        let trigger = if self.rarely() { self.from() } else { self.instruction() };
        self.depth -= 2;
        format!("ONBUILD {trigger}")
    }

    fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end)
    }

    /// One of `from`, in which the sound values come first.
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let few = from.len() < 6 || !self.calm || self.below(8) == 0;
        let end = if few { from.len() } else { from.len().div_ceil(3) };
        from[self.below(end)]
    }

    /// True once in two.
    fn maybe(&mut self) -> bool {
        self.below(2) == 0
    }

    /// True once in twelve, or seldom.
    fn rarely(&mut self) -> bool {
        self.below(if self.calm { 80 } else { 12 }) == 0
    }

    /// Up to `most` of what `make` makes, at least `least`, joined.
    fn several(&mut self, least: usize, most: usize, joint: &str, make: fn(&mut Self) -> String) -> String {
        let count = least + self.below(most - least + 1);
        (0..count).map(|_| make(self)).collect::<Vec<_>>().join(joint)
    }

    /// A JSON array of strings.
    fn json(&mut self, make: fn(&mut Self) -> String) -> String {
        let count = if self.rarely() { 0 } else { 1 + self.below(3) };
        let words: Vec<String> = (0..count)
            .map(|_| {
                let word = make(self);
                serde_json::to_string(&word).expect("a string")
            })
            .collect();
        match self.below(10) {
            0 if !self.calm => format!("[{},]", words.join(",")),
            1 => format!("[ {} ]", words.join(" , ")),
            2 if !self.calm => self
                .pick(&[
                    "[1]",
                    "[\"a\", 2]",
                    "[null]",
                    "[",
                    "[]",
                    "['a']",
                    "[\"\\u00e9\\ud800\"]",
                    "[[\"a\"]]",
                ])
                .into(),
            _ => format!("[{}]", words.join(", ")),
        }
    }
}
