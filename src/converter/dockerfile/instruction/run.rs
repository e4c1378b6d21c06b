//! RUN and the other instructions that hold a command.

use std::mem::take;

use super::device::Device;
use super::flag_values::{Flag, Takes, Values};
use super::mount::{Mount, MountError, MountSpec};
use crate::converter::dockerfile::ast::{CommandLine, Form, InlineFile};
use crate::converter::dockerfile::error::ErrorKind;
use crate::converter::dockerfile::syntax::Node;

/// `RUN [flags] COMMAND`
///
/// ```text
/// RUN --network=none --security=insecure --mount=target=/in make
///               ^^^^ network
///                               ^^^^^^^^ security
///                                                ^^^^^^^^^^ mount_specs[0].text
///                                                           ^^^^ line
/// ```
///
/// Source: `RunCommand` in `frontend/dockerfile/instructions/commands.go` of BuildKit.
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
}

impl Run {
    /// Returns the mounts with their options expanded by `expand`, in order.
    ///
    /// Source: `GetMounts` in `frontend/dockerfile/instructions/commands_runmount.go` of BuildKit.
    ///
    /// # Errors
    /// The first error of `expand` or of a mount's options.
    pub fn mounts<E: From<MountError>>(
        &self,
        mut expand: impl FnMut(&str) -> Result<String, E>,
    ) -> Result<Vec<Mount>, E> {
        let mut mounts = Vec::with_capacity(self.mount_specs.len());
        for spec in &self.mount_specs {
            mounts.push(spec.resolve(&mut expand)?);
        }
        Ok(mounts)
    }
}

/// The value of `--network`.
///
/// Source: `NetworkMode` in `frontend/dockerfile/instructions/commands_runnetwork.go` of BuildKit.
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
///
/// Source: `SecurityMode` in `frontend/dockerfile/instructions/commands_runsecurity.go` of BuildKit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SecurityMode {
    /// Confined as usual.
    #[default]
    Sandbox,
    /// With all capabilities.
    Insecure,
}

const FLAGS: [Flag; 4] =
    [("device", Takes::Texts), ("mount", Takes::Texts), ("network", Takes::Text), ("security", Takes::Text)];

pub(super) fn parse(node: &mut Node<'_>) -> Result<Run, ErrorKind> {
    let flags = Values::parse(&node.flags, &FLAGS)?;
    let devices = flags.texts("device").map(Device::parse);
    let devices = devices.collect::<Result<_, _>>().map_err(ErrorKind::Device)?;
    let mounts = flags.texts("mount").map(MountSpec::parse);
    Ok(Run {
        line: command_line(node),
        devices,
        mount_specs: mounts.collect::<Result<_, _>>().map_err(ErrorKind::Mount)?,
        network: match flags.first("network") {
            None | Some("default") => NetworkMode::Default,
            Some("none") => NetworkMode::None,
            Some("host") => NetworkMode::Host,
            Some(value) => {
                return Err(ErrorKind::InvalidNetwork { value: value.to_owned() });
            }
        },
        security: match flags.first("security") {
            None | Some("sandbox") => SecurityMode::Sandbox,
            Some("insecure") => SecurityMode::Insecure,
            Some(value) => {
                return Err(ErrorKind::InvalidSecurity { value: value.to_owned() });
            }
        },
    })
}

/// Takes out the command that a node's words are.
pub(super) fn command_line(node: &mut Node<'_>) -> CommandLine {
    let files = take(&mut node.heredocs).into_iter().map(|heredoc| InlineFile {
        name: heredoc.name,
        data: heredoc.content,
        chomp: heredoc.chomp,
    });
    CommandLine {
        files: files.collect(),
        form: if node.args.json { Form::Exec } else { Form::Shell },
        args: take(&mut node.args.words),
        raw: node.args.raw.take(),
    }
}
