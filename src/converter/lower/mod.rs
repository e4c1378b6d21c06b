//! From a plan to an LLB graph and an image configuration, one file for each family of instructions.
//!
//! A plan's stages are lowered in order. What a stage hands from one instruction to the next is
//! `state`; what all of them share is `Lowering`.

mod config;
mod copy;
mod error;
mod from;
mod mount;
mod names;
mod names_in_use;
mod outline;
mod run;
mod scan;
mod stage;
mod state;
mod workdir;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use llb::{Constraints, Graph, LocalSource, Location, Output, SourceMap, SourceMapId, SourceOp};

pub use error::{Error, ErrorKind};
pub use from::{source_op, unpacked};
pub use names_in_use::NamesInUse;
pub use outline::{Outline, OutlineArg, OutlineMount};
pub use scan::ScanTargets;

use super::dockerfile::frontend::Edition;
use super::ignore::{self, Patterns};
use super::plan::{Command, IgnoreFile, Notice, NoticeKind, Plan, StageId};
use super::shell::Lex;
use crate::diag::{Source, Span};
use crate::image::{History, ImageConfig, Platform, timestamp};
use outline::Declarations;
use state::{Finished, State};

/// A Dockerfile converted for one platform.
#[derive(Debug)]
pub struct Lowered {
    /// The graph; source locations, names and caps are in it.
    pub graph: Graph,
    /// The result in the graph; scratch for an image without files.
    pub root: Output,
    /// The platform of ops that name none.
    pub platform: Platform,
    /// The image's configuration.
    pub image: ImageConfig,
    /// The configuration of the image that the target builds on, if there is one
    /// (`containerimage.base.config`).
    pub base: Option<Arc<ImageConfig>>,
    /// `SOURCE_DATE_EPOCH` in seconds since 1970, where it is set.
    pub epoch: Option<i64>,
    /// What is looked at where the contents of the image are listed.
    pub scan: ScanTargets,
    /// What the target can be given, where the options ask for that.
    pub outline: Option<Outline>,
    /// The names that options may refer to, where the options ask for them.
    pub names_in_use: Option<NamesInUse>,
}

/// The graph and the configuration of a plan made from `source`. What build checks report is added to
/// `notices`, also where lowering fails.
///
/// # Errors
/// [`Error`] where BuildKit rejects an instruction.
pub fn lower(plan: &Plan<'_>, source: &Source, notices: &mut Vec<Notice>) -> Result<Lowered, Error> {
    let mut lowering = Lowering::new(plan, source, notices)?;
    lowering.run_stages()?;
    lowering.finish()
}

/// What the stages of a plan share while they are lowered.
struct Lowering<'p, 'n> {
    plan: &'p Plan<'p>,
    graph: Graph,
    lex: Lex,
    source_map: Option<SourceMapId>,
    /// The main context. What a local one has to send is filled in at the end.
    context: Output,
    /// What instructions read of the main context.
    context_paths: BTreeSet<String>,
    /// Patterns of the main context's ignore file.
    excludes: Vec<String>,
    matcher: Option<Patterns>,
    /// Local named contexts whose paths are filled in at the end, by the stage that they belong to.
    local_contexts: BTreeMap<StageId, Output>,
    /// What is read of the files of the stages in `local_contexts`.
    stage_paths: BTreeMap<StageId, BTreeSet<String>>,
    /// For each stage the first one of the chain that it builds on.
    roots: Vec<StageId>,
    finished: Vec<Option<Finished>>,
    /// How many stages build on each and are not lowered yet, the result counted in.
    remaining_dependents: Vec<usize>,
    notices: &'n mut Vec<Notice>,
    /// What build arguments add to the lists of contents.
    scan: ScanTargets,
    /// What BuildKit finds only when it encodes the graph, if it encodes these ops.
    errors_at_encoding: Vec<(Output, ErrorKind)>,
    /// What stages declare, where the options ask for that.
    declarations: Option<Declarations>,
    /// The edition of the language that the Dockerfile is written in.
    edition: Edition,
}

