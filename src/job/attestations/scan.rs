//! A step that lists the contents of a result (SBOM), by the program of any image.
//!
//! buildkitd would run it by itself, but only over the result: stages and the context are Bob's to add. It would also run
//! it last, when it may have what permits a push, and no step is to see that.
//!
//! Source: `CreateSBOMScanner` in frontend/attestations/sbom and its use in frontend/dockerfile/builder of BuildKit.

use std::sync::Arc;

use llb::{
    Constraints, Definition, EnvVar, ExecOp, ImageSource, MarshalError, MarshalOptions, Mount, Output,
};

use super::SbomGenerator;
use crate::buildkit::{Gateway, ImageQuery};
use crate::converter::lower::{Lowered, llb_platform};
use crate::image::{Config, Platform};
use crate::job::failure::{LookupFailure, SolveFailure};
use crate::job::lookup::gateway::{image, platform_message};
use crate::job::session::grants::RegistryGrants;

/// The folder of what is looked at.
const CORE: &str = "/run/src/core/sbom";
/// The folder of what is looked at besides.
const EXTRAS: &str = "/run/src/extras";
/// The folder that the program writes to.
const DESTINATION: &str = "/run/out/";

/// The program that lists contents, looked up.
#[derive(Debug)]
pub(in crate::job) struct Scanner {
    /// The image as buildkitd will take it.
    reference: String,
    config: Config,
    platform: Platform,
    parameters: Vec<EnvVar>,
}

impl Scanner {
    /// Looks the image of `generator` up for `platform`.
    ///
    /// # Errors
    /// [`LookupFailure`] where there is none, or it has no program.
    pub(in crate::job) async fn find(
        gateway: &Gateway,
        grants: &RegistryGrants,
        generator: &SbomGenerator,
        platform: &Platform,
        resolve_mode: &str,
    ) -> Result<Self, SolveFailure> {
        let SbomGenerator { image: reference, parameters } = generator;
        grants.grant_pull(reference);
        let query = ImageQuery {
            reference: reference.to_string(),
            platform: Some(platform_message(platform)),
            resolve_mode: resolve_mode.to_owned(),
            ..ImageQuery::default()
        };
        let found = image(gateway, query, reference.as_str()).await?;
        let wrong = |fault: String| LookupFailure::Scanner { reference: reference.to_string(), fault };
        let config = found.config.map_err(|error| wrong(error.to_string()))?;
        let config = Arc::unwrap_or_clone(config).config;
        if config.entrypoint.is_empty() && config.cmd.is_empty() {
            return Err(wrong("it has neither an entrypoint nor a command".to_owned()).into());
        }
        if let Some(other) = &found.reference {
            grants.grant_pull(other);
        }
        let reference = found.reference.as_ref().unwrap_or(reference).to_string();
        let variable =
            |(name, value): (&String, &String)| EnvVar::new(format!("BUILDKIT_SCAN_{name}"), value);
        let parameters = parameters.iter().map(variable).collect();
        Ok(Self { reference, config, platform: platform.clone(), parameters })
    }
}

/// Returns the graph whose result is the folder of lists of a converted Dockerfile. `name` is the id of its platform.
///
/// # Errors
/// [`MarshalError`] for an op that cannot be encoded; conversion leaves none.
pub(in crate::job) fn scan(
    lowered: &Lowered,
    scanner: &Scanner,
    name: &str,
) -> Result<Definition, MarshalError> {
    let mut graph = lowered.graph.clone();
    let on = |constraints: Constraints| constraints.with_platform(llb_platform(&scanner.platform));
    let root = graph.source(ImageSource::new(&scanner.reference), on(Constraints::default()));
    let config = &scanner.config;
    let mut exec = ExecOp::new(root, config.entrypoint.iter().chain(&config.cmd).map(String::as_str));
    if !config.working_dir.is_empty() {
        exec.cwd = llb::path::join(["/", &config.working_dir]).into();
    }
    let extras = &lowered.scan.extras;
    exec.env = environment(scanner, !extras.is_empty());
    let lists = Mount::bind(DESTINATION, Output::SCRATCH);
    let core = Mount::bind(CORE, lowered.root).with_readonly(true);
    exec.mounts = vec![lists, Mount::tmpfs("/tmp", 0), core];
    for (extra, files) in extras {
        exec.mounts.push(Mount::bind(format!("{EXTRAS}/sbom-{extra}"), *files).with_readonly(true));
    }
    let step = format!("[{name}] generating sbom using {}", scanner.reference);
    let mut step = on(Constraints::named(step));
    step.metadata.ignore_cache = lowered.scan.ignore_cache;
    let scanned = graph.exec(exec, step);
    let lists = scanned.mounts.first().copied().flatten().unwrap_or(Output::SCRATCH);
    graph.marshal(lists, &MarshalOptions::new(llb_platform(&lowered.platform), ""))
}

/// Returns what the program sees: each variable once, as it was set last.
fn environment(scanner: &Scanner, has_extras: bool) -> Vec<EnvVar> {
    let of_image = scanner.config.env.iter().map(|entry| {
        let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
        EnvVar::new(name, value)
    });
    let places = [
        Some(EnvVar::new("BUILDKIT_SCAN_DESTINATION", DESTINATION)),
        Some(EnvVar::new("BUILDKIT_SCAN_SOURCE", CORE)),
        has_extras.then(|| EnvVar::new("BUILDKIT_SCAN_SOURCE_EXTRAS", EXTRAS)),
    ];
    let mut variables: Vec<EnvVar> = Vec::new();
    for variable in of_image.chain(places.into_iter().flatten()).chain(scanner.parameters.iter().cloned()) {
        variables.retain(|known| known.name != variable.name);
        variables.push(variable);
    }
    variables
}
