//! Errors as people see them.

use super::*;

#[test]
fn an_error_shows_its_lines_and_what_to_do() {
    let source = Source::new("Dockerfile", "FROM x\nRUN <<A\n b\n");
    let error = parse(&source, &mut Vec::new()).unwrap_err();
    assert_eq!(
        error.diagnostic(&source).render(),
        "error: here-document without an end: no line is \"A\"\n --> Dockerfile:2\n   |\n 2 | RUN <<A\n   | ^^^\n 3 |  b\n   = help: end it with its word alone on a line\n"
    );
}

#[test]
fn a_line_that_is_too_long_says_what_to_do() {
    let source = Source::new("Dockerfile", format!("FROM x\nRUN {}\n", "x".repeat(70_000)));
    let error = parse(&source, &mut Vec::new()).unwrap_err();
    let shown = error.diagnostic(&source).render();
    assert!(shown.contains("help: break the line with the escape character"), "{shown}");
}

#[test]
fn a_trigger_keeps_its_keyword_if_only_go_sees_it_there() {
    // Go's lower case of `İ` is `i`, but its patterns do not take the one for the other.
    let Kind::Onbuild(onbuild) = only("ONBU\u{130}LD RUN x").kind else { panic!() };
    assert_eq!(onbuild.expression, "ONBU\u{130}LD RUN x");
}
