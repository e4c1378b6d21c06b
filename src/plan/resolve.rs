//! Looks up what the needed stages build on, and adds the triggers of their bases.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::build::Planner;
use super::context;
use super::error::{Error, ErrorKind};
use super::need::{Facts, ImageFact, Need};
use super::notice::{Notice, NoticeKind};
use super::stage::{Base, StageId};
use crate::diag::Span;
use crate::dockerfile::{self, Kind, nearest};
use crate::image::{ImageConfig, Platform, Reference};

impl Planner<'_, '_> {
    /// Which stages the target needs, once everything that they build on is known; else what is missing
    /// is in `needs` (`resolveStages`).
    pub(super) fn resolve(
        &mut self,
        target: StageId,
        facts: &Facts,
        needs: &mut BTreeSet<Need>,
    ) -> Result<Vec<bool>, Error> {
        loop {
            let reachable = self.reachable(target);
            for id in self.look_up_order() {
                let needed = self.options.all_stages || reachable.get(id).copied().unwrap_or_default();
                match self.resolve_base(id, needed, facts, needs) {
                    Ok(()) => {}
                    Err(_) if !needs.is_empty() => break,
                    Err(error) => return Err(error.or_at(self.stages.list[id].span)),
                }
            }
            if !needs.is_empty() {
                return Ok(reachable);
            }
            let mut more = false;
            for id in (0..reachable.len()).filter(|id| reachable[*id]) {
                let span = self.stages.list[id].span;
                more |= self.add_triggers(id).map_err(|error| error.moved_to(span))?;
            }
            if !more {
                return Ok(self.reachable(target));
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

    fn reachable(&self, target: StageId) -> Vec<bool> {
        let stages = &self.stages.list;
        let mut reachable = vec![false; stages.len()];
        let mut open = vec![target];
        while let Some(id) = open.pop() {
            if !std::mem::replace(&mut reachable[id], true) {
                open.extend(stages[id].parent());
                open.extend(stages[id].reads.iter().map(|(source, _)| source));
            }
        }
        reachable
    }

    /// Looks up the base of a stage that builds on no other (`resolveBaseImage`). Without being needed
    /// its reference is only checked.
    fn resolve_base(
        &mut self,
        id: StageId,
        needed: bool,
        facts: &Facts,
        needs: &mut BTreeSet<Need>,
    ) -> Result<(), Error> {
        let stage = &mut self.stages.list[id];
        stage.progress.resolved = needed;
        let extra = stage.from.is_none();
        let replaced = matches!(stage.base, Base::Replaced(..));
        if stage.base_name == "scratch" && !replaced {
            stage.base = Base::Scratch;
            stage.platform = Some(self.target_platform.clone());
            stage.progress.resolved = true;
            stage.ready = extra;
            return Ok(());
        }
        let original = stage.base_name.clone();
        let reference = Reference::parse(&original)
            .map_err(|source| ErrorKind::BaseReference { name: original.clone(), source })?
            .with_default_tag();
        stage.base_name = reference.to_string();
        let platform = stage.platform.clone().unwrap_or_else(|| self.target_platform.clone());
        if !needed {
            stage.ready = extra;
            stage.platform = Some(platform);
            stage.steps_before += usize::from(stage.steps > 0);
            return Ok(());
        }
        if let Base::Replaced(context, loaded) = &mut stage.base {
            let Some(found) = context.load(self.options, facts, needs)? else { return Ok(()) };
            *loaded = Some(found);
            stage.ready = true;
            return Ok(());
        }
        stage.ready = extra;
        if let Some(context) = context::named(self.options, &reference.to_string(), Some(&platform))? {
            let Some(loaded) = context.load(self.options, facts, needs)? else { return Ok(()) };
            stage.base = Base::Context(context, loaded);
            stage.platform = Some(platform);
            return Ok(());
        }
        self.resolve_image(id, &original, reference, platform, facts, needs)
    }

    fn resolve_image(
        &mut self,
        id: StageId,
        original: &str,
        reference: Reference,
        platform: Platform,
        facts: &Facts,
        needs: &mut BTreeSet<Need>,
    ) -> Result<(), Error> {
        let internal =
            if self.options.multi_platform { format!("[{platform} internal]") } else { "[internal]".into() };
        let need = Need::Image {
            reference: reference.to_string(),
            platform: Some(platform.clone()),
            log_name: format!("{internal} load metadata for {reference}"),
        };
        if let Some(Err(source)) = facts.get(&need) {
            let known = COMMON_IMAGES.iter().flat_map(|name| [(*name).to_owned(), format!("{name}:latest")]);
            let known: Vec<String> = self.stages.labels().map(str::to_owned).chain(known).collect();
            let suggestion = nearest(original, known.iter().map(String::as_str), true);
            return Err(ErrorKind::Image { name: original.into(), suggestion, source: source.clone() }.into());
        }
        let Some(fact) = context::image(&need, facts, needs)? else { return Ok(()) };
        let config = fact.config.as_ref().map_err(|source| ErrorKind::Config { source: source.clone() })?;
        let stage = &mut self.stages.list[id];
        let mut platform = platform;
        if stage.platform.is_none() && self.asked_platform.is_none() {
            platform = detected(&config.platform, platform, &self.options.build_platform);
        }
        let reference = pinned(reference, &fact)?.to_string();
        let empty = config.rootfs.diff_ids.as_ref().is_none_or(Vec::is_empty)
            && config.history.iter().all(|step| step.empty_layer);
        if !empty {
            stage.steps_before += usize::from(stage.steps > 0);
            stage.steps_at_from = stage.steps;
            if platform.os != config.platform.os || platform.architecture != config.platform.architecture {
                let kind = NoticeKind::InvalidBaseImagePlatform {
                    image: original.into(),
                    expected: platform.normalized().to_string(),
                    actual: config.platform.normalized().to_string(),
                };
                self.notices.push(Notice { kind, span: stage.span, comments: [].into() });
            }
        }
        stage.base_name.clone_from(&reference);
        stage.base = Base::Image { reference, config: Arc::clone(config), empty };
        stage.platform = Some(platform);
        Ok(())
    }

    /// Adds the triggers of the base of a stage; whether they read from other stages
    /// (`initOnBuildTriggers`).
    fn add_triggers(&mut self, id: StageId) -> Result<bool, Error> {
        let stage = &mut self.stages.list[id];
        let mut triggers: Vec<Vec<u8>> = Vec::new();
        if !std::mem::replace(&mut stage.progress.image_triggered, true) {
            let of_image = base_config(&stage.base).map(|config| config.config.on_build.iter());
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
        let mut commands = Vec::with_capacity(triggers.len());
        for trigger in triggers {
            let instruction = dockerfile::parse_trigger(&trigger, span.unwrap_or(Span::line(0)))?;
            commands.push(self.command(id, Cow::Owned(instruction), true)?);
        }
        let more = commands.iter().any(|command| !command.sources.is_empty());
        let stage = &mut self.stages.list[id];
        stage.steps += commands.len();
        commands.append(&mut stage.commands);
        stage.commands = commands;
        Ok(more)
    }
}

/// Names that a mistyped image may mean.
const COMMON_IMAGES: [&str; 7] = ["alpine", "busybox", "centos", "debian", "golang", "ubuntu", "fedora"];

/// The configuration that a stage starts from, where it is that of an image.
fn base_config(base: &Base) -> Option<&ImageConfig> {
    use super::context::LoadedContext;
    match base {
        Base::Image { config, .. } => Some(config),
        Base::Context(_, loaded) | Base::Replaced(_, Some(loaded)) => match loaded {
            LoadedContext::Image { image, .. } | LoadedContext::OciLayout { image, .. } => {
                image.config.as_deref().ok()
            }
            _ => None,
        },
        _ => None,
    }
}

/// The reference that the graph names: what was found, with its digest.
fn pinned(reference: Reference, fact: &ImageFact) -> Result<Reference, Error> {
    let reference = match &fact.reference {
        Some(found) => Reference::parse(found)?,
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
