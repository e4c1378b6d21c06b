//! What the target of a build can be given: arguments, secrets and SSH agents (`outline.go` of dockerfile2llb).

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use super::mount::agent_id;
use crate::converter::dockerfile::ArgPair;
use crate::converter::plan::{GlobalArg, Plan, StageId};
use crate::converter::shell::Lex;
use crate::diag::Span;

/// What the target of a build can be given, itself and through the stages that it needs. Each list is in the order of
/// the Dockerfile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// The target's name, empty if it has none.
    pub name: String,
    /// What the comments above it say of it.
    pub description: String,
    /// The arguments that it uses.
    pub args: Vec<OutlineArg>,
    /// The secrets that its steps mount.
    pub secrets: Vec<OutlineMount>,
    /// The SSH agents that its steps mount.
    pub agents: Vec<OutlineMount>,
}

/// An argument that a build uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineArg {
    /// Its name.
    pub name: String,
    /// What the comments above it say of it.
    pub description: String,
    /// Its value in this build, empty where it has none.
    pub value: String,
    /// The lines that declare it.
    pub span: Span,
}

/// A secret or an SSH agent that a step mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineMount {
    /// Its id.
    pub name: String,
    /// Whether the step fails without it.
    pub is_required: bool,
    /// The lines of the first step that mounts it.
    pub span: Span,
}

/// What the instructions of each stage declare, noted while they are lowered.
#[derive(Debug, Default)]
pub(super) struct Declarations(BTreeMap<StageId, StageDeclarations>);

#[derive(Debug, Default)]
struct StageDeclarations {
    /// The names of the arguments that it declares.
    used: BTreeSet<String>,
    /// Those of them that it does not take over from before the first FROM.
    args: BTreeMap<String, OutlineArg>,
    secrets: BTreeMap<String, OutlineMount>,
    agents: BTreeMap<String, OutlineMount>,
}

impl Declarations {
    /// Notes an argument of a stage. One that only takes over the value of an argument before the first FROM
    /// `is_inherited`.
    pub(super) fn add_arg(
        &mut self,
        stage: StageId,
        pair: &ArgPair,
        value: Option<&str>,
        span: Span,
        is_inherited: bool,
    ) {
        let stage = self.0.entry(stage).or_default();
        stage.used.insert(pair.key.clone());
        if !is_inherited {
            let arg = OutlineArg {
                name: pair.key.clone(),
                description: pair.description.clone(),
                value: value.unwrap_or_default().to_owned(),
                span,
            };
            stage.args.insert(pair.key.clone(), arg);
        }
    }

    /// Notes a secret that a step of a stage mounts.
    pub(super) fn add_secret(&mut self, stage: StageId, id: &str, is_required: bool, span: Span) {
        add(&mut self.0.entry(stage).or_default().secrets, id, is_required, span);
    }

    /// Notes an SSH agent that a step of a stage mounts.
    pub(super) fn add_agent(&mut self, stage: StageId, id: &str, is_required: bool, span: Span) {
        add(&mut self.0.entry(stage).or_default().agents, agent_id(id), is_required, span);
    }

    /// Returns the outline of the target of `plan`.
    pub(super) fn outline(mut self, plan: &Plan<'_>, lex: Lex) -> Outline {
        let globals = plan.global_args_in_detail(lex);
        let (mut args, mut secrets, mut agents) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for id in reached(plan) {
            let mut stage = self.0.remove(&id).unwrap_or_default();
            used_by_from(plan, lex, id, &mut stage.used);
            for name in with_dependencies(stage.used, &stage.args, &globals) {
                if let Entry::Vacant(entry) = args.entry(name) {
                    let own = stage.args.remove(entry.key());
                    let found = own.or_else(|| globals.get(entry.key().as_str()).map(of_global));
                    found.map(|arg| entry.insert(arg));
                }
            }
            for (all, own) in [(&mut secrets, stage.secrets), (&mut agents, stage.agents)] {
                for (name, mount) in own {
                    all.entry(name).or_insert(mount);
                }
            }
        }
        let from = plan.stages[plan.target].from;
        let mut args: Vec<OutlineArg> = args.into_values().collect();
        args.sort_by_key(|arg| arg.span.first());
        Outline {
            name: from.map(|from| from.name.clone()).unwrap_or_default(),
            description: from.map(|from| from.description.clone()).unwrap_or_default(),
            args,
            secrets: in_order(secrets),
            agents: in_order(agents),
        }
    }
}

fn add(mounts: &mut BTreeMap<String, OutlineMount>, id: &str, is_required: bool, span: Span) {
    let mount = || OutlineMount { name: id.to_owned(), is_required, span };
    mounts.entry(id.to_owned()).or_insert_with(mount);
}

fn in_order(mounts: BTreeMap<String, OutlineMount>) -> Vec<OutlineMount> {
    let mut mounts: Vec<OutlineMount> = mounts.into_values().collect();
    mounts.sort_by_key(|mount| mount.span.first());
    mounts
}

fn of_global(arg: &GlobalArg<'_>) -> OutlineArg {
    OutlineArg {
        name: arg.pair.key.clone(),
        description: arg.pair.description.clone(),
        value: arg.value.clone(),
        span: arg.span,
    }
}