impl<'p, 'n> Lowering<'p, 'n> {
    fn new(plan: &'p Plan<'p>, source: &Source, notices: &'n mut Vec<Notice>) -> Result<Self, Error> {
        let steps: usize = plan.stages.iter().map(|stage| stage.steps + 1).sum();
        let mut graph = Graph::with_capacity(steps + 1);
        let filename = &plan.options.filename;
        let source_map = (!filename.is_empty()).then(|| {
            let map = SourceMap::new(filename).with_language("Dockerfile").with_data(source.bytes());
            graph.source_map(map)
        });
        let excludes = patterns(plan.ignore.as_ref())?;
        let matcher = match &plan.ignore {
            Some(file) if !excludes.is_empty() => {
                let name = file.name.clone();
                Some(Patterns::new(&excludes).map_err(|source| ErrorKind::Ignore { name, source })?)
            }
            _ => None,
        };
        let mut roots: Vec<StageId> = (0..plan.stages.len()).collect();
        let mut remaining_dependents = vec![0; plan.stages.len()];
        remaining_dependents[plan.target] = 1;
        for (id, stage) in plan.stages.iter().enumerate() {
            if let Some(parent) = stage.parent() {
                roots[id] = roots[parent];
                remaining_dependents[parent] += usize::from(plan.needed[id] || plan.options.all_stages);
            }
        }
        let context = from::main_context(plan, &mut graph);
        let has_invalid_utf8 = plan.remote_context.as_ref().is_some_and(|(source, _)| source.is_not_utf8());
        Ok(Self {
            plan,
            graph,
            lex: Lex::new(plan.escape),
            source_map,
            context,
            context_paths: BTreeSet::new(),
            excludes,
            matcher,
            local_contexts: BTreeMap::new(),
            stage_paths: BTreeMap::new(),
            roots,
            finished: std::iter::repeat_with(|| None).take(plan.stages.len()).collect(),
            remaining_dependents,
            notices,
            scan: ScanTargets::default(),
            errors_at_encoding: has_invalid_utf8
                .then_some((context, ErrorKind::SourceNotUtf8))
                .into_iter()
                .collect(),
            declarations: plan.options.outline.then(Declarations::default),
            // Whoever does not refuse another frontend takes it for the stable edition.
            edition: Edition::of(source, &plan.options.build_args).unwrap_or(Edition::Stable),
        })
    }

    fn finish(mut self) -> Result<Lowered, Error> {
        let plan = self.plan;
        let target = plan.target;
        // The result is read whole.
        self.read_stage(target, "/");
        let history = self.history(target);
        let done = self.finished[target].as_mut();
        let state =
            done.and_then(|done| done.state.take()).unwrap_or_else(|| State::new(Output::SCRATCH, None));
        let mut image = Rc::unwrap_or_clone(state.image);
        image.history = history;
        image.config.labels.extend(plan.options.labels.clone());
        if !plan.implicit_platform {
            set_platform(&mut image.platform, &plan.platform);
        }
        image.platform = image.platform.normalized();
        let root = state.output;
        if let Some((_, kind)) = self.errors_at_encoding.iter().find(|(op, _)| self.graph.needs(root, *op)) {
            return Err(kind.clone().into());
        }
        let base_steps = from::base_history(&plan.stages[self.roots[target]].base).len();
        match plan.epoch {
            Some(epoch) if image.history.len() > base_steps && timestamp::from_unix(epoch).is_none() => {
                return Err(ErrorKind::Year { epoch }.into());
            }
            _ => {}
        }
        self.fill_local_sources();
        Ok(Lowered {
            graph: self.graph,
            root: state.output,
            platform: plan.platform.clone(),
            image,
            base: from::base_image(&plan.stages[self.roots[target]]),
            epoch: plan.epoch,
            scan: self.scan,
            names_in_use: plan.options.names_in_use.then(|| NamesInUse::of(plan)),
            outline: self.declarations.map(|declarations| declarations.outline(plan, self.lex)),
        })
    }

    /// The history of a stage, that of what it builds on before its own.
    fn history(&mut self, id: StageId) -> Vec<History> {
        let parent = |id: &StageId| self.plan.stages[*id].parent();
        let chain: Vec<StageId> = std::iter::successors(Some(id), parent).collect();
        let own = self.finished[id].as_ref().map_or(0, |done| done.history.len());
        let mut history = Vec::with_capacity(own + 16);
        for id in chain.into_iter().rev() {
            history.extend_from_slice(from::base_history(&self.plan.stages[id].base));
            if let Some(done) = &mut self.finished[id] {
                history.append(&mut done.history);
            }
        }
        history
    }

