//! Which room of `src` may use which: every path of every file follows an arrow of the table.

#![allow(clippy::disallowed_methods, reason = "tests look at files and clocks")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[path = "support/paths.rs"]
#[allow(unreachable_pub, reason = "each test binary uses a part of it")]
mod paths;
#[path = "support/sources.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]
mod sources;

use paths::{Crate, Target, Use, module_path};

/// The rooms: a module's path, and the rooms and crates of this workspace that it may use. A module belongs to the
/// room with the longest path that holds it. `lib` and `main` are the roots of the two crates.
const ROOMS: &[(&str, &[&str])] = &[
    ("beneath", &[]),
    // A build context is read by the patterns of its ignore file.
    ("buildkit", &["beneath", "converter::ignore", "search_path", "secret"]),
    (
        "cli",
        &[
            "beneath",
            "converter",
            "converter::dockerfile",
            "converter::lint",
            "converter::plan",
            "explain",
            "job",
            "proxy",
            "registry",
            "secret",
            "workspace",
        ],
    ),
    (
        "converter",
        &["converter::dockerfile", "converter::lint", "converter::lower", "converter::plan", "llb"],
    ),
    ("converter::dockerfile", &["converter::shell"]),
    ("converter::ignore", &[]),
    ("converter::lint", &["converter::dockerfile", "converter::plan"]),
    (
        "converter::lower",
        &["converter::dockerfile", "converter::ignore", "converter::plan", "converter::shell", "llb"],
    ),
    // Paths become part of digests by Go's rules, which know no graph.
    ("converter::plan", &["converter::dockerfile", "converter::shell", "llb::path"]),
    ("converter::shell", &[]),
    ("diag", &[]),
    // Patterns of COPY choose files.
    ("explain", &["converter::ignore", "llb"]),
    ("fuzz", &[]),
    ("gotext", &[]),
    ("http", &[]),
    ("image", &[]),
    // Joins the converter to files, clocks and sockets.
    (
        "job",
        &[
            "beneath",
            "buildkit",
            "converter",
            "converter::dockerfile",
            // The line of an ignore file that keeps from a step what it copies.
            "converter::ignore",
            "converter::lint",
            "converter::lower",
            "converter::plan",
            "explain",
            "http",
            "llb",
            "llb::path",
            "progress",
            "proxy",
            "registry",
            // podman is a program that is looked for.
            "search_path",
            "secret",
            "workspace",
        ],
    ),
    ("lib", &[]),
    ("main", &["cli", "workspace"]),
    ("percent", &[]),
    ("progress", &[]),
    ("proxy", &["http", "registry", "secret"]),
    // Credential helpers and runc are programs that are looked for.
    ("registry", &["http", "retry", "search_path", "secret"]),
    ("retry", &[]),
    ("search_path", &[]),
    ("secret", &[]),
    ("workspace", &["beneath", "retry", "search_path", "secret"]),
];

/// What the unit tests of a room use besides, in the same form. It is not for what its code uses too.
const TESTS: &[(&str, &[&str])] = &[
    // The examples of the rules are converted.
    ("converter::lint", &["converter"]),
    // Records are made of Dockerfiles.
    ("explain", &["converter", "converter::plan"]),
];

/// Rooms that every room may use. BuildKit is written in Go, and what its standard library does to text is part of what
/// many rooms read and write.
const OPEN_TO_ALL: &[&str] = &["diag", "gotext", "image", "percent"];

/// Rooms that the unit tests of every room may use.
const OPEN_TO_TESTS: &[&str] = &["fuzz"];

/// Crates of this workspace that the table speaks of, and modules of them.
const CRATES: &[&str] = &["llb", "llb::path"];

/// Rooms that make one text out of another: they know no file, no clock, no environment and no network.
const PURE: &[&str] = &[
    "converter",
    "converter::dockerfile",
    "converter::ignore",
    "converter::lint",
    "converter::lower",
    "converter::plan",
    "converter::shell",
    "diag",
    "explain",
    "gotext",
    "image",
    "percent",
];

/// What pure rooms may not use.
const IMPURE: &[&str] = &[
    "clap",
    "hyper",
    "hyper_util",
    "rustix",
    "socket2",
    "std::env",
    "std::fs",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::os::unix::net",
    "std::process",
    "std::time::Instant",
    "std::time::SystemTime",
    "tempfile",
    "tokio",
    "tokio_rustls",
    "tokio_stream",
    "tokio_util",
    "tonic",
    "tonic_prost",
];

