//! JSON, as `buildctl debug dump-llb` prints it.
//!
//! Names and order of the members are those of BuildKit's Go types (`solver/pb/ops.pb.go`), which are
//! written by `encoding/json` rather than as protobuf's own JSON; a few types write themselves
//! (`solver/pb/json.go`).

use bollard_buildkit_proto::pb;

use super::go_json::{Object, object, string};
use crate::constraints::OpMetadata;
use crate::definition::DefinitionOp;
use crate::message::{Op, OpKind};

/// Appends the line of an op.
pub(super) fn line(out: &mut String, entry: &DefinitionOp, op: &Op) {
    object(out, |o| {
        o.object("Op", |o| write_op(o, op));
        o.any_string("Digest", entry.digest.as_str());
        o.object("OpMetadata", |o| metadata(o, &entry.metadata));
    });
    out.push('\n');
}

fn write_op(o: &mut Object<'_>, op: &Op) {
    o.objects("inputs", &op.inputs, |o, input| {
        o.string("digest", &input.digest);
        o.number("index", input.index);
    });
    o.object("Op", |o| match &op.kind {
        None => {}
        Some(OpKind::Exec(op)) => o.object("exec", |o| exec(o, op)),
        Some(OpKind::Source(op)) => o.object("source", |o| {
            o.string("identifier", &op.identifier);
            o.map("attrs", &op.attrs, |out, value| string(out, value));
        }),
        Some(OpKind::File(op)) => o.object("file", |o| o.objects("actions", &op.actions, action)),
        Some(OpKind::Build(op)) => o.object("build", |o| build(o, op)),
        Some(OpKind::Merge(op)) => o.object("merge", |o| {
            o.objects("inputs", &op.inputs, |o, i| o.number("input", i.input));
        }),
        Some(OpKind::Diff(op)) => o.object("diff", |o| {
            o.optional("lower", op.lower.as_ref(), |o, i| {
                o.number("input", i.input);
            });
            o.optional("upper", op.upper.as_ref(), |o, i| {
                o.number("input", i.input);
            });
        }),
        Some(OpKind::Passthrough(op)) => o.object("passthrough", |o| {
            o.string("id", &op.id);
            o.numbers("outputs", &op.outputs);
        }),
    });
    o.optional("platform", op.platform.as_ref(), |o, platform| {
        o.string("Architecture", &platform.architecture);
        o.string("OS", &platform.os);
        o.string("Variant", &platform.variant);
        o.string("OSVersion", &platform.os_version);
        o.strings("OSFeatures", &platform.os_features);
    });
    o.optional("constraints", op.constraints.as_ref(), |o, constraints| {
        o.strings("filter", &constraints.filter);
    });
}

fn exec(o: &mut Object<'_>, exec: &pb::ExecOp) {
    o.optional("meta", exec.meta.as_ref(), meta);
    o.objects("mounts", &exec.mounts, mount);
    o.number("network", exec.network);
    o.number("security", exec.security);
    o.objects("secretenv", &exec.secretenv, |o, secret| {
        o.string("ID", &secret.id);
        o.string("name", &secret.name);
        o.bool("optional", secret.optional);
    });
    o.objects("cdiDevices", &exec.cdi_devices, |o, device| {
        o.string("name", &device.name);
        o.bool("optional", device.optional);
    });
}

fn meta(o: &mut Object<'_>, meta: &pb::Meta) {
    o.strings("args", &meta.args);
    o.strings("env", &meta.env);
    o.string("cwd", &meta.cwd);
    o.string("user", &meta.user);
    o.optional("proxy_env", meta.proxy_env.as_ref(), |o, proxy| {
        o.string("http_proxy", &proxy.http_proxy);
        o.string("https_proxy", &proxy.https_proxy);
        o.string("ftp_proxy", &proxy.ftp_proxy);
        o.string("no_proxy", &proxy.no_proxy);
        o.string("all_proxy", &proxy.all_proxy);
    });
    o.objects("extraHosts", &meta.extra_hosts, |o, host| {
        o.string("Host", &host.host);
        o.string("IP", &host.ip);
    });
    o.string("hostname", &meta.hostname);
    o.objects("ulimit", &meta.ulimit, |o, ulimit| {
        o.string("Name", &ulimit.name);
        o.number("Soft", ulimit.soft);
        o.number("Hard", ulimit.hard);
    });
    o.string("cgroupParent", &meta.cgroup_parent);
    o.bool("removeMountStubsRecursive", meta.remove_mount_stubs_recursive);
    o.numbers("validExitCodes", &meta.valid_exit_codes);
}

fn mount(o: &mut Object<'_>, mount: &pb::Mount) {
    o.number("input", mount.input);
    o.string("selector", &mount.selector);
    o.string("dest", &mount.dest);
    o.number("output", mount.output);
    o.bool("readonly", mount.readonly);
    o.number("mountType", mount.mount_type);
    o.optional("TmpfsOpt", mount.tmpfs_opt.as_ref(), |o, tmpfs| {
        o.number("size", tmpfs.size);
    });
    o.optional("cacheOpt", mount.cache_opt.as_ref(), |o, cache| {
        o.string("ID", &cache.id);
        o.number("sharing", cache.sharing);
    });
    o.optional("secretOpt", mount.secret_opt.as_ref(), |o, s| {
        mounted_file(o, &s.id, [s.uid, s.gid, s.mode], s.optional);
    });
    o.optional("SSHOpt", mount.ssh_opt.as_ref(), |o, s| {
        mounted_file(o, &s.id, [s.uid, s.gid, s.mode], s.optional);
    });
    o.string("resultID", &mount.result_id);
    o.number("contentCache", mount.content_cache);
}

