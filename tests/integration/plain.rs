//! `bob build` outside a workspace: what comes out is pulled, unpacked, run and looked at.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;

use serde_json::Value;

use super::support::{Bob, Buildkitd, Image, Project, Registry, pull, raw_manifest, refusing_registry, tool};

fn source() -> String {
    Image::push_source(Registry::shared(), "plain/source:latest")
}

#[test]
fn files_owners_modes_and_config_come_out_as_written() {
    let registry = Registry::shared();
    let project = Project::new(&[
        (
            "Dockerfile",
            r#"ARG BASE
FROM $BASE AS make
WORKDIR /src
COPY in.txt .
RUN cat in.txt in.txt > out.txt && mkdir -p /keep/sticky && chmod 1777 /keep/sticky
FROM $BASE
COPY --from=make --chown=app:app --chmod=0640 /src/out.txt /data/
COPY --from=make /keep /keep
COPY <<EOF /etc/motd
welcome
EOF
USER app
ENV GREETING="hello world"
EXPOSE 8080
LABEL maker=bob
ENTRYPOINT ["/bin/cat"]
CMD ["/data/out.txt"]
"#,
        ),
        ("in.txt", "line\n"),
    ]);
    let reference = registry.reference("plain/files:v1");
    let outcome =
        project.build(&["--build-arg", &format!("BASE={}", source()), "-t", &reference, "--push"]).succeed();
    assert!(outcome.stderr.contains("[make 3/4] COPY in.txt ."), "{}", outcome.stderr);

    let image = pull(registry, &reference);
    let config = &image.config["config"];
    assert_eq!(config["User"], "app");
    assert_eq!(config["Entrypoint"], serde_json::json!(["/bin/cat"]));
    assert_eq!(config["Env"], serde_json::json!(["PATH=/bin", "FROM_SOURCE=yes", "GREETING=hello world"]));
    assert_eq!(config["Labels"], serde_json::json!({"origin": "source", "maker": "bob"}));
    assert_eq!(config["ExposedPorts"], serde_json::json!({"8080/tcp": {}}));
    let root = image.unpack();
    let out = fs::metadata(root.join("data/out.txt")).expect("the file");
    assert_eq!((out.uid(), out.gid(), out.permissions().mode() & 0o7777), (1000, 1001, 0o640));
    assert_eq!(
        fs::metadata(root.join("keep/sticky")).expect("the folder").permissions().mode() & 0o7777,
        0o1777
    );
    assert_eq!(image.run("cat /data/out.txt /etc/motd"), "line\nline\nwelcome\n");
}

#[test]
fn the_ignore_file_keeps_files_out_of_the_build() {
    let registry = Registry::shared();
    let project = Project::new(&[
        ("Dockerfile", "ARG BASE\nFROM $BASE\nCOPY . /all\n"),
        (".dockerignore", "*.log\n!keep.log\nDockerfile\n.dockerignore\n**/tmp\n"),
        ("a.txt", "a"),
        ("b.log", "b"),
        ("keep.log", "k"),
        ("sub/tmp/x", "x"),
        ("sub/y", "y"),
    ]);
    let reference = registry.reference("plain/ignore:v1");
    project.build(&["--build-arg", &format!("BASE={}", source()), "-t", &reference, "--push"]).succeed();
    assert_eq!(pull(registry, &reference).run("cd /all; ls -R"), ".:\na.txt\nkeep.log\nsub\n\n./sub:\ny\n");
}

#[test]
fn an_empty_ignore_file_of_the_dockerfile_stands_in_place_of_the_context_s() {
    let project = Project::new(&[
        ("Dockerfile", "FROM scratch\nCOPY f /\n"),
        (".dockerignore", "f\n"),
        ("Dockerfile.dockerignore", ""),
        ("f", "1"),
    ]);
    project.build(&["-o", "out"]).succeed();
    assert!(project.path().join("out/f").is_file());
}

#[test]
fn a_changed_context_is_sent_again_and_an_unchanged_one_is_cached() {
    let project =
        Project::new(&[("Dockerfile", "ARG BASE\nFROM $BASE\nCOPY f /f\nRUN cat /f > /g\n"), ("f", "one")]);
    let base = format!("BASE={}", source());
    let built = || {
        let out = project.path().join("out");
        let _ = fs::remove_dir_all(&out);
        let outcome = project.build(&["--build-arg", &base, "-o", "out"]).succeed();
        (fs::read_to_string(out.join("g")).expect("the file"), outcome.stderr.matches("CACHED").count())
    };
    let (text, _) = built();
    assert_eq!(text, "one");
    let (text, cached) = built();
    assert_eq!((text.as_str(), cached >= 2), ("one", true));
    fs::write(project.path().join("f"), "two").expect("a change of the same size");
    assert_eq!(built().0, "two");
}

