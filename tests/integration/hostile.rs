//! A Dockerfile whose steps try to use the proxy themselves: they share its network, but not its token.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use super::support::{Image, Proxy, Registry, Workspace, pull};

/// Requests of a RUN step; each has to be answered 401.
const TRIES: [&str; 8] = [
    "GET /v2/ HTTP/1.1",
    "GET /v2/base/manifests/v1 HTTP/1.1",
    "GET /v2/target/manifests/v1 HTTP/1.1",
    "GET /v2/library/alpine/manifests/latest?ns=docker.io HTTP/1.1",
    "POST /v2/target/blobs/uploads/ HTTP/1.1",
    "PUT /v2/target/manifests/v1 HTTP/1.1",
    "PUT /v2/base/manifests/v1 HTTP/1.1",
    // "bob:guess"
    "GET /v2/base/manifests/v1 HTTP/1.1\\r\\nAuthorization: Basic Ym9iOmd1ZXNz",
];

#[test]
fn a_run_step_can_neither_push_nor_pull_through_the_proxy_while_the_build_can() {
    let registry = Registry::shared_secured();
    let proxy = Proxy::start(registry, "hostile/base:v1", "hostile/target:v1");
    let source = Image::push_source(Registry::shared(), "hostile/source:latest");
    let (_, port) = proxy.host.rsplit_once(':').expect("a port");
    let mut dockerfile = format!("FROM {source}\nRUN env > /environment\n");
    for head in TRIES {
        dockerfile += &format!(
            "RUN (printf '{head}\\r\\nHost: localhost\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n'; sleep 1) | busybox nc 127.0.0.1 {port} >> /tried\n"
        );
    }
    let workspace = Workspace::new(&[("project/Dockerfile", &dockerfile)]);
    workspace
        .build(&proxy.reference("base:v1"), &proxy.reference("target:v1"))
        .env("BOB_PROXY_TOKEN", Proxy::TOKEN)
        .env("BOB_BUILD_BASE", "true")
        .env("BOB_DOCKERFILE_PATH", workspace.at("project/Dockerfile"))
        .env("BOB_CONTEXT_DIR", workspace.at("project"))
        .succeed();
    // The build's own push went through; what the steps were answered is in what it pushed.
    let image = pull(registry, &registry.reference("hostile/base:v1"));
    let tried = image.run("cat /tried");
    assert_eq!(tried.matches("HTTP/1.1 401 ").count(), TRIES.len(), "{tried}");
    assert_eq!(tried.matches("HTTP/1.1 ").count(), TRIES.len(), "{tried}");
    let environment = image.run("cat /environment");
    assert!(!environment.contains(Proxy::TOKEN) && !environment.contains(Registry::PASSWORD));
}

#[test]
fn other_processes_of_its_user_cannot_read_the_variables_of_a_build() {
    // Another user than root; the folder of the project may be closed to it.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let open =
        |path: &std::path::Path| fs::set_permissions(path, Permissions::from_mode(0o777)).expect("a mode");
    open(folder.path());
    let program = folder.path().join("bob");
    fs::copy(env!("CARGO_BIN_EXE_bob"), &program).expect("a copy");
    fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").expect("a file");
    // A daemon that accepts and says nothing: the build waits.
    let socket = folder.path().join("sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    open(&socket);
    let mut child = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .args(["build", "--addr", &format!("unix://{}", socket.display())])
        .arg(folder.path())
        .env("DOCKER_AUTH_CONFIG", "{}")
        .stderr(Stdio::null())
        .spawn()
        .expect("bob starts");
    let _connection = listener.accept().expect("a connection");
    let owner = fs::metadata(format!("/proc/{}/environ", child.id())).expect("it runs").uid();
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert_eq!(owner, 0, "its user may read its variables");
}
