//! What becomes of output that nobody takes.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::process::Command;

use super::support::{Bob, Buildkitd, Project};

/// A device that is always full.
fn full() -> File {
    File::options().write(true).open("/dev/full").expect("the device opens")
}

/// The end of a pipe whose reader has ended.
fn broken() -> OwnedFd {
    rustix::pipe::pipe().expect("a pipe").1
}

fn project() -> Project {
    Project::new(&[("Dockerfile", "FROM scratch\nCOPY f /f\n"), ("f", "text")])
}

#[test]
fn help_and_version_that_cannot_be_written_are_an_error_and_a_reader_that_ended_is_none() {
    for args in [
        &["--version"][..],
        &["-V"],
        &["--help"],
        &["build", "--help"],
        &["build", "--version"],
        &["help", "du"],
    ] {
        let outcome = Bob::new(args).with_stdout(full()).fail(1);
        let expected = "error: cannot write to standard output: No space left on device (os error 28)\n";
        assert_eq!(outcome.stderr, expected, "{args:?}");
        let outcome = Bob::new(args).with_stdout(broken()).succeed();
        assert_eq!(outcome.stderr, "", "{args:?}");
    }
    assert_eq!(Bob::new(["--nothing"]).with_stdout(full()).run().status.code(), Some(2));
}

#[test]
fn an_archive_whose_reader_ended_says_so() {
    let outcome = project().build(&["-o", "-"]).with_stdout(broken()).fail(1);
    let expected = "\nerror: the program that reads standard output ended before it had the whole archive;";
    assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    let outcome = project().build(&["-o", "type=oci"]).with_stdout(full()).fail(1);
    let expected = "\nerror: cannot write the archive to standard output: No space left on device";
    assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
}

#[test]
fn an_archive_for_standard_output_that_is_closed_has_a_warning() {
    let project = project();
    let run = |redirection: &str| {
        let script = format!("exec \"$0\" \"$@\" {redirection}");
        let addr = Buildkitd::shared().addr();
        let output = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_bob"), "build", "--addr", &addr, "-o", "-"])
            .arg(project.path())
            .output()
            .expect("it starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, stderr) = run(">&-");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("WARN standard output is closed or the null device"), "{stderr}");
    let (code, stderr) = run("> /dev/null");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(!stderr.contains("standard output"), "{stderr}");
}
