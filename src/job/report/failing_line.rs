//! Which of the lines of a step failed, where its log allows to know.

/// Commands before which another stands that is the one to look at.
const PREFIXES: [&str; 9] = ["sudo", "exec", "env", "time", "then", "do", "else", "if", "!"];

/// Returns the number of the line that failed, where the log leaves one choice. `lines` are those of the instruction,
/// `log` is what it logged, `subject` the program, file or package that the failure is about, `telling` the words that say so.
pub(super) fn find(
    lines: &[(u32, String)],
    log: &[&str],
    subject: Option<&str>,
    telling: Option<&str>,
) -> Option<u32> {
    if lines.len() < 2 {
        return None;
    }
    by_number(lines, log, subject)
        .or_else(|| by_trace(lines, log))
        .or_else(|| by_subject(lines, subject?))
        .or_else(|| by_program(lines, telling?))
}

/// The line of a here-document that its interpreter names by number.
fn by_number(lines: &[(u32, String)], log: &[&str], subject: Option<&str>) -> Option<u32> {
    let (first, head) = lines.first()?;
    let script = head.trim_start().split_once(char::is_whitespace)?.1;
    let script = script.split_whitespace().find(|word| !word.starts_with("--"))?;
    if !script.starts_with("<<") {
        return None;
    }
    let number = log.iter().rev().find_map(|line| numbered(line))?;
    let at = first.checked_add(number)?;
    let (_, text) = lines.iter().find(|(line, _)| *line == at)?;
    let contradicts = subject.is_some_and(|subject| !text.contains(subject));
    (!contradicts && Some(at) != lines.last().map(|(line, _)| *line)).then_some(at)
}

/// The number in `/bin/sh: 3: `, `bash: line 3: ` and `File "<stdin>", line 3`.
fn numbered(line: &str) -> Option<u32> {
    let (before, after) = if let Some((_, after)) = line.split_once("File \"<stdin>\", line ") {
        ("", after)
    } else {
        line.split_once(": ")?
    };
    let is_shell = before.is_empty() || before.rsplit('/').next().is_some_and(|name| name.ends_with("sh"));
    let digits = after.strip_prefix("line ").unwrap_or(after);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let ends_well = before.is_empty() || digits[end..].starts_with(':');
    digits[..end].parse().ok().filter(|_| is_shell && ends_well)
}

/// The line of the last command that `set -x` told.
fn by_trace(lines: &[(u32, String)], log: &[&str]) -> Option<u32> {
    let trace = log
        .iter()
        .rev()
        .find_map(|line| line.trim_start_matches('+').strip_prefix(' ').filter(|_| line.starts_with('+')))?;
    let trace = plain(trace);
    if trace.is_empty() {
        return None;
    }
    let is_command = |text: &str| commands(text).any(|command| plain(command) == trace);
    only(lines, |text| is_command(text))
}

/// The one line that names the subject.
fn by_subject(lines: &[(u32, String)], subject: &str) -> Option<u32> {
    (subject.len() > 1).then(|| only(lines, |text| has_word(text, subject)))?
}

/// The one line that runs the program that complained, with another word of the complaint.
fn by_program(lines: &[(u32, String)], telling: &str) -> Option<u32> {
    let (program, complaint) = telling.split_once(": ")?;
    let program = program.trim();
    let words: Vec<&str> = complaint
        .split(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '‘' | '’' | '`' | ':' | ',' | ';'))
        .filter(|word| word.len() > 2)
        .collect();
    only(lines, |text| {
        commands(text).any(|command| {
            let mut parts =
                command.split_whitespace().filter(|part| !PREFIXES.contains(part) && !part.contains('='));
            let runs_it = parts.next().is_some_and(|first| first.rsplit('/').next() == Some(program));
            runs_it && words.iter().any(|word| has_word(command, word))
        })
    })
}

/// The number of the only line for which `is_it` holds.
fn only(lines: &[(u32, String)], is_it: impl Fn(&str) -> bool) -> Option<u32> {
    let mut found = lines.iter().filter(|(_, text)| is_it(text));
    let (number, _) = found.next()?;
    found.next().is_none().then_some(*number)
}

/// The commands of a line.
fn commands(line: &str) -> impl Iterator<Item = &str> {
    let line = line.trim().trim_end_matches('\\');
    let line = line.strip_prefix("RUN ").unwrap_or(line);
    line.split(['&', ';', '|', '(', ')', '{', '}']).map(str::trim).filter(|command| !command.is_empty())
}

/// Words without quotes, as `set -x` may have added or taken them away.
fn plain(command: &str) -> String {
    let words = command.split_whitespace().map(|word| word.replace(['\'', '"', '\\'], ""));
    words.collect::<Vec<_>>().join(" ")
}

/// Returns where `text` has `word` and no part of a longer one.
pub(super) fn word_at(text: &str, word: &str) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let found = text.match_indices(word).find(|(at, _)| {
        let before = text[..*at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    });
    found.map(|(at, _)| at)
}

fn has_word(text: &str, word: &str) -> bool {
    !word.is_empty() && word_at(text, word).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(u32, String)> {
        (5..).zip(text.lines().map(str::to_owned)).collect()
    }

    const CHAIN: &str =
        "RUN set -x && \\\n    true && \\\n    cat one && \\\n    cat /etc/two && \\\n    echo done";

    #[test]
    fn the_last_traced_command_is_the_line() {
        let lines = lines(CHAIN);
        assert_eq!(find(&lines, &["+ true", "+ cat one", "one"], None, None), Some(7));
        assert_eq!(find(&lines, &["+ cat '/etc/two'"], None, None), Some(8));
        assert_eq!(find(&lines, &["+ sh generated"], None, None), None);
    }

    #[test]
    fn a_line_that_stands_twice_is_not_known() {
        let lines = lines("RUN <<EOF\ncat one\ncat one\nEOF");
        assert_eq!(
            find(&lines, &["+ cat one"], Some("one"), Some("cat: one: No such file or directory")),
            None
        );
    }

    #[test]
    fn the_subject_or_the_program_with_its_argument_is_the_line() {
        let lines = lines(CHAIN);
        assert_eq!(find(&lines, &[], Some("/etc/two"), None), Some(8));
        assert_eq!(find(&lines, &[], None, Some("cat: /etc/two: No such file or directory")), Some(8));
        assert_eq!(find(&lines, &[], None, Some("cat: /other: No such file or directory")), None);
        assert_eq!(find(&lines, &[], Some("t"), None), None);
    }

    #[test]
    fn a_line_number_counts_from_the_first_line_of_the_here_document() {
        let lines_of_chain = lines(CHAIN);
        let lines = lines("RUN --mount=type=tmpfs,target=/t <<EOF\nset -e\necho one\nnope two\nEOF");
        assert_eq!(find(&lines, &["one", "/bin/sh: 3: nope: not found"], Some("nope"), None), Some(8));
        assert_eq!(find(&lines, &["bash: line 2: x: command not found"], None, None), Some(7));
        assert_eq!(find(&lines, &["File \"<stdin>\", line 1, in <module>"], None, None), Some(6));
        assert_eq!(find(&lines, &["/bin/sh: 9: nope: not found"], None, None), None);
        // In a chain the whole command is line 1 of what the shell gets.
        assert_eq!(find(&lines_of_chain, &["/bin/sh: 1: nope: not found"], None, None), None);
    }

    #[test]
    fn one_line_needs_no_mark() {
        assert_eq!(find(&lines("RUN cat one"), &["+ cat one"], None, None), None);
    }
}
