//! What the daemon is told of a build in the words of a frontend's attributes.
//!
//! Bob's graphs come without a frontend, but the daemon keeps these attributes in its history and in provenance, and
//! checks the result against some of them. They are those that buildx sends (`toSolveOpt` and `loadInputs` in
//! build/opt.go).

use std::collections::BTreeMap;
use std::fmt::Display;

use super::attestations::without_login;
use crate::converter::plan::{Context, Network, NoCache, Options, ResolveMode};
use crate::diag::redact;
use crate::gotext::parse_bool;

/// Attributes by name, as `SolveRequest.FrontendAttrs` has them.
pub(super) type FrontendAttributes = BTreeMap<String, String>;

/// What the build arguments begin with that ask the daemon for attestations.
const ATTESTATION: &str = "BUILDKIT_ATTEST_";

/// Returns the attributes by which build arguments ask the daemon for attestations: it makes those that the result comes
/// without, after the last step. So they are only for builds whose result has the lists of contents that they ask for.
pub(super) fn of_attestation_arguments(options: &Options) -> FrontendAttributes {
    let asked = options.build_args.iter().filter(|(name, _)| name.starts_with(ATTESTATION));
    asked.map(|(name, value)| (format!("build-arg:{name}"), value.clone())).collect()
}

/// Returns the attributes that say what `options` say, those of [`of_attestation_arguments`] excepted.
pub(super) fn of_options(options: &Options) -> FrontendAttributes {
    let mut attributes = FrontendAttributes::new();
    let mut set = |name: &str, value: String| {
        attributes.insert(name.to_owned(), told(&value));
    };
    set("filename", options.filename.clone());
    for (name, value) in &options.build_args {
        if !name.starts_with(ATTESTATION) {
            set(&format!("build-arg:{name}"), value.clone());
        }
    }
    for (name, value) in &options.labels {
        set(&format!("label:{name}"), value.clone());
    }
    for (name, source) in &options.named_contexts {
        set(&format!("context:{name}"), source.clone());
    }
    match &options.context {
        Context::Local => {}
        Context::Git(url) | Context::Http { url, .. } => set("context", url.clone()),
    }
    if !options.target.is_empty() {
        set("target", options.target.clone());
    }
    if !options.platforms.is_empty() {
        set("platform", joined(&options.platforms));
    }
    if options.build_args.get("BUILDKIT_MULTI_PLATFORM").and_then(|value| parse_bool(value)) == Some(true) {
        set("multi-platform", "true".to_owned());
    }
    match &options.no_cache {
        NoCache::Off => {}
        NoCache::All => set("no-cache", String::new()),
        NoCache::Stages(names) => set("no-cache", names.join(",")),
    }
    if options.resolve_mode != ResolveMode::Default {
        set("image-resolve-mode", options.resolve_mode.name().to_owned());
    }
    set_for_run(options, &mut set);
    attributes
}

/// Sets the attributes that say how every RUN runs.
fn set_for_run(options: &Options, set: &mut impl FnMut(&str, String)) {
    match options.network {
        Network::Sandbox => {}
        Network::Host => set("force-network-mode", "host".to_owned()),
        Network::None => set("force-network-mode", "none".to_owned()),
    }
    if !options.add_hosts.is_empty() {
        set("add-hosts", joined(options.add_hosts.iter().map(|(name, address)| format!("{name}={address}"))));
    }
    if options.shm_size_bytes > 0 {
        set("shm-size", options.shm_size_bytes.to_string());
    }
    if !options.ulimits.is_empty() {
        let mut limits: Vec<_> = options.ulimits.iter().collect();
        limits.sort_by(|a, b| a.name.cmp(&b.name));
        let text = limits.iter().map(|limit| format!("{}={}:{}", limit.name, limit.soft, limit.hard));
        set("ulimit", joined(text));
    }
    if !options.cgroup_parent.is_empty() {
        set("cgroup-parent", options.cgroup_parent.clone());
    }
    let limits = &options.linux_resources;
    for (name, number) in [
        ("memory", limits.memory.to_string()),
        ("memswap", limits.memory_swap.to_string()),
        ("cpushares", limits.cpu_shares.to_string()),
        ("cpuperiod", limits.cpu_period.to_string()),
        ("cpuquota", limits.cpu_quota.to_string()),
    ] {
        if number != "0" {
            set(name, number);
        }
    }
    for (name, list) in [("cpusetcpus", &limits.cpuset_cpus), ("cpusetmems", &limits.cpuset_mems)] {
        if !list.is_empty() {
            set(name, list.clone());
        }
    }
}

/// A value without logins of URLs: history and provenance are read by others than the registry or proxy that they are for.
/// What needs them, such as the source of a context, has them from the graph.
fn told(value: &str) -> String {
    // What stands before the @ of these is a name, and what follows is a digest.
    if ["docker-image://", "oci-layout://"].iter().any(|scheme| value.starts_with(scheme)) {
        return value.to_owned();
    }
    match value.matches("://").count() {
        0 => value.to_owned(),
        1 if !value.contains(char::is_whitespace) => without_login(value),
        _ => redact(value).into_owned(),
    }
}

