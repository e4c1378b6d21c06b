//! The conversion of a Dockerfile's text and answers to a graph, an image configuration and warnings.

use std::sync::Arc;

use llb::{Definition, MarshalError, MarshalOptions};

use super::dockerfile::{self, Dockerfile, Kind, ParserNote};
use super::lint::{Report, Settings, Warning};
use super::lower::{self, Lowered};
use super::plan::{self, Facts, Needs, Options, Planning};
use crate::diag::{Diagnostic, Located as _, Source};
use crate::image::{ImageConfig, Platform};

/// A Dockerfile that was read, ready to be converted for any options and platform.
#[derive(Debug)]
pub struct Converter {
    source: Source,
    dockerfile: Dockerfile,
    /// What the parser saw.
    notes: Vec<ParserNote>,
}

/// How far a conversion came with the facts that it was given.
#[derive(Debug)]
pub enum ConversionState<'a> {
    /// Facts that are missing. Find out all of them at once and ask again.
    Need(PendingConversion<'a>, Needs),
    /// The graph, and what the build checks found.
    Done(Box<Conversion>),
}

/// A finished conversion.
#[derive(Debug)]
pub struct Conversion {
    /// Graph and configuration.
    pub lowered: Lowered,
    /// What the build checks found, in BuildKit's order.
    pub warnings: Vec<Warning>,
}

impl Conversion {
    /// The graph as buildkitd takes it, with what goes with it. `local_unique_id` marks local sources that
    /// no session provides.
    ///
    /// # Errors
    /// [`MarshalError`] for an op that cannot be encoded; conversion leaves none.
    pub fn marshal(self, local_unique_id: impl Into<String>) -> Result<Marshalled, MarshalError> {
        let Lowered { graph, root, platform, image, base, epoch, .. } = self.lowered;
        let options = MarshalOptions::new(lower::llb_platform(&platform), local_unique_id);
        let definition = graph.marshal(root, &options)?;
        Ok(Marshalled { definition, image, base, epoch, warnings: self.warnings })
    }
}

/// A conversion whose graph is encoded.
#[derive(Debug)]
pub struct Marshalled {
    /// The graph.
    pub definition: Definition,
    /// The image's configuration.
    pub image: ImageConfig,
    /// The configuration of the image that the target builds on, if there is one
    /// (`containerimage.base.config`).
    pub base: Option<Arc<ImageConfig>>,
    /// `SOURCE_DATE_EPOCH` in seconds since 1970, where it is set.
    pub epoch: Option<i64>,
    /// What the build checks found, in BuildKit's order.
    pub warnings: Vec<Warning>,
}

/// A Dockerfile that is rejected.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// What is wrong, and where.
    pub error: Box<Diagnostic>,
    /// What the build checks found before that.
    pub warnings: Vec<Warning>,
}

impl Converter {
    /// The converter of a Dockerfile's text. `options` say only how its build checks are set.
    ///
    /// # Errors
    /// [`Rejected`] where the text is no Dockerfile.
    pub fn new(source: Source, options: &Options) -> Result<Self, Rejected> {
        let mut notes = Vec::new();
        match dockerfile::parse(&source, &mut notes) {
            Ok(dockerfile) => Ok(Self { source, dockerfile, notes }),
            Err(error) => {
                let settings = settings(&source, options)?;
                let mut report = Report::default();
                report.add_parser_notes(&notes, &settings);
                Err(Rejected { error: Box::new(error.diagnostic(&source)), warnings: report.warnings })
            }
        }
    }

    /// The Dockerfile, parsed.
    pub fn dockerfile(&self) -> &Dockerfile {
        &self.dockerfile
    }

    /// The Dockerfile's text.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What the instruction at a line reads files from: `--from` of a COPY, or an empty text for the main context. `None` where
    /// it reads none.
    pub fn reads_from(&self, line: u32) -> Option<&str> {
        let instructions = self.dockerfile.stages.iter().flat_map(|stage| &stage.instructions);
        let mut at_line =
            instructions.filter(|instruction| instruction.head.span.lines().any(|at| at == line));
        match &at_line.next()?.kind {
            Kind::Add(_) | Kind::Run(_) => Some(""),
            Kind::Copy(copy) => Some(&copy.from),
            _ => None,
        }
    }

