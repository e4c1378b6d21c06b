//! The use case `bob build`: the only place where pure code meets I/O.

pub mod convert;
