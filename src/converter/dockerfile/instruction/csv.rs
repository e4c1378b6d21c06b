//! One line of comma-separated values (tonistiigi/go-csvvalue), as mounts and devices use it.

use super::mount::MountError;

/// Returns the fields of `line`; a field in double quotes may hold commas, and `""` for a quote.
///
/// # Errors
/// An empty line, a quote in a field that does not begin with one, or a quoted field that does not end.
pub(super) fn fields(line: &str) -> Result<Vec<String>, MountError> {
    let line = line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
    if line.is_empty() {
        return Err(MountError::Empty);
    }
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => plain_field(rest)?,
        };
        fields.push(field);
        match after {
            Some(after) => rest = after,
            None => return Ok(fields),
        }
    }
}

/// Returns the field at the front, and what follows its comma, if it has one.
fn plain_field(rest: &str) -> Result<(String, Option<&str>), MountError> {
    let (field, after) = match rest.split_once(',') {
        Some((field, after)) => (field, Some(after)),
        None => (rest, None),
    };
    if field.contains('"') {
        return Err(MountError::Quote { field: field.to_owned() });
    }
    Ok((field.to_owned(), after))
}

fn quoted_field(rest: &str) -> Result<(String, Option<&str>), MountError> {
    let unquoted = || MountError::Quote { field: format!("\"{rest}") };
    let mut field = String::new();
    let mut tail = rest;
    loop {
        let (text, after) = tail.split_once('"').ok_or_else(unquoted)?;
        field.push_str(text);
        if let Some(after) = after.strip_prefix('"') {
            field.push('"');
            tail = after;
        } else if let Some(after) = after.strip_prefix(',') {
            return Ok((field, Some(after)));
        } else if after.is_empty() {
            return Ok((field, None));
        } else {
            return Err(unquoted());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_parted_by_commas_outside_quotes() {
        assert_eq!(fields("a=b,,c").unwrap(), ["a=b", "", "c"]);
        assert_eq!(fields("a,").unwrap(), ["a", ""]);
        assert_eq!(fields(r#""a,""b",c"#).unwrap(), ["a,\"b", "c"]);
        assert_eq!(fields("a\r\n").unwrap(), ["a"]);
        assert_eq!(fields(r#"a,"b,c""#).unwrap(), ["a", "b,c"]);
    }

    #[test]
    fn misplaced_quotes_and_nothing_are_refused() {
        for line in ["", "\n", "a\"b", "\"a", "\"a\"b", "\"a\"\"", "a,\"b"] {
            assert!(fields(line).is_err(), "{line}");
        }
    }
}
