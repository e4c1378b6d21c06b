//! COPY and ADD.

use std::collections::BTreeMap;

use super::bflags::Flags;
use crate::dockerfile::ast::{Add, Copy, SourceContent, SourcesAndDest};
use crate::dockerfile::error::ErrorKind;
use crate::dockerfile::syntax::Node;
use crate::dockerfile::syntax::heredoc::{chomp, parse_heredoc};

pub(super) fn add(node: &Node) -> Result<Add, ErrorKind> {
    let words = sources_and_dest(node, "ADD")?;
    let flags = Flags::none()
        .texts(&["chown", "chmod", "checksum"])
        .bools(&["link", "keep-git-dir", "unpack"])
        .repeated(&["exclude"])
        .parse(&node.flags)?;
    Ok(Add {
        files: files(node, words, "ADD")?,
        chown: flags.text("chown"),
        chmod: flags.text("chmod"),
        link: flags.bool("link").unwrap_or_default(),
        keep_git_dir: flags.bool("keep-git-dir"),
        checksum: flags.text("checksum"),
        exclude: flags.texts("exclude").to_vec(),
        unpack: flags.bool("unpack"),
    })
}

pub(super) fn copy(node: &Node) -> Result<Copy, ErrorKind> {
    let words = sources_and_dest(node, "COPY")?;
    let flags = Flags::none()
        .texts(&["chown", "from", "chmod"])
        .bools(&["link", "parents"])
        .repeated(&["exclude"])
        .parse(&node.flags)?;
    Ok(Copy {
        files: files(node, words, "COPY")?,
        from: flags.text("from"),
        chown: flags.text("chown"),
        chmod: flags.text("chmod"),
        link: flags.bool("link").unwrap_or_default(),
        exclude: flags.texts("exclude").to_vec(),
        parents: flags.bool("parents").unwrap_or_default(),
    })
}

/// Sources, of which there is at least one, and destination.
fn sources_and_dest<'a>(
    node: &'a Node,
    instruction: &'static str,
) -> Result<(&'a [String], &'a String), ErrorKind> {
    match node.args.split_last() {
        Some((dest, sources)) if !sources.is_empty() => Ok((sources, dest)),
        _ => Err(ErrorKind::NoDestination { instruction }),
    }
}

fn files(
    node: &Node,
    (sources, dest): (&[String], &String),
    instruction: &'static str,
) -> Result<SourcesAndDest, ErrorKind> {
    if parse_heredoc(dest).is_some() {
        return Err(ErrorKind::HeredocDestination { instruction });
    }
    // Of several here-documents with one name BuildKit takes the last.
    let contents: BTreeMap<&str, &[u8]> =
        node.heredocs.iter().map(|heredoc| (heredoc.name.as_str(), heredoc.content.as_slice())).collect();
    let mut files = SourcesAndDest { dest: dest.clone(), ..SourcesAndDest::default() };
    for source in sources {
        let Some(word) = parse_heredoc(source) else {
            files.paths.push(source.clone());
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
