//! The connection to a daemon.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OnceCell, mpsc};
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::transport::Channel;

use super::MAX_MESSAGE_BYTES;
use super::address::{Address, TlsOptions};
use super::connect::{self, HelperRecord};
use super::error::{BuildError, Error, GatewayFailure};
use super::gateway::Gateway;
use super::proto::control::control_client::ControlClient;
use super::proto::control::{InfoRequest, ListWorkersRequest, StatusResponse};
use super::proto::pb;
use super::proto::types::WorkerRecord;
use super::request::{BuildOutcome, BuildRequest};
use super::result::BuildResult;
use super::session::SessionOptions;
use super::solve;

/// A connection to one daemon. Clones share it.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
    address: Address,
    /// What the program says that the connection goes through, where there is one.
    helper: HelperRecord,
    /// The daemon's first worker, once it was asked.
    first_worker: FirstWorker,
}

/// The id of a worker, and its first platform.
type Worker = (String, Option<pb::Platform>);

/// What is known of a daemon's first worker, which builds where no other is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct FirstWorker(Arc<OnceCell<Option<Worker>>>);

impl FirstWorker {
    /// Returns the platform that the daemon builds for where none is asked for. Where that is not known yet, `workers` asks
    /// for it.
    ///
    /// Source: `init` in `frontend/dockerui/config.go` in BuildKit.
    pub(super) async fn default_platform(
        &self,
        workers: impl Future<Output = Result<Vec<WorkerRecord>, Error>>,
    ) -> Result<Option<pb::Platform>, Error> {
        let ask = async {
            let first = workers.await?.into_iter().next();
            Ok::<_, Error>(first.map(|worker| (worker.id, worker.platforms.into_iter().next())))
        };
        let first = self.0.get_or_try_init(|| ask).await?;
        Ok(first.as_ref().and_then(|(_, platform)| platform.clone()))
    }
}

impl Client {
    /// Returns a connection to the daemon at `address`, made within `timeout`.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] if nothing listens there, [`Error::ConnectTimeout`] if it does not answer, [`Error::Helper`]
    /// where the program of an address says why it does not connect, [`Error::NoHelper`], [`Error::TlsFile`],
    /// [`Error::Address`].
    pub async fn connect(address: &Address, tls: &TlsOptions, timeout: Duration) -> Result<Self, Error> {
        let helper = HelperRecord::default();
        let connecting = connect::open(address, tls, &helper);
        match within(timeout, address, connecting).await {
            Ok(channel) => {
                Ok(Self { channel, address: address.clone(), helper, first_worker: FirstWorker::default() })
            }
            Err(error) => Err(connect::explain(error, address, &helper).await),
        }
    }

    /// Returns a connection to the daemon at `address` if one answers a call there within `timeout`.
    ///
    /// # Errors
    ///
    /// As [`Client::connect`], [`Error::NoAnswer`], and [`Error::Failed`] if something else than buildkitd answers.
    pub async fn probe(address: &Address, tls: &TlsOptions, timeout: Duration) -> Result<Self, Error> {
        let client = Self::connect(address, tls, timeout).await?;
        match within(timeout, address, client.answers()).await {
            Ok(()) => Ok(client),
            Err(error) => Err(connect::no_answer(client.explain(error).await, address)),
        }
    }

    /// Returns `error`; where the connection did not come about or broke, and it went through a program, what that said.
    pub async fn explain(&self, error: Error) -> Error {
        connect::explain(error, &self.address, &self.helper).await
    }

    /// Returns the address that this connection was made to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Returns the daemon's workers; the first one builds by default. buildkitd tries its emulators before it answers, where
    /// it did not in the last 20 seconds (`SupportedPlatforms` in `util/archutil`): that takes up to a tenth of a second.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`], [`Error::Disconnected`].
    pub async fn workers(&self) -> Result<Vec<WorkerRecord>, Error> {
        let reply = self.control().list_workers(ListWorkersRequest::default()).await;
        reply.map(|r| r.into_inner().record).map_err(|s| Error::from_status("ListWorkers", s))
    }

    /// Asks something that every buildkitd answers at once. What others answer is an error.
    async fn answers(&self) -> Result<(), Error> {
        match self.control().info(InfoRequest {}).await {
            Ok(_) => Ok(()),
            // An old buildkitd, or none.
            Err(status) if status.code() == Code::Unimplemented => self.workers().await.map(|_| ()),
            Err(status) => Err(Error::from_status("Info", status)),
        }
    }

    /// Returns the platform that the daemon builds for where none is asked for: the first one of its first worker. Within a
    /// build, [`Gateway::default_platform`] says it sooner.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`], [`Error::Disconnected`].
    pub async fn default_platform(&self) -> Result<Option<pb::Platform>, Error> {
        self.first_worker.default_platform(self.workers()).await
    }

    /// Returns the platform that the daemon builds for by default, where it was asked for it already.
    pub fn known_platform(&self) -> Option<&pb::Platform> {
        self.first_worker.0.get()?.as_ref()?.1.as_ref()
    }

    /// Returns the id of the daemon's first worker, which it keeps beside its cache; `None` where it was not asked yet.
    pub fn worker_id(&self) -> Option<&str> {
        self.first_worker.0.get()?.as_ref().map(|(id, _)| id.as_str())
    }

    /// Runs one build and returns what its exporters answered.
    ///
    /// `function` gets the build's [`Gateway`] and returns the result of the build, beside a value of its
    /// own. Its failure is told to the daemon with all details and then returned. Status messages go to
    /// `events` until the daemon has sent the last one; the receiver must be read while the build runs
    /// (a closed one is ignored). When `cancel` fires, the solve is cancelled, the end of the status stream
    /// awaited for a bounded time and the session closed. Dropping the future ends everything at once.
    /// Nothing is retried.
    ///
    /// # Errors
    ///
    /// [`BuildError`]: the caller's own failure, the daemon's, or the cancellation.
    pub async fn build<T, E, F, Fut>(
        &self,
        request: BuildRequest,
        session: SessionOptions,
        events: mpsc::Sender<StatusResponse>,
        cancel: &CancellationToken,
        function: F,
    ) -> Result<BuildOutcome<T>, BuildError<E>>
    where
        F: FnOnce(Gateway) -> Fut,
        Fut: Future<Output = Result<(BuildResult, T), E>>,
        E: GatewayFailure,
    {
        solve::run(self, request, session, events, cancel, function).await
    }

    pub(super) fn first_worker(&self) -> FirstWorker {
        self.first_worker.clone()
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(crate) fn control(&self) -> ControlClient<Channel> {
        ControlClient::new(self.channel())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }
}

/// Returns what `work` with the daemon at `address` brings within `timeout`.
async fn within<T>(
    timeout: Duration,
    address: &Address,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let timed_out = || Error::ConnectTimeout { address: address.to_string(), millis: timeout.as_millis() };
    tokio::time::timeout(timeout, work).await.unwrap_or_else(|_| Err(timed_out()))
}

/// Returns what calls methods whose messages are declared in this program, once `channel` takes a call.
pub(super) async fn ready_grpc(channel: Channel) -> Result<tonic::client::Grpc<Channel>, tonic::Status> {
    let mut grpc = tonic::client::Grpc::new(channel)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    grpc.ready().await.map_err(|error| tonic::Status::from_error(error.into()))?;
    Ok(grpc)
}
