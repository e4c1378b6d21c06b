//! Bob's converter against BuildKit's own, on Dockerfiles that are mutated, recombined, or made up from the
//! grammar.
//!
//! Both have to give the same verdict, error line (or none), ops in the same order, names, capabilities, groups
//! and lines of steps, steps that are never cached, image config, and build checks with the values in their
//! messages. A short run belongs to the tests; `make fuzz CASES=1000000` is a long one. `BOB_FUZZ_SEED` chooses
//! the cases and `BOB_FUZZ_CORPUS` adds a folder of Dockerfiles to those of `testdata`.

#![allow(
    clippy::disallowed_methods,
    reason = "reads Dockerfiles, settings and the clock, writes what it finds"
)]
#![allow(clippy::print_stderr, reason = "a person reads it")]

mod case;
mod compare;
mod grammar;
mod images;
mod mutate;
mod options;
#[allow(dead_code, reason = "the benchmark uses the rest")]
mod oracle;
mod ours;
mod testdata;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use case::Case;
use compare::difference;
use mutate::Mutator;
use oracle::{Oracle, Verdict};
use ours::convert;

/// How many Dockerfiles are made, asked and compared at a time.
const BATCH: usize = 64;
/// How many differences are reported before a run ends.
const ENOUGH: usize = 30;

/// What the two disagree about, however often BuildKit is asked. It looks base images up concurrently, so that
/// of several that fail it names now one and now another, and it goes through maps in an order that changes.
/// Which one it is lasts for a while: it is asked again later, too.
fn settled_difference(oracle: &mut Oracle, case: &Case, theirs: &Verdict) -> Option<String> {
    let ours = convert(case);
    let found = difference(&ours, theirs)?;
    for _ in 0..20 {
        let again = oracle.ask(&vec![case.clone(); 40]);
        if again.iter().any(|theirs| difference(&ours, theirs).is_none()) {
            return None;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Some(found)
}

/// Whether BuildKit would never answer: triggers that read from an image with these very triggers.
fn is_endless(case: &Case) -> bool {
    convert(case).error.contains("without end")
}

/// Every file below `folder` that may be a Dockerfile.
fn collect(folder: &Path, into: &mut Vec<Vec<u8>>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, into);
        } else if path.display().to_string().contains("ockerfile") {
            into.push(fs::read(&path).expect("a file"));
        }
    }
}

fn corpus() -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata"), &mut texts);
    if let Ok(more) = std::env::var("BOB_FUZZ_CORPUS") {
        collect(Path::new(&more), &mut texts);
    }
    // Long texts make slow cases that find little.
    texts.retain(|text| text.len() < 8_000);
    texts
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Every Dockerfile of `testdata/found` made the two differ once.
#[test]
fn what_once_differed_means_the_same_to_both() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/found");
    let mut oracle = Oracle::start(100);
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "Dockerfile") {
            continue;
        }
        let options = fs::read(path.with_extension("json")).unwrap_or_else(|_| b"{}".to_vec());
        let options: Case = serde_json::from_slice(&options).expect("the options of a case");
        let case = Case { text: fs::read(&path).expect("a file"), steps: true, ..options };
        let theirs = oracle.ask(std::slice::from_ref(&case)).remove(0);
        assert_eq!(settled_difference(&mut oracle, &case, &theirs), None, "{}", path.display());
        count += 1;
    }
    assert!(count > 5, "{count} Dockerfiles only");
}

#[test]
fn mutated_dockerfiles_mean_the_same_to_both() {
    let (cases, seed) = (number("BOB_FUZZ_CASES", 2_000), number("BOB_FUZZ_SEED", 1));
    let corpus = corpus();
    let (done, accepted, found) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let start = std::time::Instant::now();
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (corpus, done, accepted, found) = (&corpus, &done, &accepted, &found);
            scope.spawn(move || {
                let mut oracle = Oracle::start(400);
                let mut mutator = Mutator::new(corpus, (seed * 2 + worker) as u64);
                while done.fetch_add(BATCH, Ordering::Relaxed) < cases {
                    let mut batch: Vec<Case> = (0..BATCH).map(|_| mutator.next()).collect();
                    batch.retain(|case| !is_endless(case));
                    for (case, theirs) in batch.iter().zip(oracle.ask(&batch)) {
                        accepted.fetch_add(usize::from(theirs.ok), Ordering::Relaxed);
                        if let Some(difference) = settled_difference(&mut oracle, case, &theirs) {
                            found.lock().expect("not poisoned").push((difference, case.clone()));
                        }
                    }
                    if found.lock().expect("not poisoned").len() >= ENOUGH {
                        return;
                    }
                }
            });
        }
    });
    let cases = done.load(Ordering::Relaxed).min(cases.next_multiple_of(BATCH));
    let seconds = start.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = cases as f64 / seconds;
    eprintln!(
        "{cases} Dockerfiles, {} of them accepted, {rate:.0} a second",
        accepted.load(Ordering::Relaxed)
    );
    report(&found.into_inner().expect("not poisoned"));
}

#[test]
fn testdata_means_the_same_to_both() {
    assert_no_difference(testdata::cases());
}

#[test]
fn configs_of_base_images_mean_the_same_to_both() {
    assert_no_difference(testdata::configs());
}

/// Fails with the names of the cases about which the two disagree.
fn assert_no_difference(cases: Vec<(String, Case)>) {
    let (names, cases): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    let mut oracle = Oracle::start(400);
    let verdicts = oracle.ask(&cases);
    let mut found = Vec::new();
    for ((name, case), theirs) in names.iter().zip(&cases).zip(&verdicts) {
        if let Some(difference) = settled_difference(&mut oracle, case, theirs) {
            found.push(format!("{name}: {difference}"));
        }
    }
    assert!(found.is_empty(), "Bob's / BuildKit's:\n{}", found.join("\n"));
}

/// Writes each difference to a file of its own and fails if there is one.
fn report(found: &[(String, Case)]) {
    if found.is_empty() {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("differences");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    for (index, (difference, case)) in found.iter().enumerate() {
        let path = folder.join(format!("{index}.Dockerfile"));
        fs::write(&path, &case.text).expect("a file");
        if case.has_options() {
            let json = serde_json::to_string(case).expect("strings and maps of strings");
            fs::write(path.with_extension("json"), json).expect("a file");
        }
        eprintln!("{}: {}", path.display(), difference.chars().take(400).collect::<String>());
    }
    panic!("{} differences (Bob's / BuildKit's), Dockerfiles in {}", found.len(), folder.display());
}