#[test]
fn secrets_reach_the_step_that_mounts_them_and_nothing_else() {
    let project = Project::new(&[
        (
            "Dockerfile",
            "ARG BASE\nFROM $BASE\nRUN --mount=type=secret,id=file cat /run/secrets/file | wc -c > /size\nRUN --mount=type=secret,id=variable,env=V echo ${#V} >> /size\n",
        ),
        ("secret.txt", "from a file"),
    ]);
    let base = format!("BASE={}", source());
    let outcome = project
        .build(&["--build-arg", &base, "-o", "out"])
        .args(&["--secret", "id=file,src=secret.txt", "--secret", "id=variable,env=TOP"])
        .env("TOP", "from-the-environment")
        .succeed();
    assert_eq!(fs::read_to_string(project.path().join("out/size")).expect("the file"), "11\n20\n");
    assert!(!outcome.stderr.contains("from-the-environment") && !outcome.stderr.contains("from a file"));
}

#[test]
fn an_ssh_agent_reaches_the_step_that_mounts_it_and_no_other() {
    let project = Project::new(&[(
        "Dockerfile",
        "ARG BASE\nFROM $BASE\nRUN --mount=type=ssh,id=keys test -S \"$SSH_AUTH_SOCK\" && echo there > /with\nRUN test -z \"$SSH_AUTH_SOCK\" && echo none > /without\n",
    )]);
    let socket = project.path().join("agent.sock");
    let _agent = UnixListener::bind(&socket).expect("a socket");
    let base = format!("BASE={}", source());
    let agent = format!("keys={}", socket.display());
    project.build(&["--build-arg", &base, "--ssh", &agent, "-o", "out"]).succeed();
    let read = |name: &str| fs::read_to_string(project.path().join("out").join(name)).expect("the file");
    assert_eq!((read("with"), read("without")), ("there\n".to_owned(), "none\n".to_owned()));
    let missing =
        project.build(&["--build-arg", &base, "--ssh", "keys=/nonexistent/agent", "-o", "out"]).run();
    assert!(!missing.status.success() && missing.stderr.contains("/nonexistent/agent"), "{}", missing.stderr);
}

#[test]
fn a_target_stage_is_built_and_others_are_not() {
    let project = Project::new(&[(
        "Dockerfile",
        "ARG BASE\nFROM $BASE AS one\nRUN echo one > /f\nFROM $BASE AS two\nRUN exit 7\n",
    )]);
    let base = format!("BASE={}", source());
    project.build(&["--build-arg", &base, "--target", "one", "-o", "out"]).succeed();
    assert_eq!(fs::read_to_string(project.path().join("out/f")).expect("the file"), "one\n");
}

