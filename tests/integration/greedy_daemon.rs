//! A buildkitd that asks for every login: the session must give it only what the build names, and of that the least.
//!
//! A stand-in, because a real buildkitd asks no more than it needs. It speaks the daemon's API over a real socket, and
//! asks while the build waits for the base image that it looked up.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bollard_buildkit_proto::moby::buildkit::v1::types::WorkerRecord;
use bollard_buildkit_proto::moby::buildkit::v1::{
    BytesMessage, ListWorkersRequest, ListWorkersResponse, frontend,
};
use bollard_buildkit_proto::moby::filesync::v1::auth_client::AuthClient;
use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, FetchTokenRequest, GetTokenAuthorityRequest,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_stream::StreamExt as _;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use super::support::{Project, Registry};

/// What the daemon got for its questions, by host.
#[derive(Debug, Default, Clone)]
struct Loot {
    passwords: BTreeMap<String, Result<(String, String), Code>>,
    tokens: BTreeMap<String, Result<String, Code>>,
}

/// The daemon on a socket of its own.
struct GreedyDaemon {
    address: String,
    loot: Arc<Mutex<Loot>>,
    _folder: tempfile::TempDir,
}

/// What the connections of one daemon share.
#[derive(Clone)]
struct Greed {
    hosts: Arc<Vec<String>>,
    session: tokio::sync::watch::Sender<Option<Channel>>,
    loot: Arc<Mutex<Loot>>,
    asked: Arc<tokio::sync::OnceCell<()>>,
}

impl GreedyDaemon {
    /// Starts one that asks for the logins of `hosts`.
    fn start(hosts: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let socket: PathBuf = folder.path().join("sock");
        let loot = Arc::default();
        let greed = Greed {
            hosts: Arc::new(hosts.iter().map(|host| (*host).to_owned()).collect()),
            session: tokio::sync::watch::Sender::new(None),
            loot: Arc::clone(&loot),
            asked: Arc::default(),
        };
        let address = format!("unix://{}", socket.display());
        let (ready, is_ready) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::UnixListener::bind(socket).expect("a socket");
                ready.send(()).expect("the test waits");
                while let Ok((stream, _)) = listener.accept().await {
                    let greed = greed.clone();
                    let service = hyper::service::service_fn(move |request| answer(greed.clone(), request));
                    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service);
                    tokio::spawn(connection);
                }
            });
        });
        is_ready.recv().expect("the daemon listens");
        Self { address, loot, _folder: folder }
    }

    fn loot(&self) -> Loot {
        self.loot.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Answers one call of the daemon's API.
async fn answer(
    greed: Greed,
    request: http::Request<hyper::body::Incoming>,
) -> Result<http::Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    let request = request.map(Body::new);
    Ok(match path.as_str() {
        "/moby.buildkit.v1.Control/ListWorkers" => {
            let workers = |_: Request<ListWorkersRequest>| async {
                Ok(Response::new(ListWorkersResponse { record: vec![WorkerRecord::default()] }))
            };
            let codec = ProstCodec::<ListWorkersResponse, ListWorkersRequest>::default();
            tonic::server::Grpc::new(codec).unary(tower::service_fn(workers), request).await
        }
        "/moby.buildkit.v1.Control/Session" => {
            let session = move |request: Request<Streaming<BytesMessage>>| {
                let greed = greed.clone();
                async move { Ok(Response::new(greed.open_session(request.into_inner()))) }
            };
            let codec = ProstCodec::<BytesMessage, BytesMessage>::default();
            tonic::server::Grpc::new(codec).streaming(tower::service_fn(session), request).await
        }
        "/moby.buildkit.v1.frontend.LLBBridge/Ping" => {
            let pong = |_: Request<frontend::PingRequest>| async {
                let workers = vec![WorkerRecord::default()];
                Ok(Response::new(frontend::PongResponse { workers, ..Default::default() }))
            };
            let codec = ProstCodec::<frontend::PongResponse, frontend::PingRequest>::default();
            tonic::server::Grpc::new(codec).unary(tower::service_fn(pong), request).await
        }
        "/moby.buildkit.v1.frontend.LLBBridge/ResolveSourceMeta" => {
            let resolve = move |_: Request<frontend::ResolveSourceMetaRequest>| {
                let greed = greed.clone();
                async move {
                    // Once, however many images the build looks up.
                    greed.asked.get_or_init(|| greed.ask()).await;
                    Err::<Response<frontend::ResolveSourceMetaResponse>, _>(Status::unknown("that was all"))
                }
            };
            let codec = ProstCodec::<frontend::ResolveSourceMetaResponse, _>::default();
            tonic::server::Grpc::new(codec).unary(tower::service_fn(resolve), request).await
        }
        "/moby.buildkit.v1.Control/Solve" => {
            // A solve lasts as long as its build.
            tokio::time::sleep(std::time::Duration::from_secs(30)).await;
            Status::unknown("too late").into_http()
        }
        _ => Status::unimplemented("not here").into_http(),
    })
}

