//! The capabilities that an op needs of the daemon.

use std::borrow::Cow;

/// Names of capabilities, in order and each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapSet(Vec<Cow<'static, str>>);

impl CapSet {
    /// Returns a set without names.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a name.
    pub fn insert(&mut self, cap: impl Into<Cow<'static, str>>) {
        let cap = cap.into();
        if let Err(at) = self.0.binary_search(&cap) {
            self.0.insert(at, cap);
        }
    }

    /// Whether the set holds a name.
    pub fn contains(&self, cap: &str) -> bool {
        self.0.binary_search_by(|held| (**held).cmp(cap)).is_ok()
    }

    /// Whether the set holds no name.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the names in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|cap| &**cap)
    }

    pub(crate) fn iter_owned(&self) -> impl Iterator<Item = Cow<'static, str>> {
        self.0.iter().cloned()
    }
}

impl<C: Into<Cow<'static, str>>> Extend<C> for CapSet {
    fn extend<I: IntoIterator<Item = C>>(&mut self, caps: I) {
        caps.into_iter().for_each(|cap| self.insert(cap));
    }
}

impl<C: Into<Cow<'static, str>>> FromIterator<C> for CapSet {
    fn from_iter<I: IntoIterator<Item = C>>(caps: I) -> Self {
        let mut set = Self::new();
        set.extend(caps);
        set
    }
}
