//! Registries that refuse, since a real one will not on demand.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::counter::head;

/// What a registry refuses, each with its status.
#[derive(Debug, Clone, Copy)]
pub enum Refusal {
    /// Manifests and blobs, to whoever asks.
    Pull(u16),
    /// The content of every upload.
    Push(u16),
    /// Tokens, without which it gives and takes nothing.
    Token(u16),
}

/// Starts a registry that answers every upload with `status` and returns its `127.0.0.1:PORT`.
pub fn refusing_registry(status: u16) -> String {
    registry_that_refuses(Refusal::Push(status))
}

/// Starts a registry with a refusal and returns its `127.0.0.1:PORT`.
pub fn registry_that_refuses(refusal: Refusal) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = format!("127.0.0.1:{}", listener.local_addr().expect("an address").port());
    let name = host.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let name = name.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(&stream);
                while serve(&mut reader, &stream, refusal, &name).is_ok() {}
            });
        }
    });
    host
}

/// The answer to a request: status, headers, body.
type Answer = (u16, String, String);

/// Answers one request of a connection.
fn serve(reader: &mut impl BufRead, mut stream: &TcpStream, refusal: Refusal, host: &str) -> io::Result<()> {
    let (line, length, headers) = head(reader)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if headers.to_lowercase().contains("expect: 100-continue") {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    io::copy(&mut reader.by_ref().take(length), &mut io::sink())?;
    let (status, more, body) = answer(method, target, refusal, host);
    let reason = reason(status);
    let head = format!("HTTP/1.1 {status} {reason}\r\n{more}Content-Length: {}\r\n\r\n", body.len());
    let body = if method == "HEAD" { "" } else { &body };
    stream.write_all((head + body).as_bytes())
}

/// What registries answer by the distribution specification (<https://github.com/opencontainers/distribution-spec>), and by the
/// token specification (<https://distribution.github.io/distribution/spec/auth/token/>).
fn answer(method: &str, target: &str, refusal: Refusal, host: &str) -> Answer {
    let is_read = matches!(method, "GET" | "HEAD");
    match refusal {
        Refusal::Token(status) if target.starts_with("/token") => {
            (status, String::new(), r#"{"details":"incorrect username or password"}"#.to_owned())
        }
        Refusal::Token(_) => {
            let challenge =
                format!("WWW-Authenticate: Bearer realm=\"http://{host}/token\",service=\"stand-in\"\r\n");
            (401, challenge, errors(401))
        }
        Refusal::Pull(status) if target != "/v2/" => refused(status),
        // What is too large is known once it comes.
        Refusal::Push(413 | 507) if method == "POST" => {
            let (repository, _) = target.split_once("/blobs/").unwrap_or_default();
            (202, format!("Location: {repository}/blobs/uploads/1\r\n"), String::new())
        }
        Refusal::Push(status) if !is_read => refused(status),
        _ if target == "/v2/" => (200, String::new(), "{}".to_owned()),
        _ => (404, String::new(), errors(404)),
    }
}

fn refused(status: u16) -> Answer {
    match status {
        // A server before the registry limits the size of requests, and says so as a page.
        413 => {
            let page = "<html><head><title>413 Request Entity Too Large</title></head></html>";
            (413, "Content-Type: text/html\r\n".to_owned(), page.to_owned())
        }
        507 => (507, "Content-Type: text/plain\r\n".to_owned(), "Insufficient Storage\n".to_owned()),
        401 => (401, "WWW-Authenticate: Basic realm=\"stand-in\"\r\n".to_owned(), errors(401)),
        // Longer than anybody waits.
        429 => (429, "Retry-After: 21600\r\n".to_owned(), errors(429)),
        status => (status, String::new(), errors(status)),
    }
}

/// The errors of a registry as JSON.
fn errors(status: u16) -> String {
    let (code, message) = match status {
        401 => ("UNAUTHORIZED", "authentication required, not today"),
        404 => ("MANIFEST_UNKNOWN", "manifest unknown"),
        429 => ("TOOMANYREQUESTS", "you have reached your pull rate limit"),
        _ => ("DENIED", "not today"),
    };
    format!(r#"{{"errors":[{{"code":"{code}","message":"{message}"}}]}}"#)
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        413 => "Request Entity Too Large",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        507 => "Insufficient Storage",
        _ => "Scripted",
    }
}
