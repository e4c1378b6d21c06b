//! Hostile bytes for the unit tests of everything that reads what others send.
//!
//! A fuzz test calls [`run`] with seeds (well-formed inputs) and a target. The target gets the seeds, then mutations
//! of them: bytes changed, cut, repeated, spliced with another seed or replaced by values that break readers. A target
//! fails by panicking; the input is then printed. `make test` runs each a few thousand times, `make fuzz-bytes` for
//! long (`BOB_FUZZ_CASES`, and `BOB_FUZZ_SEED` to repeat a run).

#![allow(clippy::disallowed_methods, clippy::print_stderr, reason = "a test tool with settings of its own")]

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// How many mutated inputs a target gets where `BOB_FUZZ_CASES` does not say.
const CASES: u64 = 4000;
/// The seed of the mutations where `BOB_FUZZ_SEED` does not say.
const SEED: u64 = 1;
/// The longest input, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// Pieces that readers of text, JSON, HTTP and protobuf are known to stumble over.
const BREAKERS: [&[u8]; 20] = [
    b"\0",
    b"\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x80\x80\x80\x80\x08",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\r\n\r\n",
    b"\n",
    b"\"",
    b"\\ud800",
    b"{\"a\":",
    b"[[[[[[[[[[[[[[[[",
    b"-1",
    b"18446744073709551616",
    b"1e999",
    b"null",
    b"../../",
    b"sha256:",
    b"\x1b]52;c;",
    b"%2e%2e%2f",
];

/// Prints the input that made a target panic.
struct Reporter<'a>(&'a [u8], u64);

impl Drop for Reporter<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed in case {} for the input {:?}", self.1, self.0.escape_ascii().to_string());
        }
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Returns every text of up to `length` of the characters.
pub(crate) fn texts(characters: &str, length: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut longest = all.clone();
    for _ in 0..length {
        longest =
            longest.iter().flat_map(|text| characters.chars().map(move |c| format!("{text}{c}"))).collect();
        all.extend_from_slice(&longest);
    }
    all
}

/// Gives `target` the seeds, then mutations of them.
pub(crate) fn run(seeds: &[&[u8]], mut target: impl FnMut(&[u8])) {
    let mut call = |input: &[u8], case| {
        let _reporter = Reporter(input, case);
        target(input);
    };
    for seed in seeds {
        call(seed, 0);
    }
    let mut random = StdRng::seed_from_u64(setting("BOB_FUZZ_SEED").unwrap_or(SEED));
    for case in 1..=setting("BOB_FUZZ_CASES").unwrap_or(CASES) {
        let mut input = seeds[random.random_range(0..seeds.len())].to_vec();
        for _ in 0..random.random_range(1..=8) {
            mutate(&mut input, seeds, &mut random);
        }
        input.truncate(MAX_BYTES);
        call(&input, case);
    }
}

fn mutate(input: &mut Vec<u8>, seeds: &[&[u8]], random: &mut StdRng) {
    let at = random.random_range(0..=input.len());
    let to = random.random_range(at..=input.len().min(at + 32));
    match random.random_range(0..7) {
        0 => input.truncate(at),
        1 => drop(input.drain(at..to)),
        2 => {
            let piece = input[at..to].to_vec();
            let piece = piece.repeat(random.random_range(1..=64));
            input.splice(at..at, piece).for_each(drop);
        }
        3 => {
            let piece = BREAKERS[random.random_range(0..BREAKERS.len())];
            input.splice(at..to, piece.iter().copied()).for_each(drop);
        }
        4 => {
            let other = seeds[random.random_range(0..seeds.len())];
            let from = random.random_range(0..=other.len());
            input.splice(at.., other[from..].iter().copied()).for_each(drop);
        }
        5 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.random_range(0..8);
            }
        }
        _ => {
            if let Some(byte) = input.get_mut(at) {
                *byte = random.random_range(0..=255);
            }
        }
    }
}

#[test]
fn a_run_is_repeatable_and_gives_the_seeds_first() {
    let inputs = || {
        let mut seen = Vec::new();
        run(&[b"GET / HTTP/1.1", b"{}"], |input| seen.push(input.to_vec()));
        seen
    };
    let seen = inputs();
    assert_eq!(seen[..2], [b"GET / HTTP/1.1".to_vec(), b"{}".to_vec()]);
    assert_eq!(seen, inputs());
    assert!(seen.iter().collect::<std::collections::BTreeSet<_>>().len() > seen.len() / 2);
}
