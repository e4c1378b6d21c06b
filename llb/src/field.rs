//! Numbers of protobuf fields, a module for each message.
//!
//! Source: `solver/pb/ops.proto` of BuildKit 0.32. Only what this crate writes is listed.

/// `Op`.
pub(crate) mod op {
    pub(crate) const INPUTS: u32 = 1;
    pub(crate) const EXEC: u32 = 2;
    pub(crate) const SOURCE: u32 = 3;
    pub(crate) const FILE: u32 = 4;
    pub(crate) const BUILD: u32 = 5;
    pub(crate) const MERGE: u32 = 6;
    pub(crate) const DIFF: u32 = 7;
    pub(crate) const PASSTHROUGH: u32 = 8;
    pub(crate) const PLATFORM: u32 = 10;
    pub(crate) const CONSTRAINTS: u32 = 11;
}

/// `Input`.
pub(crate) mod input {
    pub(crate) const DIGEST: u32 = 1;
    pub(crate) const INDEX: u32 = 2;
}

/// `Platform`.
pub(crate) mod platform {
    pub(crate) const ARCHITECTURE: u32 = 1;
    pub(crate) const OS: u32 = 2;
    pub(crate) const VARIANT: u32 = 3;
    pub(crate) const OS_VERSION: u32 = 4;
    pub(crate) const OS_FEATURES: u32 = 5;
}

/// `WorkerConstraints`.
pub(crate) mod worker_constraints {
    pub(crate) const FILTER: u32 = 1;
}

/// `ExecOp`.
pub(crate) mod exec_op {
    pub(crate) const META: u32 = 1;
    pub(crate) const MOUNTS: u32 = 2;
    pub(crate) const NETWORK: u32 = 3;
    pub(crate) const SECURITY: u32 = 4;
    pub(crate) const SECRET_ENV: u32 = 5;
    pub(crate) const CDI_DEVICES: u32 = 6;
}

/// `Meta`.
pub(crate) mod meta {
    pub(crate) const ARGS: u32 = 1;
    pub(crate) const ENV: u32 = 2;
    pub(crate) const CWD: u32 = 3;
    pub(crate) const USER: u32 = 4;
    pub(crate) const PROXY_ENV: u32 = 5;
    pub(crate) const EXTRA_HOSTS: u32 = 6;
    pub(crate) const HOSTNAME: u32 = 7;
    pub(crate) const ULIMIT: u32 = 9;
    pub(crate) const CGROUP_PARENT: u32 = 10;
    pub(crate) const REMOVE_MOUNT_STUBS_RECURSIVE: u32 = 11;
    pub(crate) const VALID_EXIT_CODES: u32 = 12;
}

/// `ProxyEnv`.
pub(crate) mod proxy_env {
    pub(crate) const HTTP_PROXY: u32 = 1;
    pub(crate) const HTTPS_PROXY: u32 = 2;
    pub(crate) const FTP_PROXY: u32 = 3;
    pub(crate) const NO_PROXY: u32 = 4;
    pub(crate) const ALL_PROXY: u32 = 5;
}

/// `HostIP`.
pub(crate) mod host_ip {
    pub(crate) const HOST: u32 = 1;
    pub(crate) const IP: u32 = 2;
}

/// `Ulimit`.
pub(crate) mod ulimit {
    pub(crate) const NAME: u32 = 1;
    pub(crate) const SOFT: u32 = 2;
    pub(crate) const HARD: u32 = 3;
}

/// `CDIDevice`.
pub(crate) mod cdi_device {
    pub(crate) const NAME: u32 = 1;
    pub(crate) const OPTIONAL: u32 = 2;
}

/// `SecretEnv`.
pub(crate) mod secret_env {
    pub(crate) const ID: u32 = 1;
    pub(crate) const NAME: u32 = 2;
    pub(crate) const OPTIONAL: u32 = 3;
}

/// `Mount`.
pub(crate) mod mount {
    pub(crate) const INPUT: u32 = 1;
    pub(crate) const SELECTOR: u32 = 2;
    pub(crate) const DEST: u32 = 3;
    pub(crate) const OUTPUT: u32 = 4;
    pub(crate) const READONLY: u32 = 5;
    pub(crate) const MOUNT_TYPE: u32 = 6;
    pub(crate) const TMPFS_OPT: u32 = 19;
    pub(crate) const CACHE_OPT: u32 = 20;
    pub(crate) const SECRET_OPT: u32 = 21;
    pub(crate) const SSH_OPT: u32 = 22;
    pub(crate) const CONTENT_CACHE: u32 = 24;
}