/// What pure rooms may use all the same: what the compiler knew of its target.
const PURE_ENOUGH: &[&str] = &["std::env::consts"];

/// The room of a module, or of something in one.
fn room_of(path: &[String]) -> &'static str {
    longest(ROOMS.iter().map(|(room, _)| *room), path).unwrap_or("lib")
}

/// The longest of `rooms` that holds `path`.
fn longest<'a>(rooms: impl Iterator<Item = &'a str>, path: &[String]) -> Option<&'a str> {
    let holds = |room: &&str| room.split("::").eq(path.iter().take(room.split("::").count()));
    rooms.filter(holds).max_by_key(|room| room.len())
}

fn arrows_of(room: &str, table: &'static [(&str, &[&str])]) -> &'static [&'static str] {
    table.iter().find(|(name, _)| *name == room).map_or(&[], |(_, arrows)| arrows)
}

/// All arrows of a table.
fn all(table: &'static [(&str, &[&str])]) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.iter().flat_map(|(from, arrows)| arrows.iter().map(move |to| (*from, *to)))
}

/// Whether an arrow from `room` to `end` is in the tables.
fn is_allowed(room: &str, end: &str, in_test: bool) -> bool {
    end == room
        || OPEN_TO_ALL.contains(&end)
        || arrows_of(room, ROOMS).contains(&end)
        || in_test && (OPEN_TO_TESTS.contains(&end) || arrows_of(room, TESTS).contains(&end))
}

/// What a use leads to, if the table speaks of it: a room or a crate.
fn end_of(target: &Target) -> Option<&'static str> {
    match target {
        Target::Inside(path) => Some(room_of(path)),
        Target::Outside(path) => longest(CRATES.iter().copied(), path),
    }
}

/// What of [`IMPURE`] a use leads to.
fn impure(found: &Use) -> Option<&'static str> {
    let Target::Outside(path) = &found.target else { return None };
    let path = path.join("::");
    let is_below = |path: &str, of: &str| {
        path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    if PURE_ENOUGH.iter().any(|name| is_below(&path, name)) {
        return None;
    }
    IMPURE.iter().copied().find(|name| is_below(&path, name) || found.is_glob && is_below(name, &path))
}

fn uses(files: &[(&str, &str)]) -> Vec<Use> {
    Crate::read(files.iter().copied()).uses(|a, b| room_of(a) == room_of(b))
}

/// What is wrong with the uses, each with its place.
fn wrong(uses: &[Use]) -> Vec<String> {
    let mut wrong = BTreeSet::new();
    for found in uses {
        let room = room_of(&found.by);
        let place = || format!("{}, line {}: {}", found.by.join("::"), found.line, found.text);
        if let Some(end) = end_of(&found.target)
            && !is_allowed(room, end, found.in_test)
        {
            wrong.insert(format!("{room} may not use {end} ({})", place()));
        }
        if let Some(name) = impure(found).filter(|_| PURE.contains(&room) && !found.in_test) {
            wrong.insert(format!("{room} is pure and may not use {name} ({})", place()));
        }
    }
    wrong.into_iter().collect()
}

/// All files of `src`: their paths below it, and their texts.
fn files() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources::rust_files(&src).into_iter().map(|file| {
        let name = file.strip_prefix(&src).expect("below src").to_str().expect("UTF-8").to_owned();
        (name, std::fs::read_to_string(&file).expect("UTF-8"))
    });
    files.collect()
}

fn uses_of_src() -> Vec<Use> {
    let files = files();
    uses(&files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>())
}

#[test]
fn every_use_follows_an_arrow_and_every_arrow_is_used() {
    let uses = uses_of_src();
    let wrong = wrong(&uses);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let used = |in_test: bool| -> BTreeSet<(&str, &str)> {
        let uses = uses.iter().filter(|found| found.in_test == in_test);
        uses.filter_map(|found| Some((room_of(&found.by), end_of(&found.target)?))).collect()
    };
    let (by_code, by_tests) = (used(false), used(true));
    let unused: Vec<_> = all(ROOMS).filter(|arrow| !by_code.contains(arrow)).collect();
    assert!(unused.is_empty(), "arrows that nothing but tests uses: {unused:?}");
    let unused: Vec<_> =
        all(TESTS).filter(|arrow| !by_tests.contains(arrow) || by_code.contains(arrow)).collect();
    assert!(unused.is_empty(), "arrows of tests that no test uses, or not only tests: {unused:?}");
    for open in OPEN_TO_ALL.iter().chain(OPEN_TO_TESTS) {
        let users: BTreeSet<&str> = uses
            .iter()
            .filter(|found| end_of(&found.target) == Some(open))
            .map(|found| room_of(&found.by))
            .collect();
        assert!(users.len() > 2, "{open} is open to more than use it: {users:?}");
    }
}

