//! Comma-separated `key=value` values of flags, quoted as in CSV (RFC 4180), as buildx reads them.
//!
//! A quote that opens a field must close it, and stands nowhere else, as in Go's `encoding/csv` (buildx:
//! `github.com/tonistiigi/go-csvvalue`); the crate `csv` takes fields whose quote never closes or is followed by more
//! text.

use crate::cli::values::ValueError;
use crate::gotext::to_lower;

/// The fields of one line; a field in double quotes may hold commas, and `""` for a quote.
pub(in crate::cli::values) fn fields(flag: &'static str, line: &str) -> Result<Vec<String>, ValueError> {
    let wrong = |fault| ValueError::new(flag, line, fault);
    let mut fields = Vec::new();
    let mut rest = line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                quoted_field(quoted).ok_or_else(|| wrong("a quoted part does not end where it should"))?
            }
            None => match rest.split_once(',') {
                Some((field, after)) => (field.to_owned(), Some(after)),
                None => (rest.to_owned(), None),
            },
        };
        if !rest.starts_with('"') && field.contains('"') {
            return Err(wrong("quotes stand around a whole field: write \"KEY=VALUE\", not KEY=\"VALUE\""));
        }
        fields.push(field);
        match after {
            Some(after) => rest = after,
            None => return Ok(fields),
        }
    }
}

/// A quoted field without its quotes, and what follows the comma after it.
fn quoted_field(text: &str) -> Option<(String, Option<&str>)> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('"')?;
        field += part;
        if let Some(more) = after.strip_prefix('"') {
            field.push('"');
            rest = more;
        } else if after.is_empty() {
            return Some((field, None));
        } else {
            return Some((field, Some(after.strip_prefix(',')?)));
        }
    }
}

/// The fields of one line as `key=value` pairs with the keys in lower case, as they stand; every field must have both.
pub(in crate::cli::values) fn pairs(
    flag: &'static str,
    line: &str,
) -> Result<Vec<(String, String)>, ValueError> {
    let pair = |field: String| match field.split_once('=') {
        Some((key, value)) => Ok((to_lower(key).into(), value.to_owned())),
        None => Err(ValueError::new(flag, line, format!("{field:?} is not of the form key=value"))),
    };
    fields(flag, line)?.into_iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_protect_commas_and_quotes() {
        let read = |line| fields("-o", line).unwrap();
        assert_eq!(read("type=oci,dest=a"), ["type=oci", "dest=a"]);
        assert_eq!(read(r#"type=image,"name=a,b",x="#), ["type=image", "name=a,b", "x="]);
        assert_eq!(read(r#""say ""hi""""#), [r#"say "hi""#]);
        assert_eq!(read("type=oci,dest=a\n"), ["type=oci", "dest=a"]);
        assert_eq!(read("\"a\"\r\n"), ["a"]);
    }

    #[test]
    fn a_quote_within_a_field_is_named() {
        for line in [r#"type=local,dest="x""#, r#"a"b"#, r#"type=local, "dest=x""#] {
            let error = fields("-o", line).unwrap_err().to_string();
            assert!(error.ends_with(r#"write "KEY=VALUE", not KEY="VALUE""#), "{error}");
        }
    }

    #[test]
    fn an_open_quote_is_named() {
        let error = fields("-o", r#"a,"b"#).unwrap_err();
        assert_eq!(error.to_string(), r#"-o "a,\"b": a quoted part does not end where it should"#);
        assert!(fields("-o", r#""a"b,c"#).is_err());
    }

    #[test]
    fn a_pair_needs_both_parts() {
        assert_eq!(pairs("--x", "Key=V=1").unwrap(), [("key".to_owned(), "V=1".to_owned())]);
        let error = pairs("--x", "key").unwrap_err();
        assert_eq!(error.to_string(), r#"--x "key": "key" is not of the form key=value"#);
    }
}
