//! A script that its interpreter does not understand.

use super::{Evidence, Reason};

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    const WORDS: [&str; 9] = [
        "syntax error",
        "unterminated quoted string",
        "unexpected eof while looking for",
        "syntaxerror:",
        "indentationerror:",
        "parse error near",
        "bad substitution",
        "unexpected end of file",
        "illegal option -o pipefail",
    ];
    let words = evidence.saying(&WORDS)?;
    let is_shell = ["sh: ", "dash: "].iter().any(|shell| words.contains(shell));
    let advice = if is_shell {
        "the shell does not understand the command: look for a quote, then, fi, do or done that is missing, and for bash's own syntax in /bin/sh (SHELL [\"/bin/bash\", \"-c\"] changes the shell); a comment between continued lines ends nothing, a missing \\ does"
    } else {
        "correct the script at the line that is named"
    };
    Some(Reason::new("syntax error in a script").words(words).advice(advice))
}
