//! Steps of Bob's own, in the form in which buildkitd tells of its steps.

use std::time::{Duration, Instant};

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{StatusResponse, Vertex, VertexLog, VertexStatus};
use tokio::sync::mpsc;

use super::time;

/// The time between two reports of one transfer.
const TRANSFER_INTERVAL: Duration = Duration::from_millis(200);

/// A step that runs. What it tells is shown by [`follow`](super::follow).
#[derive(Debug, Clone)]
pub struct Step {
    updates: mpsc::Sender<StatusResponse>,
    id: String,
    name: String,
    started: Timestamp,
}

impl Step {
    /// Begins a step called `name`; `id` tells it from other steps of the same build.
    pub async fn begin(updates: mpsc::Sender<StatusResponse>, id: &str, name: &str) -> Self {
        let step = Self { updates, id: id.to_owned(), name: name.to_owned(), started: time::timestamp() };
        step.vertex(None, "").await;
        step
    }

    /// Writes a line to the step's log.
    pub async fn log(&self, line: &str) {
        let log = VertexLog {
            vertex: self.id.clone(),
            timestamp: Some(time::timestamp()),
            stream: 1,
            msg: format!("{line}\n").into_bytes(),
        };
        self.tell(StatusResponse { logs: vec![log], ..StatusResponse::default() }).await;
    }

    /// Begins the transfer `id`.
    pub fn begin_transfer(&self, id: &str) -> StepTransfer {
        let (step, started) = (self.clone(), time::timestamp());
        StepTransfer { step, id: id.to_owned(), started, last_report: Instant::now() }
    }

    /// Shows how far the transfer `id`, begun at `started`, is. It is over when `current` is `total`.
    pub async fn transfer(&self, id: &str, started: Timestamp, current_bytes: u64, total_bytes: u64) {
        let now = time::timestamp();
        let status = VertexStatus {
            id: id.to_owned(),
            vertex: self.id.clone(),
            current: current_bytes.try_into().unwrap_or(i64::MAX),
            total: total_bytes.try_into().unwrap_or(i64::MAX),
            timestamp: Some(now),
            started: Some(started),
            completed: (current_bytes == total_bytes).then_some(now),
            ..VertexStatus::default()
        };
        self.tell(StatusResponse { statuses: vec![status], ..StatusResponse::default() }).await;
    }

    /// Ends the step: well, where `error` is empty.
    pub async fn end(self, error: &str) {
        self.vertex(Some(time::timestamp()), error).await;
    }

    async fn vertex(&self, completed: Option<Timestamp>, error: &str) {
        let vertex = Vertex {
            digest: self.id.clone(),
            name: self.name.clone(),
            started: Some(self.started),
            completed,
            error: error.to_owned(),
            ..Vertex::default()
        };
        self.tell(StatusResponse { vertexes: vec![vertex], ..StatusResponse::default() }).await;
    }

    async fn tell(&self, message: StatusResponse) {
        // Nobody who follows is no reason to fail.
        let _ = self.updates.send(message).await;
    }
}

/// A transfer of a step, which is shown from time to time.
#[derive(Debug)]
pub struct StepTransfer {
    step: Step,
    id: String,
    started: Timestamp,
    last_report: Instant,
}

impl StepTransfer {
    /// Shows how far the transfer is: where it is over, which it is when `current` is `total`, and where it was not shown
    /// for a while.
    pub async fn reach(&mut self, current_bytes: u64, total_bytes: u64) {
        if current_bytes == total_bytes || self.last_report.elapsed() >= TRANSFER_INTERVAL {
            self.last_report = Instant::now();
            self.step.transfer(&self.id, self.started, current_bytes, total_bytes).await;
        }
    }
}

/// The present instant, as steps carry it.
pub fn timestamp() -> Timestamp {
    time::timestamp()
}
