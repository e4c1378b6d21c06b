//! `--platform`: `OS[/ARCHITECTURE[/VARIANT]]`.

use super::ValueError;
use crate::image::{Platform, PlatformError};

/// Platforms, normalised.
pub(in crate::cli) fn parse(values: &[String]) -> Result<Vec<Platform>, ValueError> {
    let wrong = |error: PlatformError| ValueError::Named { setting: "--platform", fault: format!("{error}") };
    values.iter().map(|text| Ok(Platform::parse(text).map_err(wrong)?.normalized())).collect()
}
