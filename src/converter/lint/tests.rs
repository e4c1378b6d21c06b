use super::*;
use crate::converter::dockerfile;

fn warnings(text: &str, settings: &str) -> Vec<(&'static str, u32)> {
    let source = Source::new("Dockerfile", text);
    let mut notes = Vec::new();
    let dockerfile = dockerfile::parse(&source, &mut notes).unwrap();
    let settings = Settings::parse(settings).unwrap();
    let mut report = Report::default();
    report.add_parser_notes(&notes, &settings);
    report.add_dockerfile(&dockerfile, &settings);
    report.warnings.iter().map(|warning| (warning.rule.name, warning.span.unwrap().first())).collect()
}

#[test]
fn names_and_casing_are_checked() {
    let text = "FROM a AS context\nfrom b as X\nRUN y\nFROM c AS x\n";
    assert_eq!(
        warnings(text, ""),
        [
            ("StageNameCasing", 2),
            ("ReservedStageName", 1),
            ("DuplicateStageName", 4),
            ("ConsistentInstructionCasing", 2),
        ]
    );
}

#[test]
fn rules_are_switched_off_for_all_or_for_one_instruction() {
    let text = "# check=skip=MaintainerDeprecated\n\nFROM a\nMAINTAINER x\n";
    assert_eq!(warnings(text, "skip=MaintainerDeprecated"), []);
    assert_eq!(warnings(text, "skip=all"), []);
    let text = "FROM a\n# check=skip=MaintainerDeprecated\nMAINTAINER x\n";
    assert_eq!(warnings(text, ""), []);
}

#[test]
fn a_broken_rule_fails_only_where_asked() {
    let mut report = Report::default();
    let notice =
        Notice { kind: NoticeKind::WorkdirRelativePath { path: "x".into() }, span: None, check: None };
    let strict = Settings::parse("error=true").unwrap();
    assert_eq!(report.violated(&strict), None);
    report.add_notices(&[notice], &strict);
    assert_eq!(report.violated(&strict), Some(BTreeSet::from(["WorkdirRelativePath"])));
    assert_eq!(report.violated(&Settings::default()), None);
}
