use llb::{
    CacheSharing, Constraints, ContentCache, DefaultPath, Device, EnvVar, ExecOp, Executed, HostIp,
    LinuxResources, Mount, Network, Output, Platform, ProxyEnv, Secret, Security, SshAgent, Ulimit,
};

use super::{Build, Case, make, none};

fn with_mounts(root: Output, mounts: impl Into<Vec<Mount>>) -> ExecOp {
    make(root).with_mounts(mounts.into())
}

fn readonly(mount: Mount) -> Mount {
    mount.with_readonly(true)
}

fn many_mounts(b: &mut Build) -> Executed {
    let (alpine, busybox) = (b.alpine, b.busybox);
    let exec = with_mounts(
        alpine,
        [
            Mount::bind("/z", busybox),
            readonly(Mount::bind("/a", alpine)).with_selector("/etc"),
            Mount::bind("!before", busybox).with_no_output(true),
            Mount::bind("/m", Output::SCRATCH),
            readonly(Mount::bind("/content", busybox)).with_content_cache(ContentCache::On),
            readonly(Mount::bind("/definition", busybox)).with_content_cache(ContentCache::Off),
        ],
    );
    let executed = b.graph.exec(exec, none());
    assert_eq!(executed.mounts[1], Some(alpine), "a read-only mount stays what it was");
    assert_eq!(executed.mounts[2], None, "a mount without output is lost");
    executed
}

fn mount_before_root(b: &mut Build) -> Executed {
    let mounts = [Mount::bind("!x", b.alpine), Mount::bind("/x", b.busybox)];
    b.graph.exec(with_mounts(Output::SCRATCH, mounts), none())
}

fn everything(root: Output) -> ExecOp {
    let host = |host: &str, ip: &str| HostIp { host: host.to_owned(), ip: ip.parse().unwrap() };
    make(root)
        .with_env([EnvVar::new("A", "1"), EnvVar::new("B", "x=y")])
        .with_cwd("/src")
        .with_user("app:app")
        .with_hostname("builder")
        .with_cgroup_parent("/parent")
        .with_extra_hosts([
            host("db", "10.0.0.1"),
            host("six", "2001:db8::1"),
            host("mapped", "::ffff:10.0.0.2"),
        ])
        .with_ulimits([Ulimit { name: "nofile".to_owned(), soft: 10, hard: -1 }])
        .with_valid_exit_codes([0, 3, 300])
        .with_proxy_env(
            ProxyEnv::default()
                .with_http_proxy("h")
                .with_https_proxy("s")
                .with_ftp_proxy("f")
                .with_no_proxy("n")
                .with_all_proxy("a"),
        )
        .with_network(Network::Host)
        .with_security(Security::Insecure)
        .with_devices(
            [("vendor.example/gpu=0", false), ("b", true)]
                .map(|(name, optional)| Device::new(name).with_optional(optional))
                .to_vec(),
        )
}

pub(super) const CASES: &[Case] = &[
    ("exec", |b| b.run(make(b.alpine))),
    ("exec_everything", |b| b.run(everything(b.alpine))),
    ("exec_for_arm", |b| {
        let arm = Platform::new("linux", "arm").with_variant("v7");
        b.graph.exec(make(b.alpine), Constraints::default().with_platform(arm)).root
    }),
    ("exec_on_scratch", |b| b.run(make(Output::SCRATCH))),
    ("exec_readonly_root", |b| {
        let exec = with_mounts(b.alpine, [Mount::bind("/out", Output::SCRATCH)]).with_readonly_root(true);
        let executed = b.graph.exec(exec, none());
        assert_eq!(executed.root, b.alpine, "a read-only root stays what it was");
        executed.mounts[0].unwrap()
    }),
    ("exec_mounts", |b| many_mounts(b).root),
    ("exec_mounts_z", |b| many_mounts(b).mounts[0].unwrap()),
    ("exec_mounts_m", |b| many_mounts(b).mounts[3].unwrap()),
    ("exec_mount_before_root", |b| mount_before_root(b).mounts[0].unwrap()),
    ("exec_root_after_mount", |b| mount_before_root(b).root),
    ("exec_caches", |b| {
        let mounts = [
            Mount::cache("/shared", "s", CacheSharing::Shared),
            Mount::cache("/private", "p", CacheSharing::Private).with_source(b.busybox).with_selector("sub"),
            readonly(Mount::cache("/locked", "l", CacheSharing::Locked)),
        ];
        b.run(with_mounts(b.alpine, mounts))
    }),
    ("exec_tmpfs", |b| {
        b.run(with_mounts(b.alpine, [Mount::tmpfs("/t", 0), Mount::tmpfs("/sized", 1 << 20)]))
    }),
    ("exec_secrets", |b| {
        let file = Secret::file("a", "/run/secrets/a").with_uid(1).with_gid(2).with_mode(0o440);
        let env = Secret::env("t", "TOKEN").with_optional(true);
        b.run(make(b.alpine).with_secrets([file, env]))
    }),
    ("exec_ssh", |b| {
        let key = SshAgent::new("key")
            .with_target("/agent")
            .with_uid(1)
            .with_gid(2)
            .with_mode(0o660)
            .with_optional(true);
        b.run(make(b.alpine).with_ssh([SshAgent::new(""), key]))
    }),
    ("exec_ssh_socket_set", |b| {
        let agent = SshAgent::new("").with_target("/agent");
        b.run(make(b.alpine).with_env([EnvVar::new("SSH_AUTH_SOCK", "/x")]).with_ssh([agent]))
    }),
    ("exec_no_network", |b| b.run(make(b.alpine).with_network(Network::None))),
    ("exec_path_in_op", |b| {
        b.options.default_path = DefaultPath::Op;
        b.run(make(b.alpine).with_env([EnvVar::new("PATHS", "x")]))
    }),
    ("exec_path_set", |b| {
        b.options.default_path = DefaultPath::Op;
        b.run(make(b.alpine).with_env([EnvVar::new("PATH", "/bin")]))
    }),
    ("exec_limits", |b| {
        let mut constraints = none();
        let limits = LinuxResources::default()
            .with_memory(1)
            .with_memory_swap(-1)
            .with_cpu_shares(2)
            .with_cpu_period(3)
            .with_cpu_quota(4)
            .with_cpuset_cpus("0-3")
            .with_cpuset_mems("0");
        constraints.metadata = constraints.metadata.with_linux_resources(limits);
        b.graph.exec(make(b.alpine), constraints).root
    }),
];
