//! A registry that refuses every upload, since a real one will not on demand.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::counter::head;

/// Starts one that answers every upload with `status` and returns its `localhost:PORT`.
pub fn refusing_registry(status: u16) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(&stream, status));
        }
    });
    format!("127.0.0.1:{port}")
}

/// Answers the requests of one connection.
fn serve(stream: &TcpStream, refusal: u16) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (line, length, _) = head(&mut reader).ok()?;
        let method = line.split(' ').next()?;
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink()).ok()?;
        let status = match method {
            "HEAD" => 404,
            "GET" => 200,
            _ => refusal,
        };
        let body =
            if method == "HEAD" { "" } else { r#"{"errors":[{"code":"DENIED","message":"not today"}]}"# };
        let head = format!(
            "HTTP/1.1 {status} Scripted\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut writer = stream;
        writer.write_all(head.as_bytes()).ok()?;
        writer.write_all(body.as_bytes()).ok()?;
    }
}
