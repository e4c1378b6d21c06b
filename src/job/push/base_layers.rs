//! Layers that never travel twice: base layers are mounted into the repositories that a result is pushed
//! to, so that buildkitd finds them there.
//!
//! buildkitd mounts layers itself only while nothing has run on them; after that it uploads them again.
//! It asks for each blob before (`HEAD`), so it is enough that the blob is there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};

use super::base_images::BaseImage;
use super::manifest::ManifestLookup;
use super::routes::{PushRoutes, RegistryEndpoint};
use crate::image::Reference;
use crate::registry::{Client, Repository};

/// Requests of one kind under way at once, as many as buildkitd has.
pub(crate) const MAX_CONCURRENT_REQUESTS: usize = 4;
/// How long mounting may hold a build up.
const MOUNT_TIMEOUT: Duration = Duration::from_secs(30);

/// The repositories that a result is pushed to.
#[derive(Debug, Default)]
pub(crate) struct PushTargets {
    endpoints: Vec<RegistryEndpoint>,
}

/// Whether layers may be mounted at a registry while steps run: where it is reached by TLS. Through loopback steps may see
/// what permits a mount, unless nothing has to permit it.
async fn may_mount_beside_steps(endpoint: &RegistryEndpoint) -> bool {
    !endpoint.repository.host.is_loopback() || is_anonymous(endpoint).await
}

/// Whether a registry is used without a login. A request to it shows a step nothing that permits a write: the step can
/// write there itself.
async fn is_anonymous(endpoint: &RegistryEndpoint) -> bool {
    matches!(endpoint.auth.credentials().find(&endpoint.repository.host).await, Ok(None))
}

impl PushTargets {
    /// The repositories of `references`. Where buildkitd has a network of its own, what it calls
    /// `localhost` is out of reach and left out.
    pub(crate) fn new<'a>(
        routes: &PushRoutes,
        references: impl IntoIterator<Item = &'a Reference>,
        shares_network: bool,
    ) -> Self {
        let mut targets = Self::default();
        for endpoint in references.into_iter().filter_map(|reference| routes.endpoint(reference)) {
            let is_reached = shares_network || !endpoint.repository.host.is_loopback();
            let is_known = targets.endpoints.iter().any(|known| known.repository == endpoint.repository);
            if is_reached && !is_known {
                targets.endpoints.push(endpoint);
            }
        }
        targets
    }

    /// Makes the layers of `bases` part of the repositories at the same registry, while steps run: of those that are
    /// reached by TLS or without a login. Whatever cannot be mounted is left for buildkitd to upload: nothing here makes a
    /// build fail.
    pub(crate) async fn mount_beside_steps(&self, bases: &BTreeSet<BaseImage>) {
        self.mount(bases, true).await;
    }

    /// Does the same for all other repositories. No step may run any more.
    pub(crate) async fn mount_after_steps(&self, bases: &BTreeSet<BaseImage>) {
        self.mount(bases, false).await;
    }

    async fn mount(&self, bases: &BTreeSet<BaseImage>, beside_steps: bool) {
        let mut endpoints = Vec::new();
        for endpoint in &self.endpoints {
            if may_mount_beside_steps(endpoint).await == beside_steps {
                endpoints.push(endpoint);
            }
        }
        let pairs = endpoints.into_iter().flat_map(|to| bases.iter().map(move |base| mount_image(base, to)));
        if tokio::time::timeout(MOUNT_TIMEOUT, join_all(pairs)).await.is_err() {
            tracing::debug!("mounting base layers takes too long; buildkitd uploads what is missing");
        }
    }
}

/// Mounts one image's layers into one repository, if both are at one registry.
async fn mount_image(base: &BaseImage, to: &RegistryEndpoint) {
    let BaseImage { reference, platform } = base;
    let (Ok(from), Some(digest)) = (Repository::of(reference), reference.digest()) else { return };
    if from.host != to.repository.host || from.name == to.repository.name {
        return;
    }
    let client = Client::new(Arc::clone(&to.auth));
    let image = match ManifestLookup::look_up(&client, &from, digest, platform).await {
        Ok(ManifestLookup::Image(image)) => image,
        Ok(ManifestLookup::Missing | ManifestLookup::Unknown) => return,
        Err(error) => {
            tracing::debug!(%from, error = &error as &dyn std::error::Error, "base layers cannot be mounted");
            return;
        }
    };
    let layers: Vec<&str> = image.layers().into_keys().collect();
    let refused = mount_all(&client, &to.repository, &from.name, &layers).await;
    let mounted = layers.len() - refused.len();
    tracing::debug!(%from, to = %to.repository, mounted, refused = refused.len(), "base layers");
}

/// Mounts blobs of the repository `from` into `to` at the same registry and returns those that the
/// registry did not mount. The first one tells whether it mounts at all, so that a registry that does not
/// is asked once only.
pub(crate) async fn mount_all<'a>(
    client: &Client,
    to: &Repository,
    from: &str,
    digests: &[&'a str],
) -> Vec<&'a str> {
    let mount = async |digest: &'a str| match client.mount_blob(to, digest, from).await {
        Ok(true) => None,
        Ok(false) => Some(digest),
        Err(error) => {
            tracing::debug!(%to, digest, error = &error as &dyn std::error::Error, "a mount failed");
            Some(digest)
        }
    };
    let Some((first, rest)) = digests.split_first() else { return Vec::new() };
    if mount(first).await.is_some() {
        return digests.to_vec();
    }
    stream::iter(rest.iter().copied())
        .map(mount)
        .buffered(MAX_CONCURRENT_REQUESTS)
        .filter_map(async |refused| refused)
        .collect()
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::push::routes::authenticator;
    use crate::registry::{Credentials, Origin};

    #[tokio::test]
    async fn only_a_registry_without_a_login_may_be_asked_through_loopback_while_steps_run() {
        let origin = Origin::Variable("LOGINS".to_owned());
        // The password of `user:password`.
        let logins = r#"{"localhost:5000":{"auth":"dXNlcjpwYXNzd29yZA=="}}"#;
        let auth = authenticator(Credentials::from_auth_map(logins, &origin).unwrap()).unwrap();
        for (name, expected) in [("localhost:5000/a", false), ("localhost:5001/a", true)] {
            let repository = Repository::of(&Reference::parse(name).unwrap()).unwrap();
            let endpoint = RegistryEndpoint { repository, auth: Arc::clone(&auth) };
            assert_eq!(is_anonymous(&endpoint).await, expected, "{name}");
        }
    }
}
