//! The list of the rules, and which rule each notice belongs to.
//!
//! Each file beside this one is a rule: its texts, what makes a finding of it, and its test. `rules!` below lists them,
//! a line each. A file that is not listed is not compiled, so that what it finds cannot be reported.

use std::sync::LazyLock;

use crate::converter::dockerfile::{Dockerfile, ParserNoteKind};
use crate::converter::plan::NoticeKind;
use crate::diag::Span;

/// Declares the modules of the rules and lists what they define.
macro_rules! rules {
    ($($module:ident,)*) => {
        $(mod $module;)*

        static LISTED: &[&Rule] = &[$(&$module::RULE),*];

        /// The names of the modules in the order of [`LISTED`].
        #[cfg(test)]
        pub(super) const MODULES: &[&str] = &[$(stringify!($module)),*];
    };
}

rules! {
    // Noticed while parsing.
    from_as_casing,
    invalid_definition_description,
    maintainer_deprecated,
    no_empty_continuation,
    stage_name_casing,
    // Found in the parsed Dockerfile. The order is that of BuildKit's reports.
    reserved_stage_name,
    duplicate_stage_name,
    consistent_instruction_casing,
    // Noticed while planning and lowering.
    copy_ignored_file,
    expose_invalid_format,
    expose_proto_casing,
    from_platform_flag_const_disallowed,
    invalid_base_image_platform,
    invalid_default_arg_in_from,
    json_args_recommended,
    legacy_key_value_format,
    multiple_instructions_disallowed,
    redundant_target_platform,
    secrets_used_in_arg_or_env,
    undefined_arg_in_from,
    undefined_var,
    workdir_relative_path,
}

/// A build check. It has the name and the meaning that it has in BuildKit (`LinterRule` in
/// frontend/dockerfile/linter/linter.go); the texts are Bob's own.
#[derive(Debug)]
pub struct Rule {
    /// BuildKit's name of it.
    pub name: &'static str,
    /// What it wants, in one sentence.
    pub summary: &'static str,
    /// Why.
    pub reason: &'static str,
    /// A Dockerfile, or some lines of one, that breaks it.
    pub bad: &'static str,
    /// The same as it should be.
    pub good: &'static str,
    /// Whether it runs only where it is asked for.
    pub experimental: bool,
    /// Its page in Docker's documentation, `None` where BuildKit names none.
    pub url: Option<&'static str>,
    /// What it looks at. Only the files beside this one can name it, so that no rule is defined elsewhere.
    check: Check,
}

/// Rules are equal if their names are.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Rule {}

impl Rule {
    fn finding(&'static self, message: impl Into<String>) -> Finding {
        Finding { rule: self, message: message.into() }
    }
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
enum Check {
    /// Notices of parsing, planning or lowering; [`of_parser_note`] and [`of_notice`] name the rule for each.
    Noticed,
    /// The stages of a parsed Dockerfile. What several rules find is reported stage by stage.
    Stages(fn(&Dockerfile) -> Vec<LocatedMessage>),
    /// The instructions of a parsed Dockerfile. What several rules find is reported instruction by instruction, after
    /// what is found in stages.
    Instructions(fn(&Dockerfile) -> Vec<LocatedMessage>),
}

/// What is wrong in a parsed Dockerfile, in one line, and where.
type LocatedMessage = (String, Span);

/// A broken rule, and what is wrong.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) rule: &'static Rule,
    pub(super) message: String,
}

/// Every rule, sorted by name.
pub static RULES: LazyLock<Vec<&'static Rule>> = LazyLock::new(|| {
    let mut rules = LISTED.to_vec();
    rules.sort_unstable_by_key(|rule| rule.name);
    rules
});

/// The rule of a name.
pub fn rule(name: &str) -> Option<&'static Rule> {
    LISTED.iter().copied().find(|rule| rule.name == name)
}

/// What rules find in a parsed Dockerfile, in BuildKit's order.
pub(super) fn of_dockerfile(dockerfile: &Dockerfile) -> Vec<(Finding, Span)> {
    let (mut in_stages, mut in_instructions) = (Vec::new(), Vec::new());
    for rule in LISTED {
        let (check, findings) = match rule.check {
            Check::Noticed => continue,
            Check::Stages(check) => (check, &mut in_stages),
            Check::Instructions(check) => (check, &mut in_instructions),
        };
        findings.extend(check(dockerfile).into_iter().map(|(message, span)| (rule.finding(message), span)));
    }
    // Rules that find something at the same lines stay in the order of the list.
    in_stages.sort_by_key(|(_, span)| *span);
    in_instructions.sort_by_key(|(_, span)| *span);
    in_stages.append(&mut in_instructions);
    in_stages
}

/// The finding for what parsing noticed.
pub(super) fn of_parser_note(kind: &ParserNoteKind) -> Finding {
    match kind {
        ParserNoteKind::EmptyContinuation => no_empty_continuation::finding(),
        ParserNoteKind::FromAsCasing { from, as_word } => from_as_casing::finding(from, as_word),
        ParserNoteKind::InvalidDescription { instruction, example } => {
            invalid_definition_description::finding(instruction, example)
        }
        ParserNoteKind::Maintainer => maintainer_deprecated::finding(),
        ParserNoteKind::StageNameCasing { name } => stage_name_casing::finding(name),
    }
}

/// The finding for what planning or lowering noticed.
pub(super) fn of_notice(kind: &NoticeKind) -> Finding {
    match kind {
        NoticeKind::CopyIgnoredFile { instruction, path } => copy_ignored_file::finding(instruction, path),
        NoticeKind::ExposeInvalidFormat { port } => expose_invalid_format::finding(port),
        NoticeKind::ExposeProtoCasing { port } => expose_proto_casing::finding(port),
        NoticeKind::FromPlatformFlagConstDisallowed { platform } => {
            from_platform_flag_const_disallowed::finding(platform)
        }
        NoticeKind::InvalidBaseImagePlatform { image, expected, actual } => {
            invalid_base_image_platform::finding(image, expected, actual)
        }
        NoticeKind::InvalidDefaultArgInFrom { base } => invalid_default_arg_in_from::finding(base),
        NoticeKind::JsonArgsRecommended { instruction } => json_args_recommended::finding(instruction),
        NoticeKind::LegacyKeyValueFormat { instruction } => legacy_key_value_format::finding(instruction),
        NoticeKind::MultipleInstructionsDisallowed { instruction } => {
            multiple_instructions_disallowed::finding(instruction)
        }
        NoticeKind::RedundantTargetPlatform { platform } => redundant_target_platform::finding(platform),
        NoticeKind::SecretsUsedInArgOrEnv { instruction, name } => {
            secrets_used_in_arg_or_env::finding(instruction, name)
        }
        NoticeKind::UndefinedArgInFrom { name, suggestion } => {
            undefined_arg_in_from::finding(name, suggestion.as_deref())
        }
        NoticeKind::UndefinedVar { name, suggestion } => undefined_var::finding(name, suggestion.as_deref()),
        NoticeKind::WorkdirRelativePath { path } => workdir_relative_path::finding(path),
    }
}
