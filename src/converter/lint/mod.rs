//! The build checks: BuildKit's rules under BuildKit's names, in our own words.
//!
//! Parsing, planning and lowering note what they see; here rules are chosen, switched on and off, and
//! put into words.

mod casing;
mod rules;
mod settings;

pub use rules::{RULES, Rule, rule};
pub use settings::{Settings, SettingsError};

use std::collections::BTreeSet;

use super::dockerfile::{Dockerfile, ParserNote, ParserNoteKind};
use super::plan::{Notice, NoticeKind};
use crate::diag::{Diagnostic, Source, Span};

/// What the checks found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The warnings in BuildKit's order.
    pub warnings: Vec<Warning>,
}

/// Something that a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The rule.
    pub rule: &'static Rule,
    /// What is wrong, in one line.
    pub message: String,
    /// The lines that BuildKit names, `None` where it names none.
    pub span: Option<Span>,
}

impl Warning {
    /// The warning as the user sees it, with the lines of `source`, the text that was parsed.
    pub fn diagnostic(&self, source: &Source) -> Diagnostic {
        Diagnostic::warning(self.rule.name, &self.message).at(source, self.span)
    }
}

impl Report {
    /// Adds what the parser saw.
    pub fn add_parser_notes(&mut self, notes: &[ParserNote], settings: &Settings) {
        for note in notes {
            let (rule, message) = of_parser_note(&note.kind);
            self.add(rule, message, Some(note.span), note.check.as_deref(), settings);
        }
    }

    /// Adds what the Dockerfile shows as it stands: casing and names.
    pub fn add_dockerfile(&mut self, dockerfile: &Dockerfile, settings: &Settings) {
        for (rule, message, span) in
            casing::stage_names(dockerfile).into_iter().chain(casing::instructions(dockerfile))
        {
            self.add(rule, message, Some(span), None, settings);
        }
    }

    /// Adds what planning and lowering saw.
    pub fn add_notices(&mut self, notices: &[Notice], settings: &Settings) {
        for notice in notices {
            let (rule, message) = of_notice(&notice.kind);
            self.add(rule, message, notice.span, notice.check.as_deref(), settings);
        }
    }

    /// The rules that were broken, if the settings make a broken rule an error.
    pub fn violated(&self, settings: &Settings) -> Option<BTreeSet<&'static str>> {
        (settings.fails() && !self.warnings.is_empty())
            .then(|| self.warnings.iter().map(|warning| warning.rule.name).collect())
    }

    fn add(
        &mut self,
        name: &'static str,
        message: String,
        span: Option<Span>,
        check: Option<&str>,
        settings: &Settings,
    ) {
        let Some(rule) = rule(name) else { return };
        if settings.runs(rule, check) {
            self.warnings.push(Warning { rule, message, span });
        }
    }
}

fn of_parser_note(kind: &ParserNoteKind) -> (&'static str, String) {
    match kind {
        ParserNoteKind::EmptyContinuation => (
            "NoEmptyContinuation",
            "an empty line continues an instruction; later versions will refuse it".into(),
        ),
        ParserNoteKind::StageNameCasing { name } => {
            ("StageNameCasing", format!("stage name {name:?} is not in lower case"))
        }
        ParserNoteKind::FromAsCasing { from, as_word } => {
            ("FromAsCasing", format!("{as_word:?} is not in the same case as {from:?}"))
        }
        ParserNoteKind::Maintainer => (
            "MaintainerDeprecated",
            "MAINTAINER is deprecated: use LABEL org.opencontainers.image.authors".into(),
        ),
        ParserNoteKind::InvalidDescription { instruction, example } => (
            "InvalidDefinitionDescription",
            format!(
                "the comment above {instruction} does not begin with what it describes: write `# {example} …`"
            ),
        ),
    }
}

fn of_notice(kind: &NoticeKind) -> (&'static str, String) {
    match kind {
        NoticeKind::CopyIgnoredFile { instruction, path } => (
            "CopyIgnoredFile",
            format!("{} takes {path:?}, which .dockerignore leaves out", instruction.to_uppercase()),
        ),
        NoticeKind::ExposeInvalidFormat { port } => {
            ("ExposeInvalidFormat", format!("EXPOSE names an address or a port of the host: {port:?}"))
        }
        NoticeKind::ExposeProtoCasing { port } => {
            ("ExposeProtoCasing", format!("the protocol in EXPOSE {port:?} is not in lower case"))
        }
        NoticeKind::FromPlatformFlagConstDisallowed { platform } => {
            ("FromPlatformFlagConstDisallowed", format!("FROM --platform is always {platform:?}"))
        }
        NoticeKind::InvalidBaseImagePlatform { image, expected, actual } => {
            ("InvalidBaseImagePlatform", format!("base image {image} is for {actual}, not for {expected}"))
        }
        NoticeKind::InvalidDefaultArgInFrom { base } => {
            ("InvalidDefaultArgInFrom", format!("without build arguments, {base} is no image"))
        }
        NoticeKind::JsonArgsRecommended { instruction } => (
            "JSONArgsRecommended",
            format!("{instruction} runs in a shell, which does not pass signals on: write a JSON array"),
        ),
        NoticeKind::LegacyKeyValueFormat { instruction } => (
            "LegacyKeyValueFormat",
            format!("write `{instruction} name=value` instead of `{instruction} name value`"),
        ),
        NoticeKind::MultipleInstructionsDisallowed { instruction } => (
            "MultipleInstructionsDisallowed",
            format!("this {instruction} is void: a later one takes its place"),
        ),
        NoticeKind::RedundantTargetPlatform { platform } => {
            ("RedundantTargetPlatform", format!("--platform={platform} is what FROM does anyway"))
        }
        NoticeKind::SecretsUsedInArgOrEnv { instruction, name } => (
            "SecretsUsedInArgOrEnv",
            format!("{instruction} {name:?} looks like a secret, which the image would keep"),
        ),
        NoticeKind::UndefinedArgInFrom { name, suggestion } => (
            "UndefinedArgInFrom",
            format!(
                "FROM uses the argument {name:?}, which is not declared{}",
                did_you_mean(suggestion.as_deref())
            ),
        ),
        NoticeKind::UndefinedVar { name, suggestion } => (
            "UndefinedVar",
            format!("the variable ${name} is not set{}", did_you_mean(suggestion.as_deref())),
        ),
        NoticeKind::WorkdirRelativePath { path } => (
            "WorkdirRelativePath",
            format!(
                "WORKDIR {path:?} is relative to whatever the base image says; make the first one absolute"
            ),
        ),
    }
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |suggestion| format!(" (did you mean {suggestion}?)"))
}

#[cfg(test)]
mod tests;
