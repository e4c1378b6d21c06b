//! Where variables come from.

use std::collections::BTreeMap;

/// Variables that words can name. Names are case-sensitive.
///
/// Source: `EnvGetter` in `frontend/dockerfile/shell/lex.go` of BuildKit.
pub trait Env {
    /// Returns the value of `name`, `None` if it is not set.
    fn get(&self, name: &str) -> Option<&str>;
}

/// No variables at all.
///
/// Source: `emptyEnvs` in `frontend/dockerfile/parser/parser.go` of BuildKit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoEnv;

impl Env for NoEnv {
    fn get(&self, _: &str) -> Option<&str> {
        None
    }
}

impl Env for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<&str> {
        self.get(name).map(String::as_str)
    }
}
