//! The subcommands, one file or folder each.

pub mod build;
pub mod cache;
pub mod check;
pub mod completion;
pub mod daemon;
pub mod explain;
pub mod imagetools;
pub mod llb;
pub mod man;
pub mod proxy;

use super::Failure;

/// Makes the list of subcommands, and what runs each. A module has `Args`, whose `about` is the sentence in the help,
/// and `run`.
macro_rules! subcommands {
    ($($name:ident = $($module:ident)::+,)*) => {
        #[derive(Debug, clap::Subcommand)]
        pub(super) enum Command {
            $($name(Box<$($module)::+::Args>),)*
        }

        impl Command {
            /// Runs this subcommand to its end.
            pub(super) async fn run(self) -> Result<(), Failure> {
                match self {
                    $(Self::$name(args) => $($module)::+::run(*args).await,)*
                }
            }
        }
    };
}

impl Command {
    /// Whether this subcommand only writes what it knows.
    pub(super) const fn runs_alone(&self) -> bool {
        matches!(self, Self::Completion(_) | Self::Man(_))
    }
}

subcommands! {
    Build = build,
    Check = check,
    Completion = completion,
    Daemon = daemon,
    Du = cache::du,
    Explain = explain,
    Imagetools = imagetools,
    Llb = llb,
    Man = man,
    Proxy = proxy,
    Prune = cache::prune,
}
