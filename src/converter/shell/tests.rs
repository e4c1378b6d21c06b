use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn variables() -> BTreeMap<String, String> {
    [
        ("NAME", "bob"),
        ("EMPTY", ""),
        ("TWO", "a  b"),
        ("PATH", "/usr/local/bin:/bin"),
        ("FILE", "dir/archive.tar.gz"),
        ("LINES", "one\ntwo"),
        ("GROUP", "$0-$1"),
        ("é", "accent"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn lex_of_modes(modes: &str) -> Lex {
    let mut lex = Lex::new('\\');
    for mode in modes.split_whitespace() {
        match mode {
            "escape=`" => lex.escape = '`',
            "raw-quotes" => lex.raw_quotes = true,
            "raw-escapes" => lex.raw_escapes = true,
            "no-quotes" => lex.skip_process_quotes = true,
            "keep-unset" => lex.skip_unset_env = true,
            _ => panic!("unknown mode {mode}"),
        }
    }
    lex
}

#[test]
fn every_line_of_the_table_holds() {
    let variables = variables();
    let mut lex = Lex::new('\\');
    let mut cases = 0;
    let mut failures = Vec::new();
    for (index, line) in
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/shell.txt")).lines().enumerate()
    {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(modes) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            lex = lex_of_modes(modes);
            continue;
        }
        let (text, wanted) = line.rsplit_once(" => ").unwrap_or_else(|| panic!("line {}: no =>", index + 1));
        let got = if wanted.starts_with('[') {
            lex.process_words(text, &variables).map(|words| serde_json::json!(words))
        } else {
            lex.process_word(text, &variables).map(|expansion| serde_json::json!(expansion.text))
        };
        let got = got.map_or_else(|_| "error".to_owned(), |value| value.to_string());
        let wanted = match wanted {
            "error" => "error".to_owned(),
            _ => serde_json::from_str::<serde_json::Value>(wanted).unwrap().to_string(),
        };
        if got != wanted {
            failures.push(format!("line {}: {text} => {got}, not {wanted}", index + 1));
        }
        cases += 1;
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(cases > 150, "{cases} cases only");
}

#[test]
fn variables_that_are_asked_for_are_told_by_whether_they_are_set() {
    let text = "$NAME ${EMPTY:-$UNSET} ${NAME+${OTHER}} ${X/$Y/$Z}";
    let expansion = Lex::new('\\').process_word(text, &variables()).unwrap();
    assert_eq!(expansion.matched, BTreeSet::from(["EMPTY".into(), "NAME".into()]));
    let unmatched = ["OTHER", "UNSET", "X", "Y", "Z"].map(str::to_owned);
    assert_eq!(expansion.unmatched, BTreeSet::from(unmatched));
}

#[test]
fn an_error_knows_the_variables_before_it() {
    let error = Lex::new('\\').process_word("$NAME $UNSET 'x", &variables()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::SingleQuote);
    assert_eq!(error.matched, BTreeSet::from(["NAME".into()]));
    assert_eq!(error.unmatched, BTreeSet::from(["UNSET".into()]));
}

#[test]
fn a_demanded_variable_is_named_with_its_message() {
    let kind = |text| Lex::new('\\').process_word(text, &variables()).unwrap_err().kind.to_string();
    assert_eq!(kind("${UNSET:?give it}"), "UNSET: give it");
    assert_eq!(kind("${UNSET?}"), "UNSET: must be set");
    assert_eq!(kind("${EMPTY:?}"), "EMPTY: must not be empty");
}

#[test]
fn what_is_missing_is_the_end_of_the_outermost_substitution() {
    let kind = |text| Lex::new('\\').process_word(text, &NoEnv).unwrap_err().kind;
    assert_eq!(kind("\"${A:-${B/x"), ErrorKind::MissingBrace);
    assert_eq!(kind("${A/${B"), ErrorKind::MissingSlash);
    assert_eq!(kind("${A/b/'"), ErrorKind::MissingBrace);
    assert_eq!(kind("\"$A"), ErrorKind::DoubleQuote);
}

#[test]
fn a_byte_order_mark_at_the_start_is_dropped() {
    let lex = Lex::new('\\');
    assert_eq!(lex.process_word("\u{feff}a\u{feff}", &NoEnv).unwrap().text, "a\u{feff}");
}

#[test]
fn nesting_is_as_deep_as_the_text_is_long() {
    const DEPTH: usize = 100_000;
    let cases = [
        ("${U:-x", "y", "}"),
        ("\"${U+", "y", "}\""),
        ("${U/a?/x", "y", "}"),
        ("${NAME#${U-", "bo", "}}"),
        ("${NAME%?${U-", "b", "}}"),
    ];
    for (open, inner, close) in cases {
        let text = format!("{}{inner}{}", open.repeat(DEPTH), close.repeat(DEPTH));
        for skip_unset_env in [false, true] {
            let lex = Lex { skip_unset_env, ..Lex::new('\\') };
            assert!(lex.process_word(&text, &variables()).is_ok(), "{open}");
        }
        let unclosed = Lex::new('\\').process_word(&open.repeat(DEPTH), &variables());
        assert!(unclosed.is_err(), "{open}");
    }
}

#[test]
fn a_result_that_doubles_at_every_level_is_refused() {
    let text = format!("{}x{}", "${TWO//?/".repeat(60), "}".repeat(60));
    let error = Lex::new('\\').process_word(&text, &variables()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::TooLong { .. }));
}

#[test]
fn an_error_shows_only_the_start_of_a_long_text() {
    let error = Lex::new('\\').process_word(&format!("'{}", "x".repeat(1 << 16)), &NoEnv).unwrap_err();
    assert!(error.to_string().len() < 400);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(
        text in r#"([ab$\{\}:/#%*?+\-'"\\`< ~é]|\$\{|NAME|UNSET|//|[\x00-\x{10ffff}]){0,40}"#,
        bits in 0_u8..32,
    ) {
        let lex = Lex {
            escape: if bits & 1 == 0 { '\\' } else { '`' },
            raw_quotes: bits & 2 != 0,
            raw_escapes: bits & 4 != 0,
            skip_process_quotes: bits & 8 != 0,
            skip_unset_env: bits & 16 != 0,
        };
        let word = lex.process_word(&text, &variables());
        let words = lex.process_words(&text, &variables());
        prop_assert_eq!(word.is_ok(), words.is_ok());
    }

    #[test]
    fn text_without_anything_special_stays(text in r"[a-zA-Z0-9 .:/_=,-]{0,60}") {
        prop_assert_eq!(&Lex::new('\\').process_word(&text, &NoEnv).unwrap().text, &text);
    }
}
