//! Limits of RUN by the flags that docker had before `--resource`.

/// Flags that each stand for one name of `--resource`. Where both name a limit, `--resource` holds.
#[derive(Debug, Default, Clone, clap::Args)]
#[group(skip)]
pub struct OlderLimits {
    #[arg(short, long, hide = true, value_name = "BYTES")]
    memory: Option<String>,
    #[arg(long, hide = true, value_name = "BYTES")]
    memory_swap: Option<String>,
    #[arg(short, long, hide = true, value_name = "WEIGHT")]
    cpu_shares: Option<String>,
    #[arg(long, hide = true, value_name = "MICROSECONDS")]
    cpu_period: Option<String>,
    #[arg(long, hide = true, value_name = "MICROSECONDS")]
    cpu_quota: Option<String>,
    #[arg(long, hide = true, value_name = "LIST")]
    cpuset_cpus: Option<String>,
    #[arg(long, hide = true, value_name = "LIST")]
    cpuset_mems: Option<String>,
}

impl OlderLimits {
    /// The values of `--resource` that say the same.
    pub(super) fn resources(&self) -> impl Iterator<Item = String> {
        let limits = [
            ("memory", &self.memory),
            ("memory-swap", &self.memory_swap),
            ("cpu-shares", &self.cpu_shares),
            ("cpu-period", &self.cpu_period),
            ("cpu-quota", &self.cpu_quota),
            ("cpuset-cpus", &self.cpuset_cpus),
            ("cpuset-mems", &self.cpuset_mems),
        ];
        limits.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?)))
    }
}
