//! The scopes of a token. (<https://distribution.github.io/distribution/spec/auth/scope/>)

use std::collections::BTreeSet;
use std::fmt;

/// The longest scope that is read, in bytes. Names of repositories have at most 255.
const MAX_LENGTH: usize = 1024;

/// A scope, one resource and the actions that are allowed on it: `repository:NAME:ACTION,…`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    resource: String,
    name: String,
    actions: BTreeSet<String>,
}

/// A text that is no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Longer than any that names a repository.
    #[error("a scope has more than {MAX_LENGTH} bytes")]
    TooLong,
    /// Not `TYPE:NAME:ACTIONS`.
    #[error("a scope is not of the form TYPE:NAME:ACTIONS")]
    Form,
    /// A type that is not lower-case letters and digits, with a class in parentheses at most.
    #[error("the resource type of a scope is not valid")]
    ResourceType,
    /// A name that is no path.
    #[error("the resource name of a scope is not valid")]
    Name,
    /// Actions that are no words.
    #[error("the actions of a scope are not valid")]
    Actions,
}

impl Scope {
    /// Returns the scope that `text` is.
    ///
    /// # Errors
    /// [`ScopeError`] says which part is not valid.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.len() > MAX_LENGTH {
            return Err(ScopeError::TooLong);
        }
        // A name may hold a host with a port.
        let (resource, rest) = text.split_once(':').ok_or(ScopeError::Form)?;
        let (name, actions) = rest.rsplit_once(':').ok_or(ScopeError::Form)?;
        if !is_resource_type(resource) {
            return Err(ScopeError::ResourceType);
        }
        if !is_resource_name(name) {
            return Err(ScopeError::Name);
        }
        let actions: BTreeSet<String> = actions.split(',').map(ToOwned::to_owned).collect();
        let is_action = |action: &String| {
            action == "*" || (!action.is_empty() && action.bytes().all(|b| b.is_ascii_lowercase()))
        };
        if !actions.iter().all(is_action) {
            return Err(ScopeError::Actions);
        }
        Ok(Self { resource: resource.to_owned(), name: name.to_owned(), actions })
    }

    fn of_repository(name: &str, actions: &[&str]) -> Self {
        let actions = actions.iter().map(|action| (*action).to_owned()).collect();
        Self { resource: "repository".to_owned(), name: name.to_owned(), actions }
    }

    /// Returns the type of the resource, such as `repository`.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// Returns the name of the resource, such as `library/alpine`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the actions, such as `pull` and `push`, in order.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.actions.iter().map(String::as_str)
    }

    /// Whether this is reading or writing a repository, and nothing stronger.
    pub(crate) fn pulls_or_pushes(&self) -> bool {
        self.resource == "repository" && self.actions().all(|action| matches!(action, "pull" | "push"))
    }
}

fn is_resource_type(text: &str) -> bool {
    let word =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    match text.strip_suffix(')').map(|text| text.split_once('(')) {
        Some(Some((name, class))) => word(name) && word(class),
        Some(None) => false,
        None => word(text),
    }
}

