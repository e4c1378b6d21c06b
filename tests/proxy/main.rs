//! The proxy against registries that misbehave on purpose (real HTTP, scripted) and against a real one.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]
#![allow(clippy::disallowed_methods, reason = "tests start programs and watch the clock")]

#[path = "../support/mod.rs"]
#[allow(dead_code, unused_imports, unreachable_pub, reason = "each test binary uses a part of it")]
mod support;

mod harness;
mod upstream;

mod attacks;
mod auth;
mod command;
mod conformance;
mod connection_slots;
mod contract;
mod faults;
mod http_proxy;
mod matrix;
mod mirror;
mod operations;
mod reads;
mod real;
mod registries;
mod tokens;
mod uploads;
