//! Here-documents.

use super::*;

#[test]
fn run_keeps_its_here_documents() {
    let line = run("RUN cat <<A <<-'B'\none\nA\n\ttwo\n\tB\n").line;
    assert_eq!(line.args, ["cat <<A <<-'B'"]);
    let files: Vec<_> =
        line.files.iter().map(|file| (file.name.as_str(), file.data.as_slice(), file.chomp)).collect();
    assert_eq!(files, [("A", &b"one\n"[..], false), ("B", b"\ttwo\n", true)]);
}

#[test]
fn copy_makes_files_of_its_here_documents() {
    let files = copy("COPY <<a x <<-\"b\" /d/\n$A\\\r\na\n\t\tb c\nb\n").files;
    assert_eq!((files.dest.as_str(), files.paths.as_slice()), ("/d/", &["x".to_owned()][..]));
    let contents = [
        SourceContent { path: "a".to_owned(), data: b"$A\\\r\n".to_vec(), expand: true },
        SourceContent { path: "b".to_owned(), data: b"b c\n".to_vec(), expand: false },
    ];
    assert_eq!(files.contents, contents);
}

#[test]
fn the_lines_of_an_instruction_include_its_here_documents() {
    assert_eq!(only("RUN <<A\n# no comment\nA\n").head.span, Span::new(2, 4));
    let lines = error_lines("FROM x\nRUN <<A\nb\n");
    assert_eq!(lines, (2, 3));
    assert_eq!(error_lines("FROM x\nCOPY x <<A\nA\n"), (2, 3));
}

#[test]
fn here_documents_are_found_where_the_shell_would_not() {
    assert_eq!(run("RUN echo $((1 << 2))\n2))\n").line.files.len(), 1);
    assert_eq!(run("RUN echo it's <<A\n").line.files.len(), 0);
    assert_eq!(run("RUN [\"a\", \"<<A\"]\n").line.files.len(), 0);
    assert_eq!(copy("COPY << A /x\nA\n").files.paths, ["<<", "A"]);
    assert!(matches!(only("CMD <<A").kind, Kind::Cmd(line) if line.args == ["<<A"]));
    assert_eq!(run("RUN cat 3<<A\nA\n").line.files[0].name, "A");
}
