//! COPY and ADD (`convert_copy.go` of dockerfile2llb).

mod chmod;
mod source;

use llb::{Chmod, Constraints, CopyAction, FileOp, MkfileAction, Output, Owner, ProgressGroup};

use super::names::{StepPrefix, shown};
use super::state::Current;
use super::{ErrorKind, Lowering};
use crate::converter::dockerfile::{Add, Copy, SourcesAndDest};
use crate::converter::plan::{Command, paths};
use crate::gotext::lossy;
use source::check_checksum;

/// What COPY and ADD share, with variables expanded.
struct Files<'a> {
    add: bool,
    paths: Vec<String>,
    /// Names and contents of here-documents.
    contents: Vec<(&'a str, Vec<u8>)>,
    dest: String,
    source: Output,
    chown: String,
    chmod: String,
    exclude: &'a [String],
    link: bool,
    parents: bool,
    unpack: Option<bool>,
    keep_git_dir: Option<bool>,
    checksum: String,
}

/// What every action of one instruction has in common.
struct Common<'a> {
    dest: String,
    owner: Option<Owner>,
    chmod: Option<Chmod>,
    exclude: &'a [String],
}

impl Common<'_> {
    fn action(&self, from: Output, src: &str) -> CopyAction {
        CopyAction::new(from, src, &self.dest)
            .with_owner(self.owner.clone())
            .with_chmod(self.chmod.clone())
            .with_exclude_patterns(self.exclude.to_vec())
            .with_create_dest_path(true)
    }
}

impl Lowering<'_, '_> {
    pub(super) fn add(
        &mut self,
        stage: &mut Current,
        command: &Command<'_>,
        add: &Add,
    ) -> Result<(), ErrorKind> {
        let chown = self.expand(stage, command, &add.chown)?;
        let chmod = self.expand(stage, command, &add.chmod)?;
        let checksum = self.expand(stage, command, &add.checksum)?;
        let (paths, dest, contents) = self.words(stage, command, &add.files)?;
        let files = Files {
            add: true,
            contents,
            dest,
            source: self.context,
            chown,
            chmod,
            exclude: &add.exclude,
            link: add.link,
            parents: false,
            unpack: add.unpack,
            keep_git_dir: add.keep_git_dir,
            checksum,
            paths,
        };
        let paths = self.copy_files(stage, command, files)?;
        for path in paths {
            if !path.starts_with("http://") && !path.starts_with("https://") {
                self.context_paths.insert(paths::join(["/", &path]));
            }
        }
        Ok(())
    }

    pub(super) fn copy(
        &mut self,
        stage: &mut Current,
        command: &Command<'_>,
        copy: &Copy,
    ) -> Result<(), ErrorKind> {
        let chown = self.expand(stage, command, &copy.chown)?;
        let chmod = self.expand(stage, command, &copy.chmod)?;
        let (paths, dest, contents) = self.words(stage, command, &copy.files)?;
        let from = command.sources.first().copied();
        let source = match from {
            None => self.context,
            Some(id) => self.files_of(stage, id).ok_or_else(|| {
                let stage = stage.steps.label.clone();
                ErrorKind::CopyFromLater { from: copy.from.clone(), stage }
            })?,
        };
        let files = Files {
            add: false,
            contents,
            dest,
            source,
            chown,
            chmod,
            exclude: &copy.exclude,
            link: copy.link,
            parents: copy.parents,
            unpack: None,
            keep_git_dir: None,
            checksum: String::new(),
            paths,
        };
        let paths = self.copy_files(stage, command, files)?;
        for path in paths {
            let path = paths::join(["/", &path]);
            match from {
                None => {
                    self.context_paths.insert(path);
                }
                Some(id) => self.read_stage(id, &path),
            }
        }
        Ok(())
    }

