//! Looks up what the needed stages build on, and adds the triggers of their bases.

use std::sync::Arc;

use super::build::Planner;
use super::context::{self, LoadedContext, NamedContext};
use super::error::{Error, ErrorKind};
use super::need::{Facts, ImageFact, Need, Needs};
use super::notice::{Notice, NoticeKind};
use super::stage::{Base, InstructionRef, StageId};
use crate::converter::dockerfile::{self, Kind};
use crate::diag::{Span, nearest};
use crate::image::{ImageConfig, Platform, Reference};

/// What a stage turned out to build on.
#[expect(clippy::large_enum_variant, reason = "made for one stage and taken apart at once")]
enum ResolvedBase {
    Scratch,
    /// Nothing needs the stage: its reference is well-formed, and that is all there is to say.
    Unneeded {
        reference: Reference,
        platform: Platform,
    },
    Replaced {
        reference: Reference,
        loaded: LoadedContext,
    },
    Context {
        reference: Reference,
        platform: Platform,
        context: NamedContext,
        loaded: LoadedContext,
    },
    Image {
        reference: Reference,
        platform: Platform,
        config: Arc<ImageConfig>,
    },
}

impl Planner<'_> {
    /// Which stages the target needs, once everything that they build on is known; else what is missing
    /// is in `needs`, and this is to be called again (`resolveStages`).
    pub(super) fn resolve(
        &mut self,
        target: StageId,
        facts: &Facts,
        needs: &mut Needs,
    ) -> Result<Vec<bool>, Error> {
        loop {
            let order = self.reachable(target);
            let mut reachable = vec![false; self.stages.list.len()];
            for &id in &order {
                reachable[id] = true;
            }
            let mut found = Vec::new();
            let mut failed = None;
            for id in self.look_up_order() {
                let needed = self.options.all_stages || reachable.get(id).copied().unwrap_or_default();
                match self.look_up(id, needed, facts, needs) {
                    Ok(base) => found.extend(base.map(|base| (id, base))),
                    Err(error) => {
                        failed = Some(error.or_at(self.stages.list[id].span));
                        break;
                    }
                }
            }
            if !needs.is_empty() {
                return Ok(reachable);
            }
            for (id, base) in found {
                self.set_base(id, base);
            }
            if let Some(error) = failed {
                return Err(error);
            }
            let mut more = false;
            for id in order {
                let span = self.stages.list[id].span;
                more |= self.add_triggers(id).map_err(|error| error.moved_to(span))?;
            }
            if !more {
                return Ok(reachable);
            }
        }
    }

    /// The stages whose base may have to be looked up, in the order that decides which of several failures
    /// is reported. BuildKit looks them up at once, so there it is chance; but Go starts with the goroutine
    /// that was made last, and then takes the others in turn.
    fn look_up_order(&self) -> Vec<StageId> {
        let stages = &self.stages.list;
        let open = |id: &StageId| {
            let stage = &stages[*id];
            stage.parent().is_none() && !stage.ready && !stage.progress.resolved
        };
        let mut order: Vec<StageId> = (0..stages.len()).filter(open).collect();
        let in_goroutine = |id: &StageId| {
            stages[*id].base_name != "scratch" || matches!(stages[*id].base, Base::Replaced(..))
        };
        if let Some(last) = order.iter().rposition(in_goroutine) {
            order[..=last].rotate_right(1);
        }
        order
    }

    /// The stages that the target needs, in the order in which they get their triggers. BuildKit goes through
    /// a map, whose order changes from run to run; in most runs it is that of their discovery, this one
    /// (`allReachableStages`).
    fn reachable(&self, target: StageId) -> Vec<StageId> {
        let stages = &self.stages.list;
        let mut seen = vec![false; stages.len()];
        let mut order = Vec::with_capacity(stages.len());
        let mut open = vec![target];
        while let Some(id) = open.pop() {
            if !std::mem::replace(&mut seen[id], true) {
                order.push(id);
                open.extend(stages[id].reads.iter().map(|(source, _)| source).rev());
                open.extend(stages[id].parent());
            }
        }
        order
    }

    /// What a stage that builds on no other builds on (`resolveBaseImage`); `None` where a fact is missing,
    /// which is then in `needs`. Without being needed its reference is only checked.
    fn look_up(
        &self,
        id: StageId,
        needed: bool,
        facts: &Facts,
        needs: &mut Needs,
    ) -> Result<Option<ResolvedBase>, Error> {
        let stage = &self.stages.list[id];
        let replaced = matches!(stage.base, Base::Replaced(..));
        if stage.base_name == "scratch" && !replaced {
            return Ok(Some(ResolvedBase::Scratch));
        }
        let reference = Reference::parse(&stage.base_name)
            .map_err(|source| ErrorKind::BaseReference { name: stage.base_name.clone(), source })?
            .with_default_tag();
        let platform = stage.platform.as_ref().unwrap_or(&self.target_platform).clone();
        if !needed {
            return Ok(Some(ResolvedBase::Unneeded { reference, platform }));
        }
        if let Base::Replaced(base) = &stage.base {
            let loaded = base.0.load(self.options, facts, needs)?;
            return Ok(loaded.map(|loaded| ResolvedBase::Replaced { reference, loaded }));
        }
        if let Some(context) = context::of(self.options, &reference, Some(&platform)) {
            let loaded = context.load(self.options, facts, needs)?;
            return Ok(loaded.map(|loaded| ResolvedBase::Context { reference, platform, context, loaded }));
        }
        self.look_up_image(id, reference, platform, facts, needs)
    }

    fn look_up_image(
        &self,
        id: StageId,
        reference: Reference,
        platform: Platform,
        facts: &Facts,
        needs: &mut Needs,
    ) -> Result<Option<ResolvedBase>, Error> {
        let stage = &self.stages.list[id];
        let log_name = || {
            if self.options.multi_platform {
                format!("[{platform} internal] load metadata for {reference}")
            } else {
                format!("[internal] load metadata for {reference}")
            }
        };
        let need = Need::Image { reference: reference.clone(), platform: Some(platform.clone()) };
        if let Some(Err(source)) = facts.get(&need) {
            let known = COMMON_IMAGES.iter().flat_map(|name| [(*name).to_owned(), format!("{name}:latest")]);
            let known: Vec<String> = self.stages.labels().map(str::to_owned).chain(known).collect();
            let name = stage.base_name.clone();
            let suggestion = nearest(&name, known.iter().map(String::as_str), true);
            let help = self.stage_help(id);
            return Err(ErrorKind::Image { name, suggestion, help, source: source.clone() }.into());
        }
        let Some(fact) = context::image(need, log_name, facts, needs)? else { return Ok(None) };
        let config = fact.config.as_ref().map_err(|source| ErrorKind::Config { source: source.clone() })?;
        let mut platform = platform;
        if stage.platform.is_none() && self.asked_platform.is_none() {
            platform = detected(&config.platform, platform, &self.options.build_platform);
        }
        let reference = pinned(reference, fact)?;
        Ok(Some(ResolvedBase::Image { reference, platform, config: Arc::clone(config) }))
    }

    /// Returns what to do where the name of an image was most likely meant to be a stage's.
    fn stage_help(&self, id: StageId) -> Option<&'static str> {
        let stage = &self.stages.list[id];
        let name = stage.base_name.as_str();
        if self.stages.labels().any(|label| label.eq_ignore_ascii_case(name)) {
            return Some(
                "a stage of this name stands further below, and only stages above are seen: move it before this one",
            );
        }
        // A stage without a FROM of its own stands for what --from of a COPY or a mount names.
        let is_word = !name.contains(['/', ':', '@', '.']);
        (stage.from.is_none() && is_word).then_some(
            "no stage above and no named context has this name, so it is taken for an image: correct it, or give the stage this name (FROM … AS NAME)",
        )
    }

    /// Takes over what a stage builds on.
    fn set_base(&mut self, id: StageId, found: ResolvedBase) {
        let stage = &mut self.stages.list[id];
        let extra = stage.from.is_none();
        stage.progress.resolved = !matches!(found, ResolvedBase::Unneeded { .. });
        stage.ready = extra;
        match found {
            ResolvedBase::Scratch => {
                stage.base = Base::Scratch;
                stage.platform = Some(self.target_platform.clone());
            }
            ResolvedBase::Unneeded { reference, platform } => {
                stage.base_name = reference.to_string();
                if extra {
                    // It is not looked up later either, if a trigger turns out to need it.
                    stage.base = Base::Image { reference, config: Arc::default(), empty: false };
                }
                stage.platform = Some(platform);
                stage.steps_before += usize::from(stage.steps > 0);
            }
            ResolvedBase::Replaced { reference, loaded } => {
                stage.base_name = reference.into();
                if let Base::Replaced(base) = &mut stage.base {
                    base.1 = Some(loaded);
                }
                stage.ready = true;
            }
            ResolvedBase::Context { reference, platform, context, loaded } => {
                stage.base_name = reference.into();
                stage.base = Base::Context(Box::new((context, loaded)));
                stage.platform = Some(platform);
            }
            ResolvedBase::Image { reference, platform, config } => {
                self.set_image_base(id, reference, platform, config);
            }
        }
    }

    fn set_image_base(
        &mut self,
        id: StageId,
        reference: Reference,
        platform: Platform,
        config: Arc<ImageConfig>,
    ) {
        let stage = &mut self.stages.list[id];
        let original = std::mem::replace(&mut stage.base_name, reference.to_string());
        let empty = config.rootfs.diff_ids.as_ref().is_none_or(Vec::is_empty)
            && config.history.iter().all(|step| step.empty_layer);
        if !empty {
            stage.steps_before += usize::from(stage.steps > 0);
            stage.steps_at_from = stage.steps;
            if platform.os != config.platform.os || platform.architecture != config.platform.architecture {
                let kind = NoticeKind::InvalidBaseImagePlatform {
                    image: original,
                    expected: platform.normalized().to_string(),
                    actual: config.platform.normalized().to_string(),
                };
                self.notices.push(Notice { kind, span: stage.span, check: None });
            }
        }
        stage.base = Base::Image { reference, config, empty };
        stage.platform = Some(platform);
    }

    /// Adds the triggers of the base of a stage; whether they read from other stages
    /// (`initOnBuildTriggers`).
    fn add_triggers(&mut self, id: StageId) -> Result<bool, Error> {
        let stage = &mut self.stages.list[id];
        let mut triggers: Vec<Vec<u8>> = Vec::new();
        if !std::mem::replace(&mut stage.progress.image_triggered, true) {
            let of_image = stage.base.config().map(|config| config.config.on_build.iter());
            triggers.extend(of_image.into_iter().flatten().map(|trigger| trigger.clone().into_bytes()));
        }
        let parent = stage.parent();
        if let Some(parent) = parent
            && !std::mem::replace(&mut stage.progress.triggered, true)
        {
            let stage_triggers =
                self.stages.list[parent].commands.iter().filter_map(|command| {
                    match &command.instruction.kind {
                        Kind::Onbuild(onbuild) => Some(onbuild.bytes.clone()),
                        _ => None,
                    }
                });
            triggers.extend(stage_triggers);
        }
        if triggers.is_empty() {
            return Ok(false);
        }
        let span = self.stages.list[id].span;
        let known = self.stages.list.len();
        let mut commands = Vec::with_capacity(triggers.len());
        for trigger in triggers {
            let instruction = dockerfile::parse_trigger(&trigger, span.unwrap_or(Span::line(0)))?;
            commands.push(self.command(id, InstructionRef::Trigger(instruction.into()), true)?);
        }
        for added in known..self.stages.list.len() {
            self.note_triggered(added, id)?;
        }
        let more = commands.iter().any(|command| !command.sources.is_empty());
        let stage = &mut self.stages.list[id];
        stage.steps += commands.len();
        commands.append(&mut stage.commands);
        stage.commands = commands;
        Ok(more)
    }

    /// Keeps in mind that a trigger of `reader` reads from the image `added`, and refuses an image whose
    /// triggers led to it: its own triggers would lead there again. BuildKit goes on until it has no memory.
    fn note_triggered(&mut self, added: StageId, reader: StageId) -> Result<(), Error> {
        let image = self.stages.list[added].base_name.clone();
        let mut at = reader;
        while let Some((before, name)) = self.triggered.get(&at) {
            if *name == image {
                return Err(ErrorKind::EndlessTriggers { image }.into());
            }
            at = *before;
        }
        self.triggered.insert(added, (reader, image));
        Ok(())
    }
}

/// Names that a mistyped image may mean.
const COMMON_IMAGES: [&str; 7] = ["alpine", "busybox", "centos", "debian", "golang", "ubuntu", "fedora"];

/// The reference that the graph names: what was found, with its digest.
fn pinned(reference: Reference, fact: &ImageFact) -> Result<Reference, Error> {
    let reference = match &fact.reference {
        Some(found) => found.clone(),
        None => reference,
    };
    Ok(if fact.digest.is_empty() { reference } else { reference.with_digest(&fact.digest)? })
}

/// The platform of an image where none was asked for: the builder's, if the image has it
/// (`autoDetectPlatform`).
fn detected(image: &Platform, target: Platform, build: &Platform) -> Platform {
    let same = |platform: &Platform| platform.os == image.os && platform.architecture == image.architecture;
    if same(&target) || !same(build) { target } else { build.clone() }
}
