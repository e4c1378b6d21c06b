use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::fs::{RenameFlags, renameat_with};
use tokio_stream::wrappers::ReceiverStream;

use super::*;

/// The receiving side of a transfer, step by step.
struct Receiver {
    requests: mpsc::Sender<Result<Packet, Status>>,
    replies: Packets,
    /// Paths in the order of the listing.
    listed: Vec<String>,
}

impl Receiver {
    /// Starts a transfer of everything below `root` and takes the listing.
    async fn start(root: &Path) -> Result<Self, String> {
        let (requests, receiver) = mpsc::channel(1);
        let root = Root::open(root).unwrap();
        let transfer =
            Transfer { root, patterns: Patterns::default(), withheld: Withheld::default(), recording: None };
        let replies = start(transfer, ReceiverStream::new(receiver));
        let mut this = Self { requests, replies, listed: Vec::new() };
        loop {
            match this.packet().await? {
                Packet { stat: Some(stat), .. } => this.listed.push(String::from_utf8(stat.path).unwrap()),
                _ => return Ok(this),
            }
        }
    }

    async fn packet(&mut self) -> Result<Packet, String> {
        let packet = tokio::time::timeout(Duration::from_secs(60), self.replies.next()).await;
        let packet = packet.expect("the transfer goes on").unwrap().unwrap();
        if packet.kind == i32::from(PacketType::Err) {
            return Err(String::from_utf8_lossy(&packet.data).into_owned());
        }
        Ok(packet)
    }

    /// The pieces of a file, with the empty one at its end.
    async fn pieces(&mut self, path: &str) -> Result<Vec<Bytes>, String> {
        let id = self.listed.iter().position(|listed| listed == path).unwrap();
        let id = u32::try_from(id).unwrap();
        self.requests.send(Ok(Packet::request(id))).await.unwrap();
        let mut pieces = Vec::new();
        loop {
            let packet = self.packet().await?;
            assert_eq!((packet.kind, packet.id), (PacketType::Data.into(), id));
            pieces.push(packet.data);
            if pieces.last().is_some_and(Bytes::is_empty) {
                return Ok(pieces);
            }
        }
    }

    async fn content(&mut self, path: &str) -> Result<Vec<u8>, String> {
        Ok(self.pieces(path).await?.concat())
    }

    /// Ends the transfer as a receiver that has everything does.
    async fn finish(mut self) {
        self.requests.send(Ok(Packet::fin())).await.unwrap();
        assert_eq!(self.packet().await.unwrap().kind, i32::from(PacketType::Fin));
    }
}

/// Does something again and again until it is dropped, however the test ends.
struct Repeat(Arc<AtomicBool>, Option<std::thread::JoinHandle<()>>);

impl Repeat {
    fn start(mut work: impl FnMut() + Send + 'static) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&done);
        let work = move || {
            while !seen.load(Ordering::Relaxed) {
                work();
            }
        };
        Self(done, Some(std::thread::spawn(work)))
    }
}

impl Drop for Repeat {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        let _ = self.1.take().map(std::thread::JoinHandle::join);
    }
}

#[tokio::test]
async fn a_file_ends_with_an_empty_piece() {
    let dir = tempfile::tempdir().unwrap();
    let cases: [(usize, &[usize]); 5] = [
        (0, &[0]),
        (3, &[3, 0]),
        (CHUNK_BYTES, &[CHUNK_BYTES, 0]),
        (CHUNK_BYTES + 1, &[CHUNK_BYTES, 1, 0]),
        (2 * CHUNK_BYTES + 1, &[CHUNK_BYTES, CHUNK_BYTES, 1, 0]),
    ];
    for (size, expected) in cases {
        fs::write(dir.path().join("f"), vec![1; size]).unwrap();
        let mut receiver = Receiver::start(dir.path()).await.unwrap();
        let lengths: Vec<_> = receiver.pieces("f").await.unwrap().iter().map(Bytes::len).collect();
        assert_eq!(lengths, expected);
        receiver.finish().await;
    }
}

#[tokio::test]
async fn a_socket_is_sent_as_an_empty_file() {
    let dir = tempfile::tempdir().unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(dir.path().join("s")).unwrap();
    let mut receiver = Receiver::start(dir.path()).await.unwrap();
    assert_eq!(receiver.content("s").await.unwrap(), b"");
    receiver.finish().await;
}

#[tokio::test]
async fn a_file_that_vanishes_or_shrinks_is_sent_as_what_is_left_and_the_rest_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c", "sub/d"] {
        fs::create_dir_all(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join(name), "content").unwrap();
    }
    let mut receiver = Receiver::start(dir.path()).await.unwrap();
    fs::remove_file(dir.path().join("a")).unwrap();
    fs::write(dir.path().join("b"), "con").unwrap();
    fs::remove_dir_all(dir.path().join("sub")).unwrap();
    for (path, expected) in [("a", ""), ("b", "con"), ("c", "content"), ("sub/d", "")] {
        assert_eq!(receiver.content(path).await.unwrap(), expected.as_bytes(), "{path}");
    }
    receiver.finish().await;
}

