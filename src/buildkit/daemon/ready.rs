//! Waiting for a daemon's socket: the folder is watched, nothing sleeps.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

use crate::buildkit::address::{Address, TlsOptions};
use crate::buildkit::client::Client;
use crate::buildkit::error::Error;

/// How long to wait between bind and listen of a socket that refuses connections.
const REFUSED_PAUSE: Duration = Duration::from_millis(20);

/// A watch of a folder.
pub(super) struct SocketWatch {
    events: AsyncFd<OwnedFd>,
    socket: PathBuf,
}

impl SocketWatch {
    /// Watches the folder of `socket`; to be called before the daemon starts.
    pub(super) fn new(socket: &Path) -> std::io::Result<Self> {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let dir = socket.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        inotify::add_watch(&fd, dir, WatchFlags::CREATE | WatchFlags::MOVED_TO)?;
        #[expect(deprecated, reason = "an OwnedFd keeps the promise for which `register` is unsafe")]
        let events = AsyncFd::new(fd)?;
        Ok(Self { events, socket: socket.to_owned() })
    }

    /// Returns once the daemon answers a call on its socket. It waits as long as that takes.
    pub(super) async fn answered(&self) -> std::io::Result<()> {
        loop {
            while !self.socket.exists() {
                self.changed().await?;
            }
            // buildkitd listens early and answers late: the call itself waits until it does.
            let address = Address::Unix(self.socket.clone());
            if let Ok(client) = Client::connect(&address, &TlsOptions::default(), Duration::MAX).await
                // Whatever it says, it answers, unless the connection itself breaks.
                && !matches!(client.workers().await, Err(Error::Disconnected { .. }))
            {
                return Ok(());
            }
            tokio::time::sleep(REFUSED_PAUSE).await;
        }
    }

    /// Waits until something appears in the folder.
    async fn changed(&self) -> std::io::Result<()> {
        let mut ready = self.events.readable().await?;
        let mut buffer = [0; 1024];
        loop {
            match rustix::io::read(self.events.get_ref(), &mut buffer) {
                Ok(_) => {}
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        ready.clear_ready();
        Ok(())
    }
}
