mod errors;
mod here_documents;
mod instructions;
mod lines;
mod linter_notes;
mod stages;

use proptest::prelude::*;

use super::*;
use crate::diag::Located as _;

fn parsed(text: impl Into<Vec<u8>>) -> Dockerfile {
    parse(&Source::new("Dockerfile", text), &mut Vec::new()).unwrap()
}

/// The instructions below `FROM x`, whose line is the first.
fn body(text: &str) -> Vec<Instruction> {
    let mut stages = parsed(format!("FROM x\n{text}")).stages;
    assert_eq!(stages.len(), 1);
    stages.remove(0).instructions
}

fn only(text: &str) -> Instruction {
    let mut instructions = body(text);
    assert_eq!(instructions.len(), 1, "{text}");
    instructions.remove(0)
}

fn run(text: &str) -> Run {
    match only(text).kind {
        Kind::Run(run) => run,
        other => panic!("{other:?}"),
    }
}

fn copy(text: &str) -> Copy {
    match only(text).kind {
        Kind::Copy(copy) => copy,
        other => panic!("{other:?}"),
    }
}

fn error(text: impl Into<Vec<u8>>) -> Error {
    parse(&Source::new("Dockerfile", text), &mut Vec::new()).unwrap_err()
}

/// The first and last line that the error of a whole file names, 0 where it names none.
fn error_lines(text: impl Into<Vec<u8>>) -> (u32, u32) {
    error(text).span.map_or((0, 0), |span| (span.first(), span.last()))
}

/// What is wrong with one instruction in line 2.
fn kind(text: &str) -> ErrorKind {
    let error = error(format!("FROM x\n{text}"));
    assert_eq!(error.span.map(Span::first), Some(2), "{text}");
    *error.kind
}

#[test]
fn bytes_that_are_not_utf8_are_replaced_but_kept_in_files() {
    let stage =
        parsed(b"#\n# check=\xff\nFROM x\nCOPY <<a \xe2\x82 /\n\xff\na\nRUN \xff\nRUN [\"\xff\"]".to_vec())
            .stages
            .remove(0);
    assert_eq!(stage.head.check.as_deref(), Some("\u{fffd}"));
    let [copy, run, exec] = stage.instructions.as_slice() else { panic!() };
    let Kind::Copy(copy) = &copy.kind else { panic!() };
    assert_eq!(copy.files.paths, ["\u{fffd}\u{fffd}"]);
    assert_eq!(copy.files.contents[0].data, b"\xff\n");
    assert!(matches!(&run.kind, Kind::Run(run) if run.line.raw.is_some()));
    assert!(matches!(&exec.kind, Kind::Run(run) if run.line.raw.is_none()));
}

#[test]
fn nested_triggers_do_not_exhaust_the_stack() {
    let text = format!("FROM x\n{}", "ONBUILD \\\n".repeat(100_000));
    assert_eq!(*error(text).kind, ErrorKind::ChainedOnbuild);
    let text = format!("FROM x\n{}CMD [1]", "ONBUILD \\\n".repeat(100_000));
    assert_eq!(*error(text).kind, ErrorKind::NotStringArray);
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let source = Source::new("Dockerfile", bytes);
        if let Err(error) = parse(&source, &mut Vec::new()) {
            error.diagnostic(&source).render();
        }
    }

    #[test]
    fn anything_like_a_dockerfile_is_parsed_or_refused(
        parts in proptest::collection::vec(
            r#"(FROM x( AS )?|RUN |COPY |ENV |ARG |ONBUILD |HEALTHCHECK |CMD |LABEL |VOLUME |--[a-z]{0,4}=?|<<-?['"]?A|A\n|["'\\$\{\}=,\[\]# ]|\n|[\x00-\x{ffff}])"#,
            0..40,
        ),
    ) {
        let source = Source::new("Dockerfile", format!("FROM x\n{}", parts.concat()));
        match parse(&source, &mut Vec::new()) {
            Ok(dockerfile) => {
                for instruction in dockerfile.stages.into_iter().flat_map(|stage| stage.instructions) {
                    if let Kind::Run(run) = &instruction.kind {
                        let _ = run.mounts::<MountError>(|word| Ok(word.to_owned()));
                    }
                    prop_assert!(instruction.head.span.first() > 0);
                }
            }
            Err(error) => {
                error.diagnostic(&source).render();
            }
        }
    }

    #[test]
    fn any_trigger_is_parsed_or_refused(text in r"\PC{0,60}(\n\PC{0,20}){0,3}") {
        let _ = parse_trigger(&text, Span::line(1));
    }
}
