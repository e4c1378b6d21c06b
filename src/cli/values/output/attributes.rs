//! The attributes that BuildKit's exporters know: which are booleans, and which are none of theirs.
//!
//! Sources: `exporter/containerimage/exptypes/keys.go`, `exporter/local/fs.go`, `exporter/oci/export.go`,
//! `util/compression/attrs.go` in BuildKit.

use super::Attributes;
use crate::gotext::parse_bool;
use crate::job::Exporter;

/// What the exporters of images know.
const IMAGES: [&str; 14] = [
    "attestation-inline",
    "compression",
    "compression-level",
    "context",
    "force-compression",
    "name",
    "oci-artifact",
    "oci-mediatypes",
    "prefer-image-digest",
    "prefer-nondist-layers",
    "rewrite-timestamp",
    "source-date-epoch",
    "tar",
    "unsafe-internal-store-allow-incomplete",
];
/// What only the exporter to the daemon's own store and to registries knows.
const STORE: [&str; 8] = [
    "danging-name-empty-only",
    "dangling-name-prefix",
    "name-canonical",
    "push",
    "push-by-digest",
    "registry.insecure",
    "store",
    "unpack",
];
/// What the exporters of files know.
const FILES: [&str; 4] = ["attestation-prefix", "mode", "platform-split", "source-date-epoch"];

/// The attributes that are booleans.
const BOOLEANS: [&str; 16] = [
    "attestation-inline",
    "danging-name-empty-only",
    "force-compression",
    "name-canonical",
    "oci-artifact",
    "oci-mediatypes",
    "platform-split",
    "prefer-nondist-layers",
    "push",
    "push-by-digest",
    "registry.insecure",
    "rewrite-timestamp",
    "store",
    "tar",
    "unpack",
    "unsafe-internal-store-allow-incomplete",
];

/// What the names of attributes begin with that hold annotations.
const ANNOTATION: &str = "annotation";

/// Checks the booleans among the attributes that `exporter` knows. The error is what is wrong and what to write.
pub(super) fn check_booleans(exporter: Exporter, attrs: &Attributes) -> Result<(), String> {
    for (name, value) in attrs {
        // Empty is true.
        let may_be_empty =
            STORE.contains(&name.as_str()) || ["force-compression", "tar"].contains(&name.as_str());
        let is_boolean = BOOLEANS.contains(&name.as_str()) && is_known(exporter, name);
        if is_boolean && parse_bool(value).is_none() && !(value.is_empty() && may_be_empty) {
            return Err(format!("{name}={value} is no boolean; write {name}=true or {name}=false"));
        }
    }
    Ok(())
}

/// The attributes that `exporter` does not know and therefore ignores.
pub(super) fn unknown(exporter: Exporter, attrs: &Attributes) -> Vec<String> {
    attrs.keys().filter(|name| !is_known(exporter, name)).cloned().collect()
}

fn is_known(exporter: Exporter, name: &str) -> bool {
    if !exporter.makes_image {
        return FILES.contains(&name);
    }
    let is_store = exporter == Exporter::IMAGE;
    let is_of_another = if is_store { ["tar", "context"].contains(&name) } else { STORE.contains(&name) };
    let is_listed = IMAGES.contains(&name) || STORE.contains(&name);
    (is_listed && !is_of_another) || is_annotation(name)
}

/// Whether an attribute is an annotation: `annotation.KEY`, `annotation-TYPE.KEY` or `annotation-TYPE[PLATFORM].KEY`.
fn is_annotation(name: &str) -> bool {
    name.strip_prefix(ANNOTATION).is_some_and(|rest| rest.starts_with(['.', '-', '[']) && rest.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attrs(pairs: &[(&str, &str)]) -> Attributes {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn booleans_are_those_of_go() {
        let check = |exporter, name, value| check_booleans(exporter, &attrs(&[(name, value)]));
        for value in ["1", "T", "true", "False", ""] {
            check(Exporter::IMAGE, "push", value).unwrap();
        }
        let error = check(Exporter::IMAGE, "push", "yes").unwrap_err();
        assert_eq!(error, "push=yes is no boolean; write push=true or push=false");
        check(Exporter::IMAGE, "oci-mediatypes", "").unwrap_err();
        check(Exporter::LOCAL, "platform-split", "x").unwrap_err();
        check(Exporter::LOCAL, "push", "x").unwrap();
    }

    #[test]
    fn what_an_exporter_does_not_know_is_named() {
        let unknown = |exporter, name| !unknown(exporter, &attrs(&[(name, "")])).is_empty();
        let annotations =
            ["annotation.a", "annotation-manifest.a.b", "annotation[linux/amd64].a", "annotation-index[x].a"];
        for name in annotations.into_iter().chain(["name", "push", "compression-level", "unpack"]) {
            assert!(!unknown(Exporter::IMAGE, name), "{name}");
        }
        assert!(!unknown(Exporter::of_images("docker"), "context"));
        assert!(!unknown(Exporter::LOCAL, "mode"));
        for (exporter, name) in [
            (Exporter::IMAGE, "compresion"),
            (Exporter::IMAGE, "annotations.a"),
            (Exporter::IMAGE, "annotationa.b"),
            (Exporter::of_images("oci"), "push"),
            (Exporter::LOCAL, "name"),
        ] {
            assert!(unknown(exporter, name), "{name}");
        }
    }

    #[test]
    fn every_attribute_has_its_row_beside_buildx() {
        let document = include_str!("../../../../docs/buildx.md");
        let (_, after) = document.split_once("## Attributes of outputs").unwrap();
        let (table, _) = after.split_once("\n## ").unwrap();
        let rows: Vec<&str> = table.lines().filter_map(|line| line.split(" | ").next()).collect();
        let all = IMAGES.iter().chain(&STORE).chain(&FILES).chain(&BOOLEANS);
        let missing: Vec<_> =
            all.filter(|name| !rows.iter().any(|row| row.contains(&format!("`{name}`")))).collect();
        assert!(missing.is_empty(), "docs/buildx.md has no rows for {missing:?}");
    }
}
