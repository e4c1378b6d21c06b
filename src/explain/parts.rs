//! The parts of an op that buildkitd looks a result up by, and the context files that it reads.
//!
//! Source: `CacheMap` in BuildKit's `solver/llbsolver/ops/exec.go` and `file.go`: proxy variables, addresses of extra
//! hosts and values of secrets do not count, and what is read of an input counts by its content.

use llb::pb;
use pb::file_action::Action;
use pb::op::Op as OpKind;
use prost::Message as _;

use super::record::{Class, Kind, Part, Read};
use super::seal::Sealer;

/// Returns the variables that an op sees.
pub(super) fn variables(op: &pb::Op) -> impl Iterator<Item = &str> {
    let meta = match &op.op {
        Some(OpKind::Exec(exec)) => exec.meta.as_ref(),
        _ => None,
    };
    meta.into_iter().flat_map(|meta| meta.env.iter().map(String::as_str))
}

/// Returns the parts of an op. `contexts` has for each input the context that it is, if it is one.
pub(super) fn of(
    op: &pb::Op,
    contexts: &[Option<&str>],
    sealer: &Sealer<'_>,
) -> (Kind, Vec<Part>, Vec<Read>) {
    let mut collected = Parts { contexts, sealer, found: Vec::new(), reads: Vec::new() };
    let kind = match &op.op {
        Some(OpKind::Exec(exec)) => {
            collected.exec(exec);
            Kind::Exec
        }
        Some(OpKind::File(file)) => {
            for (number, action) in (1..).zip(&file.actions) {
                let suffix = if number == 1 { String::new() } else { format!(" ({number})") };
                collected.action(action, &suffix);
            }
            Kind::File
        }
        Some(OpKind::Source(source)) => collected.source(source),
        _ => Kind::Other,
    };
    if matches!(kind, Kind::Exec | Kind::Image)
        && let Some(p) = &op.platform
    {
        let names = [&p.os, &p.architecture, &p.variant, &p.os_version];
        let names: Vec<&str> =
            names.into_iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        collected.add(Class::Platform, "platform", &names.join("/"));
    }
    (kind, collected.found, collected.reads)
}

/// The label of what the ignore file leaves out.
pub(super) const IGNORED: &str = "ignored";

/// Returns all of an op that its result depends on, its inputs left out, as bytes that are the same for the same op. Those
/// of a source are its parts already.
pub(super) fn whole(op: &pb::Op) -> Vec<u8> {
    let mut op = op.clone();
    op.constraints = None;
    for input in &mut op.inputs {
        input.digest.clear();
    }
    match &mut op.op {
        Some(OpKind::Exec(exec)) => {
            if let Some(meta) = &mut exec.meta {
                meta.proxy_env = None;
                meta.extra_hosts.iter_mut().for_each(|host| host.ip.clear());
            }
            for mount in &mut exec.mounts {
                if mount.cache_opt.as_ref().is_some_and(|cache| !is_default_cache(cache, mount)) {
                    mount.cache_opt = Some(pb::CacheOpt::default());
                }
            }
        }
        Some(OpKind::Source(_)) => return Vec::new(),
        _ => op.platform = None,
    }
    op.encode_to_vec()
}

/// Whether the id of a cache mount is the one that it has without `id=`: another one is not looked at, nor how it is shared
/// (`checkShouldClearCacheOpts` in BuildKit's `solver/llbsolver/ops/exec.go`).
fn is_default_cache(cache: &pb::CacheOpt, mount: &pb::Mount) -> bool {
    let in_namespace = cache.id.split_once('/').is_some_and(|(_, id)| id == mount.dest);
    cache.sharing == 0 && (cache.id == mount.dest || in_namespace)
}

/// Whether a word says that the next one is a command for a shell.
fn is_command_flag(word: &str) -> bool {
    let is_unix = word
        .strip_prefix('-')
        .is_some_and(|flags| flags.ends_with('c') && flags.bytes().all(|byte| byte.is_ascii_lowercase()));
    is_unix || word.eq_ignore_ascii_case("/c") || word.eq_ignore_ascii_case("-command")
}

struct Parts<'a> {
    contexts: &'a [Option<&'a str>],
    sealer: &'a Sealer<'a>,
    found: Vec<Part>,
    reads: Vec<Read>,
}

