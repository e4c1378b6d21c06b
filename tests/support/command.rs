//! The `bob` binary under test.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::guarded::tool;

/// How long any run of `bob` in a test may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(120);

/// A `bob` command with an environment that holds nothing of the test's own.
#[derive(Debug)]
pub struct Bob(Command);

/// What a run of `bob` left.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output, empty where the test gave it a place of its own.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Bob {
    /// `bob ARGS`.
    pub fn new<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bob"));
        let buildkitd = tool("buildkitd");
        let tools = Path::new(&buildkitd).parent().expect("a folder").display().to_string();
        command
            .args(args)
            .env_clear()
            .env("PATH", format!("{tools}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"))
            .env("HOME", "/nonexistent")
            .env("XDG_STATE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/state"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self(command)
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Puts `folder` before the folders on `PATH`.
    pub fn programs_of(self, folder: impl AsRef<Path>) -> Self {
        let path = self.0.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path);
        let path = path.unwrap_or_default().to_string_lossy().into_owned();
        self.env("PATH", format!("{}:{path}", folder.as_ref().display()))
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.0.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: &[&str]) -> Self {
        self.0.args(args);
        self
    }

    /// Has `program` with its arguments start it in its own place, as `nohup` and `env` do. What is given as standard input
    /// and output is given after this.
    pub fn started_by(self, program: &[&str]) -> Self {
        let (name, arguments) = program.split_first().expect("a program");
        let mut command = Command::new(name);
        command
            .args(arguments)
            .arg(self.0.get_program())
            .args(self.0.get_args())
            .env_clear()
            .envs(self.0.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(folder) = self.0.get_current_dir() {
            command.current_dir(folder);
        }
        Self(command)
    }

    /// Gives it this standard input.
    pub fn with_stdin(mut self, input: impl Into<Stdio>) -> Self {
        self.0.stdin(input);
        self
    }

    /// Gives it this standard output.
    pub fn with_stdout(mut self, output: impl Into<Stdio>) -> Self {
        self.0.stdout(output);
        self
    }

    /// Runs it in `folder`.
    pub fn current_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.0.current_dir(folder);
        self
    }

    /// Starts it and returns at once.
    pub fn start(mut self) -> Child {
        self.0.spawn().expect("bob starts")
    }

    /// Runs it to its end.
    pub fn run(self) -> Outcome {
        Outcome::of(self.start())
    }

    /// Runs it to its end, which has to be a good one.
    pub fn succeed(self) -> Outcome {
        let outcome = self.run();
        assert!(outcome.status.success(), "{}\n{}", outcome.status, outcome.stderr);
        outcome
    }

    /// Runs it to its end, which has to be exit code `code`.
    pub fn fail(self, code: i32) -> Outcome {
        let outcome = self.run();
        assert_eq!(outcome.status.code(), Some(code), "{}\n{}", outcome.stdout, outcome.stderr);
        outcome
    }
}

impl Outcome {
    /// Waits for a started process. One that hangs is killed and fails the test.
    pub fn of(mut child: Child) -> Self {
        let out = child.stdout.take().map(collect);
        let err = collect(child.stderr.take().expect("piped"));
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("a status") {
                break status;
            }
            if start.elapsed() > PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                panic!("bob still ran after {PATIENCE:?}: {}", err.join().unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Self {
            status,
            stdout: out.map_or_else(String::new, |out| out.join().expect("read")),
            stderr: err.join().expect("read"),
        }
    }
}

/// Reads a pipe to its end on a thread of its own, so that a full pipe never stops the process.
fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
