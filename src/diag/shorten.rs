//! Texts made to fit: the middle is left out.

/// What stands for the part that is left out.
const GAP: &str = " … ";

/// Returns `text` in at most `limit` bytes, without its middle where it is longer.
pub fn in_middle(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub(GAP.len());
    let start = text.floor_char_boundary(room / 2);
    let end = text.ceil_char_boundary(text.len() - (room - room / 2));
    format!("{}{GAP}{}", text[..start].trim_end(), text[end..].trim_start())
}

/// Returns `text` in at most about `limit` bytes: its beginning, and what stands around the byte `at`.
pub fn around(text: &str, at: usize, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let part = limit.saturating_sub(2 * GAP.len()) / 3;
    if at < 2 * part || at + part >= text.len() {
        return in_middle(text, limit);
    }
    let first = &text[..text.floor_char_boundary(part)];
    let from = text.floor_char_boundary(at.saturating_sub(part / 2));
    let to = text.floor_char_boundary((at + part + part / 2).min(text.len()));
    let end = if to < text.len() { GAP } else { "" };
    format!("{}{GAP}{}{end}", first.trim_end(), text[from..to].trim()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_stay() {
        let text = format!("begin {} end", "é".repeat(500));
        let short = in_middle(&text, 60);
        assert!(short.len() <= 60 && short.starts_with("begin ") && short.ends_with(" end"), "{short}");
        assert_eq!(in_middle("short", 60), "short");
    }

    #[test]
    fn a_place_in_the_middle_stays() {
        let text = format!("RUN {} && nope --now && {}", "true && ".repeat(100), "false && ".repeat(100));
        let short = around(&text, text.find("nope").unwrap(), 120);
        assert!(
            short.len() <= 120 && short.starts_with("RUN true") && short.contains("nope --now"),
            "{short}"
        );
        for at in 0..text.len() {
            assert!(around(&text, at, 120).len() <= 120, "{at}");
        }
    }
}
