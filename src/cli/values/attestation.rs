//! `--attest`, `--provenance`, `--sbom` and the build arguments `BUILDKIT_ATTEST_…`: what goes with an image.
//!
//! Source: util/buildflags/attests.go in buildx, frontend/attestations and control/control.go in BuildKit.

use std::collections::BTreeMap;

use super::ValueError;
use super::syntax::csv;
use crate::gotext::parse_bool;
use crate::image::Reference;
use crate::job::{Attestations, SbomGenerator};

/// The program that lists contents where none is named.
const DEFAULT_GENERATOR: &str = "docker/buildkit-syft-scanner:stable-1";
/// What the name of a build argument begins with that asks for an attestation.
const ARGUMENT: &str = "BUILDKIT_ATTEST_";

type Fields = BTreeMap<String, String>;

/// One value of a flag.
struct Attestation {
    kind: String,
    fields: Fields,
    disabled: bool,
}

/// The attestations of `--attest`, then `--provenance`, then `--sbom`, of which the first of each type holds, and of
/// build arguments.
pub(in crate::cli) fn parse(
    attest: &[String],
    provenance: Option<&str>,
    sbom: Option<&str>,
    build_args: &BTreeMap<String, String>,
) -> Result<Attestations, ValueError> {
    let mut values: Vec<(&'static str, String)> =
        attest.iter().map(|value| ("--attest", value.clone())).collect();
    let short = [("--provenance", "provenance", provenance), ("--sbom", "sbom", sbom)];
    for (flag, kind, value) in short {
        let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
        let rest = match parse_bool(value) {
            Some(wanted) => format!("disabled={}", !wanted),
            None => value.to_owned(),
        };
        values.push((flag, format!("type={kind},{rest}")));
    }
    let mut attestations = Attestations::default();
    let mut types: BTreeMap<String, Option<Fields>> = BTreeMap::new();
    for (flag, value) in &values {
        let Attestation { kind, fields, disabled } = attestation(flag, value)?;
        types.entry(kind).or_insert((!disabled).then_some(fields));
    }
    for (kind, fields) in types {
        let Some(fields) = fields else { continue };
        attestations.attributes.insert(format!("attest:{kind}"), text(&fields));
        request(&mut attestations, &kind, &fields);
    }
    for (name, value) in build_args {
        let Some(kind) = name.strip_prefix(ARGUMENT) else { continue };
        let kind = kind.to_ascii_lowercase();
        let setting = "--build-arg BUILDKIT_ATTEST_…";
        let fields = if value.is_empty() { Fields::new() } else { fields(setting, value, |_| Some(""))? };
        check(setting, value, &kind, &fields)?;
        if !attestations.attributes.contains_key(&format!("attest:{kind}")) {
            request(&mut attestations, &kind, &fields);
        }
    }
    Ok(attestations)
}

/// Notes that an attestation is asked for, checked.
fn request(attestations: &mut Attestations, kind: &str, fields: &Fields) {
    attestations.are_requested = true;
    if kind == "sbom" {
        let generator = fields.get("generator").map_or(DEFAULT_GENERATOR, String::as_str);
        let parameters = fields.clone().into_iter().filter(|(name, _)| name != "generator").collect();
        let image = Reference::parse(generator).ok().map(Reference::with_default_tag);
        attestations.generator = image.map(|image| SbomGenerator { image, parameters });
    }
}

/// One value of a flag, checked.
fn attestation(flag: &'static str, value: &str) -> Result<Attestation, ValueError> {
    let wrong = |fault: String| ValueError::new(flag, value, fault);
    let mut all = if value.is_empty() { Fields::new() } else { fields(flag, value, |_| None)? };
    let kind = all.get("type").filter(|kind| !kind.is_empty());
    let kind =
        kind.ok_or_else(|| wrong("type= is missing; write type=provenance or type=sbom".to_owned()))?;
    // As buildkitd reads it, which would otherwise make by itself what is not known here.
    let kind = kind.to_ascii_lowercase();
    all.insert("type".to_owned(), kind.clone());
    let disabled = match all.remove("disabled") {
        Some(text) => {
            parse_bool(&text).ok_or_else(|| wrong(format!("disabled={text} is neither true nor false")))?
        }
        None => false,
    };
    // What is switched off is not looked at, as in buildx.
    if !disabled {
        check(flag, value, &kind, &all)?;
    }
    Ok(Attestation { kind, fields: all, disabled })
}

/// The `key=value` fields of a value; a field without `=` gets what `default` says.
fn fields(
    setting: &'static str,
    value: &str,
    default: impl Fn(&str) -> Option<&'static str>,
) -> Result<Fields, ValueError> {
    let pair = |field: String| match (field.split_once('='), default(&field)) {
        (Some((key, value)), _) => {
            let folded = key.trim().to_ascii_lowercase();
            let key = if matches!(&*folded, "type" | "disabled") { folded } else { key.to_owned() };
            Ok((key, value.to_owned()))
        }
        (None, Some(value)) => Ok((field, value.to_owned())),
        (None, None) => {
            Err(ValueError::new(setting, value, format!("{field:?} is not of the form key=value")))
        }
    };
    csv::fields(setting, value)?.into_iter().map(pair).collect()
}

/// Refuses what buildkitd would refuse after the build, or ignore. `kind` is in lower case.
fn check(setting: &'static str, value: &str, kind: &str, fields: &Fields) -> Result<(), ValueError> {
    let wrong = |fault: String| Err(ValueError::new(setting, value, fault));
    match kind {
        "sbom" => match fields.get("generator").map(|image| (image, Reference::parse(image))) {
            Some((image, Err(error))) => wrong(format!("generator={image} is no image: {error}")),
            _ => Ok(()),
        },
        "provenance" => {
            for (key, text) in fields {
                let fault = match key.as_str() {
                    "type" | "builder-id" | "filename" => continue,
                    "mode" if matches!(text.as_str(), "min" | "max" | "full") => continue,
                    "mode" => format!("there is no mode {text:?}; use min or max"),
                    "version" if matches!(text.as_str(), "v1" | "v0.2") => continue,
                    "version" => format!("there is no version {text:?}; use v1 or v0.2"),
                    "reproducible" | "inline-only" | "capture-usage" | "complete-materials" => {
                        if parse_bool(text).is_some() {
                            continue;
                        }
                        format!("{key}={text} is neither true nor false")
                    }
                    _ => format!(
                        "provenance has no key {key:?}; it has mode, version, builder-id, reproducible, inline-only, filename, capture-usage and complete-materials"
                    ),
                };
                return wrong(fault);
            }
            Ok(())
        }
        _ => wrong(format!("there is no attestation type {kind:?}; use provenance or sbom")),
    }
}

/// The fields as one CSV line, as buildx sends them: the type first, the others by their names.
fn text(fields: &Fields) -> String {
    let (kind, others): (Vec<_>, Vec<_>) = fields.iter().partition(|(key, _)| *key == "type");
    let quoted = |(key, value): (&String, &String)| {
        let field = format!("{key}={value}");
        if field.contains([',', '"']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
    };
    kind.into_iter().chain(others).map(quoted).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::values::owned;

    fn read(
        attest: &[&str],
        provenance: Option<&str>,
        sbom: Option<&str>,
        arguments: &[(&str, &str)],
    ) -> Result<Attestations, ValueError> {
        let attest = owned(attest);
        let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        parse(&attest, provenance, sbom, &arguments.collect())
    }

    fn attributes(attest: &[&str], provenance: Option<&str>, sbom: Option<&str>) -> Vec<String> {
        let read = read(attest, provenance, sbom, &[]).unwrap();
        assert_eq!(read.are_requested, !read.attributes.is_empty());
        read.attributes.iter().map(|(name, value)| format!("{name} {value}")).collect()
    }

    #[test]
    fn short_forms_are_those_of_attest() {
        for value in ["true", "1", "t"] {
            assert_eq!(attributes(&[], Some(value), None), ["attest:provenance type=provenance"]);
        }
        for value in ["", "false", "0", "f", "disabled=1", "mode=foo,disabled=true"] {
            assert!(attributes(&[], Some(value), Some(value)).is_empty(), "{value}");
        }
        assert_eq!(
            attributes(
                &[],
                Some("version=v1,mode=max,\"builder-id=a,b\""),
                Some("generator=r.example/s,\"x=\"\"1\"\"\"")
            ),
            [
                "attest:provenance type=provenance,\"builder-id=a,b\",mode=max,version=v1",
                "attest:sbom type=sbom,generator=r.example/s,\"x=\"\"1\"\"\"",
            ]
        );
    }

    #[test]
    fn the_first_of_a_type_holds() {
        let attest = ["type=provenance,mode=max", "type=sbom,disabled=true"];
        assert_eq!(
            attributes(&attest, Some("mode=min"), Some("1")),
            ["attest:provenance type=provenance,mode=max"]
        );
    }

    #[test]
    fn the_generator_is_known_by_every_way_to_ask_for_it() {
        let generator = |attest: &[&str], arguments: &[(&str, &str)]| {
            let generator = read(attest, None, None, arguments).unwrap().generator.unwrap();
            (generator.image.to_string(), generator.parameters.into_iter().collect::<Vec<_>>())
        };
        let kind = ("type".to_owned(), "sbom".to_owned());
        let (image, parameters) = generator(&["type=sbom,generator=r.example/s,a=b"], &[]);
        assert_eq!(image, "r.example/s:latest");
        assert_eq!(parameters, [("a".to_owned(), "b".to_owned()), kind.clone()]);
        // What buildkitd reads as a request is one here, so that the program runs among the steps and never after them.
        let (image, parameters) = generator(&["TYPE=Sbom,generator=r.example/s"], &[]);
        assert_eq!((image.as_str(), parameters), ("r.example/s:latest", vec![kind]));
        let (image, parameters) = generator(&[], &[("BUILDKIT_ATTEST_SBOM", "")]);
        assert_eq!(image, "docker.io/docker/buildkit-syft-scanner:stable-1");
        assert!(parameters.is_empty());
        let arguments = [("BUILDKIT_ATTEST_SBOM", "generator=r.example/other")];
        assert_eq!(generator(&["type=sbom,generator=r.example/s"], &arguments).0, "r.example/s:latest");
        assert!(read(&[], None, None, &[("BUILDKIT_ATTEST_PROVENANCE", "mode=max")]).unwrap().are_requested);
    }

    #[test]
    fn what_means_nothing_is_named() {
        for (attest, fault) in [
            ("", "type= is missing; write type=provenance or type=sbom"),
            ("mode=max", "type= is missing"),
            ("type=foo", "there is no attestation type \"foo\"; use provenance or sbom"),
            ("type=provenance,mode", "\"mode\" is not of the form key=value"),
            ("type=provenance,disabled=x", "disabled=x is neither true nor false"),
            ("type=provenance,mode=foo", "there is no mode \"foo\"; use min or max"),
            ("type=provenance,version=v9", "there is no version \"v9\"; use v1 or v0.2"),
            ("type=provenance,reproducible=x", "reproducible=x is neither"),
            ("type=provenance,x=y", "provenance has no key \"x\"; it has mode,"),
            ("type=sbom,generator=", "generator= is no image"),
        ] {
            let error = read(&[attest], None, None, &[]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("--attest {attest:?}: {fault}")), "{error}");
        }
        let error = read(&[], Some("foo"), None, &[]).unwrap_err().to_string();
        assert_eq!(error, "--provenance \"type=provenance,foo\": \"foo\" is not of the form key=value");
        let error = read(&[], None, None, &[("BUILDKIT_ATTEST_X", "")]).unwrap_err().to_string();
        assert!(error.contains("no attestation type \"x\""), "{error}");
    }

    #[test]
    fn every_key_has_its_row_beside_buildx() {
        let document = include_str!("../../../docs/buildx.md");
        let (_, after) = document.split_once("## Attributes of attestations").unwrap();
        let error = check("--provenance", "x=1", "provenance", &Fields::from([("x".into(), "1".into())]));
        let error = error.unwrap_err().to_string();
        let (_, keys) = error.split_once("it has ").unwrap();
        for key in keys.replace(" and ", ", ").split(", ") {
            assert!(after.contains(&format!("`{key}`")), "docs/buildx.md has no row for {key}");
        }
    }
}