type Replies = std::pin::Pin<Box<dyn tokio_stream::Stream<Item = Result<BytesMessage, Status>> + Send>>;

impl Greed {
    /// Makes a client of the session that runs inside a stream of messages.
    fn open_session(&self, mut incoming: Streaming<BytesMessage>) -> Replies {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (mut reader, mut writer) = tokio::io::split(ours);
        tokio::spawn(async move {
            while let Some(Ok(message)) = incoming.next().await {
                if writer.write_all(&message.data).await.is_err() {
                    break;
                }
            }
        });
        let mut theirs = Some(theirs);
        let connector = tower::service_fn(move |_: Uri| {
            let stream = theirs.take().ok_or_else(|| std::io::Error::other("one connection only"));
            async move { stream.map(TokioIo::new) }
        });
        let channel = Endpoint::from_static("http://session").connect_with_connector_lazy(connector);
        self.session.send_replace(Some(channel));
        let (sender, receiver) = tokio::sync::mpsc::channel(8);
        tokio::spawn(async move {
            let mut buffer = vec![0; 32 << 10];
            while let Ok(length @ 1..) = reader.read(&mut buffer).await {
                if sender.send(Ok(BytesMessage { data: buffer[..length].to_vec() })).await.is_err() {
                    break;
                }
            }
        });
        Box::pin(tokio_stream::wrappers::ReceiverStream::new(receiver))
    }

    /// Asks the session for everything.
    async fn ask(&self) {
        let mut session = self.session.subscribe();
        let channel = session.wait_for(Option::is_some).await.expect("a session").clone().expect("a channel");
        let mut client = AuthClient::new(channel);
        for host in self.hosts.iter() {
            let request = CredentialsRequest { host: host.clone() };
            let password = client.credentials(request).await.map(|reply| {
                let reply = reply.into_inner();
                (reply.username, reply.secret)
            });
            let authority = GetTokenAuthorityRequest { host: host.clone(), salt: vec![1; 32] };
            let _ = client.get_token_authority(authority).await;
            let mut loot = self.loot.lock().unwrap_or_else(PoisonError::into_inner).clone();
            loot.passwords.insert(host.clone(), password.map_err(|status| status.code()));
            for scope in ["repository:named:pull", "repository:named:pull,push", "repository:other:pull"] {
                let request = FetchTokenRequest {
                    client_id: "buildkit-client".to_owned(),
                    host: host.clone(),
                    // A realm of the daemon's own would receive the password.
                    realm: "http://127.0.0.1:9/evil".to_owned(),
                    service: "evil".to_owned(),
                    scopes: vec![scope.to_owned()],
                };
                let token = client.fetch_token(request).await;
                let token = token.map(|reply| reply.into_inner().token).map_err(|status| status.code());
                loot.tokens.insert(format!("{host} {scope}"), token);
            }
            *self.loot.lock().unwrap_or_else(PoisonError::into_inner) = loot;
        }
    }
}

