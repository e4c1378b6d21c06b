//! Looks up what a conversion needs, at buildkitd and on disk.

use std::sync::Arc;

use futures_util::future::join_all;
use llb::{OciLayoutSource, SourceOp};

use super::{ImageLock, LocalFiles, LockResolver, Resolver};
use crate::buildkit::proto::{frontend, pb};
use crate::buildkit::{self, Gateway, ImageQuery};
use crate::converter::plan::{Fact, FactFailure, ImageFact, Need, Needs};
use crate::image::{Platform, Reference};
use crate::job::context::times::source_time;
use crate::job::failure::LookupFailure;
use crate::job::report::registry_message::RegistryMessage;
use crate::job::session::grants::RegistryGrants;

/// Answers needs through the gateway of a build, all at once.
#[derive(Debug)]
pub(crate) struct GatewayResolver<'a> {
    pub(crate) gateway: &'a Gateway,
    /// What buildkitd may have of the logins.
    pub(crate) grants: &'a RegistryGrants,
    pub(crate) files: &'a LocalFiles,
    /// Where base images come from in place of their registries.
    pub(crate) lock: Option<&'a ImageLock>,
    pub(crate) build_platform: &'a Platform,
    /// `default`, `pull` or `local`.
    pub(crate) resolve_mode: &'static str,
}

impl Resolver for GatewayResolver<'_> {
    async fn resolve(&self, needs: &Needs) -> Vec<(Need, Result<Fact, FactFailure>)> {
        for (need, _) in needs.iter() {
            if let Need::Image { reference, .. } = need {
                self.grants.grant_pull(reference);
            }
        }
        if let Some(lock) = self.lock {
            let locked = LockResolver { lock, files: self.files, build_platform: self.build_platform };
            return locked.resolve(needs).await;
        }
        let answers = needs.iter().map(async |(need, log_name)| {
            let answer = match self.files.answer(need) {
                Some(answer) => answer,
                None => self.ask(need, log_name).await.map_err(|error| Arc::new(error) as FactFailure),
            };
            (need.clone(), answer)
        });
        join_all(answers).await
    }
}

impl GatewayResolver<'_> {
    async fn ask(&self, need: &Need, log_name: &str) -> Result<Fact, LookupFailure> {
        match need {
            Need::Image { reference, platform } => {
                let query = ImageQuery {
                    reference: reference.to_string(),
                    platform: platform.as_ref().map(platform_message),
                    resolve_mode: self.resolve_mode.to_owned(),
                    log_name: log_name.to_owned(),
                    no_config: false,
                };
                let fact = match image_or_other(self.gateway, query, reference.as_str()).await? {
                    Fact::Image(fact) => fact,
                    other => return Ok(other),
                };
                if let Some(found) = &fact.reference {
                    self.grants.grant_pull(found);
                }
                Ok(Fact::Image(fact))
            }
            Need::SourceTime { source } => {
                let time = source_time(self.gateway, source, log_name, self.build_platform).await?;
                Ok(Fact::SourceTime(time))
            }
            Need::OciLayout { reference, store, platform } => {
                self.oci_layout(reference, store, platform.as_ref(), log_name).await
            }
            Need::Ignore | Need::NamedIgnore { .. } => {
                Err(LookupFailure::NotYet("an ignore file of a remote context"))
            }
        }
    }

    /// Has buildkitd look an image up in a layout that the session offers.
    async fn oci_layout(
        &self,
        reference: &Reference,
        store: &str,
        platform: Option<&Platform>,
        log_name: &str,
    ) -> Result<Fact, LookupFailure> {
        let source: SourceOp = OciLayoutSource::new(reference.as_str())
            .with_session_id(self.gateway.session_id())
            .with_store_id(store)
            .into();
        let request = frontend::ResolveSourceMetaRequest {
            source: Some(pb::SourceOp {
                identifier: source.identifier().into_owned(),
                attrs: source.attrs(""),
            }),
            platform: platform.map(platform_message),
            log_name: log_name.to_owned(),
            image: Some(frontend::ResolveSourceImageRequest::default()),
            ..Default::default()
        };
        let reply = self.gateway.resolve_source_meta(request).await?;
        let image = reply.image.ok_or(buildkit::Error::Incomplete {
            during: "ResolveSourceMeta",
            missing: "the image of the OCI layout",
        })?;
        Ok(Fact::Image(ImageFact::new(image.digest, image.config)))
    }
}

/// Looks an image up, which errors call `shown`.
pub(crate) async fn image(
    gateway: &Gateway,
    query: ImageQuery,
    shown: &str,
) -> Result<ImageFact, LookupFailure> {
    match image_or_other(gateway, query, shown).await? {
        Fact::Image(fact) => Ok(fact),
        _ => Err(buildkit::Error::Incomplete { during: "ResolveSourceMeta", missing: "the image" }.into()),
    }
}

/// Looks an image up. A source policy may put another source in its place.
async fn image_or_other(gateway: &Gateway, query: ImageQuery, shown: &str) -> Result<Fact, LookupFailure> {
    let asked = query.reference.clone();
    let found = gateway.resolve_image(query).await.map_err(|error| match error.failure() {
        Some(failure) => LookupFailure::Image {
            reference: shown.to_owned(),
            message: RegistryMessage::of(&failure.message),
        },
        None => LookupFailure::Daemon(error),
    })?;
    if let Some((scheme, rest)) =
        found.source.split_once("://").filter(|(scheme, _)| *scheme != "docker-image")
    {
        return Ok(Fact::Replaced(format!("{scheme}:{rest}")));
    }
    let mut fact = ImageFact::new(found.digest, found.config);
    // Only a source policy makes buildkitd take another image than the one that was asked for.
    let answered = found.source.strip_prefix("docker-image://").unwrap_or(&asked);
    if answered != asked {
        fact.reference = Some(Reference::parse(answered)?);
    }
    Ok(Fact::Image(fact))
}

/// Returns a platform as buildkitd takes it.
pub(crate) fn platform_message(platform: &Platform) -> pb::Platform {
    pb::Platform {
        architecture: platform.architecture.to_string(),
        os: platform.os.to_string(),
        variant: platform.variant.to_string(),
        os_version: platform.os_version.to_string(),
        os_features: platform.os_features.clone().unwrap_or_default(),
    }
}
