//! Where an export goes, and what of it is left out.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What becomes of devices, named pipes, set-id bits and attributes that grant rights (file capabilities, access
/// lists): whoever makes a device or a set-id file on this machine makes somebody powerful.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SpecialFiles {
    /// They are left out, and counted.
    #[default]
    LeaveOut,
    /// They are made, as far as the user may.
    Keep,
}

/// A folder that an export is written to.
#[derive(Debug, Clone)]
pub struct ExportFolder {
    /// Where it is. It is created where missing.
    pub path: PathBuf,
    /// What becomes of what grants rights.
    pub special_files: SpecialFiles,
    /// What was left out so far.
    pub left_out: Arc<LeftOut>,
    /// How many transfers into it are complete: one, or one for each platform.
    pub transfers: Arc<AtomicU64>,
}

impl From<PathBuf> for ExportFolder {
    fn from(path: PathBuf) -> Self {
        Self {
            path,
            special_files: SpecialFiles::default(),
            left_out: Arc::default(),
            transfers: Arc::default(),
        }
    }
}

/// How much of an export was left out; shown as text, as `2 devices or pipes and 3 set-id bits`.
#[derive(Debug, Default)]
pub struct LeftOut {
    special_files: AtomicU64,
    set_ids: AtomicU64,
    attributes: AtomicU64,
}

impl LeftOut {
    pub(super) fn count_special_file(&self) {
        self.special_files.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_set_id(&self) {
        self.set_ids.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_attribute(&self) {
        self.attributes.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether everything was written.
    pub fn is_empty(&self) -> bool {
        self.parts().is_empty()
    }

    fn parts(&self) -> Vec<String> {
        let counts = [
            (&self.special_files, "device or named pipe", "devices or named pipes"),
            (&self.set_ids, "file's set-id bits", "files' set-id bits"),
            (&self.attributes, "attribute that grants rights", "attributes that grant rights"),
        ];
        let counts = counts.into_iter().map(|(count, one, many)| (count.load(Ordering::Relaxed), one, many));
        let part = |(count, one, many)| format!("{count} {}", if count == 1 { one } else { many });
        counts.filter(|(count, ..)| *count > 0).map(part).collect()
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_is_counted_by_kind() {
        let left_out = LeftOut::default();
        assert!(left_out.is_empty());
        left_out.count_special_file();
        left_out.count_attribute();
        left_out.count_attribute();
        assert_eq!(left_out.to_string(), "1 device or named pipe, 2 attributes that grant rights");
    }
}
