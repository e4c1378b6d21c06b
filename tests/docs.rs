//! The documents name files, links and variables that exist.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test reads the project's own files")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Folders whose files the documents name in backticks.
const FOLDERS: [&str; 9] =
    ["src/", "llb/", "tests/", "docs/", "tools/", "testdata/", "snapshots/", "benches/", ".ci/"];

/// What a name of a variable of Bob's, or of those that it shares with others, begins with.
const PREFIXES: [&str; 11] = [
    "BOB_",
    "WORKSPACEKIT_",
    "THEIA_",
    "SUPERVISOR_",
    "LOG_",
    "BUILDKIT_",
    "BUILDX_",
    "DOCKER_",
    "SSH_",
    "SSL_",
    "XDG_",
];

/// Further variables that programs read.
const NAMES: [&str; 11] = [
    "ALL_PROXY",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "NO_COLOR",
    "NO_PROXY",
    "PATH",
    "TERM",
    "TMPDIR",
    "TZ",
];

/// Names of that form in the sources that are no variables of Bob's own environment: build arguments of a
/// Dockerfile, which the converter reads from its options.
const BUILD_ARGUMENTS: [&str; 14] = [
    "BUILDKIT_CACHE_MOUNT_NS",
    "BUILDKIT_CONTEXT_KEEP_GIT_DIR",
    "BUILDKIT_DISABLE_FILEOP",
    "BUILDKIT_DOCKERFILE_CHECK",
    "BUILDKIT_INLINE_BUILDINFO_ATTRS",
    "BUILDKIT_INLINE_CACHE",
    "BUILDKIT_MULTI_PLATFORM",
    "BUILDKIT_SANDBOX_HOSTNAME",
    "BUILDKIT_SBOM_SCAN_CONTEXT",
    "BUILDKIT_SBOM_SCAN_STAGE",
    // What a scanner image is told.
    "BUILDKIT_SCAN_DESTINATION",
    "BUILDKIT_SCAN_SOURCE",
    "BUILDKIT_SCAN_SOURCE_EXTRAS",
    "BUILDKIT_SYNTAX",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The documents by their paths.
fn documents() -> BTreeMap<PathBuf, String> {
    let mut paths: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(PathBuf::from).into();
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let path = Path::new("docs").join(entry.unwrap().file_name());
        if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path);
        }
    }
    paths
        .into_iter()
        .map(|path| (path.clone(), std::fs::read_to_string(root().join(path)).unwrap()))
        .collect()
}

/// The text without its fenced blocks.
fn prose(text: &str) -> String {
    let mut is_fenced = false;
    let mut kept = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        } else if !is_fenced {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    assert!(!is_fenced, "a fenced block does not end");
    kept
}

/// The words in backticks.
fn code_words(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// The targets of links, `[text](target)`.
fn link_targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// The anchors that a document's headings have: lower case, spaces as hyphens, other marks left out.
fn anchors(text: &str) -> BTreeSet<String> {
    let heading = |line: &str| {
        let title = line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' ')?;
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        Some(kept.collect::<String>().to_lowercase().replace(' ', "-"))
    };
    prose(text).lines().filter_map(heading).collect()
}

#[test]
fn every_path_in_backticks_exists() {
    let mut missing = Vec::new();
    let mut count = 0;
    for (document, text) in documents() {
        let text = prose(&text);
        for word in code_words(&text) {
            let is_path = FOLDERS.iter().any(|folder| word.starts_with(folder))
                && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b))
                // Words in capitals stand for what the reader names.
                && !word.split(['/', '.', '-']).any(is_placeholder);
            if is_path {
                count += 1;
                if !root().join(word).exists() {
                    missing.push(format!("{}: {word}", document.display()));
                }
            }
        }
    }
    assert!(missing.is_empty(), "these do not exist:\n{}", missing.join("\n"));
    assert!(count > 0, "no document names a file");
}

fn is_placeholder(part: &str) -> bool {
    matches!(part, "NAME" | "RULE" | "FLAG")
}

/// Whether a function is defined at `path`, such as `bob::converter::lower::lower` or `llb::marshal::Pass::add`, or in a
/// module below it.
fn is_function(path: &str) -> bool {
    let Some((package, rest)) = path.split_once("::") else { return false };
    let mut place = root().join(if package == "bob" { "src" } else { "llb/src" });
    let mut segments: Vec<&str> = rest.split("::").collect();
    let name = segments.pop().unwrap();
    // A type is no file.
    for module in segments.iter().filter(|segment| !segment.starts_with(char::is_uppercase)) {
        place.push(module);
    }
    let definitions = [format!("fn {name}("), format!("fn {name}<")];
    let defines = |file: &Path| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        definitions.iter().any(|definition| text.contains(definition))
    };
    let below = std::fs::read_dir(&place).into_iter().flatten().map(|entry| entry.unwrap().path());
    below.chain([place.with_extension("rs")]).any(|file| defines(&file))
}

