//! Ctrl-C once and twice, SIGTERM, SIGHUP: the build ends, and with it everything that it started. Under nohup it goes on.

use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::support::{Bob, Image, Outcome, Registry, Workspace, endless_seconds, processes};

/// A workspace build of a step that sleeps, on a buildkitd that `bob` starts.
struct Sleeper {
    workspace: Workspace,
    seconds: String,
    target: String,
}

impl Sleeper {
    fn new() -> Self {
        let seconds = endless_seconds();
        let source = Image::push_source(Registry::shared(), "interrupts/source:latest");
        let text = format!("FROM {source}\nRUN echo begun; sleep {seconds} || echo woken\n");
        let target = Registry::shared().reference(&format!("interrupts/target:{seconds}"));
        Self { workspace: Workspace::new(&[("Dockerfile", &text)]), seconds, target }
    }

    fn command(&self) -> Bob {
        self.workspace
            .build(&Registry::shared().reference(&format!("interrupts/base:{}", self.seconds)), &self.target)
            .env("BOB_BUILD_BASE", "true")
            .env("BOB_DOCKERFILE_PATH", self.workspace.at("Dockerfile"))
    }

    /// Processes that are the step's sleep.
    fn sleeping(&self) -> Vec<u32> {
        processes(|arguments| arguments == ["sleep", self.seconds.as_str()])
    }

    fn sleeps(&self) -> bool {
        !self.sleeping().is_empty()
    }

    /// Processes whose arguments name this workspace: buildkitd and what it started.
    fn processes(&self) -> Vec<u32> {
        let state = self.workspace.at("buildkit");
        processes(|arguments| arguments.iter().any(|argument| argument.contains(&state)))
    }

    /// Starts `build`, and returns its process id and what waits for its end once the step runs.
    fn start(&self, build: Bob) -> (u32, JoinHandle<Outcome>) {
        let child = build.start();
        let pid = child.id();
        let done = std::thread::spawn(move || Outcome::of(child));
        let start = Instant::now();
        while !self.sleeps() {
            assert!(start.elapsed() < Duration::from_secs(60) && !done.is_finished(), "the step never began");
            std::thread::sleep(Duration::from_millis(20));
        }
        (pid, done)
    }

    /// Starts the build, sends it `signals` once the step runs, and returns how it ended.
    fn interrupt(&self, signals: &[&str]) -> Outcome {
        // Whatever the process ignores that runs the tests.
        let (pid, done) = self.start(self.command().started_by(&["env", "--default-signal=HUP,INT,TERM"]));
        for signal in signals {
            send(signal, pid);
            std::thread::sleep(Duration::from_millis(100));
        }
        done.join().expect("bob ends")
    }

    #[track_caller]
    fn expect_clean(&self, outcome: &Outcome) {
        assert_eq!(outcome.status.code(), Some(1), "{:?} {}", outcome.status, outcome.stderr);
        let start = Instant::now();
        while (self.sleeps() || !self.processes().is_empty()) && start.elapsed() < Duration::from_secs(15) {
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(!self.sleeps(), "the step still runs");
        assert_eq!(self.processes(), Vec::<u32>::new(), "processes were left");
        let tags = Registry::shared()
            .storage()
            .join("repositories/interrupts/target/_manifests/tags")
            .join(&self.seconds);
        assert!(!tags.exists(), "a tag was pushed");
    }
}

fn send(signal: &str, pid: u32) {
    Command::new("kill").args([signal, &pid.to_string()]).status().expect("kill runs");
}

#[test]
fn one_ctrl_c_cancels_the_build_and_ends_buildkitd() {
    let sleeper = Sleeper::new();
    let outcome = sleeper.interrupt(&["-INT"]);
    sleeper.expect_clean(&outcome);
    assert!(sleeper.workspace.log().contains("interrupted"), "{}", sleeper.workspace.log());
}

#[test]
fn a_second_ctrl_c_ends_it_at_once() {
    let sleeper = Sleeper::new();
    let outcome = sleeper.interrupt(&["-INT", "-INT"]);
    sleeper.expect_clean(&outcome);
}

#[test]
fn sigterm_cancels_the_build_too() {
    let sleeper = Sleeper::new();
    let outcome = sleeper.interrupt(&["-TERM"]);
    sleeper.expect_clean(&outcome);
}

#[test]
fn sighup_cancels_the_build_and_says_why_it_ends() {
    let sleeper = Sleeper::new();
    let outcome = sleeper.interrupt(&["-HUP"]);
    sleeper.expect_clean(&outcome);
    for text in [outcome.stderr, sleeper.workspace.log()] {
        assert!(text.contains("the terminal or session that it ran in ended (SIGHUP)"), "{text}");
    }
}

#[test]
fn a_build_under_nohup_outlives_its_terminal() {
    let sleeper = Sleeper::new();
    let (pid, done) = sleeper.start(sleeper.command().started_by(&["nohup"]));
    send("-HUP", pid);
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("a mask");
    let ignored = u64::from_str_radix(ignored.trim(), 16).expect("a number");
    assert_eq!(ignored & 1, 1, "SIGHUP is not ignored: {status}");
    for sleep in sleeper.sleeping() {
        send("-TERM", sleep);
    }
    let outcome = done.join().expect("bob ends");
    assert!(outcome.status.success(), "{} {}", outcome.status, outcome.stderr);
}

#[test]
fn commands_that_build_nothing_say_that_they_were_interrupted() {
    for command in ["du", "prune --force", "imagetools inspect", "imagetools create --dry-run"] {
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = silent.local_addr().expect("an address");
        let whom = if command.starts_with("imagetools") {
            format!("{address}/team/base:one")
        } else {
            format!("--addr=tcp://{address}")
        };
        // Takes connections and says nothing.
        let (connected, connections) = mpsc::channel();
        std::thread::spawn(move || silent.incoming().try_for_each(|connection| connected.send(connection)));
        let child = Bob::new(command.split(' ')).arg(whom).start();
        let _connection = connections.recv_timeout(Duration::from_secs(60)).expect("bob connects");
        send("-INT", child.id());
        let outcome = Outcome::of(child);
        assert_eq!(outcome.stderr, "error: interrupted by a signal\n", "{command}");
        assert_eq!(outcome.status.code(), Some(1), "{command}");
    }
}

#[test]
fn a_killed_bob_leaves_no_buildkitd() {
    let sleeper = Sleeper::new();
    let outcome = sleeper.interrupt(&["-KILL"]);
    assert_eq!(outcome.status.code(), None);
    let start = Instant::now();
    while !sleeper.processes().is_empty() && start.elapsed() < Duration::from_secs(15) {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(sleeper.processes(), Vec::<u32>::new(), "processes were left");
    assert!(fs::metadata(sleeper.workspace.path()).is_ok());
}
