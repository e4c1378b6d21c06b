//! The demo that the README begins with.

use std::process::Command;

#[test]
fn the_demo_plays_a_workspace_to_its_end() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/demo");
    let output = Command::new(script).arg(env!("CARGO_BIN_EXE_bob")).output().expect("the demo starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    assert!(out.contains("unauthorized: authentication required"), "a direct push is refused:\n{out}");
    assert!(out.contains("made by a custom Dockerfile\nhello\n"), "both images were looked into:\n{out}");
    assert!(out.ends_with("demo: all of it worked\n"), "{out}");
}
