//! The flags before an instruction's words (BuildKit's `parser/split_command.go`).

use crate::converter::dockerfile::text::is_latin1_space;
use crate::gotext::lossy;

/// Returns the flags at the start of `rest`, quotes and escapes removed, and what follows them.
///
/// BuildKit goes byte by byte and takes each byte for a character: text that is not ASCII comes out
/// as Latin-1 would read it, and a byte 0x85 or 0xA0 ends a flag.
pub(super) fn split(rest: &[u8], escape: char) -> (Vec<String>, &[u8]) {
    let mut flags = Vec::new();
    let mut at = 0;
    loop {
        at += rest[at..].iter().take_while(|byte| is_latin1_space(**byte)).count();
        if !rest[at..].starts_with(b"--") {
            return (flags, &rest[at..]);
        }
        let (flag, end) = flag(rest, at, escape);
        at = end;
        if flag == "--" {
            return (flags, &rest[at..]);
        }
        flags.push(flag);
    }
}

/// Returns the flag at `at` and the position behind it.
fn flag(rest: &[u8], mut at: usize, escape: char) -> (String, usize) {
    let is_plain = |byte: &&u8| {
        byte.is_ascii()
            && !is_latin1_space(**byte)
            && !matches!(byte, b'\'' | b'"')
            && char::from(**byte) != escape
    };
    let plain = rest[at..].iter().take_while(is_plain).count();
    let mut flag = lossy(&rest[at..at + plain]).into_owned();
    at += plain;
    let mut quote = None;
    while let Some(byte) = rest.get(at) {
        let c = char::from(*byte);
        match quote {
            None if is_latin1_space(*byte) => break,
            None if matches!(c, '\'' | '"') => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ if c == escape => {
                at += 1;
                flag.extend(rest.get(at).copied().map(char::from));
            }
            _ => flag.push(c),
        }
        at += 1;
    }
    (flag, at.min(rest.len()))
}

#[cfg(test)]
mod tests {
    use super::split;

    fn check(rest: &str, flags: &[&str], after: &str) {
        let (found, rest) = split(rest.as_bytes(), '\\');
        assert_eq!(found, flags);
        assert_eq!(String::from_utf8_lossy(rest), after);
    }

    #[test]
    fn flags_end_at_the_first_word_without_dashes() {
        check("--a=1  --b c --d", &["--a=1", "--b"], "c --d");
        check("- --a", &[], "- --a");
    }

    #[test]
    fn two_dashes_end_the_flags() {
        check("--a -- --b c", &["--a"], " --b c");
        check("--", &[], "");
    }

    #[test]
    fn quotes_and_escapes_are_removed() {
        check(r#"--a="b c"'d'\ e f"#, &["--a=b cd e"], "f");
        check(r#"--a="b"#, &["--a=b"], "");
        check(r"--a\", &["--a"], "");
    }

    #[test]
    fn bytes_are_taken_for_latin_1_characters() {
        check("--a=é x", &["--a=Ã©"], "x");
        check("--a=à x", &["--a=Ã"], "x");
    }
}
