//! Options whose name the Dockerfile does not have: they do nothing, which is said.

use std::collections::BTreeSet;

use super::warnings::warn;
use crate::buildkit::session::DEFAULT_AGENT;
use crate::converter::lower::NamesInUse;
use crate::converter::plan::{Context, NoCache, Options};
use crate::diag::{did_you_mean, nearest, redact, visible};
use crate::gotext::equal_fold;

/// What the ids of secrets begin with that buildkitd reads itself to fetch contexts and files.
const OWN_SECRETS: [&str; 2] = ["GIT_AUTH_", "HTTP_AUTH_"];

/// What a build is given by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct GivenNames<'a> {
    /// The ids of secrets.
    pub(crate) secrets: Vec<&'a str>,
    /// The ids of SSH agents.
    pub(crate) agents: Vec<&'a str>,
}

/// Writes to standard error what options name in vain.
pub(crate) fn show_unused_names(names: &NamesInUse, options: &Options, given: &GivenNames<'_>) {
    for text in unused_names(names, options, given) {
        warn(&visible(&redact(&text)));
    }
}

/// Returns a sentence for each name that options give in vain.
fn unused_names(names: &NamesInUse, options: &Options, given: &GivenNames<'_>) -> Vec<String> {
    let mut texts = Vec::new();
    if let NoCache::Stages(stages) = &options.no_cache {
        let is_there = |wanted: &str| names.stages.iter().any(|stage| equal_fold(stage, wanted));
        for stage in stages.iter().filter(|stage| !is_there(stage)) {
            let known = match names.stages.as_slice() {
                [] => "no stage has a name".to_owned(),
                stages => format!("the stages are {}", stages.join(", ")),
            };
            texts.push(format!("--no-cache-filter {stage:?} does nothing: no stage is called that; {known}"));
        }
    }
    let is_unused = |name: &&String| !names.args.contains(*name) && !NamesInUse::needs_no_declaration(name);
    for name in options.build_args.keys().filter(is_unused) {
        let hint = hint(name, &names.args);
        texts.push(format!("--build-arg {name} does nothing: the Dockerfile declares no such ARG{hint}"));
    }
    for label in options.named_contexts.keys() {
        let name = label.split_once("::").map_or(label.as_str(), |(name, _)| name);
        // What BuildKit asks for by these names is the main context and the Dockerfile.
        if !names.contexts.contains(name) && !["context", "dockerfile"].contains(&name) {
            let hint = hint(name, &names.contexts);
            texts.push(format!(
                "--build-context {label} does nothing: the Dockerfile has no stage and no image of that name{hint}"
            ));
        }
    }
    if names.has_open_mounts {
        return texts;
    }
    let is_own = |id: &str| OWN_SECRETS.iter().any(|prefix| id.starts_with(prefix));
    for id in given.secrets.iter().filter(|id| !names.secrets.contains(**id) && !is_own(id)) {
        let hint = hint(id, &names.secrets);
        texts.push(format!("--secret id={id} does nothing: no RUN mounts a secret of that id{hint}"));
    }
    let is_for_fetching = |id: &str| id == DEFAULT_AGENT && has_fetched_context(options);
    for id in given.agents.iter().filter(|id| !names.agents.contains(**id) && !is_for_fetching(id)) {
        let hint = hint(id, &names.agents);
        texts.push(format!("--ssh {id} does nothing: no RUN mounts an SSH agent of that id{hint}"));
    }
    texts
}

/// Whether a context comes from elsewhere, for which buildkitd may need the default agent.
fn has_fetched_context(options: &Options) -> bool {
    let is_fetched = |source: &String| {
        !["local:", "docker-image:", "oci-layout:"].iter().any(|own| source.starts_with(own))
    };
    options.context != Context::Local || options.named_contexts.values().any(is_fetched)
}

fn hint(name: &str, known: &BTreeSet<String>) -> String {
    did_you_mean(nearest(name, known.iter().map(String::as_str), false).as_deref())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn map(names: &[&str]) -> BTreeMap<String, String> {
        names.iter().map(|name| ((*name).to_owned(), "v".to_owned())).collect()
    }

    fn names() -> NamesInUse {
        NamesInUse {
            stages: vec!["build".to_owned(), "test".to_owned()],
            args: set(&["VERSION"]),
            contexts: set(&["build", "test", "alpine"]),
            secrets: set(&["token"]),
            agents: set(&["default"]),
            has_open_mounts: false,
        }
    }

    #[test]
    fn what_is_named_in_vain_is_said_with_what_there_is() {
        let options = Options {
            no_cache: NoCache::Stages(vec!["Build".to_owned(), "biuld".to_owned()]),
            build_args: map(&["VERSION", "VERSOIN", "http_proxy", "BUILDKIT_INLINE_CACHE", "TARGETARCH"]),
            named_contexts: map(&["alpine", "test::linux/arm64", "other::linux/amd64"]),
            ..Options::default()
        };
        let given = GivenNames {
            secrets: vec!["token", "tokn", "GIT_AUTH_TOKEN.github.com"],
            agents: vec!["default", "keys"],
        };
        assert_eq!(
            unused_names(&names(), &options, &given),
            [
                "--no-cache-filter \"biuld\" does nothing: no stage is called that; the stages are build, test",
                "--build-arg VERSOIN does nothing: the Dockerfile declares no such ARG (did you mean VERSION?)",
                "--build-context other::linux/amd64 does nothing: the Dockerfile has no stage and no image of that name",
                "--secret id=tokn does nothing: no RUN mounts a secret of that id (did you mean token?)",
                "--ssh keys does nothing: no RUN mounts an SSH agent of that id",
            ]
        );
        let open = NamesInUse { has_open_mounts: true, ..names() };
        assert_eq!(unused_names(&open, &Options::default(), &given), Vec::<String>::new());
        let options = Options { no_cache: NoCache::Stages(vec!["a".to_owned()]), ..Options::default() };
        let fetched = Options { context: Context::Git("git@h:r".to_owned()), ..Options::default() };
        let default = GivenNames { secrets: Vec::new(), agents: vec!["default"] };
        let nothing = NamesInUse::default();
        assert_eq!(unused_names(&nothing, &fetched, &default), Vec::<String>::new());
        assert_eq!(unused_names(&nothing, &Options::default(), &default).len(), 1);
        let text = unused_names(&NamesInUse::default(), &options, &GivenNames::default());
        assert_eq!(
            text,
            ["--no-cache-filter \"a\" does nothing: no stage is called that; no stage has a name"]
        );
    }
}
