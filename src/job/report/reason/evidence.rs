//! What a failed step left.

use std::cell::OnceCell;

use crate::diag::tells_of_fault;

/// The text between the command and the cause in what buildkitd says of a failed process.
/// (BuildKit: `ExecOp.Exec` in `solver/llbsolver/ops/exec.go`)
const DID_NOT_COMPLETE: &str = "did not complete successfully: ";
/// How many lines before the last fault still belong to it.
const CLUSTER: usize = 20;
/// How many lines before the one that says most about the failure can be its cause: further above stands what a program got
/// over.
const BEFORE: usize = 30;

/// What a failed step left.
#[derive(Debug, Clone, Default)]
pub(in crate::job::report) struct Evidence<'a> {
    /// What buildkitd says, without the command.
    pub(in crate::job::report) cause: &'a str,
    /// The exit code of its process, if it had one.
    pub(in crate::job::report) exit_code: Option<u32>,
    /// What it logged last, the oldest line first.
    pub(in crate::job::report) log: Vec<&'a str>,
    /// The platform that the step is for, where the build names one.
    pub(in crate::job::report) platform: Option<String>,
    /// The first line of its here-document, where that names an interpreter (`#!/usr/bin/python3`).
    pub(in crate::job::report) script: Option<String>,
    /// The most memory that the build gives a step, in bytes.
    pub(in crate::job::report) memory_limit: Option<u64>,
    /// What [`Evidence::lines`] returned first.
    pub(in crate::job::report) relevant: OnceCell<Vec<&'a str>>,
}

/// Returns what buildkitd says without the command: the command's words are no evidence.
pub(in crate::job::report) fn cause_of(message: &str) -> &str {
    message.rsplit_once(DID_NOT_COMPLETE).map_or(message, |(_, cause)| cause).trim()
}

impl<'a> Evidence<'a> {
    /// Returns the text that holds one of `words`, which are in lower case: what buildkitd says, else the last such line of
    /// the log.
    pub(super) fn saying(&self, words: &[&str]) -> Option<&'a str> {
        let holds = |text: &&str| holds(text, words);
        Some(self.cause).filter(holds).or_else(|| self.lines().iter().copied().rev().find(holds))
    }

    /// Returns the same where nothing that is logged behind it names another error: such words alone are often of a program
    /// that goes on without what it did not find.
    pub(super) fn ending_with(&self, words: &[&str]) -> Option<&'a str> {
        if holds(self.cause, words) {
            return Some(self.cause);
        }
        let lines = self.lines();
        let at = lines.iter().rposition(|line| holds(line, words) && !tells_of_warning(line))?;
        let program =
            |line: &str| line.split_whitespace().next().unwrap_or_default().trim_end_matches(':').to_owned();
        let is_other =
            |line: &&&str| names_an_error(line) && is_cause(line) && program(line) != program(lines[at]);
        lines[at + 1..].iter().find(is_other).is_none().then(|| lines[at])
    }

    /// Returns the lines of the log that can be of the failure, without those in which a shell tells what it runs.
    pub(super) fn lines(&self) -> &[&'a str] {
        self.relevant.get_or_init(|| {
            let mut lines = self.all_lines();
            let Some(telling) = telling_place(&lines) else { return lines };
            // A fault at a place of a source follows from nothing before it.
            let before = if names_a_place(lines[telling]) { 0 } else { BEFORE };
            lines.drain(..telling.saturating_sub(before));
            lines
        })
    }

    fn all_lines(&self) -> Vec<&'a str> {
        self.log.iter().copied().filter(|line| !line.trim().is_empty() && !is_trace(line)).collect()
    }

    /// Returns whether the process ended with one of `codes`.
    pub(super) fn ended_with(&self, codes: &[u32]) -> bool {
        self.exit_code.is_some_and(|code| codes.contains(&code))
    }

    /// Returns the words that say most about the failure: the first of the last faults, else the last line; with the next
    /// line where they end in a colon.
    pub(super) fn telling_words(&self) -> Option<String> {
        let lines = self.all_lines();
        let has_fault = lines.iter().any(|line| tells_of_fault(line));
        if let Some(trace) = self.log.last().filter(|line| is_trace(line) && !has_fault) {
            return Some(format!("the last command was: {}", trace.trim_start_matches(['+', ' '])));
        }
        let at = telling_place(&lines)?;
        let text = lines[at].trim();
        let next = lines.get(at + 1).map(|next| next.trim());
        let is_begin = text.ends_with(':')
            || ["--- FAIL: ", "CMake Error at ", "ERROR in "].iter().any(|begin| text.starts_with(begin));
        Some(match next.filter(|_| is_begin) {
            Some(next) => format!("{text} {next}"),
            None => text.to_owned(),
        })
    }
}

