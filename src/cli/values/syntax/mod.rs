//! The forms that values of several flags have.

pub(super) mod csv;
pub(in crate::cli) mod duration;
pub(in crate::cli) mod pairs;
pub(in crate::cli) mod path;

/// Names as a text lists them: `a, b or c`.
pub(super) fn alternatives<const N: usize>(names: [&str; N]) -> String {
    match names.as_slice() {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
