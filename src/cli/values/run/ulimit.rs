//! `--ulimit`: a limit of the processes of RUN.

use std::collections::BTreeMap;

use crate::cli::values::ValueError;
use crate::converter::plan::Ulimit;

/// The limits that there are.
const LIMITS: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// `NAME=SOFT[:HARD]`, the last one of a name, by name.
pub(in crate::cli) fn parse(values: &[String]) -> Result<Vec<Ulimit>, ValueError> {
    let mut limits = BTreeMap::new();
    for text in values {
        let wrong = |reason: &str| ValueError::new("--ulimit", text, reason);
        let (name, limit) = text.split_once('=').ok_or_else(|| wrong("write NAME=SOFT[:HARD]"))?;
        if !LIMITS.contains(&name) {
            return Err(wrong(&format!("there is no limit {name:?}")));
        }
        let number = |text: &str| text.parse::<i64>().map_err(|_| wrong("a limit is a number"));
        let (soft, hard) = match limit.split_once(':') {
            Some((soft, hard)) => (number(soft)?, number(hard)?),
            None => (number(limit)?, number(limit)?),
        };
        if hard != -1 && (soft == -1 || soft > hard) {
            return Err(wrong("the soft limit is above the hard limit"));
        }
        limits.insert(name.to_owned(), Ulimit { name: name.to_owned(), soft, hard });
    }
    Ok(limits.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::values::owned;

    #[test]
    fn limits_are_sorted_and_checked() {
        let limits = parse(&owned(&["nofile=1:2", "core=-1", "nofile=3"])).unwrap();
        let text: Vec<String> = limits.iter().map(|l| format!("{}={}:{}", l.name, l.soft, l.hard)).collect();
        assert_eq!(text, ["core=-1:-1", "nofile=3:3"]);
        for value in ["nofile", "x=1", "nofile=a", "nofile=2:1", "nofile=-1:1", "nofile=1:2:3"] {
            assert!(parse(&owned(&[value])).is_err(), "{value}");
        }
    }
}