/// Whether a shell tells in a line what it runs (`set -x`).
pub(super) fn is_trace(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('+') && line.trim_start_matches('+').starts_with(' ')
}

/// Whether a text has one of `words`, which are in lower case.
pub(super) fn holds(text: &str, words: &[&str]) -> bool {
    let lower = text.to_lowercase();
    words.iter().any(|word| lower.contains(word))
}

/// Returns the place of the line that says most about the failure.
fn telling_place(lines: &[&str]) -> Option<usize> {
    let last = |is_it: &dyn Fn(&str) -> bool| lines.iter().rposition(|line| is_it(line));
    let Some(last_cause) = last(&|line| tells_of_fault(line) && is_cause(line)) else {
        return last(&tells_of_fault).or_else(|| lines.len().checked_sub(1));
    };
    // Gradle says what went wrong below these words, the innermost cause last.
    if let Some(head) = last(&|line| line.trim() == "* What went wrong:") {
        let causes = lines[head + 1..].iter().take_while(|line| !line.starts_with("* "));
        let innermost =
            causes.enumerate().filter(|(at, line)| *at == 0 || line.trim_start().starts_with("> "));
        let compiled = lines[..head].iter().position(|line| names_a_place(line) && tells_of_fault(line));
        if let Some((at, _)) = innermost.last().filter(|_| compiled.is_none()) {
            return Some(head + 1 + at);
        }
    }
    let near = last_cause.saturating_sub(CLUSTER)..=last_cause;
    let first = |is_it: &dyn Fn(&str) -> bool| {
        near.clone().find(|at| is_it(lines[*at]) && tells_of_fault(lines[*at]) && is_cause(lines[*at]))
    };
    first(&names_a_place).or_else(|| first(&names_an_error)).or(Some(last_cause))
}

/// Returns whether a line tells of a fault by itself: not only that another line's fault ended the work, and not what
/// programs often get over.
fn is_cause(line: &str) -> bool {
    const ENDS: [&str; 42] = [
        "errors while running ctest",
        "could not build wheels",
        "(core dumped)",
        "segmentation fault",
        "make: ***",
        "make[",
        "build stopped",
        "could not compile",
        "collect2:",
        "complete log of this run",
        "compilation terminated",
        "aborting due to",
        "build failed",
        "build failure",
        "compilation error :",
        "compilation failed; see",
        "[help ",
        "to see the full stack trace",
        "re-run maven",
        "about the errors and possible solutions",
        "failure: build",
        "configuring incomplete",
        "see also \"",
        "exit status",
        "exit code",
        "exit value",
        "exited with",
        "error code",
        "command failed",
        "failed with error:",
        "lifecycle script",
        "failed building wheel",
        "failed to build installable wheels",
        "metadata-generation-failed",
        "subprocess-exited-with-error",
        "this is an issue with the package",
        "error: test failed, to rerun",
        "error is not recoverable",
        "child returned status",
        "process completed with",
        "for more information about this error",
        "some errors have detailed explanations",
    ];
    const GOT_OVER: [&str; 3] =
        ["fatal: not a git repository", "fatal: no names found", "a terminally deprecated method"];
    let lower = line.trim().to_lowercase();
    if matches!(lower.as_str(), "fail" | "failed" | "failures:" | "[error]" | "npm error" | "npm err!")
        || is_count(&lower)
    {
        return false;
    }
    // Of make's own faults only those of a rule's commands follow from another.
    let is_rule = lower.contains("no rule to make") || lower.contains("missing separator");
    is_rule || !ENDS.iter().chain(&GOT_OVER).any(|end| lower.contains(end))
}

