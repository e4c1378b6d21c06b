//! Dockerfiles that are long in one way each.

use std::fmt::Write as _;

/// A way to be long: a name, and the Dockerfile of a number of lines.
pub(crate) type Shape = (&'static str, fn(usize) -> String);

/// Every shape. The number is that of instructions, lines of a here-document or elements of an array.
pub(crate) const SHAPES: &[Shape] = &[
    ("run", |n| lines("FROM a\n", n, |i| format!("RUN echo {i} $PATH\n"))),
    ("env", |n| lines("FROM a\n", n, |i| format!("ENV V{i}=x{i}$PATH\n"))),
    ("env-one", |n| lines("FROM a\nENV", n, |i| format!(" \\\n  V{i}=x{i}"))),
    ("env-same", |n| lines("FROM a\n", n, |i| format!("ENV PATH=/bin:$V{i}\n"))),
    ("arg", |n| lines("FROM a\n", n, |i| format!("ARG A{i}=x{i}\n"))),
    ("arg-global", |n| lines("", n, |i| format!("ARG A{i}=x{i}\n")) + "FROM a\n"),
    ("copy", |n| lines("FROM a\n", n, |i| format!("COPY f{i} /d/\n"))),
    ("copy-one", |n| lines("FROM a\nCOPY", n, |i| format!(" \\\n f{i}")) + " /d/\n"),
    ("heredoc", |n| lines("FROM a\nRUN <<E\n", n, |i| format!("echo {i}\n")) + "E\n"),
    ("heredocs", |n| lines("FROM a\n", n, |i| format!("COPY <<E /f{i}\nv $PATH\nE\n"))),
    ("json", |n| lines("FROM a\n", n, |i| format!("CMD [\"a\", \"{i}\"]\nRUN [\"b\", \"{i}\"]\n"))),
    ("json-one", |n| lines("FROM a\nCMD [\"a\"", n, |i| format!(", \\\n\"{i}\"")) + "]\n"),
    ("stages", |n| lines("", n, |i| format!("FROM a AS s{i}\nRUN x\n"))),
    ("stage-chain", |n| lines("FROM a AS s\n", n, |i| format!("FROM s{} AS s{}\n", tail(i), tail(i + 1)))),
    ("copy-from", |n| {
        lines("FROM a AS s0\n", n, |i| format!("FROM a AS s{}\nCOPY --from=s{i} /x /x\n", i + 1))
    }),
    ("labels", |n| lines("FROM a\n", n, |i| format!("LABEL l{i}=\"v {i}\"\n"))),
    ("expose", |n| lines("FROM a\n", n, |i| format!("EXPOSE {}\n", i % 65_535 + 1))),
    ("workdir", |n| lines("FROM a\n", n, |i| format!("WORKDIR /d{i}\n"))),
    ("volume", |n| lines("FROM a\n", n, |i| format!("VOLUME /v{i}\n"))),
    ("mounts", |n| lines("FROM a\n", n, |i| format!("RUN --mount=type=cache,target=/c{i} x\n"))),
    ("onbuild", |n| lines("FROM a AS b\n", n, |i| format!("ONBUILD RUN {i}\n")) + "FROM b\n"),
    ("comments", |n| lines("FROM a\n", n, |i| format!("# {i}\n")) + "RUN x\n"),
    ("continuation", |n| lines("FROM a\nRUN x", n, |i| format!(" \\\n  && y{i}")) + "\n"),
    ("blank-continuation", |n| lines("FROM a\nRUN x", n, |_| " \\\n\n# c".to_owned()) + "\n y\n"),
];

/// The last part of a stage's name in a chain; the first stage has none.
fn tail(index: usize) -> String {
    if index == 0 { String::new() } else { index.to_string() }
}

fn lines(head: &str, count: usize, mut line: impl FnMut(usize) -> String) -> String {
    (0..count).fold(head.to_owned(), |mut text, index| {
        let _ = write!(text, "{}", line(index));
        text
    })
}
