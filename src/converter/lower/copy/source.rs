//! One source of COPY or ADD: a repository, a file at a web address, or files of the context or a stage.

use llb::{Constraints, CopyAction, GitSource, HttpSource};

use super::{Common, Files};
use crate::converter::lower::from::COMMAND;
use crate::converter::lower::state::Current;
use crate::converter::lower::{ErrorKind, Lowering};
use crate::converter::plan::git::{self, GitRef};
use crate::converter::plan::{Command, NoticeKind, paths};
use crate::gotext::filepath::has_wildcards;
use crate::gotext::lossy;
use crate::image::digest;

impl Lowering<'_, '_> {
    /// The action for one source: a repository, a file at a web address, or files.
    pub(super) fn path_action(
        &mut self,
        stage: &Current,
        command: &Command<'_>,
        files: &mut Files<'_>,
        common: &Common<'_>,
        step: &str,
        path: &str,
    ) -> Result<CopyAction, ErrorKind> {
        match GitRef::parse(path)? {
            Some(found) if !found.like_a_path => {
                if !files.add {
                    return Err(ErrorKind::CopyGit);
                }
                let has_invalid_utf8 = found.not_utf8;
                let source = Self::git_source(files, found)?;
                let output = self.graph.source(source, Constraints::named(step));
                self.errors_at_encoding
                    .extend(has_invalid_utf8.then_some((output, ErrorKind::SourceNotUtf8)));
                return Ok(common.action(output, "/"));
            }
            _ => {}
        }
        if git::is_http(path) {
            if !files.add {
                return Err(ErrorKind::CopyUrl);
            }
            if !files.checksum.is_empty() {
                digest::check(&files.checksum)?;
            }
            let file = git::http_filename(path);
            let filename = lossy(&file);
            let source = HttpSource::new(path)
                .with_filename(filename.clone().into_owned())
                .with_checksum(files.checksum.clone());
            let mut constraints = Constraints::named(step);
            constraints.metadata.description.insert(COMMAND, "");
            let output = self.graph.source(source, constraints);
            if str::from_utf8(&file).is_err() {
                self.errors_at_encoding.push((output, ErrorKind::SourceNotUtf8));
            }
            let unpack = files.unpack.unwrap_or(false);
            return Ok(common.action(output, &filename).with_attempt_unpack(unpack));
        }
        if files.source == self.context {
            self.check_ignored(command, files.add, path);
        }
        local_action(files, common, path, &stage.platform.os)
    }

    /// The repository of ADD. What one source's query says holds for the next sources too, as in BuildKit.
    fn git_source(files: &mut Files<'_>, found: GitRef) -> Result<GitSource, ErrorKind> {
        if let (Some(flag), Some(query)) = (files.keep_git_dir, found.keep_git_dir)
            && flag != query
        {
            return Err(ErrorKind::KeepGitDir);
        }
        files.keep_git_dir = found.keep_git_dir.or(files.keep_git_dir);
        if !files.checksum.is_empty() && !found.checksum.is_empty() && files.checksum != found.checksum {
            return Err(ErrorKind::ChecksumMismatch { flag: files.checksum.clone(), query: found.checksum });
        }
        if !found.checksum.is_empty() {
            files.checksum = found.checksum;
        }
        Ok(GitSource::new(found.remote)
            .with_reference(found.reference)
            .with_subdir(found.subdir)
            .with_keep_git_dir(files.keep_git_dir == Some(true))
            .with_checksum(files.checksum.clone())
            .with_skip_submodules(found.submodules == Some(false))
            .with_fetch_by_commit(found.fetch_by_commit))
    }

    /// Notes a source that the ignore file leaves out (`validateCopySourcePath`).
    fn check_ignored(&mut self, command: &Command<'_>, add: bool, path: &str) {
        let Some(matcher) = self.matcher.as_ref().filter(|matcher| !matcher.has_exclusions()) else { return };
        let path = paths::clean(path);
        let everything = |text: &str| matches!(text, "*" | "**" | "**/*");
        if matches!(&*path, "." | "/") && !matcher.patterns().iter().any(|pattern| everything(pattern.text()))
        {
            return;
        }
        if matcher.matches_or_parent_matches(&path) == Ok(true) {
            let (instruction, path) = (if add { "Add" } else { "Copy" }, path.into_owned());
            self.notice(command, NoticeKind::CopyIgnoredFile { instruction, path });
        }
    }
}

/// The action for files of the context or a stage.
fn local_action(
    files: &Files<'_>,
    common: &Common<'_>,
    path: &str,
    os: &str,
) -> Result<CopyAction, ErrorKind> {
    let mut src = path;
    let mut include_patterns = Vec::new();
    let mut required_paths = Vec::new();
    if files.parents {
        // What stands before `/./` is not recreated at the destination.
        let (parent, pattern) = path.split_once("/./").unwrap_or(("/", path));
        src = parent;
        let pattern = paths::normalize("/", pattern, os, false)?;
        include_patterns.push(pattern.strip_prefix('/').unwrap_or(&pattern).to_owned());
        if !has_wildcards(src) && !has_wildcards(&pattern) {
            required_paths.push(paths::normalize("/", &paths::join([src, &pattern]), os, false)?);
        }
    }
    Ok(common
        .action(files.source, &paths::normalize("/", src, os, false)?)
        .with_follow_symlinks(true)
        .with_dir_contents_only(true)
        .with_include_patterns(include_patterns)
        .with_required_paths(required_paths)
        .with_attempt_unpack(files.unpack.unwrap_or(files.add))
        .with_allow_wildcard(true)
        .with_allow_empty_wildcard(true))
}

pub(super) fn check_checksum(files: &Files<'_>) -> Result<(), ErrorKind> {
    if files.checksum.is_empty() {
        return Ok(());
    }
    let [path] = &files.paths[..] else { return Err(ErrorKind::ChecksumOfSeveral) };
    if git::is_http(path) || git::is_git(path) { Ok(()) } else { Err(ErrorKind::ChecksumOfFile) }
}
