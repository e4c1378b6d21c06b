//! Where a build writes on this machine: no two flags may name one place.

use std::path::{Path, PathBuf};

use super::Args;
use crate::cli::values::{ValueError, output};
use crate::diag::visible_path;
use crate::job::{Destination, Output};

/// What a flag names standard output by.
const STANDARD_OUTPUT: &str = "-";

/// Checks that what a build writes goes to different places. Otherwise one thing would replace the other.
///
/// # Errors
/// [`ValueError::SamePlace`].
pub(super) fn check(args: &Args, outputs: &[Output], current_dir: &Path) -> Result<(), ValueError> {
    let mut seen: Vec<(PathBuf, String)> = Vec::new();
    for (flag, path) in named(args, outputs) {
        let Some(place) = place(path, current_dir) else { continue };
        let second = format!("{flag}{}", visible_path(path));
        if let Some((_, first)) = seen.iter().find(|(other, _)| *other == place) {
            return Err(ValueError::SamePlace { first: first.clone(), second });
        }
        seen.push((place, second));
    }
    Ok(())
}

/// The places that are written to, and the flags that name them.
fn named<'a>(args: &'a Args, outputs: &'a [Output]) -> impl Iterator<Item = (&'static str, &'a Path)> {
    let of_output = |output: &'a Output| match &output.destination {
        Destination::Folder(folder) => Some(("--output dest=", folder.path.as_path())),
        Destination::Layout(path) | Destination::File(path) => Some(("--output dest=", path.as_path())),
        Destination::Stdout => Some(("--output ", Path::new(STANDARD_OUTPUT))),
        Destination::Daemon | Destination::Nowhere | Destination::Engine(_) => None,
    };
    let files = [
        ("--metadata-file ", &args.metadata_file),
        ("--iidfile ", &args.iidfile),
        ("--image-lock-out ", &args.image_lock_out),
    ];
    let files = files.into_iter().filter_map(|(flag, path)| Some((flag, path.as_deref()?)));
    let reports = args.reports.iter().map(|path| ("--report ", path.as_path()));
    outputs.iter().filter_map(of_output).chain(files).chain(reports)
}

/// The place without links, as far as it exists; `None` for a device or a pipe, which takes what several write.
fn place(path: &Path, current_dir: &Path) -> Option<PathBuf> {
    if path == Path::new(STANDARD_OUTPUT) {
        return Some(path.to_owned());
    }
    let path = current_dir.join(path);
    let is_special = path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir());
    (!is_special).then(|| output::resolved(&path).unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::pflag::parse_args;

    #[test]
    fn no_two_flags_write_to_one_place() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        std::os::unix::fs::symlink("sub", dir.path().join("link")).unwrap();
        let check = |line: &[&str]| {
            let args: Args = parse_args(line).unwrap();
            let outputs: Vec<Output> = args.outputs.iter().map(|text| output::parse(text).unwrap()).collect();
            check(&args, &outputs, dir.path()).map_err(|error| error.to_string())
        };
        let same = |first: &str, second: &str| {
            Err(format!("{first} and {second} write to the same place; give each one of its own"))
        };
        assert_eq!(
            check(&["-o", "type=tar,dest=a", "-o", "type=oci,dest=./a"]),
            same("--output dest=a", "--output dest=./a")
        );
        assert_eq!(check(&["-o", "out", "-o", "out"]), same("--output dest=out", "--output dest=out"));
        assert_eq!(check(&["-o", "-", "-o", "type=oci"]), same("--output -", "--output -"));
        assert_eq!(
            check(&["-o", "type=tar,dest=link/x/y", "--metadata-file", "sub/x/y"]),
            same("--output dest=link/x/y", "--metadata-file sub/x/y")
        );
        assert_eq!(
            check(&["--iidfile", "f.json", "--report", "f.json"]),
            same("--iidfile f.json", "--report f.json")
        );
        assert_eq!(
            check(&["--metadata-file", "f", "--image-lock-out", "sub/../f"]),
            same("--metadata-file f", "--image-lock-out sub/../f")
        );
        for line in [
            &["-o", "out", "-o", "type=tar,dest=out.tar", "--metadata-file", "out/meta.json"][..],
            &["-o", "type=tar,dest=/dev/null", "--iidfile", "/dev/null", "--metadata-file", "/dev/null"],
            &["-o", "type=image,name=a", "-o", "type=image,name=a", "-o", "-"],
        ] {
            assert_eq!(check(line), Ok(()), "{line:?}");
        }
    }
}
