//! HTTP/1.1 with as little work as can be: heads are read here, bodies are skipped or made of zeros.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// What is read or written at once.
pub(crate) const PIECE: usize = 256 * 1024;
/// What bodies are made of.
pub(crate) static ZEROS: [u8; PIECE] = [0; PIECE];

/// Where a client finds a repository.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) address: String,
    pub(crate) repository: &'static str,
    tls: Option<Arc<ClientConfig>>,
}

impl Endpoint {
    pub(crate) fn plain(address: &str, repository: &'static str) -> Self {
        Self { address: address.to_owned(), repository, tls: None }
    }

    /// One that speaks TLS with the certificate in the file `certificate`.
    pub(crate) fn secured(address: &str, repository: &'static str, certificate: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
        Self { tls: Some(Arc::new(config)), ..Self::plain(address, repository) }
    }

    pub(crate) fn connect(&self) -> Connection {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        let Some(config) = &self.tls else { return Connection::new(stream) };
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(config.clone(), name).unwrap();
        Connection::new(StreamOwned::new(client, ReadAhead(BufReader::with_capacity(PIECE / 4, stream))))
    }
}

/// A stream that is read in large pieces: the TLS library asks for 4 KiB at a time.
struct ReadAhead(BufReader<TcpStream>);

impl Read for ReadAhead {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buf)
    }
}

impl Write for ReadAhead {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.0.get_mut().write(buf)
    }

    fn write_vectored(&mut self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
        self.0.get_mut().write_vectored(bufs)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

trait Duplex: Read + Write + Send {}

impl<S: Read + Write + Send> Duplex for S {}

/// A connection of a client or a server.
pub(crate) struct Connection(BufReader<Box<dyn Duplex>>);

impl Connection {
    pub(crate) fn new(stream: impl Read + Write + Send + 'static) -> Self {
        Self(BufReader::with_capacity(PIECE, Box::new(stream)))
    }

    /// The first line and the headers; none at the end.
    pub(crate) fn head(&mut self) -> Option<(String, String)> {
        let (mut first, mut headers) = (String::new(), String::new());
        if self.0.read_line(&mut first).ok()? == 0 {
            return None;
        }
        while !headers.ends_with("\r\n\r\n") && headers != "\r\n" {
            self.0.read_line(&mut headers).ok()?;
        }
        Some((first, headers))
    }

    /// Reads `size` bytes away; `moved` is told of each piece.
    pub(crate) fn skip(&mut self, size: u64, moved: impl Fn(u64)) {
        let mut left = size;
        while left > 0 {
            let taken = (self.0.fill_buf().unwrap().len() as u64).min(left);
            assert!(taken > 0, "a body broke off");
            self.0.consume(usize::try_from(taken).unwrap());
            left -= taken;
            moved(taken);
        }
    }

    /// A body of `size` bytes.
    pub(crate) fn text(&mut self, size: u64) -> String {
        let mut text = vec![0; usize::try_from(size).unwrap()];
        self.0.read_exact(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// Writes `size` zeros; `moved` is told of each piece.
    pub(crate) fn write_zeros(&mut self, size: u64, moved: impl Fn(u64)) {
        let mut left = size;
        while left > 0 {
            let count = left.min(PIECE as u64);
            moved(count);
            self.write(&ZEROS[..usize::try_from(count).unwrap()]);
            left -= count;
        }
    }

    /// Sends a request with `body` zeros, and takes the head of its answer, whose status has to be
    /// `status`; the size of the answer's body, and its location.
    pub(crate) fn ask(&mut self, request: &str, body: u64, status: &str) -> (u64, String) {
        self.begin(request, body);
        self.write_zeros(body, |_| {});
        self.answer(request, status)
    }

    fn begin(&mut self, request: &str, length: u64) {
        let head = format!("{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
        self.write(head.as_bytes());
    }

    fn answer(&mut self, request: &str, status: &str) -> (u64, String) {
        let (first, headers) = self.head().unwrap();
        assert!(first.contains(status), "{request}: {first}{headers}");
        let size = header(&headers, "content-length").map_or(0, |length| length.parse().unwrap());
        (size, header(&headers, "location").unwrap_or_default().to_owned())
    }

    /// Downloads a blob of the repository.
    pub(crate) fn get(&mut self, repository: &str, digest: &str) {
        let (size, _) = self.ask(&format!("GET /v2/{repository}/blobs/{digest}"), 0, " 200 ");
        self.skip(size, |_| {});
    }

    /// Uploads a blob to the repository as BuildKit does, in one PUT; with `patch` as skopeo does, which sends
    /// the bytes in a PATCH and ends with an empty PUT.
    pub(crate) fn put(&mut self, repository: &str, digest: &str, size: u64, patch: bool) {
        let (_, mut at) = self.ask(&format!("POST /v2/{repository}/blobs/uploads/"), 0, " 202 ");
        if patch {
            at = self.ask(&format!("PATCH {}", path(&at)), size, " 202 ").1;
        }
        let joint = if at.contains('?') { '&' } else { '?' };
        let last = if patch { 0 } else { size };
        self.ask(&format!("PUT {}{joint}digest={digest}", path(&at)), last, " 201 ");
    }

    /// Uploads a small blob that is not of zeros.
    pub(crate) fn put_bytes(&mut self, repository: &str, digest: &str, bytes: &[u8]) {
        let (_, at) = self.ask(&format!("POST /v2/{repository}/blobs/uploads/"), 0, " 202 ");
        let request = format!("PUT {}&digest={digest}", path(&at));
        self.begin(&request, bytes.len() as u64);
        self.write(bytes);
        self.answer(&request, " 201 ");
    }
}

/// A location without the host: Debian's registry names itself.
fn path(location: &str) -> &str {
    location.find("/v2/").map_or(location, |start| &location[start..])
}

pub(crate) fn header<'a>(headers: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.split_once(": ").filter(|(found, _)| found.eq_ignore_ascii_case(name));
    headers.lines().find_map(value).map(|(_, value)| value)
}
