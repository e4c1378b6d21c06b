//! From the stages as written to stages with names, bases and sources.

use super::args::{self, BuildArgs, EnvList};
use super::context;
use super::error::{Error, ErrorKind};
use super::notice::{Notice, NoticeKind};
use super::options::Options;
use super::stage::{Base, Command, InstructionRef, Stage, StageId, Stages};
use crate::converter::dockerfile::{self, Instruction, Kind};
use crate::converter::shell::{self, Lex};
use crate::diag::{Span, nearest};
use crate::image::{Platform, Reference};

use std::collections::{BTreeMap, BTreeSet};

/// What planning works on.
#[derive(Debug)]
pub(super) struct Planner<'a> {
    pub(super) options: &'a Options,
    pub(super) lex: Lex,
    /// Arguments that FROM sees.
    pub(super) global_args: EnvList,
    pub(super) build_args: BuildArgs<'a>,
    /// The platform that was asked for.
    pub(super) asked_platform: Option<Platform>,
    /// The platform to build for.
    pub(super) target_platform: Platform,
    /// Names of the arguments that FROM may use without a warning.
    pub(super) known_args: BTreeSet<String>,
    pub(super) stages: Stages<'a>,
    /// The images that triggers read from: whose triggers, and the image's name as they write it.
    pub(super) triggered: BTreeMap<StageId, (StageId, String)>,
    /// What build checks report.
    pub(super) notices: Vec<Notice>,
}

impl<'a> Planner<'a> {
    /// Reads the arguments before the first FROM.
    pub(super) fn declare_args(&mut self, dockerfile: &dockerfile::Dockerfile) -> Result<(), Error> {
        let last = dockerfile.stages.last().map_or("", |stage| stage.name.as_str());
        let target = if self.options.target.is_empty() { last } else { &self.options.target };
        let defaults = args::default_args(self.options, &self.target_platform, target);
        let declared = &dockerfile.meta_args;
        let (args, known) = args::meta_args(defaults.clone(), self.lex, declared, Some(&self.build_args))?;
        self.global_args = args;
        self.known_args = known.into_iter().map(str::to_owned).collect();
        if let Ok((args, _)) = args::meta_args(defaults, self.lex, declared, None) {
            self.check_default_bases(&dockerfile.stages, &args);
        }
        Ok(())
    }

    /// Adds every stage of the Dockerfile (`buildDispatchStates`).
    pub(super) fn add_stages(&mut self, stages: &'a [dockerfile::Stage]) -> Result<(), Error> {
        for (index, from) in stages.iter().enumerate() {
            let span = Some(from.head.span);
            let base = self.word(&from.base_name, from)?;
            if base.text.is_empty() {
                let expression = from.base_name.clone();
                return Err(Error::from(ErrorKind::BlankBase { expression }).or_at(span));
            }
            let mut stage = Stage::new(from, &base.text);
            if !from.platform.is_empty() {
                stage.platform = Some(self.platform(from)?);
            }
            if from.name.is_empty() {
                stage.label = format!("stage-{index}");
            } else {
                let platform = stage.platform.as_ref().or(self.asked_platform.as_ref());
                if let Some(context) = context::named(self.options, &from.name, platform)? {
                    stage.base = Base::Replaced(Box::new((context, None)));
                    self.stages.add(stage);
                    continue;
                }
            }
            stage.no_cache = self.options.no_cache.covers(&from.name);
            let id = self.stages.add(stage);
            let stage = &mut self.stages.list[id];
            let from_image = stage.base_name != "scratch" && stage.parent().is_none();
            let steps = |i: &&Instruction| {
                matches!(i.kind, Kind::Add(_) | Kind::Copy(_) | Kind::Run(_) | Kind::Workdir(_))
            };
            stage.steps = usize::from(from_image) + from.instructions.iter().filter(steps).count();
        }
        Ok(())
    }

    fn word(&mut self, text: &str, from: &dockerfile::Stage) -> Result<shell::Expansion, Error> {
        let word = self.lex.process_word(text, &self.global_args);
        let unmatched = match &word {
            Ok(word) => &word.unmatched,
            Err(error) => &error.unmatched,
        };
        for name in unmatched {
            if self.known_args.contains(name) || self.global_args.get(name).is_some() {
                continue;
            }
            let known =
                self.known_args.iter().map(String::as_str).take(500).chain(self.global_args.candidates());
            let kind =
                NoticeKind::UndefinedArgInFrom { name: name.clone(), suggestion: nearest(name, known, true) };
            self.notices.push(Notice { kind, span: Some(from.head.span), check: from.head.check.clone() });
        }
        word.map_err(|error| Error::from(error).or_at(Some(from.head.span)))
    }

