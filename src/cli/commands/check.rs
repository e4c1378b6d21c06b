//! `bob check`: the build checks, without building.

use std::io::Write as _;
use std::path::PathBuf;

use base64::Engine as _;
use serde::Serialize;

use crate::cli::Failure;
use crate::cli::args::convert::{ConvertArgs, Inputs};
use crate::cli::args::image_lock;
use crate::cli::report::print;
use crate::cli::usage::UsageError;
use crate::converter::Rejected;
use crate::converter::lint::{RULES, Rule, Warning, rule};
use crate::converter::plan::Options;
use crate::diag::{Diagnostic, Source, Span};
use crate::job::lookup::{self, LockResolver, PlaceholderImages};

/// Arguments of `bob check`.
#[derive(Debug, clap::Args)]
#[command(about = "Lint a Dockerfile with BuildKit's build checks")]
pub struct Args {
    #[command(flatten)]
    convert: ConvertArgs,
    /// How findings are written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Explain a rule, with a bad and a good example; `all` lists every rule
    #[arg(long, value_name = "RULE")]
    explain: Option<String>,
    /// Look at the base images in this file; without it they count as images that set nothing
    #[arg(long, value_name = "FILE")]
    image_lock: Option<PathBuf>,
    /// The builder's platform [default: this machine's]
    #[arg(long, value_name = "PLATFORM")]
    build_platform: Option<String>,
    /// Folder or Git repository with the files [default: .]
    context: Option<String>,
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// As BuildKit's lint request answers
    Json,
}

impl Args {
    /// What `bob check` would be told.
    pub(super) fn new(
        convert: ConvertArgs,
        image_lock: Option<PathBuf>,
        context: String,
        format: Format,
    ) -> Self {
        Self { convert, format, explain: None, image_lock, build_platform: None, context: Some(context) }
    }
}

/// Runs `bob check`.
///
/// # Errors
/// A rejected Dockerfile, a rule that it breaks, wrong usage, a file that cannot be read.
pub async fn run(args: Args) -> Result<(), Failure> {
    if let Some(name) = &args.explain {
        return explain(name);
    }
    let mut inputs = args.convert.inputs(args.context.as_deref(), args.build_platform.as_deref())?;
    // Without a target every stage is checked, as BuildKit does it.
    inputs.options.all_stages = inputs.options.target.is_empty();
    let dockerfile = inputs.local_dockerfile("bob check")?.clone();
    let (Inputs { options, files, .. }, dockerfile) = (&inputs, &dockerfile);
    let build_platform = &options.build_platform;
    let converted = match &args.image_lock {
        Some(path) => {
            let lock = image_lock::read(path)?;
            lookup::convert(dockerfile, options, &LockResolver { lock: &lock, files, build_platform }).await
        }
        None => lookup::convert(dockerfile, options, &PlaceholderImages { files, build_platform }).await,
    };
    let (warnings, error) = match converted {
        Ok(converted) => (converted.builds.into_iter().flat_map(|(_, build)| build.warnings).collect(), None),
        Err(Rejected { error, warnings }) => (warnings, Some(error)),
    };
    match args.format {
        Format::Text => print(text(&warnings, dockerfile).as_bytes())?,
        Format::Json => print(&json(&warnings, error.as_deref(), options, dockerfile)?)?,
    }
    match (error, warnings.len()) {
        (Some(error), _) => Err(Failure::Rendered(error.render())),
        (None, 0) => Ok(()),
        (None, 1) => Err(Failure::Rendered("error: one check found something".into())),
        (None, count) => Err(Failure::Rendered(format!("error: the checks found {count} things"))),
    }
}

fn text(warnings: &[Warning], dockerfile: &Source) -> String {
    warnings.iter().map(|warning| warning.diagnostic(dockerfile).render()).collect()
}

/// BuildKit's `LintResults` (frontend/subrequests/lint).
#[derive(Serialize)]
struct Results<'a> {
    warnings: Vec<Finding<'a>>,
    sources: [SourceFile<'a>; 1],
    #[serde(rename = "buildError", skip_serializing_if = "Option::is_none")]
    error: Option<BuildError<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding<'a> {
    rule_name: &'a str,
    description: &'a str,
    detail: &'a str,
    location: Location,
}

#[derive(Serialize)]
struct SourceFile<'a> {
    filename: &'a str,
    language: &'static str,
    data: String,
}

#[derive(Serialize)]
struct BuildError<'a> {
    message: &'a str,
    location: Location,
}

#[derive(Serialize, Default)]
struct Location {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ranges: Vec<Range>,
}

#[derive(Serialize)]
struct Range {
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Position {
    line: u32,
}

impl Location {
    fn of(spans: impl IntoIterator<Item = Span>) -> Self {
        let range = |line| Range { start: Position { line }, end: Position { line } };
        Self { ranges: spans.into_iter().flat_map(Span::lines).map(range).collect() }
    }
}

fn json(
    warnings: &[Warning],
    error: Option<&Diagnostic>,
    options: &Options,
    dockerfile: &Source,
) -> Result<Vec<u8>, Failure> {
    let finding = |warning: &'_ Warning| Location::of(warning.span);
    let results = Results {
        warnings: warnings
            .iter()
            .map(|warning| Finding {
                rule_name: warning.rule.name,
                description: warning.rule.summary,
                detail: &warning.message,
                location: finding(warning),
            })
            .collect(),
        sources: [SourceFile {
            filename: &options.filename,
            language: "Dockerfile",
            data: base64::engine::general_purpose::STANDARD.encode(dockerfile.bytes()),
        }],
        error: error.map(|error| BuildError {
            message: &error.message,
            location: error
                .location
                .iter()
                .map(|place| Location::of(place.spans.clone()))
                .next()
                .unwrap_or_default(),
        }),
    };
    let mut out = serde_json::to_vec_pretty(&results)?;
    out.push(b'\n');
    Ok(out)
}

fn explain(name: &str) -> Result<(), Failure> {
    if name == "all" {
        let mut list = Vec::new();
        for Rule { name, summary, .. } in RULES.iter() {
            writeln!(list, "{name:33} {summary}")?;
        }
        return print(&list);
    }
    let Some(rule) = rule(name) else {
        return Err(UsageError::UnknownRule { name: name.to_owned() }.into());
    };
    let indented = |text: &str| format!("    {}\n", text.replace('\n', "\n    "));
    let experimental =
        if rule.experimental { "\nIt runs only where `# check=experimental=…` asks for it.\n" } else { "" };
    let text = format!(
        "{}: {}\n\n{}\n{experimental}\nbad:\n{}\ngood:\n{}",
        rule.name,
        rule.summary,
        rule.reason,
        indented(rule.bad),
        indented(rule.good)
    );
    print(text.as_bytes())
}
