//! BuildKit's own converter, as a process that answers cases.

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

use crate::case::Case;

/// What BuildKit makes of a Dockerfile.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Verdict {
    /// Whether it is accepted.
    pub(crate) ok: bool,
    /// The reason, where it is not.
    #[serde(default)]
    pub(crate) error: String,
    /// The line that the error names; 0 if it names none.
    #[serde(default)]
    pub(crate) line: u32,
    /// The digest of the last op; empty for a graph without any.
    #[serde(default)]
    pub(crate) root: String,
    /// Digests of all ops in their order.
    #[serde(default)]
    pub(crate) ops: Vec<String>,
    /// What people see of each op, where the case asks for it: name, instruction, capabilities, group, lines.
    #[serde(default)]
    pub(crate) steps: Vec<String>,
    /// Digests of the ops that run even if they are cached.
    #[serde(default)]
    pub(crate) ignore_cache: Vec<String>,
    /// The image config.
    #[serde(default)]
    pub(crate) config: Value,
    /// Microseconds that the conversion took, without reading the case and writing the verdict.
    #[serde(default)]
    pub(crate) micros: u64,
    /// `Rule:LINE: message`, sorted.
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
}

/// A running oracle.
#[derive(Debug)]
pub(crate) struct Oracle {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    /// Starts `target/tools/oracle`, which `tools/setup` builds. `gogc` is how much its memory may grow before
    /// garbage is collected, in percent; Go's default is 100.
    pub(crate) fn start(gogc: u32) -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/oracle");
        let mut process = Command::new(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Go's scanner writes there what it thinks of bytes that are not UTF-8.
            .stderr(Stdio::null())
            .env("GOGC", gogc.to_string())
            .spawn()
            .unwrap_or_else(|e| panic!("{path}: {e}: run `make setup`"));
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().expect("piped"));
        Self { process, input, output }
    }

    /// The verdicts on `cases`, in their order.
    pub(crate) fn ask(&mut self, cases: &[Case]) -> Vec<Verdict> {
        let mut lines = String::new();
        for case in cases {
            lines += &serde_json::to_string(case).expect("strings and maps of strings");
            lines.push('\n');
        }
        let input = self.input.as_mut().expect("the oracle takes input");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                input.write_all(lines.as_bytes()).and_then(|()| input.flush()).expect("the oracle reads");
            });
            cases.iter().map(|_| read(&mut self.output)).collect()
        })
    }
}

fn read(output: &mut impl BufRead) -> Verdict {
    let mut line = String::new();
    output.read_line(&mut line).expect("the oracle answers");
    let mut verdict: Verdict = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
    // A config that cannot be encoded is an error after all.
    verdict.ok &= verdict.error.is_empty();
    verdict
}

impl Drop for Oracle {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.process.wait();
    }
}
