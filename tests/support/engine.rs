//! Docker's engine, as far as images are loaded into it: the real protocol on a Unix socket, since no engine runs here.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::counter::head;

/// An engine that keeps the archives that are loaded into it.
#[derive(Debug)]
pub struct Engine {
    folder: tempfile::TempDir,
    loaded: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Engine {
    /// An engine; with containerd's store, or docker's own. It answers loads with `answer`.
    pub fn start(has_containerd_store: bool, answer: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("docker.sock")).expect("a socket");
        let loaded = Arc::new(Mutex::new(Vec::new()));
        let archives = Arc::clone(&loaded);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let archives = Arc::clone(&archives);
                std::thread::spawn(move || serve(&stream, has_containerd_store, answer, &archives));
            }
        });
        Self { folder, loaded }
    }

    /// What `DOCKER_HOST` is for it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    /// The archives that were loaded.
    pub fn loaded(&self) -> Vec<Vec<u8>> {
        self.loaded.lock().expect("no panic").clone()
    }
}

/// Answers the requests of one connection.
fn serve(
    stream: &UnixStream,
    has_containerd_store: bool,
    answer: &str,
    archives: &Mutex<Vec<Vec<u8>>>,
) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (line, length, headers) = head(&mut reader)?;
        let mut body = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        reader.read_exact(&mut body)?;
        let mut is_more =
            headers.lines().any(|header| header.eq_ignore_ascii_case("transfer-encoding: chunked"));
        while is_more {
            let mut size = String::new();
            reader.read_line(&mut size)?;
            let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
            let start = body.len();
            body.resize(start + size + 2, 0);
            reader.read_exact(&mut body[start..])?;
            body.truncate(start + size);
            is_more = size > 0;
        }
        let (status, text) = match line.split_once(" HTTP/").map(|(request, _)| request) {
            Some("GET /info") if has_containerd_store => {
                ("200 OK", r#"{"DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]}"#)
            }
            Some("GET /info") => ("200 OK", r#"{"DriverStatus":[["Backing Filesystem","extfs"]]}"#),
            Some(request) if request.starts_with("POST /images/load?") => {
                archives.lock().expect("no panic").push(body);
                ("200 OK", answer)
            }
            _ => ("404 Not Found", r#"{"message":"page not found"}"#),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            text.len()
        );
        let mut writer = stream;
        writer.write_all(head.as_bytes())?;
        writer.write_all(text.as_bytes())?;
    }
}
