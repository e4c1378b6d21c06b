//! What the parser notes for the build checks.

use super::*;

fn notes(text: &str) -> Vec<(ParserNoteKind, u32)> {
    let mut notes = Vec::new();
    let _ = parse(&Source::new("Dockerfile", text), &mut notes);
    notes.into_iter().map(|note| (note.kind, note.span.first())).collect()
}

#[test]
fn the_linter_learns_what_the_result_does_not_show() {
    let text =
        "# x\nFROM x as Build\n# A is described\nARG A\n# other\nARG B C\nMAINTAINER m\nRUN a \\\n\n b\n";
    let invalid = |instruction, example: &str| ParserNoteKind::InvalidDescription {
        instruction,
        example: example.to_owned(),
    };
    let expected = [
        (ParserNoteKind::EmptyContinuation, 10),
        (ParserNoteKind::StageNameCasing { name: "Build".to_owned() }, 2),
        (ParserNoteKind::FromAsCasing { from: "FROM".to_owned(), as_word: "as".to_owned() }, 2),
        (invalid("FROM", "build"), 2),
        (invalid("ARG", "<arg_key>"), 6),
        (ParserNoteKind::Maintainer, 7),
    ];
    assert_eq!(notes(text), expected);
}

#[test]
fn notes_before_an_error_are_reported_but_not_those_of_broken_syntax() {
    assert_eq!(notes("FROM x AS A\nBAD").len(), 1);
    assert_eq!(notes("FROM x AS A\nRUN a \\\n\n b\nENV x").len(), 0);
}

#[test]
fn mixed_case_of_from_says_nothing_about_as() {
    assert_eq!(notes("From x as a\nfrom x as b\nFROM x AS c"), []);
    assert_eq!(notes("from x AS a").len(), 1);
}
