//! `--annotation`: annotations of the image.

use std::collections::BTreeMap;

use super::ValueError;
use crate::image::Platform;

/// The places of annotations, by the names that begin a value.
const PLACES: [&str; 4] = ["manifest", "index", "manifest-descriptor", "index-descriptor"];

/// The exporter attributes of the values, the last one of a key in a place: `KEY=VALUE` or
/// `PLACE[PLATFORM],…:KEY=VALUE`, where the first colon ends the places. Empty values are skipped.
///
/// Source: `ParseAnnotations` in `util/buildflags/export.go` of buildx, `AnnotationKey` in
/// `exporter/containerimage/exptypes` of BuildKit.
pub(in crate::cli) fn parse(values: &[String]) -> Result<Vec<(String, String)>, ValueError> {
    let mut attrs = BTreeMap::new();
    for value in values.iter().filter(|value| !value.is_empty()) {
        let wrong = |fault: String| ValueError::new("--annotation", value, fault);
        let (key, text) = value.split_once('=').ok_or_else(|| wrong("write KEY=VALUE".to_owned()))?;
        let (places, key) = match key.split_once(':') {
            Some((places, key)) => (Some(places), key),
            None => (None, key),
        };
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(wrong("the key is missing or has spaces: write KEY=VALUE".to_owned()));
        }
        let Some(places) = places else {
            attrs.insert(format!("annotation.{key}"), text.to_owned());
            continue;
        };
        for place in places.split(',') {
            let place = exporter_place(place).map_err(wrong)?;
            attrs.insert(format!("annotation-{place}.{key}"), text.to_owned());
        }
    }
    Ok(attrs.into_iter().collect())
}

/// A place as the exporter spells it, or what is wrong with it.
fn exporter_place(text: &str) -> Result<String, String> {
    let (place, platform) = match text.split_once('[') {
        Some((place, rest)) => {
            (place, Some(rest.strip_suffix(']').ok_or("the platform has no closing bracket")?))
        }
        None => (text, None),
    };
    if !PLACES.contains(&place) {
        return Err(format!("{place:?} is no place for annotations; use one of {}", PLACES.join(", ")));
    }
    let Some(platform) = platform else { return Ok(place.to_owned()) };
    if place.starts_with("index") {
        return Err(format!("{place} takes no platform: there is one index for all"));
    }
    let platform = Platform::parse(platform).map_err(|error| error.to_string())?;
    Ok(format!("{place}[{platform}]"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::values::owned;

    fn read(values: &[&str]) -> Result<Vec<(String, String)>, ValueError> {
        parse(&owned(values))
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn annotations_take_the_exporters_spelling() {
        assert_eq!(read(&["a.b=c=d", ""]).unwrap(), [pair("annotation.a.b", "c=d")]);
        assert_eq!(
            read(&["index,manifest[linux/amd64]:k=v"]).unwrap(),
            [pair("annotation-index.k", "v"), pair("annotation-manifest[linux/amd64].k", "v")]
        );
        assert_eq!(read(&["a=1", "a="]).unwrap(), [pair("annotation.a", "")], "the last one holds");
    }

    #[test]
    fn the_first_colon_of_the_key_ends_the_places() {
        assert_eq!(read(&["manifest:org.x/y:z=1"]).unwrap(), [pair("annotation-manifest.org.x/y:z", "1")]);
        assert_eq!(read(&["a=b:c=d"]).unwrap(), [pair("annotation.a", "b:c=d")]);
    }

    #[test]
    fn faults_are_named() {
        for value in [
            "a",
            "=b",
            "manifest:=b",
            "foo:a=b",
            "Manifest:a=b",
            "manifest, index:a=b",
            "org.x:y=z",
            "manifest[*]:a=b",
            "manifest[a/b/c/d/e]:x=y",
            "manifest[linux/amd64:a=b",
            "index[linux/amd64]:a=b",
        ] {
            let text = read(&[value]).unwrap_err().to_string();
            assert!(text.starts_with(&format!("--annotation {value:?}: ")), "{text}");
        }
    }
}