#[test]
fn every_file_is_in_a_room_and_every_room_has_files() {
    let mut rooms: BTreeMap<&str, usize> = ROOMS.iter().map(|(room, _)| (*room, 0)).collect();
    for (file, _) in files() {
        let room = room_of(&module_path(&file));
        assert!(room != "lib" || file == "lib.rs", "{file} is in no room");
        *rooms.get_mut(room).expect("a room") += 1;
    }
    let empty: Vec<_> = rooms.iter().filter(|(_, files)| **files == 0).map(|(room, _)| room).collect();
    assert!(empty.is_empty(), "rooms without files: {empty:?}");
    assert_eq!(rooms.len(), ROOMS.len(), "a room stands twice");
}

#[test]
fn the_table_names_rooms_in_order_and_leads_in_no_circle() {
    let names: Vec<&str> = ROOMS.iter().map(|(room, _)| *room).collect();
    for (room, arrows) in ROOMS.iter().chain(TESTS) {
        assert!(names.contains(room), "{room} is no room");
        for name in *arrows {
            assert!(names.contains(name) || CRATES.contains(name), "{room} uses {name}, which is no room");
        }
        assert!(arrows.is_sorted(), "{room}");
    }
    assert!(names.is_sorted());
    for name in OPEN_TO_ALL.iter().chain(OPEN_TO_TESTS).chain(PURE) {
        assert!(names.contains(name), "{name} is no room");
    }
    // Rooms without arrows to what is left go first; where none does, the rest is a circle.
    let mut left = names;
    loop {
        let next: Vec<&str> = left
            .iter()
            .copied()
            .filter(|room| arrows_of(room, ROOMS).iter().any(|to| left.contains(to)))
            .collect();
        if next.is_empty() {
            break;
        }
        assert!(next.len() < left.len(), "a circle among {left:?}");
        left = next;
    }
}

/// What is wrong with a text in the file `file` of `src`, without the places. `job` has a module `output` in it.
#[track_caller]
fn wrong_in(file: &str, text: &str) -> Vec<String> {
    let rest = [
        ("lib.rs", ""),
        ("job/mod.rs", "pub mod output; pub struct Request;"),
        ("job/output.rs", "pub struct Output;"),
        ("image/mod.rs", "mod stage; mod deep;"),
        ("image/deep/mod.rs", "mod deeper;"),
        ("diag.rs", ""),
    ];
    let mut files: Vec<(&str, &str)> = rest.into_iter().filter(|(name, _)| *name != file).collect();
    files.push((file, text));
    let all = wrong(&uses(&files)).into_iter();
    let kinds: BTreeSet<String> =
        all.map(|line| line.split(" (").next().expect("a line").to_owned()).collect();
    kinds.into_iter().collect()
}

