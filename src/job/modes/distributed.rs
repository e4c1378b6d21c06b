//! One build on several daemons: each builds the platforms that are native to it and pushes them by digest; their indexes
//! are then joined into one.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use http::HeaderValue;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::plain::{self, PartOfBuild, PlainBuild};
use super::reference;
use crate::job::daemon::platforms::{assign, best_for_all};
use crate::job::error::Error;
use crate::job::push::index::{PlatformIndex, join};
use crate::job::push::routes::{self, RegistryEndpoint};
use crate::job::push::steps::StepsOfParts;
use crate::job::report::outcome;
use crate::job::result::metadata::{JoinedIndex, Results};
use crate::job::result::report_files::Recorder;
use crate::job::run::STATUS_QUEUE;
use crate::progress;
use crate::registry::{Client, Repository};

/// What one daemon builds.
#[derive(Debug)]
pub(super) struct Part {
    build: PlainBuild,
    /// Which of the platforms it builds.
    places: Vec<usize>,
}

impl Part {
    /// Returns the build of this part.
    pub(super) const fn build(&self) -> &PlainBuild {
        &self.build
    }
}

/// Whether there is more than one platform, and more than one daemon to build them.
pub(super) fn is_wanted(build: &PlainBuild) -> bool {
    build.request.daemon.addresses.len() > 1 && build.request.dockerfile.options.platforms.len() > 1
}

/// Returns what each daemon builds; a single part is the whole build.
pub(super) async fn split(build: &PlainBuild, cancel: &CancellationToken) -> Result<Vec<Part>, Error> {
    let daemons = build.request.daemon.platforms(cancel).await?;
    let (addresses, platforms): (Vec<_>, Vec<_>) = daemons.into_iter().unzip();
    let wanted = &build.request.dockerfile.options.platforms;
    let assigned = match assign(wanted, &platforms) {
        // Only pushed images can be joined.
        _ if !can_be_joined(build) => vec![best_for_all(wanted, &platforms); wanted.len()],
        assigned => assigned,
    };
    let used: BTreeSet<usize> = assigned.iter().copied().collect();
    let is_whole = used.len() == 1;
    let part = |daemon: usize| {
        let places: Vec<usize> = (0..wanted.len()).filter(|place| assigned[*place] == daemon).collect();
        let mut build = build.clone();
        build.request.daemon = build.request.daemon.preferring(&addresses[daemon]);
        if !is_whole {
            let options = &mut build.request.dockerfile.options;
            options.platforms = places.iter().map(|place| wanted[*place].clone()).collect();
            options.multi_platform = true;
            by_digest(&mut build)?;
        }
        Ok(Part { build, places })
    };
    used.into_iter().map(part).collect()
}

fn can_be_joined(build: &PlainBuild) -> bool {
    match build.outputs.as_slice() {
        [] => true,
        [output] => output.pushes() && !output.pushes_by_digest() && !output.is_insecure(),
        _ => false,
    }
}

/// Makes the outputs of a part push without a tag.
fn by_digest(build: &mut PlainBuild) -> Result<(), Error> {
    for output in &mut build.outputs {
        let references =
            output.names().iter().map(|name| reference("--tag", name)).collect::<Result<Vec<_>, _>>()?;
        let names: BTreeSet<String> =
            references.iter().map(|reference| reference.name().to_owned()).collect();
        output.set_names(&names.into_iter().collect::<Vec<_>>());
        output.attrs.insert("push-by-digest".to_owned(), "true".to_owned());
    }
    Ok(())
}

/// Builds all parts at once and joins what they pushed.
///
/// # Errors
/// The first [`Error`] of a part, which ends all others.
pub(super) async fn work(
    build: &PlainBuild,
    parts: &[Part],
    recorder: &Recorder,
    cancel: &CancellationToken,
) -> Result<Results, Error> {
    if build.cache_exports.iter().any(|cache| cache.kind != "inline") {
        tracing::warn!(
            "several buildkitd build for this cache, and each replaces what another has written there; \
             name a daemon with --addr for each platform to keep all of it"
        );
    }
    let (events, messages) = mpsc::channel(STATUS_QUEUE);
    let follower = tokio::spawn(progress::follow(build.progress, messages));
    let cancel = cancel.child_token();
    let steps = StepsOfParts::new(parts.len());
    let running = parts.iter().enumerate().map(|(number, part)| {
        let view = PartOfBuild {
            events: Some(events.clone()),
            steps: Some(steps.clone()),
            is_first: number == 0,
            recorder: recorder.clone(),
        };
        let cancel = &cancel;
        async move {
            let built = plain::on_one(&part.build, &view, cancel).await;
            if built.is_err() {
                cancel.cancel();
            }
            built
        }
    });
    let built = join_all(running.collect::<Vec<_>>()).await;
    drop(events);
    let _ = follower.await;
    let is_consequence = |result: &Result<Results, Error>| matches!(result, Err(Error::Interrupted));
    let (consequences, mut results): (Vec<_>, Vec<_>) = built.into_iter().partition(is_consequence);
    results.extend(consequences);
    let results = results.into_iter().collect::<Result<Vec<Results>, Error>>()?;
    let index = match build.outputs.first() {
        Some(output) => Some(push_index(build, &output.names(), parts, &results).await?),
        None => None,
    };
    Ok(Results::joined(results, index))
}

/// Joins the indexes that the parts pushed, and gives the result all names.
async fn push_index(
    build: &PlainBuild,
    names: &[String],
    parts: &[Part],
    results: &[Results],
) -> Result<JoinedIndex, Error> {
    let auth = routes::authenticator(build.request.logins.load()?)?;
    let client = Client::new(Arc::clone(&auth));
    let mut targets = Vec::new();
    for name in names {
        let reference = reference("--tag", name)?;
        let repository = Repository::of(&reference).map_err(|source| Error::Setting(Box::new(source)))?;
        targets.push((reference, RegistryEndpoint { repository, auth: Arc::clone(&auth) }));
    }
    let Some((reference, endpoint)) = targets.first() else {
        return Ok(JoinedIndex { text: String::new(), names: String::new() });
    };
    let mut pushed = Vec::new();
    for result in results {
        let digest = result.digest().unwrap_or_default();
        let found = match client.manifest(&endpoint.repository, digest).await {
            Ok(found) => found.ok_or_else(|| outcome::missing_base(reference))?,
            Err(error) => return Err(outcome::of_push(&error, (reference, endpoint)).await),
        };
        pushed.push(found.bytes);
    }
    let indexes = pushed.iter().map(|text| PlatformIndex::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let media_type = indexes.first().map(PlatformIndex::media_type).unwrap_or_default();
    let media_type = HeaderValue::from_str(media_type).unwrap_or(HeaderValue::from_static(""));
    let places = parts.iter().map(|part| part.places.as_slice());
    let text = join(&indexes.into_iter().zip(places).collect::<Vec<_>>())?;
    let bytes = Bytes::from(text.clone());
    for (reference, endpoint) in &targets {
        let tag = reference.tag().unwrap_or("latest");
        let put = client.put_manifest(&endpoint.repository, tag, &media_type, bytes.clone()).await;
        if let Err(error) = put {
            return Err(outcome::of_push(&error, (reference, endpoint)).await);
        }
    }
    Ok(JoinedIndex { text, names: names.join(",") })
}
