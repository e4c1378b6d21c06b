//! What a failed step left.

use crate::diag::tells_of_fault;

/// The text between the command and the cause in what buildkitd says of a failed process.
/// (BuildKit: `ExecOp.Exec` in `solver/llbsolver/ops/exec.go`)
const DID_NOT_COMPLETE: &str = "did not complete successfully: ";
/// How many lines before the last fault still belong to it.
const CLUSTER: usize = 20;

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
    /// The most memory that the build gives a step, in bytes.
    pub(in crate::job::report) memory_limit: Option<u64>,
}

/// Returns what buildkitd says without the command: the command's words are no evidence.
pub(in crate::job::report) fn cause_of(message: &str) -> &str {
    message.rsplit_once(DID_NOT_COMPLETE).map_or(message, |(_, cause)| cause).trim()
}

impl<'a> Evidence<'a> {
    /// Returns the text that holds one of `words`, which are in lower case: what buildkitd says, else the last such line of
    /// the log.
    pub(super) fn saying(&self, words: &[&str]) -> Option<&'a str> {
        let holds = |text: &str| {
            let lower = text.to_lowercase();
            words.iter().any(|word| lower.contains(word))
        };
        if holds(self.cause) {
            return Some(self.cause);
        }
        self.lines().rev().find(|line| holds(line))
    }

    /// Returns the lines of the log without those in which a shell tells what it runs.
    pub(super) fn lines(&self) -> impl DoubleEndedIterator<Item = &'a str> + '_ {
        self.log.iter().copied().filter(|line| !line.trim_start().starts_with("+ "))
    }

    /// Returns whether the process ended with one of `codes`.
    pub(super) fn ended_with(&self, codes: &[u32]) -> bool {
        self.exit_code.is_some_and(|code| codes.contains(&code))
    }

    /// Returns the line that says most about the failure: the first of the last faults, else the last line.
    pub(super) fn telling_line(&self) -> Option<&'a str> {
        let lines: Vec<&str> = self.lines().filter(|line| !line.trim().is_empty()).collect();
        let is_cause = |at: &usize| tells_of_fault(lines[*at]) && !follows_from_another(lines[*at]);
        let Some(last) = (0..lines.len()).rev().find(is_cause) else {
            return lines.last().copied();
        };
        let is_strong = |at: &usize| is_cause(at) && names_an_error(lines[*at]);
        let near = last.saturating_sub(CLUSTER)..=last;
        let first = near.clone().find(is_strong).unwrap_or(last);
        Some(lines[first])
    }
}

/// Returns whether a line only says that another line's fault ended the work.
fn follows_from_another(line: &str) -> bool {
    const ENDS: [&str; 8] = [
        "make: ***",
        "make[",
        "build stopped",
        "could not compile",
        "collect2:",
        "complete log of this run",
        "compilation terminated",
        "aborting due to",
    ];
    let lower = line.to_lowercase();
    // Of make's own faults only those of a rule's commands follow from another.
    let is_rule = lower.contains("no rule to make") || lower.contains("missing separator");
    !is_rule && ENDS.iter().any(|end| lower.contains(end))
}

/// Returns whether a line begins with the mark that programs give to an error.
fn names_an_error(line: &str) -> bool {
    let lower = line.trim_start().to_lowercase();
    // npm tells its own number before it says what is wrong.
    if ["npm error code ", "npm err! code ", "npm error errno ", "npm err! errno "]
        .iter()
        .any(|mark| lower.starts_with(mark))
    {
        return false;
    }
    ["e: ", "error", "fatal", "npm err", "panic:", "go: "].iter().any(|mark| lower.starts_with(mark))
        || lower.contains(": error")
        || lower.contains("error:")
        || lower.contains(": fatal")
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
        let of = |log: &[&'static str]| Evidence { log: log.to_vec(), ..Evidence::default() }.telling_line();
        let compiler =
            ["cc -c a.c", "a.c:3:5: error: 'x' undeclared", "a.c:9:5: error: y", "make: *** [a.o] Error 1"];
        assert_eq!(of(&compiler), Some("a.c:3:5: error: 'x' undeclared"));
        let python = ["Traceback (most recent call last):", "  File \"a.py\", line 1", "KeyError: 'x'"];
        assert_eq!(of(&python), Some("KeyError: 'x'"));
        assert_eq!(
            of(&["make: *** No rule to make target 'x'.  Stop."]),
            Some("make: *** No rule to make target 'x'.  Stop.")
        );
        assert_eq!(of(&["one", "two", ""]), Some("two"));
        assert_eq!(of(&[]), None);
    }
}
