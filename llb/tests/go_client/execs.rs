use llb::{
    CacheSharing, Constraints, ContentCache, DefaultPath, Device, EnvVar, ExecOp, Executed, HostIp,
    LinuxResources, Mount, Network, Output, Platform, ProxyEnv, Secret, Security, SshAgent, Ulimit,
};

use super::{Build, Case, make, none};

fn with_mounts(root: Output, mounts: impl Into<Vec<Mount>>) -> ExecOp {
    ExecOp { mounts: mounts.into(), ..make(root) }
}

fn readonly(mount: Mount) -> Mount {
    Mount { readonly: true, ..mount }
}

fn many_mounts(b: &mut Build) -> Executed {
    let (alpine, busybox) = (b.alpine, b.busybox);
    let exec = with_mounts(
        alpine,
        [
            Mount::bind("/z", busybox),
            Mount { selector: "/etc".into(), ..readonly(Mount::bind("/a", alpine)) },
            Mount { no_output: true, ..Mount::bind("!before", busybox) },
            Mount::bind("/m", Output::SCRATCH),
            Mount { content_cache: ContentCache::On, ..readonly(Mount::bind("/content", busybox)) },
            Mount { content_cache: ContentCache::Off, ..readonly(Mount::bind("/definition", busybox)) },
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
    ExecOp {
        env: vec![EnvVar::new("A", "1"), EnvVar::new("B", "x=y")],
        cwd: "/src".into(),
        user: "app:app".into(),
        hostname: "builder".to_owned(),
        cgroup_parent: "/parent".to_owned(),
        extra_hosts: vec![
            host("db", "10.0.0.1"),
            host("six", "2001:db8::1"),
            host("mapped", "::ffff:10.0.0.2"),
        ],
        ulimits: vec![Ulimit { name: "nofile".to_owned(), soft: 10, hard: -1 }],
        valid_exit_codes: vec![0, 3, 300],
        proxy_env: Some(ProxyEnv {
            http_proxy: "h".to_owned(),
            https_proxy: "s".to_owned(),
            ftp_proxy: "f".to_owned(),
            no_proxy: "n".to_owned(),
            all_proxy: "a".to_owned(),
        }),
        network: Network::Host,
        security: Security::Insecure,
        devices: [("vendor.example/gpu=0", false), ("b", true)]
            .map(|(name, optional)| Device { name: name.to_owned(), optional })
            .to_vec(),
        ..make(root)
    }
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
        let exec =
            ExecOp { readonly_root: true, ..with_mounts(b.alpine, [Mount::bind("/out", Output::SCRATCH)]) };
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
            Mount {
                source: b.busybox,
                selector: "sub".into(),
                ..Mount::cache("/private", "p", CacheSharing::Private)
            },
            readonly(Mount::cache("/locked", "l", CacheSharing::Locked)),
        ];
        b.run(with_mounts(b.alpine, mounts))
    }),
    ("exec_tmpfs", |b| {
        b.run(with_mounts(b.alpine, [Mount::tmpfs("/t", 0), Mount::tmpfs("/sized", 1 << 20)]))
    }),
    ("exec_secrets", |b| {
        let file = Secret { uid: 1, gid: 2, mode: 0o440, ..Secret::file("a", "/run/secrets/a") };
        let env = Secret { optional: true, ..Secret::env("t", "TOKEN") };
        b.run(ExecOp { secrets: vec![file, env], ..make(b.alpine) })
    }),
    ("exec_ssh", |b| {
        let key = SshAgent {
            target: "/agent".to_owned(),
            uid: 1,
            gid: 2,
            mode: 0o660,
            optional: true,
            ..SshAgent::new("key")
        };
        b.run(ExecOp { ssh: vec![SshAgent::new(""), key], ..make(b.alpine) })
    }),
    ("exec_ssh_socket_set", |b| {
        let agent = SshAgent { target: "/agent".to_owned(), ..SshAgent::new("") };
        b.run(ExecOp { env: vec![EnvVar::new("SSH_AUTH_SOCK", "/x")], ssh: vec![agent], ..make(b.alpine) })
    }),
    ("exec_no_network", |b| b.run(ExecOp { network: Network::None, ..make(b.alpine) })),
    ("exec_path_in_op", |b| {
        b.options.default_path = DefaultPath::Op;
        b.run(ExecOp { env: vec![EnvVar::new("PATHS", "x")], ..make(b.alpine) })
    }),
    ("exec_path_set", |b| {
        b.options.default_path = DefaultPath::Op;
        b.run(ExecOp { env: vec![EnvVar::new("PATH", "/bin")], ..make(b.alpine) })
    }),
    ("exec_limits", |b| {
        let mut constraints = none();
        constraints.metadata.linux_resources = Some(Box::new(LinuxResources {
            memory: 1,
            memory_swap: -1,
            cpu_shares: 2,
            cpu_period: 3,
            cpu_quota: 4,
            cpuset_cpus: "0-3".to_owned(),
            cpuset_mems: "0".to_owned(),
        }));
        b.graph.exec(make(b.alpine), constraints).root
    }),
];
