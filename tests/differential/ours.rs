//! Bob's converter in the oracle's made-up world.

use std::io::Error;
use std::sync::Arc;

use bob::converter::lint::Warning;
use bob::converter::plan::IgnoreFile;
use bob::converter::plan::{Fact, FactFailure, Facts, ImageFact, Need, Options};
use bob::converter::{Conversion, ConversionState, Converter, Definition, Marshalled, Rejected};
use bob::diag::{Source, Span};
use bob::image::Platform;

use llb::DefinitionOp;

use crate::case::Case;
use crate::images;
use crate::oracle::Verdict;

/// A Dockerfile's graph and config. What `facts` do not say yet is looked up with `look_up` and added.
pub(crate) fn conversion(
    case: &Case,
    options: &Options,
    facts: &mut Facts,
    look_up: impl Fn(&Need) -> Result<Fact, FactFailure>,
) -> Result<Box<Conversion>, Rejected> {
    let source = Source::new("Dockerfile", &*case.text);
    let converter = Converter::new(source, options)?;
    let mut pending = converter.start(options, options.platforms.first())?;
    loop {
        match pending.resume(facts)? {
            ConversionState::Need(more, needs) => {
                pending = more;
                facts.extend(needs.into_iter().map(|need| {
                    let fact = look_up(&need);
                    (need, fact)
                }));
            }
            ConversionState::Done(conversion) => return Ok(conversion),
        }
    }
}

/// What Bob makes of a Dockerfile, in the oracle's terms.
pub(crate) fn convert(case: &Case) -> Verdict {
    let options = match case.options() {
        Ok(options) => options,
        Err(error) => return Verdict { error: error.to_string(), ..Verdict::default() },
    };
    let look_up = |need: &Need| made_up(need, case, &options.build_platform);
    match conversion(case, &options, &mut Facts::new(), look_up) {
        Ok(conversion) => match conversion.marshal("corpus") {
            Ok(Marshalled { definition, image, warnings, .. }) => Verdict {
                ok: true,
                root: definition.ops.last().map(|op| op.digest.to_string()).unwrap_or_default(),
                ops: definition.ops.iter().map(|op| op.digest.to_string()).collect(),
                steps: if case.steps { definition.ops.iter().map(step).collect() } else { Vec::new() },
                ignore_cache: uncached(&definition),
                config: serde_json::from_slice(&image.to_json()).expect("JSON"),
                warnings: lines(&warnings),
                ..Verdict::default()
            },
            Err(error) => Verdict { error: error.to_string(), ..Verdict::default() },
        },
        Err(Rejected { error, .. }) => Verdict {
            line: error.location.as_ref().and_then(|at| at.spans.first()).map_or(0, |span| span.first()),
            error: error.message,
            ..Verdict::default()
        },
    }
}

/// What people see of an op, as `steps` in `tools/oracle/main.go` writes it.
fn step(op: &DefinitionOp) -> String {
    let text = |key: &str| op.metadata.description.get(key).unwrap_or_default();
    let caps: Vec<&str> = op.metadata.caps.iter().collect();
    let group = op.metadata.progress_group.as_ref();
    let group = group.map(|group| format!("{} {}", group.name, group.weak)).unwrap_or_default();
    let mut lines = Vec::new();
    for location in &op.locations {
        lines.extend(location.ranges.iter().map(|range| format!("{}-{}", range.start.line, range.end.line)));
        lines.push(".".into());
    }
    let (name, command) = (text("llb.customname"), text("com.docker.dockerfile.v1.command"));
    [name, command, &caps.join(" "), &group, &lines.join(" ")].join(" | ")
}

fn uncached(definition: &Definition) -> Vec<String> {
    let ops = definition.ops.iter().filter(|op| op.metadata.ignore_cache);
    ops.map(|op| op.digest.to_string()).collect()
}

fn lines(warnings: &[Warning]) -> Vec<String> {
    warnings
        .iter()
        .map(|warning| {
            let line = warning.span.map_or(0, Span::first);
            format!("{}:{line}: {}", warning.rule.name, warning.message)
        })
        .collect()
}

/// The answer that the oracle's made-up world gives.
pub(crate) fn made_up(need: &Need, case: &Case, build_platform: &Platform) -> Result<Fact, FactFailure> {
    match need {
        Need::Image { reference, .. } | Need::OciLayout { reference, .. } => {
            let platform = match need {
                Need::Image { platform: Some(platform), .. } => platform.normalized(),
                // Asked for an image of an OCI layout, the oracle looks at no platform.
                _ => build_platform.clone(),
            };
            match images::made_up(reference.as_str(), &platform.architecture, &platform.os, &platform.variant)
            {
                Some((digest, config)) => {
                    Ok(Fact::Image(ImageFact::new(digest, serde_json::to_vec(&config).expect("JSON"))))
                }
                None => Err(Arc::new(Error::other(format!("{reference}: not found")))),
            }
        }
        Need::Ignore if !case.ignore.is_empty() => {
            let text = case.ignore.clone().into_bytes();
            Ok(Fact::Ignore(Some(IgnoreFile { name: ".dockerignore".into(), text })))
        }
        Need::Ignore | Need::NamedIgnore { .. } => Ok(Fact::Ignore(None)),
        Need::SourceTime { .. } => Err(Arc::new(Error::other("no network to look at its time"))),
    }
}