fn is_resource_name(text: &str) -> bool {
    let in_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b':' | b'*');
    text.split('/').all(|part| !matches!(part, "" | "." | "..") && part.bytes().all(in_name))
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.resource, self.name)?;
        for (index, action) in self.actions().enumerate() {
            write!(f, "{}{action}", if index > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

/// The scopes of a token, each resource once.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Returns the scope for reading `repository`.
    pub fn pull(repository: &str) -> Self {
        Self([Scope::of_repository(repository, &["pull"])].into())
    }

    /// Returns the scope for reading and writing `repository`.
    pub fn push(repository: &str) -> Self {
        Self([Scope::of_repository(repository, &["pull", "push"])].into())
    }

    /// Returns the scopes in `texts`, each of which may hold several with spaces between.
    ///
    /// # Errors
    /// [`ScopeError`] for the first that is none.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, ScopeError> {
        let words = texts.into_iter().flat_map(|text| text.split(' ')).filter(|word| !word.is_empty());
        words.map(Scope::parse).collect()
    }

    /// Returns these scopes and `others`.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        self.0.into_iter().chain(others.0).collect()
    }

    /// Returns these scopes and those that a challenge asks for, of the latter only reading or writing a repository.
    #[must_use]
    pub(crate) fn and_asked(self, scope: &str) -> Self {
        let asked = scope.split(' ').filter_map(|scope| Scope::parse(scope).ok());
        self.0.into_iter().chain(asked.filter(Scope::pulls_or_pushes)).collect()
    }

    /// Returns the scopes, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// Whether there is no scope.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many bytes their texts have.
    pub(crate) fn bytes(&self) -> usize {
        let actions = |scope: &Scope| scope.actions().map(|action| action.len() + 64).sum::<usize>();
        self.iter().map(|scope| scope.resource.len() + scope.name.len() + actions(scope) + 128).sum()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut merged: Vec<Scope> = Vec::new();
        for scope in scopes {
            let same = |known: &&mut Scope| known.resource == scope.resource && known.name == scope.name;
            match merged.iter_mut().find(same) {
                Some(known) => known.actions.extend(scope.actions),
                None => merged.push(scope),
            }
        }
        Self(merged.into_iter().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scopes: Vec<String> = self.iter().map(ToString::to_string).collect();
        f.write_str(&scopes.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_adds_repository_scopes_and_nothing_stronger() {
        let scopes = Scopes::push("a").and(Scopes::pull("b"));
        let asked =
            scopes.clone().and_asked("repository:virtual/a:pull,push registry:catalog:* repository:c:delete");
        assert_eq!(scopes.to_string(), "repository:a:pull,push repository:b:pull");
        assert_eq!(
            asked.to_string(),
            "repository:a:pull,push repository:b:pull repository:virtual/a:pull,push"
        );
    }

    #[test]
    fn scopes_are_read_from_texts_and_each_resource_is_there_once() {
        let texts = ["repository:a/b:push", "repository:r.example:5000/c:pull repository:a/b:pull"];
        let scopes = Scopes::parse(texts).unwrap();
        assert_eq!(scopes.to_string(), "repository:a/b:pull,push repository:r.example:5000/c:pull");
        let each: Vec<(&str, Vec<&str>)> =
            scopes.iter().map(|scope| (scope.name(), scope.actions().collect())).collect();
        assert_eq!(each, [("a/b", vec!["pull", "push"]), ("r.example:5000/c", vec!["pull"])]);
        assert_eq!(Scopes::parse(["repository(plugin):a:pull"]).unwrap().iter().count(), 1);
        assert_eq!(Scopes::parse(["registry:catalog:*"]).unwrap().to_string(), "registry:catalog:*");
    }

    #[test]
    fn the_size_of_scopes_is_at_least_that_of_their_text_and_grows_with_each() {
        let pull = Scopes::pull("library/alpine");
        let sizes =
            [Scopes::default(), pull.clone(), Scopes::push("library/alpine"), pull.and(Scopes::pull("b"))];
        let sizes = sizes.map(|scopes| (scopes.bytes(), scopes.to_string().len()));
        assert!(sizes.iter().all(|(bytes, text)| bytes >= text), "{sizes:?}");
        assert!(sizes.is_sorted_by_key(|(bytes, _)| *bytes) && sizes[1].0 < sizes[2].0, "{sizes:?}");
        // Were it much more, the bounded caches would hold too little.
        let long = Scopes::pull(&"a".repeat(1000)).bytes();
        assert!((1000..1500).contains(&long), "{long}");
    }

    #[test]
    fn what_is_no_scope_is_refused_by_its_part() {
        for (text, want) in [
            ("repository", ScopeError::Form),
            ("repository:a", ScopeError::Form),
            ("Repository:a:pull", ScopeError::ResourceType),
            (":a:pull", ScopeError::ResourceType),
            ("repository):a:pull", ScopeError::ResourceType),
            ("repository():a:pull", ScopeError::ResourceType),
            ("(plugin):a:pull", ScopeError::ResourceType),
            ("repository::pull", ScopeError::Name),
            ("repository:../a:pull", ScopeError::Name),
            ("repository:a//b:pull", ScopeError::Name),
            ("repository:a&scope=b:pull", ScopeError::Name),
            ("repository:a\r\nb:pull", ScopeError::Name),
            ("repository:a:", ScopeError::Actions),
            ("repository:a:pull,", ScopeError::Actions),
            ("repository:a:Pull", ScopeError::Actions),
        ] {
            assert_eq!(Scopes::parse([text]), Err(want), "{text}");
        }
        let scope = |length: usize| format!("repository:{}:pull", "a".repeat(length - 16));
        assert_eq!(Scopes::parse([scope(MAX_LENGTH + 1).as_str()]), Err(ScopeError::TooLong));
        assert!(Scopes::parse([scope(MAX_LENGTH).as_str()]).is_ok());
    }

    #[test]
    fn fuzz_scopes_are_read_as_they_are_written() {
        crate::fuzz::run(
            &[b"repository:a/b:pull,push", b"registry:catalog:* repository(x):a:1:pull"],
            |bytes| {
                let Ok(text) = std::str::from_utf8(bytes) else { return };
                let Ok(scopes) = Scopes::parse([text]) else { return };
                let written = scopes.to_string();
                assert!(!written.contains(|c: char| c.is_control() || "\"&=?#".contains(c)), "{written}");
                assert_eq!(Scopes::parse([written.as_str()]), Ok(scopes));
            },
        );
    }
}