    fn platform(&mut self, from: &dockerfile::Stage) -> Result<Platform, Error> {
        let expression = &from.platform;
        let word = self.word(expression, from)?;
        let mut note = |kind| {
            self.notices.push(Notice { kind, span: Some(from.head.span), check: from.head.check.clone() });
        };
        let parsed = Platform::parse(&word.text);
        let target = self.global_args.get("TARGETPLATFORM").unwrap_or_default();
        if word.matched.len() == 1 && word.unmatched.is_empty() {
            if word.matched.contains("TARGETPLATFORM") && word.text == target {
                note(NoticeKind::RedundantTargetPlatform { platform: expression.clone() });
            }
        } else if word.matched.is_empty()
            && word.unmatched.is_empty()
            && let Ok(platform) = &parsed
            && !from.name.contains(&*platform.os)
            && !from.name.contains(&*platform.architecture)
        {
            note(NoticeKind::FromPlatformFlagConstDisallowed { platform: word.text.clone() });
        }
        let suggest = || {
            let nearest = |name: &String| nearest(name, self.global_args.candidates(), true);
            word.unmatched.iter().find_map(nearest)
        };
        let failed = |kind: ErrorKind| Error::from(kind).or_at(Some(from.head.span));
        if word.text.is_empty() {
            return Err(failed(ErrorKind::EmptyPlatform {
                expression: expression.clone(),
                suggestion: suggest(),
            }));
        }
        parsed.map_err(|source| {
            failed(ErrorKind::Platform { expression: expression.clone(), suggestion: suggest(), source })
        })
    }

    /// The stage to build (`resolveTarget`).
    pub(super) fn target(&self) -> Result<StageId, Error> {
        let name = &self.options.target;
        if name.is_empty() {
            return Ok(self.stages.list.len() - 1);
        }
        self.stages.named(name).ok_or_else(|| {
            let suggestion = nearest(name, self.stages.labels(), true);
            ErrorKind::UnknownTarget { name: name.clone(), suggestion }.into()
        })
    }

    /// Finds out where every instruction reads from (`buildStageDependencyGraph`).
    pub(super) fn add_commands(&mut self) -> Result<(), Error> {
        for id in 0..self.stages.list.len() {
            let Some(from) = self.stages.list[id].from else { continue };
            let mut commands = Vec::with_capacity(from.instructions.len());
            for instruction in &from.instructions {
                commands.push(self.command(id, InstructionRef::Dockerfile(instruction), false)?);
            }
            self.stages.list[id].commands = commands;
        }
        self.check_cycles()?;
        if let [only] = &mut self.stages.list[..] {
            only.label.clear();
        }
        Ok(())
    }

    /// The command of an instruction in stage `id` (`toCommand`).
    pub(super) fn command(
        &mut self,
        id: StageId,
        instruction: InstructionRef<'a>,
        on_build: bool,
    ) -> Result<Command<'a>, Error> {
        let span = instruction.head.span;
        let sources = match &instruction.kind {
            Kind::Copy(copy) if !copy.from.is_empty() => vec![self.copy_source(&copy.from, span)?],
            Kind::Run(run) => {
                let named = |spec: &dockerfile::MountSpec| {
                    if spec.from.is_empty() { "scratch".to_owned() } else { spec.from.clone() }
                };
                let names: Vec<String> = run.mount_specs.iter().map(named).collect();
                let source = |name: &String| {
                    self.stages.named(name).unwrap_or_else(|| self.stages.add(Stage::image(name, None)))
                };
                names.iter().map(source).collect()
            }
            _ => Vec::new(),
        };
        for &source in &sources {
            self.stages.list[id].reads.add(source, span);
        }
        Ok(Command { instruction, sources, on_build })
    }

    fn copy_source(&mut self, from: &str, span: Span) -> Result<StageId, Error> {
        let word = self.lex.process_word(from, &EnvList::new())?;
        if word.text != from {
            return Err(ErrorKind::FromVariable.into());
        }
        if let Ok(index) = from.parse::<i64>() {
            let found = usize::try_from(index).ok().and_then(|number| self.stages.at(number));
            return found.ok_or_else(|| ErrorKind::StageIndex { index }.into());
        }
        Ok(self.stages.named(from).unwrap_or_else(|| self.stages.add(Stage::image(from, Some(span)))))
    }

    /// Fails where stages read from each other in a circle (`validateCircularDependency`). BuildKit
    /// follows only what instructions read, not what stages build on.
    fn check_cycles(&self) -> Result<(), Error> {
        let stages = &self.stages.list;
        let mut visited = vec![false; stages.len()];
        let mut on_path = vec![false; stages.len()];
        for start in 0..stages.len() {
            if std::mem::replace(&mut visited[start], true) {
                continue;
            }
            on_path[start] = true;
            // Each entry: a stage on the path, and the place of the next read to follow.
            let mut path: Vec<(StageId, usize)> = vec![(start, 0)];
            while let Some((stage, next)) = path.last_mut() {
                let Some((source, _)) = stages[*stage].reads.get(*next) else {
                    on_path[*stage] = false;
                    path.pop();
                    continue;
                };
                *next += 1;
                if on_path[source] {
                    let read = |(stage, next): &(StageId, usize)| {
                        stages[*stage].reads.get(next - 1).and_then(|read| read.1)
                    };
                    let spans = path.iter().filter_map(read).collect();
                    let stage = stages[start].label.clone();
                    return Err(Error { kind: Box::new(ErrorKind::Cycle { stage }), spans });
                }
                if !std::mem::replace(&mut visited[source], true) {
                    on_path[source] = true;
                    path.push((source, 0));
                }
            }
        }
        Ok(())
    }

    /// Notes base names that are no reference without build arguments (`validateBaseImagesWithDefaultArgs`).
    fn check_default_bases(&mut self, stages: &[dockerfile::Stage], args: &EnvList) {
        for from in stages {
            let Ok(word) = self.lex.process_word(&from.base_name, args) else { return };
            if Reference::parse(&word.text).is_err() {
                let kind = NoticeKind::InvalidDefaultArgInFrom { base: from.base_name.clone() };
                self.notices.push(Notice { kind, span: Some(from.head.span), check: None });
            }
        }
    }
}
