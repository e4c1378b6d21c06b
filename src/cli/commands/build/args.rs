//! What can be typed after `bob build`.

use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, FromArgMatches};

use super::without_effect::FlagsWithoutEffect;
use crate::cli::args::attestations::AttestationArgs;
use crate::cli::args::convert::ConvertArgs;
use crate::cli::args::daemon::DaemonArgs;
use crate::cli::usage::UsageError;
use crate::cli::values::progress;
use crate::cli::values::syntax::{duration, path};
use crate::job::{ProgressMode, PushVia};
use crate::workspace::variables;

/// Options that leave workspace mode on: they say where things are, not what to build.
const NEUTRAL: [&str; 7] = [
    "workspace_root",
    "ready_timeout",
    "buildkitd",
    "buildkitd_timeout",
    "state_dir",
    "debug",
    "explain_cache",
];

/// Arguments of `bob build`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(about = "Build an image; without arguments, the workspace image that BOB_* describe")]
pub struct Args {
    // Must be the first field: clap fills fields in their order, and each takes its values out of the matches.
    #[command(flatten)]
    given: Given,
    /// Folder of files for the build
    pub context: Option<String>,
    /// How to convert the Dockerfile.
    #[command(flatten)]
    pub convert: ConvertArgs,
    /// Resolve base images from this file, never from the network
    #[arg(long, value_name = "FILE")]
    pub image_lock: Option<PathBuf>,
    /// Write the base images that were used to this file
    #[arg(long, value_name = "FILE")]
    pub image_lock_out: Option<PathBuf>,
    /// Run the build checks only; short for --call=check
    #[arg(long)]
    pub check: bool,
    /// What to do: build, check, outline, targets or subrequests.describe; `,format=json` for programs
    #[arg(long, value_name = "METHOD", default_value = "build", alias = "print")]
    pub call: String,
    /// Log more of what Bob does; `LOG_LEVEL` says it more finely
    #[arg(short = 'D', long)]
    pub debug: bool,

    /// Name of the image; may be repeated
    #[arg(short = 't', long = "tag", value_name = "REF", help_heading = "Output")]
    pub tags: Vec<String>,
    /// Push the image to its registry
    #[arg(long, help_heading = "Output")]
    pub push: bool,
    /// Load the image into docker or podman; short for --output=type=docker
    #[arg(long, help_heading = "Output")]
    pub load: bool,
    /// What becomes of the result: FOLDER, `-`, or type=image|registry|local|tar|oci|docker|cacheonly,dest=…; may be repeated
    #[arg(short = 'o', long = "output", value_name = "OUTPUT", help_heading = "Output")]
    pub outputs: Vec<String>,
    /// Annotation of the image: `[TYPE:]KEY=VALUE`; may be repeated
    #[arg(long = "annotation", value_name = "ANNOTATION", help_heading = "Output")]
    pub annotations: Vec<String>,
    /// Write digests and names of the image as JSON
    #[arg(long, value_name = "FILE", value_parser = path::any(), help_heading = "Output")]
    pub metadata_file: Option<PathBuf>,
    /// Write the image id
    #[arg(long, value_name = "FILE", value_parser = path::any(), help_heading = "Output")]
    pub iidfile: Option<PathBuf>,
    /// Write where the time went to this file, as .html or .json by its name; may be repeated
    #[arg(long = "report", value_name = "FILE", value_parser = path::any(), help_heading = "Output")]
    pub reports: Vec<PathBuf>,
    /// Print only the image id
    #[arg(short = 'q', long, help_heading = "Output")]
    pub quiet: bool,
    /// How to show progress
    #[arg(
        long,
        help = format!("How to show progress: {}", ProgressMode::names().collect::<Vec<_>>().join(", ")),
        value_name = "MODE",
        default_value = "auto",
        env = variables::BUILDKIT_PROGRESS.name,
        help_heading = "Output"
    )]
    pub progress: ProgressMode,

    /// What goes with the image.
    #[command(flatten)]
    pub attestations: AttestationArgs,

    /// Secret for RUN: id=ID[,src=FILE|,env=VARIABLE]; may be repeated
    #[arg(long = "secret", value_name = "SECRET", help_heading = "Rights")]
    pub secrets: Vec<String>,
    /// SSH agent or keys for RUN: default, ID[=SOCKET] or ID=KEY[,KEY…]; may be repeated
    #[arg(long = "ssh", value_name = "SSH", help_heading = "Rights")]
    pub ssh: Vec<String>,
    /// Right that steps may use: network.host, security.insecure, device; may be repeated
    #[arg(long = "allow", value_name = "RIGHT", help_heading = "Rights")]
    pub allow: Vec<String>,
    /// Who pushes with your credentials: a proxy in this process, buildkitd through its session, or auto
    #[arg(long, value_name = "WAY", default_value = "auto", help_heading = "Rights")]
    pub push_via: PushVia,

    /// Cache to read: REF or type=…,key=value; may be repeated
    #[arg(long = "cache-from", value_name = "CACHE", help_heading = "Cache")]
    pub cache_from: Vec<String>,
    /// Cache to write: REF or type=…,key=value; may be repeated
    #[arg(long = "cache-to", value_name = "CACHE", help_heading = "Cache")]
    pub cache_to: Vec<String>,

    /// Say at the end why steps ran again
    #[arg(long, env = variables::EXPLAIN_CACHE.name, help_heading = "Cache")]
    pub explain_cache: bool,

    /// The buildkitd to use.
    #[command(flatten)]
    pub daemon: DaemonArgs,

    /// Root of the workspace in workspace mode
    #[arg(long, value_name = "FOLDER", default_value = "/workspace", help_heading = "Workspace mode")]
    pub workspace_root: PathBuf,
    /// How long the workspace may take to be ready, such as 30m
    #[arg(long, value_name = "TIME", value_parser = duration::argument, default_value = "30m", help_heading = "Workspace mode")]
    pub ready_timeout: Duration,

    /// Flags that do nothing.
    #[command(flatten)]
    pub without_effect: FlagsWithoutEffect,

    #[arg(long, hide = true, value_name = "NAME")]
    pub builder: Option<String>,
    #[arg(long, hide = true, value_name = "POLICY")]
    pub policy: Vec<String>,
}

