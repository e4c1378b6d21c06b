//! EXPOSE: ports and ranges of ports (`convert_expose.go` of dockerfile2llb).

use std::net::IpAddr;

use crate::converter::dockerfile::Expose;
use crate::converter::lower::state::Current;
use crate::converter::lower::{ErrorKind, Lowering};
use crate::converter::plan::{Command, NoticeKind};
use crate::gotext::{self, to_lower};

impl Lowering<'_, '_> {
    pub(in crate::converter::lower) fn expose(
        &mut self,
        stage: &mut Current,
        command: &Command<'_>,
        expose: &Expose,
    ) -> Result<(), ErrorKind> {
        let mut words = Vec::new();
        for port in &expose.ports {
            words.extend(self.lex.process_words(port, &*stage.state.env)?);
        }
        let mut ports = Vec::new();
        for word in &words {
            let spec = PortSpec::parse(word)?;
            if spec.protocol != to_lower(spec.protocol) {
                self.notice(command, NoticeKind::ExposeProtoCasing { port: word.clone() });
            }
            if !spec.address.is_empty() || !spec.host.is_empty() {
                self.notice(command, NoticeKind::ExposeInvalidFormat { port: word.clone() });
            }
            spec.add_ports(&mut ports)?;
        }
        stage.commit_instruction("EXPOSE", &gotext::list(&ports), false);
        stage.state.config().exposed_ports.extend(ports);
        Ok(())
    }
}

/// `[address:][host:]container[/protocol]`
struct PortSpec<'a> {
    address: &'a str,
    host: &'a str,
    container: &'a str,
    protocol: &'a str,
}

impl<'a> PortSpec<'a> {
    fn parse(text: &'a str) -> Result<Self, ErrorKind> {
        let (rest, last) = text.rsplit_once(':').unwrap_or(("", text));
        let (address, host) = rest.rsplit_once(':').unwrap_or(("", rest));
        let (container, protocol) = last.split_once('/').unwrap_or((last, ""));
        if container.is_empty() {
            return Err(ErrorKind::NoPort { port: text.into() });
        }
        let protocol = match &*to_lower(protocol) {
            "" => "tcp",
            "tcp" | "udp" | "sctp" => protocol,
            _ => return Err(ErrorKind::Protocol { port: text.into(), proto: protocol.into() }),
        };
        Ok(Self { address, host, container, protocol })
    }

    fn add_ports(&self, ports: &mut Vec<String>) -> Result<(), ErrorKind> {
        check_address(self.address)?;
        let wrong = || ErrorKind::ContainerPort { port: self.container.into() };
        let (first, last) = range(self.container).ok_or_else(wrong)?;
        if !self.host.is_empty() {
            let wrong = || ErrorKind::HostPort { port: self.host.into() };
            let (first_host, last_host) = range(self.host).ok_or_else(wrong)?;
            if last - first != last_host - first_host && first != last {
                let (container, host) = (self.container.into(), self.host.into());
                return Err(ErrorKind::PortRanges { container, host });
            }
        }
        let protocol = to_lower(self.protocol);
        ports.extend((first..=last).map(|port| format!("{port}/{protocol}")));
        Ok(())
    }
}

fn check_address(text: &str) -> Result<(), ErrorKind> {
    let wrong = || ErrorKind::PortAddress { address: text.into() };
    let mut address = text;
    if text.starts_with('[') {
        address = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).ok_or_else(wrong)?;
    }
    if address.is_empty() || address.parse::<IpAddr>().is_ok() { Ok(()) } else { Err(wrong()) }
}

/// The ports of `8000-9000` or `80`.
fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = match text.split_once('-') {
        Some((first, last)) if first != last => (number(first)?, number(last)?),
        Some((first, _)) => (number(first)?, number(first)?),
        None => (number(text)?, number(text)?),
    };
    (first <= last).then_some((first, last))
}

/// A decimal number as `strconv.ParseInt` reads it: with a sign if it likes.
fn number(text: &str) -> Option<u16> {
    u16::try_from(text.parse::<i64>().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(text: &str) -> Option<Vec<String>> {
        let mut ports = Vec::new();
        PortSpec::parse(text).ok()?.add_ports(&mut ports).ok()?;
        Some(ports)
    }

    #[test]
    fn ports_and_ranges_get_a_protocol() {
        assert_eq!(ports("80").unwrap(), ["80/tcp"]);
        assert_eq!(ports("80-82/UDP").unwrap(), ["80/udp", "81/udp", "82/udp"]);
        assert_eq!(ports("127.0.0.1:8080:80").unwrap(), ["80/tcp"]);
        assert_eq!(ports("[::1]:8080-8081:80-81").unwrap(), ["80/tcp", "81/tcp"]);
        assert_eq!(ports("8000-9000:80").unwrap(), ["80/tcp"]);
        assert_eq!(ports("+80").unwrap(), ["80/tcp"]);
        assert_eq!(ports("80/").unwrap(), ["80/tcp"]);
        assert_eq!(ports("9-9").unwrap(), ["9/tcp"]);
    }

    #[test]
    fn malformed_ports_are_refused() {
        for text in [
            "",
            "/tcp",
            "80/icmp",
            "65536",
            "82-80",
            "a",
            "80-",
            "1-2:80-82",
            "x:1:80",
            "[::1:1:80",
            "-1",
            "1:",
        ] {
            assert_eq!(ports(text), None, "{text}");
        }
    }
}
