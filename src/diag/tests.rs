use super::*;

fn source(text: &str) -> Source {
    Source::new("Dockerfile", text)
}

#[test]
fn an_error_shows_its_line_with_carets_under_the_instruction() {
    let text = source("FROM a\n\nFRMO alpine\n");
    let diagnostic =
        Diagnostic::error("unknown instruction: FRMO (did you mean FROM?)").at(&text, [Span::line(3)]);
    assert_eq!(
        diagnostic.render(),
        "error: unknown instruction: FRMO (did you mean FROM?)\n --> Dockerfile:3\n   |\n 3 | FRMO alpine\n   | ^^^^\n"
    );
}

#[test]
fn a_warning_names_its_rule_and_shows_every_line() {
    let text = source("FROM a\nRUN x \\\n  y\n");
    let diagnostic =
        Diagnostic::warning("SomeRule", "text").at(&text, [Span::new(2, 3)]).with_help("do this");
    assert_eq!(
        diagnostic.render(),
        "warning[SomeRule]: text\n --> Dockerfile:2\n   |\n 2 | RUN x \\\n   | ^^^\n 3 |   y\n   = help: do this\n"
    );
}

#[test]
fn several_spans_are_parted_by_dots_and_share_a_gutter() {
    let text = source(&"RUN x\n".repeat(12));
    let rendered = Diagnostic::error("circle").at(&text, [Span::line(10), Span::line(2)]).render();
    assert_eq!(
        rendered,
        "error: circle\n  --> Dockerfile:10\n    |\n 10 | RUN x\n    | ^^^\n   ...\n  2 | RUN x\n    | ^^^\n"
    );
}

#[test]
fn without_a_span_only_the_message_is_shown() {
    let rendered = Diagnostic::error("no stage").at(&source("x"), []).render();
    assert_eq!(rendered, "error: no stage\n");
}

#[test]
fn a_line_behind_the_end_names_the_place_only() {
    let rendered = Diagnostic::error("m").at(&source("x"), [Span::line(9)]).render();
    assert_eq!(rendered, "error: m\n --> Dockerfile:9\n");
}

#[test]
fn bytes_that_are_no_text_do_not_reach_the_terminal() {
    let text = Source::new("D", b"RUN \x1b[31m\xff\x00\t\xe2\x82x\r\n".to_vec());
    let rendered = Diagnostic::error("m").at(&text, [Span::line(1)]).render();
    assert!(rendered.contains("1 | RUN \u{fffd}[31m\u{fffd}\u{fffd}    \u{fffd}x\n"), "{rendered}");
}

#[test]
fn a_very_long_line_is_cut() {
    let text = source(&format!("RUN {}", "é".repeat(1 << 20)));
    let rendered = Diagnostic::error("m").at(&text, [Span::line(1)]).render();
    assert!(rendered.contains('…'));
    assert!(rendered.len() < 1200, "{}", rendered.len());
}

#[test]
fn lines_are_counted_from_one_and_end_before_their_ending() {
    let text = source("a\r\nb\n");
    assert_eq!(text.line(0), None);
    assert_eq!(text.line(1), Some(&b"a"[..]));
    assert_eq!(text.line(2), Some(&b"b"[..]));
    assert_eq!(text.line(3), Some(&b""[..]));
    assert_eq!(text.line(4), None);
}
