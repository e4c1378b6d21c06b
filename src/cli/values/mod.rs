//! The syntax of values of flags and variables: one file for each kind of value, those of one subject in a folder.
//!
//! A parser gets the text as it was given, and the flag or variable that it was given to where more than one takes the
//! value. It returns the typed value, or a [`ValueError`] that names the flag, the text and the fault.

pub(super) mod annotation;
pub(super) mod attestation;
pub(super) mod build_context;
pub(super) mod cache;
pub(super) mod call;
mod error;
pub(super) mod output;
pub(super) mod platform;
pub(super) mod progress;
pub(super) mod registry_host;
pub(super) mod run;
pub(super) mod syntax;

pub(super) use error::ValueError;

/// Values as a flag gets them.
#[cfg(test)]
pub(super) fn owned(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}
