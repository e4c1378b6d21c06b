//! COPY and ADD.

/// A file that is written in the Dockerfile: a here-document as a source of COPY or ADD.
///
/// ```text
/// COPY <<"EOF" /dest/
///         ^^^ path
/// ```
///
/// Source: `SourceContent` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceContent {
    /// The file's name: the here-document's word without quotes.
    pub path: String,
    /// The file's contents, tabs stripped for `<<-`. With variables in it where `expand` says so.
    pub data: Vec<u8>,
    /// Whether variables in the contents are expanded: no part of the word is quoted.
    pub expand: bool,
}

/// What COPY and ADD share: what is copied, and where to.
///
/// ```text
/// COPY a b <<EOF /dest/
///      ^ paths[0]
///        ^ paths[1]
///            ^^^ contents[0].path
///                ^^^^^^ dest
/// ```
///
/// Source: `SourcesAndDest` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourcesAndDest {
    /// The last word.
    pub dest: String,
    /// The words before it that are not here-documents.
    pub paths: Vec<String>,
    /// The here-documents among the words before it.
    pub contents: Vec<SourceContent>,
}

/// `ADD [flags] SOURCE… DEST`
///
/// ```text
/// ADD --chown=1000 --checksum=sha256:24454f https://example.com/a /
///             ^^^^ chown
///                             ^^^^^^^^^^^^^ checksum
///                                           ^^^^^^^^^^^^^^^^^^^^^^^ files
/// ```
///
/// Source: `AddCommand` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Add {
    /// Sources and destination.
    pub files: SourcesAndDest,
    /// `--chown`, empty if absent.
    pub chown: String,
    /// `--chmod`, empty if absent.
    pub chmod: String,
    /// `--link`.
    pub link: bool,
    /// `--keep-git-dir`, `None` if absent.
    pub keep_git_dir: Option<bool>,
    /// `--checksum`, empty if absent.
    pub checksum: String,
    /// Every `--exclude` in order; never expanded.
    pub exclude: Vec<String>,
    /// `--unpack`, `None` if absent.
    pub unpack: Option<bool>,
}

/// `COPY [flags] SOURCE… DEST`
///
/// ```text
/// COPY --from=build --chmod=755 --exclude=*.o /out /bin/
///             ^^^^^ from
///                           ^^^ chmod
///                                         ^^^ exclude[0]
///                                             ^^^^^^^^^^ files
/// ```
///
/// Source: `CopyCommand` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copy {
    /// Sources and destination.
    pub files: SourcesAndDest,
    /// `--from`, empty if absent; never expanded.
    pub from: String,
    /// `--chown`, empty if absent.
    pub chown: String,
    /// `--chmod`, empty if absent.
    pub chmod: String,
    /// `--link`.
    pub link: bool,
    /// Every `--exclude` in order; never expanded.
    pub exclude: Vec<String>,
    /// `--parents`.
    pub parents: bool,
}
