//! SSH agents for the daemon; see `session/sshforward` in BuildKit.
//!
//! A build may list the agent's keys and sign with them; every other request of the agent protocol is
//! answered with a failure and never reaches the agent, unless its socket was given as a raw one. Keys of files are held by
//! an agent in this process ([`key_agent`]).

mod key;
mod key_agent;
mod wire;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bollard_buildkit_proto::moby::sshforward::v1::ssh_server::{Ssh, SshServer};
use bollard_buildkit_proto::moby::sshforward::v1::{BytesMessage, CheckAgentRequest, CheckAgentResponse};
use bytes::{Buf as _, BytesMut};
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

pub use self::key::{SshKey, SshKeyError};
use super::Service;

/// The id of the agent that `--ssh default` and a mount without an id mean.
pub const DEFAULT_AGENT: &str = "default";

const AGENT_ID: &str = "buildkit.ssh.id";
const CHUNK_BYTES: usize = 32 << 10;
/// OpenSSH's own limit for a message of the agent protocol, in bytes.
const MAX_REQUEST_BYTES: usize = 256 << 10;
/// Message numbers; source: draft-ietf-sshm-ssh-agent, section 6.1.
const REQUEST_IDENTITIES: u8 = 11;
const SIGN_REQUEST: u8 = 13;
/// The whole message `SSH_AGENT_FAILURE`.
const FAILURE: [u8; 5] = [0, 0, 0, 1, 5];

pub(super) const SERVICE: Service = Service {
    methods: &["/moby.sshforward.v1.SSH/CheckAgent", "/moby.sshforward.v1.SSH/ForwardAgent"],
    add: |routes, parts| {
        let agents = std::mem::take(&mut parts.options.ssh_agents);
        routes.add_service(SshServer::new(Agents(agents)))
    },
};

/// What answers a build that asks for an SSH agent.
#[derive(Clone, Debug)]
pub enum SshAgent {
    /// An agent that listens on a socket.
    Socket {
        /// The socket.
        path: PathBuf,
        /// Whether every request reaches it, also those that change it.
        is_raw: bool,
    },
    /// Keys of files, with which this process signs.
    Keys(Vec<Arc<SshKey>>),
}

/// Serves agents by id.
#[derive(Debug)]
pub(crate) struct Agents(pub(crate) BTreeMap<String, SshAgent>);

impl Agents {
    fn find(&self, id: &str) -> Result<&SshAgent, Status> {
        let id = if id.is_empty() { DEFAULT_AGENT } else { id };
        self.0.get(id).ok_or_else(|| {
            Status::not_found(format!("no SSH agent {id:?} was given to this build; add --ssh {id}"))
        })
    }
}

#[tonic::async_trait]
impl Ssh for Agents {
    type ForwardAgentStream = ReceiverStream<Result<BytesMessage, Status>>;

    async fn check_agent(
        &self,
        request: Request<CheckAgentRequest>,
    ) -> Result<Response<CheckAgentResponse>, Status> {
        self.find(&request.into_inner().id)?;
        Ok(Response::new(CheckAgentResponse {}))
    }

