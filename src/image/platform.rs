//! Platforms: `os[(version+features)]/arch[/variant]`, parsed, normalised and written as
//! `containerd/platforms` does.

use std::fmt;

use smol_str::{SmolStr, SmolStrBuilder, StrExt as _};

use crate::percent;

/// A platform as images and LLB ops name it.
///
/// Source: `Platform` in `specs-go/v1/descriptor.go` of the OCI image specification.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// Operating system, `linux`.
    pub os: SmolStr,
    /// Architecture by Go's name, `amd64`.
    pub architecture: SmolStr,
    /// Variant of the architecture, `v7`; empty where there is none.
    pub variant: SmolStr,
    /// Version of the operating system (Windows), empty where there is none.
    pub os_version: SmolStr,
    /// Features that the operating system must have; `None` where the source named no list at all.
    pub os_features: Option<Vec<String>>,
}

/// Why a text names no platform.
///
/// Source: `Parse` in `platforms.go` of `containerd/platforms`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlatformError {
    /// Wildcards mean nothing yet.
    #[error("{0:?}: wildcards not yet supported: invalid argument")]
    Wildcard(String),
    /// The first component is no operating system.
    #[error(
        "{part:?} is an invalid OS component of {whole:?}: it must be letters, digits, `_` or `-`, with an optional (version+feature): invalid argument"
    )]
    Os {
        /// The component.
        part: String,
        /// The text it stands in.
        whole: String,
    },
    /// Another component holds a character that it may not.
    #[error(
        "{part:?} is an invalid component of {whole:?}: only letters, digits, `_`, `.` and `-` are allowed: invalid argument"
    )]
    Component {
        /// The component.
        part: String,
        /// The text it stands in.
        whole: String,
    },
    /// The version or a feature in parentheses cannot be decoded.
    #[error("{0:?} has invalid OS options: invalid argument")]
    Options(String),
    /// A single component that is neither an operating system nor an architecture.
    #[error("{0:?}: unknown operating system or architecture: invalid argument")]
    Unknown(String),
    /// More than three components.
    #[error("{0:?}: cannot parse platform specifier: invalid argument")]
    Parts(String),
}

impl Platform {
    /// A platform of an operating system and an architecture, taken as they are.
    ///
    /// Source: `Platform` in `specs-go/v1/descriptor.go` of the OCI image specification.
    pub fn new(os: &str, architecture: &str) -> Self {
        Self { os: os.into(), architecture: architecture.into(), ..Self::default() }
    }

    /// The platform that this program was built for, by Go's names.
    pub fn host() -> Self {
        Self::new(host_os(), host_architecture()).normalized()
    }

