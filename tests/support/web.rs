//! A web server with files and Git repositories, such as contexts come from.

use std::fs;
use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use super::counter::head;
use super::guarded::Guarded;

/// The date of every commit: 981173106 seconds since 1970.
const DATE: &str = "2001-02-03T04:05:06Z";

/// A server of the files of a folder. What lies in `*.git` is served by `git http-backend`, and what lies in `private`
/// only to whoever has the password.
#[derive(Debug)]
pub struct Web {
    port: u16,
    folder: Guarded,
}

impl Web {
    /// The password of what lies in `private`, as BuildKit sends a token for Git.
    pub const TOKEN: &str = "t0ken-of-the-test";

    /// Starts one without files.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let folder = Guarded::folder_alone("web");
        let root = folder.path().to_owned();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let root = root.clone();
                std::thread::spawn(move || serve(&client, &root));
            }
        });
        Self { port, folder }
    }

    /// The URL of the file or repository `name`.
    pub fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}", self.port)
    }

    /// Puts a file there. The server does not tell when it changed.
    pub fn put(&self, name: &str, content: &[u8]) {
        fs::write(self.folder.path().join(name), content).expect("a file");
    }

    /// Puts a repository there whose branches have these files; the first one is the default.
    pub fn put_repository(&self, name: &str, branches: &[(&str, &[(&str, &str)])]) {
        let work = tempfile::tempdir().expect("a temporary folder");
        let git = |args: &[&str]| run_git(work.path(), args);
        let (first, _) = branches[0];
        git(&["init", "-q", "-b", first]);
        for (branch, files) in branches {
            if *branch != first {
                git(&["checkout", "-q", "-b", branch, first]);
            }
            for (path, text) in *files {
                let path = work.path().join(path);
                fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
                fs::write(path, text).expect("a file");
            }
            git(&["add", "."]);
            git(&["commit", "-q", "-m", branch]);
        }
        git(&["checkout", "-q", first]);
        let bare = self.folder.path().join(name);
        fs::create_dir_all(bare.parent().expect("a parent")).expect("folders");
        let _ = fs::remove_dir_all(&bare);
        git(&["clone", "-q", "--bare", ".", &bare.display().to_string()]);
    }

    /// Puts a tar of files there, compressed by `program` unless that is empty. The files have the time of all commits.
    pub fn put_archive(&self, name: &str, program: &str, files: &[(&str, &str)]) {
        self.put(name, &archive(program, files));
    }
}

/// A tar of files, compressed by `program` unless that is empty. The files have the time of all commits.
pub fn archive(program: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, text).expect("a file");
    }
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(folder.path()).args(["-cf", "-", "--mtime", DATE, "--sort=name", "--owner=0"]);
    if !program.is_empty() {
        tar.arg(format!("--use-compress-program={program}"));
    }
    let output = tar.arg(".").output().expect("tar runs");
    assert!(output.status.success(), "{tar:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn run_git(folder: &Path, args: &[&str]) {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=A", "-c", "user.email=a@example.test"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_DATE", DATE)
        .env("GIT_COMMITTER_DATE", DATE)
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Answers the one request of a connection.
fn serve(client: &TcpStream, root: &Path) -> io::Result<()> {
    let mut reader = BufReader::new(client);
    let (line, length, headers) = head(&mut reader)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut body = vec![0; usize::try_from(length).expect("a small body")];
    reader.read_exact(&mut body)?;
    let header = |name: &str| {
        let lines = headers.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(given, _)| given.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let answer = if path.starts_with("/private/") && !is_permitted(&header("authorization")) {
        b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\n".to_vec()
    } else if path.contains(".git/") {
        let variables = [
            ("GIT_PROJECT_ROOT", root.display().to_string()),
            ("GIT_HTTP_EXPORT_ALL", "1".to_owned()),
            ("PATH_INFO", path.to_owned()),
            ("QUERY_STRING", query.to_owned()),
            ("REQUEST_METHOD", method.to_owned()),
            ("CONTENT_TYPE", header("content-type")),
            ("CONTENT_LENGTH", length.to_string()),
            ("HTTP_CONTENT_ENCODING", header("content-encoding")),
            ("GIT_PROTOCOL", header("git-protocol")),
            ("REMOTE_ADDR", "127.0.0.1".to_owned()),
        ];
        git_backend(&variables, &body)?
    } else {
        match fs::read(root.join(path.trim_start_matches('/'))) {
            Ok(content) => [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &content].concat(),
            Err(_) => b"HTTP/1.1 404 Not Found\r\n\r\n".to_vec(),
        }
    };
    let mut client = client;
    client.write_all(&answer)
}

fn is_permitted(authorization: &str) -> bool {
    use base64::Engine as _;
    let login = authorization.split(' ').nth(1).unwrap_or_default();
    let login = base64::engine::general_purpose::STANDARD.decode(login).unwrap_or_default();
    login.ends_with(format!(":{}", Web::TOKEN).as_bytes())
}

/// What `git http-backend` answers, as HTTP.
fn git_backend(variables: &[(&str, String)], body: &[u8]) -> io::Result<Vec<u8>> {
    let mut backend = Command::new("git")
        .arg("http-backend")
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    backend.stdin.take().expect("piped").write_all(body)?;
    let output = backend.wait_with_output()?.stdout;
    let text = String::from_utf8_lossy(&output);
    let status = text.lines().next().and_then(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    Ok([format!("HTTP/1.1 {status}\r\n").as_bytes(), &output].concat())
}
