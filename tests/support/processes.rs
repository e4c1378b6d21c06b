//! What runs on this machine.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

/// The numbers of the processes whose arguments are such. One that has ended and was not waited for has none.
pub fn processes(is_such: impl Fn(&[&str]) -> bool) -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_it = |number: &u32| {
        let line = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        let arguments: Vec<&str> = line.split_terminator('\0').collect();
        !arguments.is_empty() && is_such(&arguments)
    };
    numbers.filter(is_it).collect()
}

/// A time to sleep for that no other process sleeps for: another one with each call.
pub fn endless_seconds() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let which = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{which}{:07}", std::process::id())
}
