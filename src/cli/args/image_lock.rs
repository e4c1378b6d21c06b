//! Image locks in files: base images and what they are, so that no registry is asked.

use std::path::Path;

use super::dockerfile_place::read_near;
use crate::cli::Failure;
use crate::diag::visible_path;
use crate::job::lookup::ImageLock;

/// The largest image lock that is read, in bytes.
const MAX_LOCK_BYTES: u64 = 256 << 20;

/// The image lock in a file.
pub(in crate::cli) fn read(path: &Path) -> Result<ImageLock, Failure> {
    let shown = visible_path(path);
    let text = read_near(path, MAX_LOCK_BYTES)
        .map_err(|error| Failure::failed(format!("cannot read {shown}: {error}")))?;
    ImageLock::parse(&text).map_err(|error| {
        let mut text = std::error::Error::source(&error).map_or_else(String::new, ToString::to_string);
        // The cause may quote the file.
        text.truncate(text.floor_char_boundary(MAX_CAUSE));
        let cause = if text.is_empty() { text } else { format!(": {}", text.escape_debug()) };
        Failure::failed(format!("{shown} is {error}{cause}"))
    })
}

/// The longest cause of a fault in an image lock that is shown, in bytes.
const MAX_CAUSE: usize = 120;
