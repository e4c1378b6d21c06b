//! `--format '{{…}}'`: the part of Go's templates that shows fields.
//!
//! Text, `{{.FIELD.FIELD}}`, `{{index .FIELD "KEY"}}`, parentheses around either, and `json` before either. Whatever else
//! Go's templates have (`range`, `if`, variables, pipes) is refused.

use serde_json::Value;

use crate::cli::values::ValueError;

const FLAG: &str = "--format";

/// A parsed template.
#[derive(Debug, PartialEq)]
pub(in crate::cli) struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq)]
enum Part {
    Text(String),
    Field { path: Vec<String>, is_json: bool },
}

impl Template {
    /// Returns the template that `text` writes.
    ///
    /// # Errors
    /// [`ValueError::Malformed`] for what is no template, or one that does more than show fields.
    pub(in crate::cli) fn parse(text: &str) -> Result<Self, ValueError> {
        let wrong = |fault: &str| ValueError::new(FLAG, text, fault);
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (action, after) = after.split_once("}}").ok_or_else(|| wrong("a {{ has no }}"))?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(parse_action(action).ok_or_else(|| {
                wrong("Bob shows fields only: {{.FIELD}}, {{json .FIELD}} and {{index .FIELD \"KEY\"}}; use --format json and jq for more")
            })?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// Whether it shows the field `name`, or what is in it.
    pub(in crate::cli) fn shows(&self, name: &str) -> bool {
        self.parts.iter().any(|part| match part {
            Part::Text(_) => false,
            Part::Field { path, .. } => path.first().is_some_and(|first| first.eq_ignore_ascii_case(name)),
        })
    }

    /// Returns the text that it makes of `value`.
    ///
    /// # Errors
    /// [`ValueError::Malformed`] for a field that there is not.
    pub(in crate::cli) fn render(&self, value: &Value) -> Result<String, ValueError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(words) => text += words,
                Part::Field { path, is_json } => {
                    let found = self.find(value, path)?;
                    text += &if *is_json { indented(found) } else { shown(found) };
                }
            }
        }
        Ok(text)
    }

    fn find<'v>(&self, value: &'v Value, path: &[String]) -> Result<&'v Value, ValueError> {
        path.iter().try_fold(value, |value, name| {
            let member = |members: &'v serde_json::Map<String, Value>| {
                // Go's names of fields are those of JSON in another case.
                let found = members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                members.get(name).or(found.map(|(_, value)| value))
            };
            value.as_object().and_then(member).ok_or_else(|| {
                let names =
                    value.as_object().map(|members| members.keys().cloned().collect::<Vec<_>>().join(", "));
                let names = names.filter(|names| !names.is_empty());
                let known = names.map_or_else(String::new, |names| format!("; there are {names}"));
                ValueError::new(FLAG, &self.text, format!("there is no field {name:?} here{known}"))
            })
        })
    }
}

/// What stands between the braces; `None` for what is not known here.
fn parse_action(action: &str) -> Option<Part> {
    let action = action.trim();
    let (is_json, operand) = match action.strip_prefix("json") {
        Some(rest) if rest.starts_with([' ', '(']) => (true, rest.trim_start()),
        _ => (false, action),
    };
    let (path, rest) = parse_operand(operand)?;
    rest.trim().is_empty().then_some(Part::Field { path, is_json })
}

/// The path at the front of `text`, and what follows.
fn parse_operand(text: &str) -> Option<(Vec<String>, &str)> {
    let text = text.trim_start();
    if let Some(inner) = text.strip_prefix('(') {
        let (mut path, rest) = parse_operand(inner)?;
        let rest = rest.trim_start().strip_prefix(')')?;
        let (more, rest) = parse_fields(rest);
        path.extend(more);
        return Some((path, rest));
    }
    if let Some(rest) = text.strip_prefix("index ") {
        let (mut path, mut rest) = parse_operand(rest)?;
        while let Some(quoted) = rest.trim_start().strip_prefix('"') {
            let (key, after) = quoted.split_once('"')?;
            path.push(key.to_owned());
            rest = after;
        }
        return Some((path, rest));
    }
    text.starts_with('.').then(|| parse_fields(text))
}

/// The fields `.A.B` at the front of `text`, and what follows.
fn parse_fields(text: &str) -> (Vec<String>, &str) {
    let mut fields = Vec::new();
    let mut rest = text;
    while let Some(after) = rest.strip_prefix('.') {
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        if end > 0 {
            fields.push(after[..end].to_owned());
        }
        rest = &after[end..];
    }
    (fields, rest)
}

fn indented(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a value that was read can be written")
}

/// A value as Go's templates print it; objects as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(" ")),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(template: &str) -> String {
        let value = json!({
            "name": "x", "manifest": {"digest": "sha256:1", "size": 3},
            "image": {"linux/amd64": {"config": {"Env": ["A=1", "B"]}}},
        });
        Template::parse(template)
            .and_then(|template| template.render(&value))
            .unwrap_or_else(|e| e.to_string())
    }

    #[test]
    fn fields_are_found_by_gos_names() {
        assert_eq!(render("{{.Name}}: {{ .Manifest.Digest }}!"), "x: sha256:1!");
        assert_eq!(render("{{json .Manifest}}"), "{\n  \"digest\": \"sha256:1\",\n  \"size\": 3\n}");
        assert_eq!(render(r#"{{(index .Image "linux/amd64").Config.Env}}"#), "[A=1 B]");
        assert_eq!(
            render(r#"{{json (index .Image "linux/amd64").Config.Env}}"#),
            "[\n  \"A=1\",\n  \"B\"\n]"
        );
        assert_eq!(render("plain"), "plain");
    }

    #[test]
    fn what_is_not_there_and_what_is_not_known_are_named() {
        assert!(
            render("{{.Nope}}").contains(r#"there is no field "Nope" here; there are image, manifest, name"#)
        );
        assert!(render("{{.Name.X}}").contains(r#"there is no field "X" here"#));
        for unknown in
            ["{{range .X}}", "{{if .X}}", "{{.Name | upper}}", "{{len .Name}}", "{{}}", "{{(.Name}}"]
        {
            assert!(render(unknown).contains("Bob shows fields only"), "{unknown}");
        }
        assert!(render("{{.Name").contains("a {{ has no }}"));
    }
}
