//! The ways on which the outputs of a build get to their registries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::PlainBuild;
use crate::image::Reference;
use crate::job::daemon::builder::Builder;
use crate::job::error::Error;
use crate::job::progress_link::ProgressLink;
use crate::job::push::base_layers::PushTargets;
use crate::job::push::routes::{self, ProxiedImage, PushRoutes, PushVia};
use crate::job::result::output::Output;
use crate::proxy::Rights;
use crate::registry::{Authenticator, Host};

/// Opens the routes to the registries that are pushed to, and names the outputs as buildkitd has to. Returns also where
/// base layers are to be mounted.
pub(super) async fn open_routes(
    build: &PlainBuild,
    builder: &Builder,
    registries: &Arc<Authenticator>,
    progress: &ProgressLink,
    outputs: &mut [Output],
) -> Result<(PushRoutes, PushTargets), Error> {
    let (mut names, mut with_base_layers) = (BTreeSet::new(), BTreeSet::new());
    for output in outputs.iter().filter(|output| output.pushes()) {
        names.extend(output.names());
        with_base_layers.extend(output.names().into_iter().filter(|_| output.keeps_base_layers()));
    }
    if names.is_empty() {
        return Ok((PushRoutes::default(), PushTargets::default()));
    }
    let mut references = BTreeMap::new();
    for name in names {
        let parsed = Reference::parse(&name);
        let parsed =
            parsed.map_err(|source| Error::Reference { setting: "--tag", text: name.clone(), source })?;
        references.insert(name, parsed);
    }
    let proxied = proxied_images(build, builder, registries, &references).await?;
    let by_proxy: BTreeSet<&str> = proxied.iter().map(|image| image.reference.name()).collect();
    let by_session: Vec<&Reference> =
        references.values().filter(|reference| !by_proxy.contains(reference.name())).collect();
    let routes = PushRoutes::open(proxied, BTreeMap::new(), Arc::clone(registries), Some(progress)).await?;
    for reference in by_session {
        routes.grants.grant_push(reference);
    }
    let with_base_layers = with_base_layers.iter().filter_map(|name| references.get(name));
    let targets = PushTargets::new(&routes, with_base_layers, builder.shares_network());
    for output in outputs.iter_mut().filter(|output| output.pushes()) {
        // What is pushed by digest must have no tag.
        let by_digest = output.pushes_by_digest();
        let at_buildkitd = |name: String| {
            let Some(reference) = references.get(&name) else { return name };
            let reference = if by_digest { reference.clone() } else { reference.clone().with_default_tag() };
            let text = reference.to_string();
            let suffix = text.strip_prefix(reference.name()).unwrap_or_default();
            routes.image_names.daemon_name(reference.name(), suffix).unwrap_or(name)
        };
        let names: Vec<String> = output.names().into_iter().map(at_buildkitd).collect();
        output.set_names(&names);
    }
    Ok((routes, targets))
}

/// Returns the registries that may speak plain http, or have a certificate that nobody vouches for.
pub(super) fn insecure_hosts(outputs: &[Output]) -> BTreeSet<Host> {
    let names = outputs.iter().filter(|output| output.is_insecure()).flat_map(Output::names);
    let references = names.filter_map(|name| Reference::parse(&name).ok());
    references.filter_map(|reference| routes::registry_host(&reference)).collect()
}

/// Returns the images that go through the proxy.
async fn proxied_images<'a>(
    build: &PlainBuild,
    builder: &Builder,
    registries: &Arc<Authenticator>,
    references: &'a BTreeMap<String, Reference>,
) -> Result<Vec<ProxiedImage<'a>>, Error> {
    let may_use_proxy = match build.push_via {
        PushVia::Session => false,
        PushVia::Proxy if build.attestations.are_requested => return Err(Error::AttestedPushByProxy),
        PushVia::Proxy => true,
        // The subject of an attestation is the name that buildkitd pushes to: it has to be the registry's own.
        PushVia::Auto => builder.shares_network() && !build.attestations.are_requested,
    };
    let mut chosen: BTreeMap<String, &Reference> = BTreeMap::new();
    for reference in references.values().filter(|_| may_use_proxy) {
        let Some(host) = routes::registry_host(reference) else { continue };
        if build.push_via == PushVia::Proxy || registries.credentials().find(&host).await?.is_some() {
            chosen.insert(reference.name().to_owned(), reference);
        }
    }
    let proxied = |(index, reference)| ProxiedImage {
        reference,
        alias: format!("image{index}"),
        rights: Rights::PULL_PUSH,
        auth: Arc::clone(registries),
    };
    Ok(chosen.into_values().enumerate().map(proxied).collect())
}
