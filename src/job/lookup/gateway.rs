//! Looks up what a conversion needs, at buildkitd and on disk.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;

use super::{ImageLock, LocalFiles, LockResolver, Resolver};
use crate::buildkit::proto::{frontend, pb};
use crate::buildkit::{Gateway, ImageQuery};
use crate::converter::lower::source_op;
use crate::converter::plan::{Fact, Failure, ImageFact, Need, RemoteSource};
use crate::image::{Platform, Reference};
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
    async fn resolve(&self, needs: &BTreeSet<Need>) -> Vec<(Need, Result<Fact, Failure>)> {
        for need in needs {
            if let Need::Image { reference, .. } = need
                && let Ok(reference) = Reference::parse_named(reference)
            {
                self.grants.grant_pull(&reference);
            }
        }
        if let Some(lock) = self.lock {
            let locked = LockResolver { lock, files: self.files, build_platform: self.build_platform };
            return locked.resolve(needs).await;
        }
        let answers = needs.iter().map(async |need| {
            let answer = match self.files.answer(need) {
                Some(answer) => answer,
                None => self.ask(need).await.map_err(|error| Arc::new(error) as Failure),
            };
            (need.clone(), answer)
        });
        join_all(answers).await
    }
}

impl GatewayResolver<'_> {
    async fn ask(&self, need: &Need) -> Result<Fact, LookupFailure> {
        match need {
            Need::Image { reference, platform, log_name } => {
                let query = ImageQuery {
                    reference: reference.clone(),
                    platform: platform.as_ref().map(platform_message),
                    resolve_mode: self.resolve_mode.to_owned(),
                    log_name: log_name.clone(),
                    no_config: false,
                };
                let fact = image(self.gateway, query, reference).await?;
                if let Some(found) =
                    fact.reference.as_deref().and_then(|text| Reference::parse_named(text).ok())
                {
                    self.grants.grant_pull(&found);
                }
                Ok(Fact::Image(fact))
            }
            Need::SourceTime { source, log_name } => self.source_time(source, log_name).await,
            Need::OciLayout { .. } => Err(LookupFailure::NotYet("an OCI layout as a named context")),
            Need::Ignore | Need::NamedIgnore { .. } => {
                Err(LookupFailure::NotYet("an ignore file of a remote context"))
            }
        }
    }

    async fn source_time(&self, source: &RemoteSource, log_name: &str) -> Result<Fact, LookupFailure> {
        let request = frontend::ResolveSourceMetaRequest {
            source: Some(source_message(source)),
            log_name: log_name.to_owned(),
            ..Default::default()
        };
        let reply = self.gateway.resolve_source_meta(request).await?;
        let modified = reply.http.and_then(|http| http.last_modified).map(|time| time.seconds);
        Ok(Fact::SourceTime(modified))
    }
}

/// A remote source as buildkitd takes it, with what it has in a graph.
fn source_message(source: &RemoteSource) -> pb::SourceOp {
    let source = source_op(source);
    pb::SourceOp { identifier: source.identifier().into_owned(), attrs: source.attrs("") }
}

/// Looks an image up, which errors call `shown`.
pub(crate) async fn image(
    gateway: &Gateway,
    query: ImageQuery,
    shown: &str,
) -> Result<ImageFact, LookupFailure> {
    let asked = query.reference.clone();
    let found = gateway.resolve_image(query).await.map_err(|error| match error.failure() {
        Some(failure) => LookupFailure::Image {
            reference: shown.to_owned(),
            message: RegistryMessage::of(&failure.message),
        },
        None => LookupFailure::Daemon(error),
    })?;
    let mut fact = ImageFact::new(found.digest, found.config);
    // Only a source policy makes buildkitd take another image than the one that was asked for.
    let answered = found.source.strip_prefix("docker-image://").unwrap_or(&asked);
    if answered != asked {
        fact.reference = Some(answered.to_owned());
    }
    Ok(fact)
}

fn platform_message(platform: &Platform) -> pb::Platform {
    pb::Platform {
        architecture: platform.architecture.to_string(),
        os: platform.os.to_string(),
        variant: platform.variant.to_string(),
        os_version: platform.os_version.to_string(),
        os_features: platform.os_features.clone().unwrap_or_default(),
    }
}
