//! A script whose lines end as on Windows, in CR LF.

use super::{Evidence, Reason};

/// How a shell or a kernel writes the carriage return that it takes for a part of a word.
const WRITTEN: [&str; 4] = ["^M: bad interpreter", "$'\\r'", "\\r': No such file", "\\r’: No such file"];
/// What is left of a line in which a carriage return stood before these words.
const LEFT: [&str; 8] = [
    ": not found",
    ": command not found",
    ": bad interpreter",
    ": No such file or directory",
    "': No such file or directory",
    "’: No such file or directory",
    ": invalid option",
    ": numeric argument required",
];

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    let has_return = |line: &&str| {
        WRITTEN.iter().any(|words| line.contains(words)) || LEFT.iter().any(|words| line.starts_with(words))
    };
    let words = evidence.exit_code.and_then(|_| evidence.lines().iter().copied().rev().find(has_return))?;
    let advice = "save the script with LF alone: git keeps it so with *.sh text eol=lf in .gitattributes; or take the carriage returns out before it runs: RUN sed -i 's/\\r$//' FILE";
    Some(Reason::new("a script has the line ends of Windows (CR LF)").words(words).advice(advice))
}
