//! A store of objects that speaks what buildkitd's cache backends of clouds speak, since none of them can be had here: S3
//! with the bucket in the path, Azure's blob storage, and version 2 of the cache service of GitHub's actions.

use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use serde_json::{Value, json};

use super::counter::head;

/// The path of the services that GitHub's actions call.
const ACTIONS: &str = "/twirp/github.actions.results.api.v1.CacheService/";

/// Objects by the path of their URL, in the order in which they were written last.
type Objects = Vec<(String, Vec<u8>)>;

/// A running store.
#[derive(Debug)]
pub struct Cloud {
    port: u16,
    objects: Arc<Mutex<Objects>>,
}

/// One request.
struct Request {
    method: String,
    path: String,
    query: String,
    headers: String,
    body: Vec<u8>,
}

impl Cloud {
    /// Starts one.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let objects = Arc::<Mutex<Objects>>::default();
        let shared = Arc::clone(&objects);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let objects = Arc::clone(&shared);
                std::thread::spawn(move || serve(&client, port, &objects));
            }
        });
        Self { port, objects }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The object written last whose path contains `part`.
    pub fn newest(&self, part: &str) -> Vec<u8> {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = objects.iter().rev().filter(|(path, _)| path.contains(part));
        found.next().expect("an object").1.clone()
    }

    /// The newest entry of the cache of actions whose key begins with `start`.
    pub fn newest_entry(&self, start: &str) -> Vec<u8> {
        self.newest(&entry(start))
    }

    /// A token of an action that may read and write.
    pub fn actions_token() -> String {
        let part = |value: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
        let scopes = json!([{ "Scope": "refs/heads/main", "Permission": 3 }]).to_string();
        let claims = json!({ "ac": scopes, "nbf": 0, "exp": 4_000_000_000_u64 });
        format!("{}.{}.c2ln", part(json!({ "alg": "HS256", "typ": "JWT" })), part(claims))
    }
}

/// Answers the one request of a connection.
fn serve(client: &TcpStream, port: u16, objects: &Mutex<Objects>) -> io::Result<()> {
    let mut reader = BufReader::new(client);
    let mut client = client;
    let (line, length, headers) = head(&mut reader)?;
    let headers = headers.to_ascii_lowercase();
    if headers.contains("expect: 100-continue") {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let mut body = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    reader.read_exact(&mut body)?;
    let mut words = line.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let (path, query) = {
        let target = words.next().unwrap_or_default();
        target.split_once('?').unwrap_or((target, ""))
    };
    // Azure's client escapes the slashes of names.
    let path = &path.replace("%2F", "/");
    let request = Request { method, path: path.to_owned(), query: query.to_owned(), headers, body };
    let mut objects = objects.lock().unwrap_or_else(PoisonError::into_inner);
    let (status, content) = match path.strip_prefix(ACTIONS) {
        Some(service) => (200, actions(service, &request.body, port, &objects).to_string().into_bytes()),
        None => object(&request, &mut objects),
    };
    drop(objects);
    let mut answer = format!(
        "HTTP/1.1 {status} Said\r\nContent-Length: {}\r\nLast-Modified: Fri, 01 Jan 2100 00:00:00 GMT\r\nETag: \"e\"\r\n\
         x-ms-request-id: r\r\nConnection: close\r\n",
        content.len()
    );
    if status == 404 {
        answer.push_str("x-ms-error-code: BlobNotFound\r\n");
    }
    client.write_all((answer + "\r\n").as_bytes())?;
    if request.method == "HEAD" { Ok(()) } else { client.write_all(&content) }
}

/// Reads or writes an object, or a block that one is put together from.
fn object(request: &Request, objects: &mut Objects) -> (u16, Vec<u8>) {
    let Request { method, path, query, headers, body } = request;
    let find = |path: &str| objects.iter().find(|(known, _)| known == path).map(|(_, content)| content);
    let parameter = |name: &str| {
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
    };
    if parameter("restype") == "container" {
        return (200, Vec::new());
    }
    if method != "PUT" {
        let Some(content) = find(path) else {
            return (404, b"<Error><Code>NoSuchKey</Code></Error>".to_vec());
        };
        let range = headers.lines().find_map(|line| line.split_once("range: bytes=").map(|(_, range)| range));
        let start = range.and_then(|range| range.split('-').next()?.trim().parse().ok()).unwrap_or(0);
        return (if start == 0 { 200 } else { 206 }, content[start..].to_vec());
    }
    let block = |id: &str| format!("{path}\n{id}");
    let (path, content) = match parameter("comp") {
        "block" => {
            let id = parameter("blockid").replace("%3D", "=").replace("%2B", "+").replace("%2F", "/");
            (block(&id), body.clone())
        }
        "blocklist" => {
            let list = String::from_utf8_lossy(body).into_owned();
            let ids = list.split("<Latest>").skip(1).filter_map(|rest| rest.split('<').next());
            (path.clone(), ids.flat_map(|id| find(&block(id)).expect("a block").clone()).collect())
        }
        _ => (path.clone(), body.clone()),
    };
    objects.retain(|(known, _)| *known != path);
    objects.push((path, content));
    // Azure wants the first, S3 takes both.
    (if headers.contains("x-ms-") { 201 } else { 200 }, Vec::new())
}

/// The path of an entry of the cache of actions, or of all whose key begins with `start`.
fn entry(start: &str) -> String {
    format!("/actions/{}", hex::encode(start))
}

/// What the cache service of actions answers: where an entry goes, or is.
fn actions(service: &str, body: &[u8], port: u16, objects: &[(String, Vec<u8>)]) -> Value {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let key = asked["key"].as_str().unwrap_or_default();
    let url = |path: &str| format!("http://127.0.0.1:{port}{path}");
    match service {
        "CreateCacheEntry" => {
            let path = entry(key);
            json!({ "ok": objects.iter().all(|(known, _)| *known != path), "signed_upload_url": url(&path) })
        }
        "FinalizeCacheEntryUpload" => json!({ "ok": true, "entry_id": "1" }),
        _ => {
            let mut starts = asked["restore_keys"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let newest = |start: &str| {
                let start = entry(start);
                objects.iter().rev().map(|(path, _)| path).find(|path| path.starts_with(&start))
            };
            let Some(path) = starts.find_map(newest) else { return json!({ "ok": false }) };
            let key = hex::decode(path.trim_start_matches("/actions/")).expect("a key");
            let key = String::from_utf8(key).expect("UTF-8");
            json!({ "ok": true, "matched_key": key, "signed_download_url": url(path) })
        }
    }
}
