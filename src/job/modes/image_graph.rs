//! The graph of an image that is another image, for registries that only buildkitd can reach.

use std::collections::BTreeMap;

use llb::{Constraints, Graph, ImageSource, MarshalOptions};

use crate::buildkit::{BuildResult, Gateway, ImageQuery, PlatformEntry, SolveOptions, platforms_metadata};
use crate::converter::lower::llb_platform;
use crate::image::{Platform, Reference};
use crate::job::failure::SolveFailure;
use crate::job::lookup::gateway;

/// Returns a result that is the image `reference` itself. Nothing of it is pulled unless the push needs it.
pub(crate) async fn solve_image(
    gateway: &Gateway,
    reference: &str,
    shown: &str,
) -> Result<(BuildResult, ()), SolveFailure> {
    let query = ImageQuery {
        reference: reference.to_owned(),
        log_name: format!("[internal] load metadata for {shown}"),
        ..ImageQuery::default()
    };
    let image = gateway::image(gateway, query, shown).await?;
    let platform = image.config.as_ref().map_or_else(|_| Platform::host(), |config| config.platform.clone());
    let pinned = Reference::parse_named(reference)
        .ok()
        .and_then(|reference| reference.with_digest(&image.digest).ok());
    let pinned = pinned.map_or_else(|| reference.to_owned(), |reference| reference.to_string());
    let mut graph = Graph::new();
    let constraints =
        Constraints::named(format!("[workspace] FROM {shown}")).with_platform(llb_platform(&platform));
    let root = graph.source(ImageSource::new(pinned), constraints);
    let definition = graph.marshal(root, &MarshalOptions::new(llb_platform(&platform), String::new()))?;
    let reference = gateway.solve(definition.encode(), SolveOptions::default()).await?;
    let normal = platform.normalized();
    let entry = PlatformEntry {
        id: normal.to_string(),
        architecture: normal.architecture.into(),
        os: normal.os.into(),
        os_version: normal.os_version.into(),
        os_features: normal.os_features.unwrap_or_default(),
        variant: normal.variant.into(),
    };
    let metadata = BTreeMap::from([
        ("containerimage.config".to_owned(), image.json.to_vec()),
        ("refs.platforms".to_owned(), platforms_metadata(&[entry])),
    ]);
    Ok((BuildResult::Single { reference, metadata }, ()))
}
