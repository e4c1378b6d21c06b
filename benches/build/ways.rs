//! The programs that are compared, run in turn, and what the kernel tells of them and of the daemon.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::support::{Buildkitd, tool};

/// One way to do the same thing.
#[derive(Debug)]
pub(crate) struct Way {
    name: String,
    command: Vec<String>,
    /// Standard input.
    input: Option<PathBuf>,
    folder: PathBuf,
    environment: Vec<(&'static str, String)>,
}

/// Whoever may be on no machine: `nobody`.
pub(crate) const ANOTHER_USER: u32 = 65534;

/// The program, its times, and those of buildkitd meanwhile.
#[derive(Debug, Default)]
struct Times {
    wall: Vec<f64>,
    cpu: Duration,
    daemon_cpu: Duration,
}

/// Returns the builds of `bob` that are measured: this one, and the one that `BOB_BENCH_PROGRAM` names.
fn programs() -> Vec<(String, String)> {
    let own = ("bob".to_owned(), env!("CARGO_BIN_EXE_bob").to_owned());
    let other = super::setting("BOB_BENCH_PROGRAM").map(|path| ("the other bob".to_owned(), path));
    std::iter::once(own).chain(other).collect()
}

/// `bob ARGS` in `folder`, by each build of it.
pub(crate) fn bob(folder: &Path, args: &[&str]) -> Vec<Way> {
    programs().into_iter().map(|(name, program)| Way::new(&name, &program, folder, args)).collect()
}

/// `buildctl ARGS` in `folder`.
pub(crate) fn buildctl(name: &str, folder: &Path, args: &[&str]) -> Way {
    Way::new(name, &tool("buildctl"), folder, args)
}

impl Way {
    fn new(name: &str, program: &str, folder: &Path, args: &[&str]) -> Self {
        let command = std::iter::once(program).chain(args.iter().copied()).map(str::to_owned).collect();
        let environment = vec![("HOME", "/nonexistent".to_owned())];
        Self { name: name.to_owned(), command, input: None, folder: folder.to_owned(), environment }
    }

    /// Gives it another name.
    pub(crate) fn named(self, name: &str) -> Self {
        Self { name: format!("{}{name}", self.name), ..self }
    }

    /// Sets an environment variable.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// Lets another user run it who may read everything: root has a folder for records whatever its environment says.
    pub(crate) fn for_another_user(mut self) -> Self {
        let user = ANOTHER_USER.to_string();
        let rights = "+dac_override,+dac_read_search";
        let before = [
            "setpriv".to_owned(),
            format!("--reuid={user}"),
            format!("--regid={user}"),
            "--clear-groups".to_owned(),
            format!("--inh-caps={rights}"),
            format!("--ambient-caps={rights}"),
        ];
        self.command.splice(0..0, before);
        self
    }

    /// Gives it a file as its standard input.
    pub(crate) fn reading(self, input: PathBuf) -> Self {
        Self { input: Some(input), ..self }
    }

    fn run(&self) {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).current_dir(&self.folder).env_remove("XDG_STATE_HOME");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(
            self.input.as_ref().map_or_else(Stdio::null, |input| std::fs::File::open(input).unwrap().into()),
        );
        let ended =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        assert!(ended.status.success(), "{}: {}", self.name, String::from_utf8_lossy(&ended.stderr));
    }
}

/// Takes all ways in turn, `rounds` times after one that does not count, and prints what they take, each beside `ways[0]`.
/// `before` runs before each, untimed. Returns the medians in seconds.
pub(crate) fn compare(
    title: &str,
    rounds: usize,
    daemon: Option<&Buildkitd>,
    ways: &[Way],
    before: impl Fn(),
) -> Vec<f64> {
    let daemon = daemon.map(pid);
    let mut times: Vec<Times> = ways.iter().map(|_| Times::default()).collect();
    for round in 0..=rounds {
        for (way, times) in ways.iter().zip(&mut times) {
            before();
            let (cpu, daemon_cpu) = (cpu_of_children(), daemon.map_or(Duration::ZERO, cpu_of));
            let begun = Instant::now();
            way.run();
            let wall = begun.elapsed();
            if round > 0 {
                times.wall.push(wall.as_secs_f64());
                times.cpu += cpu_of_children().saturating_sub(cpu);
                times.daemon_cpu += daemon.map_or(Duration::ZERO, cpu_of).saturating_sub(daemon_cpu);
            }
        }
    }
    println!("{title}; median of {rounds}");
    let walls: Vec<f64> = times.iter().map(|times| median(times.wall.clone())).collect();
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let each = |time: Duration| time.as_secs_f64() * 1000.0 / rounds as f64;
    for ((way, taken), wall) in ways.iter().zip(&times).zip(&walls) {
        print!("  {:28} {:8.1} ms, processor {:6.1} ms", way.name, wall * 1000.0, each(taken.cpu));
        print!("; {} takes {:.2} of it", ways[0].name, walls[0] / wall);
        if !taken.cpu.is_zero() {
            print!(", {:.2} of its processor time", times[0].cpu.as_secs_f64() / taken.cpu.as_secs_f64());
        }
        if daemon.is_some() {
            let busy = each(taken.daemon_cpu);
            print!("; buildkitd's processor {busy:.0} ms, {:.0} % of the build", busy / wall / 10.0);
        }
        println!();
    }
    walls
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The number of the process of `daemon`, which listens on its socket.
fn pid(daemon: &Buildkitd) -> i32 {
    let path = daemon.addr().strip_prefix("unix://").unwrap().to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::net::UnixStream::connect(path).await.unwrap().peer_cred().unwrap().pid().unwrap()
    })
}

/// Processor time of the ended children of this process.
fn cpu_of_children() -> Duration {
    ticks("self", 13)
}

/// Processor time of a process so far.
fn cpu_of(process: i32) -> Duration {
    ticks(&process.to_string(), 11)
}

/// The sum of a field of `stat` and the next one; see proc(5), which counts from 3 behind the name.
fn ticks(process: &str, field: usize) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // Hundredths of a second, on every Linux that this runs on.
    Duration::from_millis(
        10 * (fields[field].parse::<u64>().unwrap() + fields[field + 1].parse::<u64>().unwrap()),
    )
}
