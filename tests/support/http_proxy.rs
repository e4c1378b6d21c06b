//! An HTTP proxy that asks for a login, logs what it is asked for, and knows names that nobody else knows.

use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::counter::head;

/// A running HTTP proxy (RFC 9110, section 9.3.6; RFC 9112, section 3.2.2).
#[derive(Debug)]
pub struct HttpProxy {
    port: u16,
    log: Arc<Mutex<Vec<String>>>,
}

/// What an HTTP proxy knows and allows.
#[derive(Debug, Clone)]
struct Rules {
    /// `USER:PASSWORD`.
    login: &'static str,
    /// The names that it resolves, and to which `host:port` each leads whatever the port.
    names: Vec<(&'static str, String)>,
    /// The status line's end for names that it does not know.
    refusal: &'static str,
    /// Whether it opens tunnels to other ports than 443.
    opens_any_port: bool,
}

impl HttpProxy {
    /// Starts one that wants the login `USER:PASSWORD`, connects to the hosts of `names` by what stands beside them, and
    /// answers requests for others with `refusal`.
    pub fn start(login: &'static str, names: &[(&'static str, &str)], refusal: &'static str) -> Self {
        let names = names.iter().map(|(name, host)| (*name, (*host).to_owned())).collect();
        Self::start_with(Rules { login, names, refusal, opens_any_port: true })
    }

    /// Starts one that opens tunnels to port 443 alone, as squid does by default.
    pub fn start_with_tunnels_to_443(login: &'static str, names: &[(&'static str, &str)]) -> Self {
        let names = names.iter().map(|(name, host)| (*name, (*host).to_owned())).collect();
        Self::start_with(Rules { login, names, refusal: "403 Forbidden", opens_any_port: false })
    }

    fn start_with(rules: Rules) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let log = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&log);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (rules, log) = (rules.clone(), Arc::clone(&shared));
                thread::spawn(move || serve(&client, &rules, &log));
            }
        });
        Self { port, log }
    }

    /// Its URL, with `login` where that is not empty: `USER:PASSWORD@`, percent-encoded.
    pub fn url(&self, login: &str) -> String {
        format!("http://{login}127.0.0.1:{}", self.port)
    }

    /// The requests so far: method, target, and the status that it answered.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(client: &TcpStream, rules: &Rules, log: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut reader = BufReader::new(client);
    let (line, _, headers) = head(&mut reader)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let is_tunnel = method == "CONNECT";
    let (authority, path) = match target.strip_prefix("http://") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => (target, ""),
    };
    let name = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
    let may_connect = !is_tunnel || rules.opens_any_port || authority.ends_with(":443");
    let known = rules.names.iter().find(|(known, _)| *known == name && may_connect).map(|(_, host)| host);
    let wanted = format!("proxy-authorization: basic {}", STANDARD.encode(rules.login));
    let has_login = headers.lines().any(|header| header.eq_ignore_ascii_case(&wanted));
    let status = match known {
        _ if !has_login => {
            "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"corporate\""
        }
        None => rules.refusal,
        Some(_) => "200 Connection established",
    };
    let entry = format!("{method} {target} {}", &status[..3]);
    log.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    let mut writer = client;
    let Some(host) = known.filter(|_| has_login) else {
        return write!(writer, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let server = TcpStream::connect(host)?;
    let mut to_server = &server;
    if is_tunnel {
        write!(writer, "HTTP/1.1 {status}\r\n\r\n")?;
    } else {
        let kept = headers.lines().filter(|header| !header.to_ascii_lowercase().starts_with("proxy-"));
        let kept: String = kept.flat_map(|header| [header, "\r\n"]).collect();
        write!(to_server, "{method} {path} HTTP/1.1\r\n{kept}Connection: close\r\n\r\n")?;
    }
    let buffered = reader.buffer().to_vec();
    to_server.write_all(&buffered)?;
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = io::copy(&mut { client }, &mut { &server });
            let _ = server.shutdown(Shutdown::Write);
        });
        let copied = io::copy(&mut (&server).take(u64::MAX), &mut { client });
        let _ = client.shutdown(Shutdown::Both);
        copied.map(drop)
    })
}
