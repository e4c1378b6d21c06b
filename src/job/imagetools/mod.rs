//! `bob imagetools`: images at registries and in OCI layouts, looked at and put together without buildkitd.

mod attested;
mod combine;
mod document;
mod error;
mod inspect;
mod layout;
mod place;
mod publish;
mod referrers;
mod source;

use std::sync::Arc;

pub use attested::{Attested, Provenance, Sbom};
pub use combine::{Combined, IndexAnnotation, IndexPlace, NewImage};
pub use document::{Descriptor, Index};
pub use error::ImageToolsError;
pub use inspect::Inspected;
pub use place::{LayoutPlace, Place};
pub use source::{Source, SourceError};

use crate::image::Reference;
use crate::job::error::Error;
use crate::job::push::routes::{self, RegistryEndpoint};
use crate::job::report::client_error::describe_client_error;
use crate::job::session::logins::DockerLogins;
use crate::registry::{Authenticator, Client, ClientError, Manifest, Repository};

/// The registries, as the user of `bob imagetools` reaches them.
#[derive(Debug, Clone)]
pub struct ImageTools {
    auth: Arc<Authenticator>,
}

impl ImageTools {
    /// Returns the registries with the credentials of docker's configuration.
    ///
    /// # Errors
    /// [`Error::Credentials`], [`Error::Roots`].
    pub fn new(logins: &DockerLogins) -> Result<Self, Error> {
        Ok(Self { auth: routes::authenticator(logins.load()?)? })
    }

    fn client(&self) -> Client {
        Client::new(Arc::clone(&self.auth))
    }

    fn endpoint(&self, reference: &Reference) -> Result<RegistryEndpoint, ImageToolsError> {
        let wrong = |source| ImageToolsError::Host { reference: reference.to_string(), source };
        let repository = Repository::of(reference).map_err(wrong)?;
        Ok(RegistryEndpoint { repository, auth: Arc::clone(&self.auth) })
    }

    /// Returns the manifest at a place.
    async fn manifest(&self, place: &Place) -> Result<Manifest, ImageToolsError> {
        let reference = match place {
            Place::Layout(layout) => return layout.manifest(),
            Place::Registry(reference) => reference,
        };
        let repository = self.endpoint(reference)?.repository;
        let found = self.client().manifest(&repository, reference.version()).await;
        let found = self.told(found, "read", place, &repository).await?;
        let mut manifest =
            found.ok_or_else(|| ImageToolsError::Missing { reference: reference.to_string() })?;
        let media_type = &mut manifest.descriptor.media_type;
        if media_type.is_empty() {
            document::media_type_of(&manifest.bytes).clone_into(media_type);
        }
        Ok(manifest)
    }

    /// Returns the result of a call to a registry, its error in words for the user.
    async fn told<T>(
        &self,
        result: Result<T, ClientError>,
        action: &'static str,
        place: &Place,
        repository: &Repository,
    ) -> Result<T, ImageToolsError> {
        match result {
            Ok(value) => Ok(value),
            Err(error) => Err(ImageToolsError::Registry {
                action,
                reference: place.to_string(),
                fault: describe_client_error(&error, &repository.host, &self.auth).await,
            }),
        }
    }
}
