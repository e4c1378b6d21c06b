//! From a plan to an LLB graph and an image configuration.

use crate::image::{ImageConfig, Platform};
use crate::plan::Plan;

/// A Dockerfile converted for one platform.
#[derive(Debug)]
pub struct Lowered {
    /// The graph; source locations, names and caps are in it.
    pub graph: llb::Graph,
    /// The result in the graph; scratch for an image without files.
    pub root: llb::Output,
    /// The platform of ops that name none.
    pub platform: Platform,
    /// The image's configuration.
    pub image: ImageConfig,
    /// The configuration of the image that the target builds on, if there is one
    /// (`containerimage.base.config`).
    pub base: Option<ImageConfig>,
    /// `SOURCE_DATE_EPOCH` in seconds since 1970, where it is set.
    pub epoch: Option<i64>,
}

/// The graph and the configuration of a plan.
///
/// # Errors
/// [`Error`] where BuildKit rejects an instruction.
pub fn lower(_plan: Plan<'_>) -> Option<Lowered> {
    None
}
