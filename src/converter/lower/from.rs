//! What stages build on: images, named contexts, nothing.

use std::rc::Rc;
use std::sync::Arc;

use llb::{
    Constraints, CopyAction, FileOp, GitSource, Graph, HttpSource, ImageSource, OciLayoutSource, Output,
    ResolveMode, SourceOp,
};

use super::names::StepNumbering;
use super::state::{State, UNIX_PATH, name_value};
use super::{ErrorKind, Lowering, llb_platform, local_source, patterns};
use crate::converter::plan::{
    self, Base, Context, EnvList, LoadedContext, NamedContext, Plan, RemoteSource, Stage, StageId,
};
use crate::image::{Config, ImageConfig, Platform, Reference, RootFs};

/// The key of a step's description that holds the instruction.
pub(super) const COMMAND: &str = "com.docker.dockerfile.v1.command";

/// The op of a remote source.
pub fn source_op(source: &RemoteSource) -> SourceOp {
    match source {
        RemoteSource::Git {
            remote,
            reference,
            subdir,
            checksum,
            keep_git_dir,
            skip_submodules,
            mtime,
            fetch_by_commit,
            not_utf8: _,
        } => GitSource::new(remote)
            .with_reference(reference.clone())
            .with_subdir(subdir.clone())
            .with_checksum(checksum.clone())
            .with_keep_git_dir(*keep_git_dir)
            .with_skip_submodules(*skip_submodules)
            .with_mtime(mtime.clone())
            .with_fetch_by_commit(*fetch_by_commit)
            .into(),
        RemoteSource::Http { url, filename, checksum, not_utf8: _ } => {
            HttpSource::new(url).with_filename(filename.clone()).with_checksum(checksum.clone()).into()
        }
    }
}

/// The main context; what a local one has to send is not known yet.
pub(super) fn main_context(plan: &Plan<'_>, graph: &mut Graph) -> Output {
    let Some((source, step)) = &plan.remote_context else {
        let local = local_source(plan, "context", "context".into());
        return graph.source(local, Constraints::named("[internal] load build context"));
    };
    let output = graph.source(source_op(source), Constraints::named(step));
    if !matches!(plan.options.context, Context::Http { archive: true, .. }) {
        return output;
    }
    unpacked(graph, output, "context")
}

/// The files of the archive `filename` of `output` (`initContext` in dockerui/context.go).
pub fn unpacked(graph: &mut Graph, output: Output, filename: &str) -> Output {
    let mut unpack = FileOp::new(Output::SCRATCH);
    unpack.push(CopyAction::new(output, format!("/{filename}"), "/").with_attempt_unpack(true));
    graph.file(unpack, Constraints::default())
}

/// The configuration of an image without anything (`emptyImage` in dockerfile2llb/image.go).
fn empty_image(platform: &Platform) -> ImageConfig {
    let path = (platform.os != "windows").then(|| format!("PATH={UNIX_PATH}"));
    ImageConfig {
        platform: platform.clone(),
        rootfs: RootFs { kind: "layers".into(), diff_ids: None },
        config: Config { working_dir: "/".into(), env: path.into_iter().collect(), ..Config::default() },
        ..ImageConfig::default()
    }
}

/// A base's configuration as its stage takes it over: without its time, its history and its triggers.
fn inherited(config: &ImageConfig) -> ImageConfig {
    ImageConfig {
        created: None,
        author: config.author.clone(),
        platform: config.platform.clone(),
        config: Config { on_build: Vec::new(), ..config.config.clone() },
        rootfs: config.rootfs.clone(),
        history: Vec::new(),
    }
}

/// The configuration of the image that a stage builds on, if it does.
pub(super) fn base_image(stage: &Stage<'_>) -> Option<Arc<ImageConfig>> {
    match &stage.base {
        Base::Image { config, .. } => Some(Arc::clone(config)),
        Base::Context(context) => Some(context.1.config().cloned().unwrap_or_else(|| {
            Arc::new(empty_image(stage.platform.as_ref().unwrap_or(&Platform::default())))
        })),
        _ => None,
    }
}

/// The history that a stage's own comes after, where it builds on no other stage.
pub(super) fn base_history(base: &Base) -> &[crate::image::History] {
    base.config().map_or(&[], |config| config.history.as_slice())
}

