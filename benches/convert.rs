//! How long Bob's converter takes: beside BuildKit's own for the same Dockerfiles, and as they grow.
//!
//! `make bench` takes the Dockerfiles of `testdata`. `BOB_BENCH_CASES` names files of cases instead, separated
//! by colons: a JSON object a line, as `tools/oracle` prints them, whose Dockerfiles lie in the folder
//! `dockerfiles` beside the file. Cases that the oracle rejects are left out.
//!
//! Both times are those from the text to the marshalled graph, without processes and JSON around them. The
//! oracle makes up the base images and reads their configurations meanwhile. Bob has the answers at hand, or
//! is given the configurations that the oracle made up, and reads them.

#![allow(clippy::disallowed_methods, reason = "reads Dockerfiles, settings and the clock")]
#![allow(clippy::print_stdout, reason = "prints figures")]

#[path = "../tests/differential/case.rs"]
#[allow(dead_code, reason = "the fuzzer uses the rest")]
mod case;
#[path = "../tests/differential/images.rs"]
mod images;
#[path = "../tests/differential/oracle.rs"]
#[allow(dead_code, reason = "the fuzzer uses the rest")]
mod oracle;
#[path = "../tests/differential/ours.rs"]
#[allow(dead_code, reason = "the fuzzer uses the rest")]
mod ours;
#[path = "../tests/robustness/shapes.rs"]
mod shapes;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bob::converter::plan::{Fact, FactFailure, Facts, ImageFact, Need, Options};

use case::Case;
use oracle::Oracle;

/// That of `bob`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const ROUNDS: usize = 7;

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    match (args.next(), args.next().and_then(|lines| lines.parse().ok())) {
        (Some(what), rounds) if what == "profile" => repeat(rounds.unwrap_or(5 * ROUNDS)),
        (Some(shape), Some(lines)) => grow(&shape, lines),
        (Some(what), _) if what == "growth" => compare_growth(),
        (Some(what), _) if what == "ratio" => compare_with_oracle(),
        _ => {
            compare_with_oracle();
            compare_growth();
        }
    }
}

/// A case that BuildKit accepts, with what Bob needs to convert it.
type Prepared = (Case, Options, Facts);

/// The cases that `oracle` accepts.
fn accepted(oracle: &mut Oracle) -> Vec<Prepared> {
    let cases = cases();
    let asked = cases.len();
    let verdicts = oracle.ask(&cases);
    let accepted = cases.into_iter().zip(verdicts).filter(|(_, verdict)| verdict.ok);
    let prepared: Vec<Prepared> = accepted
        .map(|(case, _)| {
            let (options, mut facts) = (case.options().expect("accepted"), Facts::new());
            time(&case, &options, &mut facts, |need| ours::made_up(need, &case, &options.build_platform));
            (case, options, facts)
        })
        .collect();
    println!("{} of {asked} Dockerfiles are accepted; median of {ROUNDS} rounds", prepared.len());
    prepared
}

fn compare_with_oracle() {
    let mut oracle = Oracle::start(100);
    let prepared = accepted(&mut oracle);
    let cases: Vec<Case> = prepared.iter().map(|(case, ..)| case.clone()).collect();
    let mut known = Vec::new();
    let mut asking = Vec::new();
    let mut round = |look_up| {
        let theirs = oracle.ask(&cases).iter().map(|verdict| verdict.micros).sum();
        let theirs = Duration::from_micros(theirs);
        (theirs, for_as_long(theirs, || all(&prepared, look_up)))
    };
    for _ in 0..ROUNDS {
        known.push(round(false));
        asking.push(round(true));
    }
    print("with the answers at hand", &mut known);
    print("with two passes and configurations to read", &mut asking);
}

/// The mean of what `pass` takes, over as many passes as take as long as the other side took in all: a
/// processor that has waited for the other side is slow at first.
fn for_as_long(other: Duration, pass: impl Fn() -> Duration) -> Duration {
    let (mut total, mut passes) = (Duration::ZERO, 0);
    while total < other {
        total += pass();
        passes += 1;
    }
    total / passes
}

/// Bob's side alone, again and again: for a profiler.
fn repeat(rounds: usize) {
    let prepared = accepted(&mut Oracle::start(100));
    for look_up in [false, true] {
        let mut rounds: Vec<Duration> = (0..rounds).map(|_| all(&prepared, look_up)).collect();
        rounds.sort();
        println!("looking up: {look_up}: {:.1} ms", rounds[rounds.len() / 2].as_secs_f64() * 1e3);
    }
}

/// How long all conversions take, with the facts at hand or looked up on the way.
fn all(prepared: &[Prepared], look_up: bool) -> Duration {
    let one = |(case, options, facts): &Prepared| {
        let mut now = if look_up { Facts::new() } else { facts.clone() };
        time(case, options, &mut now, |need| read_again(facts.get(need)))
    };
    prepared.iter().map(one).sum()
}

