//! `NAME=VALUE`, as `--build-arg` and `--label` take it.

use std::collections::BTreeMap;

use crate::cli::values::ValueError;

/// `NAME=VALUE` pairs, the last one of a name. A name alone gets what `default` says, or is left out.
pub(in crate::cli) fn parse(
    setting: &'static str,
    values: &[String],
    default: impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, String>, ValueError> {
    let mut pairs = BTreeMap::new();
    for text in values {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text.as_str(), default(text)),
        };
        if name.is_empty() {
            return Err(ValueError::Unnamed { setting, given: text.clone() });
        }
        if let Some(value) = value {
            pairs.insert(name.to_owned(), value);
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::values::owned;

    #[test]
    fn names_without_a_value_get_the_default() {
        let values = owned(&["A=1=2", "B", "C", "A=3"]);
        let pairs = parse("--build-arg", &values, |name| (name == "B").then(|| "b".into())).unwrap();
        assert_eq!(pairs, BTreeMap::from([("A".into(), "3".into()), ("B".into(), "b".into())]));
    }
}