/// Returns whether a line only counts failures: `=== 1 failed, 3 passed in 0.1s ===`, `FAIL  example.com/x  0.002s`.
fn is_count(lower: &str) -> bool {
    let text = lower.trim_matches(['=', '-', '~', ' ']);
    let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    let second = words.next().unwrap_or_default();
    let is_number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    let is_go = first == "fail" && text.ends_with('s') && words.next().is_some() && words.next().is_none();
    text.starts_with('✖')
        || (is_number && (second.starts_with("fail") || second.starts_with("error")))
        || is_go
        || text.starts_with("test result: ")
        || ["tests run: ", "tests: ", "test suites: "].iter().any(|begin| text.starts_with(begin))
}

/// Returns whether a line only warns.
pub(super) fn tells_of_warning(line: &str) -> bool {
    let lower = line.trim_start().to_lowercase();
    ["warn", "debconf: ", "w: ", "[warn", "npm warn"].iter().any(|begin| lower.starts_with(begin))
        || lower.contains("warning:")
}

/// Returns whether a line names the place of a fault in a source or a test: what compilers and tests say.
fn names_a_place(line: &str) -> bool {
    let lower = line.trim_start().to_lowercase();
    let is_compilers = [": error", ": fatal error"].iter().any(|mark| {
        let before = lower.split(mark).next().filter(|before| before.len() < lower.len());
        before.is_some_and(|before| {
            let before = before.trim_end_matches(')');
            before.ends_with(|c: char| c.is_ascii_digit()) && before.contains([':', '('])
        })
    });
    is_compilers
        || ["error[e", "--- fail: ", "failed tests", "failed test", "assertionerror"]
            .iter()
            .any(|begin| lower.starts_with(begin))
        || lower.contains("panicked at ")
        || lower.starts_with("e: file:")
        || (lower.starts_with("[error] /") && lower.contains(":["))
}

/// Returns whether a line begins with the mark that programs give to an error.
fn names_an_error(line: &str) -> bool {
    let lower = line.trim_start().to_lowercase();
    ["e: ", "error", "fatal", "npm err", "panic:", "go: ", "[error]", "cmake error", "failed "]
        .iter()
        .any(|mark| lower.starts_with(mark))
        || lower.contains(": error")
        || lower.contains("error:")
        || lower.contains(": fatal")
        || lower.contains("[emerg]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_no_evidence() {
        let message =
            "process \"/bin/sh -c echo no space left on device\" did not complete successfully: exit code: 1";
        assert_eq!(cause_of(message), "exit code: 1");
        let evidence =
            Evidence { cause: cause_of(message), log: vec!["+ echo no space left"], ..Evidence::default() };
        assert_eq!(evidence.saying(&["no space left"]), None);
    }

    #[test]
    fn the_first_of_the_last_faults_is_the_telling_line() {
        let of = |log: &[&'static str]| {
            let words = Evidence { log: log.to_vec(), ..Evidence::default() }.telling_words();
            words.unwrap_or_else(|| "nothing".to_owned())
        };
        let compiler =
            ["cc -c a.c", "a.c:3:5: error: 'x' undeclared", "a.c:9:5: error: y", "make: *** [a.o] Error 1"];
        assert_eq!(of(&compiler), "a.c:3:5: error: 'x' undeclared");
        let python = ["Traceback (most recent call last):", "  File \"a.py\", line 1", "KeyError: 'x'"];
        assert_eq!(of(&python), "KeyError: 'x'");
        assert_eq!(
            of(&["make: *** No rule to make target 'x'.  Stop."]),
            "make: *** No rule to make target 'x'.  Stop."
        );
        assert_eq!(of(&["one", "two", ""]), "two");
        assert_eq!(of(&[]), "nothing");
    }
}
