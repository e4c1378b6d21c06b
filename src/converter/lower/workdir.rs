//! WORKDIR: the directory is made, and entered.

use llb::{FileOp, MkdirAction, Owner};

use super::names::shown;
use super::state::Current;
use super::{ErrorKind, Lowering};
use crate::converter::dockerfile::Workdir;
use crate::converter::plan::{Command, NoticeKind, paths};

impl Lowering<'_, '_> {
    pub(super) fn workdir(
        &mut self,
        stage: &mut Current,
        command: &Command<'_>,
        workdir: &Workdir,
    ) -> Result<(), ErrorKind> {
        let path = self.expand(stage, command, &workdir.path)?;
        if !stage.state.workdir_set && !paths::is_absolute(&path, stage.os()) {
            self.notice(command, NoticeKind::WorkdirRelativePath { path: path.clone() });
        }
        stage.state.workdir_set = true;
        let dir = stage.enter(&path)?;
        if dir != "/" {
            let user = &stage.state.image.config.user;
            let mut file = FileOp::new(stage.state.output).in_dir(&*stage.state.dir);
            file.push(
                MkdirAction::new(&dir, 0o755)
                    .with_make_parents(true)
                    .with_owner((!user.is_empty()).then(|| Owner::parse(user)))
                    .with_timestamp(self.plan.epoch.map(|seconds| seconds.wrapping_mul(1_000_000_000))),
            );
            let head = &command.instruction.head;
            let name = shown(&head.code, self.lex, &*stage.state.env);
            let place = stage.steps.next(Some(&stage.platform), &stage.state.env, stage.on_build);
            let step = self.step(place.named(&name), Some(head.span));
            stage.state.output = self.graph.file(file, step);
        }
        stage.commit(["WORKDIR ", &dir].concat(), dir != "/");
        Ok(())
    }
}