fn joined(items: impl IntoIterator<Item = impl Display>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(",")
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::converter::plan::{LinuxResources, Ulimit};
    use crate::image::Platform;

    fn texts(options: &Options) -> Vec<String> {
        of_options(options).iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn a_build_without_options_names_its_dockerfile_alone() {
        assert_eq!(texts(&Options::default()), ["filename=Dockerfile"]);
    }

    #[test]
    fn every_option_is_told() {
        let pair = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let limit = |name: &str| Ulimit { name: name.to_owned(), soft: 1, hard: 2 };
        let options = Options {
            target: "t".to_owned(),
            platforms: vec![Platform::new("linux", "amd64"), Platform::parse("linux/arm/v7").unwrap()],
            build_args: pair("BUILDKIT_MULTI_PLATFORM", "1"),
            labels: pair("l", ""),
            no_cache: NoCache::Stages(vec!["a".to_owned(), "b".to_owned()]),
            add_hosts: vec![
                ("h".to_owned(), Ipv4Addr::new(1, 1, 1, 1).into()),
                ("h".to_owned(), Ipv4Addr::LOCALHOST.into()),
            ],
            network: Network::Host,
            shm_size_bytes: 1024,
            ulimits: vec![limit("nproc"), limit("core")],
            cgroup_parent: "/g".to_owned(),
            linux_resources: LinuxResources {
                memory_swap: -1,
                cpu_shares: 2,
                cpuset_cpus: "0".to_owned(),
                ..LinuxResources::default()
            },
            resolve_mode: ResolveMode::Pull,
            context: Context::Git("https://h/r.git".to_owned()),
            named_contexts: pair("n", "local:n"),
            filename: "ops.Dockerfile".to_owned(),
            ..Options::default()
        };
        assert_eq!(
            texts(&options),
            [
                "add-hosts=h=1.1.1.1,h=127.0.0.1",
                "build-arg:BUILDKIT_MULTI_PLATFORM=1",
                "cgroup-parent=/g",
                "context=https://h/r.git",
                "context:n=local:n",
                "cpusetcpus=0",
                "cpushares=2",
                "filename=ops.Dockerfile",
                "force-network-mode=host",
                "image-resolve-mode=pull",
                "label:l=",
                "memswap=-1",
                "multi-platform=true",
                "no-cache=a,b",
                "platform=linux/amd64,linux/arm/v7",
                "shm-size=1024",
                "target=t",
                "ulimit=core=1:2,nproc=1:2",
            ]
        );
    }

    #[test]
    fn only_a_build_that_makes_attestations_asks_the_daemon_for_them() {
        let build_args = BTreeMap::from([("BUILDKIT_ATTEST_SBOM".to_owned(), "generator=a".to_owned())]);
        let options = Options { build_args, ..Options::default() };
        assert_eq!(texts(&options), ["filename=Dockerfile"]);
        let asked: Vec<_> = of_attestation_arguments(&options).into_iter().collect();
        assert_eq!(asked, [("build-arg:BUILDKIT_ATTEST_SBOM".to_owned(), "generator=a".to_owned())]);
    }

    #[test]
    fn logins_of_urls_are_not_told() {
        let pair = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let options = Options {
            context: Context::Git("https://u:SECRET@h/r.git#main".to_owned()),
            named_contexts: pair("n", "https://SECRET@h/r.git"),
            build_args: BTreeMap::from([
                ("HTTP_PROXY".to_owned(), "http://u:SECRET@proxy:3128".to_owned()),
                ("INDEX".to_owned(), "--index-url https://u:SECRET@h/simple,http://SECRET@i".to_owned()),
                ("MAIL".to_owned(), "me@x.example".to_owned()),
            ]),
            ..Options::default()
        };
        assert_eq!(
            texts(&options),
            [
                "build-arg:HTTP_PROXY=http://xxxxx:xxxxx@proxy:3128",
                "build-arg:INDEX=--index-url https://***@h/simple,http://***@i",
                "build-arg:MAIL=me@x.example",
                "context=https://xxxxx:xxxxx@h/r.git#main",
                "context:n=https://xxxxx@h/r.git",
                "filename=Dockerfile",
            ]
        );
    }

    #[test]
    fn digests_of_images_are_told() {
        for source in ["docker-image://alpine:3@sha256:ab", "oci-layout://store:v1@sha256:ab"] {
            let named_contexts = BTreeMap::from([("n".to_owned(), source.to_owned())]);
            let options = Options { named_contexts, ..Options::default() };
            assert_eq!(of_options(&options)["context:n"], source);
        }
    }

    #[test]
    fn no_cache_without_stages_is_empty() {
        let options = Options { no_cache: NoCache::All, ..Options::default() };
        assert_eq!(of_options(&options)["no-cache"], "");
    }
}
