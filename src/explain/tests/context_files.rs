//! Which files of a context explain that a step ran.

use super::*;

#[test]
fn files_that_the_last_build_did_not_list_have_not_changed() {
    let before = build(false);
    let mut after = before.clone();
    after.edit("COPY a.txt lib /app/", "COPY . /app/");
    let mut old = before.record();
    let few = before.files.iter().filter(|(path, _)| path.starts_with("lib"));
    old.contexts.insert("context".into(), Listing::new(few.map(|(path, file)| (path, file.clone())), None));
    let mut new = after.record();
    let root = run_from(&mut new, "COPY . /app/");
    let told = told(&explain(Some(&old), &new), &new);
    assert_eq!((told[0].steps.as_slice(), told[0].lines.len()), (&[root][..], 1), "{told:?}");
    assert!(told[0].lines[0].starts_with("the instruction changed: "), "{told:?}");
}

#[test]
fn the_mode_of_a_folder_counts_where_it_is_copied() {
    let mut before = build(false);
    before.files.insert("lib".into(), FileEntry { mode: 1 << 31 | 0o755, ..FileEntry::default() });
    let mut after = before.clone();
    after.files.get_mut("lib").unwrap().mode = 1 << 31 | 0o700;
    let told = told_of(&before, &after, "COPY a.txt");
    assert_eq!(told, "1 file that it reads changed:\n  lib (mode 0755 → 0700)");
}

#[test]
fn what_a_link_leads_to_is_read() {
    let link = |to: &str| FileEntry { mode: 1 << 27 | 0o777, link: to.to_owned(), ..FileEntry::default() };
    let mut before = build(false);
    before.files.insert("a.txt".into(), link("other"));
    before.files.insert("own.cfg".into(), link("unread.txt"));
    let mut after = before.clone();
    after.files.get_mut("other/unread.c").unwrap().content = 8;
    let told = told_of(&before, &after, "COPY a.txt");
    assert_eq!(told, "1 file that it reads changed:\n  other/unread.c (content)");
    let mut after = before.clone();
    after.files.get_mut("unread.txt").unwrap().content = 8;
    assert_eq!(
        told_of(&before, &after, "COPY *.cfg"),
        "1 file that it reads changed:\n  unread.txt (content)"
    );
    after.files.insert("a.txt".into(), link("lib"));
    let told = told_of(&before, &after, "COPY a.txt");
    assert!(told.contains("  a.txt (leads elsewhere)"), "{told}");
}

#[test]
fn a_further_name_of_a_file_has_its_content() {
    let name = |content| FileEntry { mode: 0o644, size: 10, modified: 5, content, link: "a.txt".into() };
    let mut before = build(false);
    before.files.insert("lib/two".into(), name(0));
    let mut after = before.clone();
    after.files.get_mut("a.txt").unwrap().content = 8;
    let (old, mut new) = (before.record(), after.record());
    run_from(&mut new, "COPY a.txt");
    let text = explanation_text(&explain(Some(&old), &new), &new);
    assert!(text.contains("      a.txt (content)\n      lib/two (content)\n"), "{text}");
}

#[test]
fn a_file_that_may_have_changed_hides_nothing_that_did() {
    let before = build(false);
    let mut after = before.clone();
    let file = after.files.get_mut("docs/guide.txt").unwrap();
    (file.modified, file.content) = (6, 0);
    let told = told_of(&before, &after, "COPY --exclude");
    assert!(told.starts_with("1 file that it reads may have changed:\n"), "{told}");
    after.base = '2';
    assert_eq!(told_of(&before, &after, "WORKDIR").lines().count(), 1);
    let (old, mut new) = (before.record(), after.record());
    run_from(&mut new, "WORKDIR");
    let text = explanation_text(&explain(Some(&old), &new), &new);
    assert!(!text.contains("guide.txt"), "{text}");
}
