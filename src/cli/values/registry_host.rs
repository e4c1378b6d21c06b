//! `--insecure-registry`: a registry's host.

use super::ValueError;
use crate::diag::redact_reference;
use crate::registry::Host;

/// The registry at `HOST` or `HOST:PORT`. What is refused is shown without a login.
pub(in crate::cli) fn parse(text: &str) -> Result<Host, ValueError> {
    Host::parse(text)
        .map_err(|_| ValueError::new("--insecure-registry", &redact_reference(text), "not HOST or HOST:PORT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_in_a_host_is_refused_and_not_shown() {
        let text = parse("user:pw@host.example").unwrap_err().to_string();
        assert_eq!(text, "--insecure-registry \"***@host.example\": not HOST or HOST:PORT");
        assert_eq!(parse("host.example:5000").unwrap(), Host::parse("host.example:5000").unwrap());
    }
}
