//! The layers of an image that was pushed, as its registry has them.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::manifest::{ImageManifest, ManifestLookup};
use super::routes::{PushRoutes, RegistryEndpoint};
use crate::image::{Platform, Reference};
use crate::job::result::metadata::Results;
use crate::job::result::output::Output;
use crate::progress::report::Layer;
use crate::registry::Client;

/// How long the registry may take to tell.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest image config that is read, in bytes.
const MAX_CONFIG_BYTES: usize = 4 << 20;

#[derive(Default, Deserialize)]
struct Config {
    #[serde(default)]
    history: Vec<HistoryEntry>,
}

#[derive(Deserialize)]
struct HistoryEntry {
    #[serde(default)]
    created_by: String,
    #[serde(default)]
    empty_layer: bool,
}

/// Returns the layers of what `outputs` pushed, lowest first: of an index those of the image for `platform`. Where the
/// registry does not tell, none.
pub(crate) async fn of_pushed(
    outputs: &[Output],
    results: &Results,
    routes: &PushRoutes,
    platform: &Platform,
) -> Vec<Layer> {
    let Some(digest) = results.digest() else { return Vec::new() };
    let names = outputs.iter().filter(|output| output.pushes()).flat_map(Output::names);
    let mut endpoints = names.filter_map(|name| routes.endpoint(&Reference::parse(&name).ok()?));
    let Some(endpoint) = endpoints.next() else { return Vec::new() };
    let platform = platform.normalized().to_string();
    let layers = layers(&endpoint, digest, &platform);
    tokio::time::timeout(TIMEOUT, layers).await.ok().flatten().unwrap_or_default()
}

async fn layers(endpoint: &RegistryEndpoint, digest: &str, platform: &str) -> Option<Vec<Layer>> {
    let RegistryEndpoint { repository, auth } = endpoint;
    let client = Client::new(Arc::clone(auth));
    let image = match ManifestLookup::look_up(&client, repository, digest, platform).await {
        Ok(ManifestLookup::Image(image)) => image,
        Ok(ManifestLookup::Missing | ManifestLookup::Unknown) => return None,
        Err(error) => {
            tracing::debug!(%repository, error = &error as &dyn std::error::Error, "the layers are not known");
            return None;
        }
    };
    let config = client.blob(repository, &image.config().digest, MAX_CONFIG_BYTES).await.ok();
    let config = config.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    Some(with_history(&image, &config))
}

/// The layers, each with the words of the history where it has as many entries as there are layers.
fn with_history(image: &ImageManifest, config: &Config) -> Vec<Layer> {
    let blobs = image.layers_in_order();
    let history: Vec<&HistoryEntry> = config.history.iter().filter(|entry| !entry.empty_layer).collect();
    let created_by = |index: usize| match history.get(index) {
        Some(entry) if history.len() == blobs.len() => entry.created_by.clone(),
        _ => String::new(),
    };
    let layer = |(index, blob): (usize, &super::manifest::Blob)| Layer {
        digest: blob.digest.clone(),
        bytes: blob.size,
        created_by: created_by(index),
    };
    blobs.iter().enumerate().map(layer).collect()
}