/// `TmpfsOpt`.
pub(crate) mod tmpfs_opt {
    pub(crate) const SIZE: u32 = 1;
}

/// `CacheOpt`.
pub(crate) mod cache_opt {
    pub(crate) const ID: u32 = 1;
    pub(crate) const SHARING: u32 = 2;
}

/// `SecretOpt` and `SSHOpt`.
pub(crate) mod file_opt {
    pub(crate) const ID: u32 = 1;
    pub(crate) const UID: u32 = 2;
    pub(crate) const GID: u32 = 3;
    pub(crate) const MODE: u32 = 4;
    pub(crate) const OPTIONAL: u32 = 5;
}

/// `SourceOp`.
pub(crate) mod source_op {
    pub(crate) const IDENTIFIER: u32 = 1;
    pub(crate) const ATTRS: u32 = 2;
}

/// `FileOp`.
pub(crate) mod file_op {
    pub(crate) const ACTIONS: u32 = 2;
}

/// `FileAction`.
pub(crate) mod file_action {
    pub(crate) const INPUT: u32 = 1;
    pub(crate) const SECONDARY_INPUT: u32 = 2;
    pub(crate) const OUTPUT: u32 = 3;
    pub(crate) const COPY: u32 = 4;
    pub(crate) const MKFILE: u32 = 5;
    pub(crate) const MKDIR: u32 = 6;
    pub(crate) const RM: u32 = 7;
    pub(crate) const SYMLINK: u32 = 8;
}

/// `FileActionCopy`.
pub(crate) mod copy {
    pub(crate) const SRC: u32 = 1;
    pub(crate) const DEST: u32 = 2;
    pub(crate) const OWNER: u32 = 3;
    pub(crate) const MODE: u32 = 4;
    pub(crate) const FOLLOW_SYMLINK: u32 = 5;
    pub(crate) const DIR_COPY_CONTENTS: u32 = 6;
    pub(crate) const ATTEMPT_UNPACK: u32 = 7;
    pub(crate) const CREATE_DEST_PATH: u32 = 8;
    pub(crate) const ALLOW_WILDCARD: u32 = 9;
    pub(crate) const ALLOW_EMPTY_WILDCARD: u32 = 10;
    pub(crate) const TIMESTAMP: u32 = 11;
    pub(crate) const INCLUDE_PATTERNS: u32 = 12;
    pub(crate) const EXCLUDE_PATTERNS: u32 = 13;
    pub(crate) const ALWAYS_REPLACE_EXISTING: u32 = 14;
    pub(crate) const MODE_STR: u32 = 15;
    pub(crate) const REQUIRED_PATHS: u32 = 16;
}

/// `FileActionMkFile`.
pub(crate) mod mkfile {
    pub(crate) const PATH: u32 = 1;
    pub(crate) const MODE: u32 = 2;
    pub(crate) const DATA: u32 = 3;
    pub(crate) const OWNER: u32 = 4;
    pub(crate) const TIMESTAMP: u32 = 5;
}

/// `FileActionMkDir`.
pub(crate) mod mkdir {
    pub(crate) const PATH: u32 = 1;
    pub(crate) const MODE: u32 = 2;
    pub(crate) const MAKE_PARENTS: u32 = 3;
    pub(crate) const OWNER: u32 = 4;
    pub(crate) const TIMESTAMP: u32 = 5;
}

/// `FileActionRm`.
pub(crate) mod rm {
    pub(crate) const PATH: u32 = 1;
    pub(crate) const ALLOW_NOT_FOUND: u32 = 2;
    pub(crate) const ALLOW_WILDCARD: u32 = 3;
}

/// `FileActionSymlink`.
pub(crate) mod symlink {
    pub(crate) const OLD_PATH: u32 = 1;
    pub(crate) const NEW_PATH: u32 = 2;
    pub(crate) const OWNER: u32 = 3;
    pub(crate) const TIMESTAMP: u32 = 4;
}

