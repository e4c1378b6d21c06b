//! Explanations and differences in words.

use super::*;

#[test]
fn a_here_document_has_the_lines_of_its_instruction() {
    let before = build(false);
    let mut after = before.clone();
    after.edit("welcome", "good bye");
    let (old, mut new) = (before.record(), after.record());
    run_from(&mut new, "preparing");
    let text = explanation_text(&explain(Some(&old), &new), &new);
    let expected = "  Dockerfile:8 preparing inline document\n    the content of its here-document changed\n";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn another_daemon_and_an_ignore_file_are_named() {
    let (mut old, mut new) = (build(false).record(), build(false).record());
    (old.daemon, new.daemon) = ("one".into(), "two".into());
    run_from(&mut new, "RUN make");
    let text = explanation_text(&explain(Some(&old), &new), &new);
    assert!(
        text.contains("    nothing changed: this buildkitd does not have its result; the last"),
        "{text}"
    );
    new.daemon.clear();
    let text = explanation_text(&explain(Some(&old), &new), &new);
    assert!(text.contains("    nothing changed: buildkitd and the imported caches no longer"), "{text}");
}

#[test]
fn graphs_are_compared_without_a_build() {
    let before = build(false);
    let mut after = before.clone();
    after.edit("make -j2", "make -j4");
    let (old, new) = (before.record(), after.record());
    let text = diff_text(&graph_difference(&old, &new), &old, &new);
    assert_eq!(text, "Dockerfile:11 RUN make -j4 all\n    the instruction changed: `-j2` → `-j4`\n");
    assert_eq!(diff_text(&graph_difference(&old, &old), &old, &old), "The graphs have the same steps.\n");
}

#[test]
fn many_files_are_counted_and_those_that_programs_make_are_named() {
    let before = build(false);
    let mut after = before.clone();
    for number in 0..12 {
        after.files.insert(format!("lib/log{number:02}.log"), FileEntry::default());
    }
    let (old, mut new) = (before.record(), after.record());
    run_from(&mut new, "COPY a.txt");
    let text = explanation_text(&explain(Some(&old), &new), &new);
    let expected = "Why steps ran again:\n  Dockerfile:5 COPY a.txt lib /app/\n    12 files that it reads \
                    changed:\n      lib/log00.log (added)\n";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("\n      and 2 more\n"), "{text}");
    assert!(text.contains("name them in .dockerignore: **/*.log\n"), "{text}");
    let chain = "\n    a step before it ran again: Dockerfile:5 COPY a.txt lib /app/\n";
    assert!(text.ends_with(chain), "{text}");
}

#[test]
fn each_chain_of_many_steps_is_told_once_in_the_order_of_their_roots() {
    let old = long_build(MAX_STEPS - 1).record();
    let mut new = old.clone();
    for (place, step) in new.steps.iter_mut().enumerate().skip(1) {
        // Two chains beside each other.
        step.inputs = if place < 3 { Vec::new() } else { vec![place - 2] };
        step.outcome = Outcome::Ran;
    }
    let told = told(&explain(Some(&new), &new), &new);
    let steps: Vec<&[usize]> = told.iter().map(|told| &*told.steps).collect();
    let chain = |root: usize| (root + 2..MAX_STEPS).step_by(2).collect::<Vec<_>>();
    assert_eq!(steps, [&[1][..], &[2], &chain(1), &chain(2)]);
}
