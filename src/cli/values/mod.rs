//! The syntax of values of flags and variables: one file for each kind of value.
//!
//! A parser gets the text as it was given, and the flag or variable that it was given to where more than one takes the
//! value. It returns the typed value, or a [`ValueError`] that names the flag, the text and the fault.

pub(super) mod annotation;
pub(super) mod build_context;
pub(super) mod cache;
mod csv;
pub(super) mod duration;
mod error;
pub(super) mod extra_host;
pub(super) mod network;
pub(super) mod output;
pub(super) mod pairs;
pub(super) mod platform;
pub(super) mod registry_host;
pub(super) mod secret;
pub(super) mod size;
pub(super) mod ssh;
pub(super) mod ulimit;

pub(super) use error::ValueError;

/// Names as a text lists them: `a, b or c`.
fn alternatives<const N: usize>(names: [&str; N]) -> String {
    match names.as_slice() {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
