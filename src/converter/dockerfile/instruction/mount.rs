//! `RUN --mount` (BuildKit's `instructions/commands_runmount.go`).
//!
//! A mount's options may hold variables, so they are read twice: [`MountSpec::parse`] with the
//! instruction, which looks at `from` only, and [`MountSpec::resolve`] when variables are known.

use super::csv;
use crate::diag::{did_you_mean, nearest};
use crate::gotext::{parse_bool, parse_ram_in_bytes, to_lower};

/// Every option, for suggestions.
const KEYS: [&str; 19] = [
    "type",
    "from",
    "source",
    "target",
    "readonly",
    "id",
    "sharing",
    "required",
    "size",
    "mode",
    "uid",
    "gid",
    "src",
    "dst",
    "destination",
    "ro",
    "rw",
    "readwrite",
    "env",
];

/// A mount as written: options separated by commas, not expanded.
///
/// ```text
/// RUN --mount=type=bind,from=build,target=/in make
///             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ text
///                            ^^^^^ from
/// ```
///
/// Source: `mountState` in `frontend/dockerfile/instructions/commands_runmount.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountSpec {
    /// The flag's value.
    pub text: String,
    /// The value of `from`, which is never expanded here; empty if absent.
    pub from: String,
    fields: Vec<String>,
}

/// What a mount holds.
///
/// Source: `MountType` in `frontend/dockerfile/instructions/commands_runmount.go` of BuildKit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MountType {
    /// Files of a stage, an image or the build context.
    #[default]
    Bind,
    /// A directory that builds share.
    Cache,
    /// An empty directory in memory.
    Tmpfs,
    /// A file or variable that only this command sees.
    Secret,
    /// The socket of an SSH agent.
    Ssh,
}

/// Who may use a cache mount at one time.
///
/// Source: `ShareMode` in `frontend/dockerfile/instructions/commands_runmount.go` of BuildKit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Any number of builds.
    Shared,
    /// Each build gets its own.
    Private,
    /// One build, the others wait.
    Locked,
}

/// A mount of RUN with its options expanded.
///
/// ```text
/// RUN --mount=type=cache,id=go,target=/root/.cache,sharing=locked make
///                  ^^^^^ mount_type
///                           ^^ id
///                                     ^^^^^^^^^^^^ target
///                                                          ^^^^^^ sharing
/// ```
///
/// Source: `Mount` in `frontend/dockerfile/instructions/commands_runmount.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mount {
    /// `type`.
    pub mount_type: MountType,
    /// `from`: a stage, image or named context; empty if absent.
    pub from: String,
    /// `source`, empty if absent.
    pub source: String,
    /// `target`, empty if absent.
    pub target: String,
    /// `readonly` or its opposite `readwrite`; if absent, true but for cache and tmpfs.
    pub read_only: bool,
    /// `size` of a tmpfs in bytes, 0 if absent.
    pub size_limit: i64,
    /// `id`, empty if absent.
    pub id: String,
    /// `sharing` of a cache.
    pub sharing: Option<Sharing>,
    /// `required` of a secret or agent.
    pub required: bool,
    /// `env` of a secret: the variable's name, empty for the default one.
    pub env: Option<String>,
    /// `mode`, permission bits.
    pub mode: Option<u32>,
    /// `uid`.
    pub uid: Option<u32>,
    /// `gid`.
    pub gid: Option<u32>,
}

