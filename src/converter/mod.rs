//! Dockerfile text to an LLB graph, an image configuration and warnings. Pure: no files, clocks, environment or network.

pub mod dockerfile;
pub mod ignore;
pub mod lint;
pub mod lower;
pub mod plan;
pub mod shell;
