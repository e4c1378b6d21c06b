//! RUN and the other instructions that hold a command.

use super::bflags::Flags;
use super::device::Device;
use super::mount::MountSpec;
use crate::dockerfile::ast::{CommandLine, Form, InlineFile};
use crate::dockerfile::error::ErrorKind;
use crate::dockerfile::syntax::Node;

/// `RUN [flags] COMMAND`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The command.
    pub line: CommandLine,
    /// Every `--mount` in order; [`Run::mounts`] gives what they mean.
    pub mount_specs: Vec<MountSpec>,
    /// `--network`.
    pub network: NetworkMode,
    /// `--security`.
    pub security: SecurityMode,
    /// Every `--device` in order.
    pub devices: Vec<Device>,
    /// The names of the flags that are given, sorted.
    pub flags_used: Vec<&'static str>,
}

/// The value of `--network`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NetworkMode {
    /// The network of the build.
    #[default]
    Default,
    /// No network.
    None,
    /// The network of the builder's host.
    Host,
}

/// The value of `--security`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SecurityMode {
    /// Confined as usual.
    #[default]
    Sandbox,
    /// With all capabilities.
    Insecure,
}

pub(super) fn parse(node: &Node) -> Result<Run, ErrorKind> {
    let flags =
        Flags::none().repeated(&["device", "mount"]).texts(&["network", "security"]).parse(&node.flags)?;
    let devices = flags.texts("device").iter().map(|text| Device::parse(text));
    let devices = devices.collect::<Result<_, _>>().map_err(ErrorKind::Device)?;
    let mounts = flags.texts("mount").iter().map(|text| MountSpec::parse(text));
    Ok(Run {
        line: command_line(node),
        devices,
        mount_specs: mounts.collect::<Result<_, _>>().map_err(ErrorKind::Mount)?,
        network: match flags.texts("network").first().map(String::as_str) {
            None | Some("default") => NetworkMode::Default,
            Some("none") => NetworkMode::None,
            Some("host") => NetworkMode::Host,
            Some(value) => {
                return Err(ErrorKind::InvalidNetwork { value: value.to_owned() });
            }
        },
        security: match flags.texts("security").first().map(String::as_str) {
            None | Some("sandbox") => SecurityMode::Sandbox,
            Some("insecure") => SecurityMode::Insecure,
            Some(value) => {
                return Err(ErrorKind::InvalidSecurity { value: value.to_owned() });
            }
        },
        flags_used: flags.used(),
    })
}

/// Returns the command that a node's words are.
pub(super) fn command_line(node: &Node) -> CommandLine {
    let files = node.heredocs.iter().map(|heredoc| InlineFile {
        name: heredoc.name.clone(),
        data: heredoc.content.clone(),
        chomp: heredoc.chomp,
    });
    CommandLine {
        args: node.args.clone(),
        form: if node.json { Form::Exec } else { Form::Shell },
        files: files.collect(),
        raw: node.raw.clone(),
    }
}
