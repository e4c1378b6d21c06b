//! `docs/checks.md`, which is made from the rules.

#![expect(clippy::disallowed_methods, reason = "a test reads and writes the project's own files")]

use std::path::Path;

use super::rules::MODULES;
use super::{RULES, Rule};

const INTRODUCTION: &str = "\
# Build checks

<!-- Made from `src/converter/lint/` by `make docs`. A change by hand is lost. -->

`bob check` looks at a Dockerfile without building it; `bob build` and `bob llb` show the same warnings beside their
work. The rules are those of BuildKit and have its names. `bob check --explain RULE` prints what stands here.

| to | write |
| --- | --- |
| switch rules off for a Dockerfile | `# check=skip=RULE,RULE` or `# check=skip=all` in its first lines |
| switch rules off for an instruction | `# check=skip=RULE` on the line above it |
| run experimental rules too | `# check=experimental=RULE` or `# check=experimental=all` |
| fail where a rule is broken | `# check=error=true` |
| several of these | `# check=skip=RULE;error=true` |
| the same for one build, in place of what the Dockerfile says | `--build-arg BUILDKIT_DOCKERFILE_CHECK=skip=RULE` |

What a rule finds is a warning: a build goes on unless `error=true` is set, `bob check` exits with 1. Rules that look at
more than one instruction, such as ConsistentInstructionCasing, cannot be switched off for one.
";

/// The text of `docs/checks.md`.
fn document() -> String {
    let mut text = INTRODUCTION.to_owned();
    text.push_str("\n| rule | wants |\n| --- | --- |\n");
    for Rule { name, summary, .. } in RULES.iter() {
        text.push_str(&format!("| [{name}](#{}) | {summary} |\n", name.to_lowercase()));
    }
    for rule in RULES.iter() {
        let Rule { name, summary, reason, bad, good, experimental, url, .. } = rule;
        text.push_str(&format!("\n## {name}\n\n{summary} {reason}\n"));
        if *experimental {
            text.push_str(&format!(
                "\nExperimental: it runs only where `# check=experimental={name}` asks for it.\n"
            ));
        }
        text.push_str(&format!(
            "\nBad:\n\n```dockerfile\n{bad}\n```\n\nGood:\n\n```dockerfile\n{good}\n```\n"
        ));
        if let Some(url) = url {
            text.push_str(&format!("\n[In Docker's documentation]({url})\n"));
        }
    }
    text
}

#[test]
fn the_document_is_what_the_rules_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/checks.md");
    if std::env::var_os("BOB_UPDATE_DOCS").is_some() {
        std::fs::write(&path, document()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == document(), "docs/checks.md is not what the rules say: run `make docs`");
}

#[test]
fn every_file_is_a_listed_rule_with_its_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/converter/lint/rules");
    let files = std::fs::read_dir(folder).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<String> = files.filter(|file| file != "mod.rs").collect();
    files.sort_unstable();
    let mut listed: Vec<String> = MODULES.iter().map(|module| format!("{module}.rs")).collect();
    listed.sort_unstable();
    assert_eq!(files, listed);
    let mut named: Vec<String> = RULES.iter().map(|rule| format!("{}.rs", snake_case(rule.name))).collect();
    named.sort_unstable();
    assert_eq!(files, named);
}

/// `JSONArgsRecommended` as `json_args_recommended`.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut text = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let begins_word = letter.is_uppercase()
            && at > 0
            && (letters[at - 1].is_lowercase()
                || letters.get(at + 1).is_some_and(|next| next.is_lowercase()));
        if begins_word {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}
