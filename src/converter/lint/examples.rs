//! Runs the examples of rules through the converter, for the tests of the rules.

use super::{Rule, Warning};
use crate::converter::plan::{Fact, Facts, IgnoreFile, ImageFact, Need, Options};
use crate::converter::{Conversion, ConversionState, Converter, Rejected};
use crate::diag::Source;
use crate::image::Platform;

/// What both examples of a rule are converted with.
#[derive(Debug, Default)]
pub(super) struct Examples {
    pub(super) bad: Inputs,
    pub(super) good: Inputs,
    /// Other rules that the bad example cannot help breaking, in the order of their findings.
    pub(super) also_broken: &'static [&'static str],
}

/// What a Dockerfile is converted with, besides its text.
#[derive(Debug)]
pub(super) struct Inputs {
    /// The text of `.dockerignore`.
    pub(super) ignore: &'static str,
    pub(super) build_args: &'static [(&'static str, &'static str)],
    /// The architecture that is built for.
    pub(super) architecture: &'static str,
    /// The architecture of every base image.
    pub(super) image_architecture: &'static str,
}

impl Default for Inputs {
    fn default() -> Self {
        Self { ignore: "", build_args: &[], architecture: "amd64", image_architecture: "amd64" }
    }
}

impl Examples {
    /// Asserts that `rule` finds something in its bad example once, with `message`, that no other rule does, and that
    /// none finds anything in its good example, which is accepted.
    #[track_caller]
    pub(super) fn hold(&self, rule: &'static Rule, message: &str) {
        let (found, _) = self.bad.warnings(rule.bad);
        let (found, others): (Vec<_>, Vec<_>) = found.iter().partition(|warning| warning.rule == rule);
        let found: Vec<_> = found.iter().map(|warning| &*warning.message).collect();
        assert_eq!(found, [message], "in the bad example");
        let others: Vec<_> = others.iter().map(|warning| warning.rule.name).collect();
        assert_eq!(others, self.also_broken, "further rules in the bad example");
        let (found, error) = self.good.warnings(rule.good);
        assert_eq!(found, [], "in the good example");
        assert_eq!(error, None, "the good example");
    }
}

impl Inputs {
    /// What all rules, the experimental ones included, find in a Dockerfile, and why it is rejected, if it is. A `text`
    /// without FROM is the rest of a stage.
    fn warnings(&self, text: &str) -> (Vec<Warning>, Option<String>) {
        let is_whole = text.lines().any(|line| line.starts_with("FROM "));
        let text = if is_whole { text.to_owned() } else { format!("FROM alpine\n{text}") };
        match self.convert(Source::new("Dockerfile", text)) {
            Ok(conversion) => (conversion.warnings, None),
            Err(Rejected { error, warnings }) => (warnings, Some(error.render())),
        }
    }

    fn convert(&self, source: Source) -> Result<Conversion, Rejected> {
        let args = self.build_args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let options = Options {
            build_platform: Platform::new("linux", self.architecture),
            check: Some("experimental=all".into()),
            all_stages: true,
            build_args: args.collect(),
            ..Options::default()
        };
        let converter = Converter::new(source, &options)?;
        let mut facts = Facts::new();
        let mut pending = converter.start(&options, None)?;
        loop {
            match pending.resume(&facts)? {
                ConversionState::Done(conversion) => return Ok(*conversion),
                ConversionState::Need(next, needs) => {
                    facts.extend(needs.iter().map(|(need, _)| (need.clone(), Ok(self.fact(need)))));
                    pending = next;
                }
            }
        }
    }

    fn fact(&self, need: &Need) -> Fact {
        match need {
            Need::Image { .. } | Need::OciLayout { .. } => {
                let config = format!(
                    r#"{{"os":"linux","architecture":"{}","rootfs":{{"type":"layers","diff_ids":["sha256:0"]}}}}"#,
                    self.image_architecture
                );
                Fact::Image(ImageFact::new("", config.into_bytes()))
            }
            Need::Ignore | Need::NamedIgnore { .. } => {
                let file = IgnoreFile { name: ".dockerignore".into(), text: self.ignore.into() };
                Fact::Ignore((!self.ignore.is_empty()).then_some(file))
            }
            Need::SourceTime { .. } => Fact::SourceTime(None),
        }
    }
}
