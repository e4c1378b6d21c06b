//! How lines become instructions: continuations, comments, directives.

use super::*;

#[test]
fn continued_lines_are_joined_without_their_escape() {
    let instruction = only("RUN a \\\n  b \\  \t\n# comment\n\n   # comment\n c\\\n\\\nd");
    assert_eq!(instruction.head.code, "RUN a   b  cd");
    assert_eq!(instruction.head.span, Span::new(2, 9));
}

#[test]
fn an_escaped_escape_does_not_continue_a_line() {
    assert_eq!(only("RUN a\\\\").head.code, "RUN a\\\\");
    assert_eq!(body("RUN a\\\\\\\nUSER b").len(), 2);
}

#[test]
fn a_line_of_the_escape_alone_continues_into_the_next() {
    assert_eq!(only("\\\nRUN a").head.span, Span::new(2, 3));
}

#[test]
fn carriage_returns_and_a_byte_order_mark_do_not_count() {
    let dockerfile = parsed("\u{feff}FROM x\r\nRUN a \\\r\n b\r\n");
    let instruction = &dockerfile.stages[0].instructions[0];
    assert_eq!(instruction.head.code, "RUN a  b");
}

#[test]
fn a_file_that_ends_in_a_continuation_ends_there() {
    assert_eq!(only("RUN a \\").head.code, "RUN a");
}

#[test]
fn comments_belong_to_the_instruction_below() {
    let text = "# one\n\n# check=two\nFROM x\n# check=gone\n#\n# three\n# check=four\nRUN a\nRUN b\n # check=five\nRUN c";
    let stage = parsed(text).stages.remove(0);
    assert_eq!(stage.head.check.as_deref(), Some("two"));
    let checks: Vec<_> = stage.instructions.iter().map(|run| run.head.check.as_deref()).collect();
    // Of a comment behind blanks the first byte is not the sign.
    assert_eq!(checks, [Some("four"), None, None]);
}

#[test]
fn the_escape_directive_changes_the_escape() {
    let dockerfile = parsed("# escape=`\nFROM x\nRUN a\\\nUSER b`\nc");
    assert_eq!(dockerfile.escape, '`');
    assert_eq!(dockerfile.stages[0].instructions.len(), 2);
    assert_eq!(dockerfile.stages[0].head.check, None);
}

#[test]
fn errors_of_directives_name_the_line_before() {
    assert_eq!(error_lines("# escape=x\nFROM x"), (0, 0));
    assert_eq!(error_lines("# syntax=x\n# escape=x\nFROM x"), (1, 1));
    assert_eq!(error_lines("# escape=`\n# escape=`\nFROM x"), (1, 1));
    assert_eq!(error_lines("# escape= \t\nFROM x"), (0, 0));
}

#[test]
fn a_directive_below_anything_else_is_a_comment() {
    assert_eq!(parsed("# x\n# escape=`\nFROM x").escape, '\\');
    assert_eq!(parsed("\n# escape=`\nFROM x").escape, '\\');
    assert_eq!(parsed("# unknown=x\n# escape=`\nFROM x").escape, '\\');
}

#[test]
fn a_file_without_instructions_names_its_last_line() {
    assert_eq!(error_lines(""), (0, 0));
    assert_eq!(error_lines("# a\n\n"), (2, 2));
    assert_eq!(error_lines("ARG A"), (0, 0));
    assert_eq!(*error("ARG A").kind, ErrorKind::NoStages);
}

#[test]
fn a_line_that_is_too_long_names_the_line_before() {
    let long = |len| "x".repeat(len);
    assert_eq!(parsed(format!("FROM x\nRUN {}\n", long((1 << 16) - 5))).stages.len(), 1);
    assert_eq!(error_lines(format!("FROM x\nRUN {}\n", long((1 << 16) - 4))), (1, 1));
    assert_eq!(error_lines(format!("FROM x\nRUN {}", long((1 << 16) - 4))), (1, 1));
    // Where it continues a line, what fits of it is read as an instruction of its own.
    assert_eq!(error_lines(format!("FROM x\nRUN a \\\n{}\n", long(1 << 17))), (3, 3));
    assert!(matches!(
        *error(format!("FROM x\n{}", long(1 << 16))).kind,
        ErrorKind::LineTooLong { max: 65535 }
    ));
}

#[test]
fn errors_of_syntax_win_over_errors_of_instructions_before_them() {
    assert_eq!(error_lines("FROM x\nBAD\nENV a\n"), (3, 3));
    assert_eq!(error_lines("RUN a\nFROM x\nCMD [1]\n"), (3, 3));
}
