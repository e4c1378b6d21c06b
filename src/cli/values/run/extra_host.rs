//! `--add-host`: a line of `/etc/hosts`.

use std::net::IpAddr;

use crate::cli::values::ValueError;
use crate::cli::values::syntax::csv;

const SETTING: &str = "--add-host";

/// Lists of `HOST:IP` or `HOST=IP`, separated by commas; a quoted one may have several addresses. Host names come in
/// lower case. Empty values are skipped.
pub(in crate::cli) fn parse(values: &[String]) -> Result<Vec<(String, IpAddr)>, ValueError> {
    let mut hosts = Vec::new();
    for text in values.iter().filter(|text| !text.is_empty()) {
        for entry in csv::fields(SETTING, text)? {
            let wrong = || ValueError::new(SETTING, text, format!("{entry:?} is not of the form HOST:IP"));
            let (host, ips) = entry.split_once('=').or_else(|| entry.split_once(':')).ok_or_else(wrong)?;
            if host.is_empty() || ips.is_empty() {
                return Err(wrong());
            }
            if ips == "host-gateway" {
                return Err(ValueError::new(
                    SETTING,
                    text,
                    "buildkitd does not say what address host-gateway is: write it out",
                ));
            }
            for ip in ips.split(',') {
                let bare =
                    ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).filter(|ip| !ip.is_empty());
                let ip: IpAddr = bare.unwrap_or(ip).parse().map_err(|_| wrong())?;
                hosts.push((host.to_lowercase(), ip.to_canonical()));
            }
        }
    }
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::values::owned;

    fn read(values: &[&str]) -> Vec<String> {
        let hosts = parse(&owned(values)).unwrap();
        hosts.iter().map(|(host, ip)| format!("{host} {ip}")).collect()
    }

    #[test]
    fn hosts_take_both_separators() {
        let values = ["A:1.2.3.4", r#""b=[::1],::ffff:1.2.3.4""#, "", "h:::1"];
        assert_eq!(read(&values), ["a 1.2.3.4", "b ::1", "b 1.2.3.4", "h ::1"]);
        for value in ["a", ":1.2.3.4", "a:", "a:x", "h=1.1.1.1,2.2.2.2", "h:host-gateway"] {
            assert!(parse(&owned(&[value])).is_err(), "{value}");
        }
    }

    #[test]
    fn a_value_is_a_list() {
        assert_eq!(read(&["a:1.1.1.1,b=2.2.2.2"]), ["a 1.1.1.1", "b 2.2.2.2"]);
    }
}
