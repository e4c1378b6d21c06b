//! Input that nobody would write: never a panic, never more than linear time and memory.
//!
//! Nothing is timed here: what grows faster than its input does not finish. `make bench` prints figures.

mod shapes;

use bob::converter::dockerfile;
use bob::converter::ignore::{Patterns, read_all};
use bob::converter::plan::{Fact, FactFailure, Facts, ImageFact, Need, Options};
use bob::converter::shell::{Lex, NoEnv};
use bob::converter::{ConversionState, Converter};
use bob::diag::Source;
use bob::image::{Platform, Reference};
use proptest::prelude::*;
use std::sync::Arc;

/// What Bob makes of a Dockerfile: the number of ops, or the error.
fn convert(text: impl Into<Vec<u8>>) -> Result<usize, String> {
    let options = Options { build_platform: Platform::new("linux", "amd64"), ..Options::default() };
    let message = |rejected: bob::converter::Rejected| rejected.error.message;
    let converter = Converter::new(Source::new("Dockerfile", text.into()), &options).map_err(message)?;
    let mut facts = Facts::new();
    let mut pending = converter.start(&options, None).map_err(message)?;
    loop {
        match pending.resume(&facts).map_err(message)? {
            ConversionState::Done(conversion) => {
                return Ok(conversion.marshal("test").map_err(|e| e.to_string())?.definition.ops.len());
            }
            ConversionState::Need(more, needs) => {
                pending = more;
                facts.extend(needs.into_iter().map(|need| {
                    let fact = fact(&need);
                    (need, fact)
                }));
            }
        }
    }
}

fn fact(need: &Need) -> Result<Fact, FactFailure> {
    match need {
        Need::Image { .. } => {
            let digest = format!("sha256:{}", "0".repeat(64));
            let config = format!(
                r#"{{"architecture":"amd64","os":"linux","config":{{"Env":["PATH=/bin"]}},
                    "rootfs":{{"type":"layers","diff_ids":["{digest}"]}}}}"#
            );
            Ok(Fact::Image(ImageFact::new(digest, config.into_bytes())))
        }
        Need::Ignore => Ok(Fact::Ignore(None)),
        _ => Err(Arc::new(std::io::Error::other("unknown"))),
    }
}

#[test]
fn every_long_shape_converts() {
    for (name, make) in shapes::SHAPES {
        let outcome = convert(make(3_000));
        assert!(outcome.is_ok(), "{name}: {outcome:?}");
    }
}

#[test]
fn a_hundred_thousand_lines_are_that_many_steps() {
    let text = "FROM a\n".to_owned() + &"RUN x\n".repeat(100_000);
    assert_eq!(convert(text), Ok(100_002));
}

#[test]
fn ten_thousand_stages_are_that_many_steps() {
    let mut text = "FROM a AS s0\n".to_owned();
    for stage in 1..10_000 {
        text += &format!("FROM s{} AS s{stage}\nRUN x\n", stage - 1);
    }
    assert_eq!(convert(text), Ok(10_001));
}

#[test]
fn ten_megabytes_in_one_instruction_convert() {
    let line = " \\\n && a-command with --some=flags and \"quotes\"";
    let text = "FROM a\nRUN x".to_owned() + &line.repeat(10_000_000 / line.len());
    assert_eq!(convert(text), Ok(3));
}

#[test]
fn ten_megabytes_of_comments_convert() {
    assert_eq!(convert("FROM a\n".to_owned() + &"# c\n".repeat(2_500_000) + "RUN x\n"), Ok(3));
}

#[test]
fn ten_megabytes_in_a_heredoc_convert() {
    let text = "FROM a\nCOPY <<E /f\n".to_owned() + &"a line $PATH\n".repeat(800_000) + "E\n";
    assert_eq!(convert(text), Ok(4));
}

#[test]
fn deeply_nested_expansions_convert_or_are_rejected() {
    let text = |end: &str| {
        let open = " \\\n".to_owned() + &"${A:-".repeat(1_000);
        "FROM a\nWORKDIR".to_owned() + &open.repeat(100) + "x" + end + "\n"
    };
    assert!(convert(text("")).is_err());
    let closed = format!("FROM a\nWORKDIR {}/x{}\n", "${A:-".repeat(8_000), "}".repeat(8_000));
    assert_eq!(convert(closed), Ok(3));
    let nested = "${A:-".repeat(100_000) + &"}".repeat(100_000);
    assert_eq!(Lex::new('\\').process_word(&nested, &NoEnv).map(|word| word.text), Ok(String::new()));
}

#[test]
fn doubling_variables_stop_at_a_limit() {
    let mut text = "FROM a\nENV A0=0123456789\n".to_owned();
    for level in 1..100 {
        text += &format!("ENV A{level}=$A{0}$A{0}\n", level - 1);
    }
    assert!(convert(text).unwrap_err().contains("longer than"));
}

#[test]
fn a_huge_ignore_file_is_read_and_matched() {
    let text = (0..20_000).fold(String::new(), |text, i| text + &format!("dir{i}/**/*.o\n"));
    let matcher = Patterns::new(read_all(text.as_bytes()).expect("lines")).expect("patterns");
    assert_eq!(matcher.matches_or_parent_matches("dir19999/a/b.o"), Ok(true));
    assert_eq!(matcher.matches_or_parent_matches("other"), Ok(false));
}

/// Bytes that come near to a Dockerfile.
fn near_dockerfile() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        &b"FROM a"[..],
        b"\n",
        b"RUN ",
        b"COPY ",
        b"<<E",
        b"\nE\n",
        b"${",
        b"}",
        b"$A",
        b"\"",
        b"'",
        b"\\",
        b"[",
        b"]",
        b",",
        b"--mount=",
        b"--from=",
        b"=",
        b" ",
        b"\xff",
        b"\xe4\xb8",
        b"ONBUILD ",
        b"ARG ",
        b"ENV ",
        b"#",
        b"`",
    ]);
    prop::collection::vec(
        prop_oneof![4 => words.prop_map(<[u8]>::to_vec), 1 => prop::collection::vec(any::<u8>(), 0..6)],
        0..40,
    )
    .prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_converted_or_rejected(head in any::<bool>(), text in near_dockerfile()) {
        let text = if head { [b"FROM a\n", &*text].concat() } else { text };
        let _ = convert(text);
    }

    #[test]
    fn any_bytes_are_parsed_or_rejected(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = dockerfile::parse(&Source::new("Dockerfile", bytes), &mut Vec::new());
    }

    #[test]
    fn any_text_is_words_or_rejected(text in "[\\PC\\x00-\\x20${}'\"\\\\#%/:?+-]{0,60}") {
        let _ = Lex::new('\\').process_word(&text, &NoEnv);
        let _ = Lex::new('`').process_words(&text, &NoEnv);
    }

    #[test]
    fn any_bytes_are_an_ignore_file_or_rejected(bytes in prop::collection::vec(any::<u8>(), 0..80), path in "\\PC{0,20}") {
        if let Ok(matcher) = read_all(&bytes).and_then(Patterns::new) {
            let _ = matcher.matches_or_parent_matches(&path);
        }
    }

    #[test]
    fn any_text_is_a_reference_and_a_platform_or_rejected(text in "[a-zA-Z0-9/:@._()%+-]{0,40}|\\PC{0,20}") {
        let _ = Reference::parse(&text);
        let _ = Reference::parse_named(&text);
        let _ = Platform::parse(&text).map(|platform| platform.normalized().to_string());
    }
}
