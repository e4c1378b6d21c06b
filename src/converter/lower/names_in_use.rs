//! The names in a Dockerfile that options may refer to: an option whose name is none of them does nothing.

use std::collections::BTreeSet;

use llb::ProxyEnv;

use super::mount::{self, DEFAULT_AGENT};
use super::run::proxy_setting;
use crate::converter::dockerfile::{Kind, MountError, MountType, Run};
use crate::converter::plan::git::GitRef;
use crate::converter::plan::{Base, DEFAULT_ARGS, EPOCH, Plan, Stage};
use crate::image::Reference;

/// What the names of build arguments begin with that BuildKit reads itself.
const OF_BUILDKIT: &str = "BUILDKIT_";

/// The names in a Dockerfile that options may refer to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamesInUse {
    /// The stages that have a name, in their order.
    pub stages: Vec<String>,
    /// The build arguments that are declared, by bases too.
    pub args: BTreeSet<String>,
    /// What a named context can take the place of: stages and images, without the tag `latest`.
    pub contexts: BTreeSet<String>,
    /// The secrets that steps mount.
    pub secrets: BTreeSet<String>,
    /// The SSH agents that steps mount or that files are fetched with.
    pub agents: BTreeSet<String>,
    /// Whether steps may mount secrets and agents of further names, which hold variables.
    pub has_open_mounts: bool,
}

impl NamesInUse {
    /// Returns the names in all stages of `plan`, whether or not the target needs them.
    pub(super) fn of(plan: &Plan<'_>) -> Self {
        let mut names = Self::default();
        names
            .args
            .extend(plan.meta_args.iter().flat_map(|meta| &meta.arg.pairs).map(|pair| pair.key.clone()));
        for stage in &plan.stages {
            names.add_stage(stage);
        }
        names
    }

    /// Adds those of another conversion of the same Dockerfile: for another platform its arguments may say something else.
    pub fn extend(&mut self, other: Self) {
        let Self { args, contexts, secrets, agents, has_open_mounts, .. } = other;
        self.args.extend(args);
        self.contexts.extend(contexts);
        self.secrets.extend(secrets);
        self.agents.extend(agents);
        self.has_open_mounts |= has_open_mounts;
    }

    /// Whether a build argument has a meaning without being declared.
    pub fn needs_no_declaration(name: &str) -> bool {
        let mut known = DEFAULT_ARGS.iter().chain([&EPOCH]);
        known.any(|known| known.eq_ignore_ascii_case(name))
            || proxy_setting(&mut ProxyEnv::default(), name).is_some()
            || name.starts_with(OF_BUILDKIT)
    }

    fn add_stage(&mut self, stage: &Stage<'_>) {
        if let Some(from) = stage.from.filter(|from| !from.name.is_empty()) {
            self.stages.push(from.name.clone());
            self.add_context(&from.name);
        }
        match &stage.base {
            Base::Context(context) => self.add_context(&context.0.label),
            Base::Replaced(context) => self.add_context(&context.0.label),
            _ => self.add_context(&stage.base_name),
        }
        for command in &stage.commands {
            match &command.instruction.kind {
                Kind::Arg(arg) => self.args.extend(arg.pairs.iter().map(|pair| pair.key.clone())),
                Kind::Run(run) => self.add_mounts(run),
                Kind::Add(add) => {
                    // A repository is fetched with the agent.
                    let is_fetched =
                        |path: &String| path.contains('$') || matches!(GitRef::parse(path), Ok(Some(_)));
                    if add.files.paths.iter().any(is_fetched) {
                        self.agents.insert(DEFAULT_AGENT.to_owned());
                    }
                }
                _ => {}
            }
        }
    }

    fn add_context(&mut self, name: &str) {
        let name = name.split_once("::").map_or(name, |(name, _)| name);
        let reference = Reference::parse(name);
        self.contexts.insert(reference.as_ref().map_or(name, Reference::context_name).to_owned());
    }

    fn add_mounts(&mut self, run: &Run) {
        self.has_open_mounts |= run.mount_specs.iter().any(|spec| spec.text.contains('$'));
        // A mount that cannot be read was an error where its stage is needed.
        let mounts = run.mounts(|text| Ok::<_, MountError>(text.to_owned())).unwrap_or_default();
        for mount in mounts {
            match mount.mount_type {
                MountType::Secret => {
                    self.secrets.insert(mount::secret(&mount).id);
                }
                MountType::Ssh => {
                    self.agents.insert(mount::agent_id(&mount.id).to_owned());
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::converter::lower::tests::{lower_with, options};

    fn names(text: &str, contexts: &[(&str, &str)]) -> NamesInUse {
        let options = options(|options| {
            options.names_in_use = true;
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            options.named_contexts = contexts.iter().map(owned).collect();
        });
        lower_with(text, "", &options).0.unwrap().names_in_use.unwrap()
    }

    fn words(names: &BTreeSet<String>) -> String {
        names.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn names_of_all_stages_are_in_use_needed_or_not() {
        let names = names(
            "ARG tag=1\nARG global\nFROM alpine:$tag AS First\nARG a b=1\n\
             RUN --mount=type=secret,id=token --mount=type=secret,target=/etc/other --mount=type=ssh true\n\
             FROM docker.io/library/busybox:latest AS unneeded\nARG c\nRUN --mount=type=ssh,id=keys true\n\
             FROM scratch\nCOPY --from=first /a /\nCOPY --from=r.example/tools /b /\n",
            &[],
        );
        assert_eq!(names.stages, ["first", "unneeded"]);
        assert_eq!(words(&names.args), "a b c global tag");
        assert_eq!(words(&names.secrets), "other token");
        assert_eq!(words(&names.agents), "default keys");
        for context in ["first", "unneeded", "busybox", "r.example/tools", "scratch"] {
            assert!(names.contexts.contains(context), "{context}: {:?}", names.contexts);
        }
        assert!(!names.has_open_mounts);
    }

    #[test]
    fn a_named_context_in_place_of_an_image_is_in_use() {
        let names = names(
            "ARG v=1\nFROM alpine:$v\nARG v\nRUN --mount=type=secret,id=$v true\nADD git@h:r /\n",
            &[("alpine:1", "docker-image://busybox")],
        );
        assert!(names.contexts.contains("alpine:1"), "{:?}", names.contexts);
        assert!(names.has_open_mounts && names.agents.contains("default"));
    }
}
