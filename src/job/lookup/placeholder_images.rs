//! Base images that nobody looks at, for checks without a network.

use super::{LocalFiles, Resolver};
use crate::converter::plan::{Fact, FactFailure, ImageFact, Need, Needs};
use crate::image::{Config, ImageConfig, Platform, RootFs};

/// Answers every image with one of the right platform that sets nothing and has no triggers, and files
/// from this machine.
#[derive(Debug)]
pub struct PlaceholderImages<'a> {
    /// The files.
    pub files: &'a LocalFiles,
    /// The platform of images that are asked for without one.
    pub build_platform: &'a Platform,
}

impl Resolver for PlaceholderImages<'_> {
    async fn resolve(&self, needs: &Needs) -> Vec<(Need, Result<Fact, FactFailure>)> {
        let answer =
            |need: &Need| (need.clone(), self.files.answer(need).unwrap_or_else(|| Ok(self.plain(need))));
        needs.iter().map(|(need, _)| answer(need)).collect()
    }
}

impl PlaceholderImages<'_> {
    fn plain(&self, need: &Need) -> Fact {
        let platform = match need {
            Need::Image { platform, .. } | Need::OciLayout { platform, .. } => platform.as_ref(),
            Need::Ignore | Need::NamedIgnore { .. } => return Fact::Ignore(None),
            Need::SourceTime { .. } => return Fact::SourceTime(None),
        };
        let image = ImageConfig {
            platform: platform.unwrap_or(self.build_platform).clone(),
            rootfs: RootFs { kind: "layers".into(), diff_ids: Some(vec!["unknown".into()]) },
            config: Config::default(),
            ..ImageConfig::default()
        };
        Fact::Image(ImageFact::new("", image.to_json()))
    }
}
