//! The images whose layers a result begins with, read off its graph.

use std::collections::{BTreeMap, BTreeSet};

use llb::Definition;
use prost::Message as _;

use crate::buildkit::proto::pb;
use crate::image::{Platform, Reference};

/// An image whose layers are the first ones of a result.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BaseImage {
    /// The image, pinned by its digest.
    pub(crate) reference: Reference,
    /// The platform that is chosen from an index, as `os/architecture/variant`.
    pub(crate) platform: String,
}

/// The images that the root of `definition` builds on: what its steps change, not what they copy from.
/// Images without a digest are left out.
pub(crate) fn base_images(definition: &Definition) -> BTreeSet<BaseImage> {
    let decoded = definition
        .ops
        .iter()
        .filter_map(|op| Some((op.digest.to_string(), pb::Op::decode(op.bytes.as_slice()).ok()?)));
    let ops: BTreeMap<String, pb::Op> = decoded.collect();
    let terminal = definition.ops.last().and_then(|op| ops.get(&op.digest.to_string()));
    let mut found = BTreeSet::new();
    let (mut seen, mut open) = (BTreeSet::new(), terminal.map(|op| op.inputs.clone()).unwrap_or_default());
    while let Some(input) = open.pop() {
        if !seen.insert((input.digest.clone(), input.index)) {
            continue;
        }
        let Some(op) = ops.get(&input.digest) else { continue };
        match &op.op {
            Some(pb::op::Op::Source(source)) => found.extend(image_of(source, op.platform.as_ref())),
            Some(kind) => {
                let inputs = below(kind, input.index, op.inputs.len());
                open.extend(inputs.into_iter().filter_map(|index| op.inputs.get(index).cloned()));
            }
            None => {}
        }
    }
    found
}

/// The inputs of an op whose layers its output `output` begins with.
fn below(op: &pb::op::Op, output: i64, inputs: usize) -> Vec<usize> {
    let index = |input: i64| usize::try_from(input).ok();
    match op {
        pb::op::Op::Exec(exec) => {
            let mount = exec.mounts.iter().find(|mount| mount.output == output);
            mount.and_then(|mount| index(mount.input)).into_iter().collect()
        }
        pb::op::Op::File(file) => {
            // An action's input is one of the op's, or, counted on from those, an earlier action.
            let mut action = file.actions.iter().find(|action| action.output == output);
            for _ in 0..file.actions.len() {
                let Some(input) = action.and_then(|action| index(action.input)) else { break };
                let Some(earlier) = input.checked_sub(inputs) else { return vec![input] };
                action = file.actions.get(earlier);
            }
            Vec::new()
        }
        pb::op::Op::Merge(merge) => merge.inputs.iter().filter_map(|input| index(input.input)).collect(),
        pb::op::Op::Source(_) | pb::op::Op::Build(_) | pb::op::Op::Diff(_) => Vec::new(),
    }
}

fn image_of(source: &pb::SourceOp, platform: Option<&pb::Platform>) -> Option<BaseImage> {
    let text = source.identifier.strip_prefix("docker-image://")?;
    let reference = Reference::parse_named(text).ok().filter(|reference| reference.digest().is_some())?;
    let platform = platform.map_or_else(Platform::host, |platform| Platform {
        variant: platform.variant.as_str().into(),
        ..Platform::new(&platform.os, &platform.architecture)
    });
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
        base_images(&conversion.marshal("x").unwrap().definition)
            .into_iter()
            .map(|base| base.reference.path().to_owned())
            .collect()
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
