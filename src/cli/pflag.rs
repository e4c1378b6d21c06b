//! The syntax of flags, on top of clap's: that of Go's pflag, which docker, buildx and buildctl have.
//!
//! - A flag that is on or off takes a value after `=`: `--push=false`. The value is one that Go's `strconv.ParseBool` takes.
//! - A flag with one value may stand several times; the last one holds.
//! - The value of a flag is what follows it, even where that begins with a hyphen: `--memory-swap -1`.

use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

use crate::gotext::parse_bool;

/// The name of a truth value in usage texts.
const TRUTH_VALUE: &str = "BOOL";

/// Parses arguments, the name of the program first.
///
/// # Errors
/// What is wrong with them; also the help and the version, where they are asked for.
pub(super) fn parse<P: clap::Parser>(
    arguments: impl IntoIterator<Item = impl Into<OsString>>,
) -> Result<P, clap::Error> {
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let parsed = with_syntax(P::command()).try_get_matches_from(&arguments);
    match parsed.and_then(|mut matches| P::from_arg_matches_mut(&mut matches)) {
        // In the help a flag that is on or off stands without a value.
        Err(error) if error.kind() == ErrorKind::DisplayHelp => Err(help(P::command(), &arguments, error)),
        Err(error) => Err(told_plainly(error, &arguments, P::command())),
        parsed => parsed,
    }
}

/// The error as it is told: with the argument that is not UTF-8, and with the variable where the value comes from one.
fn told_plainly(mut error: clap::Error, arguments: &[OsString], mut command: Command) -> clap::Error {
    if error.kind() == ErrorKind::InvalidUtf8
        && let Some(argument) = arguments.iter().skip(1).find(|argument| argument.to_str().is_none())
    {
        let shown = argument.as_encoded_bytes().escape_ascii();
        let text = format!("the argument \"{shown}\" is not valid UTF-8; only paths of flags may be that\n");
        return clap::Error::raw(ErrorKind::InvalidUtf8, text).with_cmd(&command);
    }
    if let Some(variable) = variable_of(&error, arguments, &command) {
        error.insert(ContextKind::InvalidArg, ContextValue::String(variable));
    }
    error.format(&mut command)
}

/// The variable that a wrong value comes from, where no argument gives it.
fn variable_of(error: &clap::Error, arguments: &[OsString], command: &Command) -> Option<String> {
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else { return None };
    let name = shown.split([' ', '[', '=']).next()?;
    let is_given = |argument: &OsString| argument.to_string_lossy().split('=').next() == Some(name);
    if arguments.iter().any(is_given) {
        return None;
    }
    let flags = command.get_subcommands().flat_map(Command::get_arguments);
    let mut same_name = flags.filter(|flag| flag.get_long().is_some_and(|long| name == format!("--{long}")));
    let variable = same_name.find_map(Arg::get_env)?;
    Some(variable.to_string_lossy().into_owned())
}

/// The command, each of its flags with the syntax of pflag.
fn with_syntax(command: Command) -> Command {
    command.args_override_self(true).mut_args(flag_with_syntax).mut_subcommands(with_syntax)
}

fn flag_with_syntax(flag: Arg) -> Arg {
    let is_optional = flag.get_num_args().is_some_and(|count| count.min_values() == 0);
    match flag.get_action() {
        ArgAction::SetTrue => flag
            .action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .value_name(TRUTH_VALUE)
            .default_value("false")
            .default_missing_value("true")
            .value_parser(ValueParser::new(truth_value)),
        ArgAction::Set | ArgAction::Append if !flag.is_positional() && !is_optional => {
            flag.allow_hyphen_values(true)
        }
        _ => flag,
    }
}

/// A truth value of a flag.
pub(in crate::cli) fn truth_value(text: &str) -> Result<bool, &'static str> {
    parse_bool(text).ok_or("use true or false")
}

/// The error that shows the help of the subcommand which `arguments` name; `given` where they name none.
fn help(mut command: Command, arguments: &[OsString], given: clap::Error) -> clap::Error {
    let mut asked = vec![command.get_name().to_owned()];
    let mut inner = &command;
    for argument in arguments.iter().skip(1) {
        if let Some(found) = inner.find_subcommand(argument) {
            asked.push(found.get_name().to_owned());
            inner = found;
        }
    }
    if asked.len() == 1 {
        return given;
    }
    let flag = if arguments.iter().any(|argument| argument == "-h") { "-h" } else { "--help" };
    asked.push(flag.to_owned());
    command.try_get_matches_from_mut(asked).err().unwrap_or(given)
}

