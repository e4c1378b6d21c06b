//! The lines below an op in a tree: all that its title does not say.

use std::fmt::Write;

use bollard_buildkit_proto::pb;

use super::label::{Numbers, one_line, title, verb, without_passwords};
use crate::definition::{Definition, DefinitionOp};
use crate::message::{Op, OpKind};

/// Lines of a name and a value each.
#[derive(Default)]
pub(super) struct Details(pub(super) Vec<String>);

impl Details {
    fn line(&mut self, name: &str, value: impl AsRef<str>) {
        self.0.push(format!("{name:<8} {}", value.as_ref()));
    }

    fn text(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.line(name, one_line(value));
        }
    }
}

/// Returns the lines of an op.
pub(super) fn of(definition: &Definition, numbers: &Numbers<'_>, entry: &DefinitionOp, op: &Op) -> Details {
    let mut d = Details::default();
    match &op.kind {
        Some(OpKind::Exec(op_exec)) => exec(&mut d, numbers, op, op_exec),
        Some(OpKind::Source(source)) => {
            if title(entry, op) != one_line(&source.identifier) {
                d.text("from", &source.identifier);
            }
            for (name, value) in &source.attrs {
                d.line("attr", format!("{} = {}", one_line(name), one_line(value)));
            }
        }
        Some(OpKind::File(file)) => {
            for (before, action) in (-1..).zip(&file.actions) {
                let mut text = file_action(numbers, op, action);
                // The first action stands on the trunk, the others each on the one before.
                let inputs = i64::try_from(op.inputs.len()).unwrap_or(i64::MAX);
                if before >= 0 && action.input != inputs.saturating_add(before) {
                    let _ = write!(text, " (on {})", input(numbers, op, action.input));
                }
                d.line(verb(action), text);
            }
        }
        Some(OpKind::Merge(_)) => {
            let layers: Vec<_> = op.inputs.iter().map(|i| numbers.name(i)).collect();
            d.line("layers", layers.join(" "));
        }
        Some(OpKind::Diff(diff)) => {
            let lower = diff.lower.map_or(-1, |lower| lower.input);
            let upper = diff.upper.map_or(-1, |upper| upper.input);
            let [lower, upper] = [lower, upper].map(|index| input(numbers, op, index));
            d.line("changes", format!("{lower} → {upper}"));
        }
        Some(OpKind::Passthrough(passthrough)) => {
            for &index in &passthrough.outputs {
                d.line("hands on", input(numbers, op, index));
            }
        }
        Some(OpKind::Build(build)) => {
            let name = build.attrs.get("llbbuild.filename");
            d.line("file", name.map_or("buildkit.llb.definition", |name| name));
        }
        None => {}
    }
    surroundings(&mut d, definition, entry, op);
    d
}

fn surroundings(d: &mut Details, definition: &Definition, entry: &DefinitionOp, op: &Op) {
    let filter = op.constraints.as_ref().map_or(&[][..], |c| &c.filter);
    for filter in filter {
        d.line("worker", one_line(filter));
    }
    let metadata = &entry.metadata;
    if metadata.ignore_cache {
        d.line("cache", "ignored");
    }
    if let Some(export) = metadata.export_cache {
        d.line("cache", if export { "exported" } else { "not exported" });
    }
    if let Some(group) = &metadata.progress_group {
        let weak = if group.weak { " (weak)" } else { "" };
        d.line("group", format!("{}{weak}", one_line(&group.name)));
    }
    if let Some(limits) = &metadata.linux_resources {
        for (name, value) in [
            ("memory", limits.memory),
            ("memory+swap", limits.memory_swap),
            ("cpu shares", limits.cpu_shares.cast_signed()),
            ("cpu period", limits.cpu_period.cast_signed()),
            ("cpu quota", limits.cpu_quota),
        ] {
            if value != 0 {
                d.line("limit", format!("{name} {value}"));
            }
        }
        for (name, value) in [("cpus", &limits.cpuset_cpus), ("mems", &limits.cpuset_mems)] {
            if !value.is_empty() {
                d.line("limit", format!("{name} {}", one_line(value)));
            }
        }
    }
    for location in &entry.locations {
        let name = definition.sources.get(location.source as usize);
        let name = name.map_or("?", |source| &source.filename);
        for range in &*location.ranges {
            let (first, last) = (range.start.line, range.end.line);
            let lines = if last > first { format!("{first}-{last}") } else { first.to_string() };
            d.line("at", format!("{}:{lines}", one_line(name)));
        }
    }
}