    fn fill_local_sources(&mut self) {
        let main =
            (self.context, follow_paths(&self.context_paths), Some(std::mem::take(&mut self.excludes)));
        let named = std::mem::take(&mut self.local_contexts).into_iter().map(|(id, output)| {
            let paths = self.stage_paths.get(&id).map(follow_paths).unwrap_or_default();
            (output, paths, None)
        });
        let all: Vec<_> = std::iter::once(main).chain(named).collect();
        for (output, paths, excludes) in all {
            if let Some(SourceOp::Local(local)) = self.graph.source_mut(output) {
                local.follow_paths = paths;
                if let Some(excludes) = excludes {
                    local.exclude_patterns = excludes;
                }
            }
        }
    }

    /// Records that an instruction reads `path` of the files of a stage.
    fn read_stage(&mut self, id: StageId, path: &str) {
        let root = self.roots[id];
        if let Some(paths) = self.stage_paths.get_mut(&root) {
            paths.insert(path.to_owned());
        }
    }

    /// The files of a stage that is done, or those that the current stage has made so far.
    fn files_of(&self, current: &state::Current, id: StageId) -> Option<Output> {
        if id == current.id {
            return Some(current.state.output);
        }
        self.finished[id].as_ref().map(|done| done.output)
    }

    /// What surrounds an op of the step `name` whose instruction is at `span`; without one its location
    /// is known to be nothing.
    fn step(&self, name: String, span: Option<Span>) -> Constraints {
        let mut constraints = Constraints::named(name);
        if let Some(source_map) = self.source_map {
            let line = |line: u32| {
                let line = i32::try_from(line).unwrap_or(i32::MAX);
                llb::Range::lines(line, line)
            };
            let ranges = span.map_or_else(Arc::default, |span| span.lines().map(line).collect());
            constraints.locations = vec![Location { source_map, ranges }];
        }
        constraints
    }

    fn notice(&mut self, command: &Command<'_>, kind: NoticeKind) {
        let head = &command.instruction.head;
        self.notices.push(Notice { kind, span: Some(head.span), check: head.check.clone() });
    }
}

/// Returns which line of an ignore file leaves `path` out, and its text. `None` where `path` is not left out.
pub fn excluding_line(file: &IgnoreFile, path: &str) -> Option<(usize, String)> {
    ignore::excluding_line(&file.text, path)
}

/// The patterns of an ignore file; none without one.
fn patterns(file: Option<&IgnoreFile>) -> Result<Vec<String>, ErrorKind> {
    let Some(file) = file else { return Ok(Vec::new()) };
    ignore::read_all(&file.text).map_err(|source| ErrorKind::Ignore { name: file.name.clone(), source })
}

/// The paths to send of what is read: all if the root is among them (`normalizeContextPaths`).
fn follow_paths(read: &BTreeSet<String>) -> Vec<String> {
    if read.contains("/") {
        return Vec::new();
    }
    let mut paths: Vec<String> = read.iter().map(|path| super::plan::paths::join([".", path])).collect();
    paths.sort_unstable();
    paths
}

/// Puts the platform that was asked for into a configuration (`finalizeResultImage`).
fn set_platform(image: &mut Platform, asked: &Platform) {
    let same = asked.os == image.os && asked.architecture == image.architecture;
    image.os.clone_from(&asked.os);
    image.architecture.clone_from(&asked.architecture);
    if !asked.variant.is_empty() || !same {
        image.variant.clone_from(&asked.variant);
    }
    if !asked.os_version.is_empty() || !same {
        image.os_version.clone_from(&asked.os_version);
    }
    if asked.os_features.is_some() {
        image.os_features.clone_from(&asked.os_features);
    }
}

/// Returns a platform as the graph writes it.
pub fn llb_platform(platform: &Platform) -> llb::Platform {
    llb::Platform::new(&platform.os, &platform.architecture)
        .with_variant(&platform.variant)
        .with_os_version(&platform.os_version)
        .with_os_features(platform.os_features.clone().unwrap_or_default())
}

/// The folder of the client called `name`, with BuildKit's session and sharing.
fn local_source(plan: &Plan<'_>, name: &str, shared_key_hint: String) -> LocalSource {
    LocalSource::new(name)
        .with_session_id(plan.options.session.clone().unwrap_or_default())
        .with_shared_key_hint(shared_key_hint)
}

#[cfg(test)]
mod tests;