/// What is wrong with a mount or device of RUN.
///
/// Source: `parseMount` in `frontend/dockerfile/instructions/commands_runmount.go` of BuildKit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the variants and their values mean")]
pub enum MountError {
    #[error("it is empty")]
    Empty,
    #[error("misplaced quote in {field:?}")]
    Quote { field: String },
    #[error("{field:?} must be key=value")]
    NoValue { field: String },
    #[error("unknown option {key:?}{}", did_you_mean(suggestion.as_deref()))]
    UnknownKey { key: String, suggestion: Option<String> },
    #[error("invalid value {value:?} of {key}")]
    Value { key: String, value: String },
    #[error("unsupported type {value:?}{}", did_you_mean(suggestion.as_deref()))]
    Type { value: String, suggestion: Option<String> },
    #[error("unsupported sharing {value:?}{}", did_you_mean(suggestion.as_deref()))]
    Sharing { value: String, suggestion: Option<String> },
    #[error("option {key} is not for mounts of type {mount_type}")]
    NotForType { key: String, mount_type: MountType },
    #[error("`from` cannot hold a variable: define a stage with FROM and an argument, and name that")]
    VariableInFrom,
    #[error("a secret needs an id, source or target")]
    NoSecret,
    #[error("a secret takes either a source or an id")]
    SecretSourceAndId,
    #[error("the device already has the name {name:?}")]
    SecondName { name: String },
}

impl MountError {
    pub(super) fn value(key: &str, value: &str) -> Self {
        Self::Value { key: key.to_owned(), value: value.to_owned() }
    }
}

impl std::fmt::Display for MountType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bind => "bind",
            Self::Cache => "cache",
            Self::Tmpfs => "tmpfs",
            Self::Secret => "secret",
            Self::Ssh => "ssh",
        })
    }
}

impl MountType {
    fn parse(value: &str) -> Result<Self, MountError> {
        Ok(match &*to_lower(value) {
            "bind" => Self::Bind,
            "cache" => Self::Cache,
            "tmpfs" => Self::Tmpfs,
            "secret" => Self::Secret,
            "ssh" => Self::Ssh,
            _ => {
                return Err(MountError::Type {
                    suggestion: nearest(value, ["bind", "cache", "tmpfs", "secret", "ssh"], true),
                    value: value.to_owned(),
                });
            }
        })
    }
}

impl Sharing {
    fn parse(value: &str) -> Result<Self, MountError> {
        Ok(match &*to_lower(value) {
            "shared" => Self::Shared,
            "private" => Self::Private,
            "locked" => Self::Locked,
            _ => {
                return Err(MountError::Sharing {
                    suggestion: nearest(value, ["shared", "private", "locked"], true),
                    value: value.to_owned(),
                });
            }
        })
    }
}

impl MountSpec {
    /// Returns a mount whose options are separated but, apart from `from`, not looked at.
    ///
    /// Source: `parseMount` in `frontend/dockerfile/instructions/commands_runmount.go` of BuildKit.
    ///
    /// # Errors
    /// Misplaced quotes, or a variable in `from`.
    pub fn parse(text: &str) -> Result<Self, MountError> {
        let fields = csv::fields(text)?;
        let mut from = String::new();
        for field in &fields {
            let Some((key, value)) = field.split_once('=') else {
                continue;
            };
            if to_lower(key) != "from" {
                continue;
            }
            if value.find('$').is_some_and(|at| at + 1 < value.len()) {
                return Err(MountError::VariableInFrom);
            }
            value.clone_into(&mut from);
        }
        Ok(Self { text: text.to_owned(), from, fields })
    }

    /// Returns the mount with every value expanded by `expand`, in the order in which they are written.
    ///
    /// Source: `setMountState` in `frontend/dockerfile/instructions/commands_runmount.go` of BuildKit.
    ///
    /// # Errors
    /// The first error of `expand`, an option or value that does not exist, or options that do not go
    /// together. The order counts: an option is judged by the `type` before it.
    pub fn resolve<E: From<MountError>>(
        &self,
        expand: &mut impl FnMut(&str) -> Result<String, E>,
    ) -> Result<Mount, E> {
        let mut mount = Mount::default();
        let mut read_only = None;
        for field in &self.fields {
            match field.split_once('=') {
                None => set_flag(&mut mount, &mut read_only, field)?,
                Some((key, value)) => {
                    let value = expand(value)?;
                    set_value(&mut mount, &mut read_only, &to_lower(key), value)?;
                }
            }
        }
        let writable = matches!(mount.mount_type, MountType::Cache | MountType::Tmpfs);
        mount.read_only = read_only.unwrap_or(!writable);
        check(&mount)?;
        Ok(mount)
    }
}

