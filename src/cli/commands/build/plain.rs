//! From arguments to a build outside of a workspace.

use std::collections::BTreeMap;
use std::io::Write as _;

use super::{Args, outputs};
use crate::cli::args::build_sources::needs_ssh;
use crate::cli::args::convert::Inputs;
use crate::cli::args::image_lock;
use crate::cli::report::listen;
use crate::cli::usage::UsageError;
use crate::cli::values::{
    cache,
    call::Call,
    output,
    run::{secret, ssh},
};
use crate::cli::{Failure, subrequests};
use crate::diag::visible;
use crate::job::{
    self, CacheEntry, DockerLogins, DockerfileInput, EngineSettings, Error, PlainBuild, ProgressMode,
    Request, agent_socket, check_writable, read_secret,
};
use crate::workspace::nonempty_process_variable;

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    if let Some(refusal) = args.unsupported.refusal() {
        return Err(refusal.into());
    }
    let build = plain_build(&args)?;
    for path in [&args.metadata_file, &args.iidfile, &args.image_lock_out].into_iter().flatten() {
        check_writable(path)?;
    }
    let interrupts = listen()?;
    let results = job::build(&build, &interrupts).await.map_err(|error| Failure::of_job(&error))?;
    if let Some(path) = &args.metadata_file {
        results.write_metadata(path)?;
    }
    if let Some(path) = &args.image_lock_out {
        results.write_image_lock(path)?;
    }
    if let Some(path) = &args.iidfile {
        results.write_image_id(path)?;
    }
    if args.quiet
        && let Some(id) = results.image_id()
    {
        // buildkitd's word: it may be anything.
        let _ = writeln!(std::io::stdout(), "{}", visible(id));
    }
    Ok(())
}

/// Answers what `call` asks of the Dockerfile; nothing is built.
pub(super) async fn answer(args: Args, call: &Call) -> Result<(), Failure> {
    let (request, _) = request(&args)?;
    if let Some(path) = &args.metadata_file {
        check_writable(path)?;
    }
    let progress = if args.quiet { ProgressMode::QUIET } else { args.progress };
    subrequests::answer(request, call, progress, args.metadata_file.as_deref()).await
}

/// The Dockerfile, the logins and the buildkitd, and attributes that no option stands for.
fn request(args: &Args) -> Result<(Request, BTreeMap<String, String>), Failure> {
    let Some(context) = &args.context else { return Err(UsageError::NoContext.into()) };
    let Inputs { options, dockerfile, files, attributes } = args.convert.inputs(Some(context), None)?;
    let image_lock = args.image_lock.as_deref().map(image_lock::read).transpose()?;
    let request = Request {
        dockerfile: DockerfileInput { source: dockerfile, options, build_platform: None, files, image_lock },
        logins: DockerLogins::of(nonempty_process_variable),
        daemon: args.daemon.choice().map_err(|error| Failure::of_job(&error))?,
    };
    Ok((request, attributes))
}

fn plain_build(args: &Args) -> Result<PlainBuild, Failure> {
    let (request, frontend_attributes) = request(args)?;
    let secret = |value: &String| -> Result<_, Error> {
        let (id, source) = secret::parse(value, &nonempty_process_variable)?;
        let secret = read_secret(&id, source, &nonempty_process_variable)?;
        Ok((id, secret))
    };
    let agent = |value: &String| -> Result<_, Error> {
        let (id, socket) = ssh::parse(value);
        let socket = agent_socket(&id, socket, &nonempty_process_variable)?;
        Ok((id, socket))
    };
    // As buildx: a context that is fetched over SSH needs the user's agent.
    let needs_agent = args.ssh.is_empty() && needs_ssh(&request.dockerfile.options.context);
    let default_agent = needs_agent.then(|| "default".to_owned());
    let understood = move || -> Result<PlainBuild, Error> {
        Ok(PlainBuild {
            outputs: outputs::parse(args)?,
            engine: EngineSettings::of(nonempty_process_variable),
            secrets: args.secrets.iter().map(secret).collect::<Result<_, _>>()?,
            ssh_agents: args.ssh.iter().chain(&default_agent).map(agent).collect::<Result<_, _>>()?,
            cache_imports: caches("--cache-from", &args.cache_from)?,
            cache_exports: caches("--cache-to", &args.cache_to)?,
            entitlements: args.allow.iter().filter(|right| *right != output::DELETE_RIGHT).cloned().collect(),
            frontend_attributes,
            progress: if args.quiet { ProgressMode::QUIET } else { args.progress },
            push_via: args.push_via,
            request,
        })
    };
    understood().map_err(|error| Failure::of_job(&error))
}

fn caches(flag: &'static str, values: &[String]) -> Result<Vec<CacheEntry>, Error> {
    Ok(values.iter().map(|value| cache::parse(flag, value)).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::pflag;

    #[derive(Debug, clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn parse(args: &[&str]) -> Args {
        pflag::parse::<Cli>([&["bob"], args].concat()).unwrap().args
    }

    fn error(args: &[&str]) -> String {
        let failure = plain_build(&parse(args)).unwrap_err();
        assert_eq!(failure.exit_code(), 2, "{args:?}");
        failure.render()
    }

    #[test]
    fn wrong_usage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("Dockerfile"), "FROM scratch\n").unwrap();
        let context = dir.path().to_str().unwrap();
        let missing =
            "error: the build context is missing: bob build [OPTIONS] CONTEXT, usually `bob build .`";
        assert_eq!(error(&["-t", "x"]), missing);
        let unnamed = "error: an image that is pushed needs a name; give one with --tag";
        assert_eq!(error(&["--push", context]), unnamed);
        assert!(error(&["--addr", "nonsense", context]).contains("has no scheme"));
        assert!(error(&["-o", "type=zip", context]).contains("there is no type \"zip\""));
    }
}
