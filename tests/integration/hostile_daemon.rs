//! What buildkitd, steps and registries send: files of an export, words for the terminal, configs of base images.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::support::{Bob, Buildkitd, Image, Project, Registry, pull, source_layout, tool};

fn source() -> String {
    Image::push_source(Registry::shared(), "hostile-daemon/source:latest")
}

/// `bob build --progress PROGRESS ARGS .` in the project's folder.
fn build(project: &Project, progress: &str, args: &[&str]) -> Bob {
    Bob::new(["build", "--addr", &Buildkitd::shared().addr(), "--progress", progress])
        .current_dir(project.path())
        .args(args)
        .arg(".")
}

#[test]
fn devices_pipes_and_set_id_bits_are_exported_only_where_asked_for() {
    let base = source();
    let dockerfile = format!(
        "FROM {base} AS make\nRUN mkdir /out /out/shared && cp /bin/busybox /out/su && chmod 4755 /out/su \
         && chmod 2775 /out/shared && echo x > /out/shared/file && /bin/busybox mkfifo /out/pipe \
         && /bin/busybox mknod /out/null c 1 3\nFROM scratch\nCOPY --from=make /out /\n"
    );
    let project = Project::new(&[("Dockerfile", &dockerfile)]);
    let at = |name: &str| project.path().join(name);
    let mode = |name: &str| fs::metadata(at(name)).expect("it is there").permissions().mode() & 0o7777;

    let outcome = project.build(&["-o", "out"]).succeed();
    assert_eq!((mode("out/su"), mode("out/shared")), (0o755, 0o775));
    assert!(!at("out/pipe").exists() && !at("out/null").exists());
    assert_eq!(fs::read(at("out/shared/file")).expect("a file"), b"x\n");
    let warning = "left out of the export: 2 devices or named pipes, 2 files' set-id bits; ";
    assert_eq!(outcome.stderr.matches(warning).count(), 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("allow-special=true"), "{}", outcome.stderr);

    let outcome = project.build(&["-o", "type=local,dest=whole,allow-special=true"]).succeed();
    assert_eq!((mode("whole/su"), mode("whole/shared")), (0o4755, 0o2775));
    let kind = |name: &str| fs::metadata(at(name)).expect("it is there").file_type();
    assert!(kind("whole/pipe").is_fifo() && kind("whole/null").is_char_device());
    assert!(!outcome.stderr.contains("left out"), "{}", outcome.stderr);
}

/// What a step prints to drive the terminal, as `printf` of a shell takes it, the last one in two pieces.
const SEQUENCES: &str = r"a\033]52;c;ZXZpbA==\007b\033]0;title\033\\c\033[2J\033[1;1Hd\302\2332Je\010\033[?1049hf\r\033[32mgreen\n";

#[test]
fn a_steps_words_do_not_drive_the_terminal() {
    let base = source();
    let dockerfile = format!(
        "FROM {base}\n# escapes in the step's name\nRUN printf '{SEQUENCES}' && printf 'x\\033' && sleep 0.3 && \
         printf ']52;c;ZXZpbA==\\007y\\n' && : '\u{1b}]0;name\u{7}\u{9b}2J\u{202e}'\n\
         RUN printf '{SEQUENCES}' && : '\u{1b}]0;name\u{7}' && false\n"
    );
    let project = Project::new(&[("Dockerfile", &dockerfile)]);
    for progress in ["plain", "quiet"] {
        let outcome = build(&project, progress, &["--no-cache"]).fail(1);
        drives_no_terminal(&outcome.stderr);
        assert!(outcome.stderr.contains("false"), "the excerpt of the step: {}", outcome.stderr);
        let colours = outcome.stderr.contains("\u{1b}[32mgreen\u{1b}[0m\n");
        assert_eq!(colours, progress == "plain", "{}", outcome.stderr);
    }
    let outcome = project.build(&["--no-cache"]).env("NO_COLOR", "1").fail(1);
    assert!(!outcome.stderr.contains('\u{1b}'), "{}", outcome.stderr);

    // A real terminal. The live view moves its cursor itself, but sets no title and copies nothing.
    let bob = format!(
        "{} build --no-cache --progress=tty --addr {} .",
        env!("CARGO_BIN_EXE_bob"),
        Buildkitd::shared().addr()
    );
    let shown = Command::new(tool("script"))
        .args(["-qec", &bob, "/dev/null"])
        .current_dir(project.path())
        .output()
        .expect("script runs");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("ERROR") && shown.contains("green"), "{shown}");
    for sequence in ["\u{1b}]", "\u{7}", "\u{1b}[1;1H", "\u{9b}", "\u{1b}[?1049h", "\u{8}", "\u{202e}"] {
        assert!(!shown.contains(sequence), "{sequence:?} in {shown:?}");
    }
}

