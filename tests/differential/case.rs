//! A Dockerfile with the options to convert it with, for both converters.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bob::converter::plan::git::GitRef;
use bob::converter::plan::{Network, NoCache, Options, OptionsError, ResolveMode, Ulimit};
use bob::gotext::parse_ram_in_bytes;
use bob::image::{Platform, Reference};
use serde::{Deserialize, Serialize, Serializer};

/// A case as the oracle reads it: `Case` in `tools/oracle/options.go`. An empty field is an option that is
/// not given.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line or of the oracle")]
pub(crate) struct Case {
    /// The Dockerfile.
    #[serde(serialize_with = "base64", skip_deserializing)]
    pub(crate) text: Vec<u8>,
    /// `--target`.
    pub(crate) target: String,
    /// `--platform`.
    pub(crate) platform: String,
    /// `--build-platform`; `linux/amd64` if empty.
    pub(crate) build_platform: String,
    /// `--build-arg`.
    pub(crate) build_args: BTreeMap<String, String>,
    /// `--label`.
    pub(crate) labels: BTreeMap<String, String>,
    /// `--no-cache`.
    pub(crate) no_cache: bool,
    /// `--no-cache-filter`.
    pub(crate) no_cache_filter: Vec<String>,
    /// `--add-host HOST:IP`.
    pub(crate) add_host: Vec<String>,
    /// `--network`.
    pub(crate) network: String,
    /// `--shm-size`.
    pub(crate) shm_size: String,
    /// `--ulimit NAME=SOFT[:HARD]`.
    pub(crate) ulimit: Vec<String>,
    /// `--cgroup-parent`.
    pub(crate) cgroup_parent: String,
    /// `--pull`.
    pub(crate) pull: bool,
    /// `--build-context`.
    pub(crate) contexts: BTreeMap<String, String>,
    /// Convert every stage, as `bob check` does.
    pub(crate) all_stages: bool,
    /// Also tell what people see of each op; no flag.
    pub(crate) steps: bool,
    /// The text of `.dockerignore`.
    pub(crate) ignore: String,
}

fn base64<S: Serializer>(text: &[u8], to: S) -> Result<S::Ok, S::Error> {
    use base64::Engine as _;
    to.serialize_str(&base64::engine::general_purpose::STANDARD.encode(text))
}

impl Case {
    /// A Dockerfile without options.
    pub(crate) fn of(text: Vec<u8>) -> Self {
        Self { text, ..Self::default() }
    }

    /// The same Dockerfile without options.
    pub(crate) fn bare(&self) -> Self {
        Self { steps: self.steps, ..Self::of(self.text.clone()) }
    }

    /// Whether there is any option.
    pub(crate) fn has_options(&self) -> bool {
        let json = |case: &Self| serde_json::to_string(case).expect("strings and maps of strings");
        json(self) != json(&self.bare())
    }

    /// What Bob's converter takes for these options.
    pub(crate) fn options(&self) -> Result<Options, OptionsError> {
        let build_platform =
            if self.build_platform.is_empty() { "linux/amd64" } else { &self.build_platform };
        let filter = self.no_cache_filter.join(",");
        let options = Options {
            target: self.target.clone(),
            platforms: Some(&self.platform)
                .filter(|p| !p.is_empty())
                .map(|p| platform(p))
                .into_iter()
                .collect(),
            build_platform: platform(build_platform),
            labels: self.labels.clone(),
            no_cache: match (self.no_cache, self.no_cache_filter.is_empty()) {
                (true, _) => NoCache::All,
                (false, true) => NoCache::Off,
                (false, false) => NoCache::Stages(filter.split(',').map(str::to_owned).collect()),
            },
            add_hosts: self.add_host.iter().flat_map(|text| hosts(text)).collect(),
            network: match self.network.as_str() {
                "host" => Network::Host,
                "none" => Network::None,
                _ => Network::Sandbox,
            },
            shm_size_bytes: parse_ram_in_bytes(&self.shm_size).unwrap_or(0),
            ulimits: self
                .ulimit
                .iter()
                .map(|text| (text.split('=').next(), ulimit(text)))
                .collect::<BTreeMap<_, _>>()
                .into_values()
                .collect(),
            all_stages: self.all_stages,
            cgroup_parent: self.cgroup_parent.clone(),
            resolve_mode: if self.pull { ResolveMode::Pull } else { ResolveMode::Default },
            named_contexts: self.contexts.iter().map(|(name, value)| context(name, value)).collect(),
            ..Options::default()
        };
        options.with_build_args(self.build_args.clone())
    }
}

/// The made-up options are all well-formed: how flags are read is not what is compared here.
fn platform(text: &str) -> Platform {
    Platform::parse(text).expect("a platform").normalized()
}

fn hosts(text: &str) -> Vec<(String, IpAddr)> {
    let (name, ips) = text.split_once('=').or_else(|| text.split_once(':')).expect("HOST:IP");
    let address =
        |ip: &str| ip.trim_matches(['[', ']']).parse::<IpAddr>().expect("an address").to_canonical();
    ips.split(',').map(|ip| (name.to_lowercase(), address(ip))).collect()
}

fn ulimit(text: &str) -> Ulimit {
    let (name, limit) = text.split_once('=').expect("NAME=SOFT[:HARD]");
    let (soft, hard) = limit.split_once(':').unwrap_or((limit, limit));
    let number = |text: &str| text.parse().expect("a number");
    Ulimit { name: name.to_owned(), soft: number(soft), hard: number(hard) }
}

/// Name and source as buildx hands them to the frontend.
fn context(name: &str, value: &str) -> (String, String) {
    let reference = Reference::parse(name).expect("a name");
    let familiar = reference.familiar();
    let name = familiar.strip_suffix(":latest").unwrap_or(familiar).to_owned();
    if value.contains("://") || !matches!(GitRef::parse(value), Ok(None)) {
        return (name, value.to_owned());
    }
    let taken = matches!(name.as_str(), "context" | "dockerfile");
    let source = format!("local:{}{name}", if taken { "_" } else { "" });
    (name, source)
}
