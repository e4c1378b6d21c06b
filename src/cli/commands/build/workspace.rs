//! From the environment to a workspace image, with `bob.log` and the linger.

use std::path::PathBuf;
use std::time::Instant;

use super::{Args, current_dir};
use crate::cli::Failure;
use crate::cli::args::daemon::{record_folder, state_folder};
use crate::cli::values::cache;
use crate::job::{
    Address, BuildSubject, DaemonChoice, Error, Interrupts, OwnDaemon, RecordSettings, StateFolder,
    TlsOptions, WorkspaceBuild, build_workspace, is_trusted_socket, order_by_subject,
};
use crate::workspace::{
    self, Environment, Linger, Settings, Workspace, nonempty_process_variable, variables,
};

/// Where a local buildkitd listens in a workspace.
const SOCKET: &str = "/run/buildkit/buildkitd.sock";

/// Whether there is a workspace, or something that describes one: its folder, or a variable of workspace mode.
pub(super) fn is_asked_for(args: &Args) -> bool {
    let mut variables = variables::ALL.iter().filter(|variable| variable.name.starts_with("BOB_"));
    args.workspace_root.is_dir()
        || variables.any(|variable| nonempty_process_variable(variable.name).is_some())
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let begun = Instant::now();
    let environment = Environment::of_process();
    let root = std::path::absolute(&args.workspace_root).unwrap_or_else(|_| args.workspace_root.clone());
    let workspace = Workspace::at(root);
    workspace::forget_failure(&workspace);
    let Err(error) = work(&args, &environment, workspace.clone()).await else { return Ok(()) };
    if let Err(unwritten) = workspace::write_failure(&workspace, &error.workspace_report()) {
        tracing::warn!(error = &unwritten as &dyn std::error::Error, "the failure is not in bob.log");
    }
    let linger = Linger::read(&environment).unwrap_or(Linger::On);
    let stay = if matches!(error, Error::Interrupted | Error::HungUp) {
        std::time::Duration::ZERO
    } else {
        linger.stay(begun.elapsed())
    };
    Err(Failure::from(error).lingering(stay))
}

async fn work(args: &Args, environment: &Environment, workspace: Workspace) -> Result<(), Error> {
    workspace::ensure_root()?;
    let settings = Settings::read(environment, &current_dir()?)?;
    let cache_import = settings.cache_import.as_deref();
    let setting = cache::Setting {
        name: variables::LOCAL_CACHE_IMPORT.name,
        purpose: cache::Use::Import,
        environment: &nonempty_process_variable,
    };
    let cache_imports = cache::parse_all(&setting, cache_import.map(str::to_owned).as_slice())?;
    let record = RecordSettings {
        // Not in the workspace: it would be part of the context, and another one after each build.
        folder: record_folder(),
        is_explained: args.explain_cache,
    };
    let build = WorkspaceBuild {
        record,
        daemon: daemon_choice(args, &settings, &workspace)?,
        cache_imports,
        ready_timeout: args.ready_timeout,
        settings,
        workspace,
    };
    let interrupts = Interrupts::listen().map_err(Error::Signals)?;
    build_workspace(&build, &interrupts).await
}

/// The external buildkitd first, then one that runs in this workspace already, then one of Bob's own.
fn daemon_choice(args: &Args, settings: &Settings, workspace: &Workspace) -> Result<DaemonChoice, Error> {
    let mut candidates = Vec::new();
    if let Some(text) = &settings.external_buildkitd {
        let parsed = Address::parse_list(text).map(|mut addresses| {
            let (context, dockerfile) = match &settings.base_step {
                Some(step) => (step.context.to_str(), Some(step.dockerfile.as_path())),
                None => (None, None),
            };
            // Without a Dockerfile a build is about the image that it makes.
            let context = context.unwrap_or(&settings.target_ref);
            order_by_subject(&mut addresses, BuildSubject { context, dockerfile });
            addresses
        });
        let failed = |source| Error::AddressVariable { variable: variables::EXTERNAL_BUILDKITD.name, source };
        candidates.extend(parsed.map_err(failed)?);
    }
    let state = match args.daemon.state_dir.as_deref().map(|folder| state_folder(Some(folder))) {
        // What a repository has there is not Bob's.
        None => StateFolder::Fresh(workspace.buildkit_root()),
        Some(StateFolder::Kept(folder)) if folder.starts_with(workspace.root()) => StateFolder::Fresh(folder),
        Some(other) => other,
    };
    let is_usual = workspace.root() == Workspace::default().root();
    let socket = is_usual.then(|| PathBuf::from(SOCKET));
    candidates.extend(socket.clone().filter(|socket| is_trusted_socket(socket)).map(Address::Unix));
    Ok(DaemonChoice {
        addresses: Vec::new(),
        tls: TlsOptions::default(),
        candidates,
        own: OwnDaemon {
            program: args.daemon.buildkitd.clone(),
            search_path: nonempty_process_variable(variables::SEARCH_PATH.name),
            state,
            socket,
            runtime_dir: None,
            ready_timeout: args.daemon.buildkitd_timeout,
        },
    })
}
