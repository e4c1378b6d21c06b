//! Which module may use which: reads the `use` lines and paths of `src` and fails on any other arrow.

#![allow(clippy::disallowed_methods, reason = "tests look at files and clocks")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every module and what it may use. `diag` and `image` are open to all, `fuzz` to the unit tests of all.
const ALLOWED: &[(&str, &[&str])] = &[
    ("beneath", &[]),
    (
        "build",
        &[
            "beneath",
            "buildkit",
            "dockerfile",
            "lint",
            "lower",
            "plan",
            "progress",
            "proxy",
            "registry",
            "workspace",
        ],
    ),
    ("buildkit", &["beneath", "ignore", "search_path"]),
    ("cli", &["beneath", "build", "proxy", "registry", "workspace"]),
    ("diag", &[]),
    ("fuzz", &[]),
    ("dockerfile", &["shell"]),
    ("ignore", &[]),
    ("image", &[]),
    ("lint", &["dockerfile", "plan", "shell"]),
    ("lower", &["dockerfile", "ignore", "plan", "shell"]),
    ("main", &["cli", "runc"]),
    ("plan", &["dockerfile", "shell"]),
    ("progress", &[]),
    ("proxy", &["registry"]),
    ("registry", &["search_path"]),
    ("runc", &["search_path"]),
    ("search_path", &[]),
    ("shell", &[]),
    ("workspace", &["beneath"]),
];
const OPEN_TO_ALL: &[&str] = &["diag", "fuzz", "image"];
/// Who may use the crate `llb`. Its module `llb::path` is open to all: Go's rules for paths, which know no graph,
/// are needed wherever a path becomes part of a digest.
const LLB: &[&str] = &["build", "buildkit", "lower"];

/// The modules that a file's text names after `crate::` or `bob::`, and `llb` where it uses that crate.
fn uses(text: &str) -> BTreeSet<String> {
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for root in ["crate::", "bob::"] {
        for (at, _) in code.match_indices(root) {
            if at > 0 && code.as_bytes()[at - 1].is_ascii_alphanumeric() {
                continue;
            }
            let rest = &code[at + root.len()..];
            match rest.strip_prefix('{') {
                Some(group) => found.extend(group_heads(group)),
                None => found.extend(head(rest)),
            }
        }
    }
    let mut names_llb = code.match_indices("llb::").filter(|(at, _)| !code[*at..].starts_with("llb::path::"));
    let names_llb = names_llb.any(|(at, _)| {
        at == 0 || !matches!(code.as_bytes()[at - 1], b':' | b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9')
    });
    // A module of the same name is not the crate.
    if names_llb && !code.contains("mod llb;") {
        found.insert("llb".into());
    }
    found
}

fn head(path: &str) -> Option<String> {
    let name: String =
        path.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// The first names of the entries of `{a::b, c::{d, e}}`, given what follows the brace.
fn group_heads(group: &str) -> Vec<String> {
    let (mut depth, mut start, mut heads) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                heads.extend(head(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    heads
}

/// What is wrong with a file of `module` that holds `text`.
fn forbidden(module: &str, text: &str) -> Vec<String> {
    let known: BTreeSet<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    let allowed = ALLOWED.iter().find(|(name, _)| *name == module).map_or(&[][..], |(_, to)| to);
    uses(text)
        .into_iter()
        .filter(|to| {
            if to == "llb" {
                return !LLB.contains(&module);
            }
            known.contains(to.as_str())
                && to != module
                && !OPEN_TO_ALL.contains(&to.as_str())
                && !allowed.contains(&to.as_str())
        })
        .map(|to| format!("{module} may not use {to}"))
        .collect()
}

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn every_use_follows_an_allowed_arrow() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    assert!(files.len() > 30, "only {} files found", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&src).expect("below src");
        let first = inside.components().next().expect("a name").as_os_str().to_string_lossy();
        let module = first.trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        assert!(
            ALLOWED.iter().any(|(name, _)| *name == module),
            "{module} has no place in the table of arrows"
        );
        let text = fs::read_to_string(&file).expect("UTF-8");
        wrong.extend(forbidden(module, &text).into_iter().map(|w| format!("{}: {w}", inside.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_forbidden_use_is_found_however_it_is_written() {
    for text in [
        "use crate::build::Request;",
        "use crate::{diag::Span, build::{Request, Answer}};",
        "fn f() { crate::build::run() }",
        "use crate::{\n    image::Reference,\n    build,\n};",
    ] {
        assert_eq!(forbidden("plan", text), ["plan may not use build"], "{text}");
    }
    assert_eq!(forbidden("dockerfile", "use llb::Graph;"), ["dockerfile may not use llb"]);
    assert_eq!(forbidden("plan", "use llb::{Graph, path};"), ["plan may not use llb"]);
}

#[test]
fn allowed_uses_and_comments_pass() {
    for text in [
        "use crate::dockerfile::parse;",
        "use crate::diag::Span;",
        "use crate::plan::Stage;",
        "pub use llb::path::{base, clean};",
        "// crate::build::x",
    ] {
        assert_eq!(forbidden("plan", text), Vec::<String>::new(), "{text}");
    }
    assert_eq!(forbidden("lower", "use llb::Graph; use crate::cli_like::x;"), Vec::<String>::new());
}