/// Asserts that all sequences in `text` are colours.
fn drives_no_terminal(text: &str) {
    for (at, _) in text.match_indices('\u{1b}') {
        let sequence: String = text[at + 1..].chars().take_while(|c| *c != 'm').collect();
        let is_colour =
            sequence.starts_with('[') && sequence[1..].bytes().all(|b| b.is_ascii_digit() || b == b';');
        assert!(is_colour, "{sequence:?} in {text:?}");
    }
    let is_forbidden = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t' | '\u{1b}')) || matches!(c, '\u{202a}'..='\u{202e}')
    };
    assert!(!text.contains(is_forbidden), "{text:?}");
}

const SECRET: &str = "s3cr3t-of-a-url";

#[test]
fn a_password_in_a_url_or_reference_is_shown_nowhere() {
    let user = format!("someone:{SECRET}");
    let dockerfiles = [
        format!("FROM {user}@localhost:1/x\n"),
        format!("FROM https://{user}@localhost:1/x\n"),
        format!("FROM https://{SECRET}@localhost:1/x\n"),
        format!("FROM scratch\nADD https://{user}@localhost:1/x /x\n"),
        format!("FROM scratch\nADD https://{SECRET}@localhost:1/repo.git#main /x\n"),
        format!("FROM scratch\nADD --checksum=sha256:0 https://{user}@localhost:1/x /x\n"),
        format!("FROM scratch\nCOPY --from={user}@localhost:1/x / /\n"),
        format!("FROM scratch\nFRMO https://{user}@localhost:1/x\n"),
        format!("ARG BASE=https://{user}@localhost:1/x\nFROM ${{BASE}}\n"),
    ];
    for dockerfile in &dockerfiles {
        let project = Project::new(&[("Dockerfile", dockerfile)]);
        for progress in ["plain", "rawjson", "quiet"] {
            let outcome = build(&project, progress, &[]).fail(1);
            assert!(!outcome.stderr.contains(SECRET), "{dockerfile}: {}", outcome.stderr);
        }
    }

    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
    let values = [
        ["--tag", &format!("{user}@localhost:1/x")],
        ["--tag", &format!("https://{user}@localhost:1/X")],
        ["--tag", &format!("{SECRET}@registry.example/x")],
        ["--output", &format!("type=image,push=true,name={user}@localhost:1/x")],
        ["--output", &format!("type=zip,name={user}@localhost:1/x")],
        ["--output", &format!("type=oci,dest=x.tar,name={user}@localhost:1/x")],
        ["--cache-from", &format!("type=registry,ref={user}@localhost:1/x")],
        ["--cache-from", &format!("type=zip,ref=https://{user}@localhost:1/x")],
        ["--cache-to", &format!("type=registry,ref={user}@localhost:1/x")],
        ["--build-context", &format!("x=docker-image://{user}@localhost:1/x")],
        ["--build-context", &format!("x=zip://{user}@localhost:1/x")],
        ["--platform", &format!("https://{user}@localhost:1/x")],
    ];
    for value in &values {
        let args =
            if value[0] == "--tag" { [value.as_slice(), &["--push"]].concat() } else { value.to_vec() };
        let outcome = project.build(&args).run();
        let said = outcome.stdout + &outcome.stderr;
        assert!(!said.contains(SECRET), "{args:?}: {said}");
    }
    for text in [format!("{user}@localhost:1/x"), format!("https://{user}@h/X"), format!("{SECRET}@registry")]
    {
        let outcome = Bob::new(["proxy", "--base-ref", &text, "--target-ref", &text, "--auth", "{}"]).fail(2);
        assert!(outcome.stderr.contains("***@") && !outcome.stderr.contains(SECRET), "{}", outcome.stderr);
    }
    let url = format!("https://{user}@localhost:1/repo.git");
    let outcome = Bob::new(["build", "--addr", &Buildkitd::shared().addr(), &url]).run();
    assert!(!outcome.stderr.contains(SECRET), "{}", outcome.stderr);
}

#[test]
fn an_excerpt_hides_a_password_and_keeps_its_columns() {
    let line = "FRMO https://someone:pw@host.example/x";
    let project = Project::new(&[("Dockerfile", &format!("FROM scratch\n{line}\n"))]);
    let outcome = project.build(&[]).fail(1);
    assert!(outcome.stderr.contains(" 2 | FRMO https://**********@host.example/x\n"), "{}", outcome.stderr);
}

