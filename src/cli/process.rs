//! What a process that holds credentials does for itself.

use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// Keeps other processes of the same user from reading the credentials that this one holds in its memory and its
/// variables: in `/proc`, with a debugger, or in a core dump.
pub(super) fn hide_memory() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "other processes of this user may read this process's memory");
    }
}