impl Args {
    /// Whether nothing on the command line asks for a build of its own.
    pub(super) fn is_workspace_mode(&self) -> bool {
        self.given.ids.iter().all(|id| NEUTRAL.contains(&id.as_str()))
    }

    /// What to do with the build: what `--call` or `--check` says, whichever stands last.
    pub(super) fn method(&self) -> &str {
        match (self.check && self.given.is_check_last, self.call.as_str()) {
            (true, _) => "check",
            (false, "") => "build",
            (false, method) => method,
        }
    }

    /// Whether progress is not shown and the image id is printed.
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet || self.given.progress.as_deref() == Some("quiet")
    }

    /// How progress is shown.
    ///
    /// # Errors
    /// [`UsageError::ProgressWithQuiet`], [`UsageError::Value`].
    pub(super) fn progress_mode(&self) -> Result<ProgressMode, UsageError> {
        match &self.given.progress {
            Some(progress) if self.quiet && !matches!(progress.as_str(), "" | "auto" | "quiet" | "none") => {
                Err(UsageError::ProgressWithQuiet { progress: progress.clone() })
            }
            _ if self.is_quiet() => Ok(ProgressMode::QUIET),
            // As in buildx: `auto` is also what the variable says.
            Some(progress) if progress == "auto" => Ok(progress::of_variable()?),
            _ => Ok(self.progress),
        }
    }

    /// Why a flag that asks for what Bob does not have is refused.
    ///
    /// # Errors
    /// [`UsageError`].
    pub(super) fn refuse(&self) -> Result<(), UsageError> {
        if let Some(name) = self.builder.clone().filter(|builder| !builder.is_empty()) {
            return Err(UsageError::Builder { setting: "--builder", name });
        }
        if self.policy.iter().any(|policy| !policy.is_empty()) {
            return Err(UsageError::RegoPolicyFlag);
        }
        Ok(())
    }

    /// Leaves out values that are empty, where that means the same as none. buildx skips them in these lists; an empty
    /// value of any other list is an error.
    pub(super) fn leave_out_empty_values(&mut self) {
        let lists = [
            &mut self.secrets,
            &mut self.ssh,
            &mut self.outputs,
            &mut self.cache_from,
            &mut self.cache_to,
            &mut self.allow,
        ];
        for list in lists {
            list.retain(|value| !value.is_empty());
        }
        for path in [&mut self.metadata_file, &mut self.iidfile] {
            path.take_if(|path| path.as_os_str().is_empty());
        }
    }
}

/// What stands on the command line, defaults and the environment left out.
#[derive(Debug, Default)]
struct Given {
    /// The arguments.
    ids: Vec<String>,
    /// Whether `--check` stands there, and no `--call` after it.
    is_check_last: bool,
    /// The value of `--progress`.
    progress: Option<String>,
}

