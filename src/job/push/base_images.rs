//! The images whose layers a result begins with, read off its graph.

use std::collections::BTreeSet;

use llb::{Op, SourceOp};

use crate::converter::lower::{Lowered, llb_platform};
use crate::image::{Platform, Reference};

/// An image whose layers are the first ones of a result.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BaseImage {
    /// The image, pinned by its digest.
    pub(crate) reference: Reference,
    /// The platform that is chosen from an index, as `os/architecture/variant`.
    pub(crate) platform: String,
}

/// Returns the images that the result of `lowered` builds on: what its steps change, not what they copy from.
/// Images without a digest are left out.
pub(crate) fn base_images(lowered: &Lowered) -> BTreeSet<BaseImage> {
    let default = llb_platform(&lowered.platform);
    let bases = lowered.graph.bases(lowered.root).into_iter().filter_map(|base| lowered.graph.get(base));
    let images = bases.filter_map(|(op, constraints)| match op {
        Op::Source(source) => image_of(source, constraints.platform.as_ref().unwrap_or(&default)),
        // A diff or a nested build holds no whole base, and the others are never where layers begin.
        Op::Diff(_) | Op::Build(_) | Op::Exec(_) | Op::File(_) | Op::Merge(_) | Op::Passthrough(_) => None,
    });
    images.collect()
}

/// Returns the image of a source, if it is one of a registry with a digest.
fn image_of(source: &SourceOp, platform: &llb::Platform) -> Option<BaseImage> {
    let identifier = source.identifier();
    let text = identifier.strip_prefix("docker-image://")?;
    let reference = Reference::parse_named(text).ok().filter(|reference| reference.digest().is_some())?;
    let platform = Platform {
        variant: platform.variant.as_str().into(),
        ..Platform::new(&platform.os, &platform.architecture)
    };
    Some(BaseImage { reference, platform: platform.normalized().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::converter::Converter;
    use crate::converter::plan::Options;
    use crate::diag::Source;
    use crate::job::lookup::{ImageLock, LocalFiles, LockResolver, convert};

    /// The bases of a Dockerfile's last stage, by name.
    async fn bases(dockerfile: &str) -> Vec<String> {
        let image = |name: &str| {
            serde_json::json!({
                "ref": format!("docker.io/library/{name}:latest"), "platform": Platform::host().to_string(),
                "digest": format!("sha256:{}", "0".repeat(64)),
                "config": {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": ["sha256:1"]}},
            })
        };
        let lock = serde_json::json!({"images": [image("one"), image("two")]}).to_string();
        let lock = ImageLock::parse(lock.as_bytes()).unwrap();
        let (options, files) = (Options::default(), LocalFiles::default());
        let source = Source::new("Dockerfile", dockerfile);
        assert!(Converter::new(source.clone(), &options).is_ok());
        let resolver = LockResolver { lock: &lock, files: &files, build_platform: &options.build_platform };
        let converted = convert(&source, &options, &resolver).await.unwrap();
        let (_, conversion) = converted.builds.into_iter().next().unwrap();
        base_images(&conversion.lowered).into_iter().map(|base| base.reference.path().to_owned()).collect()
    }

    #[tokio::test]
    async fn the_base_shows_through_every_kind_of_step() {
        let steps = "WORKDIR /w\nRUN true\nCOPY a b /c/\nCOPY --link d /\nRUN --mount=from=two true\n";
        assert_eq!(bases(&format!("FROM one\n{steps}")).await, ["library/one"]);
        assert_eq!(bases("FROM one AS a\nRUN true\nFROM a\nCOPY x /\n").await, ["library/one"]);
        assert_eq!(bases("FROM one\n").await, ["library/one"]);
    }

    #[tokio::test]
    async fn an_image_that_is_only_copied_from_is_no_base() {
        assert_eq!(bases("FROM two AS a\nRUN true\nFROM one\nCOPY --from=a /x /\n").await, ["library/one"]);
        assert_eq!(bases("FROM scratch\nCOPY --from=two /x /\n").await, Vec::<String>::new());
    }
}
