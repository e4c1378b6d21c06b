//! `--resource`: limits of processor and memory of every RUN.

use crate::cli::values::ValueError;
use crate::converter::plan::LinuxResources;
use crate::gotext::parse_ram_in_bytes;

/// The largest number of a processor or memory node that BuildKit takes.
const MAX_PROCESSOR: u16 = 8192;
/// The names of limits, in the order in which errors name them.
const NAMES: &str = "memory, memory-swap, cpu-shares, cpu-period, cpu-quota, cpuset-cpus or cpuset-mems";

/// `NAME=VALUE`, the last one of a name. Zero and less is no limit, but a `memory-swap` of -1 is none at all.
///
/// Source: `ParseResourceLimits` in `build/utils.go` of buildx, `parseLinuxResources` in `frontend/dockerui/attr.go` of
/// BuildKit.
pub(in crate::cli) fn parse(values: &[String]) -> Result<LinuxResources, ValueError> {
    let mut limits = LinuxResources::default();
    for text in values {
        let wrong = |fault: &str| ValueError::new("--resource", text, fault);
        let (name, value) = text.split_once('=').ok_or_else(|| wrong("write NAME=VALUE"))?;
        let (name, value) = (name.trim(), value.trim());
        let size = || parse_ram_in_bytes(value).ok_or_else(|| wrong("write a size, as in 512m"));
        let number = || value.parse::<i64>().map_err(|_| wrong("write a whole number"));
        let count = || number().map(|number| u64::try_from(number).unwrap_or(0));
        let set =
            || if is_set(value) { Ok(value.to_owned()) } else { Err(wrong("write a list, as in 0-3,5")) };
        match name {
            "memory" => limits.memory = size()?.max(0),
            "memory-swap" if value == "-1" => limits.memory_swap = -1,
            "memory-swap" => match size()? {
                size @ 0.. => limits.memory_swap = size,
                _ => return Err(wrong("write a size, as in 512m, or -1 for no limit")),
            },
            "cpu-shares" => limits.cpu_shares = count()?,
            "cpu-period" => limits.cpu_period = count()?,
            "cpu-quota" => limits.cpu_quota = number()?.max(0),
            "cpuset-cpus" => limits.cpuset_cpus = set()?,
            "cpuset-mems" => limits.cpuset_mems = set()?,
            _ => return Err(wrong(&format!("there is no limit {name:?}; use {NAMES}"))),
        }
    }
    Ok(limits)
}

/// Whether `text` is numbers and ranges separated by commas, which may have spaces around them, or nothing.
///
/// Source: `util/cpuset` in BuildKit.
fn is_set(text: &str) -> bool {
    let number = |text: &str| text.parse::<u16>().ok().filter(|number| *number <= MAX_PROCESSOR);
    let is_part = |part: &str| match part.split_once('-') {
        Some((first, last)) => match (number(first.trim()), number(last.trim())) {
            (Some(first), Some(last)) => first <= last,
            _ => false,
        },
        None => part.is_empty() || number(part).is_some(),
    };
    text.split(',').all(|part| is_part(part.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::values::owned;

    fn read(values: &[&str]) -> Result<LinuxResources, ValueError> {
        parse(&owned(values))
    }

    #[test]
    fn limits_are_sizes_numbers_and_sets() {
        let values = [
            " memory = 1g ",
            "memory-swap=-1",
            "cpu-shares=2",
            "cpu-shares=512",
            "cpu-period=100000",
            "cpu-quota=50000",
            "cpuset-cpus=0-3,5",
            "cpuset-mems=0",
        ];
        let limits = LinuxResources {
            memory: 1 << 30,
            memory_swap: -1,
            cpu_shares: 512,
            cpu_period: 100_000,
            cpu_quota: 50_000,
            cpuset_cpus: "0-3,5".to_owned(),
            cpuset_mems: "0".to_owned(),
        };
        assert_eq!(read(&values).unwrap(), limits);
        assert_eq!(read(&["memory=0", "cpu-quota=-1", "memory-swap=0"]).unwrap(), LinuxResources::default());
    }

    #[test]
    fn sets_may_have_spaces_and_gaps() {
        for set in ["", "0, 1", "0 - 3", "1,,2,", "8192"] {
            assert_eq!(read(&[&format!("cpuset-mems={set}")]).unwrap().cpuset_mems, set);
        }
    }

    #[test]
    fn faults_name_the_value() {
        for value in [
            "",
            "foo=1",
            "memory",
            "memory=abc",
            "memory-swap=-2",
            "cpu-shares=x",
            "cpu-quota=1.5",
            "memory=1g,cpu-shares=2",
            "cpuset-cpus=a",
            "cpuset-mems=1-",
            "cpuset-cpus=3-1",
            "cpuset-cpus=0-9000",
        ] {
            let text = read(&[value]).unwrap_err().to_string();
            assert!(text.starts_with(&format!("--resource {value:?}: ")), "{text}");
        }
    }
}
