//! `--network`: the network of RUN.

use crate::cli::values::ValueError;
use crate::converter::plan::Network;

/// The network of a name: `default`, `host` or `none`.
pub(in crate::cli) fn parse(text: &str) -> Result<Network, ValueError> {
    match text {
        "" | "default" => Ok(Network::Sandbox),
        "host" => Ok(Network::Host),
        "none" => Ok(Network::None),
        other => Err(ValueError::new("--network", other, "use default, host or none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_named_as_buildx_names_them() {
        assert_eq!(parse("").unwrap(), Network::Sandbox);
        assert_eq!(parse("none").unwrap(), Network::None);
        assert_eq!(
            parse("bridge").unwrap_err().to_string(),
            "--network \"bridge\": use default, host or none"
        );
    }
}
