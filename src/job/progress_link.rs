//! What Bob itself adds to the progress that buildkitd tells: loads into engines, and the bytes that its own proxy pushes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{StatusResponse, VertexStatus};
use tokio::sync::mpsc;

use crate::explain::Outcome;
use crate::progress::timestamp;
use crate::proxy::UploadObserver;

/// What buildkitd calls the step that pushes.
const IMAGE_EXPORT: &str = "exporting to image";
/// The blobs whose way is shown, at most; no image has so many.
const MAX_BLOBS: usize = 4096;
/// The time between two reports of one transfer.
const INTERVAL: Duration = Duration::from_millis(200);

/// The way to where the progress of a build is shown; clones are the same way. It leads nowhere before the build begins.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProgressLink(Arc<Link>);

#[derive(Debug, Default)]
struct Link {
    /// Weak, so that what is shown ends with the build.
    updates: OnceLock<mpsc::WeakSender<StatusResponse>>,
    pushes: Mutex<Pushes>,
    /// How the steps went, by the digests of their ops.
    outcomes: Mutex<BTreeMap<String, StepOutcome>>,
}

#[derive(Debug, Default)]
struct StepOutcome {
    outcome: Outcome,
    /// When a step without inputs began first: buildkitd asks it for its cache key then, and tells of that as if it ran.
    /// (BuildKit: `sharedOp.CacheMap` in `solver/jobs.go`)
    asked: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Pushes {
    /// The step that pushes.
    vertex: String,
    /// The blobs by their digests.
    blobs: BTreeMap<String, Blob>,
}

#[derive(Debug)]
struct Blob {
    started: Timestamp,
    last_report: Instant,
}

impl ProgressLink {
    /// Begins: what is told from now on goes to `updates`.
    pub(crate) fn connect(&self, updates: &mpsc::Sender<StatusResponse>) {
        let _ = self.0.updates.set(updates.downgrade());
    }

    /// Where steps of Bob's own are told of, while a build runs.
    pub(crate) fn updates(&self) -> Option<mpsc::Sender<StatusResponse>> {
        self.0.updates.get().and_then(mpsc::WeakSender::upgrade)
    }

    /// Takes note of the step that pushes.
    pub(crate) fn note(&self, message: &StatusResponse) {
        self.note_outcomes(message);
        if let Some(vertex) = message.vertexes.iter().find(|vertex| vertex.name == IMAGE_EXPORT) {
            self.pushes().vertex.clone_from(&vertex.digest);
        }
    }

    /// Returns how the steps went until now, by the digests of their ops.
    pub(crate) fn outcomes(&self) -> BTreeMap<String, Outcome> {
        let outcomes = self.0.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.iter().map(|(digest, step)| (digest.clone(), step.outcome)).collect()
    }

    /// Takes note of how steps go. One that ran has run, even where its result is found in the cache afterwards.
    fn note_outcomes(&self, message: &StatusResponse) {
        let mut outcomes = self.0.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        for vertex in &message.vertexes {
            let step = outcomes.entry(vertex.digest.clone()).or_default();
            if vertex.inputs.is_empty() && step.asked.is_none() {
                step.asked = vertex.started;
            }
            let is_asked = vertex.inputs.is_empty() && step.asked == vertex.started;
            let outcome = match vertex {
                failed if !failed.error.is_empty() => Outcome::Failed,
                cached if cached.cached => Outcome::Cached,
                asked if is_asked && asked.started.is_some() => Outcome::NotReached,
                ended if ended.completed.is_some() => Outcome::Ran,
                begun if begun.started.is_some() => Outcome::Failed,
                _ => continue,
            };
            if step.outcome != Outcome::Ran {
                step.outcome = outcome;
            }
        }
    }

