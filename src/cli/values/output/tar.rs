//! `type=tar`: the files of the result, as an archive.

use super::{Attributes, OutputType, archive};
use crate::job::{Destination, Exporter, Output};

pub(super) const TYPE: OutputType = OutputType {
    name: "tar",
    exporter: Exporter::new("tar"),
    own_attributes: &[],
    destination: |attrs| Ok(archive(attrs)),
};

/// The output to standard output.
pub(super) fn to_stdout() -> Output {
    Output::new(TYPE.exporter, Destination::Stdout, Attributes::new())
}