impl Parts<'_> {
    fn add(&mut self, class: Class, label: impl Into<String>, value: &str) {
        self.found.push(self.sealer.part(class, label, value));
    }

    /// Adds an option that is set.
    fn option(&mut self, label: impl Into<String>, value: &str) {
        if !value.is_empty() {
            self.add(Class::Option, label, value);
        }
    }

    fn flag(&mut self, label: String, is_set: bool) {
        if is_set {
            self.add(Class::Option, label, "set");
        }
    }

    fn context(&self, input: i64) -> Option<String> {
        let input = usize::try_from(input).ok()?;
        self.contexts.get(input).copied().flatten().map(str::to_owned)
    }

    fn source(&mut self, source: &pb::SourceOp) -> Kind {
        let identifier = source.identifier.as_str();
        if let Some(name) = identifier.strip_prefix("local://") {
            self.add(Class::Instruction, "context", name);
            self.option(IGNORED, source.attrs.get("local.excludepatterns").map_or("", String::as_str));
            return Kind::Local;
        }
        if let Some(image) = identifier.strip_prefix("docker-image://") {
            let (name, digest) = image.split_once('@').unwrap_or((image, ""));
            self.add(Class::Instruction, "image", name);
            self.add(Class::Base, name, digest);
            return Kind::Image;
        }
        // What is uploaded has another address in each build.
        let is_upload = identifier.starts_with("http://buildkit-session/");
        self.add(Class::Instruction, "source", if is_upload { "standard input" } else { identifier });
        for (name, value) in source.attrs.iter().collect::<std::collections::BTreeMap<_, _>>() {
            // Who serves it, and where a secret for it is, change nothing of what it is.
            if !name.contains("session") && !name.contains("secret") && !name.contains("unique") {
                self.option(name.as_str(), value);
            }
        }
        let commit = identifier.rsplit_once('#').map_or("", |(_, reference)| reference);
        let commit = commit.split(':').next().unwrap_or_default();
        let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        let has_digest = source.attrs.keys().any(|name| name.ends_with("checksum"));
        if has_digest || is_commit || !identifier.contains("://") { Kind::Pinned } else { Kind::Remote }
    }

    fn exec(&mut self, exec: &pb::ExecOp) {
        let meta = exec.meta.clone().unwrap_or_default();
        match &*meta.args {
            [shell @ .., flag, command] if !shell.is_empty() && is_command_flag(flag) => {
                self.add(Class::Instruction, "command", command);
                self.option("shell", &format!("{} {flag}", shell.join(" ")));
            }
            args => self.add(Class::Instruction, "command", &args.join(" ")),
        }
        let has_ssh = exec.mounts.iter().any(|mount| mount.ssh_opt.is_some());
        for pair in &meta.env {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // An SSH mount brings it.
            if has_ssh && name == "SSH_AUTH_SOCK" {
                continue;
            }
            self.add(Class::Variable, name, value);
        }
        self.option("working folder", &meta.cwd);
        self.option("user", &meta.user);
        self.option("hostname", &meta.hostname);
        self.option("cgroup parent", &meta.cgroup_parent);
        for host in &meta.extra_hosts {
            self.flag(format!("host {}", host.host), true);
        }
        for limit in &meta.ulimit {
            self.option(format!("ulimit {}", limit.name), &format!("{}:{}", limit.soft, limit.hard));
        }
        if exec.network() != pb::NetMode::Unset {
            self.option("network", &exec.network().as_str_name().to_lowercase());
        }
        if exec.security() == pb::SecurityMode::Insecure {
            self.option("security", "insecure");
        }
        for device in &exec.cdi_devices {
            self.flag(format!("device {}", device.name), true);
        }
        for secret in &exec.secretenv {
            self.option(format!("secret variable {}", secret.name), &format!("id={}", secret.id));
        }
        for mount in &exec.mounts {
            self.mount(mount);
        }
    }

    fn mount(&mut self, mount: &pb::Mount) {
        if mount.dest == "/" && mount.mount_type() == pb::MountType::Bind && !mount.readonly {
            return;
        }
        let context = self.context(mount.input);
        let mut words = vec![format!("type={}", mount.mount_type().as_str_name().to_lowercase())];
        if !mount.selector.is_empty() {
            words.push(format!("source={}", mount.selector));
        }
        if mount.readonly {
            words.push("readonly".to_owned());
        }
        if let Some(cache) = mount.cache_opt.as_ref().filter(|cache| is_default_cache(cache, mount)) {
            words.push(format!("id={}", cache.id));
        }
        if let Some(tmpfs) = &mount.tmpfs_opt {
            if tmpfs.size != 0 {
                words.push(format!("size={}", tmpfs.size));
            }
        }
        if let Some(secret) = &mount.secret_opt {
            let (id, mode) = (&secret.id, secret.mode);
            words.push(format!("id={id},uid={},gid={},mode={mode:04o}", secret.uid, secret.gid));
        }
        if let Some(ssh) = &mount.ssh_opt {
            let id = if ssh.id.is_empty() { "default" } else { &ssh.id };
            words.push(format!("id={id},uid={},gid={},mode={:04o}", ssh.uid, ssh.gid, ssh.mode));
        }
        self.option(format!("mount {}", mount.dest), &words.join(","));
        if let Some(context) = context {
            let path = mount.selector.trim_matches('/').to_owned();
            let (include, exclude) = (Vec::new(), Vec::new());
            self.reads.push(Read { context, path, is_pattern: false, include, exclude });
        }
    }

    fn action(&mut self, action: &pb::FileAction, suffix: &str) {
        let label = |name: &str| format!("{name}{suffix}");
        match &action.action {
            Some(Action::Copy(copy)) => self.copy(copy, self.context(action.secondary_input), suffix),
            Some(Action::Mkfile(file)) => {
                self.add(Class::Instruction, label("file"), &file.path);
                self.found.push(self.sealer.content(label("content"), &file.data));
                self.option(label("mode"), &format!("{:04o}", file.mode));
                self.owner(label("owner"), file.owner.as_ref());
                self.time(label("time"), file.timestamp);
            }
            Some(Action::Mkdir(folder)) => {
                self.add(Class::Instruction, label("folder"), &folder.path);
                self.option(label("mode"), &format!("{:04o}", folder.mode));
                self.owner(label("owner"), folder.owner.as_ref());
                self.time(label("time"), folder.timestamp);
            }
            Some(Action::Rm(rm)) => self.add(Class::Instruction, label("removed path"), &rm.path),
            Some(Action::Symlink(link)) => {
                let text = format!("{} → {}", link.newpath, link.oldpath);
                self.add(Class::Instruction, label("link"), &text);
                self.owner(label("owner"), link.owner.as_ref());
                self.time(label("time"), link.timestamp);
            }
            None => {}
        }
    }

    fn copy(&mut self, copy: &pb::FileActionCopy, context: Option<String>, suffix: &str) {
        let label = |name: &str| format!("{name}{suffix}");
        self.add(Class::Instruction, label("source"), &copy.src);
        self.add(Class::Instruction, label("destination"), &copy.dest);
        let mode = if copy.mode_str.is_empty() && copy.mode >= 0 {
            format!("{:04o}", copy.mode)
        } else {
            copy.mode_str.clone()
        };
        self.option(label("mode"), &mode);
        self.owner(label("owner"), copy.owner.as_ref());
        self.time(label("time"), copy.timestamp);
        self.flag(label("follow symlinks"), copy.follow_symlink);
        self.flag(label("contents only"), copy.dir_copy_contents);
        self.flag(label("unpack"), copy.attempt_unpack_docker_compatibility);
        self.flag(label("replace"), copy.always_replace_existing_dest_paths);
        self.flag(label("make parents"), copy.create_dest_path);
        self.option(label("include"), &copy.include_patterns.join(" "));
        self.option(label("exclude"), &copy.exclude_patterns.join(" "));
        self.option(label("require"), &copy.required_paths.join(" "));
        if let Some(context) = context {
            let path = copy.src.trim_matches('/').to_owned();
            let is_pattern = copy.allow_wildcard && crate::gotext::filepath::has_wildcards(&path);
            let (include, exclude) = (copy.include_patterns.clone(), copy.exclude_patterns.clone());
            self.reads.push(Read { context, path, is_pattern, include, exclude });
        }
    }

    fn owner(&mut self, label: String, owner: Option<&pb::ChownOpt>) {
        use pb::user_opt::User;
        let name = |user: Option<&pb::UserOpt>| match user.and_then(|user| user.user.as_ref()) {
            None => String::new(),
            Some(User::ById(id)) => id.to_string(),
            Some(User::ByName(named)) => named.name.clone(),
        };
        if let Some(owner) = owner {
            self.option(label, &format!("{}:{}", name(owner.user.as_ref()), name(owner.group.as_ref())));
        }
    }

    fn time(&mut self, label: String, nanoseconds: i64) {
        if nanoseconds != -1 {
            self.option(label, &format!("{}", nanoseconds.div_euclid(1_000_000_000)));
        }
    }
}