/// `ChownOpt`.
pub(crate) mod chown_opt {
    pub(crate) const USER: u32 = 1;
    pub(crate) const GROUP: u32 = 2;
}

/// `UserOpt`.
pub(crate) mod user_opt {
    pub(crate) const BY_NAME: u32 = 1;
    pub(crate) const BY_ID: u32 = 2;
}

/// `NamedUserOpt`.
pub(crate) mod named_user_opt {
    pub(crate) const NAME: u32 = 1;
    pub(crate) const INPUT: u32 = 2;
}

/// `MergeOp`.
pub(crate) mod merge_op {
    pub(crate) const INPUTS: u32 = 1;
}

/// `MergeInput`.
pub(crate) mod merge_input {
    pub(crate) const INPUT: u32 = 1;
}

/// `DiffOp`.
pub(crate) mod diff_op {
    pub(crate) const LOWER: u32 = 1;
    pub(crate) const UPPER: u32 = 2;
}

/// `LowerDiffInput` and `UpperDiffInput`.
pub(crate) mod diff_input {
    pub(crate) const INPUT: u32 = 1;
}

/// `PassthroughOp`.
pub(crate) mod passthrough_op {
    pub(crate) const ID: u32 = 1;
    pub(crate) const OUTPUTS: u32 = 2;
}

/// `BuildOp`.
pub(crate) mod build_op {
    pub(crate) const BUILDER: u32 = 1;
    pub(crate) const INPUTS: u32 = 2;
    pub(crate) const ATTRS: u32 = 4;
}

/// `Definition`.
pub(crate) mod definition {
    pub(crate) const DEF: u32 = 1;
    pub(crate) const METADATA: u32 = 2;
    pub(crate) const SOURCE: u32 = 3;
}

/// `OpMetadata`.
pub(crate) mod op_metadata {
    pub(crate) const IGNORE_CACHE: u32 = 1;
    pub(crate) const DESCRIPTION: u32 = 2;
    pub(crate) const EXPORT_CACHE: u32 = 4;
    pub(crate) const CAPS: u32 = 5;
    pub(crate) const PROGRESS_GROUP: u32 = 6;
    pub(crate) const LINUX_RESOURCES: u32 = 7;
}

/// `ExportCache`.
pub(crate) mod export_cache {
    pub(crate) const VALUE: u32 = 1;
}

/// `ProgressGroup`.
pub(crate) mod progress_group {
    pub(crate) const ID: u32 = 1;
    pub(crate) const NAME: u32 = 2;
    pub(crate) const WEAK: u32 = 3;
}

/// `LinuxResources`.
pub(crate) mod linux_resources {
    pub(crate) const MEMORY: u32 = 1;
    pub(crate) const MEMORY_SWAP: u32 = 2;
    pub(crate) const CPU_SHARES: u32 = 3;
    pub(crate) const CPU_PERIOD: u32 = 4;
    pub(crate) const CPU_QUOTA: u32 = 5;
    pub(crate) const CPUSET_CPUS: u32 = 6;
    pub(crate) const CPUSET_MEMS: u32 = 7;
}

/// `Source`.
pub(crate) mod source {
    pub(crate) const LOCATIONS: u32 = 1;
    pub(crate) const INFOS: u32 = 2;
}

/// `SourceInfo`.
pub(crate) mod source_info {
    pub(crate) const FILENAME: u32 = 1;
    pub(crate) const DATA: u32 = 2;
    pub(crate) const DEFINITION: u32 = 3;
    pub(crate) const LANGUAGE: u32 = 4;
}

/// `Locations`.
pub(crate) mod locations {
    pub(crate) const LOCATIONS: u32 = 1;
}

/// `Location`.
pub(crate) mod location {
    pub(crate) const SOURCE_INDEX: u32 = 1;
    pub(crate) const RANGES: u32 = 2;
}

/// `Range`.
pub(crate) mod range {
    pub(crate) const START: u32 = 1;
    pub(crate) const END: u32 = 2;
}

/// `Position`.
pub(crate) mod position {
    pub(crate) const LINE: u32 = 1;
    pub(crate) const CHARACTER: u32 = 2;
}

/// An entry of any map.
pub(crate) mod map_entry {
    pub(crate) const KEY: u32 = 1;
    pub(crate) const VALUE: u32 = 2;
}
