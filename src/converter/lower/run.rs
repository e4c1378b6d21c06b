//! RUN: a command in a container.

use std::borrow::Cow;

use llb::{
    Constraints, EnvVar, ExecOp, FileOp, HostIp, LinuxResources, MkfileAction, Mount, Network, Output,
    ProxyEnv, Security, Ulimit,
};

use smol_str::SmolStr;

use super::config::with_shell;
use super::from::COMMAND;
use super::mount::MaskedEnv;
use super::names::{decimal, shown};
use super::state::Current;
use super::{ErrorKind, Lowering, llb_platform};
use crate::converter::dockerfile::frontend::Edition;
use crate::converter::dockerfile::{Device, Form, NetworkMode, Run, SecurityMode, chomp, parse_heredoc};
use crate::converter::plan::{self, Command, paths};
use crate::gotext::lossy;

/// A command as it is run, once its here-documents are dealt with.
struct Line<'r> {
    args: Cow<'r, [String]>,
    /// What is added to the step's name.
    suffix: String,
    /// Whether the shell goes before it.
    shell: bool,
    /// Whether it has bytes that are not UTF-8.
    not_utf8: bool,
}

/// The limits of a step; `None` where there are none.
fn limits(limits: &plan::LinuxResources) -> Option<Box<LinuxResources>> {
    if *limits == plan::LinuxResources::default() {
        return None;
    }
    let limits = LinuxResources::default()
        .with_memory(limits.memory)
        .with_memory_swap(limits.memory_swap)
        .with_cpu_shares(limits.cpu_shares)
        .with_cpu_period(limits.cpu_period)
        .with_cpu_quota(limits.cpu_quota)
        .with_cpuset_cpus(limits.cpuset_cpus.as_str())
        .with_cpuset_mems(limits.cpuset_mems.as_str());
    Some(Box::new(limits))
}

impl Lowering<'_, '_> {
    pub(super) fn run(
        &mut self,
        stage: &mut Current,
        command: &Command<'_>,
        run: &Run,
    ) -> Result<(), ErrorKind> {
        let mounts = self.resolve_mounts(stage, command, run)?;
        let id = stage.id;
        // A command can read any file.
        self.read_stage(id, "/");
        let mut exec = ExecOp::new(stage.state.output, [""; 0]);
        let line = self.command(stage, run, &mut exec);
        let args: Vec<SmolStr> = if line.shell {
            with_shell(&stage.state.image, &line.args)
        } else {
            line.args.iter().map(SmolStr::from).collect()
        };
        self.add_mounts(stage, command, &mounts, &mut exec)?;
        self.set_container(stage, run, &mut exec)?;

        let lex = crate::converter::shell::Lex { raw_quotes: true, skip_unset_env: true, ..self.lex };
        let head = &command.instruction.head;
        let env = &stage.state.env;
        let masked = MaskedEnv::new(env, &mounts);
        let name = if line.suffix.is_empty() {
            shown(&head.code, lex, &masked)
        } else {
            shown(&format!("{}{}", head.code, line.suffix), lex, &masked)
        };
        let prefix = stage.steps.next_prefix(stage.state.platform.as_deref(), env, stage.on_build);
        let mut step = self.step(prefix.named(&name), Some(head.span));
        step.metadata.description.insert(COMMAND, head.code.as_str());
        step.metadata.ignore_cache = stage.no_cache;
        step.platform = stage.state.platform.as_deref().map(llb_platform);
        step.metadata.linux_resources = limits(&self.plan.options.linux_resources);
        let created_by = created_by(stage, &args);
        let fault = if args.is_empty() {
            Some(ErrorKind::NoArguments)
        } else {
            (line.not_utf8 || run.line.raw.is_some()).then_some(ErrorKind::NotUtf8)
        };
        exec.args = args.into_iter().map(Into::into).collect();
        stage.state.output = self.graph.exec(exec, step).root;
        self.errors_at_encoding.extend(fault.map(|kind| (stage.state.output, kind)));
        stage.commit(created_by, true);
        Ok(())
    }