#[test]
fn every_function_to_break_at_exists() {
    let text = std::fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let paths = || code_words(&text).filter(|word| word.starts_with("bob::") || word.starts_with("llb::"));
    let missing: Vec<&str> = paths().filter(|path| !is_function(path)).collect();
    assert!(missing.is_empty(), "these do not exist:\n{}", missing.join("\n"));
    assert!(paths().count() > 0, "CONTRIBUTING.md names no function");
    assert!(!is_function("bob::converter::lower::raise"));
}

#[test]
fn every_relative_link_leads_somewhere() {
    let documents = documents();
    let mut wrong = Vec::new();
    let mut count = 0;
    for (document, text) in &documents {
        let text = prose(text);
        for target in link_targets(&text).filter(|target| !target.contains("://")) {
            count += 1;
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let folder = document.parent().unwrap();
            let path = if path.is_empty() { document.clone() } else { folder.join(path) };
            if !root().join(&path).exists() {
                wrong.push(format!("{}: {target} does not exist", document.display()));
            } else if !anchor.is_empty() {
                let linked = std::fs::read_to_string(root().join(&path)).unwrap();
                if !anchors(&linked).contains(anchor) {
                    wrong.push(format!("{}: {target} has no such heading", document.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 0, "no document has a link");
}

/// Adds the names of variables in the string literals of all Rust files below `folder` to `names`, each with a file
/// that has it. Tests set variables of others; their modules come last in a file, or are files or folders of
/// their own.
fn collect_variables(folder: &Path, names: &mut BTreeMap<String, PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        }
        if path.is_dir() {
            collect_variables(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                // Quotes that begin or end no literal.
                let line = line.replace("'\"'", "").replace("\\\"", "");
                for name in line.split('"').skip(1).step_by(2).flat_map(variables) {
                    names.entry(name.to_owned()).or_insert_with(|| path.clone());
                }
            }
        }
    }
}

/// The names of variables in a text.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| {
        let is_upper = word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        let is_prefixed = PREFIXES.iter().any(|prefix| word.starts_with(prefix)) && !word.ends_with('_');
        is_upper && (is_prefixed || NAMES.contains(word))
    })
}

#[test]
fn every_variable_of_the_sources_is_documented() {
    let mut names = BTreeMap::new();
    collect_variables(&root().join("src"), &mut names);
    for known in
        ["BOB_BASE_REF", "WORKSPACEKIT_BOBPROXY_PUSH_TOKEN", "THEIA_WORKSPACE_ROOT", "LOG_LEVEL", "NO_COLOR"]
    {
        assert!(names.contains_key(known), "{known} is not found in the sources");
    }
    let mut documented = BTreeSet::new();
    for document in ["docs/workspace.md", "docs/proxy.md", "docs/usage.md", "CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        documented.extend(code_words(&prose(&text)).flat_map(variables).map(str::to_owned));
    }
    let missing: Vec<String> = names
        .iter()
        .filter(|(name, _)| !documented.contains(*name) && !BUILD_ARGUMENTS.contains(&name.as_str()))
        .map(|(name, path)| format!("{name} ({})", path.strip_prefix(root()).unwrap().display()))
        .collect();
    assert!(missing.is_empty(), "no document names these in backticks:\n{}", missing.join("\n"));
}

#[test]
fn every_documented_variable_of_bobs_own_is_in_the_sources() {
    let mut names = BTreeMap::new();
    collect_variables(&root().join("src"), &mut names);
    let mut unknown = Vec::new();
    for document in ["README.md", "docs/workspace.md", "docs/proxy.md", "docs/usage.md"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        for name in code_words(&prose(&text)).flat_map(variables) {
            let is_own = name.starts_with("BOB_") || name.starts_with("WORKSPACEKIT_");
            if is_own && !names.contains_key(name) {
                unknown.push(format!("{document}: {name}"));
            }
        }
    }
    assert!(unknown.is_empty(), "nothing reads these:\n{}", unknown.join("\n"));
}

#[cfg(feature = "cli")]
#[test]
fn tables_have_the_row_of_each_variable() {
    let text = |document: &str| std::fs::read_to_string(root().join(document)).unwrap();
    let (workspace, proxy) = (text("docs/workspace.md"), text("docs/proxy.md"));
    let mut missing = Vec::new();
    let mut rows = BTreeSet::new();
    for variable in bob::workspace::variables::ALL {
        let bob::workspace::variables::Variable { name, meaning, form, default } = variable;
        let row = format!("| `{name}` | {meaning} | {form} | {default} |");
        let beside_flag = format!("| `{name}` | {meaning} | {default} |");
        let is_beside_flag = form.is_empty() && proxy.lines().any(|line| line.ends_with(&beside_flag));
        if !is_beside_flag && !workspace.lines().any(|line| line == row) {
            missing.push(row.clone());
        }
        rows.insert(row);
    }
    assert!(missing.is_empty(), "docs/workspace.md lacks these rows:\n{}", missing.join("\n"));
    let is_variable = |line: &&str| {
        let name = line.strip_prefix("| `").and_then(|rest| rest.split_once("` |"));
        name.is_some_and(|(name, _)| variables(name).eq([name]))
    };
    let unknown: Vec<&str> =
        workspace.lines().filter(is_variable).filter(|row| !rows.contains(*row)).collect();
    assert!(unknown.is_empty(), "src/workspace/variables.rs lacks these rows:\n{}", unknown.join("\n"));
}