    async fn forward_agent(
        &self,
        request: Request<Streaming<BytesMessage>>,
    ) -> Result<Response<Self::ForwardAgentStream>, Status> {
        let id = request.metadata().get(AGENT_ID).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let (path, is_raw) = match self.find(id)? {
            SshAgent::Socket { path, is_raw } => (path, *is_raw),
            SshAgent::Keys(keys) => {
                let (replies, stream) = mpsc::channel(4);
                tokio::spawn(sign(request.into_inner(), keys.clone(), replies));
                return Ok(Response::new(ReceiverStream::new(stream)));
            }
        };
        let agent = UnixStream::connect(path).await;
        let agent =
            agent.map_err(|e| Status::unavailable(format!("the SSH agent at {}: {e}", path.display())))?;
        let (mut from_agent, to_agent) = agent.into_split();
        let (replies, stream) = mpsc::channel(4);
        tokio::spawn(forward(request.into_inner(), to_agent, replies.clone(), is_raw));
        tokio::spawn(async move {
            let mut buffer = BytesMut::with_capacity(CHUNK_BYTES);
            while let Ok(1..) = from_agent.read_buf(&mut buffer).await {
                let message = BytesMessage { data: buffer.split().to_vec() };
                if replies.send(Ok(message)).await.is_err() {
                    return;
                }
                buffer.reserve(CHUNK_BYTES);
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

/// Passes the build's requests on until its side ends; then the agent may still answer.
async fn forward(
    mut requests: Streaming<BytesMessage>,
    mut agent: OwnedWriteHalf,
    replies: mpsc::Sender<Result<BytesMessage, Status>>,
    is_raw: bool,
) {
    let mut filter = RequestFilter::default();
    while let Some(Ok(message)) = requests.next().await {
        if is_raw {
            if agent.write_all(&message.data).await.is_err() {
                return;
            }
            continue;
        }
        filter.buffer.extend_from_slice(&message.data);
        loop {
            let sent = match filter.next() {
                Ok(None) => break,
                Ok(Some(AgentRequest::Allowed(frame))) => agent.write_all(&frame).await.is_ok(),
                Ok(Some(AgentRequest::Refused)) => {
                    replies.send(Ok(BytesMessage { data: FAILURE.to_vec() })).await.is_ok()
                }
                Err(_) => false,
            };
            if !sent {
                return;
            }
        }
    }
    let _ = agent.shutdown().await;
}

/// Answers the build's requests with `keys` until its side ends.
async fn sign(
    mut requests: Streaming<BytesMessage>,
    keys: Vec<Arc<SshKey>>,
    replies: mpsc::Sender<Result<BytesMessage, Status>>,
) {
    let mut filter = RequestFilter::default();
    while let Some(Ok(message)) = requests.next().await {
        filter.buffer.extend_from_slice(&message.data);
        loop {
            let data = match filter.next() {
                Ok(None) => break,
                Ok(Some(AgentRequest::Allowed(frame))) => key_agent::answer(&keys, &frame),
                Ok(Some(AgentRequest::Refused)) => FAILURE.to_vec(),
                Err(_) => return,
            };
            if replies.send(Ok(BytesMessage { data })).await.is_err() {
                return;
            }
        }
    }
}

#[derive(Debug, PartialEq)]
enum AgentRequest {
    Allowed(BytesMut),
    Refused,
}

/// Cuts the stream of the agent protocol into requests: a length of four bytes, big-endian, then the message.
#[derive(Default)]
struct RequestFilter {
    buffer: BytesMut,
}

impl RequestFilter {
    fn next(&mut self) -> io::Result<Option<AgentRequest>> {
        let Some(mut head) = self.buffer.get(..4) else {
            return Ok(None);
        };
        let length = head.get_u32() as usize;
        if length == 0 || length > MAX_REQUEST_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if self.buffer.len() < 4 + length {
            return Ok(None);
        }
        let frame = self.buffer.split_to(4 + length);
        let allowed = matches!(frame[4], REQUEST_IDENTITIES | SIGN_REQUEST);
        Ok(Some(if allowed { AgentRequest::Allowed(frame) } else { AgentRequest::Refused }))
    }
}

#[cfg(test)]
mod tests {
    use bollard_buildkit_proto::moby::sshforward::v1::ssh_client::SshClient;
    use bollard_buildkit_proto::moby::sshforward::v1::ssh_server::SshServer;
    use hyper::server::conn::http2::Builder;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use hyper_util::service::TowerToHyperService;
    use tokio::net::UnixListener;
    use tonic::service::Routes;
    use tonic::transport::Endpoint;

    use super::*;

    #[test]
    fn listing_keys_passes_in_pieces() {
        let mut filter = RequestFilter::default();
        filter.buffer.extend_from_slice(&[0, 0, 0]);
        assert_eq!(filter.next().unwrap(), None);
        filter.buffer.extend_from_slice(&[1, REQUEST_IDENTITIES, 0]);
        assert_eq!(filter.next().unwrap(), Some(AgentRequest::Allowed([0, 0, 0, 1, 11].as_slice().into())));
        assert_eq!(filter.buffer.len(), 1);
    }

    #[test]
    fn removing_all_keys_is_refused() {
        let mut filter = RequestFilter::default();
        filter.buffer.extend_from_slice(&[0, 0, 0, 1, 19]);
        assert_eq!(filter.next().unwrap(), Some(AgentRequest::Refused));
    }

    #[test]
    fn an_impossible_length_ends_the_connection() {
        let mut filter = RequestFilter::default();
        filter.buffer.extend_from_slice(&[255; 8]);
        assert!(filter.next().is_err());
    }

    /// An agent that echoes, behind the service, behind a real connection.
    async fn connected(dir: &std::path::Path) -> SshClient<tonic::transport::Channel> {
        let agent = UnixListener::bind(dir.join("agent")).unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = agent.accept().await {
                let (mut reader, mut writer) = stream.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut reader, &mut writer).await });
            }
        });
        let agent = SshAgent::Socket { path: dir.join("agent"), is_raw: false };
        let agents = Agents(BTreeMap::from([(DEFAULT_AGENT.to_owned(), agent)]));
        let service = TowerToHyperService::new(Routes::new(SshServer::new(agents)));
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        tokio::spawn(Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(ours), service));
        let mut theirs = Some(TokioIo::new(theirs));
        let connector = tower::service_fn(move |_| {
            std::future::ready(theirs.take().ok_or(io::Error::from(io::ErrorKind::NotFound)))
        });
        let channel =
            Endpoint::from_static("http://session").connect_with_connector(connector).await.unwrap();
        SshClient::new(channel)
    }

    #[tokio::test]
    async fn requests_reach_the_agent_and_the_end_of_one_side_leaves_the_other() {
        let dir = tempfile::tempdir().unwrap();
        let mut client = connected(dir.path()).await;
        let list = BytesMessage { data: vec![0, 0, 0, 1, REQUEST_IDENTITIES] };
        let remove = BytesMessage { data: vec![0, 0, 0, 1, 19] };
        let replies = client.forward_agent(tokio_stream::iter([list.clone(), remove])).await.unwrap();
        let replies: Vec<_> = replies.into_inner().map(|m| m.unwrap().data).collect().await;
        let mut all = replies.concat();
        // Which of the two answers first is open: one comes from the agent, one from us.
        all.sort_unstable();
        let mut expected = [list.data, FAILURE.to_vec()].concat();
        expected.sort_unstable();
        assert_eq!(all, expected);
    }

    #[tokio::test]
    async fn an_agent_that_was_not_given_is_not_found() {
        let dir = tempfile::tempdir().unwrap();
        let mut client = connected(dir.path()).await;
        for (id, found) in [("", true), ("default", true), ("other", false)] {
            let reply = client.check_agent(CheckAgentRequest { id: id.to_owned() }).await;
            assert_eq!(reply.is_ok(), found, "{id}");
        }
    }
}
