//! Contexts that are no folders of the client: archives, OCI layouts, and what buildkitd fetches.

pub(crate) mod archive;
pub(crate) mod fetch;
pub(crate) mod layout;
pub(crate) mod times;

pub use archive::{HEADER_BYTES, is_archive};
pub use layout::{LayoutError, OciLayout};