/// Sets an option without a value.
fn set_flag(mount: &mut Mount, read_only: &mut Option<bool>, field: &str) -> Result<(), MountError> {
    match &*to_lower(field) {
        "readonly" | "ro" => *read_only = Some(true),
        "readwrite" | "rw" => *read_only = Some(false),
        "required" => {
            only_for(mount, "required", &[MountType::Secret, MountType::Ssh])?;
            mount.required = true;
        }
        _ => {
            return Err(MountError::NoValue { field: field.to_owned() });
        }
    }
    Ok(())
}

fn set_value(
    mount: &mut Mount,
    read_only: &mut Option<bool>,
    key: &str,
    value: String,
) -> Result<(), MountError> {
    let bad = || MountError::value(key, &value);
    match key {
        "type" => mount.mount_type = MountType::parse(&value)?,
        "from" => mount.from = value,
        "source" | "src" => mount.source = value,
        "target" | "dst" | "destination" => mount.target = value,
        "readonly" | "ro" => *read_only = Some(parse_bool(&value).ok_or_else(bad)?),
        "readwrite" | "rw" => *read_only = Some(!parse_bool(&value).ok_or_else(bad)?),
        "required" => {
            only_for(mount, key, &[MountType::Secret, MountType::Ssh])?;
            mount.required = parse_bool(&value).ok_or_else(bad)?;
        }
        "size" => {
            only_for(mount, key, &[MountType::Tmpfs])?;
            mount.size_limit = parse_ram_in_bytes(&value).ok_or_else(bad)?;
        }
        "id" => mount.id = value,
        "sharing" => mount.sharing = Some(Sharing::parse(&value)?),
        "mode" => mount.mode = Some(parse_u32(&value, 8).ok_or_else(bad)?),
        "uid" => mount.uid = Some(parse_u32(&value, 10).ok_or_else(bad)?),
        "gid" => mount.gid = Some(parse_u32(&value, 10).ok_or_else(bad)?),
        "env" => mount.env = Some(value),
        _ => {
            return Err(MountError::UnknownKey { suggestion: nearest(key, KEYS, true), key: key.to_owned() });
        }
    }
    Ok(())
}

/// Returns an unsigned number of digits only, in base `radix`, that fits 32 bits.
fn parse_u32(text: &str, radix: u32) -> Option<u32> {
    let digits = text.chars().all(|c| c.is_digit(radix));
    digits.then(|| u32::from_str_radix(text, radix).ok()).flatten()
}

fn only_for(mount: &Mount, key: &str, types: &[MountType]) -> Result<(), MountError> {
    if types.contains(&mount.mount_type) {
        return Ok(());
    }
    Err(MountError::NotForType { key: key.to_owned(), mount_type: mount.mount_type })
}

/// Checks options against each other once all are known.
fn check(mount: &Mount) -> Result<(), MountError> {
    use MountType::{Cache, Secret, Ssh};
    for (key, given) in [("mode", mount.mode), ("uid", mount.uid), ("gid", mount.gid)] {
        if given.is_some() {
            only_for(mount, key, &[Secret, Ssh, Cache])?;
        }
    }
    if mount.sharing.is_some() {
        only_for(mount, "sharing", &[Cache])?;
    }
    if mount.mount_type != Secret {
        return Ok(());
    }
    if !mount.from.is_empty() {
        return Err(MountError::NotForType { key: "from".to_owned(), mount_type: Secret });
    }
    if mount.source.is_empty() && mount.target.is_empty() && mount.id.is_empty() {
        return Err(MountError::NoSecret);
    }
    if !mount.source.is_empty() && !mount.id.is_empty() {
        return Err(MountError::SecretSourceAndId);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
