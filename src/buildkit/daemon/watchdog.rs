//! What ends a daemon if Bob itself is killed, and clears up after one: a shell that waits at the end of a
//! pipe that Bob holds.
//!
//! A signal on the death of the parent would need code between fork and exec; the pipe needs none, and
//! covers every way in which a process can end.

use std::io::{PipeWriter, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

/// Arguments: process id, grace in tenths of a second, state folder, two sockets, `remove` to remove the state, the
/// folder that was made for the sockets, if there is one.
///
/// The word `gone` in the pipe says that the daemon has ended already; the end of the pipe without it, that
/// Bob has. Containers outlive a daemon that is killed; runc knows them by the names of their bundles.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
word=
read -r word
if [ "$word" != gone ]; then
    kill -TERM "$1" 2>/dev/null
    left=$2
    while [ "$left" -gt 0 ] && kill -0 "$1" 2>/dev/null; do sleep 0.1; left=$((left - 1)); done
fi
kill -KILL "-$1" 2>/dev/null
runc=$(command -v buildkit-runc || command -v runc)
for config in "$3"/runc-*/executor/*/config.json; do
    [ -e "$config" ] || continue
    bundle=${config%/config.json}
    "$runc" delete --force "${bundle##*/}"
done
while read -r _ mount _; do
    case $mount in "$3"/*) umount -l "$mount" ;; esac
done </proc/mounts
rm -f "$4" "$5"
rmdir "$3"/tmp/.buildkit* "$3"/tmp/* "$3/tmp"
[ "$6" != remove ] || rm -rf "$3"
[ -z "$7" ] || rmdir "$7"
"#;

/// How long clearing up may take.
const CLEAR_TIMEOUT: Duration = Duration::from_secs(20);

/// What the watchdog has to know of the daemon.
#[derive(Debug)]
pub(super) struct WatchedDaemon<'a> {
    pub(super) pid: u32,
    pub(super) grace: Duration,
    pub(super) root: &'a Path,
    pub(super) sockets: [&'a Path; 2],
    pub(super) remove_root: bool,
    pub(super) socket_folder: Option<&'a Path>,
}

/// The waiting shell. Dropping it ends the daemon.
#[derive(Debug)]
pub(super) struct Watchdog {
    shell: Child,
    pipe: PipeWriter,
}

impl Watchdog {
    pub(super) fn start(daemon: &WatchedDaemon<'_>) -> std::io::Result<Self> {
        let (reader, pipe) = std::io::pipe()?;
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "bob-watchdog", &daemon.pid.to_string()])
            .arg((daemon.grace.as_millis() / 100).to_string())
            .arg(daemon.root)
            .args(daemon.sockets)
            .arg(if daemon.remove_root { "remove" } else { "keep" })
            .arg(daemon.socket_folder.unwrap_or(Path::new("")))
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .stdin(Stdio::from(reader))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0)
            .spawn()?;
        Ok(Self { shell, pipe })
    }

    /// Clears up after a daemon that has ended.
    pub(super) async fn clear_up(mut self) {
        let _ = self.pipe.write_all(b"gone\n");
        drop(self.pipe);
        if tokio::time::timeout(CLEAR_TIMEOUT, self.shell.wait()).await.is_err() {
            tracing::warn!("clearing up after buildkitd takes long; it goes on in the background");
        }
    }
}