/// An answer as it comes from outside: an image's configuration has to be read.
fn read_again(known: Option<&Result<Fact, FactFailure>>) -> Result<Fact, FactFailure> {
    let known = known.expect("known from the first conversion").clone();
    known.map(|fact| match fact {
        Fact::Image(image) => {
            let read = ImageFact::new(image.digest, image.json);
            Fact::Image(ImageFact { reference: image.reference, ..read })
        }
        other => other,
    })
}

fn print(what: &str, rounds: &mut [(Duration, Duration)]) {
    let ratio = |(theirs, ours): &(Duration, Duration)| theirs.as_secs_f64() / ours.as_secs_f64();
    rounds.sort_by(|a, b| ratio(a).total_cmp(&ratio(b)));
    let (theirs, ours) = rounds[ROUNDS / 2];
    println!(
        "BuildKit {:.1} ms, Bob {:.1} ms {what}: ratio {:.1} ({:.1} to {:.1})",
        theirs.as_secs_f64() * 1e3,
        ours.as_secs_f64() * 1e3,
        ratio(&(theirs, ours)),
        ratio(&rounds[0]),
        ratio(&rounds[ROUNDS - 1]),
    );
}

/// How long one conversion takes, up to the marshalled graph.
fn time(
    case: &Case,
    options: &Options,
    facts: &mut Facts,
    look_up: impl Fn(&Need) -> Result<Fact, FactFailure>,
) -> Duration {
    let start = Instant::now();
    let conversion = ours::conversion(case, options, facts, look_up).ok();
    let marshalled = conversion.and_then(|conversion| conversion.marshal("corpus").ok());
    let taken = start.elapsed();
    assert!(marshalled.is_some(), "the oracle accepts what Bob does not: {}", case.text.escape_ascii());
    black_box(marshalled);
    taken
}

fn cases() -> Vec<Case> {
    let Ok(files) = std::env::var("BOB_BENCH_CASES") else {
        let mut texts = Vec::new();
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata"), &mut texts);
        return texts.into_iter().map(Case::of).collect();
    };
    files.split(':').flat_map(|file| listed(Path::new(file))).collect()
}

fn listed(file: &Path) -> Vec<Case> {
    let folder = file.with_file_name("dockerfiles");
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let case = |line: &str| {
        let mut case: Case = serde_json::from_str(line).expect("a case");
        let name: serde_json::Value = serde_json::from_str(line).expect("a case");
        case.text = std::fs::read(folder.join(name["dockerfile"].as_str().expect("a path"))).expect("a file");
        case
    };
    text.lines().map(case).collect()
}

fn collect(folder: &Path, into: &mut Vec<Vec<u8>>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, into);
        } else if path.display().to_string().ends_with("ockerfile") {
            into.push(std::fs::read(&path).expect("a file"));
        }
    }
}

/// Each shape at two sizes, each in a process of its own, so that peak memory is that of the shape.
fn compare_growth() {
    println!(
        "{:20} {:>12} {:>12} {:>7} {:>10} {:>10}",
        "shape", "1,000", "100,000", "factor", "text", "peak"
    );
    for (name, make) in shapes::SHAPES {
        let run = |lines: usize| {
            let this = std::env::current_exe().expect("a path");
            let output = Command::new(this).args([name, &*lines.to_string()]).output().expect("a process");
            let text = String::from_utf8(output.stdout).expect("text");
            let mut numbers = text.split_whitespace().map(|number| number.parse::<f64>().expect("a number"));
            (numbers.next().expect("milliseconds"), numbers.next().expect("mebibytes"))
        };
        let ((small, _), (large, peak)) = (run(1_000), run(100_000));
        #[expect(clippy::cast_precision_loss, reason = "a size for people")]
        let size = make(100_000).len() as f64 / f64::from(1 << 20);
        let factor = large / small;
        println!("{name:20} {small:9.2} ms {large:9.1} ms {factor:7.0} {size:6.1} MiB {peak:6.0} MiB");
    }
}

/// Prints milliseconds and peak mebibytes of one shape.
fn grow(shape: &str, lines: usize) {
    let (_, make) = shapes::SHAPES.iter().find(|(name, _)| *name == shape).expect("a shape");
    let case = Case::of(make(lines).into_bytes());
    let options = case.options().expect("no options");
    let look_up = |need: &Need| ours::made_up(need, &case, &options.build_platform);
    let best = (0..3).map(|_| time(&case, &options, &mut Facts::new(), look_up)).min().expect("a round");
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let peak = peak.and_then(|kib| kib.trim().parse::<f64>().ok()).unwrap_or_default() / 1024.0;
    println!("{} {peak}", best.as_secs_f64() * 1e3);
}
