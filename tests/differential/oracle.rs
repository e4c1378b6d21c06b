//! BuildKit's own converter, as a process that answers cases.

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use serde::Deserialize;
use serde_json::{Value, json};

/// What BuildKit makes of a Dockerfile.
#[derive(Debug, Default, Deserialize)]
pub struct Verdict {
    /// Whether it is accepted.
    pub ok: bool,
    /// The reason, where it is not.
    #[serde(default)]
    pub error: String,
    /// The line that the error names; 0 if it names none.
    #[serde(default)]
    pub line: u32,
    /// The digest of the last op; empty for a graph without any.
    #[serde(default)]
    pub root: String,
    /// The image config.
    #[serde(default)]
    pub config: Value,
    /// `Rule:LINE: message`, sorted.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A running oracle.
#[derive(Debug)]
pub struct Oracle {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    /// Starts `target/tools/oracle`, which `tools/setup` builds.
    pub fn start() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/oracle");
        let mut process = Command::new(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{path}: {e}: run `make setup`"));
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().expect("piped"));
        Self { process, input, output }
    }

    /// The verdicts on `texts`, in their order.
    pub fn ask(&mut self, texts: &[Vec<u8>]) -> Vec<Verdict> {
        let mut lines = String::new();
        for text in texts {
            let case = json!({"text": base64::engine::general_purpose::STANDARD.encode(text)});
            lines += &format!("{case}\n");
        }
        let input = self.input.as_mut().expect("the oracle takes input");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                input.write_all(lines.as_bytes()).and_then(|()| input.flush()).expect("the oracle reads");
            });
            texts.iter().map(|_| read(&mut self.output)).collect()
        })
    }
}

fn read(output: &mut impl BufRead) -> Verdict {
    let mut line = String::new();
    output.read_line(&mut line).expect("the oracle answers");
    serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"))
}

impl Drop for Oracle {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.process.wait();
    }
}
