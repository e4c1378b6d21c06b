//! A library, a header or a module that a program or a compiler does not find.

use super::evidence::tells_of_warning;
use super::{Evidence, Reason};

/// What stands before the name of a missing part, what stands after it, what it is, and what to do.
const FORMS: [(&str, &str, &str, &str); 13] = [
    ("error while loading shared libraries: ", ":", "shared library", LIBRARY),
    ("Error loading shared library ", ":", "shared library", LIBRARY),
    ("cannot find -l", ":", "library", HEADER),
    ("version `GLIBC_", "'", "version of glibc:", GLIBC),
    ("ModuleNotFoundError: No module named '", "'", "Python module", MODULE),
    ("ImportError: No module named ", " ", "Python module", MODULE),
    ("Error: Cannot find module '", "'", "Node module or file", MODULE),
    ("Error [ERR_MODULE_NOT_FOUND]: Cannot find package '", "'", "Node module or file", MODULE),
    ("Can't locate ", " in @INC", "Perl module", MODULE),
    ("cannot load such file -- ", " (", "Ruby file", MODULE),
    ("Error: Could not find or load main class ", " ", "Java class", MODULE),
    ("no required module provides package ", ";", "Go package", GO),
    ("cannot find package \"", "\"", "Go package", GO),
];

const LIBRARY: &str = "install the package that has it into the image in which the program runs (in a build of several stages that is the last one); a program made for glibc does not run on musl (Alpine), nor the other way round";
const HEADER: &str = "install the package for development that has it: its name mostly ends with -dev (Debian, Alpine) or -devel (Fedora)";
const GLIBC: &str = "the program was built on a newer system: build it on the release that it runs on, or take a newer base image";
const MODULE: &str = "install it in an earlier step (pip install, npm ci, bundle install), for the interpreter that runs here, and see that COPY brings the program's own files and that WORKDIR is right";
const GO: &str =
    "run go mod tidy and commit go.mod and go.sum, and see that COPY brings them and the package's own files";

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    evidence.exit_code?;
    let lines = evidence.lines();
    let mut errors = lines.iter().copied().rev().filter(|line| !tells_of_warning(line));
    errors.find_map(|line| form(line).or_else(|| header(line)))
}

fn form(line: &str) -> Option<Reason> {
    let (after, end, kind, advice) = FORMS
        .iter()
        .find_map(|(before, end, kind, advice)| Some((line.split_once(before)?.1, end, kind, advice)))?;
    let name = after.split(end).next()?.trim();
    Some(Reason::new(format!("there is no {kind} {name}")).words(line).advice(*advice).about(Some(name)))
}

/// `a.c:1:10: fatal error: zlib.h: No such file or directory` of gcc, `'zlib.h' file not found` of clang.
fn header(line: &str) -> Option<Reason> {
    let (_, after) = line.split_once("fatal error: ")?;
    let name = after
        .strip_suffix(": No such file or directory")
        .or_else(|| after.strip_suffix(" file not found"))?;
    let name = name.trim_matches(['\'', '"']);
    Some(Reason::new(format!("there is no header {name}")).words(line).advice(HEADER).about(Some(name)))
}
