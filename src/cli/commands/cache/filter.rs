//! `--filter` of `bob du` and `bob prune`: as buildx takes it, and as buildkitd does.

use std::borrow::Cow;
use std::time::Duration;

use super::expression;
use crate::cli::report::warn;
use crate::cli::values::ValueError;
use crate::gotext::parse_duration_ns;

const FLAG: &str = "--filter";

/// The fields that a filter may name.
/// Source: `adaptUsageInfo` in `cache/manager.go` in BuildKit.
const TEXT_FIELDS: [&str; 4] = ["id", "parents", "description", "type"];
const FLAG_FIELDS: [&str; 5] = ["inuse", "mutable", "immutable", "shared", "private"];
/// The types of records (`client/diskusage.go` in BuildKit).
const TYPES: [&str; 6] =
    ["internal", "frontend", "source.local", "source.git.checkout", "exec.cachemount", "regular"];

/// What all filters of a command say together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    /// For buildkitd, in containerd's syntax; empty for all records.
    pub(super) expression: String,
    /// Only records that were not used within this time.
    pub(super) unused_for: Option<Duration>,
}

impl Filter {
    /// The filter that all of `values` make together: `FIELD=VALUE`, `FIELD!=VALUE`, `FIELD~=EXPRESSION`, `FIELD`, or
    /// `until=TIME`.
    ///
    /// Source: `toBuildkitPruneInfo` in `commands/prune.go` in buildx.
    pub(super) fn parse(values: &[String]) -> Result<Self, ValueError> {
        let mut filter = Self::default();
        let mut terms = Vec::new();
        for value in values.iter().filter(|value| !value.is_empty()) {
            let (field, text) = match value.split_once('=') {
                Some((field, text)) => (field.trim().to_lowercase(), Some(text.trim())),
                None => (value.trim().to_lowercase(), None),
            };
            match (field.as_str(), text) {
                ("until" | "unused-for", Some(text)) => {
                    if filter.unused_for.replace(time(FLAG, value, text)?).is_some() {
                        return Err(ValueError::new(FLAG, value, "give one time only"));
                    }
                }
                _ => terms.push(term(value, &field, text)?),
            }
        }
        filter.expression = terms.join(",");
        Ok(filter)
    }
}

/// One condition in containerd's syntax.
fn term(value: &str, field: &str, text: Option<&str>) -> Result<String, ValueError> {
    let (name, operator) = match field.strip_suffix(['!', '~']) {
        Some(name) => (name, &field[name.len()..]),
        None => (field, ""),
    };
    // `type==regular`, as buildkitd itself has it.
    let text =
        text.map(|text| if operator.is_empty() { text.strip_prefix('=').unwrap_or(text) } else { text });
    match text {
        Some(text) if TEXT_FIELDS.contains(&name) => {
            let operator = match operator {
                "" if name == "id" => "~",
                "" => "=",
                operator => operator,
            };
            if operator == "~" {
                expression::check(&unquoted(text)).map_err(|fault| ValueError::new(FLAG, value, fault))?;
            } else if name == "type" && !TYPES.contains(&&*unquoted(text)) {
                // A later buildkitd may have more.
                warn(&format!(
                    "{FLAG} {value:?}: no type of records is known that is called so; they are {}",
                    TYPES.join(", ")
                ));
            }
            Ok(format!("{name}{operator}={}", quoted(text)))
        }
        None if operator.is_empty() && (TEXT_FIELDS.contains(&name) || FLAG_FIELDS.contains(&name)) => {
            Ok(name.to_owned())
        }
        Some(text) if FLAG_FIELDS.contains(&name) && operator.is_empty() => {
            let is_set = match text {
                "true" | "1" => true,
                "false" | "0" => false,
                _ => return Err(ValueError::new(FLAG, value, format!("write {name} or {name}=false"))),
            };
            let opposite = match name {
                "mutable" => "immutable",
                "immutable" => "mutable",
                "shared" => "private",
                "private" => "shared",
                _ => "",
            };
            match (is_set, opposite) {
                (true, _) => Ok(name.to_owned()),
                (false, "") => {
                    Err(ValueError::new(FLAG, value, "buildkitd has no filter for the opposite of it"))
                }
                (false, opposite) => Ok(opposite.to_owned()),
            }
        }
        _ => {
            let known = [&TEXT_FIELDS[..], &FLAG_FIELDS[..]].concat().join(", ");
            Err(ValueError::new(FLAG, value, format!("write FIELD=VALUE; the fields are {known} and until")))
        }
    }
}

/// Whether `text` has the quotes of containerd's syntax around it.
fn has_quotes(text: &str) -> bool {
    text.starts_with(['"', '/', '|']) && text.len() > 1 && text.ends_with(&text[..1])
}

/// What `text` says, without quotes of its own.
///
/// Source: `unquote` in `pkg/filters/quote.go` of containerd.
fn unquoted(text: &str) -> Cow<'_, str> {
    if !has_quotes(text) {
        return text.into();
    }
    let (quote, inner) = (&text[..1], &text[1..text.len() - 1]);
    inner.replace(&format!("\\{quote}"), quote).replace("\\\\", "\\").into()
}

/// `text` as containerd reads a value. What has quotes of its own stays as it is.
fn quoted(text: &str) -> String {
    let is_plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    if is_plain || has_quotes(text) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The time `text` in the value `value` of `flag`.
pub(super) fn time(flag: &'static str, value: &str, text: &str) -> Result<Duration, ValueError> {
    let wrong =
        |fault: &str| ValueError::new(flag, value, format!("{fault}; write a time such as 24h or 1h30m"));
    let nanoseconds = parse_duration_ns(text).map_err(wrong)?;
    u64::try_from(nanoseconds).map(Duration::from_nanos).map_err(|_| wrong("it is negative"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::values::owned;

    fn expression(values: &[&str]) -> String {
        Filter::parse(&owned(values)).unwrap().expression
    }

    #[test]
    fn filters_of_buildx_become_those_of_buildkitd() {
        assert_eq!(expression(&[]), "");
        assert_eq!(expression(&["", "type=regular", "shared"]), "type==regular,shared");
        assert_eq!(expression(&["type==source.local"]), "type==source.local");
        assert_eq!(expression(&["id=abc"]), "id~=abc");
        assert_eq!(
            expression(&["Type!=regular", "description~=RUN make"]),
            "type!=regular,description~=\"RUN make\""
        );
        assert_eq!(expression(&["description~=/^a b$/"]), "description~=/^a b$/");
        assert_eq!(expression(&[r#"description=a"b\d"#]), r#"description=="a\"b\\d""#);
        assert_eq!(expression(&["mutable=false", "private=0", "inuse=true"]), "immutable,shared,inuse");
    }

    #[test]
    fn a_time_is_no_part_of_the_expression() {
        let filter = Filter::parse(&["until=1h30m".to_owned(), "inuse".to_owned()]).unwrap();
        assert_eq!((filter.expression.as_str(), filter.unused_for), ("inuse", Some(Duration::from_mins(90))));
    }

    #[test]
    fn what_is_no_filter_is_named() {
        for wrong in [
            "size=3",
            "inuse=maybe",
            "inuse=false",
            "until=yesterday",
            "until=-1h",
            "shared~=x",
            "=",
            "until",
            "id~=[",
            "id=a**",
            "description~=\"(\"",
            "parents~=/[/",
        ] {
            let error = Filter::parse(&[wrong.to_owned()]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("--filter {wrong:?}: ")), "{error}");
        }
        assert!(Filter::parse(&["until=1h".to_owned(), "unused-for=2h".to_owned()]).is_err());
    }
}
