//! What a log says of the steps of a build.

use std::collections::BTreeMap;

/// The steps in a log of `--progress plain`, `#5 [stage 2/3] RUN true` and later `#5 CACHED`, and whether each was cached.
pub fn steps(log: &str) -> BTreeMap<String, bool> {
    let mut names = BTreeMap::new();
    let mut cached = Vec::new();
    for line in log.lines() {
        let Some((number, text)) = line.strip_prefix('#').and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        let counted =
            text.split_once(']').is_some_and(|(head, _)| head.starts_with('[') && head.contains('/'));
        if counted && !text.contains("] FROM ") {
            names.insert(number, text);
        } else if text == "CACHED" {
            cached.push(number);
        }
    }
    names.into_iter().map(|(number, name)| (name.to_owned(), cached.contains(&number))).collect()
}
