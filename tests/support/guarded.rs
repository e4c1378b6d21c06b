//! Processes that end with the test process.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Runs `"$@"`, and ends it when standard input closes: at the latest when the test process is gone. What a buildkitd that
/// was killed leaves in its folder, containers and mounts, goes with it.
const GUARD: &str = r#"
folder=$1; shift
"$@" </dev/null >"$folder/log" 2>&1 &
child=$!
cat >/dev/null
kill -TERM $child 2>/dev/null
wait $child 2>/dev/null
for config in "$folder"/root/runc-*/executor/*/config.json; do
    [ ! -e "$config" ] || runc delete --force "$(basename "$(dirname "$config")")"
done >/dev/null 2>&1
while read -r _ mount _; do
    case $mount in "$folder"/*) umount -l "$mount" ;; esac
done </proc/mounts
rm -rf "$folder"
"#;

/// How long a part may take to get ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running process with a temporary folder of its own, which is removed after it.
#[derive(Debug)]
pub struct Guarded {
    shell: Child,
    folder: PathBuf,
}

impl Guarded {
    /// A new folder for [`Guarded::start`]. Its path is short enough for sockets.
    pub fn folder(name: &str) -> PathBuf {
        tempfile::Builder::new().prefix(&format!("bob-{name}-")).tempdir().expect("a temporary folder").keep()
    }

    /// Starts `command`, which logs to `log` in `folder`.
    pub fn start(folder: PathBuf, command: &[&str], env: &[(&str, &str)]) -> Self {
        let shell = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(&folder)
            .args(command)
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            // What ends the process group of the tests, as Ctrl-C and `timeout` do, leaves the guard to clear up.
            .process_group(0)
            .spawn()
            .expect("sh starts");
        Self { shell, folder }
    }

    /// The folder that the process owns.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// What the process has written to standard output and standard error.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Returns what `ready` finds, asking it again until it finds something.
    pub fn wait_for<T>(&self, what: &str, ready: impl Fn(&Self) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = ready(self) {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "no {what} within {PATIENCE:?}; its log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// The path of a program: from `target/tools`, where `tools/setup` puts what it builds, else by `PATH`.
pub fn tool(name: &str) -> String {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools").join(name);
    let dirs = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    std::iter::once(built)
        .chain(dirs.split(':').map(|dir| Path::new(dir).join(name)))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is missing: run `make setup`"))
        .display()
        .to_string()
}