    /// The platform that `text` names, as `platforms.Parse` reads it.
    ///
    /// Source: `Parse` in `platforms.go` of `containerd/platforms`.
    ///
    /// # Errors
    /// [`PlatformError`] says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, PlatformError> {
        if text.contains('*') {
            return Err(PlatformError::Wildcard(text.into()));
        }
        let parts: Vec<&str> = text.splitn(4, '/').collect();
        let mut platform = parse_os(parts[0], text)?;
        for part in &parts[1..] {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
            if part.is_empty() || !part.bytes().all(allowed) {
                return Err(PlatformError::Component { part: (*part).into(), whole: text.into() });
            }
        }
        match parts[..] {
            [single] => {
                if known_os(&platform.os) {
                    platform.architecture = host_architecture().into();
                    return Ok(platform);
                }
                (platform.architecture, platform.variant) = normalize_architecture(single, "");
                drop_default_arm(&mut platform);
                if !known_architecture(&platform.architecture) {
                    return Err(PlatformError::Unknown(text.into()));
                }
                platform.os = host_os().into();
            }
            [_, architecture] => {
                (platform.architecture, platform.variant) = normalize_architecture(architecture, "");
                drop_default_arm(&mut platform);
            }
            [_, architecture, variant] => {
                (platform.architecture, platform.variant) = normalize_architecture(architecture, variant);
                if platform.architecture == "arm64" && platform.variant.is_empty() {
                    platform.variant = "v8".into();
                }
            }
            _ => return Err(PlatformError::Parts(text.into())),
        }
        Ok(platform)
    }

    /// The canonical form: `aarch64` is `arm64`, `arm` is `arm/v7`, features are sorted and single.
    ///
    /// Source: `Normalize` in `platforms.go` of `containerd/platforms`.
    #[must_use]
    pub fn normalized(&self) -> Self {
        let (architecture, variant) = normalize_architecture(&self.architecture, &self.variant);
        let mut features = self.os_features.clone();
        if let Some(list) = &mut features {
            list.sort();
            list.dedup();
        }
        Self {
            os: normalize_os(&self.os),
            architecture,
            variant,
            os_version: self.os_version.clone(),
            os_features: features,
        }
    }

    /// `os/arch/variant` without version and features; `unknown` without an operating system.
    ///
    /// Source: `Format` in `platforms.go` of `containerd/platforms`.
    pub fn short(&self) -> SmolStr {
        if self.os.is_empty() {
            return SmolStr::new_static("unknown");
        }
        join(&self.os, &self.architecture, &self.variant)
    }

    /// The whole specifier, with version and features (`platforms.FormatAll`).
    ///
    /// Source: `FormatAll` in `platforms.go` of `containerd/platforms`.
    pub fn text(&self) -> SmolStr {
        let mut features: Vec<&str> = self.os_features.iter().flatten().map(String::as_str).collect();
        features.retain(|feature| !feature.is_empty());
        if self.os.is_empty() || (self.os_version.is_empty() && features.is_empty()) {
            return self.short();
        }
        features.sort_unstable();
        features.dedup();
        let mut options = encode_option(&self.os_version);
        for feature in features {
            options.push('+');
            options.push_str(&encode_option(feature));
        }
        join(&format!("{}({options})", self.os), &self.architecture, &self.variant)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// `path.Join` of up to three elements: empty ones are left out, the result is cleaned.
fn join(os: &str, architecture: &str, variant: &str) -> SmolStr {
    let mut text = SmolStrBuilder::new();
    let parts = [os, architecture, variant].into_iter().filter(|part| !part.is_empty());
    for (index, part) in parts.enumerate() {
        if index > 0 {
            text.push('/');
        }
        text.push_str(part);
    }
    text.finish()
}

fn parse_os(part: &str, whole: &str) -> Result<Platform, PlatformError> {
    let wrong = || PlatformError::Os { part: part.into(), whole: whole.into() };
    let (os, options) = match part.split_once('(') {
        Some((os, rest)) => (os, Some(rest.strip_suffix(')').ok_or_else(wrong)?)),
        None => (part, None),
    };
    if os.is_empty() || !os.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
        return Err(wrong());
    }
    let mut platform = Platform { os: normalize_os(os), ..Platform::default() };
    let Some(options) = options else { return Ok(platform) };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'%' | b'-' | b'+');
    if !options.bytes().all(allowed) {
        return Err(wrong());
    }
    let mut parts = options.split('+');
    let undecodable = || PlatformError::Options(whole.into());
    platform.os_version = decode_option(parts.next().unwrap_or_default()).ok_or_else(undecodable)?.into();
    let mut features = Vec::new();
    for raw in parts {
        if raw.is_empty() {
            return Err(wrong());
        }
        features.push(decode_option(raw).ok_or_else(undecodable)?);
    }
    platform.os_features = (!features.is_empty()).then_some(features);
    Ok(platform)
}

fn decode_option(text: &str) -> Option<String> {
    Some(String::from_utf8_lossy(&percent::decode(text.as_bytes())?).into_owned())
}

fn encode_option(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => out.push_str("%25"),
            '+' => out.push_str("%2B"),
            '(' => out.push_str("%28"),
            ')' => out.push_str("%29"),
            '/' => out.push_str("%2F"),
            c => out.push(c),
        }
    }
    out
}

fn drop_default_arm(platform: &mut Platform) {
    if platform.architecture == "arm" && platform.variant == "v7" {
        platform.variant = SmolStr::default();
    }
}

fn normalize_os(os: &str) -> SmolStr {
    if os.is_empty() {
        return SmolStr::new_static(host_os());
    }
    let os = lower_case(os);
    if os == "macos" { SmolStr::new_static("darwin") } else { os }
}

fn normalize_architecture(architecture: &str, variant: &str) -> (SmolStr, SmolStr) {
    let (architecture, variant) = (lower_case(architecture), lower_case(variant));
    let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
        ("i386", _) => ("386", SmolStr::default()),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", SmolStr::default()),
        ("x86_64" | "x86-64" | "amd64", _) => ("amd64", variant),
        ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", SmolStr::default()),
        ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", SmolStr::new_static("v9")),
        ("aarch64" | "arm64", _) => ("arm64", variant),
        ("armhf", _) | ("arm", "" | "7") => ("arm", SmolStr::new_static("v7")),
        ("armel", _) | ("arm", "6") => ("arm", SmolStr::new_static("v6")),
        ("arm", "5") => ("arm", SmolStr::new_static("v5")),
        ("arm", "8") => ("arm", SmolStr::new_static("v8")),
        _ => return (architecture, variant),
    };
    (SmolStr::new_static(architecture), variant)
}

fn lower_case(text: &str) -> SmolStr {
    let is_lower = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if is_lower { text.into() } else { text.to_lowercase_smolstr() }
}