#[test]
fn a_use_without_an_arrow_is_found_however_it_is_written() {
    for text in [
        "use crate::job::Request;",
        "use crate::job;",
        "use bob::job::Request;",
        "use ::bob::job::Request;",
        "use super::super::job::Request;",
        "use self::super::super::job::Request;",
        "use crate::job as other;",
        "use crate::job::Request as _;",
        "use crate::job::*;",
        "use crate::{diag::Span, job::{Request, Answer}};",
        "use crate::{\n    diag::{self, Span},\n    job::{output::{self, Output}},\n};",
        "use {crate::diag, crate::job};",
        "use super::{super::{job::Request}};",
        "pub use crate::job::Request;",
        "pub(crate) use crate::job as own;",
        "fn f() { crate::job::run() }",
        "fn f() { super::super::job::run() }",
        "fn f() { use crate::job::run; run() }",
        "fn f(_: &crate::job::Request) {}",
        "fn f<T: crate::job::Run>() where T: Send {}",
        "impl crate::job::Run for u8 {}",
        "fn f(x: u8) { match x { crate::job::LIMIT => {} _ => {} } }",
        "fn f() { <u8 as crate::job::Run>::run() }",
        "fn f() { let _ = Vec::<crate::job::Request>::new(); }",
        "fn f() { println!(\"{}\", crate::job::NAME) }",
        "fn f() { assert!(matches!(1, super::super::job::LIMIT)) }",
        "fn f() { vec![vec![(1, crate :: job :: NAME)]]; }",
        "crate::job::make!();",
        "macro_rules! m { () => { $crate::job::run() } }",
        "m! { use crate::{diag, job::{Request as R}}; }",
        "#[derive(crate::job::Derived)] struct S;",
        "#[crate::job::attribute] fn f() {}",
        "#[serde(with = \"crate::job::words\")] struct S;",
        "mod inner { use super::super::super::job::Request; }",
        "mod inner { mod more { fn f() { super::super::super::super::job::run() } } }",
        "#[cfg(test)] mod tests { use crate::job::Request; }",
        "use crate::r#job::Request;",
        "fn f() { println!(\"{}\", crate::r#job::NAME) }",
    ] {
        assert_eq!(wrong_in("image/stage.rs", text), ["image may not use job"], "{text}");
    }
    assert_eq!(
        wrong_in("image/deep/deeper.rs", "use super::super::super::job::Request;"),
        ["image may not use job"]
    );
    assert_eq!(wrong_in("diag.rs", "use super::job::Request;"), ["diag may not use job"]);
    assert_eq!(wrong_in("main.rs", "fn main() { bob::job::run() }"), ["main may not use job"]);
}

#[test]
#[should_panic(expected = "a file is read where it is")]
fn a_file_is_not_included_elsewhere() {
    wrong_in("image/stage.rs", "include!(\"../job/mod.rs\");");
}

#[test]
#[should_panic(expected = "no file has a path of its own")]
fn a_file_has_no_path_of_its_own() {
    wrong_in("image/stage.rs", "#[path = \"../job/mod.rs\"] mod job;");
}

#[test]
fn the_root_is_no_way_around_the_table() {
    for text in [
        "use crate::*;",
        "use crate as all;",
        "use crate::{self as all};",
        "use super::super as up;",
        "use bob as all;",
        "use crate::Request;",
        "extern crate self as all;",
    ] {
        assert_eq!(wrong_in("image/stage.rs", text), ["image may not use lib"], "{text}");
    }
    for text in [
        "use crate as all; fn f() { all::job::run() }",
        "use crate as all; use all::job as b;",
        "extern crate self as all; use all::job::Request;",
        "use crate::*; fn f() { job::run() }",
        "use super::super as up; mod inner { fn f() { super::up::job::run() } }",
        "use super::super as up; mod inner { use super::*; fn f() { up::job::run() } }",
        "extern crate bob as all; fn f() { all::job::run() }",
    ] {
        let both = ["image may not use job", "image may not use lib"];
        assert_eq!(wrong_in("image/stage.rs", text), both, "{text}");
    }
    assert_eq!(wrong_in("lib.rs", "pub use job::Request;"), ["lib may not use job"]);
}

#[test]
fn uses_of_a_crate_of_the_workspace_follow_arrows_too() {
    for text in [
        "use llb::Graph;",
        "use ::llb::Graph;",
        "use llb as graphs;",
        "use {llb::{Graph}};",
        "fn f() { llb::encode() }",
        "fn f() { vec![llb::encode()]; }",
        "extern crate llb as graphs;",
    ] {
        assert_eq!(wrong_in("image/stage.rs", text), ["image may not use llb"], "{text}");
        assert_eq!(wrong_in("converter/lower.rs", text), Vec::<String>::new(), "{text}");
    }
    assert_eq!(
        wrong_in("converter/plan/stage.rs", "use llb::{Graph, path};"),
        ["converter::plan may not use llb"]
    );
    // A module of the same name is not the crate.
    assert_eq!(
        wrong_in("cli/mod.rs", "mod llb { pub fn run() {} } fn f() { llb::run() }"),
        Vec::<String>::new()
    );
}

