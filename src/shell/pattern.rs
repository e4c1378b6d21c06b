//! Patterns of `${name#pattern}` and its kin.
