//! Writing JSON as Go's `encoding/json` does.

use std::fmt::{Display, Write};

/// Appends a string as Go writes it: quoted, with `<`, `>`, `&`, U+2028 and U+2029 escaped too.
pub(crate) fn string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (at, c) in text.char_indices() {
        let escape = match c {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => "",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        plain = at + c.len_utf8();
        if escape.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// Returns an array of strings.
pub(crate) fn strings(items: &[String]) -> String {
    let mut out = String::new();
    array(&mut out, items, |out, item| string(out, item));
    out
}

/// Appends an array.
pub(crate) fn array<T>(out: &mut String, items: &[T], mut element: impl FnMut(&mut String, &T)) {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        element(out, item);
    }
    out.push(']');
}

/// Appends an object whose members `body` writes.
pub(crate) fn object(out: &mut String, body: impl FnOnce(&mut Object<'_>)) {
    out.push('{');
    body(&mut Object { out, empty: true });
    out.push('}');
}

/// The members of a JSON object. Those that Go's message types mark `omitempty` are left out when they
/// are zero, false or empty, except where a method says otherwise.
pub(crate) struct Object<'a> {
    out: &'a mut String,
    empty: bool,
}

impl Object<'_> {
    fn name(&mut self, name: &str) -> &mut String {
        if !std::mem::take(&mut self.empty) {
            self.out.push(',');
        }
        string(self.out, name);
        self.out.push(':');
        self.out
    }

    /// Writes a string even if it is empty.
    pub(crate) fn any_string(&mut self, name: &str, value: &str) {
        string(self.name(name), value);
    }

    pub(crate) fn string(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.any_string(name, value);
        }
    }

    /// Writes a number even if it is zero.
    pub(crate) fn any_number<N: Copy + Display>(&mut self, name: &str, value: N) {
        let out = self.name(name);
        // Writing to a string cannot fail.
        let _ = write!(out, "{value}");
    }

    pub(crate) fn number<N: Copy + Display + Default + PartialEq>(&mut self, name: &str, value: N) {
        if value != N::default() {
            self.any_number(name, value);
        }
    }

    pub(crate) fn bool(&mut self, name: &str, value: bool) {
        if value {
            self.name(name).push_str("true");
        }
    }

    pub(crate) fn bytes(&mut self, name: &str, value: &[u8]) {
        if !value.is_empty() {
            let text = base64(value);
            self.any_string(name, &text);
        }
    }

    pub(crate) fn strings(&mut self, name: &str, items: &[String]) {
        self.array(name, items, |out, item| string(out, item));
    }

    pub(crate) fn numbers<N: ToString>(&mut self, name: &str, items: &[N]) {
        self.array(name, items, |out, item| out.push_str(&item.to_string()));
    }

    pub(crate) fn array<T>(&mut self, name: &str, items: &[T], element: impl FnMut(&mut String, &T)) {
        if !items.is_empty() {
            array(self.name(name), items, element);
        }
    }

    pub(crate) fn objects<T>(&mut self, name: &str, items: &[T], mut body: impl FnMut(&mut Object<'_>, &T)) {
        self.array(name, items, |out, item| object(out, |o| body(o, item)));
    }

    /// Writes an object even if it has no members.
    pub(crate) fn object(&mut self, name: &str, body: impl FnOnce(&mut Object<'_>)) {
        object(self.name(name), body);
    }

    /// Writes an object if there is one, even if it has no members.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        value: Option<&T>,
        body: impl FnOnce(&mut Object<'_>, &T),
    ) {
        if let Some(value) = value {
            self.object(name, |o| body(o, value));
        }
    }

    /// Writes an object with a member for each entry, if there are any.
    pub(crate) fn map<K: AsRef<str>, V>(
        &mut self,
        name: &str,
        entries: impl IntoIterator<Item = (K, V)>,
        mut value: impl FnMut(&mut String, V),
    ) {
        let mut entries = entries.into_iter().peekable();
        if entries.peek().is_some() {
            self.object(name, |o| {
                for (key, entry) in entries {
                    value(o.name(key.as_ref()), entry);
                }
            });
        }
    }
}

/// Returns standard base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let mut bits = 0;
        for at in 0..3 {
            bits = bits << 8 | u32::from(group.get(at).copied().unwrap_or(0));
        }
        for digit in 0..4 {
            text.push(if digit <= group.len() {
                char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize])
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_go_does() {
        let mut out = String::new();
        string(&mut out, "a\"\\\n\t\r\u{8}\u{c}\u{1}<b>&\u{2028}é\u{7f}");
        assert_eq!(out, "\"a\\\"\\\\\\n\\t\\r\\b\\f\\u0001\\u003cb\\u003e\\u0026\\u2028é\u{7f}\"");
        assert_eq!(strings(&["a".to_owned(), String::new()]), r#"["a",""]"#);
    }

    #[test]
    fn base64_pads_to_groups_of_four() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
