//! Arguments on what goes with an image, and on what it may be made of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cli::Failure;
use crate::cli::values::{ValueError, attestation};
use crate::converter::plan::Options;
use crate::gotext::parse_bool;
use crate::job::{Attestations, Checkout, SourcePolicy};
use crate::workspace::{nonempty_process_variable, process_variable, variables};

/// Attestations, with the names and value syntax of `docker buildx build`.
#[derive(Debug, Default, Clone, clap::Args)]
pub struct AttestationArgs {
    /// Attestation of the image: `type=provenance|sbom,key=value,…`; may be repeated
    #[arg(long, value_name = "ATTESTATION", help_heading = "Output")]
    pub attest: Vec<String>,
    /// How the image was built, as an attestation: true, false or `mode=min|max,version=v1|v0.2,…`
    #[arg(long, value_name = "PROVENANCE", help_heading = "Output")]
    pub provenance: Option<String>,
    /// List of what is in the image, as an attestation: true, false or `generator=IMAGE,…`
    #[arg(long, value_name = "SBOM", help_heading = "Output")]
    pub sbom: Option<String>,
    /// Rules on what may be built from, as JSON [default: that of `EXPERIMENTAL_BUILDKIT_SOURCE_POLICY`]
    #[arg(long, value_name = "FILE", help_heading = "Rights")]
    pub source_policy_file: Option<PathBuf>,
}

impl AttestationArgs {
    /// The attestations that these arguments and build arguments ask for.
    pub(in crate::cli) fn attestations(
        &self,
        build_args: &BTreeMap<String, String>,
    ) -> Result<Attestations, ValueError> {
        attestation::parse(&self.attest, self.provenance.as_deref(), self.sbom.as_deref(), build_args)
    }

    /// The rules on what may be built from, if there are any.
    pub(in crate::cli) fn source_policy(&self) -> Result<Option<SourcePolicy>, Failure> {
        let given = self.source_policy_file.as_deref().filter(|path| !path.as_os_str().is_empty());
        given.map_or_else(source_policy_of_variable, |path| read_policy(path).map(Some))
    }
}

/// The rules on what may be built from that the environment names.
pub(in crate::cli) fn source_policy_of_variable() -> Result<Option<SourcePolicy>, Failure> {
    let path = nonempty_process_variable(variables::SOURCE_POLICY.name);
    path.map(|path| read_policy(Path::new(&path))).transpose()
}

fn read_policy(path: &Path) -> Result<SourcePolicy, Failure> {
    Ok(SourcePolicy::read(path)?)
}

/// A variable that is true or false; one that is neither counts as not set, as in buildx.
fn switch(name: &str, default: bool) -> bool {
    let value = process_variable(name).and_then(|value| parse_bool(value.to_str()?));
    value.unwrap_or(default)
}

/// What is told of the Git working tree that a context lies in: attributes for buildkitd. Labels go into `options`.
///
/// `folders` are the local sources of the build by name, `dockerfile` is the Dockerfile if it is a file.
pub(in crate::cli) fn git_attributes<'a>(
    options: &mut Options,
    context: &Path,
    dockerfile: Option<&Path>,
    folders: impl IntoIterator<Item = (&'a str, &'a Path)>,
) -> BTreeMap<String, String> {
    // `full` is what older versions of buildx know.
    let wants_labels = switch(
        variables::GIT_LABELS.name,
        process_variable(variables::GIT_LABELS.name).is_some_and(|value| value == "full"),
    );
    let wants_info = switch(variables::GIT_INFO.name, true);
    if !wants_labels && !wants_info {
        return BTreeMap::new();
    }
    let search_path = process_variable(variables::SEARCH_PATH.name);
    let found = Checkout::of(context, search_path.as_deref(), switch(variables::GIT_CHECK_DIRTY.name, false));
    let checkout = match found {
        Ok(Some(checkout)) => checkout,
        Ok(None) => return BTreeMap::new(),
        Err(error) => {
            tracing::warn!(
                reason = crate::diag::with_causes(&error),
                "the build does not record the Git commit that it is made from"
            );
            return BTreeMap::new();
        }
    };
    if wants_labels {
        let entrypoint = dockerfile.and_then(|path| checkout.path_of(path));
        let labels = [
            ("org.opencontainers.image.revision", checkout.revision.clone()),
            ("org.opencontainers.image.source", checkout.source.clone()),
            ("com.docker.image.source.entrypoint", entrypoint),
        ];
        options.labels.extend(labels.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    if wants_info { checkout.attributes(folders) } else { BTreeMap::new() }
}