impl FromArgMatches for Given {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let typed = |id: &&str| matches.value_source(id) == Some(ValueSource::CommandLine);
        let ids =
            matches.ids().map(clap::Id::as_str).filter(|id| matches.try_contains_id(id).unwrap_or(false));
        let ids: Vec<String> = ids.filter(typed).map(str::to_owned).collect();
        let place = |id: &str| {
            let is_given = ids.iter().any(|given| given == id);
            is_given.then(|| matches.index_of(id)).flatten()
        };
        let is_check_last = place("check") > place("call");
        let progress = place("progress").and_then(|_| matches.get_raw("progress")?.next_back());
        let progress = progress.map(|text| text.to_string_lossy().into_owned());
        Ok(Self { ids, is_check_last, progress })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for Given {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::pflag::parse_args;

    fn parse(args: &[&str]) -> Args {
        parse_args(args).unwrap()
    }

    #[test]
    fn every_flag_has_its_row_beside_buildx() {
        let document = include_str!("../../../../docs/buildx.md");
        let command = <Args as clap::Args>::augment_args(Command::new("build"));
        let flags = command.get_arguments().filter_map(clap::Arg::get_long);
        let missing: Vec<_> =
            flags.filter(|flag| !document.contains(&format!("\n| `--{flag}` | "))).collect();
        assert!(missing.is_empty(), "docs/buildx.md has no rows for {missing:?}");
    }

    #[test]
    fn flags_without_effect_are_taken_and_builders_and_policies_are_refused() {
        let quiet = parse(&["--rm", "--rm=false", "--force-rm", "--compress=true", "."]);
        quiet.refuse().unwrap();
        assert_eq!(quiet.without_effect.notes().count(), 0);
        let args = parse(&["--squash", "--isolation", "default", "--security-opt", "x", "."]);
        assert_eq!(args.without_effect.notes().count(), 3);
        let refusal = |args: &[&str]| parse(args).refuse().unwrap_err().to_string();
        assert!(refusal(&["--builder", "b", "."]).starts_with("--builder \"b\": "));
        assert!(refusal(&["--policy", "filename=x", "."]).starts_with("--policy: "));
    }

    #[test]
    fn older_flags_for_limits_stand_behind_resource() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("Dockerfile"), "FROM scratch\n").unwrap();
        let context = dir.path().to_str().unwrap();
        let args = parse(&["--resource=memory=1g", "-m", "64m", "-c", "512", "--memory-swap", "-1", context]);
        let limits = args.convert.inputs(Some(context), None).unwrap().options.linux_resources;
        assert_eq!((limits.memory, limits.memory_swap, limits.cpu_shares), (1 << 30, -1, 512));
    }

    #[test]
    fn the_last_of_call_and_check_says_what_to_do() {
        for (args, method) in [
            (&["."][..], "build"),
            (&["--check", "."], "check"),
            (&["--check=false", "."], "build"),
            (&["--call", "outline", "."], "outline"),
            (&["--print=outline", "."], "outline"),
            (&["--call", "", "."], "build"),
            (&["--check", "--call", "build", "."], "build"),
            (&["--call", "build", "--check", "."], "check"),
            (&["--call", "outline", "--check=0", "."], "outline"),
            (&["--call", "outline", "--call", "check,format=json", "."], "check,format=json"),
        ] {
            assert_eq!(parse(args).method(), method, "{args:?}");
        }
    }

    #[test]
    fn empty_values_that_mean_nothing_are_left_out() {
        let mut args = parse(&[
            "--secret",
            "",
            "--ssh",
            "",
            "-o",
            "",
            "-o",
            "out",
            "--cache-from=",
            "--cache-to=",
            "--allow=",
            "--iidfile=",
            "--metadata-file=",
            "-t=",
            ".",
        ]);
        args.leave_out_empty_values();
        assert_eq!(args.outputs, ["out"]);
        let lists = [&args.secrets, &args.ssh, &args.cache_from, &args.cache_to, &args.allow];
        assert!(lists.iter().all(|list| list.is_empty()));
        assert_eq!((args.iidfile, args.metadata_file), (None, None));
        assert_eq!(args.tags, [""], "an error, and not to be skipped");
    }

    #[test]
    fn only_a_bare_command_is_workspace_mode() {
        assert!(parse(&[]).is_workspace_mode());
        assert!(
            parse(&["--workspace-root", "/w", "--ready-timeout", "1s", "--buildkitd", "/b"])
                .is_workspace_mode()
        );
        for args in
            [&["."][..], &["-t", "x"], &["--progress", "plain"], &["--push"], &["--addr", "unix:///s"]]
        {
            assert!(!parse(args).is_workspace_mode(), "{args:?}");
        }
    }
}