    fn pushes(&self) -> MutexGuard<'_, Pushes> {
        self.0.pushes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to tell of a blob; `None` where that is too soon.
    fn status(&self, digest: &str, bytes: u64, total: Option<u64>) -> Option<VertexStatus> {
        let (now, is_complete) = (timestamp(), total == Some(bytes));
        let mut pushes = self.pushes();
        let vertex = pushes.vertex.clone();
        let first = !pushes.blobs.contains_key(digest);
        if first && pushes.blobs.len() >= MAX_BLOBS {
            return None;
        }
        let blob = pushes.blobs.entry(digest.to_owned());
        let blob = blob.or_insert_with(|| Blob { started: now, last_report: Instant::now() });
        if vertex.is_empty() || !(first || is_complete || blob.last_report.elapsed() >= INTERVAL) {
            return None;
        }
        blob.last_report = Instant::now();
        let count = |bytes: u64| bytes.try_into().unwrap_or(i64::MAX);
        Some(VertexStatus {
            id: format!("pushing {digest}"),
            vertex,
            current: count(bytes),
            total: count(total.unwrap_or(0)),
            timestamp: Some(now),
            started: Some(blob.started),
            completed: is_complete.then_some(now),
            ..VertexStatus::default()
        })
    }
}

impl UploadObserver for ProgressLink {
    fn uploaded(&self, digest: &str, bytes: u64, total: Option<u64>) {
        let Some(status) = self.status(digest, bytes, total) else { return };
        let Some(updates) = self.updates() else { return };
        let is_last = status.completed.is_some();
        let message = StatusResponse { statuses: vec![status], ..StatusResponse::default() };
        match updates.try_send(message) {
            // The last word must not be lost where others wait.
            Err(mpsc::error::TrySendError::Full(message)) if is_last => {
                tokio::spawn(async move { updates.send(message).await });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use bollard_buildkit_proto::moby::buildkit::v1::Vertex;

    use super::*;

    #[test]
    fn a_step_that_is_only_asked_for_its_cache_key_did_not_run() {
        let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
        let outcome_of = |inputs: &[&str], messages: &[(i64, bool, bool)]| {
            let link = ProgressLink::default();
            for (started, is_completed, cached) in messages {
                let vertex = Vertex {
                    digest: "d".into(),
                    inputs: inputs.iter().map(|input| (*input).to_owned()).collect(),
                    started: at(*started),
                    completed: at(started + 1).filter(|_| *is_completed),
                    cached: *cached,
                    ..Vertex::default()
                };
                link.note(&StatusResponse { vertexes: vec![vertex], ..StatusResponse::default() });
            }
            link.outcomes()["d"]
        };
        let asked = [(1, false, false), (1, true, false)];
        assert_eq!(outcome_of(&[], &asked), Outcome::NotReached);
        assert_eq!(outcome_of(&["i"], &asked), Outcome::Ran);
        assert_eq!(outcome_of(&[], &[asked[0], asked[1], (5, true, true)]), Outcome::Cached);
        assert_eq!(outcome_of(&[], &[asked[0], asked[1], (5, false, false)]), Outcome::Failed);
        assert_eq!(outcome_of(&[], &[asked[0], asked[1], (5, false, false), (5, true, false)]), Outcome::Ran);
    }

    #[tokio::test]
    async fn pushed_bytes_are_shown_in_the_step_that_pushes() {
        let link = ProgressLink::default();
        link.uploaded("sha256:a", 1, Some(9));
        let (updates, mut shown) = mpsc::channel(1);
        link.connect(&updates);
        let vertex = |name: &str| Vertex { name: name.into(), digest: name.into(), ..Vertex::default() };
        link.note(&StatusResponse {
            vertexes: vec![vertex("[1/2] RUN x"), vertex(IMAGE_EXPORT)],
            ..StatusResponse::default()
        });
        for bytes in [3, 4, 9] {
            link.uploaded("sha256:b", bytes, Some(9));
        }
        let mut told = Vec::new();
        for _ in 0..2 {
            let status = shown.recv().await.unwrap().statuses.remove(0);
            assert_eq!((status.vertex.as_str(), status.id.as_str()), (IMAGE_EXPORT, "pushing sha256:b"));
            told.push((status.current, status.total, status.completed.is_some()));
        }
        assert_eq!(told, [(3, 9, false), (9, 9, true)]);
        drop(updates);
        assert!(shown.recv().await.is_none(), "the link does not keep the display open");
        link.uploaded("sha256:b", 9, Some(9));
    }
}
