//! HEALTHCHECK.

use std::mem::take;

use super::flag_values::{Flag, Takes, Values};
use crate::converter::dockerfile::ast::Healthcheck;
use crate::converter::dockerfile::error::ErrorKind;
use crate::converter::dockerfile::syntax::Node;
use crate::gotext::{parse_duration_ns, to_upper};

/// The shortest duration but 0 that a flag may name, in nanoseconds.
const MINIMUM_NS: i64 = 1_000_000;

const FLAGS: [Flag; 5] = [
    ("interval", Takes::Text),
    ("timeout", Takes::Text),
    ("start-period", Takes::Text),
    ("start-interval", Takes::Text),
    ("retries", Takes::Text),
];

pub(super) fn parse(node: &mut Node<'_>) -> Result<Healthcheck, ErrorKind> {
    let mut test = take(&mut node.args.words);
    let Some(name) = test.first() else {
        return Err(ErrorKind::AtLeastOneArgument { instruction: "HEALTHCHECK" });
    };
    let name = to_upper(name);
    if name == "NONE" {
        // BuildKit does not look at flags here.
        if test.len() > 1 {
            return Err(ErrorKind::HealthcheckNoneArguments);
        }
        return Ok(Healthcheck { test: vec![name.into()], ..Healthcheck::default() });
    }
    let flags = Values::parse(&node.flags, &FLAGS)?;
    if name != "CMD" {
        return Err(ErrorKind::HealthcheckType { name: name.into() });
    }
    if test.len() < 2 {
        return Err(ErrorKind::HealthcheckNoCommand);
    }
    let kind = if node.args.json { "CMD" } else { "CMD-SHELL" };
    kind.clone_into(&mut test[0]);
    Ok(Healthcheck {
        test,
        interval_ns: duration(&flags, "interval")?,
        timeout_ns: duration(&flags, "timeout")?,
        start_period_ns: duration(&flags, "start-period")?,
        start_interval_ns: duration(&flags, "start-interval")?,
        retries: retries(&flags)?,
    })
}

fn duration(flags: &Values, flag: &'static str) -> Result<i64, ErrorKind> {
    let value = flags.text(flag);
    if value.is_empty() {
        return Ok(0);
    }
    match parse_duration_ns(&value) {
        Ok(0) => Ok(0),
        Ok(ns) if ns < MINIMUM_NS => Err(ErrorKind::DurationTooShort { flag, value }),
        Ok(ns) => Ok(ns),
        Err(reason) => Err(ErrorKind::InvalidDuration { flag, value, reason }),
    }
}

fn retries(flags: &Values) -> Result<i32, ErrorKind> {
    let value = flags.text("retries");
    if value.is_empty() {
        return Ok(0);
    }
    value.parse().ok().filter(|retries| *retries >= 0).ok_or(ErrorKind::InvalidRetries { value })
}
