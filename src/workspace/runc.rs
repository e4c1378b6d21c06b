//! The runc facade: Bob under the name `buildkit-runc`, which buildkitd calls in place of runc.
//!
//! It gives containers a `/sys` where the bundle has none, and starts the real runc.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use serde_json::{Value, json};

use crate::retry::{RetryPolicy, TransientFailure};
use crate::search_path::find_program;

/// The name under which the binary is the facade.
pub const NAME: &str = "buildkit-runc";

/// The programs that are looked for, the first one first.
const PROGRAMS: [&str; 2] = ["bob-runc", "runc"];

/// Why runc was not started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No runc.
    #[error("neither bob-runc nor runc is on PATH; install runc")]
    NotFound,
    /// The bundle's configuration cannot be changed.
    #[error("cannot add /sys to {path}", path = path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// runc does not start.
    #[error("cannot start {program}", program = program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Whether the program was called as the facade.
pub fn is_called_as_facade(argument_zero: &OsStr) -> bool {
    Path::new(argument_zero).file_name() == Some(OsStr::new(NAME))
}

/// Becomes runc with `arguments` (without the program's name); returns only if that fails.
pub fn exec(arguments: &[OsString], search_path: Option<&OsStr>) -> Error {
    if let Some(bundle) = bundle_to_run(arguments) {
        let path = bundle.join("config.json");
        if let Err(source) = add_sysfs(&path) {
            return Error::Config { path, source };
        }
    }
    let Some(program) = find(search_path) else { return Error::NotFound };
    let mut attempt = 1;
    loop {
        let failure = StartFailure(Command::new(&program).args(arguments).exec());
        let Some(pause) = RetryPolicy::PROGRAM_START.pause_after(attempt, &failure) else {
            return Error::Start { program, source: failure.0 };
        };
        thread::sleep(pause);
        attempt += 1;
    }
}

/// Why a program did not start. It is transient where the program is being written just now, or memory or processes are
/// short (execve(2)).
struct StartFailure(io::Error);

impl TransientFailure for StartFailure {
    fn is_transient(&self) -> bool {
        matches!(
            self.0.kind(),
            io::ErrorKind::ExecutableFileBusy
                | io::ErrorKind::WouldBlock
                | io::ErrorKind::OutOfMemory
                | io::ErrorKind::ResourceBusy
                | io::ErrorKind::Interrupted
        )
    }
}

fn find(search_path: Option<&OsStr>) -> Option<PathBuf> {
    PROGRAMS.iter().find_map(|name| find_program(name, search_path))
}

/// The bundle of `run --bundle B`, after whatever global options.
fn bundle_to_run(arguments: &[OsString]) -> Option<PathBuf> {
    const WITH_VALUE: [&str; 5] = ["--log", "--log-format", "--root", "--criu", "--rootless"];
    let mut rest = arguments.iter();
    loop {
        match rest.next()?.to_str()? {
            "run" => break,
            flag if WITH_VALUE.contains(&flag) => drop(rest.next()),
            flag if flag.starts_with('-') => {}
            _ => return None,
        }
    }
    while let Some(argument) = rest.next() {
        let text = argument.to_string_lossy();
        if text == "--bundle" || text == "-b" {
            return rest.next().map(PathBuf::from);
        }
        if let Some(bundle) = text.strip_prefix("--bundle=").or_else(|| text.strip_prefix("-b=")) {
            return Some(PathBuf::from(bundle));
        }
    }
    None
}