#[tokio::test]
async fn a_file_that_grows_while_it_is_sent_ends_where_it_ended_when_it_was_opened() {
    // So many pieces wait for the connection that the reader is not at the end when the file grows.
    const SIZE: usize = (WAITING_BATCHES + 8) * CHUNK_BYTES;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    fs::write(&path, vec![b'x'; SIZE]).unwrap();
    let mut receiver = Receiver::start(dir.path()).await.unwrap();
    receiver.requests.send(Ok(Packet::request(0))).await.unwrap();
    let mut length = receiver.packet().await.unwrap().data.len();
    let mut log = File::options().append(true).open(&path).unwrap();
    std::io::Write::write_all(&mut log, &[b'y'; 10_000]).unwrap();
    loop {
        let piece = receiver.packet().await.unwrap().data;
        if piece.is_empty() {
            break;
        }
        length += piece.len();
    }
    assert_eq!(length, SIZE);
    receiver.finish().await;
}

#[tokio::test]
async fn a_file_that_became_something_else_ends_the_transfer_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("g"), "").unwrap();
    let pipe = |path| rustix::fs::mknodat(rustix::fs::CWD, path, FileType::Fifo, 0o600.into(), 0).unwrap();
    let folder = |path| fs::create_dir(path).unwrap();
    let link = |path| symlink("/etc/passwd", path).unwrap();
    let cases: [(&dyn Fn(std::path::PathBuf), &str); 3] = [
        (&folder, "is a directory"),
        (&link, "it became a link while the context was sent; build again"),
        (&pipe, "it became something else than a file while the context was sent; build again"),
    ];
    for (make, expected) in cases {
        fs::write(at("f"), "content").unwrap();
        let mut receiver = Receiver::start(dir.path()).await.unwrap();
        fs::remove_file(at("f")).unwrap();
        make(at("f"));
        let full = dir.path().canonicalize().unwrap().join("f");
        assert_eq!(receiver.content("f").await.unwrap_err(), format!("open {}: {expected}", full.display()));
        let _ = fs::remove_file(at("f"));
        let _ = fs::remove_dir(at("f"));
    }
}

/// Transfers `root/d/f` again and again while `swap` goes on, and checks that nothing from outside arrives.
/// Returns how often the file arrived, and how often it did not.
async fn transfer_while(root: &Path, swap: impl FnMut() + Send + 'static) -> (usize, usize) {
    let _swapper = Repeat::start(swap);
    let (mut arrived, mut refused) = (0, 0);
    for _ in 0..500 {
        let Ok(mut receiver) = Receiver::start(root).await else {
            refused += 1;
            continue;
        };
        assert!(!receiver.listed.iter().any(|path| path.contains("outside")), "{:?}", receiver.listed);
        if !receiver.listed.contains(&"d/f".to_owned()) {
            refused += 1;
            continue;
        }
        // It may be a link in the listing, which has no content to ask for: that ends the transfer.
        let id = receiver.listed.iter().position(|path| path == "d/f").unwrap();
        receiver.requests.send(Ok(Packet::request(u32::try_from(id).unwrap()))).await.unwrap();
        match receiver.replies.next().await.unwrap() {
            Ok(packet) if packet.kind == i32::from(PacketType::Data) => {
                let text = String::from_utf8_lossy(&packet.data).into_owned();
                assert!(text.is_empty() || text == "inside", "{text:?} came from outside");
                arrived += 1;
            }
            _ => refused += 1,
        }
    }
    (arrived, refused)
}

/// `root/d/f`, and outside of it `away/f` and `away/outside`.
fn two_folders() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("root/d")).unwrap();
    fs::create_dir_all(dir.path().join("away")).unwrap();
    fs::write(dir.path().join("root/d/f"), "inside").unwrap();
    fs::write(dir.path().join("away/f"), "secret").unwrap();
    fs::write(dir.path().join("away/outside"), "secret").unwrap();
    dir
}

fn exchange(one: &Path, other: &Path) {
    renameat_with(rustix::fs::CWD, one, rustix::fs::CWD, other, RenameFlags::EXCHANGE).unwrap();
}

#[tokio::test]
async fn a_file_swapped_for_a_link_is_never_sent_from_outside() {
    let dir = two_folders();
    symlink(dir.path().join("away/f"), dir.path().join("root/link")).unwrap();
    let (one, other) = (dir.path().join("root/d/f"), dir.path().join("root/link"));
    let (arrived, refused) = transfer_while(&dir.path().join("root"), move || exchange(&one, &other)).await;
    assert!(arrived > 0 && refused > 0, "the swaps were not met: {arrived} {refused}");
}

#[tokio::test]
async fn a_folder_swapped_for_a_link_is_never_sent_from_outside() {
    let dir = two_folders();
    symlink(dir.path().join("away"), dir.path().join("root/link")).unwrap();
    let (one, other) = (dir.path().join("root/d"), dir.path().join("root/link"));
    let (arrived, refused) = transfer_while(&dir.path().join("root"), move || exchange(&one, &other)).await;
    assert!(arrived > 0 && refused > 0, "the swaps were not met: {arrived} {refused}");
}