    /// The command, with the file of a here-document that is a script mounted in `exec`.
    fn command<'r>(&mut self, stage: &Current, run: &'r Run, exec: &mut ExecOp) -> Line<'r> {
        let mut line = Line {
            args: run.line.args.as_slice().into(),
            suffix: String::new(),
            shell: run.line.form == Form::Shell,
            not_utf8: false,
        };
        // Only the shell form has here-documents: one text.
        let (Some(first), [text]) = (run.line.files.first(), &line.args[..]) else { return line };
        if parse_heredoc(text).is_none() {
            // The shell itself reads the documents.
            let mut script = text.clone().into_bytes();
            for file in &run.line.files {
                script.push(b'\n');
                script.extend_from_slice(&file.data);
                script.extend_from_slice(file.name.as_bytes());
            }
            line.take_script(&script);
            return line;
        }
        let chomped = if first.chomp { chomp(&first.data) } else { first.data.clone() };
        line.suffix = format!(" ({})", summary(&lossy(&first.data)));
        if stage.state.image.platform.os != "windows" && chomped.starts_with(b"#!") {
            let mut file = FileOp::new(Output::SCRATCH);
            file.push(MkfileAction::new(&first.name, 0o755, chomped));
            let document = self.graph.file(file, Constraints::named("[internal] preparing inline document"));
            exec.mounts.push(Mount::bind("/dev/pipes/", document).with_readonly(true).with_selector("/"));
            line.args = vec![paths::join(["/dev/pipes/", &first.name])].into();
            return line;
        }
        line.take_script(&chomped);
        line
    }

    /// Sets what does not depend on the command.
    fn set_container(&self, stage: &Current, run: &Run, exec: &mut ExecOp) -> Result<(), ErrorKind> {
        if !run.devices.is_empty() && self.edition != Edition::Labs {
            return Err(ErrorKind::Device);
        }
        let device = |device: &Device| llb::Device::new(&device.name).with_optional(!device.required);
        exec.devices = run.devices.iter().map(device).collect();
        let options = self.plan.options;
        exec.env = stage.state.env.to_vec(|name, value| EnvVar::new(name.clone(), value.clone()));
        exec.cwd = (&stage.state.dir).into();
        exec.user = (&stage.state.user).into();
        exec.hostname.clone_from(&options.hostname);
        exec.cgroup_parent.clone_from(&options.cgroup_parent);
        exec.network = match (run.network, options.network) {
            (NetworkMode::None, _) | (NetworkMode::Default, plan::Network::None) => Network::None,
            (NetworkMode::Host, _) | (NetworkMode::Default, plan::Network::Host) => Network::Host,
            (NetworkMode::Default, plan::Network::Sandbox) => Network::Sandbox,
        };
        exec.security = match run.security {
            SecurityMode::Sandbox => Security::Sandbox,
            SecurityMode::Insecure => Security::Insecure,
        };
        exec.proxy_env = self.proxy();
        let hosts = options.add_hosts.iter().map(|(host, ip)| HostIp { host: host.clone(), ip: *ip });
        exec.extra_hosts.extend(hosts);
        let limit =
            |limit: &plan::Ulimit| Ulimit { name: limit.name.clone(), soft: limit.soft, hard: limit.hard };
        exec.ulimits.extend(options.ulimits.iter().map(limit));
        if options.shm_size_bytes > 0 {
            exec.mounts.push(Mount::tmpfs("/dev/shm", options.shm_size_bytes));
        }
        Ok(())
    }

    /// The proxy settings among the build arguments; the last spelling of each counts.
    fn proxy(&self) -> Option<ProxyEnv> {
        let mut proxy = ProxyEnv::default();
        let mut any = false;
        for (name, value) in self.plan.build_args.iter() {
            if let Some(setting) = proxy_setting(&mut proxy, name) {
                value.clone_into(setting);
                any = true;
            }
        }
        any.then_some(proxy)
    }
}

/// Returns the setting of a proxy that a build argument of this name is, in any case of its letters (`nonEnvArgs` in
/// `frontend/dockerfile/dockerfile2llb` of BuildKit).
pub(super) fn proxy_setting<'p>(proxy: &'p mut ProxyEnv, name: &str) -> Option<&'p mut String> {
    Some(match name.to_ascii_lowercase().as_str() {
        "http_proxy" => &mut proxy.http_proxy,
        "https_proxy" => &mut proxy.https_proxy,
        "ftp_proxy" => &mut proxy.ftp_proxy,
        "no_proxy" => &mut proxy.no_proxy,
        "all_proxy" => &mut proxy.all_proxy,
        _ => return None,
    })
}

impl Line<'_> {
    fn take_script(&mut self, script: &[u8]) {
        self.not_utf8 |= str::from_utf8(script).is_err();
        self.args = vec![lossy(script).into_owned()].into();
    }
}

/// The first line of a here-document, with dots if there are more.
fn summary(text: &str) -> String {
    let text = text.trim().replace("\r\n", "\n");
    match text.split_once('\n') {
        Some((first, _)) => format!("{first}..."),
        None => text,
    }
}

/// What the history says of a command with the build arguments that it sees:
/// `RUN |2 A=1 B=2 /bin/sh -c … # buildkit`.
fn created_by(stage: &Current, args: &[SmolStr]) -> String {
    let declared = &stage.state.args;
    let mut text = String::with_capacity(args.iter().map(|arg| arg.len() + 1).sum::<usize>() + 16);
    text.push_str("RUN");
    if !declared.is_empty() {
        text.push_str(" |");
        text.push_str(&decimal(declared.len()));
    }
    for (name, value) in declared.iter() {
        let value = stage.state.env.get(name).or(value.as_deref()).unwrap_or_default();
        text.extend([" ", name, "=", value]);
    }
    if declared.is_empty() && args.is_empty() {
        text.push(' ');
    }
    for arg in args {
        text.extend([" ", arg]);
    }
    text.push_str(" # buildkit");
    text
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn summaries_are_the_first_line() {
        assert_eq!(summary("\n a\n"), "a");
        assert_eq!(summary("a\r\nb"), "a...");
        assert_eq!(summary(""), "");
    }
}