/// All Rust files below a folder with their code, without comments and tests.
#[cfg(feature = "cli")]
fn code_files(folder: &Path, files: &mut BTreeMap<PathBuf, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        }
        if path.is_dir() {
            code_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            files.insert(path.strip_prefix(root().join("src")).unwrap().to_owned(), code.join("\n"));
        }
    }
}

#[cfg(feature = "cli")]
#[test]
fn one_file_names_the_variables() {
    let mut files = BTreeMap::new();
    code_files(&root().join("src"), &mut files);
    let mut found = Vec::new();
    for (file, code) in &files {
        let is_watched = ["cli", "job", "workspace"].iter().any(|room| file.starts_with(room));
        if !is_watched || file == Path::new("workspace/variables.rs") {
            continue;
        }
        for variable in bob::workspace::variables::ALL {
            let literal = format!("\"{}\"", variable.name);
            // What a flag takes is called so in its help.
            if code.replace(&format!("value_name = {literal}"), "").contains(&literal) {
                found.push(format!("{}: {}", file.display(), variable.name));
            }
        }
    }
    assert!(found.is_empty(), "use the constants of src/workspace/variables.rs:\n{}", found.join("\n"));
}

/// Files that read the environment of the process. What stands below the command line reads what other programs mean
/// by a variable, such as `PATH`, or passes it on to one.
#[cfg(feature = "cli")]
const READERS: [&str; 12] = [
    "buildkit/connect/helper.rs",
    "buildkit/daemon/mod.rs",
    "buildkit/daemon/watchdog.rs",
    // Unit tests only.
    "converter/lint/document.rs",
    "fuzz.rs",
    "job/attestations/checkout.rs",
    "main.rs",
    "progress/displays/environment.rs",
    "registry/auth/helper.rs",
    "registry/transport/http_proxy/mod.rs",
    "registry/transport/tls.rs",
    "workspace/environment.rs",
];

#[cfg(feature = "cli")]
#[test]
fn few_files_read_the_environment() {
    let mut files = BTreeMap::new();
    code_files(&root().join("src"), &mut files);
    let readers = files.iter().filter(|(_, code)| code.contains("env::var"));
    let readers: Vec<&str> = readers.map(|(file, _)| file.to_str().unwrap()).collect();
    assert_eq!(readers, READERS);
}

#[test]
fn every_room_of_the_sources_stands_in_the_architecture() {
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let mut missing = Vec::new();
    for entry in std::fs::read_dir(root().join("src")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let is_folder = entry.file_type().unwrap().is_dir();
        let row = if is_folder { format!("| `src/{name}/` |") } else { format!("| `src/{name}` |") };
        // The root of the library, and a part of its unit tests.
        if !matches!(name.as_str(), "lib.rs" | "fuzz.rs") && !text.contains(&row) {
            missing.push(row);
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_row_beside_buildx_says_what_holds_and_names_its_test() {
    const VERDICTS: [&str; 5] = ["same", "differs", "refused", "no effect", "own"];
    let text = std::fs::read_to_string(root().join("docs/buildx.md")).unwrap();
    let rows: Vec<&str> =
        text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| --- ")).collect();
    let is_heading = |row: &&str| row.ends_with("| is | test |");
    let wrong: Vec<&str> = rows
        .iter()
        .filter(|row| !is_heading(row))
        .filter(|row| {
            let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
            let [_, verdict, test] = cells.as_slice() else { return true };
            let says = VERDICTS.iter().any(|word| verdict.starts_with(word));
            let names = code_words(test).any(|word| word.starts_with("src/") || word.starts_with("tests/"));
            !says || !names
        })
        .copied()
        .collect();
    assert!(wrong.is_empty(), "these rows lack a verdict or a test:\n{}", wrong.join("\n"));
    assert!(rows.len() > 100, "{} rows", rows.len());
}

#[test]
fn names_and_paths_are_found_in_text() {
    assert_eq!(variables("set BOB_X_1 or BOB_*, not BOB_ or Bob_Y").collect::<Vec<_>>(), ["BOB_X_1"]);
    assert_eq!(variables("NO_COLOR, PATH and PATHS").collect::<Vec<_>>(), ["NO_COLOR", "PATH"]);
    assert_eq!(code_words("a `b c` d `e`").collect::<Vec<_>>(), ["b c", "e"]);
    assert_eq!(link_targets("[a](b.md#c), [d](https://e)").collect::<Vec<_>>(), ["b.md#c", "https://e"]);
    assert!(anchors("## What every command reads\n").contains("what-every-command-reads"));
    assert_eq!(prose("a\n```sh\n`src/x`\n```\nb\n"), "a\nb\n");
}
