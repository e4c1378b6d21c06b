//! What a build leaves: outputs, the metadata file, the image id.

mod archive_writer;
mod folder;
pub(super) mod layout;
pub(super) mod metadata;
pub(super) mod output;
pub(super) mod prepared;
pub(super) mod provenance;
pub(super) mod report_files;
mod report_graph;
pub(super) mod whole_files;
