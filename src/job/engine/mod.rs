//! Loading an image into docker or podman: which engine, how it is reached, and the archive on its way there.
//!
//! Sources: `util/dockerutil` in buildx; `cli/context/docker` and `cli/command/cli.go` in docker's command line.

mod address;
mod connection;
mod error;
mod load;
mod messages;
mod settings;

pub use error::EngineError;
pub(crate) use load::{EngineWriter, LoadFailure};
pub use settings::EngineSettings;

use std::collections::BTreeMap;

use self::address::EngineAddress;
use super::progress_link::ProgressLink;
use super::result::output::{Destination, Exporter, Output};

/// An engine that images can be loaded into.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    address: EngineAddress,
    /// Whether it keeps images as registries do (docker's containerd store): it takes OCI layouts and several
    /// platforms, and knows images by the digest of their manifest.
    has_containerd_store: bool,
}

/// The engines that the outputs of a build name, by their contexts.
#[derive(Debug, Default)]
pub(crate) struct Engines {
    by_context: BTreeMap<Option<String>, Engine>,
    progress: ProgressLink,
}

impl Engines {
    /// Finds the engines of `outputs` and asks each what it takes, so that what cannot be loaded fails before it is
    /// built. The exporters of the outputs are made those that the engines need.
    ///
    /// # Errors
    /// [`EngineError`] where there is no engine, or it does not answer.
    pub(crate) async fn connect(
        settings: &EngineSettings,
        outputs: &mut [Output],
        progress: &ProgressLink,
    ) -> Result<Self, EngineError> {
        let mut engines = Self { progress: progress.clone(), ..Self::default() };
        for output in outputs {
            let Destination::Engine(context) = &output.destination else { continue };
            let engine = if let Some(known) = engines.by_context.get(context) {
                known.clone()
            } else {
                let address = address::find(settings, context.as_deref())?;
                let has_containerd_store = connection::has_containerd_store(&address).await?;
                let engine = Engine { address, has_containerd_store };
                engines.by_context.insert(context.clone(), engine.clone());
                engine
            };
            if engine.has_containerd_store {
                output.exporter = Exporter::OCI;
                output.attrs.insert(PREFER_IMAGE_DIGEST.to_owned(), "true".to_owned());
                if settings.lacks_oci_artifacts {
                    output.add_attr("oci-artifact", "false");
                }
            }
        }
        Ok(engines)
    }

    /// Where the archive for the engine of `context` is written to, and the place in which the reason stands if it does not
    /// get there. `None` where [`Engines::connect`] found no such engine.
    pub(crate) fn writer(&self, context: Option<&str>) -> Option<(EngineWriter, LoadFailure)> {
        let engine = self.by_context.get(&context.map(str::to_owned))?;
        let failure = LoadFailure::default();
        Some((EngineWriter::new(engine.address.clone(), self.progress.clone(), failure.clone()), failure))
    }
}

/// The attribute by which an image is known by the digest of its manifest.
pub(crate) const PREFER_IMAGE_DIGEST: &str = "prefer-image-digest";