fn mounted_file(o: &mut Object<'_>, id: &str, [uid, gid, mode]: [u32; 3], optional: bool) {
    o.string("ID", id);
    o.number("uid", uid);
    o.number("gid", gid);
    o.number("mode", mode);
    o.bool("optional", optional);
}

/// Writes an action. Go's own writer of this type forgets symlinks, and so does this.
fn action(o: &mut Object<'_>, action: &pb::FileAction) {
    use pb::file_action::Action;

    o.any_number("input", action.input);
    o.any_number("secondaryInput", action.secondary_input);
    o.any_number("output", action.output);
    o.object("Action", |o| match &action.action {
        None | Some(Action::Symlink(_)) => {}
        Some(Action::Copy(action)) => o.object("copy", |o| copy(o, action)),
        Some(Action::Mkfile(action)) => o.object("mkfile", |o| {
            o.string("path", &action.path);
            o.number("mode", action.mode);
            o.bytes("data", &action.data);
            o.optional("owner", action.owner.as_ref(), owner);
            o.number("timestamp", action.timestamp);
        }),
        Some(Action::Mkdir(action)) => o.object("mkdir", |o| {
            o.string("path", &action.path);
            o.number("mode", action.mode);
            o.bool("makeParents", action.make_parents);
            o.optional("owner", action.owner.as_ref(), owner);
            o.number("timestamp", action.timestamp);
        }),
        Some(Action::Rm(action)) => o.object("rm", |o| {
            o.string("path", &action.path);
            o.bool("allowNotFound", action.allow_not_found);
            o.bool("allowWildcard", action.allow_wildcard);
        }),
    });
}

fn copy(o: &mut Object<'_>, copy: &pb::FileActionCopy) {
    o.string("src", &copy.src);
    o.string("dest", &copy.dest);
    o.optional("owner", copy.owner.as_ref(), owner);
    o.number("mode", copy.mode);
    o.bool("followSymlink", copy.follow_symlink);
    o.bool("dirCopyContents", copy.dir_copy_contents);
    o.bool("attemptUnpackDockerCompatibility", copy.attempt_unpack_docker_compatibility);
    o.bool("createDestPath", copy.create_dest_path);
    o.bool("allowWildcard", copy.allow_wildcard);
    o.bool("allowEmptyWildcard", copy.allow_empty_wildcard);
    o.number("timestamp", copy.timestamp);
    o.strings("include_patterns", &copy.include_patterns);
    o.strings("exclude_patterns", &copy.exclude_patterns);
    o.bool("alwaysReplaceExistingDestPaths", copy.always_replace_existing_dest_paths);
    o.string("modeStr", &copy.mode_str);
    o.strings("required_paths", &copy.required_paths);
}

fn owner(o: &mut Object<'_>, owner: &pb::ChownOpt) {
    o.optional("user", owner.user.as_ref(), user);
    o.optional("group", owner.group.as_ref(), user);
}

fn user(o: &mut Object<'_>, user: &pb::UserOpt) {
    use pb::user_opt::User;

    o.object("User", |o| match &user.user {
        None => {}
        Some(User::ById(id)) => o.number("byId", *id),
        Some(User::ByName(named)) => o.object("byName", |o| {
            o.string("name", &named.name);
            o.number("input", named.input);
        }),
    });
}

/// Writes a build op, but for a definition inside of it, which no client writes.
fn build(o: &mut Object<'_>, build: &pb::BuildOp) {
    o.number("builder", build.builder);
    o.map("inputs", &build.inputs, |out, input| {
        object(out, |o| o.number("input", input.input));
    });
    o.map("attrs", &build.attrs, |out, value| string(out, value));
}

fn metadata(o: &mut Object<'_>, metadata: &OpMetadata) {
    o.bool("ignore_cache", metadata.ignore_cache);
    o.map("description", metadata.description.iter(), |out, text| {
        string(out, text);
    });
    o.optional("export_cache", metadata.export_cache.as_ref(), |o, export| {
        o.bool("Value", *export);
    });
    let caps = metadata.caps.iter().map(|cap| (cap, ()));
    o.map("caps", caps, |out, ()| out.push_str("true"));
    o.optional("progress_group", metadata.progress_group.as_ref(), |o, group| {
        o.string("id", &group.id);
        o.string("name", &group.name);
        o.bool("weak", group.weak);
    });
    o.optional("linux_resources", metadata.linux_resources.as_ref(), |o, r| {
        o.number("memory", r.memory);
        o.number("memorySwap", r.memory_swap);
        o.number("cpuShares", r.cpu_shares);
        o.number("cpuPeriod", r.cpu_period);
        o.number("cpuQuota", r.cpu_quota);
        o.string("cpusetCpus", &r.cpuset_cpus);
        o.string("cpusetMems", &r.cpuset_mems);
    });
}
