//! Pushes that a registry refuses.

use super::{FIRST, LIMIT};
use crate::support::{Image, Project, Refusal, Registry, registry_that_refuses};

/// A push that is refused: what refuses, what the first bytes say, and what else is said.
const PUSHES: [(Refusal, &str, &str); 9] = [
    (Refusal::Push(401), "401 Unauthorized", "credentials"),
    (Refusal::Push(403), "403 Forbidden", "do not allow to push"),
    (Refusal::Push(413), "413 Request Entity Too Large", "client_max_body_size"),
    (Refusal::Push(429), "429 Too Many Requests", "too many requests"),
    (Refusal::Push(500), "500 Internal Server Error", "the registry's"),
    (Refusal::Push(507), "507 Insufficient Storage", "quota"),
    (Refusal::Token(401), "401 Unauthorized", "credentials"),
    (Refusal::Token(403), "403 Forbidden", ""),
    (Refusal::Token(429), "429 Too Many Requests", ""),
];

#[test]
fn a_push_that_is_refused_begins_with_its_reason() {
    let source = Image::push_source(Registry::shared(), "failures/pushed:latest");
    let project = Project::new(&[("Dockerfile", &format!("FROM {source}\nRUN echo pushed > /pushed\n"))]);
    let problems: Vec<String> = std::thread::scope(|scope| {
        let project = &project;
        let push = |way: &'static str, (refusal, first, also): (Refusal, &'static str, &'static str)| {
            let host = registry_that_refuses(refusal);
            let target = format!("{host}/failures/pushed:v1");
            let stderr = project.build(&["-t", &target, "--push", "--push-via", way]).fail(1).stderr;
            let report = stderr.split_once("\nerror: ").map(|(_, report)| report).unwrap_or_default();
            let begins = &report[..report.floor_char_boundary(FIRST)];
            let is_well = begins.contains(first) && begins.contains(&host) && report.contains(also);
            (!is_well || report.len() > LIMIT).then(|| format!("{way} {refusal:?}:\n{report}"))
        };
        let runs: Vec<_> = ["session", "proxy"]
            .into_iter()
            .flat_map(|way| PUSHES.chunks(3).map(move |some| (way, some)))
            .map(|(way, some)| {
                scope.spawn(move || some.iter().filter_map(|one| push(way, *one)).collect::<Vec<_>>())
            })
            .collect();
        runs.into_iter().flat_map(|run| run.join().expect("no panic")).collect()
    });
    assert!(problems.is_empty(), "{}", problems.join("\n=====\n"));
}
