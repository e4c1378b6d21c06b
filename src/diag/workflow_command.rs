//! Commands in the log of a GitHub workflow: its runner obeys lines that begin with `::`, and `##[` wherever it stands.
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>; `TryParse` and `TryParseV2` in
//! `src/Runner.Common/ActionCommand.cs` of <https://github.com/actions/runner>)

use std::borrow::Cow;

/// What a command begins with, at the beginning of a line.
const COMMAND: &str = "::";
/// What a command of the older form begins with, anywhere in a line.
const OLDER_COMMAND: &str = "##[";

/// Returns `text` with a space in whatever the runner would take for a command. For the runner a carriage return ends a line too.
pub fn without_commands(text: &str) -> Cow<'_, str> {
    if !text.contains(COMMAND) && !text.contains(OLDER_COMMAND) {
        return text.into();
    }
    let lines = text.split_inclusive(['\n', '\r']).map(|line| {
        let start = line.len() - line.trim_start().len();
        match line[start..].strip_prefix(COMMAND) {
            Some(rest) => format!("{}: :{rest}", &line[..start]),
            None => line.to_owned(),
        }
    });
    lines.collect::<String>().replace(OLDER_COMMAND, "# #[").into()
}

/// Returns the JSON `text`, which means the same, with another form of whatever the runner would take for a command.
pub fn json_without_commands(text: &str) -> Cow<'_, str> {
    // In JSON it stands in strings only, where a character may be its number.
    if text.contains(OLDER_COMMAND) { text.replace(OLDER_COMMAND, "#\\u0023[").into() } else { text.into() }
}

/// Returns `text` as the message of a command has it.
pub fn command_message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Returns `text` as a property of a command has it.
pub fn command_property(text: &str) -> String {
    command_message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_others_is_a_command() {
        for (text, shown) in [
            ("a :: b", "a :: b"),
            ("::error::x", ": :error::x"),
            ("a\n \t::add-mask::x\r\n::y\r::z", "a\n \t: :add-mask::x\r\n: :y\r: :z"),
            ("\u{2003}::stop-commands::x", "\u{2003}: :stop-commands::x"),
            ("#5 0.1 ##[add-mask]x ###[y]", "#5 0.1 # #[add-mask]x ## #[y]"),
            ("# [x] ## [y]", "# [x] ## [y]"),
        ] {
            let found = without_commands(text);
            assert_eq!(found, shown);
            assert_eq!(without_commands(&found), shown, "again");
        }
    }

    #[test]
    fn json_means_the_same() {
        let value = serde_json::json!({ "a##[b]": ["\\##[c]", "###[d]", 1] });
        let text = value.to_string();
        let shown = json_without_commands(&text);
        assert!(text.contains("##[") && !shown.contains("##["), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        assert_eq!(json_without_commands("[\"#[\"]"), "[\"#[\"]");
    }

    #[test]
    fn a_message_stays_one_line_and_a_property_one_property() {
        assert_eq!(command_message("100%\r\na, b: c"), "100%25%0D%0Aa, b: c");
        assert_eq!(command_property("a,b:c%\n"), "a%2Cb%3Ac%25%0A");
    }

    #[test]
    fn fuzz_nothing_of_others_is_obeyed() {
        crate::fuzz::run(&[b"::a::b\n##[c]\r::d".as_slice(), "\u{85}::x".as_bytes()], |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let shown = without_commands(&text);
            assert!(!shown.contains("##["), "{shown:?}");
            assert!(!shown.split(['\n', '\r']).any(|line| line.trim_start().starts_with("::")), "{shown:?}");
        });
    }
}
