//! `BUILDKIT_PROGRESS`: how progress is shown where `--progress` leaves that open.

use std::ffi::OsStr;

use super::ValueError;
use crate::job::ProgressMode;
use crate::workspace::{nonempty_process_variable, variables};

/// How progress is shown where `--progress` is `auto`: as the variable says.
///
/// Source: `NewPrinter` in `util/progress/printer.go` in buildx.
pub(in crate::cli) fn of_variable() -> Result<ProgressMode, ValueError> {
    of_value(nonempty_process_variable(variables::BUILDKIT_PROGRESS.name).as_deref())
}

fn of_value(value: Option<&OsStr>) -> Result<ProgressMode, ValueError> {
    let Some(value) = value else { return Ok(ProgressMode::AUTO) };
    let text = value.to_string_lossy();
    let mode = text.parse::<ProgressMode>();
    mode.map_err(|error| ValueError::new(variables::BUILDKIT_PROGRESS.name, &text, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_variable_says_holds_for_auto() {
        let of = |value: &str| of_value(Some(OsStr::new(value)));
        assert_eq!(of("rawjson").unwrap(), "rawjson".parse().unwrap());
        assert_eq!(of_value(None).unwrap(), ProgressMode::AUTO);
        assert!(of("loud").unwrap_err().to_string().contains("loud"));
    }
}
