//! Variables in the order in which they were last set.

use std::collections::HashMap;

use smol_str::SmolStr;

use crate::converter::shell::Env;

/// Environment variables or build arguments. Setting a variable again moves it to the end, as BuildKit's
/// `llb.EnvList` does, and exec ops list them in this order.
#[derive(Debug, Clone, Default)]
pub struct EnvList {
    /// The variables; `None` where one was set again or deleted.
    entries: Vec<Option<Variable>>,
    /// The index of each variable in `entries`. Empty for a short list, which is searched.
    index: HashMap<SmolStr, usize>,
}

/// A variable with its value.
#[derive(Debug, Clone)]
pub(super) struct Variable {
    pub(super) name: SmolStr,
    pub(super) value: SmolStr,
}

/// How many entries a list has at most that is searched from end to end.
const SHORT: usize = 32;

impl EnvList {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// A few variables with different names.
    pub(super) fn of_distinct<const N: usize>(variables: [Variable; N]) -> Self {
        const { assert!(N <= SHORT, "a longer list needs an index") };
        Self { entries: variables.into_iter().map(Some).collect(), index: HashMap::new() }
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.entries[self.position(name)?].as_ref().map(|variable| &*variable.value)
    }

    /// Sets a variable and moves it to the end.
    pub fn set(&mut self, name: &str, value: &str) {
        self.take(name);
        if !self.index.is_empty() {
            self.index.insert(name.into(), self.entries.len());
        }
        self.entries.push(Some(Variable { name: name.into(), value: value.into() }));
        self.compact();
    }

    /// Removes a variable.
    pub fn delete(&mut self, name: &str) {
        self.take(name);
        self.compact();
    }

    /// The names that a misspelt one may mean: in a list of thousands only the first are looked at, so
    /// that many slips in a large file cost no more than the file's length.
    pub fn candidates(&self) -> impl Iterator<Item = &str> {
        self.names().take(500)
    }

    /// Names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().flatten().map(|variable| &*variable.name)
    }

    /// What `make` gives for each name and its value, in order.
    pub fn to_vec<T>(&self, make: impl Fn(&SmolStr, &SmolStr) -> T) -> Vec<T> {
        let mut made = Vec::with_capacity(self.entries.len());
        made.extend(self.entries.iter().flatten().map(|variable| make(&variable.name, &variable.value)));
        made
    }

    fn position(&self, name: &str) -> Option<usize> {
        if self.index.is_empty() {
            let is_it = |entry: &Option<Variable>| entry.as_ref().is_some_and(|entry| entry.name == name);
            return self.entries.iter().rposition(is_it);
        }
        self.index.get(name).copied()
    }

    fn take(&mut self, name: &str) {
        if let Some(position) = self.position(name) {
            self.entries[position] = None;
            self.index.remove(name);
        }
    }

    /// Drops the gaps of a long list once they are half of it, so that every change costs constant time on
    /// average.
    fn compact(&mut self) {
        let length = self.entries.len();
        if length <= SHORT || (!self.index.is_empty() && self.index.len() * 2 > length) {
            return;
        }
        self.entries.retain(Option::is_some);
        self.index.clear();
        if self.entries.len() > SHORT {
            let named = |(position, entry): (usize, &Option<Variable>)| {
                Some((entry.as_ref()?.name.clone(), position))
            };
            self.index = self.entries.iter().enumerate().filter_map(named).collect();
        }
    }
}

impl Env for EnvList {
    fn get(&self, name: &str) -> Option<&str> {
        Self::get(self, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(env: &EnvList) -> Vec<String> {
        env.to_vec(|name, value| format!("{name}={value}"))
    }

    #[test]
    fn setting_again_moves_to_the_end() {
        let mut env = EnvList::new();
        for (name, value) in [("A", "1"), ("B", "2"), ("A", "3")] {
            env.set(name, value);
        }
        assert_eq!(texts(&env), ["B=2", "A=3"]);
        env.delete("B");
        assert_eq!((env.get("A"), env.get("B")), (Some("3"), None));
    }

    #[test]
    fn many_changes_keep_values_and_order() {
        let mut env = EnvList::new();
        for round in 0..1000 {
            env.set(&format!("V{}", round % 7), &round.to_string());
        }
        assert_eq!(texts(&env), ["V6=993", "V0=994", "V1=995", "V2=996", "V3=997", "V4=998", "V5=999"]);
        assert!(env.entries.len() < 64);
    }

    #[test]
    fn a_long_list_finds_sets_and_deletes_like_a_short_one() {
        let mut env = EnvList::new();
        for number in 0..100 {
            env.set(&format!("V{number}"), "old");
        }
        for number in (0..100).step_by(3) {
            env.set(&format!("V{number}"), "new");
        }
        for number in (1..100).step_by(3) {
            env.delete(&format!("V{number}"));
        }
        assert_eq!((env.get("V0"), env.get("V1"), env.get("V2")), (Some("new"), None, Some("old")));
        assert_eq!(
            (env.names().count(), env.names().next(), env.names().last()),
            (67, Some("V2"), Some("V99"))
        );
        for number in 0..100 {
            env.delete(&format!("V{number}"));
        }
        assert_eq!((env.get("V2"), env.names().count()), (None, 0));
        env.set("A", "1");
        assert_eq!(texts(&env), ["A=1"]);
    }
}
