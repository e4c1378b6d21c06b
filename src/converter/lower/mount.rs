//! RUN's mounts (`convert_runmount.go`, `convert_secrets.go` and `convert_ssh.go` of dockerfile2llb).

use llb::{
    CacheSharing, Constraints, ExecOp, FileOp, MkdirAction, MountKind, Output, Owner, Secret, SshAgent,
};

use super::state::Current;
use super::{ErrorKind, Lowering};
use crate::converter::dockerfile::{Mount, MountType, Run, Sharing};
use crate::converter::plan::{Command, EnvList, paths};
use crate::converter::shell::Env;

impl Lowering<'_, '_> {
    /// The mounts with their options expanded.
    pub(super) fn resolve_mounts(
        &mut self,
        stage: &Current,
        command: &Command<'_>,
        run: &Run,
    ) -> Result<Vec<Mount>, ErrorKind> {
        run.mounts(|text| self.expand(stage, command, text))
    }

    /// Adds the mounts, secrets and agents of RUN to `exec`.
    pub(super) fn add_mounts(
        &mut self,
        stage: &Current,
        command: &Command<'_>,
        mounts: &[Mount],
        exec: &mut ExecOp,
    ) -> Result<(), ErrorKind> {
        let span = command.instruction.head.span;
        for (mount, &source) in mounts.iter().zip(&command.sources) {
            let from_stage = !mount.from.is_empty() || mount.mount_type == MountType::Cache;
            let mut output = self.context;
            if from_stage {
                let later = || {
                    let from = if mount.from.is_empty() { "scratch".into() } else { mount.from.clone() };
                    ErrorKind::MountFromLater { from, target: mount.target.clone() }
                };
                output = self.files_of(stage, source).ok_or_else(later)?;
            }
            match mount.mount_type {
                MountType::Secret => {
                    let secret = secret(mount);
                    if let Some(declarations) = &mut self.declarations {
                        declarations.add_secret(stage.id, &secret.id, mount.required, span);
                    }
                    exec.secrets.push(secret);
                    continue;
                }
                MountType::Ssh => {
                    exec.ssh.push(agent(mount)?);
                    if let Some(declarations) = &mut self.declarations {
                        declarations.add_agent(stage.id, &mount.id, mount.required, span);
                    }
                    continue;
                }
                MountType::Tmpfs => output = Output::SCRATCH,
                MountType::Bind | MountType::Cache => {}
            }
            let added = self.file_mount(stage, mount, output)?;
            exec.mounts.push(added);
            let path = paths::join(["/", &mount.source]);
            if from_stage {
                self.read_stage(source, &path);
            } else {
                self.context_paths.insert(path);
            }
        }
        Ok(())
    }

    fn file_mount(
        &mut self,
        stage: &Current,
        mount: &Mount,
        source: Output,
    ) -> Result<llb::Mount, ErrorKind> {
        let mut target = mount.target.clone();
        if !paths::clean(&target).starts_with('/') {
            target = paths::join(["/", &stage.state.dir, &target]);
        }
        if target == "/" {
            return Err(ErrorKind::MountTarget { target });
        }
        let mut added = llb::Mount::bind(target, source);
        added.readonly = mount.read_only;
        added.no_output = !mount.read_only && mount.mount_type == MountType::Bind;
        added.kind = match mount.mount_type {
            MountType::Tmpfs => MountKind::Tmpfs { size_bytes: mount.size_limit },
            MountType::Cache => MountKind::Cache { id: self.cache_id(mount), sharing: sharing(mount) },
            _ => MountKind::Bind,
        };
        let selector = paths::join(["/", &mount.source]);
        if selector != "/" {
            added.selector = selector.into();
        } else if mount.uid.is_some() || mount.gid.is_some() || mount.mode.is_some() {
            added.source = self.owned_directory(mount, source);
            added.selector = "/cache".into();
        }
        Ok(added)
    }

    fn cache_id(&self, mount: &Mount) -> String {
        let id = if mount.id.is_empty() { paths::clean(&mount.target) } else { (&*mount.id).into() };
        format!("{}/{id}", self.plan.options.cache_namespace)
    }

    /// A directory with the owner and permissions that a cache begins with.
    fn owned_directory(&mut self, mount: &Mount, source: Output) -> Output {
        let mut file = FileOp::new(source);
        file.push(
            MkdirAction::new("/cache", mount.mode.unwrap_or(0o755))
                .with_owner(Owner::ids(mount.uid.unwrap_or_default(), mount.gid.unwrap_or_default())),
        );
        self.graph.file(file, Constraints::named("[internal] setting cache mount permissions"))
    }
}

fn sharing(mount: &Mount) -> CacheSharing {
    match mount.sharing {
        Some(Sharing::Private) => CacheSharing::Private,
        Some(Sharing::Locked) => CacheSharing::Locked,
        Some(Sharing::Shared) | None => CacheSharing::Shared,
    }
}

/// The id of the SSH agent where none is named.
pub(super) const DEFAULT_AGENT: &str = "default";

/// The id of the SSH agent that a mount with this id asks for.
pub(super) fn agent_id(id: &str) -> &str {
    if id.is_empty() { DEFAULT_AGENT } else { id }
}

/// The secret of a mount that has a source, an id or a target.
pub(super) fn secret(mount: &Mount) -> Secret {
    let mut id = if mount.source.is_empty() { mount.id.clone() } else { mount.source.clone() };
    if id.is_empty() {
        paths::base(&mount.target).clone_into(&mut id);
    }
    let mut target = (!mount.target.is_empty()).then(|| mount.target.clone());
    if mount.env.is_none() && target.is_none() {
        target = Some(format!("/run/secrets/{}", paths::base(&id)));
    }
    Secret::file(id, "")
        .with_target(target)
        .with_env(mount.env.clone())
        .with_uid(mount.uid.unwrap_or_default())
        .with_gid(mount.gid.unwrap_or_default())
        .with_mode(mount.mode.unwrap_or(0o400))
        .with_optional(!mount.required)
}

fn agent(mount: &Mount) -> Result<SshAgent, ErrorKind> {
    if !mount.source.is_empty() {
        return Err(ErrorKind::SshSource);
    }
    Ok(SshAgent::new(&mount.id)
        .with_target(mount.target.clone())
        .with_uid(mount.uid.unwrap_or_default())
        .with_gid(mount.gid.unwrap_or_default())
        .with_mode(mount.mode.unwrap_or(0o600))
        .with_optional(!mount.required))
}

/// Variables of a stage with those of secrets shown as stars, for the name of a step.
pub(super) struct MaskedEnv<'a> {
    env: &'a EnvList,
    secrets: Vec<&'a str>,
}

impl<'a> MaskedEnv<'a> {
    pub(super) fn new(env: &'a EnvList, mounts: &'a [Mount]) -> Self {
        let secrets = mounts.iter().filter(|mount| mount.mount_type == MountType::Secret);
        Self { env, secrets: secrets.filter_map(|mount| mount.env.as_deref()).collect() }
    }
}

impl Env for MaskedEnv<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        if self.secrets.contains(&name) { Some("****") } else { self.env.get(name) }
    }
}
