//! What a process that holds credentials, or serves many, does for itself.

use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// Keeps other processes of the same user from reading the credentials that this one holds in its memory and its
/// variables: in `/proc`, with a debugger, or in a core dump.
pub(super) fn hide_memory() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "other processes of this user may read this process's memory");
    }
}

/// Raises the limit of open files as far as this process may: each client and each registry takes one, and the usual
/// limit of 1024 is less than the proxy has places for.
pub(super) fn allow_open_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}
