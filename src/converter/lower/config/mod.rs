//! Instructions that change nothing but variables and the image configuration.

mod expose;
mod signal;

use std::borrow::Cow;
use std::rc::Rc;

use super::scan::NOT_VARIABLES;
use super::state::Current;
use super::{ErrorKind, Lowering};
use crate::converter::dockerfile::{
    Arg, CommandLine, Env, Form, Healthcheck, Label, Maintainer, Pair, Shell, StopSignal, User, Volume,
};
use crate::converter::plan::{Command, NoticeKind};
use crate::gotext;
use crate::image::{self, ImageConfig};

impl Lowering<'_, '_> {
    pub(super) fn env(
        &mut self,
        stage: &mut Current,
        command: &Command<'_>,
        env: &Env,
    ) -> Result<(), ErrorKind> {
        let pairs = self.pairs(stage, command, &env.pairs)?;
        let mut message = message("ENV");
        for ((name, value), pair) in pairs.iter().zip(&env.pairs) {
            if pair.legacy {
                self.legacy(command);
            }
            self.check_secret(command, "ENV", name);
            message.extend([" ", name, "=", value]);
            stage.state.set_image_env(name, value);
        }
        stage.commit(message, false);
        Ok(())
    }

    pub(super) fn label(
        &mut self,
        stage: &mut Current,
        command: &Command<'_>,
        label: &Label,
    ) -> Result<(), ErrorKind> {
        let pairs = self.pairs(stage, command, &label.pairs)?;
        let mut message = message("LABEL");
        for ((name, value), pair) in pairs.into_iter().zip(&label.pairs) {
            if pair.legacy {
                self.legacy(command);
            }
            message.extend([" ", &name, "=", &value]);
            stage.state.config().labels.insert(name, value);
        }
        stage.commit(message, false);
        Ok(())
    }

    /// Names and values, all expanded before the first one counts.
    fn pairs(
        &mut self,
        stage: &Current,
        command: &Command<'_>,
        pairs: &[Pair],
    ) -> Result<Vec<(String, String)>, ErrorKind> {
        let expanded = |pair: &Pair| {
            let name = self.expand(stage, command, &pair.key)?;
            Ok((name, self.expand(stage, command, &pair.value)?))
        };
        pairs.iter().map(expanded).collect()
    }

    fn legacy(&mut self, command: &Command<'_>) {
        let instruction = command.instruction.head.keyword().to_owned();
        self.notice(command, NoticeKind::LegacyKeyValueFormat { instruction });
    }

    fn check_secret(&mut self, command: &Command<'_>, instruction: &'static str, name: &str) {
        if is_secret(name) {
            self.notice(command, NoticeKind::SecretsUsedInArgOrEnv { instruction, name: name.to_owned() });
        }
    }

    /// ARG: the value of the options, else the default, else that of the argument before the first FROM.
    pub(super) fn arg(
        &mut self,
        stage: &mut Current,
        command: &Command<'_>,
        arg: &Arg,
    ) -> Result<(), ErrorKind> {
        let mut message = message("ARG");
        for pair in &arg.pairs {
            let name = pair.key.as_str();
            self.check_secret(command, "ARG", name);
            let given = self.plan.build_args.get(name);
            let is_bare = given.is_none() && pair.value.is_none();
            let value = match (given, &pair.value) {
                (Some(given), _) => Some(given.to_owned()),
                (None, Some(default)) => Some(self.expand(stage, command, default)?),
                (None, None) => self.plan.global_args.get(name).map(str::to_owned),
            };
            message.extend([" ", name]);
            if let Some(value) = &value {
                message.extend(["=", value]);
                if !NOT_VARIABLES.contains(&name) {
                    stage.state.set_env(name, value);
                }
            }
            if let Some(declarations) = &mut self.declarations {
                let is_inherited = is_bare && value.is_some();
                let span = command.instruction.head.span;
                declarations.add_arg(stage.id, pair, value.as_deref(), span, is_inherited);
            }
            Rc::make_mut(&mut stage.state.args).insert(name.to_owned(), value);
        }
        stage.commit(message, false);
        Ok(())
    }

    pub(super) fn cmd(&mut self, stage: &mut Current, command: &Command<'_>, line: &CommandLine) {
        self.used_once(command, stage.last.cmd.replace(command.instruction.head.span));
        let args = self.command_line(stage, command, line);
        stage.commit_instruction("CMD", &quoted(&args, line), false);
        let config = stage.state.config();
        config.cmd = args;
        config.args_escaped = true;
    }

    pub(super) fn entrypoint(&mut self, stage: &mut Current, command: &Command<'_>, line: &CommandLine) {
        self.used_once(command, stage.last.entrypoint.replace(command.instruction.head.span));
        let args = self.command_line(stage, command, line);
        stage.commit_instruction("ENTRYPOINT", &quoted(&args, line), false);
        let keep_cmd = stage.last.cmd.is_some();
        let config = stage.state.config();
        config.entrypoint = args;
        if !keep_cmd {
            config.cmd = Vec::new();
        }
    }

    fn command_line(&mut self, stage: &Current, command: &Command<'_>, line: &CommandLine) -> Vec<String> {
        if line.form == Form::Exec {
            return line.args.clone();
        }
        if stage.state.image.config.shell.is_empty() {
            let instruction = command.instruction.head.keyword().to_owned();
            self.notice(command, NoticeKind::JsonArgsRecommended { instruction });
        }
        with_shell(&stage.state.image, &line.args)
    }

