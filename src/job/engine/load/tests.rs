use std::path::PathBuf;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::UnixListener;

use super::*;

/// An engine at a socket of its own that answers each load with `answer`. Returns what it got: the archive, or that its
/// connection broke.
fn engine(
    folder: &std::path::Path,
    answer: &'static str,
    status: u16,
) -> (EngineAddress, mpsc::UnboundedReceiver<Result<Vec<u8>, ()>>) {
    let path: PathBuf = folder.join("engine.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (sender, got) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let sender = sender.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let sender = sender.clone();
                async move {
                    assert_eq!(request.uri().path(), "/images/load");
                    assert_eq!(request.headers()[header::CONTENT_TYPE], "application/x-tar");
                    let archive = request.into_body().collect().await;
                    let _ = sender.send(archive.map(|body| body.to_bytes().to_vec()).map_err(drop));
                    let response =
                        http::Response::builder().status(status).body(Full::new(Bytes::from(answer)));
                    Ok::<_, std::convert::Infallible>(response.unwrap())
                }
            });
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    (EngineAddress::Unix(path), got)
}

fn writer(address: EngineAddress) -> (EngineWriter, LoadFailure) {
    let failure = LoadFailure::default();
    (EngineWriter::new(address, ProgressLink::default(), failure.clone()), failure)
}

#[tokio::test]
async fn an_archive_gets_there_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (address, mut got) = engine(dir.path(), "{\"stream\":\"Loaded image: x:y\\n\"}\r\n", 200);
    let (mut writer, failure) = writer(address);
    let long = "1".repeat(100_000);
    writer.write_all(long.as_bytes()).await.unwrap();
    writer.write_all(b"end").await.unwrap();
    writer.shutdown().await.unwrap();
    let archive = got.recv().await.unwrap().unwrap();
    assert_eq!(archive, format!("{long}end").into_bytes());
    assert!(failure.take().is_none());
}

#[tokio::test]
async fn an_archive_that_breaks_off_is_no_whole_one_for_the_engine() {
    let dir = tempfile::tempdir().unwrap();
    let (address, mut got) = engine(dir.path(), "", 200);
    let (mut writer, failure) = writer(address);
    writer.write_all(b"half").await.unwrap();
    // The request may not have begun yet.
    tokio::task::yield_now().await;
    drop(writer);
    let got = tokio::time::timeout(Duration::from_millis(500), got.recv()).await;
    assert!(!matches!(got, Ok(Some(Ok(_)))), "{got:?}");
    assert!(failure.take().is_none());
}

#[tokio::test]
async fn what_an_engine_says_is_the_reason() {
    for (answer, status, reason) in [
        ("{\"errorDetail\":{\"message\":\"no space left\"},\"error\":\"x\"}\n", 200, "no space left"),
        ("{\"stream\":\"a\"}{\"error\":\"bad tar\"}", 200, "bad tar"),
        ("{\"message\":\"not allowed\"}", 403, "not allowed"),
        ("oops", 500, "500 Internal Server Error"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (address, _got) = engine(dir.path(), answer, status);
        let words = format!("docker at {address} does not take the image: {reason}");
        let (mut writer, failure) = writer(address);
        writer.write_all(b"x").await.unwrap();
        assert_eq!(writer.shutdown().await.unwrap_err().to_string(), words);
        assert_eq!(failure.take().unwrap().to_string(), words);
    }
}

#[tokio::test]
async fn podman_gets_the_archive_on_its_standard_input() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let podman = |script: &str| {
        let path = dir.path().join("podman");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        writer(EngineAddress::Podman(path))
    };
    let (mut writer, _) = podman(&format!("cat > {}/$1.tar", dir.path().display()));
    writer.write_all(b"archive").await.unwrap();
    writer.shutdown().await.unwrap();
    assert_eq!(std::fs::read(dir.path().join("load.tar")).unwrap(), b"archive");
    let (mut writer, failure) = podman("cat > /dev/null; echo no room >&2; exit 3");
    writer.write_all(b"archive").await.unwrap();
    writer.shutdown().await.unwrap_err();
    assert_eq!(failure.take().unwrap().to_string(), "podman load failed (exit status: 3): no room");
}
