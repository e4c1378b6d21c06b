//! What buildkitd may have of the user's logins: only what the build at hand names.
//!
//! The session asks here before it answers. A repository that a build reads gives the right to pull from it, one that
//! it writes the right to push to it, and pushing is granted only once every step has ended: until then a step could
//! see on a shared network what permits a write.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::buildkit::CacheEntry;
use crate::image::Reference;
use crate::registry::{Host, Repository, Scopes};

/// The repositories that one build names, and what it does with them.
#[derive(Debug, Default)]
pub(crate) struct RegistryGrants {
    named: Mutex<NamedRepositories>,
    steps_have_ended: AtomicBool,
}

#[derive(Debug, Default)]
struct NamedRepositories {
    read: BTreeSet<(Host, String)>,
    written: BTreeSet<(Host, String)>,
    /// Hosts that Bob's own proxy pushes to, so that buildkitd never needs their logins for that.
    pushed_by_proxy: BTreeSet<Host>,
}

impl RegistryGrants {
    /// Grants reading the repository of `reference`.
    pub(crate) fn grant_pull(&self, reference: &Reference) {
        self.named().read.extend(repository(reference));
    }

    /// Grants writing the repository of `reference`, once pushes are allowed.
    pub(crate) fn grant_push(&self, reference: &Reference) {
        self.named().written.extend(repository(reference));
    }

    /// Grants the registries of caches: reading those that are imported, and writing those that are exported.
    pub(crate) fn grant_caches(&self, imports: &[CacheEntry], exports: &[CacheEntry]) {
        let reference = |entry: &CacheEntry| Reference::parse(entry.attrs.get("ref")?).ok();
        for reference in imports.iter().chain(exports).filter_map(reference) {
            self.grant_pull(&reference);
        }
        for reference in exports.iter().filter_map(reference) {
            self.grant_push(&reference);
        }
    }

    /// Notes that Bob's own proxy pushes to the registry of `reference`.
    pub(crate) fn note_pushed_by_proxy(&self, reference: &Reference) {
        self.named().pushed_by_proxy.extend(repository(reference).map(|(host, _)| host));
    }

    /// Grants what writes: no step runs any more.
    pub(crate) fn allow_pushes(&self) {
        self.steps_have_ended.store(true, Ordering::Release);
    }

    /// Whether no step runs any more.
    pub(crate) fn pushes_allowed(&self) -> bool {
        self.steps_have_ended.load(Ordering::Acquire)
    }

    /// The repositories at `host` that the build reads or writes; none where it does not name the host.
    pub(crate) fn repositories_at(&self, host: &Host) -> Vec<Repository> {
        let (host, named) = (host.endpoint(), self.named());
        let all: BTreeSet<_> = named.read.union(&named.written).filter(|(known, _)| *known == host).collect();
        all.into_iter().map(|(host, name)| Repository { host: host.clone(), name: name.clone() }).collect()
    }

    /// Whether buildkitd may have a password for `host`, a registry that takes nothing else: to read what the build
    /// reads there, or to write it at the end. While Bob's proxy pushes to that registry, nobody else has to.
    pub(crate) fn allows_password(&self, host: &Host) -> bool {
        let (host, named) = (host.endpoint(), self.named());
        let is_at =
            |repositories: &BTreeSet<(Host, String)>| repositories.iter().any(|(known, _)| *known == host);
        if self.pushes_allowed() {
            is_at(&named.written) || (is_at(&named.read) && !named.pushed_by_proxy.contains(&host))
        } else {
            is_at(&named.read)
        }
    }

    /// Returns those of the scopes that buildkitd asks for (`repository:NAME:ACTION,…`) that it may have at `host`.
    pub(crate) fn scopes(&self, host: &Host, asked: &[String]) -> Scopes {
        let (host, named) = (host.endpoint(), self.named());
        let granted = asked.iter().filter_map(|scope| {
            let (name, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
            let key = (host.clone(), name.to_owned());
            let writes = actions.split(',').any(|action| action == "push") && self.pushes_allowed();
            if writes && named.written.contains(&key) {
                return Some(Scopes::push(name));
            }
            let reads = actions.split(',').any(|action| action == "pull" || action == "push");
            let is_named =
                named.read.contains(&key) || (self.pushes_allowed() && named.written.contains(&key));
            (reads && is_named).then(|| Scopes::pull(name))
        });
        granted.fold(Scopes::default(), Scopes::and)
    }

    fn named(&self) -> MutexGuard<'_, NamedRepositories> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn repository(reference: &Reference) -> Option<(Host, String)> {
    let host = Host::parse(reference.domain()).ok()?;
    Some((host.endpoint(), reference.path().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(text: &str) -> Reference {
        Reference::parse(text).unwrap()
    }

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    fn names(grants: &RegistryGrants, at: &str) -> bool {
        !grants.repositories_at(&host(at)).is_empty()
    }

    fn scopes(grants: &RegistryGrants, at: &str, asked: &[&str]) -> String {
        let asked: Vec<String> = asked.iter().map(|scope| (*scope).to_owned()).collect();
        grants.scopes(&host(at), &asked).to_string()
    }

    #[test]
    fn only_hosts_that_the_build_names_are_answered_for() {
        let grants = RegistryGrants::default();
        assert!(!names(&grants, "r.example"));
        grants.grant_pull(&reference("r.example/base:1"));
        grants.grant_pull(&reference("alpine"));
        assert!(names(&grants, "r.example") && grants.allows_password(&host("r.example")));
        assert!(names(&grants, "registry-1.docker.io"));
        assert!(!names(&grants, "r.example:5000") && !names(&grants, "other.example"));
    }

    #[test]
    fn what_writes_is_granted_only_after_the_steps() {
        let grants = RegistryGrants::default();
        grants.grant_push(&reference("r.example/app"));
        let push = ["repository:app:pull,push"];
        assert!(!grants.allows_password(&host("r.example")));
        assert_eq!(scopes(&grants, "r.example", &push), "");
        grants.allow_pushes();
        assert!(grants.allows_password(&host("r.example")));
        assert_eq!(scopes(&grants, "r.example", &push), "repository:app:pull,push");
    }

    #[test]
    fn a_base_is_read_and_never_written() {
        let grants = RegistryGrants::default();
        grants.grant_pull(&reference("r.example/base"));
        for _ in 0..2 {
            assert_eq!(scopes(&grants, "r.example", &["repository:base:pull,push"]), "repository:base:pull");
            let others = ["repository:other:pull", "repository:base:delete", "registry:catalog:*", "x", ""];
            assert_eq!(scopes(&grants, "r.example", &others), "");
            grants.allow_pushes();
        }
    }

    #[test]
    fn a_registry_that_the_proxy_pushes_to_gives_no_password_while_it_does() {
        let grants = RegistryGrants::default();
        grants.note_pushed_by_proxy(&reference("r.example/app"));
        assert!(!names(&grants, "r.example") && !grants.allows_password(&host("r.example")));
        grants.grant_pull(&reference("r.example/base"));
        assert!(grants.allows_password(&host("r.example")));
        grants.allow_pushes();
        assert!(!grants.allows_password(&host("r.example")));
    }
}
