//! Where images are: at registries, and in OCI layouts of this machine.
//!
//! Source: `util/imagetools/location.go` and `util/ocilayout/parse.go` in buildx.

use std::fmt;
use std::path::PathBuf;

use super::error::ImageToolsError;
use crate::diag::redact_reference;
use crate::image::Reference;
use crate::job::context::layout::LayoutName;

/// What the place of an image in an OCI layout begins with.
pub(super) const SCHEME: &str = "oci-layout://";
/// The tag of an image for which none is given.
const DEFAULT_TAG: &str = "latest";

/// Where an image is, or goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At a registry.
    Registry(Reference),
    /// In an OCI layout in a folder.
    Layout(LayoutPlace),
}

/// An image in an OCI layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayoutPlace {
    /// The folder.
    pub(super) folder: PathBuf,
    /// The image's tag.
    pub(super) tag: Option<String>,
    /// The image's digest, which goes before its tag.
    pub(super) digest: Option<String>,
}

impl Place {
    /// Returns the place that `text` writes: a reference, or `oci-layout://FOLDER[:TAG][@DIGEST]`. Where it has neither tag
    /// nor digest, the tag is `latest`.
    ///
    /// # Errors
    /// [`ImageToolsError::Reference`], [`ImageToolsError::LayoutName`].
    pub fn parse(text: &str) -> Result<Self, ImageToolsError> {
        let Some(rest) = text.strip_prefix(SCHEME) else {
            let wrong =
                |source| ImageToolsError::Reference { text: redact_reference(text).into_owned(), source };
            return Ok(Self::Registry(Reference::parse(text).map_err(wrong)?.with_default_tag()));
        };
        let name = LayoutName::parse(rest)
            .map_err(|source| ImageToolsError::LayoutName { text: text.to_owned(), source })?;
        let LayoutName { folder, mut tag, digest } = name;
        if tag.is_none() && digest.is_none() {
            tag = Some(DEFAULT_TAG.to_owned());
        }
        Ok(Self::Layout(LayoutPlace { folder, tag, digest }))
    }

    /// What holds the image and others: a repository, or a folder.
    pub fn name(&self) -> String {
        match self {
            Self::Registry(reference) => reference.name().to_owned(),
            Self::Layout(layout) => layout.folder.display().to_string(),
        }
    }

    /// The digest.
    pub(super) fn digest(&self) -> Option<&str> {
        match self {
            Self::Registry(reference) => reference.digest(),
            Self::Layout(layout) => layout.digest.as_deref(),
        }
    }

    /// The image of this digest at the same place.
    pub(super) fn at(&self, digest: &str) -> Result<Self, ImageToolsError> {
        match self {
            Self::Registry(reference) => {
                let text = || format!("{}@{digest}", reference.name());
                let wrong = |source| ImageToolsError::Reference { text: text(), source };
                Ok(Self::Registry(reference.clone().with_digest(digest).map_err(wrong)?))
            }
            Self::Layout(LayoutPlace { folder, .. }) => {
                let text = format!("{SCHEME}{}@{digest}", folder.display());
                let wrong = |source| ImageToolsError::LayoutName { text, source };
                let digest = Some(LayoutName::checked(digest).map_err(wrong)?);
                Ok(Self::Layout(LayoutPlace { folder: folder.clone(), tag: None, digest }))
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(reference) => reference.fmt(f),
            Self::Layout(LayoutPlace { folder, tag, digest }) => {
                write!(f, "{SCHEME}{}", folder.display())?;
                tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
                digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_reference_or_an_image_in_a_folder() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, whole, name) in [
            ("alpine", "docker.io/library/alpine:latest", "docker.io/library/alpine"),
            ("oci-layout://out", "oci-layout://out:latest", "out"),
            ("oci-layout:///a/b:v1", "oci-layout:///a/b:v1", "/a/b"),
            (&format!("oci-layout://out@{digest}"), &format!("oci-layout://out@{digest}"), "out"),
            (&format!("oci-layout://out:v1@{digest}"), &format!("oci-layout://out:v1@{digest}"), "out"),
        ] {
            let place = Place::parse(text).unwrap();
            assert_eq!((place.to_string().as_str(), place.name().as_str()), (whole, name));
        }
        let at = Place::parse("oci-layout://out:v1").unwrap().at(&digest).unwrap();
        assert_eq!(at.to_string(), format!("oci-layout://out@{digest}"));
        assert!(Place::parse("oci-layout://out").unwrap().at("sha256:../../x").is_err());
        let error = Place::parse(&format!("oci-layout://out@sha256:{}", "a".repeat(40))).unwrap_err();
        assert!(error.to_string().starts_with("\"oci-layout://out@sha256:aaaa"), "{error}");
        assert!(error.is_usage());
    }
}
