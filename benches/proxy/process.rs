//! The processes that are measured, and what the kernel tells of them.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::registry::Traits;

/// A process that ends with this value.
pub(crate) struct Process {
    child: Child,
    /// Where it listens.
    pub(crate) address: String,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// This program again, in the part that `words` name.
    fn own(words: &[&str]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut child = command.args(words).stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { child, address: address.trim().to_owned() }
    }

    pub(crate) fn registry(traits: Traits) -> Self {
        Self::own(&["registry", &serde_json::to_string(&traits).unwrap()])
    }

    pub(crate) fn tls_registry(folder: &Path) -> Self {
        Self::own(&["tls-registry", folder.to_str().unwrap()])
    }

    pub(crate) fn relay(registry: &str, splice: bool) -> Self {
        Self::own(&[if splice { "splice" } else { "relay" }, registry])
    }

    /// `bob proxy` before the references `base` and `target`.
    pub(crate) fn proxy(base: &str, target: &str, certificate: Option<&Path>) -> Self {
        let program = std::env::var("BOB_BENCH_PROGRAM");
        let mut command = Command::new(program.as_deref().unwrap_or(env!("CARGO_BIN_EXE_bob")));
        command.args(["proxy", "--listen", "127.0.0.1:0", "--auth", "{}"]);
        command.args(["--base-ref", base, "--target-ref", target]);
        if let Some(certificate) = certificate {
            command.env("SSL_CERT_FILE", certificate);
        }
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening on ") {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "the proxy ended");
        }
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let address = line.split("listening on ").nth(1).unwrap().trim().to_owned();
        Self { child, address }
    }

    /// `bob proxy` with the repository `r` of `registry` behind both names.
    pub(crate) fn proxy_to(registry: &str, certificate: Option<&Path>) -> Self {
        let reference = format!("{registry}/r:1");
        Self::proxy(&reference, &reference, certificate)
    }

    /// Processor time so far.
    pub(crate) fn cpu(&self) -> Duration {
        cpu_of(&self.child.id().to_string())
    }

    /// The most memory that it had, in MiB.
    pub(crate) fn peak_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

/// Processor time of a process so far, by its number or `self`.
pub(crate) fn cpu_of(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // Hundredths of a second, on every Linux that this runs on.
    Duration::from_millis(10 * (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()))
}