impl Lowering<'_, '_> {
    /// What a stage that builds on no other stage starts with, and its platform where something says.
    pub(super) fn base(&mut self, id: StageId) -> Result<(State, Option<Platform>), ErrorKind> {
        let plan = self.plan;
        let stage = &plan.stages[id];
        let platform = stage.platform.clone();
        let target = || platform.clone().unwrap_or_else(|| plan.platform.clone());
        match &stage.base {
            Base::Stage(_) | Base::Unknown => Ok((State::new(Output::SCRATCH, None), platform)),
            Base::Scratch => {
                Ok((State::with_image(Output::SCRATCH, None, empty_image(&plan.platform)), platform))
            }
            Base::Image { reference, config, empty } => {
                let platform = target();
                let image = inherited(config);
                let state = if *empty {
                    State::with_image(Output::SCRATCH, None, image)
                } else {
                    let output = self.image(stage, reference, &platform);
                    State::with_image(output, Some(platform.clone()), image)
                };
                Ok((state, Some(platform)))
            }
            Base::Context(base) => {
                let (context, loaded) = &**base;
                let platform = target();
                let mut state = self.named_context(id, context, loaded)?;
                state.image = Rc::new(match loaded.config() {
                    Some(config) => inherited(config),
                    None => empty_image(&platform),
                });
                state.platform = Some(Rc::new(platform.normalized()));
                Ok((state, Some(platform)))
            }
            Base::Replaced(base) => {
                let (context, Some(loaded)) = &**base else {
                    return Ok((State::new(Output::SCRATCH, None), platform));
                };
                let mut state = self.named_context(id, context, loaded)?;
                let mut platform = platform;
                if let Some(config) = loaded.config() {
                    state.image = Rc::new(inherited(config));
                    if !config.platform.os.is_empty() && !config.platform.architecture.is_empty() {
                        platform = Some(config.platform.clone());
                    }
                }
                Ok((state, platform))
            }
        }
    }

    /// The source of the image in FROM, COPY or RUN.
    fn image(&mut self, stage: &Stage<'_>, reference: &Reference, platform: &Platform) -> Output {
        let mut steps = StepNumbering {
            label: stage.label.clone(),
            total: stage.steps_at_from,
            done: stage.steps_before.saturating_sub(1),
            with_platform: self.plan.options.multi_platform,
        };
        let prefix = steps.next_prefix(Some(platform), &EnvList::new(), false);
        let mut constraints = self
            .step(prefix.named(&format!("FROM {reference}")), stage.span)
            .with_platform(llb_platform(platform));
        let code = stage.from.map_or("", |from| from.head.code.as_str());
        constraints.metadata.description.insert(COMMAND, code);
        let resolve_mode = match self.plan.options.resolve_mode {
            plan::ResolveMode::Default => ResolveMode::Default,
            plan::ResolveMode::Pull => ResolveMode::ForcePull,
            plan::ResolveMode::Local => ResolveMode::PreferLocal,
        };
        self.graph.source(ImageSource::new(reference.as_str()).with_resolve_mode(resolve_mode), constraints)
    }

    /// The files and variables of a named context (`load` in dockerui/namedcontext.go).
    fn named_context(
        &mut self,
        id: StageId,
        context: &NamedContext,
        loaded: &LoadedContext,
    ) -> Result<State, ErrorKind> {
        let named = |name: &str| {
            let constraints = Constraints::named(format!("[context {}] {name}", context.label));
            match &context.platform {
                Some(platform) => constraints.with_platform(llb_platform(platform)),
                None => constraints,
            }
        };
        let (output, image) = match loaded {
            LoadedContext::Scratch => return Ok(State::new(Output::SCRATCH, None)),
            LoadedContext::Remote { source, step } => {
                let output = self.graph.source(source_op(source), Constraints::named(step));
                self.errors_at_encoding
                    .extend(source.is_not_utf8().then_some((output, ErrorKind::SourceNotUtf8)));
                return Ok(State::new(output, None));
            }
            LoadedContext::Local { name, shared_key, ignore } => {
                let hint = format!("context:{}-{shared_key}", context.label);
                let mut local = local_source(self.plan, name, hint);
                local.exclude_patterns = patterns(ignore.as_ref())?;
                let step = Constraints::named(format!("[context {}] load from client", context.label));
                let output = self.graph.source(local, step);
                self.local_contexts.insert(id, output);
                self.stage_paths.insert(id, std::collections::BTreeSet::new());
                return Ok(State::new(output, None));
            }
            LoadedContext::Image { reference, written, image } => {
                (self.graph.source(ImageSource::new(reference.as_str()), named(written)), image)
            }
            LoadedContext::OciLayout { reference, store, image } => {
                let layout = OciLayoutSource::new(reference.as_str())
                    .with_session_id(self.plan.options.session.clone().unwrap_or_default())
                    .with_store_id(store.clone());
                (self.graph.source(layout, named("OCI load from client")), image)
            }
        };
        let mut state = State::new(output, context.platform.clone());
        if let Ok(config) = &image.config {
            apply_config(&mut state, config);
        }
        Ok(state)
    }
}

/// Takes over variables, working directory and platform (`WithImageConfig` in client/llb/state.go).
fn apply_config(state: &mut State, config: &ImageConfig) {
    for entry in &config.config.env {
        let (name, value) = name_value(entry);
        if !name.is_empty() {
            state.set_env(name, value);
        }
    }
    let dir = &config.config.working_dir;
    state.dir = if dir.starts_with('/') { dir.as_str().into() } else { plan::paths::join(["/", dir]).into() };
    if !config.platform.os.is_empty() && !config.platform.architecture.is_empty() {
        state.platform = Some(Rc::new(config.platform.normalized()));
    }
}
