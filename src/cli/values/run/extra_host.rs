//! `--add-host`: a line of `/etc/hosts`.

use std::net::IpAddr;

use crate::cli::values::ValueError;

/// `HOST:IP` or `HOST=IP[,IP…]`, host names in lower case.
pub(in crate::cli) fn parse(values: &[String]) -> Result<Vec<(String, IpAddr)>, ValueError> {
    let mut hosts = Vec::new();
    for text in values {
        let wrong = || ValueError::new("--add-host", text, "write HOST:IP");
        let (host, ips) = text.split_once('=').or_else(|| text.split_once(':')).ok_or_else(wrong)?;
        if host.is_empty() || ips.is_empty() {
            return Err(wrong());
        }
        for ip in ips.split(',') {
            let bare = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).filter(|ip| !ip.is_empty());
            let ip: IpAddr = bare.unwrap_or(ip).parse().map_err(|_| wrong())?;
            hosts.push((host.to_lowercase(), ip.to_canonical()));
        }
    }
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn hosts_take_both_separators() {
        let hosts = parse(&owned(&["A:1.2.3.4", "b=[::1],::ffff:1.2.3.4"])).unwrap();
        let text: Vec<String> = hosts.iter().map(|(host, ip)| format!("{host} {ip}")).collect();
        assert_eq!(text, ["a 1.2.3.4", "b ::1", "b 1.2.3.4"]);
        for value in ["a", ":1.2.3.4", "a:", "a:x"] {
            assert!(parse(&owned(&[value])).is_err(), "{value}");
        }
    }
}
