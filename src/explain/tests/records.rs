//! What a record holds, and how it is read: bounds, bytes of anybody.

use super::*;

#[test]
fn fuzz_records_of_anybody_are_read_without_harm() {
    let bytes = build(true).record().to_bytes().unwrap();
    let mut new = build(false).record();
    run_from(&mut new, "WORKDIR");
    crate::fuzz::run(&[&bytes], |mutated| {
        if let Ok(old) = Record::from_bytes(mutated) {
            let _ = explanation_text(&explain(Some(&old), &new), &new);
            let _ = diff_text(&graph_difference(&old, &new), &old, &new);
        }
    });
}

#[test]
fn a_record_of_many_files_stays_small() {
    let file = |number: usize| {
        let path = format!("packages/module-{:03}/src/components/file-{number:05}.ts", number / 100);
        let (number, second) = (number as u64, 1_000_000_000);
        let modified =
            1_700_000_000 * second + (number * 7_919 % 86_400).cast_signed() * second + 123_456_789;
        let content = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (path, FileEntry { mode: 0o644, size: 13_000, modified, content, link: String::new() })
    };
    let mut record = build(true).record();
    record.contexts.insert("context".into(), Listing::new((0..30_000).map(file), None));
    let bytes = record.to_bytes().unwrap();
    assert!(bytes.len() <= 3_000_000, "{}", bytes.len());
    assert_eq!(Record::from_bytes(&bytes).unwrap(), record);
}

#[test]
fn a_build_of_too_many_steps_keeps_none_of_them_and_says_so() {
    const NOT_KNOWN: &str =
        "Why steps ran again is not known: this build or the one before it has more steps";
    let read = |record: &Record| Record::from_bytes(&record.to_bytes().unwrap()).unwrap();
    let largest = long_build(MAX_STEPS - 1).record();
    assert_eq!(largest.steps.len(), MAX_STEPS);
    assert_eq!(read(&largest), largest);
    let mut new = long_build(MAX_STEPS).record();
    run_from(&mut new, "RUN step 0");
    // Whatever the build before was.
    for old in [None, Some(&largest)] {
        new.explanation = explanation_text(&explain(old, &new), &new);
        assert!(new.explanation.starts_with(NOT_KNOWN), "{}", new.explanation);
    }
    let limits = format!(" ({MAX_STEPS}, or {} MiB of them).\n", MAX_RECORD_BYTES >> 20);
    assert!(new.explanation.ends_with(&limits), "{}", new.explanation);
    let kept = read(&new);
    assert_eq!((kept.steps.len(), &kept.explanation), (0, &new.explanation));
    // The build after it has nothing to compare with, however small it is.
    let next = build(false).record();
    assert!(explanation_text(&explain(Some(&kept), &next), &next).starts_with(NOT_KNOWN));
}

#[test]
fn a_record_whose_steps_are_too_large_keeps_what_was_said() {
    let mut record = build(false).record();
    record.explanation = "said\n".to_owned();
    record.steps[0].name = "x".repeat(MAX_RECORD_BYTES);
    let kept = Record::from_bytes(&record.to_bytes().unwrap()).unwrap();
    assert_eq!((kept.steps.len(), kept.contexts.len(), &*kept.explanation), (0, 0, "said\n"));
    record.explanation = "long\n".repeat(MAX_RECORD_BYTES);
    let kept = Record::from_bytes(&record.to_bytes().unwrap()).unwrap();
    assert!(kept.explanation.starts_with("Why steps ran again is not known: "), "{}", kept.explanation);
}