    /// Sources, destination and here-documents with variables expanded.
    #[expect(clippy::type_complexity, reason = "three parts of one instruction, taken apart at once")]
    fn words<'a>(
        &mut self,
        stage: &Current,
        command: &Command<'_>,
        files: &'a SourcesAndDest,
    ) -> Result<(Vec<String>, String, Vec<(&'a str, Vec<u8>)>), ErrorKind> {
        let expanded = |path: &String| self.expand(stage, command, path);
        let paths = files.paths.iter().map(expanded).collect::<Result<_, _>>()?;
        let dest = self.expand(stage, command, &files.dest)?;
        let mut contents = Vec::with_capacity(files.contents.len());
        for file in &files.contents {
            let data = if file.expand {
                let lex = crate::converter::shell::Lex {
                    skip_process_quotes: true,
                    ..crate::converter::shell::Lex::new('\\')
                };
                let word = lex.process_word(&lossy(&file.data), &*stage.state.env);
                self.expanded(stage, command, word)?.into_bytes()
            } else {
                file.data.clone()
            };
            contents.push((file.path.as_str(), data));
        }
        Ok((paths, dest, contents))
    }

    /// Adds the op; returns the sources.
    fn copy_files(
        &mut self,
        stage: &mut Current,
        command: &Command<'_>,
        mut files: Files<'_>,
    ) -> Result<Vec<String>, ErrorKind> {
        let os = stage.platform.os.clone();
        let mut common = Common {
            dest: destination(&stage.state.dir, &files.dest, &os)?,
            owner: (!files.chown.is_empty()).then(|| Owner::parse(&files.chown)),
            exclude: files.exclude,
            chmod: None,
        };
        common.chmod = chmod::parse(&files.chmod)?;
        check_checksum(&files)?;
        let head = &command.instruction.head;
        let name = shown(&head.code, self.lex, &*stage.state.env);
        let prefix = stage.steps.next_prefix(Some(&stage.platform), &stage.state.env, stage.on_build);
        let step = prefix.named(&name);
        let mut actions = Vec::new();
        for path in std::mem::take(&mut files.paths) {
            actions.push(self.path_action(stage, command, &mut files, &common, &step, &path)?);
            files.paths.push(path);
        }
        for (path, data) in &files.contents {
            let path = paths::without_drive(path, &os, false)?;
            let mut file = FileOp::new(Output::SCRATCH);
            file.push(MkfileAction::new(&*path, 0o644, data.as_slice()));
            let document = self.graph.file(file, Constraints::named("[internal] preparing inline document"));
            actions.push(common.action(document, &paths::to_slash(&path, &os)));
        }
        self.add_file_op(stage, command, &files, actions, &name, &prefix);
        stage.commit(message(&files), true);
        Ok(files.paths)
    }

    fn add_file_op(
        &mut self,
        stage: &mut Current,
        command: &Command<'_>,
        files: &Files<'_>,
        actions: Vec<CopyAction>,
        name: &str,
        prefix: &StepPrefix,
    ) {
        let link = files.link && files.chmod.is_empty();
        let mut file = if link {
            FileOp::new(Output::SCRATCH)
        } else {
            FileOp::new(stage.state.output).in_dir(&*stage.state.dir)
        };
        for action in actions {
            file.push(action);
        }
        let span = command.instruction.head.span;
        let mut step = self.step(prefix.named(name), Some(span));
        step.metadata.ignore_cache = stage.no_cache;
        if !link {
            stage.state.output = self.graph.file(file, step);
            return;
        }
        let id = format!("link-{}-{}-{}", self.plan.platform, stage.id, stage.steps.done);
        let group = ProgressGroup::new(id, prefix.named(name));
        let mut merge_step = step.clone().with_name(prefix.named(&format!("LINK {name}")));
        step.metadata.progress_group = Some(group.clone().with_weak(true));
        merge_step.metadata.progress_group = Some(group);
        let copied = self.graph.file(file, step);
        stage.state.output = self.graph.merge([stage.state.output, copied], merge_step);
    }
}

/// The destination, relative ones taken from the working directory (`pathRelativeToWorkingDir`).
fn destination(dir: &str, dest: &str, os: &str) -> Result<String, ErrorKind> {
    let dest = paths::without_drive(dest, os, true)?;
    if paths::is_absolute(&dest, os) {
        return Ok(paths::normalize("/", &dest, os, true)?);
    }
    let dest = if matches!(&*dest, "." | "") { "./" } else { &dest };
    Ok(paths::normalize(dir, dest, os, true)?)
}

/// The step in the history.
fn message(files: &Files<'_>) -> String {
    let paths: usize = files.paths.iter().map(|path| path.len() + 1).sum();
    let mut message = String::with_capacity(paths + files.dest.len() + 64);
    message.push_str(if files.add { "ADD" } else { "COPY" });
    if files.parents {
        message.push_str(" --parents");
    }
    for (flag, value) in [(" --chown=", &files.chown), (" --chmod=", &files.chmod)] {
        if !value.is_empty() {
            message.extend([flag, value]);
        }
    }
    for path in &files.paths {
        message.extend([" ", path]);
    }
    for (path, _) in &files.contents {
        message.extend([" <<", path]);
    }
    message.extend([" ", &files.dest, " # buildkit"]);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_keep_the_sign_of_a_folder() {
        for (dest, absolute) in [
            ("x", "/srv/x"),
            ("x/", "/srv/x/"),
            (".", "/srv/"),
            ("", "/srv/"),
            ("/a/../b/", "/a/../b/"),
            ("./", "/srv/"),
        ] {
            assert_eq!(destination("/srv", dest, "linux").unwrap(), absolute, "{dest:?}");
        }
    }
}