#[test]
fn every_output_is_written_whole() {
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY f /dir/f\n"), ("f", "text")]);
    let at = |name: &str| project.path().join(name);
    for output in ["type=tar,dest=out.tar", "type=oci,dest=oci.tar", "type=docker,dest=docker.tar,name=x:1"] {
        project.build(&["-o", output]).succeed();
    }
    let list = |name: &str| {
        let output =
            std::process::Command::new(tool("tar")).arg("-tf").arg(at(name)).output().expect("tar runs");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    assert_eq!(list("out.tar"), "dir/\ndir/f\n");
    assert!(list("oci.tar").contains("index.json"));
    assert!(list("docker.tar").contains("manifest.json"));

    project.build(&["-o", "type=local,dest=local"]).succeed();
    assert_eq!(fs::read_to_string(at("local/dir/f")).expect("the file"), "text");

    let stream = project.build(&["-o", "-"]).succeed();
    assert!(stream.stdout.contains("dir/f"), "a tar file on standard output");
}

#[test]
fn metadata_and_image_id_are_written() {
    let registry = Registry::shared();
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY f /f\n"), ("f", "text")]);
    let reference = registry.reference("plain/metadata:v1");
    project
        .build(&["-t", &reference, "--push", "--metadata-file", "meta.json", "--iidfile", "iid"])
        .succeed();
    let metadata: Value =
        serde_json::from_slice(&fs::read(project.path().join("meta.json")).expect("a file")).expect("JSON");
    assert_eq!(metadata["image.name"], reference.as_str());
    let image = pull(registry, &reference);
    assert_eq!(metadata["containerimage.config.digest"], image.manifest["config"]["digest"]);
    assert_eq!(metadata["containerimage.descriptor"]["digest"], metadata["containerimage.digest"]);
    let id = fs::read_to_string(project.path().join("iid")).expect("a file");
    assert!(id.starts_with("sha256:"), "{id}");
}

#[test]
fn an_image_id_that_cannot_be_printed_fails_the_build() {
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY f /f\n"), ("f", "text")]);
    let full = fs::File::options().write(true).open("/dev/full").expect("the device opens");
    let outcome =
        project.build(&["--progress=quiet", "-o", "type=oci,dest=image.tar"]).with_stdout(full).fail(1);
    assert!(
        outcome.stderr.contains("error: cannot write to standard output: No space left on device"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn an_image_in_the_place_of_a_base_is_named_where_it_does_not_exist() {
    let missing = Registry::shared().reference("plain/missing:v1");
    let project = Project::new(&[("Dockerfile", "FROM base.example/x\n")]);
    let context = format!("base.example/x=docker-image://{missing}");
    let stderr = project.build(&["--build-context", &context]).fail(1).stderr;
    assert!(stderr.contains(&format!("error: {missing}: base image does not exist")), "{stderr}");
}

#[test]
fn a_file_that_cannot_be_written_names_its_missing_folder_before_anything_is_built() {
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY f /f\n"), ("f", "text")]);
    for flag in ["--metadata-file", "--iidfile", "--report"] {
        let stderr = project.build(&[flag, "no/x.json"]).fail(1).stderr;
        assert!(
            stderr.ends_with("error: cannot write no/x.json: there is no folder no; make it first\n"),
            "{stderr}"
        );
        assert!(!stderr.contains("COPY"), "{stderr}");
    }
}

#[test]
fn several_tags_are_pushed_with_credentials_that_buildkitd_never_sees() {
    let registry = Registry::shared_secured();
    let project = Project::new(&[
        ("Dockerfile", "FROM scratch\nCOPY f /f\n"),
        ("f", "text"),
        ("docker/config.json", &registry.docker_config()),
    ]);
    let (one, two) = (registry.reference("plain/tags:one"), registry.reference("plain/other:two"));
    let outcome = project
        .build(&["-t", &one, "-t", &two, "--push"])
        .env("DOCKER_CONFIG", project.path().join("docker"))
        .env("SSL_CERT_FILE", registry.ca())
        .succeed();
    assert_eq!(pull(registry, &one).layers(), pull(registry, &two).layers());
    assert!(!outcome.stderr.contains(Registry::PASSWORD));
    assert!(!Buildkitd::shared().log().contains(Registry::PASSWORD));
}

#[test]
fn several_platforms_make_an_index() {
    let registry = Registry::shared();
    let project = Project::new(&[
        ("Dockerfile", "FROM scratch\nARG TARGETARCH\nCOPY f-$TARGETARCH /f\n"),
        ("f-amd64", "a"),
        ("f-arm64", "b"),
    ]);
    let reference = registry.reference("plain/platforms:v1");
    project.build(&["--platform", "linux/amd64,linux/arm64", "-t", &reference, "--push"]).succeed();
    let raw = std::process::Command::new(tool("skopeo"))
        .args(["inspect", "--raw", "--tls-verify=false", &format!("docker://{reference}")])
        .output()
        .expect("skopeo runs");
    let index: Value = serde_json::from_slice(&raw.stdout).expect("JSON");
    let platforms: Vec<&str> = index["manifests"]
        .as_array()
        .expect("an index")
        .iter()
        .filter_map(|m| m["platform"]["architecture"].as_str())
        .collect();
    assert_eq!(platforms, ["amd64", "arm64"]);
}

#[test]
fn images_without_files_for_several_platforms_are_built_and_the_daemon_lives_on() {
    let daemon = Buildkitd::start();
    let registry = Registry::shared();
    for (number, dockerfile) in [
        "FROM scratch\nLABEL a=b\n",
        "FROM scratch AS amd64\nLABEL a=b\nFROM scratch AS arm64\nCOPY file /\nFROM ${TARGETARCH}\n",
        "FROM scratch AS arm64\nLABEL a=b\nFROM scratch AS amd64\nCOPY file /\nFROM ${TARGETARCH}\n",
    ]
    .into_iter()
    .enumerate()
    {
        let project = Project::new(&[("Dockerfile", dockerfile), ("file", "x")]);
        let name = registry.reference(&format!("plain/no-files-{number}:v1"));
        let platforms = ["--platform", "linux/amd64,linux/arm64"];
        for output in [&["-t", &name, "--push"][..], &["-o", "type=oci,dest=out.tar"], &["-o", "out"], &[]] {
            project.build_on(&daemon, &[&platforms, output].concat()).succeed();
        }
        let index: Value = serde_json::from_slice(&raw_manifest(&name)).expect("JSON");
        assert_eq!(index["manifests"].as_array().expect("manifests").len(), 2, "{index}");
    }
}

#[test]
fn without_arguments_outside_of_a_workspace_nothing_is_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let outcome = Bob::new(["build", "--workspace-root", "none"]).env("HOME", folder.path());
    let outcome = outcome.current_dir(folder.path()).fail(2);
    assert!(outcome.stderr.contains("the build context is missing"), "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0);
}

#[test]
fn a_push_that_fails_never_names_the_proxy_in_process() {
    let host = refusing_registry(503);
    let logins = format!(r#"{{"auths":{{"{host}":{{"auth":"dTpw"}}}}}}"#);
    let project = Project::new(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
    let reference = format!("{host}/team/app:v1");
    let push = project.build(&["-t", &reference, "--push", "--push-via", "proxy"]);
    let shown = push.env("DOCKER_AUTH_CONFIG", logins).fail(1).stderr;
    assert!(shown.contains(&format!("registry {host} refused the push of {reference}")), "{shown}");
    assert!(!shown.contains("image0"), "{shown}");
    let ports =
        shown.split("127.0.0.1:").skip(1).map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    let others: Vec<_> = ports.flatten().filter(|port| !host.ends_with(&format!(":{port}"))).collect();
    assert!(others.is_empty(), "{others:?}: {shown}");
}