fn known_os(os: &str) -> bool {
    matches!(
        os,
        "aix"
            | "android"
            | "darwin"
            | "dragonfly"
            | "freebsd"
            | "hurd"
            | "illumos"
            | "ios"
            | "js"
            | "linux"
            | "nacl"
            | "netbsd"
            | "openbsd"
            | "plan9"
            | "solaris"
            | "windows"
            | "zos"
    )
}

fn known_architecture(architecture: &str) -> bool {
    matches!(
        architecture,
        "386"
            | "amd64"
            | "amd64p32"
            | "arm"
            | "armbe"
            | "arm64"
            | "arm64be"
            | "ppc64"
            | "ppc64le"
            | "loong64"
            | "mips"
            | "mipsle"
            | "mips64"
            | "mips64le"
            | "mips64p32"
            | "mips64p32le"
            | "ppc"
            | "riscv"
            | "riscv64"
            | "s390"
            | "s390x"
            | "sparc"
            | "sparc64"
            | "wasm"
    )
}

/// Go's name of this machine's architecture.
fn host_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        "powerpc64" => "ppc64",
        "loongarch64" => "loong64",
        other => other,
    }
}

/// Go's name of this machine's operating system.
fn host_os() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        Platform::parse(text).map_or_else(|error| format!("error: {error}"), |p| p.to_string())
    }

    #[test]
    fn pairs_and_variants_are_normalised() {
        assert_eq!(parsed("Linux/AARCH64"), "linux/arm64");
        assert_eq!(parsed("linux/arm"), "linux/arm");
        assert_eq!(parsed("linux/armhf"), "linux/arm");
        assert_eq!(parsed("linux/arm/7"), "linux/arm/v7");
        assert_eq!(parsed("linux/arm64/8"), "linux/arm64/v8");
        assert_eq!(parsed("linux/amd64/v1"), "linux/amd64");
        assert_eq!(parsed("linux/amd64/v2"), "linux/amd64/v2");
        assert_eq!(parsed("macos/i386"), "darwin/386");
        assert_eq!(parsed("foo/bar"), "foo/bar");
        assert_eq!(Platform::parse("linux/arm64/v8").unwrap().normalized().to_string(), "linux/arm64");
        assert_eq!(Platform::parse("linux/arm").unwrap().normalized().to_string(), "linux/arm/v7");
    }

    #[test]
    fn one_component_is_a_system_or_an_architecture() {
        assert_eq!(Platform::parse("arm64").unwrap().os, host_os());
        assert_eq!(Platform::parse("windows").unwrap().architecture, host_architecture());
        assert!(matches!(Platform::parse("foo"), Err(PlatformError::Unknown(_))));
    }

    #[test]
    fn versions_and_features_are_read_and_written() {
        let p = Platform::parse("windows(10.0.17763+win32k+a%2Bb)/amd64").unwrap();
        assert_eq!(p.os_version, "10.0.17763");
        assert_eq!(p.os_features.as_deref(), Some(&["win32k".to_owned(), "a+b".to_owned()][..]));
        assert_eq!(p.to_string(), "windows(10.0.17763+a%2Bb+win32k)/amd64");
        assert_eq!(p.short(), "windows/amd64");
        let p = Platform::parse("linux(+b+a+b)/amd64").unwrap();
        assert_eq!(p.normalized().os_features.unwrap(), ["a", "b"]);
        let text = "linux(1%2B2%28%29%2F%25+x)/arm64";
        assert_eq!(Platform::parse(text).unwrap().os_version, "1+2()/%");
        assert_eq!(parsed(text), text);
        assert_eq!(parsed("linux()/amd64"), "linux/amd64");
    }

    #[test]
    fn a_plus_without_a_feature_was_accepted() {
        for text in ["windows(10.0+)/amd64", "windows(10.0+a+)/amd64", "windows(10.0++a)/amd64"] {
            assert!(matches!(Platform::parse(text), Err(PlatformError::Os { .. })), "{text}");
        }
    }

    #[test]
    fn a_platform_without_a_system_is_unknown() {
        let nothing = Platform::default();
        assert_eq!((nothing.to_string(), nothing.normalized().os), ("unknown".to_owned(), host_os().into()));
    }

    #[test]
    fn malformed_specifiers_are_refused() {
        for text in [
            "",
            "linux/",
            "linux/amd64/v1/x",
            "*",
            "li nux/amd64",
            "linux/am d64",
            "windows(10/amd64",
            "w(%zz)/amd64",
            "w(+%)/amd64",
            "w(a/b)/amd64",
            "w(a b)/amd64",
        ] {
            assert!(Platform::parse(text).is_err(), "{text:?}");
        }
    }
}