fn exec(d: &mut Details, numbers: &Numbers<'_>, op: &Op, exec: &pb::ExecOp) {
    let meta = exec.meta.clone().unwrap_or_default();
    let args: Vec<_> = meta.args.iter().map(|arg| quote(arg)).collect();
    d.line("run", args.join(" "));
    if meta.cwd != "/" {
        d.text("cwd", &meta.cwd);
    }
    d.text("user", &meta.user);
    for line in &meta.env {
        d.text("env", line);
    }
    if let Some(proxy) = &meta.proxy_env {
        for (name, value) in [
            ("HTTP_PROXY", &proxy.http_proxy),
            ("HTTPS_PROXY", &proxy.https_proxy),
            ("FTP_PROXY", &proxy.ftp_proxy),
            ("NO_PROXY", &proxy.no_proxy),
            ("ALL_PROXY", &proxy.all_proxy),
        ] {
            if !value.is_empty() {
                d.line("proxy", format!("{name}={}", one_line(value)));
            }
        }
    }
    d.text("hostname", &meta.hostname);
    for host in &meta.extra_hosts {
        d.line("host", format!("{} {}", one_line(&host.host), host.ip));
    }
    for limit in &meta.ulimit {
        d.line("ulimit", format!("{}={}:{}", one_line(&limit.name), limit.soft, limit.hard));
    }
    d.text("cgroup", &meta.cgroup_parent);
    for code in &meta.valid_exit_codes {
        d.line("exit code", code.to_string());
    }
    match exec.network() {
        pb::NetMode::Unset => {}
        pb::NetMode::Host => d.line("network", "host"),
        pb::NetMode::None => d.line("network", "none"),
    }
    if exec.security() == pb::SecurityMode::Insecure {
        d.line("security", "insecure");
    }
    for device in &exec.cdi_devices {
        d.line("device", one_line(&device.name) + optional(device.optional));
    }
    for mount in exec.mounts.iter().filter(|mount| mount.dest != "/" || mount.readonly) {
        d.line("mount", describe_mount(numbers, op, mount));
    }
    for secret in &exec.secretenv {
        let [name, id] = [&secret.name, &secret.id].map(|text| one_line(text));
        d.line("secret", format!("${name} {id}{}", optional(secret.optional)));
    }
}

fn describe_mount(numbers: &Numbers<'_>, op: &Op, mount: &pb::Mount) -> String {
    let mut text = one_line(&mount.dest);
    let file = |id: &str, uid: u32, gid: u32, mode: u32, is_optional: bool| {
        let id = if id.is_empty() { "default" } else { id };
        let owner = if uid == 0 && gid == 0 { String::new() } else { format!(" {uid}:{gid}") };
        format!("{}{owner} {mode:04o}{}", one_line(id), optional(is_optional))
    };
    let _ = match mount.mount_type() {
        pb::MountType::Bind => write!(text, " bind"),
        pb::MountType::Cache => {
            let cache = mount.cache_opt.clone().unwrap_or_default();
            let sharing = cache.sharing().as_str_name().to_lowercase();
            write!(text, " cache {} {sharing}", one_line(&cache.id))
        }
        pb::MountType::Tmpfs => {
            let size = mount.tmpfs_opt.unwrap_or_default().size;
            let size = if size == 0 { String::new() } else { format!(" of {size} bytes") };
            write!(text, " tmpfs{size}")
        }
        pb::MountType::Secret => {
            let s = mount.secret_opt.clone().unwrap_or_default();
            write!(text, " secret {}", file(&s.id, s.uid, s.gid, s.mode, s.optional))
        }
        pb::MountType::Ssh => {
            let s = mount.ssh_opt.clone().unwrap_or_default();
            write!(text, " ssh {}", file(&s.id, s.uid, s.gid, s.mode, s.optional))
        }
    };
    if mount.input >= 0 {
        let _ = write!(text, " from {}", input(numbers, op, mount.input));
        if !mount.selector.is_empty() {
            let _ = write!(text, ":{}", one_line(&mount.selector));
        }
    }
    if mount.readonly {
        text.push_str(" read-only");
    }
    match mount.content_cache() {
        pb::MountContentCache::Default => {}
        pb::MountContentCache::On => text.push_str(" cached by content"),
        pb::MountContentCache::Off => text.push_str(" cached by definition"),
    }
    text
}

fn optional(optional: bool) -> &'static str {
    if optional { " (optional)" } else { "" }
}