    /// Notes an earlier instruction, at `earlier`, that this one makes void.
    fn used_once(&mut self, command: &Command<'_>, earlier: Option<crate::diag::Span>) {
        if let Some(span) = earlier {
            let instruction = command.instruction.head.keyword().to_owned();
            self.notice(command, NoticeKind::MultipleInstructionsDisallowed { instruction });
            if let Some(notice) = self.notices.last_mut() {
                notice.span = Some(span);
            }
        }
    }

    pub(super) fn healthcheck(&mut self, stage: &mut Current, command: &Command<'_>, check: &Healthcheck) {
        self.used_once(command, stage.last.healthcheck.replace(command.instruction.head.span));
        stage.commit(
            format!(
                "HEALTHCHECK {{Test:{} Interval:{} Timeout:{} StartPeriod:{} StartInterval:{} Retries:{}}}",
                gotext::list(&check.test),
                gotext::duration(check.interval_ns),
                gotext::duration(check.timeout_ns),
                gotext::duration(check.start_period_ns),
                gotext::duration(check.start_interval_ns),
                check.retries
            ),
            false,
        );
        stage.state.config().healthcheck = Some(image::Healthcheck {
            test: check.test.clone(),
            interval: check.interval_ns,
            timeout: check.timeout_ns,
            start_period: check.start_period_ns,
            start_interval: check.start_interval_ns,
            retries: check.retries.into(),
        });
    }

    pub(super) fn stop_signal(
        &mut self,
        stage: &mut Current,
        command: &Command<'_>,
        stop: &StopSignal,
    ) -> Result<(), ErrorKind> {
        let signal = self.expand(stage, command, &stop.signal)?;
        if !signal::is_signal(&signal) {
            return Err(ErrorKind::Signal { signal });
        }
        stage.commit_instruction("STOPSIGNAL", &signal, false);
        stage.state.config().stop_signal = signal;
        Ok(())
    }

    pub(super) fn user(
        &mut self,
        stage: &mut Current,
        command: &Command<'_>,
        user: &User,
    ) -> Result<(), ErrorKind> {
        let user = self.expand(stage, command, &user.user)?;
        stage.commit_instruction("USER", &user, false);
        stage.state.user = user.as_str().into();
        stage.state.config().user = user;
        Ok(())
    }

    pub(super) fn volume(
        &mut self,
        stage: &mut Current,
        command: &Command<'_>,
        volume: &Volume,
    ) -> Result<(), ErrorKind> {
        let expanded = |path: &String| self.expand(stage, command, path);
        let paths: Vec<String> = volume.paths.iter().map(expanded).collect::<Result<_, _>>()?;
        if paths.iter().any(String::is_empty) {
            return Err(ErrorKind::EmptyVolume);
        }
        stage.commit_instruction("VOLUME", &gotext::list(&paths), false);
        stage.state.config().volumes.extend(paths);
        Ok(())
    }
}

/// The start of a line of the history, with room for the rest.
fn message(instruction: &str) -> String {
    let mut message = String::with_capacity(96);
    message.push_str(instruction);
    message
}

impl Current {
    pub(super) fn maintainer(&mut self, maintainer: &Maintainer) {
        Rc::make_mut(&mut self.state.image).author.clone_from(&maintainer.name);
        self.commit_instruction("MAINTAINER", &maintainer.name, false);
    }

    pub(super) fn shell(&mut self, shell: &Shell) {
        self.state.config().shell.clone_from(&shell.shell);
        self.commit_instruction("SHELL", &gotext::list(&shell.shell), false);
    }
}

/// A command as the history has it: the bytes of a text that is not UTF-8 as they are written.
fn quoted(args: &[String], line: &CommandLine) -> String {
    let mut words: Vec<&[u8]> = args.iter().map(String::as_bytes).collect();
    if let (Some(raw), Some(last)) = (&line.raw, words.last_mut()) {
        *last = raw;
    }
    gotext::quoted_list(words)
}

/// A command in shell form with the shell before it.
pub(super) fn with_shell<S>(image: &ImageConfig, args: &[String]) -> Vec<S>
where
    S: for<'a> From<&'a str>,
{
    let shell = &image.config.shell;
    let mut line = Vec::with_capacity(shell.len().max(3) + 1);
    if shell.is_empty() {
        let shell: &[&str] =
            if image.platform.os == "windows" { &["cmd", "/S", "/C"] } else { &["/bin/sh", "-c"] };
        line.extend(shell.iter().map(|word| S::from(word)));
    } else {
        line.extend(shell.iter().map(|word| S::from(word)));
    }
    line.push(match args {
        [one] => S::from(one),
        several => S::from(&several.join(" ")),
    });
    line
}

const SECRET_WORDS: [&str; 10] =
    ["apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token"];

const HARMLESS_WORDS: [&str; 3] = ["public", "file", "version"];

/// Whether a variable's name says that it holds a secret: a word of it, parted by `_`, is one of
/// [`SECRET_WORDS`] and none is one of [`HARMLESS_WORDS`].
fn is_secret(name: &str) -> bool {
    // Case is folded as Go's regular expressions fold it: U+212A and U+017F are letters too.
    let folded: Cow<'_, str> = if name.is_ascii() {
        name.into()
    } else {
        name.replace('\u{212a}', "k").replace('\u{17f}', "s").into()
    };
    let has = |words: &[&str]| {
        let is_one = |part: &[u8]| words.iter().any(|word| part.eq_ignore_ascii_case(word.as_bytes()));
        folded.as_bytes().split(|byte| *byte == b'_').any(is_one)
    };
    has(&SECRET_WORDS) && !has(&HARMLESS_WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_by_a_whole_word() {
        for name in ["TOKEN", "api_key", "GITHUB_TOKEN_X", "secret_", "DbPassword_key"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["TOKENS", "MONKEY", "PUBLIC_KEY", "token_file", "KEY_VERSION", "", "_"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
