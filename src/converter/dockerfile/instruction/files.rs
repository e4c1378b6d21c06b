//! COPY and ADD.

use std::collections::BTreeMap;
use std::mem::take;

use super::flag_values::{Flag, Takes, Values};
use crate::converter::dockerfile::ast::{Add, Copy, SourceContent, SourcesAndDest};
use crate::converter::dockerfile::error::ErrorKind;
use crate::converter::dockerfile::syntax::Node;
use crate::converter::dockerfile::syntax::heredoc::{chomp, parse_heredoc};

const ADD_FLAGS: [Flag; 7] = [
    ("chown", Takes::Text),
    ("chmod", Takes::Text),
    ("checksum", Takes::Text),
    ("link", Takes::Bool),
    ("keep-git-dir", Takes::Bool),
    ("unpack", Takes::Bool),
    ("exclude", Takes::Texts),
];

const COPY_FLAGS: [Flag; 6] = [
    ("chown", Takes::Text),
    ("from", Takes::Text),
    ("chmod", Takes::Text),
    ("link", Takes::Bool),
    ("parents", Takes::Bool),
    ("exclude", Takes::Texts),
];

pub(super) fn add(node: &mut Node<'_>) -> Result<Add, ErrorKind> {
    let (sources, dest) = sources_and_dest(node, "ADD")?;
    let flags = Values::parse(&node.flags, &ADD_FLAGS)?;
    Ok(Add {
        files: files(node, sources, dest, "ADD")?,
        chown: flags.text("chown"),
        chmod: flags.text("chmod"),
        link: flags.bool("link").unwrap_or_default(),
        keep_git_dir: flags.bool("keep-git-dir"),
        checksum: flags.text("checksum"),
        exclude: flags.texts("exclude").map(str::to_owned).collect(),
        unpack: flags.bool("unpack"),
    })
}

pub(super) fn copy(node: &mut Node<'_>) -> Result<Copy, ErrorKind> {
    let (sources, dest) = sources_and_dest(node, "COPY")?;
    let flags = Values::parse(&node.flags, &COPY_FLAGS)?;
    Ok(Copy {
        files: files(node, sources, dest, "COPY")?,
        from: flags.text("from"),
        chown: flags.text("chown"),
        chmod: flags.text("chmod"),
        link: flags.bool("link").unwrap_or_default(),
        exclude: flags.texts("exclude").map(str::to_owned).collect(),
        parents: flags.bool("parents").unwrap_or_default(),
    })
}

/// Takes out sources, of which there is at least one, and destination.
fn sources_and_dest(
    node: &mut Node<'_>,
    instruction: &'static str,
) -> Result<(Vec<String>, String), ErrorKind> {
    let mut words = take(&mut node.args.words);
    match words.pop() {
        Some(dest) if !words.is_empty() => Ok((words, dest)),
        _ => Err(ErrorKind::NoDestination { instruction }),
    }
}

fn files(
    node: &Node<'_>,
    sources: Vec<String>,
    dest: String,
    instruction: &'static str,
) -> Result<SourcesAndDest, ErrorKind> {
    if parse_heredoc(&dest).is_some() {
        return Err(ErrorKind::HeredocDestination { instruction });
    }
    if !sources.iter().any(|source| parse_heredoc(source).is_some()) {
        return Ok(SourcesAndDest { dest, paths: sources, contents: Vec::new() });
    }
    // Of several here-documents with one name BuildKit takes the last.
    let contents: BTreeMap<&str, &[u8]> =
        node.heredocs.iter().map(|heredoc| (heredoc.name.as_str(), heredoc.content.as_slice())).collect();
    let mut files = SourcesAndDest { dest, ..SourcesAndDest::default() };
    for source in sources {
        let Some(word) = parse_heredoc(&source) else {
            files.paths.push(source);
            continue;
        };
        let data = contents.get(word.name.as_str()).copied().unwrap_or_default();
        files.contents.push(SourceContent {
            data: if word.chomp { chomp(data) } else { data.to_vec() },
            path: word.name,
            expand: word.expand,
        });
    }
    Ok(files)
}
