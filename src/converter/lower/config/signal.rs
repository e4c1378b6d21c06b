//! Signals that STOPSIGNAL may name (moby/sys/signal).

/// Whether `text` is a signal: a number but zero, or a name of Linux's with or without `SIG`.
pub(super) fn is_signal(text: &str) -> bool {
    if let Ok(number) = text.parse::<i64>() {
        return number != 0;
    }
    let name = crate::gotext::to_upper(text);
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    if let Some(offset) = name.strip_prefix("RTMIN+") {
        return is_offset(offset, 15);
    }
    if let Some(offset) = name.strip_prefix("RTMAX-") {
        return is_offset(offset, 14);
    }
    NAMES.contains(&name)
}

fn is_offset(text: &str, max: u8) -> bool {
    text.parse::<u8>().is_ok_and(|offset| (1..=max).contains(&offset) && offset.to_string() == text)
}

const NAMES: [&str; 36] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE",
    "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU",
    "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX",
];

#[cfg(test)]
mod tests {
    use super::is_signal;

    #[test]
    fn names_and_numbers_are_signals() {
        for text in ["SIGTERM", "term", "sigKill", "9", "+15", "-3", "RTMIN", "SIGRTMIN+15", "RTMAX-1"] {
            assert!(is_signal(text), "{text}");
        }
        for text in
            ["", "0", "SIG", "SIGSIGTERM", "RTMIN+16", "RTMIN+01", "RTMAX-0", "RTMAX-15", "1.5", "FOO"]
        {
            assert!(!is_signal(text), "{text}");
        }
    }
}
