//! `--allow`: a right that a build may use.

use crate::cli::values::ValueError;
use crate::cli::values::output::DELETE_RIGHT;
use crate::cli::values::syntax::csv;

const SETTING: &str = "--allow";

/// The rights that buildkitd is asked for, one a value: `network.host`, `security.insecure`,
/// `device[=NAME[,alias=NAME]]`. [`DELETE_RIGHT`] is asked of Bob alone.
///
/// Source: `ParseEntitlements` in `util/buildflags` of buildx, `Parse` in `util/entitlements` of BuildKit.
pub(in crate::cli) fn parse(values: &[String]) -> Result<Vec<String>, ValueError> {
    let mut rights = Vec::new();
    for text in values {
        match text.split_once('=') {
            None if text == DELETE_RIGHT => {}
            None if matches!(text.as_str(), "network.host" | "security.insecure" | "device") => {
                rights.push(text.clone());
            }
            Some(("device", device)) => {
                check_device(text, device)?;
                rights.push(text.clone());
            }
            _ => {
                let names = format!("network.host, security.insecure, device, device=NAME or {DELETE_RIGHT}");
                let fault = format!("there is no such right; use {names}, each with an --allow of its own");
                return Err(ValueError::new(SETTING, text, fault));
            }
        }
    }
    Ok(rights)
}

fn check_device(text: &str, device: &str) -> Result<(), ValueError> {
    for field in csv::fields(SETTING, device)?.iter().skip(1) {
        if field.split_once('=').is_none_or(|(key, _)| key != "alias") {
            return Err(ValueError::new(SETTING, text, format!("{field:?} is not of the form alias=NAME")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::values::owned;

    fn read(values: &[&str]) -> Result<Vec<String>, ValueError> {
        parse(&owned(values))
    }

    #[test]
    fn each_value_is_one_right() {
        let values = ["network.host", "device=v.com/x=y,alias=v.com/z=q", "device", "buildx.local.delete"];
        assert_eq!(read(&values).unwrap(), values[..3]);
    }

    #[test]
    fn unknown_rights_are_named() {
        for value in [
            "foo",
            "Network.Host",
            "network.host=1",
            "network.host,security.insecure",
            "buildx.local.delete=1",
            "device=v.com/x=y,foo=z",
        ] {
            let text = read(&[value]).unwrap_err().to_string();
            assert!(text.starts_with(&format!("--allow {value:?}: ")), "{text}");
        }
    }
}
