//! What the two converters disagree about.

use std::collections::BTreeMap;

use crate::oracle::Verdict;

/// What the two disagree about, if they do.
pub(crate) fn difference(ours: &Verdict, theirs: &Verdict) -> Option<String> {
    if ours.ok != theirs.ok {
        return Some(format!("accepted: {} / {} ({}{})", ours.ok, theirs.ok, ours.error, theirs.error));
    }
    if !ours.ok {
        return (ours.line != theirs.line)
            .then(|| format!("line: {} / {} ({} / {})", ours.line, theirs.line, ours.error, theirs.error));
    }
    if ours.root != theirs.root {
        return Some(format!("root: {} / {}", ours.root, theirs.root));
    }
    if ours.ops != theirs.ops {
        return Some(format!("ops: {:?} / {:?}", ours.ops, theirs.ops));
    }
    if let Some((mine, other)) = ours.steps.iter().zip(&theirs.steps).find(|(mine, other)| mine != other) {
        return Some(format!("step: {mine:?} / {other:?}"));
    }
    if ours.ignore_cache != theirs.ignore_cache {
        return Some(format!("never cached: {:?} / {:?}", ours.ignore_cache, theirs.ignore_cache));
    }
    if ours.config != theirs.config {
        return Some(format!("config: {} / {}", ours.config, theirs.config));
    }
    warnings(&ours.warnings, &theirs.warnings)
}

/// Compares build checks: which rule, at which line, how often, and the values in the message. Bob says it in
/// its own words.
fn warnings(ours: &[String], theirs: &[String]) -> Option<String> {
    let (ours, theirs) = (by_place(ours), by_place(theirs));
    let count = |places: &BTreeMap<String, Vec<&str>>| -> BTreeMap<String, usize> {
        places.iter().map(|(place, messages)| (place.clone(), messages.len())).collect()
    };
    if count(&ours) != count(&theirs) {
        return Some(format!("build checks: {ours:?} / {theirs:?}"));
    }
    for (place, messages) in &theirs {
        // There the quotes hold an example, not a value.
        if place.starts_with("LegacyKeyValueFormat") {
            continue;
        }
        let mine = ours[place].join("\n");
        let missing = messages.iter().flat_map(|message| quoted(message)).find(|value| !mine.contains(value));
        if let Some(value) = missing {
            return Some(format!("build check {place}: no {value:?} in {mine:?} / {messages:?}"));
        }
    }
    None
}

/// Messages by rule and line: `Rule:LINE`.
fn by_place(warnings: &[String]) -> BTreeMap<String, Vec<&str>> {
    let mut places: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for warning in warnings {
        let mut parts = warning.splitn(3, ':');
        let place = parts.by_ref().take(2).collect::<Vec<_>>().join(":");
        places.entry(place).or_default().push(parts.next().unwrap_or_default());
    }
    places
}

/// The values in a message, those apart that the two quote differently.
fn quoted(message: &str) -> Vec<&str> {
    if !message.is_ascii() || message.contains('\\') {
        return Vec::new();
    }
    let mut values = Vec::new();
    for quote in ['\'', '"'] {
        let parts: Vec<&str> = message.split(quote).collect();
        // A value that has quotes of its own cannot be told apart.
        if parts.len() % 2 == 1 && parts.len() <= 5 {
            values.extend(parts.iter().skip(1).step_by(2));
        }
    }
    if let Some((_, name)) = message.split_once("(did you mean ") {
        values.extend(name.strip_suffix("?)").map(|name| name.trim_start_matches('$')));
    }
    if values.iter().any(|value| value.contains(['\'', '"'])) { Vec::new() } else { values }
}
