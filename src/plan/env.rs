//! Variables in the order in which they were last set.

use std::collections::HashMap;
use std::rc::Rc;

use crate::shell::Env;

/// Environment variables or build arguments. Setting a variable again moves it to the end, as BuildKit's
/// `llb.EnvList` does, and exec ops list them in this order.
#[derive(Debug, Clone, Default)]
pub struct EnvList {
    /// Where a variable is among `entries`.
    places: HashMap<Rc<str>, usize>,
    /// The variables; `None` where one was set again or deleted.
    entries: Vec<Option<(Rc<str>, Rc<str>)>>,
}

impl EnvList {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        let entry = self.entries.get(*self.places.get(name)?)?;
        entry.as_ref().map(|(_, value)| value.as_ref())
    }

    /// Sets a variable and moves it to the end.
    pub fn set(&mut self, name: &str, value: impl Into<Rc<str>>) {
        let place = self.entries.len();
        let name = if let Some((name, old)) = self.places.get_key_value(name) {
            let (name, old) = (Rc::clone(name), *old);
            self.entries[old] = None;
            self.places.insert(Rc::clone(&name), place);
            name
        } else {
            let name: Rc<str> = name.into();
            self.places.insert(Rc::clone(&name), place);
            name
        };
        self.entries.push(Some((name, value.into())));
        self.compact();
    }

    /// Removes a variable.
    pub fn delete(&mut self, name: &str) {
        if let Some(place) = self.places.remove(name) {
            self.entries[place] = None;
            self.compact();
        }
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().flatten().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// The names that a misspelt one may mean: in a list of thousands only the first are looked at, so
    /// that many slips in a large file cost no more than the file's length.
    pub fn candidates(&self) -> impl Iterator<Item = &str> {
        self.names().take(500)
    }

    /// Names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// `NAME=value` in order.
    pub fn to_vec(&self) -> Vec<String> {
        self.iter().map(|(name, value)| [name, "=", value].concat()).collect()
    }

    /// Drops the gaps once they are more than half, so that every change costs constant time on average.
    fn compact(&mut self) {
        if self.entries.len() < 32 || self.places.len() * 2 > self.entries.len() {
            return;
        }
        self.entries.retain(Option::is_some);
        for (place, entry) in self.entries.iter().enumerate() {
            if let Some((name, _)) = entry {
                self.places.insert(Rc::clone(name), place);
            }
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

    #[test]
    fn setting_again_moves_to_the_end() {
        let mut env = EnvList::new();
        for (name, value) in [("A", "1"), ("B", "2"), ("A", "3")] {
            env.set(name, value);
        }
        assert_eq!(env.to_vec(), ["B=2", "A=3"]);
        env.delete("B");
        assert_eq!((env.get("A"), env.get("B")), (Some("3"), None));
    }

    #[test]
    fn many_changes_keep_values_and_order() {
        let mut env = EnvList::new();
        for round in 0..1000 {
            env.set(&format!("V{}", round % 7), round.to_string());
        }
        assert_eq!(env.to_vec(), ["V6=993", "V0=994", "V1=995", "V2=996", "V3=997", "V4=998", "V5=999"]);
        assert!(env.entries.len() < 64);
    }
}
