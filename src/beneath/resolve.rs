//! The links of a path, resolved by their text.
//!
//! Nothing is trusted that is found here: what comes out is opened afterwards in a way that refuses any link.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::readlinkat;
use rustix::io::Errno;

use super::{Error, Root};

/// Links on one path, at most: as many as the kernel follows.
const MAX_LINKS: usize = 40;

/// Returns `asked` without links, `.` and `..`, relative to `root`. What does not exist counts as no link.
pub(super) fn resolve(root: &Root, asked: &Path) -> Result<PathBuf, Error> {
    let mut resolved = PathBuf::new();
    // What is still to be gone through, the next component last.
    let mut rest = Vec::new();
    let mut last_link: Option<PathBuf> = None;
    let mut links = 0;
    if asked.is_absolute() {
        return Err(leads_out(root, asked, None));
    }
    push(&mut rest, asked);
    while let Some(name) = rest.pop() {
        if name == ".." {
            if !resolved.pop() {
                return Err(leads_out(root, asked, last_link));
            }
            continue;
        }
        resolved.push(&name);
        let Ok(target) = readlinkat(root, &resolved, Vec::new()) else { continue };
        links += 1;
        if links > MAX_LINKS {
            return Err(Errno::LOOP.into());
        }
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        last_link = Some(resolved.clone());
        resolved.pop();
        let target = if target.is_absolute() {
            let inside = [&root.path, &root.named].into_iter().find_map(|at| target.strip_prefix(at).ok());
            let Some(inside) = inside else { return Err(leads_out(root, asked, last_link)) };
            resolved.clear();
            inside
        } else {
            &target
        };
        push(&mut rest, target);
    }
    Ok(resolved)
}

/// Adds the components of `path`, the first one last.
fn push(rest: &mut Vec<OsString>, path: &Path) {
    let name = |part| match part {
        Component::Normal(name) => Some(name),
        Component::ParentDir => Some(OsStr::new("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    rest.extend(path.components().rev().filter_map(name).map(OsStr::to_owned));
}

fn leads_out(root: &Root, asked: &Path, link: Option<PathBuf>) -> Error {
    let root = root.path.clone();
    match link {
        Some(link) => Error::LinkLeadsOut { link, root },
        None => Error::LeadsOut { path: asked.to_owned(), root },
    }
}