    /// Whether the Dockerfile says without variables which paths it reads, so that they are known before the bases are: those
    /// set variables, too.
    pub fn reads_fixed_paths(&self) -> bool {
        let is_fixed = |text: &String| !text.contains('$');
        let mut instructions = self.dockerfile.stages.iter().flat_map(|stage| &stage.instructions);
        instructions.all(|instruction| match &instruction.kind {
            Kind::Add(add) => add.files.paths.iter().all(is_fixed),
            Kind::Copy(copy) => copy.files.paths.iter().all(is_fixed),
            Kind::Run(run) => run.mount_specs.iter().all(|mount| is_fixed(&mount.text)),
            _ => true,
        })
    }

    /// The conversion for one platform: one of `options.platforms`, or `None` where that is empty.
    ///
    /// # Errors
    /// [`Rejected`] where the settings of the build checks mean nothing.
    pub fn start<'a>(
        &'a self,
        options: &'a Options,
        platform: Option<&Platform>,
    ) -> Result<PendingConversion<'a>, Rejected> {
        let settings = settings(&self.source, options)?;
        let planning = Box::new(Planning::new(&self.dockerfile, options, platform));
        Ok(PendingConversion { converter: self, settings, planning })
    }
}

/// A conversion for which facts may be missing.
#[derive(Debug)]
pub struct PendingConversion<'a> {
    converter: &'a Converter,
    settings: Settings,
    planning: Box<Planning<'a>>,
}

impl<'a> PendingConversion<'a> {
    /// The graph, or what is needed to make it before this is asked again.
    ///
    /// # Errors
    /// [`Rejected`] where BuildKit rejects the Dockerfile with these options.
    pub fn resume(mut self, facts: &Facts) -> Result<ConversionState<'a>, Rejected> {
        let source = &self.converter.source;
        let planned = match self.planning.resume(facts) {
            Ok(plan::PlanState::Need(needs)) => return Ok(ConversionState::Need(self, needs)),
            Ok(plan::PlanState::Ready(plan)) => Ok(plan),
            Err(error) => Err(Box::new(error.diagnostic(source))),
        };
        let settings = self.settings;
        let mut notices = self.planning.into_notices();
        let lowered = planned.and_then(|plan| {
            lower::lower(&plan, source, &mut notices).map_err(|error| Box::new(error.diagnostic(source)))
        });
        let mut report = Report::default();
        report.add_parser_notes(&self.converter.notes, &settings);
        report.add_dockerfile(&self.converter.dockerfile, &settings);
        report.add_notices(&notices, &settings);
        let violated = report.violated_rules(&settings);
        let warnings = report.warnings;
        let lowered = match lowered {
            Ok(lowered) => lowered,
            Err(error) => return Err(Rejected { error, warnings }),
        };
        if let Some(rules) = violated {
            let rules: Vec<&str> = rules.into_iter().collect();
            let text = format!("lint violation found for rules: {}", rules.join(", "));
            return Err(Rejected { error: Box::new(Diagnostic::error(text)), warnings });
        }
        Ok(ConversionState::Done(Box::new(Conversion { lowered, warnings })))
    }
}

fn settings(source: &Source, options: &Options) -> Result<Settings, Rejected> {
    Settings::of_build(options.check.as_deref(), source.bytes()).map_err(|error| Rejected {
        error: Box::new(Diagnostic::error(error.to_string())),
        warnings: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_variables_are_not_known_before_the_bases_are() {
        for (instruction, is_fixed) in [
            ("COPY a b /c/$D", true),
            ("COPY $A /", false),
            ("ADD a ${B}/c /", false),
            ("RUN --mount=type=bind,source=a,target=/a echo $A", true),
            ("RUN --mount=type=bind,source=$A,target=/a true", false),
        ] {
            let source = Source::new("Dockerfile", format!("FROM scratch\n{instruction}\n"));
            let converter = Converter::new(source, &Options::default()).unwrap();
            assert_eq!(converter.reads_fixed_paths(), is_fixed, "{instruction}");
        }
    }
}
