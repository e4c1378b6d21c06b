//! Lines that others write to standard error while the live view is on it: they go above the live part, which would
//! overwrite them otherwise.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::progress::displays::write_quietly;

/// The lines that wait for the next frame; `None` while there is no live view.
static WAITING: Mutex<Option<Vec<String>>> = Mutex::new(None);

fn waiting() -> MutexGuard<'static, Option<Vec<String>>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps `line` for the live view that is on standard error. Returns whether there is one; if not, the line has to be
/// written.
pub(in crate::progress) fn write_above(line: &str) -> bool {
    let mut waiting = waiting();
    let Some(lines) = waiting.as_mut() else { return false };
    lines.push(line.to_owned());
    true
}

/// Keeps the lines of others while it lives.
#[derive(Debug)]
pub(super) struct Above {
    lines: &'static Mutex<Option<Vec<String>>>,
}

impl Above {
    pub(super) fn begin() -> Self {
        waiting().get_or_insert_default();
        Self { lines: &WAITING }
    }

    /// The lines that came since this was last asked for.
    pub(super) fn take(&self) -> Vec<String> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.as_mut().map(std::mem::take).unwrap_or_default()
    }
}

impl Drop for Above {
    fn drop(&mut self) {
        for line in waiting().take().unwrap_or_default() {
            write_quietly(&mut std::io::stderr(), &format!("{line}\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_wait_only_while_there_is_a_live_view() {
        assert!(!write_above("lost"));
        let above = Above::begin();
        assert!(write_above("kept"));
        assert_eq!(above.take(), ["kept"]);
        assert!(above.take().is_empty());
        drop(above);
        assert!(!write_above("lost"));
    }
}