/// The stages that the target needs: itself, what it builds on, and then what its instructions read from.
fn reached(plan: &Plan<'_>) -> Vec<StageId> {
    let (mut order, mut seen) = (Vec::new(), vec![false; plan.stages.len()]);
    let mut open = vec![plan.target];
    while let Some(id) = open.pop() {
        if std::mem::replace(&mut seen[id], true) {
            continue;
        }
        order.push(id);
        let stage = &plan.stages[id];
        open.extend(stage.commands.iter().flat_map(|command| &command.sources).rev());
        open.extend(stage.parent());
    }
    order
}

/// Adds the names of the arguments that FROM of a stage uses.
fn used_by_from(plan: &Plan<'_>, lex: Lex, id: StageId, used: &mut BTreeSet<String>) {
    let Some(from) = plan.stages[id].from else { return };
    for text in [&from.base_name, &from.platform] {
        if let Ok(word) = lex.process_word(text, &plan.global_args) {
            used.extend(word.matched);
        }
    }
}

/// `used`, and the arguments before the first FROM that the values of those are made of.
fn with_dependencies(
    used: BTreeSet<String>,
    own: &BTreeMap<String, OutlineArg>,
    globals: &BTreeMap<&str, GlobalArg<'_>>,
) -> BTreeSet<String> {
    let mut open: Vec<String> = used.into_iter().collect();
    let mut all = BTreeSet::new();
    while let Some(name) = open.pop() {
        if all.contains(&name) {
            continue;
        }
        if !own.contains_key(&name)
            && let Some(global) = globals.get(name.as_str())
        {
            open.extend(global.dependencies.iter().cloned());
        }
        all.insert(name);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::converter::lower::tests::{lower_with, options};

    fn outline(text: &str, target: &str, build_args: &[(&str, &str)]) -> Outline {
        let options = options(|options| {
            options.outline = true;
            options.target = target.to_owned();
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            options.build_args = build_args.iter().map(owned).collect();
        });
        lower_with(text, "", &options).0.unwrap().outline.unwrap()
    }

    /// `name=value@line` of each argument.
    fn args(outline: &Outline) -> Vec<String> {
        let text = |arg: &OutlineArg| format!("{}={}@{}", arg.name, arg.value, arg.span.first());
        outline.args.iter().map(text).collect()
    }

    fn mounts(mounts: &[OutlineMount]) -> Vec<(&str, bool, u32)> {
        mounts.iter().map(|mount| (mount.name.as_str(), mount.is_required, mount.span.first())).collect()
    }

    #[test]
    fn only_what_the_target_needs_is_listed() {
        let text = "ARG tag=1\nARG unused=2\n# base is what FROM names\nARG base=alpine:$tag\n\
                    FROM $base AS first\n# this says nothing of it\nARG FOO=123\n# BAR is a number\nARG BAR=4\n\
                    FROM alpine:$unused AS other\nARG BAZ\nRUN x\n\
                    FROM scratch AS third\nARG TARGETARCH\nARG bare\n\
                    # last makes it\nFROM third AS last\nCOPY --from=first /a /\nFROM other\n";
        let outline = outline(text, "last", &[("BAR", "678")]);
        assert_eq!((outline.name.as_str(), outline.description.as_str()), ("last", "makes it"));
        assert_eq!(args(&outline), ["tag=1@1", "base=alpine:1@4", "FOO=123@7", "BAR=678@9", "bare=@15"]);
        let described: Vec<&str> = outline.args.iter().map(|arg| arg.description.as_str()).collect();
        assert_eq!(described, ["", "is what FROM names", "", "is a number", ""]);
    }

    #[test]
    fn an_argument_that_is_declared_again_keeps_what_it_was_made_of() {
        let text = "ARG FOO=1\nARG ABC=a\nARG DEF=d\nARG FOO=${FOO}${ABC}\nARG BAR=${FOO}4\n\
                    ARG FOO=${FOO}5${BAR}\nFROM scratch\nARG FOO\nARG IN=1\nARG IN=${IN}2\n";
        let outline = outline(text, "", &[]);
        assert_eq!(args(&outline), ["ABC=a@2", "BAR=1a4@5", "FOO=1a51a4@6", "IN=12@10"]);
    }

    #[test]
    fn secrets_and_agents_are_listed_once_with_their_expanded_ids() {
        let text = "FROM busybox AS first\n\
                    RUN --mount=type=secret,target=/etc/passwd,required=true --mount=type=ssh true\n\
                    FROM alpine AS second\nRUN --mount=type=secret,id=unused true\n\
                    FROM scratch AS third\nARG BAR\nRUN --mount=type=secret,id=s${BAR} true\n\
                    RUN --mount=type=secret,id=s${BAR},required true\n\
                    FROM third AS last\nCOPY --from=first /a /\nRUN --mount=type=ssh,id=k,required true\nFROM second\n";
        let outline = outline(text, "last", &[("BAR", "6")]);
        assert_eq!(mounts(&outline.secrets), [("passwd", true, 2), ("s6", false, 7)]);
        assert_eq!(mounts(&outline.agents), [("default", false, 2), ("k", true, 11)]);
    }

    #[test]
    fn nothing_is_found_out_unless_it_is_asked_for() {
        assert_eq!(lower_with("FROM scratch\nARG a", "", &options(|_| {})).0.unwrap().outline, None);
    }
}
