//! Key files of `--ssh`, used by OpenSSH's own programs in a step.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{Image, Project, Registry, tool};

/// Names of keys, and how ssh-keygen makes them.
const KEYS: [(&str, &[&str]); 7] = [
    ("ed25519", &["-t", "ed25519"]),
    ("rsa", &["-t", "rsa", "-b", "2048"]),
    ("ecdsa256", &["-t", "ecdsa", "-b", "256"]),
    ("ecdsa384", &["-t", "ecdsa", "-b", "384"]),
    ("ecdsa521", &["-t", "ecdsa", "-b", "521"]),
    ("rsa-pem", &["-t", "rsa", "-b", "3072", "-m", "PEM"]),
    ("ecdsa-pkcs8", &["-t", "ecdsa", "-b", "256", "-m", "PKCS8"]),
];

const DOCKERFILE: &str = "ARG BASE
FROM $BASE AS made
COPY root/ /
RUN --mount=type=ssh,id=keys ssh-add -L > /out/listed && echo data > /out/data \\
 && for key in /public/*.pub; do ssh-keygen -Y sign -f $key -n file < /out/data > /out/${key##*/}.sig || exit 1; done \\
 && ! ssh-add -D && ssh-add -L | wc -l > /out/left
FROM scratch
COPY --from=made /out /
";

fn run(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Makes a key without a passphrase, or with `passphrase`, and returns its file.
fn key(folder: &Path, name: &str, kind: &[&str], passphrase: &str) -> PathBuf {
    let file = folder.join(name);
    run(Command::new(tool("ssh-keygen"))
        .args(kind)
        .args(["-q", "-N", passphrase, "-C", name, "-f"])
        .arg(&file));
    file
}

/// Copies a program of this machine, and what it is linked with, below `root`.
fn copy_program(root: &Path, name: &str) {
    let program = tool(name);
    let libraries = run(Command::new("ldd").arg(&program));
    let libraries = libraries.split_whitespace().filter(|word| word.starts_with('/'));
    let copies =
        libraries.map(|path| (path, path.to_owned())).chain([(program.as_str(), format!("/bin/{name}"))]);
    for (from, to) in copies {
        let to = root.join(to.trim_start_matches('/'));
        fs::create_dir_all(to.parent().expect("a folder")).expect("folders");
        fs::copy(from, to).expect("a copy");
    }
}

#[test]
fn keys_of_every_kind_sign_in_a_step_and_stay_as_they_are() {
    let keys = tempfile::tempdir().expect("a temporary folder");
    let project =
        Project::new(&[("Dockerfile", DOCKERFILE), ("root/out/.keep", ""), ("root/public/.keep", "")]);
    let root = project.path().join("root");
    copy_program(&root, "ssh-keygen");
    copy_program(&root, "ssh-add");
    let mut paths = Vec::new();
    let mut public = String::new();
    for (name, kind) in KEYS {
        let file = key(keys.path(), name, kind, "");
        let text = fs::read_to_string(file.with_extension("pub")).expect("the public key");
        fs::write(root.join(format!("public/{name}.pub")), &text).expect("the public key");
        let (words, _) = text.trim().rsplit_once(' ').expect("a comment");
        public += &format!("{words}\n");
        paths.push(file.display().to_string());
    }
    let base = Image::push_source(Registry::shared(), "ssh/source:latest");
    let ssh = format!("keys={}", paths.join(","));
    project.build(&["--build-arg", &format!("BASE={base}"), "--ssh", &ssh, "-o", "made"]).succeed();
    let made = project.path().join("made");
    let listed = fs::read_to_string(made.join("listed")).expect("the list");
    let listed: Vec<_> = listed.lines().map(str::trim_end).collect();
    assert_eq!(listed, public.lines().collect::<Vec<_>>());
    assert_eq!(fs::read_to_string(made.join("left")).expect("a number").trim(), KEYS.len().to_string());
    for ((name, _), public) in KEYS.iter().zip(public.lines()) {
        let signers = keys.path().join("signers");
        fs::write(&signers, format!("me {public}\n")).expect("the signers");
        run(Command::new(tool("ssh-keygen"))
            .args(["-Y", "verify", "-I", "me", "-n", "file", "-f"])
            .arg(&signers)
            .arg("-s")
            .arg(made.join(format!("{name}.pub.sig")))
            .stdin(File::open(made.join("data")).expect("the data")));
    }
}

#[test]
fn keys_that_cannot_be_used_are_refused_with_what_to_do() {
    let keys = tempfile::tempdir().expect("a temporary folder");
    let project = Project::new(&[("Dockerfile", "FROM scratch\n")]);
    for (name, kind, passphrase, words) in [
        ("locked", &["-t", "ed25519"][..], "secret", "has a passphrase: load it into an agent with ssh-add"),
        ("locked-pem", &["-t", "rsa", "-b", "2048", "-m", "PEM"], "secret", "has a passphrase"),
        ("small", &["-t", "rsa", "-b", "1024"], "", "keys of this kind are not supported"),
    ] {
        let file = key(keys.path(), name, kind, passphrase).display().to_string();
        let stderr = project.build(&["--ssh", &format!("default={file}")]).fail(2).stderr;
        assert!(stderr.contains(words) && stderr.contains(&file), "{stderr}");
    }
}