/// A copy of the source image whose config file is `config`, pushed to `name`.
fn push_with_config(name: &str, config: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = folder.path().join("layout");
    let copied = Command::new("cp").args(["-r"]).arg(source_layout()).arg(&layout).status();
    assert!(copied.expect("cp runs").success());
    let write = |bytes: &[u8]| {
        let digest = Sha256::digest(bytes);
        let digest = digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        fs::write(layout.join("blobs/sha256").join(&digest), bytes).expect("a blob");
        json!({"digest": format!("sha256:{digest}"), "size": bytes.len()})
    };
    let read =
        |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON") };
    let mut index = read(&layout.join("index.json"));
    let blob = |value: &Value| layout.join("blobs").join(value.as_str().expect("a digest").replace(':', "/"));
    let mut manifest = read(&blob(&index["manifests"][0]["digest"]));
    let old = fs::read(blob(&manifest["config"]["digest"])).expect("a config");
    let old = String::from_utf8(old).expect("UTF-8");
    // Go's reader takes the last of several names.
    let config = [old.trim_end().trim_end_matches('}').as_bytes(), b",", config, b"}"].concat();
    let put = |into: &mut Value, from: Value| {
        for key in ["digest", "size"] {
            into[key] = from[key].clone();
        }
    };
    put(&mut manifest["config"], write(&config));
    let manifest = serde_json::to_vec(&manifest).expect("JSON");
    put(&mut index["manifests"][0], write(&manifest));
    fs::write(layout.join("index.json"), serde_json::to_vec(&index).expect("JSON")).expect("an index");
    let reference = Registry::shared().reference(name);
    let copied = Command::new(tool("skopeo"))
        .args(["copy", "-q", "--preserve-digests"])
        .args(Registry::shared().skopeo_flags("dest"))
        .args([format!("oci:{}:source", layout.display()), format!("docker://{reference}")])
        .output()
        .expect("skopeo runs");
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    reference
}

#[test]
fn a_base_config_that_buildkit_reads_means_the_same() {
    let deep = format!(r#""x":{}{}"#, r#"{"y":["#.repeat(150), "]}".repeat(150));
    let deepest = format!(r#""x":{}{}"#, "[".repeat(9999), "]".repeat(9999));
    let cases: [&[u8]; 8] = [
        br#""author":"\ud800""#,
        br#""config":{"Labels":{"a\udc00":"b\ud83d\ud83d\ude00"}}"#,
        b"\"author\":\"a\xff\xe2\x82b\"",
        deep.as_bytes(),
        deepest.as_bytes(),
        br#""CONFIG":{"env":[null,"B=2"],"LABELS":{"second":"2"}},"config":{"user":"app"}"#,
        b"\"o\xc5\xbf\":\"linux\",\"config\":{\"\xc5\xbfhell\":[\"/bin/sh\",\"-e\"]}",
        br#""history":[{"comment":"merged"}]"#,
    ];
    let project = Project::new(&[("Dockerfile", "ARG BASE\nFROM ${BASE}\nENV A=b\nLABEL c=d\n")]);
    for (number, case) in cases.into_iter().enumerate() {
        let base = push_with_config(&format!("hostile-daemon/config{number}:v1"), case);
        let reference =
            |by: &str| Registry::shared().reference(&format!("hostile-daemon/built{number}:{by}"));
        project.build(&["--build-arg", &format!("BASE={base}"), "-t", &reference("bob"), "--push"]).succeed();
        let output = Command::new(tool("buildctl"))
            .args(["--addr", &Buildkitd::shared().addr(), "build", "--frontend=dockerfile.v0"])
            .args(["--local", &format!("context={}", project.path().display())])
            .args(["--local", &format!("dockerfile={}", project.path().display())])
            .args(["--opt", &format!("build-arg:BASE={base}")])
            .args(["--output", &format!("type=image,name={},push=true", reference("buildctl"))])
            .output()
            .expect("buildctl runs");
        assert!(output.status.success(), "{number}: {}", String::from_utf8_lossy(&output.stderr));
        let [ours, theirs] = ["bob", "buildctl"].map(|by| pull(Registry::shared(), &reference(by)).config);
        let without_times = |mut config: Value| {
            config["created"] = Value::Null;
            for step in config["history"].as_array_mut().expect("a history") {
                step["created"] = Value::Null;
            }
            config
        };
        assert_eq!(without_times(ours), without_times(theirs), "{number}");
    }
}
