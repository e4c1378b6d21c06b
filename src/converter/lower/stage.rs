//! One stage: what it takes over from its base, then its instructions in order.

use std::rc::Rc;

use super::names::StepNumbering;
use super::scan::NOT_VARIABLES;
use super::state::{Current, Finished, LastOnes, State};
use super::{Error, ErrorKind, Lowering};
use crate::converter::dockerfile::Kind;
use crate::converter::plan::{Command, NoticeKind, Stage, StageId};
use crate::diag::nearest;
use crate::image::{Platform, timestamp};

impl Lowering<'_, '_> {
    /// Lowers every stage that the target needs, in order.
    pub(super) fn run_stages(&mut self) -> Result<(), Error> {
        let plan = self.plan;
        let wanted = |id: &StageId| plan.needed[*id] || plan.options.all_stages;
        for id in (0..plan.stages.len()).filter(wanted) {
            let stage = &plan.stages[id];
            if stage.ready {
                let (state, platform) = self.base(id).map_err(|kind| Error::from(kind).at(stage.span))?;
                let (output, history) = (state.output, Vec::new());
                self.note_scan(id, output, &state.args);
                self.finished[id] = Some(Finished { output, history, platform, state: Some(state) });
            }
        }
        for id in (0..plan.stages.len()).filter(wanted) {
            // The build checks look at the instructions of stages that are taken as they are, too.
            if !plan.stages[id].ready || plan.options.all_stages {
                self.run_stage(id)?;
            }
        }
        Ok(())
    }

    fn run_stage(&mut self, id: StageId) -> Result<(), Error> {
        let stage = &self.plan.stages[id];
        let mut current = self.start(id).map_err(|kind| Error::from(kind).at(stage.span))?;
        for command in &stage.commands {
            current.on_build = command.on_build;
            let span = Some(command.instruction.head.span);
            self.run_command(&mut current, command).map_err(|kind| Error::from(kind).at(span))?;
        }
        // A stage without a platform of its own gets the target's, once it is done.
        let platform = if self.has_platform(stage) { current.platform } else { self.plan.platform.clone() };
        self.note_scan(id, current.state.output, &current.state.args);
        self.finished[id] = Some(Finished {
            output: current.state.output,
            history: current.history,
            platform: Some(platform),
            state: Some(current.state),
        });
        Ok(())
    }

    fn has_platform(&self, stage: &Stage<'_>) -> bool {
        match stage.parent() {
            Some(parent) => self.finished[parent].as_ref().is_some_and(|done| done.platform.is_some()),
            None => stage.platform.is_some(),
        }
    }

    /// What the instructions of a stage start with (`dispatchStages` up to the first instruction).
    fn start(&mut self, id: StageId) -> Result<Current, ErrorKind> {
        let stage = &self.plan.stages[id];
        let (state, platform) = match stage.parent() {
            Some(parent) => self.inherit(parent),
            None => match self.finished[id].take() {
                Some(Finished { state: Some(state), platform, .. }) => (state, platform),
                _ => self.base(id)?,
            },
        };
        let mut current = Current {
            id,
            state,
            platform: platform.unwrap_or_default(),
            steps: StepNumbering {
                label: stage.label.clone(),
                total: stage.steps,
                done: stage.steps_before,
                with_platform: self.plan.options.multi_platform && stage.from.is_some(),
            },
            no_cache: stage.no_cache,
            history: Vec::with_capacity(stage.commands.len()),
            created: self.plan.epoch.and_then(timestamp::from_unix),
            on_build: false,
            last: LastOnes::default(),
        };
        current.state.take_image_env(&current.platform.os);
        let image = Rc::clone(&current.state.image);
        if !image.config.working_dir.is_empty() {
            current.enter(&image.config.working_dir)?;
        }
        if !image.config.user.is_empty() {
            current.state.user = image.config.user.as_str().into();
        }
        Ok(current)
    }

    /// What a stage takes over from the stage that it builds on; the last one to do so takes it away.
    fn inherit(&mut self, parent: StageId) -> (State, Option<Platform>) {
        self.remaining_dependents[parent] -= 1;
        let last = self.remaining_dependents[parent] == 0;
        let Some(done) = &mut self.finished[parent] else {
            return (State::new(llb::Output::SCRATCH, None), None);
        };
        let state = if last { done.state.take() } else { done.state.clone() };
        let mut state = state.unwrap_or_else(|| State::new(done.output, None));
        if !state.image.config.on_build.is_empty() {
            state.config().on_build.clear();
        }
        (state, done.platform.clone())
    }

    fn run_command(&mut self, stage: &mut Current, command: &Command<'_>) -> Result<(), ErrorKind> {
        match &command.instruction.kind {
            Kind::Add(add) => self.add(stage, command, add)?,
            Kind::Arg(arg) => self.arg(stage, command, arg)?,
            Kind::Copy(copy) => self.copy(stage, command, copy)?,
            Kind::Env(env) => self.env(stage, command, env)?,
            Kind::Expose(expose) => self.expose(stage, command, expose)?,
            Kind::Label(label) => self.label(stage, command, label)?,
            Kind::Run(run) => self.run(stage, command, run)?,
            Kind::StopSignal(stop) => self.stop_signal(stage, command, stop)?,
            Kind::User(user) => self.user(stage, command, user)?,
            Kind::Volume(volume) => self.volume(stage, command, volume)?,
            Kind::Workdir(workdir) => self.workdir(stage, command, workdir)?,
            Kind::Cmd(line) => self.cmd(stage, command, line),
            Kind::Entrypoint(line) => self.entrypoint(stage, command, line),
            Kind::Healthcheck(check) => self.healthcheck(stage, command, check),
            Kind::Maintainer(maintainer) => stage.maintainer(maintainer),
            Kind::Onbuild(onbuild) => stage.state.config().on_build.push(onbuild.expression.clone()),
            Kind::Shell(shell) => stage.shell(shell),
        }
        Ok(())
    }

    /// `text` with variables expanded; variables that are not set are noted.
    pub(super) fn expand(
        &mut self,
        stage: &Current,
        command: &Command<'_>,
        text: &str,
    ) -> Result<String, ErrorKind> {
        let word = self.lex.process_word(text, &*stage.state.env);
        self.expanded(stage, command, word)
    }

    /// What an expansion gave; variables that are not set are noted (`reportUnmatchedVariables`).
    pub(super) fn expanded(
        &mut self,
        stage: &Current,
        command: &Command<'_>,
        word: Result<crate::converter::shell::Expansion, crate::converter::shell::Error>,
    ) -> Result<String, ErrorKind> {
        let unmatched = match &word {
            Ok(word) => &word.unmatched,
            Err(error) => &error.unmatched,
        };
        for name in unmatched {
            if stage.state.args.contains_key(name) || NOT_VARIABLES.contains(&name.as_str()) {
                continue;
            }
            let suggestion = nearest(name, stage.state.env.candidates(), true);
            self.notice(command, NoticeKind::UndefinedVar { name: name.clone(), suggestion });
        }
        Ok(word?.text)
    }
}
