//! Sources that are fetched from elsewhere.

/// A source that is fetched from elsewhere and whose time `SOURCE_DATE_EPOCH` may ask for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RemoteSource {
    /// A Git repository.
    Git {
        /// URL.
        remote: String,
        /// Branch, tag or commit.
        reference: String,
        /// Directory that becomes the root.
        subdir: String,
        /// Commit that the reference must be.
        checksum: String,
        /// Keep `.git`.
        keep_git_dir: bool,
        /// Leave submodules out.
        skip_submodules: bool,
        /// What files' times are.
        mtime: String,
        /// Fetch `checksum` without asking what the reference is.
        fetch_by_commit: bool,
        /// The URL stands for bytes that are not UTF-8: the op cannot be encoded.
        not_utf8: bool,
    },
    /// A file at a web address.
    Http {
        /// URL.
        url: String,
        /// The file's name.
        filename: String,
        /// Digest that it must have.
        checksum: String,
        /// The file's name is not UTF-8: the op cannot be encoded.
        not_utf8: bool,
    },
}

impl RemoteSource {
    /// Whether a string of its op is not UTF-8, so that the op cannot be encoded.
    pub const fn is_not_utf8(&self) -> bool {
        match self {
            Self::Git { not_utf8, .. } | Self::Http { not_utf8, .. } => *not_utf8,
        }
    }
}
