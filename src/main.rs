//! The `bob` binary: runtime, one error report, exit code. Under the name `buildkit-runc` it is the
//! runc facade.
#![allow(clippy::disallowed_methods, reason = "the environment enters here")]

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use bob::cli::{Cli, Failure};
use bob::workspace::runc;
use tokio::signal::unix::{SignalKind, signal};

/// A conversion is thousands of small allocations.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if let Some((name, rest)) = arguments.split_first()
        && runc::is_called_as_facade(name)
    {
        return report(&runc::exec(rest, std::env::var_os("PATH").as_deref()).into());
    }
    if let Some(version) = Cli::version(&arguments) {
        return match bob::cli::print(format!("{version}\n").as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => report(&failure),
        };
    }
    let cli = match Cli::of(arguments) {
        Ok(cli) => cli,
        Err(told) => return tell(&told),
    };
    let mut runtime = if cli.runs_alone() {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&Failure::from(error)),
    };
    let code = runtime.block_on(async {
        match cli.run().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                let code = report(&failure);
                linger(failure.linger()).await;
                code
            }
        }
    });
    // A thread that reads standard input, say, must not hold the process up.
    runtime.shutdown_background();
    code
}

/// Shows the help or the version, or what is wrong with the arguments.
fn tell(told: &clap::Error) -> ExitCode {
    let shown = told.print().and_then(|()| std::io::stdout().flush());
    match shown.map_err(bob::cli::unless_reader_is_gone) {
        Err(Some(failure)) if !told.use_stderr() => report(&failure),
        _ => ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(1)),
    }
}

fn report(failure: &Failure) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{}", failure.shown());
    ExitCode::from(failure.exit_code())
}

/// Stays for `time`, or until a signal asks the process to end.
async fn linger(time: Duration) {
    let wait = tokio::time::sleep(time);
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                () = wait => {}
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        _ => wait.await,
    }
}
