//! Build checks: BuildKit's rules under BuildKit's names, in Bob's own words.
//!
//! Parsing, planning and lowering notice things and know no rules. Here each notice becomes the finding of a rule,
//! further rules look at the parsed Dockerfile, and the settings say which findings are reported. `rules/` has a file
//! for each rule.

#[cfg(test)]
mod document;
#[cfg(test)]
mod examples;
mod rules;
mod settings;

pub use rules::{RULES, Rule, rule};
pub use settings::{Settings, SettingsError};

use std::collections::BTreeSet;

use rules::Finding;

use super::dockerfile::{Dockerfile, ParserNote};
use super::plan::Notice;
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
    /// Adds what parsing noticed.
    pub fn add_parser_notes(&mut self, notes: &[ParserNote], settings: &Settings) {
        for note in notes {
            self.add(rules::of_parser_note(&note.kind), Some(note.span), note.check.as_deref(), settings);
        }
    }

    /// Adds what rules find in the parsed Dockerfile. Comments above an instruction do not switch them off, as in
    /// BuildKit (`validateStageNames` and `validateCommandCasing` in
    /// frontend/dockerfile/dockerfile2llb/validations.go).
    pub fn add_dockerfile(&mut self, dockerfile: &Dockerfile, settings: &Settings) {
        for (finding, span) in rules::of_dockerfile(dockerfile) {
            self.add(finding, Some(span), None, settings);
        }
    }

    /// Adds what planning and lowering noticed.
    pub fn add_notices(&mut self, notices: &[Notice], settings: &Settings) {
        for notice in notices {
            self.add(rules::of_notice(&notice.kind), notice.span, notice.check.as_deref(), settings);
        }
    }

    /// The names of the rules that are broken, if the settings make a broken rule an error.
    pub fn violated_rules(&self, settings: &Settings) -> Option<BTreeSet<&'static str>> {
        (settings.returns_as_error() && !self.warnings.is_empty())
            .then(|| self.warnings.iter().map(|warning| warning.rule.name).collect())
    }

    /// Adds a finding if its rule runs for an instruction whose comments say `comments`, the value of `check=…`.
    fn add(&mut self, finding: Finding, span: Option<Span>, comments: Option<&str>, settings: &Settings) {
        let Finding { rule, message } = finding;
        if settings.allow(rule, comments) {
            self.warnings.push(Warning { rule, message, span });
        }
    }
}

#[cfg(test)]
mod tests;
