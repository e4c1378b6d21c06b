//! Platforms.

use std::fmt;

use crate::field;
use crate::setters::setters;
use crate::text::Text;
use crate::wire::Writer;

/// The platform that an op runs for, as in the OCI image specification.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Platform {
    /// Operating system in Go's spelling, such as `linux`.
    pub os: Text,
    /// Architecture in Go's spelling, such as `amd64`.
    pub architecture: Text,
    /// Variant of the architecture, such as `v7`; empty where there is none.
    pub variant: Text,
    /// Version of the operating system; used for Windows, else empty.
    pub os_version: Text,
    /// Features that the operating system has to offer.
    pub os_features: Vec<String>,
}

setters! { Platform {
    with_os_version = into os_version: Text;
    with_os_features = list os_features: String;
} }

impl Platform {
    /// Returns the platform of an operating system and an architecture, without a variant.
    pub fn new(os: impl Into<Text>, architecture: impl Into<Text>) -> Self {
        Self { os: os.into(), architecture: architecture.into(), ..Self::default() }
    }

    /// Returns this platform with the given variant of the architecture.
    #[must_use]
    pub fn with_variant(self, variant: impl Into<Text>) -> Self {
        Self { variant: variant.into(), ..self }
    }

    pub(crate) fn encode(&self, w: &mut Writer) {
        w.string(field::platform::ARCHITECTURE, &self.architecture);
        w.string(field::platform::OS, &self.os);
        w.string(field::platform::VARIANT, &self.variant);
        w.string(field::platform::OS_VERSION, &self.os_version);
        w.strings(field::platform::OS_FEATURES, &self.os_features);
    }
}

impl fmt::Display for Platform {
    /// Writes `os/architecture[/variant]`, the operating system with its version in parentheses where
    /// it has one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.os)?;
        if !self.os_version.is_empty() {
            write!(f, "({})", self.os_version)?;
        }
        write!(f, "/{}", self.architecture)?;
        if !self.variant.is_empty() {
            write!(f, "/{}", self.variant)?;
        }
        Ok(())
    }
}
