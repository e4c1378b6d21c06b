//! `SOURCE_DATE_EPOCH`: seconds, or something whose time it takes (dockerfile2llb/epoch.go).

use super::EPOCH;
use super::env::EnvList;
use crate::converter::dockerfile::{self, Add, Arg, Kind};
use crate::converter::plan::build::Planner;
use crate::converter::plan::context::git::{self, GitRef};
use crate::converter::plan::context::remote_source::RemoteSource;
use crate::converter::plan::context::{self, LoadedContext};
use crate::converter::plan::error::{Error, ErrorKind};
use crate::converter::plan::need::{Fact, Facts, Need, Needs};
use crate::gotext::{equal_fold, lossy};
use crate::image::digest;

/// Whether a time is known.
pub(in crate::converter::plan) enum Epoch {
    /// It has to be asked for.
    Missing,
    /// Seconds since 1970, `None` without a time.
    Known(Option<i64>),
}

impl Planner<'_> {
    /// The time that `SOURCE_DATE_EPOCH` means; it becomes the argument's value for all stages.
    pub(in crate::converter::plan) fn resolve_epoch(
        &mut self,
        stages: &[dockerfile::Stage],
        facts: &Facts,
        needs: &mut Needs,
    ) -> Result<Epoch, Error> {
        let name = EPOCH;
        let global = || self.global_args.get(name).filter(|value| !value.is_empty());
        let Some(value) = self.build_args.get(name).or_else(global).map(str::to_owned) else {
            return Ok(Epoch::Known(None));
        };
        let epoch = if value.is_empty() {
            None
        } else if let Ok(seconds) = value.parse::<i64>() {
            Some(seconds)
        } else {
            match self.named_epoch(&value, stages, facts, needs)? {
                Epoch::Missing => return Ok(Epoch::Missing),
                Epoch::Known(epoch) => epoch,
            }
        };
        let text = epoch.map(|seconds| seconds.to_string()).unwrap_or_default();
        self.build_args.resolve_epoch(&text);
        if self.global_args.get(name).is_some() {
            if text.is_empty() {
                self.global_args.delete(name);
            } else {
                self.global_args.set(name, &text);
            }
        }
        Ok(Epoch::Known(epoch))
    }

    fn named_epoch(
        &self,
        value: &str,
        stages: &[dockerfile::Stage],
        facts: &Facts,
        needs: &mut Needs,
    ) -> Result<Epoch, Error> {
        if value == "context" {
            let log_name = "[internal] resolve main build context metadata".to_owned();
            return match context::main_context(self.options)? {
                Some((source, _)) => time_of(source, log_name, facts, needs),
                None => Ok(Epoch::Known(None)),
            };
        }
        if let Some(named) = context::find(self.options, value, None)? {
            let log_name = format!("[internal] resolve SOURCE_DATE_EPOCH named context {value}");
            return match named.load(self.options, facts, needs)? {
                None => Ok(Epoch::Missing),
                Some(LoadedContext::Remote { source, .. }) => time_of(source, log_name, facts, needs),
                Some(_) => Ok(Epoch::Known(None)),
            };
        }
        let Some(stage) = stages.iter().find(|stage| equal_fold(&stage.name, value)) else {
            return Err(ErrorKind::Epoch { value: value.into() }.into());
        };
        let source = self.stage_source(stage).map_err(|error| error.or_at(Some(stage.head.span)))?;
        time_of(
            source,
            format!("[internal] resolve SOURCE_DATE_EPOCH source stage {}", stage.name),
            facts,
            needs,
        )
    }

    /// The one remote source that a stage consists of.
    fn stage_source(&self, stage: &dockerfile::Stage) -> Result<RemoteSource, Error> {
        let mut env = self.global_args.clone();
        env.delete(EPOCH);
        if self.lex.process_word(&stage.base_name, &env)?.text != "scratch" {
            return Err(ErrorKind::EpochBase.into());
        }
        let mut source = None;
        for instruction in &stage.instructions {
            match &instruction.kind {
                Kind::Arg(arg) => self.set_args(arg, &mut env)?,
                Kind::Add(_) if source.is_some() => return Err(ErrorKind::EpochAdds.into()),
                Kind::Add(add) => source = Some(self.add_source(add, &env)?),
                _ => {
                    let instruction = instruction.head.keyword().to_owned();
                    return Err(ErrorKind::EpochInstruction { instruction }.into());
                }
            }
        }
        source.ok_or_else(|| ErrorKind::EpochAdds.into())
    }

    fn set_args(&self, arg: &Arg, env: &mut EnvList) -> Result<(), Error> {
        for pair in &arg.pairs {
            if let Some(value) = self.build_args.get(&pair.key) {
                env.set(&pair.key, value);
            } else if let Some(default) = &pair.value {
                let value = self.lex.process_word(default, env)?.text;
                env.set(&pair.key, &value);
            }
        }
        Ok(())
    }

    fn add_source(&self, add: &Add, env: &EnvList) -> Result<RemoteSource, Error> {
        let ([path], []) = (&add.files.paths[..], &add.files.contents[..]) else {
            return Err(ErrorKind::EpochSources.into());
        };
        let path = self.lex.process_word(path, env)?.text;
        let checksum = if add.checksum.is_empty() {
            String::new()
        } else {
            self.lex.process_word(&add.checksum, env)?.text
        };
        if git::is_http(&path) {
            if !add.checksum.is_empty() {
                digest::check(&checksum)?;
            }
            let filename = git::http_filename(&path);
            let not_utf8 = str::from_utf8(&filename).is_err();
            let filename = lossy(&filename).into_owned();
            return Ok(RemoteSource::Http { url: path, filename, checksum, not_utf8 });
        }
        match GitRef::parse(&path)? {
            Some(found) if !found.like_a_path => Ok(RemoteSource::Git {
                remote: found.remote,
                reference: found.reference,
                subdir: found.subdir,
                checksum: if add.checksum.is_empty() { found.checksum } else { checksum },
                keep_git_dir: add.keep_git_dir == Some(true) || found.keep_git_dir == Some(true),
                skip_submodules: found.submodules == Some(false),
                mtime: String::new(),
                fetch_by_commit: false,
                not_utf8: found.not_utf8,
            }),
            _ => Err(ErrorKind::EpochLocal.into()),
        }
    }
}

fn time_of(source: RemoteSource, log_name: String, facts: &Facts, needs: &mut Needs) -> Result<Epoch, Error> {
    if source.is_not_utf8() {
        return Err(ErrorKind::SourceNotUtf8.into());
    }
    let need = Need::SourceTime { source };
    match facts.get(&need) {
        None => {
            needs.insert(need, log_name);
            Ok(Epoch::Missing)
        }
        Some(Err(failure)) => Err(ErrorKind::Lookup(failure.clone()).into()),
        Some(Ok(Fact::SourceTime(seconds))) => Ok(Epoch::Known(*seconds)),
        Some(Ok(_)) => Ok(Epoch::Known(None)),
    }
}