/// Parses the arguments of one subcommand, without any name.
#[cfg(test)]
pub(super) fn parse_args<A: clap::Args>(arguments: &[&str]) -> Result<A, clap::Error> {
    #[derive(clap::Parser)]
    struct CommandLine<A: clap::Args> {
        #[command(flatten)]
        arguments: A,
    }
    Ok(parse::<CommandLine<A>>([&["bob"], arguments].concat())?.arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq, clap::Parser)]
    #[command(name = "program")]
    struct Program {
        #[command(subcommand)]
        subcommand: Subcommand,
    }

    #[derive(Debug, PartialEq, Eq, clap::Subcommand)]
    enum Subcommand {
        Run(Flags),
    }

    #[derive(Debug, Default, PartialEq, Eq, clap::Args)]
    struct Flags {
        #[arg(short, long)]
        quiet: bool,
        #[arg(short, long)]
        target: Option<String>,
        // A variable that is there wherever the tests run, and is no number.
        #[arg(long, env = "PATH", value_parser = clap::value_parser!(u8))]
        level: Option<u8>,
        #[arg(short, long)]
        output: Vec<String>,
        context: Option<String>,
    }

    fn read(flags: &[&str]) -> Result<Flags, clap::Error> {
        let level = ["program", "run", "--level=0"];
        let Program { subcommand: Subcommand::Run(flags) } = parse([&level, flags].concat())?;
        Ok(Flags { level: None, ..flags })
    }

    #[test]
    fn a_flag_without_a_value_is_on_and_takes_one_after_an_equals_sign_only() {
        for (flag, is_on) in
            [("-q", true), ("--quiet", true), ("--quiet=T", true), ("-q=0", false), ("--quiet=False", false)]
        {
            let context = Some(".".to_owned());
            assert_eq!(
                read(&[flag, "."]).unwrap(),
                Flags { quiet: is_on, context, ..Flags::default() },
                "{flag}"
            );
        }
        assert_eq!(read(&["-qt", "x"]).unwrap().target.as_deref(), Some("x"));
        for value in ["yes", "", "tRUE", "-1"] {
            let error = read(&[&format!("--quiet={value}")]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ValueValidation, "{value}");
            assert!(error.to_string().contains(&format!("'{value}' for '--quiet")), "{error}");
        }
    }

    #[test]
    fn the_last_value_holds_and_lists_keep_all() {
        let flags = read(&["-q", "-tx", "-o1", "-q=f", "--target=y", "-o=2", "--output", ""]).unwrap();
        assert_eq!((flags.quiet, flags.target.as_deref()), (false, Some("y")));
        assert_eq!(flags.output, ["1", "2", ""]);
        assert!(read(&[".", "."]).is_err());
    }

    #[test]
    fn what_follows_a_flag_is_its_value() {
        assert_eq!(read(&["--target", "-1"]).unwrap().target.as_deref(), Some("-1"));
        assert_eq!(read(&["-o", "--quiet"]).unwrap().output, ["--quiet"]);
        assert!(read(&["-1"]).is_err());
    }

    #[test]
    fn a_wrong_value_of_a_variable_is_said_to_be_of_the_variable() {
        let text = |arguments: &[&str]| parse::<Program>(arguments.iter().copied()).unwrap_err().to_string();
        assert!(text(&["program", "run"]).contains(" for 'PATH': "), "{}", text(&["program", "run"]));
        for arguments in [&["program", "run", "--level", "x"][..], &["program", "run", "--level=x"]] {
            assert!(
                text(arguments).contains("invalid value 'x' for '--level <LEVEL>'"),
                "{}",
                text(arguments)
            );
        }
    }

    #[test]
    fn an_argument_that_is_not_utf_8_is_named() {
        use std::os::unix::ffi::OsStringExt as _;
        let arguments = ["program".into(), "run".into(), "-q".into(), OsString::from_vec(b"a\xff".to_vec())];
        let error = parse::<Program>(arguments).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(
            error.to_string().starts_with("error: the argument \"a\\xff\" is not valid UTF-8"),
            "{error}"
        );
    }

    #[test]
    fn the_help_shows_flags_without_a_value() {
        let help = |flags: &[&str]| read(flags).unwrap_err().to_string();
        for flags in [&["--help"][..], &["-h"], &["--target", "x", "-h"]] {
            let text = help(flags);
            assert!(
                text.contains("--quiet") && !text.contains("--quiet[") && text.contains("Usage: program run"),
                "{text}"
            );
        }
    }
}
