//! How long `bob` takes beside `buildctl`, which is BuildKit's own client, on the same buildkitd: a build that changes
//! nothing and pushes, many files, and the version; and what `bob`'s record of a build costs. Each round takes every way in
//! turn; figures are medians.
//!
//! `BOB_BENCH_ONLY=NAME,…` runs some parts: `version`, `rebuild`, `cold`, `unchanged`, `record`. `BOB_BENCH_ROUNDS` says how
//! often each way is taken (15; a fifth of it for `cold`). `BOB_BENCH_PROGRAM` names another build of `bob` to measure
//! beside this one.

#![allow(clippy::unwrap_used, reason = "a measurement stops where it fails")]
#![allow(clippy::print_stdout, reason = "the figures are its output")]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]
#![allow(clippy::disallowed_methods, reason = "it watches the clock and starts programs")]

mod parts;
mod ways;

#[path = "../../tests/support/mod.rs"]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "it uses a part of it")]
mod support;

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// How often each way is taken.
fn rounds() -> usize {
    setting("BOB_BENCH_ROUNDS").and_then(|text| text.parse().ok()).unwrap_or(15)
}

fn main() {
    let only = setting("BOB_BENCH_ONLY");
    let wanted = |part: &str| only.as_ref().is_none_or(|only| only.split(',').any(|name| name == part));
    if wanted("version") {
        parts::version();
    }
    if wanted("rebuild") {
        parts::rebuild();
    }
    if wanted("record") {
        parts::record();
    }
    if wanted("cold") || wanted("unchanged") {
        parts::many_files(wanted("cold"), wanted("unchanged"));
    }
}
