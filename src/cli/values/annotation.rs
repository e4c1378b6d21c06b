//! `--annotation`: annotations of the image.

use super::ValueError;

/// The exporter attributes of the values: `KEY=VALUE` or `TYPE[PLATFORM],…:KEY=VALUE`.
pub(in crate::cli) fn parse(values: &[String]) -> Result<Vec<(String, String)>, ValueError> {
    let mut attrs = Vec::new();
    for value in values {
        let wrong = |fault: &str| ValueError::new("--annotation", value, fault);
        let (key, text) = value.split_once('=').ok_or_else(|| wrong("write KEY=VALUE"))?;
        let (places, key) = match key.rsplit_once(':') {
            Some((places, key)) => (places.split(',').collect(), key),
            None => (vec!["manifest"], key),
        };
        for place in places {
            let kind = place.split('[').next().unwrap_or_default();
            if !matches!(kind, "manifest" | "index" | "manifest-descriptor" | "index-descriptor") {
                return Err(wrong(
                    "the type is one of manifest, index, manifest-descriptor, index-descriptor",
                ));
            }
            attrs.push((format!("annotation-{place}.{key}"), text.to_owned()));
        }
    }
    Ok(attrs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_take_the_exporters_spelling() {
        let read = |value: &str| parse(&[value.to_owned()]).unwrap();
        assert_eq!(read("a.b=c=d"), [("annotation-manifest.a.b".to_owned(), "c=d".to_owned())]);
        assert_eq!(
            read("index,manifest[linux/amd64]:k=v"),
            [
                ("annotation-index.k".to_owned(), "v".to_owned()),
                ("annotation-manifest[linux/amd64].k".to_owned(), "v".to_owned()),
            ]
        );
        assert!(parse(&["x:k=v".to_owned()]).is_err());
    }
}
