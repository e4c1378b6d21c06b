//! RUN: its mounts, options, variables and here-documents.

use super::*;

#[test]
fn mounts_get_their_defaults() {
    let image = lowered(concat!(
        "FROM a\nRUN --mount=type=cache,target=c,uid=7 --mount=type=secret,id=d/s,env=V,required ",
        "--mount=type=ssh --mount=type=bind,target=/b,rw x $V\n"
    ));
    let exec = exec_of(&image);
    let targets: Vec<&str> = exec.mounts.iter().map(|mount| mount.target.as_str()).collect();
    assert_eq!(targets, ["/b", "/srv/c"]);
    assert!(exec.mounts[0].no_output && !exec.mounts[0].readonly);
    assert!(matches!(&exec.mounts[1].kind, MountKind::Cache { id, .. } if id == "/c"));
    assert_eq!(exec.mounts[1].selector, "/cache");
    let Some((Op::File(file), _)) = image.graph.get(exec.mounts[1].source) else { panic!("no directory") };
    let Some(llb::FileAction::Mkdir(made)) = file.actions().next() else { panic!("no directory") };
    assert_eq!((made.path.as_str(), made.mode, &made.owner), ("/cache", 0o755, &Some(llb::Owner::ids(7, 0))));
    assert_eq!((exec.secrets[0].target.as_deref(), exec.secrets[0].optional), (None, false));
    assert_eq!((exec.ssh[0].id.as_str(), exec.ssh[0].mode), ("", 0o600));
    assert!(name(&image).ends_with("x ****"), "{}", name(&image));
    let plain = lowered("FROM a\nRUN --mount=type=secret,id=d/s x\n");
    assert_eq!(exec_of(&plain).secrets[0].target.as_deref(), Some("/run/secrets/s"));
}

#[test]
fn options_reach_every_command() {
    let all = options(|options| {
        options.network = plan::Network::Host;
        options.hostname = "h".into();
        options.shm_size_bytes = 9;
        options.cgroup_parent = "g".into();
        options.linux_resources.memory = 64;
        options.no_cache = plan::NoCache::Stages(vec!["B".into()]);
        options.build_args =
            BTreeMap::from([("http_proxy".into(), "p".into()), ("HTTP_PROXY".into(), "P".into())]);
    });
    let image = lower_with("FROM a AS b\nRUN x\n", "", &all).0.unwrap();
    let exec = exec_of(&image);
    assert_eq!((exec.network, exec.hostname.as_str()), (llb::Network::Host, "h"));
    assert_eq!((exec.cgroup_parent.as_str(), exec.mounts[0].target.as_str()), ("g", "/dev/shm"));
    assert_eq!(exec.proxy_env.as_ref().unwrap().http_proxy, "p");
    let metadata = &image.graph.get(image.root).unwrap().1.metadata;
    assert!(metadata.ignore_cache);
    assert_eq!(metadata.linux_resources.as_ref().unwrap().memory, 64);
    let image = lower_with("FROM a AS c\nRUN --network=none x\n", "", &all).0.unwrap();
    assert_eq!(exec_of(&image).network, llb::Network::None);
    assert!(!image.graph.get(image.root).unwrap().1.metadata.ignore_cache);
}

#[test]
fn every_proxy_argument_reaches_commands_in_either_case() {
    let proxies = ["HTTP_PROXY", "https_proxy", "FTP_PROXY", "no_proxy", "ALL_PROXY"];
    let given = options(|options| {
        let args = proxies.iter().chain(&["other_proxy"]);
        options.build_args = args.map(|name| ((*name).into(), name.to_ascii_lowercase())).collect();
    });
    let image = lower_with("FROM a\nRUN x\n", "", &given).0.unwrap();
    let wanted = llb::ProxyEnv::default()
        .with_http_proxy("http_proxy")
        .with_https_proxy("https_proxy")
        .with_ftp_proxy("ftp_proxy")
        .with_no_proxy("no_proxy")
        .with_all_proxy("all_proxy");
    assert_eq!(exec_of(&image).proxy_env.as_ref(), Some(&wanted));
    assert_eq!(exec_of(&lowered("FROM a\nRUN x\n")).proxy_env, None);
}

#[test]
fn here_documents_are_scripts_files_or_text_for_the_shell() {
    let script = lowered("FROM a\nRUN <<E\n#!/bin/x\ny\nE\n");
    assert_eq!(exec_of(&script).args, ["/bin/sh", "-c", "/dev/pipes/E"]);
    assert_eq!(exec_of(&script).mounts[0].target, "/dev/pipes/");
    let text = lowered("FROM a\nRUN <<-E\n\ta\n\tb\nE\n");
    assert_eq!(exec_of(&text).args, ["/bin/sh", "-c", "a\nb\n"]);
    assert_eq!(name(&text), "[2/2] RUN <<-E (a...)");
    let several = lowered("FROM a\nRUN cat <<A <<B\n1\nA\n2\nB\n");
    assert_eq!(exec_of(&several).args[2], "cat <<A <<B\n1\nA\n2\nB");
    let file = lowered("FROM a\nENV V=v\nCOPY <<A <<\"B\" /x/\n$V\nA\n$V\nB\n");
    assert_eq!(copies(&file).len(), 2);
    assert_eq!(history(&file)[2], "COPY <<A <<B /x/ # buildkit");
}

#[test]
fn a_device_is_asked_for_in_the_experimental_edition_only() {
    let text = "FROM alpine\nRUN --device=vendor.example/gpu=all,required --device=vendor.example/tpu true\n";
    let (error, line) = refused(text);
    assert!(error.starts_with("RUN --device is a feature"), "{error}");
    assert_eq!(line, Some(2));
    let made = lowered(&format!("# syntax=docker/dockerfile:1-labs\n{text}"));
    let devices = &exec_of(&made).devices;
    let named: Vec<_> = devices.iter().map(|device| (device.name.as_str(), device.optional)).collect();
    assert_eq!(named, [("vendor.example/gpu=all", false), ("vendor.example/tpu", true)]);
}