#[test]
fn pure_rooms_know_nothing_of_the_world_however_it_is_written() {
    for (text, name) in [
        ("use std::fs;", "std::fs"),
        ("use std::{io, fs::File};", "std::fs"),
        ("use std as s; fn f() { s::fs::read(\"\") }", "std::fs"),
        ("fn f() { ::std::env::var(\"\") }", "std::env"),
        ("use std::time; fn f() { time::Instant::now() }", "std::time::Instant"),
        ("use std::time::*;", "std::time::Instant"),
        ("use std::time::{Duration, SystemTime as Now};", "std::time::SystemTime"),
        ("use std::process::Command;", "std::process"),
        ("use std::net::TcpStream;", "std::net::TcpStream"),
        ("fn f() { tokio::spawn(async {}) }", "tokio"),
        ("fn f() { tokio::select! {} }", "tokio"),
        ("use hyper::Request;", "hyper"),
        ("use tonic as t;", "tonic"),
        ("#[derive(clap::Parser)] struct S;", "clap"),
    ] {
        let expected = format!("image is pure and may not use {name}");
        assert_eq!(wrong_in("image/stage.rs", text), [expected.as_str()], "{text}");
        assert_eq!(wrong_in("proxy/mod.rs", text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn uses_with_an_arrow_and_words_that_are_no_uses_pass() {
    for text in [
        "use crate::converter::dockerfile::parse;",
        "use crate::converter::{dockerfile::{self, parse}, shell as words};",
        "use crate::diag::Span;",
        "use crate::converter::plan::Stage;",
        "pub use llb::path::{base, clean};",
        "use super::Stage; use self::inner::X; mod inner { pub struct X; }",
        "use crate::builder_like::x as _; mod builder_like {}",
        "// crate::job::x",
        "/// [`crate::job::Request`]\nstruct S;",
        "#![doc = \"crate::job::x\"]",
        "const TEXT: &str = \"crate::job::x\";",
        "fn f() { println!(\"crate::job::x\") }",
        "pub(in crate::converter::plan) struct S;",
        "mod job { pub fn run() {} } fn f() { job::run(); self::job::run() }",
        "mod inner { pub mod job {} fn f() { super::inner::job::run() } }",
        "fn f(job: u8, llb: u8) -> u8 { job + llb }",
        "#[cfg(test)] mod tests { use crate::fuzz; #[test] fn f() { std::fs::read(\"\"); } }",
        "use std::time::Duration; use std::net::IpAddr; use tokio_like::x;",
        "fn f() -> &'static str { std::env::consts::OS }",
    ] {
        let wrong: Vec<String> = wrong_in("converter/plan/stage.rs", text)
            .into_iter()
            .filter(|line| !line.ends_with("lib"))
            .collect();
        assert_eq!(wrong, Vec::<String>::new(), "{text}");
    }
    assert_eq!(
        wrong_in("converter/plan/stage.rs", "fn f() { crate::fuzz::run() }"),
        ["converter::plan may not use fuzz"]
    );
}

#[test]
fn a_module_is_in_the_innermost_room_around_it() {
    let rooms = ["converter", "converter::plan", "converter::plan::url", "diag"];
    for (path, room) in [
        ("converter", Some("converter")),
        ("converter::planning::x", Some("converter")),
        ("converter::plan", Some("converter::plan")),
        ("converter::plan::stage::Stage", Some("converter::plan")),
        ("converter::plan::url::x", Some("converter::plan::url")),
        ("plan", None),
        ("diagnosis", None),
    ] {
        let path: Vec<String> = path.split("::").map(str::to_owned).collect();
        assert_eq!(longest(rooms.into_iter(), &path), room, "{path:?}");
    }
}

#[test]
fn other_names_are_followed_within_a_room_and_not_into_another() {
    let text = "use crate::job as b; mod inner { fn f() { super::b::output::Output::new() } }";
    let files = [("lib.rs", ""), ("job/mod.rs", ""), ("job/output.rs", ""), ("cli.rs", text)];
    let ends: BTreeSet<Target> = uses(&files).into_iter().map(|found| found.target).collect();
    let inside = |path: &str| Target::Inside(path.split("::").map(str::to_owned).collect());
    assert!(ends.contains(&inside("job::output::Output::new")), "{ends:?}");

    let files = [
        ("registry/mod.rs", "pub use crate::http::Word;"),
        ("http.rs", ""),
        ("proxy.rs", "use crate::registry::Word;"),
    ];
    let ends: Vec<_> = uses(&files).into_iter().map(|found| (found.by.join("::"), found.target)).collect();
    assert_eq!(
        ends,
        [("proxy".to_owned(), inside("registry::Word")), ("registry".to_owned(), inside("http::Word")),]
    );
}
