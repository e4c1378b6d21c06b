//! Words of others are shown, and are nothing but words.

use super::*;

/// Words that would be markup, a link, a terminal's command or a template's.
const HOSTILE: [&str; 10] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg/onload=alert(1)>",
    "</pre></details></style><script src=https://evil.example/x.js></script>",
    "javascript:alert(1)",
    "{{ 7*7 }}{% raw %}&lt;b&gt;",
    "\u{1b}[31mred\u{1b}[0m\u{1b}]8;;https://evil.example\u{7}link\u{1b}]8;;\u{7}",
    "\u{202e}txt.exe\u{2066}\u{0}\u{8}\u{9b}31m",
    "<!--",
    "https://user:secret-word@evil.example/",
];

/// A report in which every word of others is hostile.
pub(super) fn hostile() -> Collector {
    let mut collector = Collector::begin();
    for (index, words) in HOSTILE.iter().enumerate() {
        let digest = format!("{words}{index}");
        let error = if index % 2 == 0 { (*words).to_owned() } else { String::new() };
        let before = HOSTILE.iter().take(index).enumerate().map(|(at, words)| format!("{words}{at}"));
        let position = |line| Some(pb::Position { line, character: 0 });
        collector.apply(&StatusResponse {
            vertexes: vec![Vertex {
                error,
                inputs: before.collect(),
                ..vertex(&digest, words, &[], (0, 1000))
            }],
            statuses: vec![VertexStatus {
                id: (*words).to_owned(),
                vertex: digest.clone(),
                current: i64::MAX,
                total: i64::MIN,
                timestamp: Some(at(2)),
                started: Some(at(1)),
                ..VertexStatus::default()
            }],
            logs: vec![VertexLog {
                vertex: digest.clone(),
                msg: format!("{words}\n").into_bytes(),
                ..VertexLog::default()
            }],
            warnings: vec![VertexWarning {
                vertex: digest.clone(),
                short: words.as_bytes().to_vec(),
                detail: vec![words.as_bytes().to_vec()],
                url: (*words).to_owned(),
                info: Some(pb::SourceInfo { filename: (*words).to_owned(), ..Default::default() }),
                ranges: vec![
                    pb::Range { start: position(i32::MIN), end: position(1) },
                    pb::Range { start: position(2), end: position(1) },
                ],
                ..VertexWarning::default()
            }],
        });
        let kind = StepKind::Run { base: None, arguments: vec![(*words).to_owned()], has_mounts: false };
        collector.know([GraphStep { file: (*words).to_owned(), ..known(&digest, 1, kind) }]);
    }
    let layer = |words: &&str| Layer {
        digest: (*words).to_owned(),
        bytes: u64::MAX,
        created_by: (*words).to_owned(),
    };
    collector.set_layers(HOSTILE.iter().map(layer).collect());
    for (index, words) in HOSTILE.iter().enumerate() {
        collector.explain(&format!("{words}{index}"), &[(*words).to_owned()]);
    }
    collector.set_cache_note(&HOSTILE.join(" "));
    collector.end(Ending::Failed(HOSTILE.join("\n")));
    collector
}

/// The tags of a page, as a browser would see them.
fn tags(page: &str) -> Vec<&str> {
    let (_, after_style) = page.split_once("</style>").unwrap();
    after_style.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()).collect()
}

#[test]
fn words_of_others_are_neither_markup_nor_links_nor_secrets() {
    let report = hostile().report();
    let page = report.to_html();
    for tag in tags(&page) {
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap();
        assert!(!["script", "img", "style", "iframe", "!--", "object", "form"].contains(&name), "{tag}");
        assert!(
            name != "svg"
                || tag == "/svg"
                || tag.contains("class=\"bar\"")
                || tag.contains("class=\"graph\"")
        );
        let in_quotes = tag.split('"').skip(1).step_by(2).collect::<Vec<_>>().join(" ");
        let outside = tag.split('"').step_by(2).collect::<Vec<_>>().join(" ");
        assert!(outside.split_whitespace().skip(1).all(|word| !word.starts_with("on")), "{tag}");
        assert!(!in_quotes.contains("javascript:") && !outside.contains("javascript:"), "{tag}");
        if let Some((_, target)) = tag.split_once("href=\"") {
            assert!(target.starts_with("#step-"), "{tag}");
        }
    }
    assert!(!page.contains("<script") && page.contains("&#60;script&#62;alert(1)"));
    for text in [page, report.to_json()] {
        assert!(!text.contains("secret-word"));
        assert!(!text.contains(is_forbidden), "{:?}", text.chars().find(|c| is_forbidden(*c)));
    }
}

#[test]
fn fuzz_whatever_steps_are_called_and_log_the_page_stays_whole() {
    crate::fuzz::run(&HOSTILE.map(str::as_bytes), |bytes| {
        let words = String::from_utf8_lossy(bytes).into_owned();
        let mut collector = of_vertices(vec![
            Vertex { error: words.clone(), ..vertex(&words, &words, &[&words, "b"], (5, 1)) },
            vertex("b", &words, &[&words], (0, i64::from(bytes.first().copied().unwrap_or(0)))),
        ]);
        collector.apply(&StatusResponse {
            logs: vec![VertexLog { vertex: words.clone(), msg: bytes.to_vec(), ..VertexLog::default() }],
            ..StatusResponse::default()
        });
        collector.know([known(&words, 1, run(&words, &words)), known("b", 2, copy(&words, &words, &words))]);
        collector.end(Ending::Failed(words));
        let report = collector.report();
        let (page, json) = (report.to_html(), report.to_json());
        assert!(!page.contains(is_forbidden) && !json.contains(is_forbidden));
        assert!(page.ends_with("</html>") && !page.contains("<script"));
        assert_eq!(page.matches("<section class=\"step").count(), report.steps.len());
        serde_json::from_str::<Value>(&json).expect("JSON");
    });
}
