//! The lines of a step's log that matter, in few bytes.

use std::fmt::Write as _;

use crate::diag::{FoldedLine, LogTail, shorten, tells_of_fault};

/// The longest line that is shown, in bytes.
const LONGEST: usize = 300;
/// How many of the last lines are shown, whatever they say.
const LAST: usize = 20;
/// How many lines are shown.
const MOST: usize = 40;

/// Writes the last lines of a log, and of the others those that tell of faults, below `title`. All of it takes at most
/// `limit` bytes.
pub(super) fn write(out: &mut String, title: &str, log: &LogTail, limit: usize) {
    let lines: Vec<&FoldedLine> = log.earlier().chain(log.last()).collect();
    let texts: Vec<String> = lines.iter().map(|line| shown(line)).collect();
    let gap_before_last = log.is_cut().then(|| log.earlier().len());
    let mut room = limit.saturating_sub(title.len() + "\n  ...\n".len());
    let mut is_shown = vec![false; texts.len()];
    let mut count = 0;
    // The very last lines, then all that tell of faults, then what else has room.
    let last = |at: &usize| at + LAST / 4 >= texts.len();
    let telling = |at: &usize| tells_of_fault(&lines[*at].text);
    let near = |at: &usize| at + LAST >= texts.len();
    let choices: [&dyn Fn(&usize) -> bool; 3] = [&last, &telling, &near];
    for choice in choices {
        for at in (0..texts.len()).rev().filter(|at| choice(at)) {
            // A line may be the second one at a gap, which takes a line too.
            let cost = texts[at].len() + "\n  ".len() + "\n  ...".len();
            if is_shown[at] || texts[at].is_empty() || cost > room || count == MOST {
                continue;
            }
            (is_shown[at], room, count) = (true, room - cost, count + 1);
        }
    }
    if count == 0 {
        return;
    }
    out.push_str(title);
    let mut is_gap = gap_before_last == Some(0);
    for (at, text) in texts.iter().enumerate() {
        is_gap |= gap_before_last == Some(at);
        if !is_shown[at] {
            is_gap |= !text.is_empty();
            continue;
        }
        if is_gap {
            out.push_str("\n  ...");
        }
        is_gap = false;
        let _ = write!(out, "\n  {text}");
    }
}

/// A line with how many it stands for.
fn shown(line: &FoldedLine) -> String {
    let text = shorten::in_middle(line.text.trim_end(), LONGEST);
    match line.times {
        1 => text,
        _ if text.is_empty() => text,
        times => format!("{text} [{times} {}]", if line.is_progress { "lines of progress" } else { "times" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(lines: &[String], limit: usize) -> String {
        let mut log = LogTail::default();
        for line in lines {
            log.push(line);
        }
        let mut out = String::new();
        write(&mut out, "last lines:", &log, limit);
        assert!(out.len() <= limit, "{}", out.len());
        out
    }

    #[test]
    fn a_short_log_is_whole() {
        let lines = ["a", "a", "10%", "20%", "", "end"].map(str::to_owned);
        assert_eq!(written(&lines, 1000), "last lines:\n  a [2 times]\n  20% [2 lines of progress]\n  end");
        assert_eq!(written(&[], 1000), "");
    }

    #[test]
    fn of_a_long_log_the_faults_and_the_end_stay() {
        let mut lines: Vec<String> = (0..500).map(|number| format!("compiling file {number}")).collect();
        lines[100] = "E: the reason".to_owned();
        lines[450] = "fatal: another".to_owned();
        let out = written(&lines, 700);
        assert!(out.starts_with("last lines:\n  E: the reason\n  ...\n  fatal: another\n  ...\n"), "{out}");
        assert!(out.ends_with("\n  compiling file 498\n  compiling file 499"), "{out}");
    }

    #[test]
    fn a_long_line_loses_its_middle() {
        let out = written(&[format!("begin {} end", "x".repeat(2000))], 1000);
        assert!(out.contains("begin xx") && out.contains(" … ") && out.ends_with("xx end"), "{out}");
    }
}
