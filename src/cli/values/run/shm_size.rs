//! `--shm-size`: a number of bytes.

use crate::cli::values::ValueError;
use crate::gotext::parse_ram_in_bytes;

/// A size with a unit, as in `64m`; zero for sizes that are not more.
pub(in crate::cli) fn parse(text: &str) -> Result<i64, ValueError> {
    let wrong = || ValueError::new("--shm-size", text, "write a number of bytes, or one with k, m or g");
    parse_ram_in_bytes(text).map(|size| size.max(0)).ok_or_else(wrong)
}
