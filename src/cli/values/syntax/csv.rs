//! Comma-separated `key=value` values of flags, quoted as in CSV (RFC 4180), as buildx reads them.
//!
//! A quote that opens a field must close it, as in Go's `encoding/csv`; the crate `csv` takes fields whose quote never
//! closes or is followed by more text.

use crate::cli::values::ValueError;

/// The fields of one line; a field in double quotes may hold commas, and `""` for a quote.
pub(in crate::cli::values) fn fields(flag: &'static str, line: &str) -> Result<Vec<String>, ValueError> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)
                .ok_or_else(|| ValueError::new(flag, line, "a quoted part does not end where it should"))?,
            None => match rest.split_once(',') {
                Some((field, after)) => (field.to_owned(), Some(after)),
                None => (rest.to_owned(), None),
            },
        };
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

/// The fields of one line as `key=value` pairs with the keys in lower case; every field must have both.
pub(in crate::cli::values) fn pairs(
    flag: &'static str,
    line: &str,
) -> Result<Vec<(String, String)>, ValueError> {
    let pair = |field: String| match field.split_once('=') {
        Some((key, value)) => Ok((key.trim().to_ascii_lowercase(), value.to_owned())),
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
