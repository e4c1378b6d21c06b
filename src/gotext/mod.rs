//! Text as Go's standard library reads, compares and writes it, where that differs from Rust's; of docker's libraries
//! only the sizes.
//!
//! BuildKit is written in Go, and what its standard library does to text is part of what a Dockerfile means and of every
//! digest. Each rule stands here once. `testdata/go_text.txt` holds what Go itself gives for each function
//! (`tools/gotext` makes it), and a test compares.
//!
//! Paths are in `llb::path`, since the graph needs them too.

mod case;
pub mod filepath;
mod format;
pub mod json;
mod parse;
mod utf8;

pub use case::{equal_fold, is_lower, is_upper, to_lower, to_upper};
pub use format::{duration, list, quote, quoted_list};
pub use parse::{parse_bool, parse_duration_ns, parse_ram_in_bytes};
pub use utf8::{first_char, lossy, trim, trim_start};

#[cfg(test)]
mod tests;
