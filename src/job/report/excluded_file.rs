//! COPY, ADD and mounts of what an ignore file leaves out: buildkitd says only that it is not there.

use std::path::Path;

use super::reason::absent_path;
use crate::converter::lower::excluding_line;
use crate::converter::plan::{Fact, IgnoreFile, Need, Options};
use crate::diag::printable_line;
use crate::job::error::Error;
use crate::job::lookup::LocalFiles;
use crate::job::request::ParsedDockerfile;

/// The most that is quoted of an ignore file, in characters.
const QUOTED_CHARACTERS: usize = 80;

/// Returns the error of a build with the line of the ignore file that leaves out what a step did not find, where that is why
/// it did not, and with what its `options` say of platforms and of memory.
pub(crate) fn explain(error: Error, dockerfile: &ParsedDockerfile<'_>, options: &Options) -> Error {
    let Error::Step(mut failure) = error else { return error };
    failure.platforms = options.platforms.iter().map(ToString::to_string).collect();
    failure.own_platform = options.build_platform.normalized().to_string();
    failure.memory_limit = u64::try_from(options.linux_resources.memory).ok().filter(|limit| *limit > 0);
    if failure.diagnostic.help.is_none() {
        let line = failure.diagnostic.location.as_ref().and_then(|location| location.spans.first());
        failure.diagnostic.help = line.and_then(|span| {
            let path = missing_path(&failure.diagnostic.message)?;
            let from = dockerfile.converter()?.reads_from(span.first())?;
            let file = ignore_file(from, &dockerfile.input.options, &dockerfile.input.files)?;
            help(path, &file)
        });
    }
    Error::Step(failure)
}

/// Returns the path that a step did not find, below the root of a context.
fn missing_path(message: &str) -> Option<&str> {
    absent_path(message)?.strip_prefix('/')
}

/// Returns the ignore file of the local context `from`, of the main one if that is empty.
fn ignore_file(from: &str, options: &Options, files: &LocalFiles) -> Option<IgnoreFile> {
    let need = if from.is_empty() {
        Need::Ignore
    } else {
        let local = options.named_contexts.get(from)?.strip_prefix("local:")?;
        Need::NamedIgnore { local: local.to_owned() }
    };
    match files.answer(&need)? {
        Ok(Fact::Ignore(file)) => file,
        _ => None,
    }
}

fn help(path: &str, file: &IgnoreFile) -> Option<String> {
    let (number, pattern) = excluding_line(file, path)?;
    let name = Path::new(&file.name).display();
    Some(format!(
        "{path} is left out of the build context by line {number} of {name}: {}; change that line, or add !{path} behind it",
        printable_line(&pattern, QUOTED_CHARACTERS)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_taken_from_what_buildkitd_says() {
        let message = "failed to compute cache key: failed to calculate checksum of ref a::b: \"/d/hello.txt\": not found";
        assert_eq!(missing_path(message), Some("d/hello.txt"));
        assert_eq!(missing_path("exit code: 1"), None);
        assert_eq!(missing_path("x\": not found"), None);
    }

    #[test]
    fn the_help_names_the_file_the_line_and_the_pattern() {
        let file = IgnoreFile { name: "My.dockerignore".to_owned(), text: b"x\nhello*\n".to_vec() };
        assert_eq!(
            help("hello.txt", &file).unwrap(),
            "hello.txt is left out of the build context by line 2 of My.dockerignore: hello*; change that line, or add !hello.txt behind it"
        );
        assert_eq!(help("other", &file), None);
        let text = format!("\u{1b}[2J*{}\n", "*".repeat(200)).into_bytes();
        let long = help("\u{1b}[2Jx", &IgnoreFile { name: "i".to_owned(), text });
        assert!(long.is_none_or(|help| !help.contains(&"*".repeat(80))));
        let text = format!("{}*\n", "x".repeat(200)).into_bytes();
        let long = help(&"x".repeat(200), &IgnoreFile { name: "i".to_owned(), text }).unwrap();
        assert!(long.contains(&format!("of i: {};", "x".repeat(80))), "{long}");
    }
}