fn file_action(numbers: &Numbers<'_>, op: &Op, action: &pb::FileAction) -> String {
    use pb::file_action::Action;

    match &action.action {
        None => String::new(),
        Some(Action::Copy(copy)) => copied(copy, &input(numbers, op, action.secondary_input)),
        Some(Action::Mkfile(file)) => {
            let data = String::from_utf8_lossy(&file.data);
            let mut shown: String = data.chars().take(60).collect();
            if shown.len() < data.len() {
                shown.push('…');
            }
            let path = one_line(&file.path);
            let owner = owner(file.owner.as_ref()) + &time(file.timestamp);
            format!("{path} {:04o}{owner} {shown:?}", file.mode)
        }
        Some(Action::Mkdir(dir)) => {
            let path = one_line(&dir.path);
            let owner = owner(dir.owner.as_ref()) + &time(dir.timestamp);
            let parents = if dir.make_parents { ", make parents" } else { "" };
            format!("{path} {:04o}{owner}{parents}", dir.mode)
        }
        Some(Action::Rm(rm)) => {
            let missing = if rm.allow_not_found { ", may be missing" } else { "" };
            let wildcards = if rm.allow_wildcard { ", wildcards" } else { "" };
            format!("{}{missing}{wildcards}", one_line(&rm.path))
        }
        Some(Action::Symlink(link)) => {
            let [new, old] = [&link.newpath, &link.oldpath].map(|path| one_line(path));
            let owner = owner(link.owner.as_ref()) + &time(link.timestamp);
            format!("{new} → {old}{owner}")
        }
    }
}

/// Returns what is copied out of `from`, and how.
fn copied(copy: &pb::FileActionCopy, from: &str) -> String {
    let [src, dest] = [&copy.src, &copy.dest].map(|path| one_line(path));
    let mut text = format!("{from}:{src} → {dest}");
    if copy.mode >= 0 && copy.mode_str.is_empty() {
        let _ = write!(text, " {:04o}", copy.mode);
    }
    if !copy.mode_str.is_empty() {
        let _ = write!(text, " {}", one_line(&copy.mode_str));
    }
    text += &owner(copy.owner.as_ref());
    text += &time(copy.timestamp);
    for (is_set, name) in [
        (copy.follow_symlink, "follow symlinks"),
        (copy.dir_copy_contents, "contents only"),
        (copy.attempt_unpack_docker_compatibility, "unpack"),
        (copy.create_dest_path, "make parents"),
        (copy.allow_wildcard, "wildcards"),
        (copy.allow_empty_wildcard, "may match nothing"),
        (copy.always_replace_existing_dest_paths, "replace"),
    ] {
        if is_set {
            let _ = write!(text, ", {name}");
        }
    }
    for (name, patterns) in [
        ("include", &copy.include_patterns),
        ("exclude", &copy.exclude_patterns),
        ("require", &copy.required_paths),
    ] {
        for pattern in patterns {
            let _ = write!(text, ", {name} {}", quote(pattern));
        }
    }
    text
}

/// Returns how an input index of an op is referred to: an input, an action before, or scratch.
fn input(numbers: &Numbers<'_>, op: &Op, index: i64) -> String {
    let Ok(index) = usize::try_from(index) else {
        return "scratch".to_owned();
    };
    match op.inputs.get(index) {
        Some(input) => numbers.name(input),
        None => format!("action {}", index - op.inputs.len() + 1),
    }
}

fn owner(owner: Option<&pb::ChownOpt>) -> String {
    use pb::user_opt::User;

    let name = |user: Option<&pb::UserOpt>| match user.and_then(|user| user.user.as_ref()) {
        None => String::new(),
        Some(User::ById(id)) => id.to_string(),
        Some(User::ByName(named)) => one_line(&named.name),
    };
    match owner {
        None => String::new(),
        Some(owner) if owner.group.is_none() => format!(" {}", name(owner.user.as_ref())),
        Some(owner) => format!(" {}:{}", name(owner.user.as_ref()), name(owner.group.as_ref())),
    }
}

/// Returns a time in seconds since 1970, unless it is that of the build.
fn time(nanoseconds: i64) -> String {
    if nanoseconds == -1 {
        return String::new();
    }
    let (seconds, rest) = (nanoseconds.div_euclid(1_000_000_000), nanoseconds.rem_euclid(1_000_000_000));
    if rest == 0 { format!(" @{seconds}") } else { format!(" @{seconds}.{rest:09}") }
}

/// Returns an argument as it is if that is plain, else in quotes.
fn quote(arg: &str) -> String {
    let arg = &*without_passwords(arg);
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,+@%*!".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) { arg.to_owned() } else { format!("{arg:?}") }
}
