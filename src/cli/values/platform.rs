//! `--platform`: `OS[/ARCHITECTURE[/VARIANT]]`, or `local`.

use super::ValueError;
use crate::image::{Platform, PlatformError};

/// The name of the builder's platform, in any case.
const LOCAL: &str = "local";

/// Platforms to build for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Platforms {
    /// The platforms, normalised.
    pub(in crate::cli) platforms: Vec<Platform>,
    /// The places in it that stand for the builder's platform.
    pub(in crate::cli) of_builder: Vec<usize>,
}

/// The platforms that the values of `setting` name.
pub(in crate::cli) fn parse<'a>(
    setting: &'static str,
    values: impl IntoIterator<Item = &'a str>,
) -> Result<Platforms, ValueError> {
    let wrong = |error: PlatformError| ValueError::Named { setting, fault: format!("{error}") };
    let mut found = Platforms::default();
    for (place, text) in values.into_iter().enumerate() {
        if text.eq_ignore_ascii_case(LOCAL) {
            found.of_builder.push(place);
            found.platforms.push(Platform::host());
        } else {
            found.platforms.push(Platform::parse(text).map_err(wrong)?.normalized());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_keeps_its_place() {
        let found = parse("--platform", ["linux/arm64/v8", "Local"]).unwrap();
        assert_eq!(found.platforms[0].to_string(), "linux/arm64");
        assert_eq!((found.platforms.len(), found.of_builder), (2, vec![1]));
    }

    #[test]
    fn the_setting_is_named() {
        let text = parse("DOCKER_DEFAULT_PLATFORM", ["a/b/c/d"]).unwrap_err().to_string();
        assert!(text.starts_with("DOCKER_DEFAULT_PLATFORM: "), "{text}");
        assert!(text.contains("a/b/c/d"), "{text}");
    }
}