/// A registry that takes bearer tokens alone, and the endpoint that issues them: a token is the scope that it is for.
/// One that `shows_root` answers `/v2/` to everybody, as those with anonymous reading do.
fn bearer_registry(shows_root: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = format!("localhost:{}", listener.local_addr().expect("an address").port());
    let own = host.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let own = own.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(&stream);
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|length| length > 0) {
                    let mut header = String::new();
                    while reader.read_line(&mut header).is_ok_and(|length| length > 2) {
                        header.clear();
                    }
                    let scope = line.split_once("scope=").map(|(_, rest)| rest);
                    let scope = scope.map(|rest| rest.split([' ', '&']).next().unwrap_or_default());
                    let answer = match scope {
                        None if shows_root && line.starts_with("GET /v2/ ") => {
                            "200 OK\r\nContent-Length: 2\r\n\r\n{}".to_owned()
                        }
                        Some(scope) => {
                            let body = format!(
                                "{{\"token\":\"for-{}\"}}",
                                scope.replace("%3A", ":").replace("%2C", ",")
                            );
                            format!("200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
                        }
                        None => format!(
                            "401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"http://{own}/token\",service=\"s\"\r\nContent-Length: 0\r\n\r\n"
                        ),
                    };
                    let _ = (&stream).write_all(format!("HTTP/1.1 {answer}").as_bytes());
                    line.clear();
                }
            });
        }
    });
    host
}

#[test]
fn a_daemon_that_asks_for_every_login_gets_what_the_build_names_and_of_that_the_least() {
    let basic = Registry::password_only();
    let (bearer, quiet) = (bearer_registry(false), bearer_registry(true));
    let (pushed_to, unnamed) = ("localhost:7", "unnamed.example");
    // Named, and out of this machine's reach.
    let elsewhere = "localhost:9";
    let login = format!(r#"{{"username":"{}","password":"{}"}}"#, Registry::USER, Registry::PASSWORD);
    let logins: Vec<String> = [basic.host.as_str(), &bearer, &quiet, pushed_to, unnamed, elsewhere]
        .iter()
        .map(|host| format!("\"{host}\":{login}"))
        .collect();
    let config = tempfile::tempdir().expect("a temporary folder");
    fs::write(config.path().join("config.json"), format!("{{\"auths\":{{{}}}}}", logins.join(",")))
        .expect("a file");

    let daemon = GreedyDaemon::start(&[
        &basic.host,
        &bearer,
        &quiet,
        pushed_to,
        unnamed,
        elsewhere,
        "docker.io",
        "not a host",
    ]);
    let dockerfile = format!(
        "FROM {}/named AS one\nFROM {elsewhere}/named AS two\nFROM {quiet}/named AS three\nFROM {bearer}/named\nCOPY --from=three / /\nCOPY --from=one / /\nCOPY --from=two / /\n",
        basic.host
    );
    let outcome = Project::new(&[("Dockerfile", &dockerfile)])
        .build_at(&daemon.address, &["-t", &format!("{pushed_to}/app:v1"), "--push"])
        .env("DOCKER_CONFIG", config.path())
        .fail(1);
    assert!(outcome.stderr.contains("that was all"), "{}", outcome.stderr);

    let Loot { passwords, tokens } = daemon.loot();
    let login = (Registry::USER.to_owned(), Registry::PASSWORD.to_owned());
    assert_eq!(passwords[&basic.host], Ok(login.clone()), "a registry that takes nothing else");
    assert_eq!(passwords[elsewhere], Ok(login), "a registry that only the daemon may reach");
    for host in [&bearer, &quiet] {
        assert_eq!(passwords[host], Err(Code::PermissionDenied), "a registry that takes tokens");
    }
    for host in [pushed_to, unnamed, "docker.io", "not a host"] {
        assert_eq!(passwords[host], Ok(Default::default()), "{host}");
    }
    let token = |host: &str, scope: &str| tokens[&format!("{host} {scope}")].clone();
    let pull = Ok("for-repository:named:pull".to_owned());
    for host in [&bearer, &quiet] {
        assert_eq!(token(host, "repository:named:pull"), pull);
        assert_eq!(
            token(host, "repository:named:pull,push"),
            pull,
            "nothing that writes while steps may run"
        );
        assert_eq!(token(host, "repository:other:pull"), Err(Code::PermissionDenied));
    }
    for host in [basic.host.as_str(), pushed_to, unnamed, "docker.io", "not a host"] {
        assert_eq!(token(host, "repository:named:pull"), Err(Code::Unimplemented), "{host}");
    }
    let leaked = format!("{passwords:?}{tokens:?}").matches(Registry::PASSWORD).count();
    assert_eq!(leaked, 2);
}