/// Adds a sysfs mount at `/sys` to a bundle's configuration where there is none. What cannot be read is
/// left to runc, which says what is wrong with it.
fn add_sysfs(path: &Path) -> io::Result<()> {
    let Ok(text) = fs::read(path) else { return Ok(()) };
    let Ok(mut config) = serde_json::from_slice::<Value>(&text) else { return Ok(()) };
    let Some(members) = config.as_object_mut() else { return Ok(()) };
    let Some(mounts) = members.entry("mounts").or_insert_with(|| json!([])).as_array_mut() else {
        return Ok(());
    };
    let destination = |mount: &Value| {
        let text = mount.get("destination").and_then(Value::as_str).unwrap_or_default();
        text.trim_end_matches('/').to_owned()
    };
    if mounts.iter().any(|mount| destination(mount) == "/sys") {
        return Ok(());
    }
    let below = mounts.iter().position(|mount| destination(mount).starts_with("/sys/"));
    let sysfs = json!({
        "destination": "/sys", "type": "sysfs", "source": "sysfs",
        "options": ["nosuid", "noexec", "nodev", "ro"],
    });
    mounts.insert(below.unwrap_or(mounts.len()), sysfs);
    let folder = path.parent().unwrap_or(Path::new("."));
    let permissions = fs::metadata(path)?.permissions();
    let mut file = tempfile::Builder::new().prefix(".config-").tempfile_in(folder)?;
    serde_json::to_writer(&mut file, &config)?;
    file.as_file().set_permissions(permissions)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn arguments(words: &str) -> Vec<OsString> {
        words.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_bundle_is_that_of_run_alone() {
        let bundle = |words: &str| bundle_to_run(&arguments(words));
        assert_eq!(bundle("--log /l --log-format json run --bundle /b id").unwrap(), Path::new("/b"));
        assert_eq!(bundle("--root=/r run --keep --bundle=/b id").unwrap(), Path::new("/b"));
        assert_eq!(bundle("run -b /b id").unwrap(), Path::new("/b"));
        for words in ["kill --bundle /b id", "--log run delete --bundle /b", "run id", "--version"] {
            assert_eq!(bundle(words), None, "{words}");
        }
    }

    fn patched(config: &str) -> Value {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        fs::write(&path, config).unwrap();
        add_sysfs(&path).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn sys_is_mounted_before_what_lies_below_it() {
        let config =
            r#"{"ociVersion":"1.2","mounts":[{"destination":"/proc"},{"destination":"/sys/fs/cgroup"}]}"#;
        let patched = patched(config);
        let destinations: Vec<_> = patched["mounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["destination"].as_str().unwrap())
            .collect();
        assert_eq!(destinations, ["/proc", "/sys", "/sys/fs/cgroup"]);
        assert_eq!(patched["mounts"][1]["type"], "sysfs");
        assert_eq!(patched["ociVersion"], "1.2");
    }

    #[test]
    fn a_bundle_that_has_sys_stays_as_it_is() {
        let config = json!({"mounts": [{"destination": "/sys/", "type": "bind"}]});
        assert_eq!(patched(&config.to_string()), config);
    }

    #[test]
    fn bobs_own_runc_comes_first() {
        let dir = tempfile::tempdir().unwrap();
        let folders = [dir.path().join("a"), dir.path().join("b")];
        for (folder, name) in folders.iter().zip(["runc", "bob-runc"]) {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join(name), "").unwrap();
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let search_path = std::env::join_paths(&folders).unwrap();
        assert_eq!(find(Some(&search_path)).unwrap(), folders[1].join("bob-runc"));
        assert_eq!(find(Some(folders[0].as_os_str())).unwrap(), folders[0].join("runc"));
        assert_eq!(find(Some(OsStr::new("/nonexistent"))), None);
    }

    #[test]
    fn a_missing_runc_is_named() {
        let error = exec(&arguments("--version"), Some(OsStr::new("/nonexistent")));
        assert_eq!(error.to_string(), "neither bob-runc nor runc is on PATH; install runc");
    }

    #[test]
    fn the_name_alone_makes_the_facade() {
        assert!(is_called_as_facade(OsStr::new("/usr/bin/buildkit-runc")));
        assert!(!is_called_as_facade(OsStr::new("/usr/bin/bob")));
    }
}
