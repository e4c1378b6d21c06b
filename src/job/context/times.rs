//! The times of remote sources, for `SOURCE_DATE_EPOCH`: of a commit, of a file, of the newest file of an archive.
//!
//! Source: frontend/dockerfile/dockerfile2llb/epoch.go.

use llb::{Constraints, Graph, MarshalOptions};

use super::archive::{HEADER_BYTES, is_archive, is_zstd};
use crate::buildkit::proto::{frontend, pb};
use crate::buildkit::session::file_mode;
use crate::buildkit::{FileRange, Gateway, ResultReference, SolveOptions};
use crate::converter::lower::{llb_platform, source_op, unpacked};
use crate::converter::plan::RemoteSource;
use crate::image::Platform;
use crate::job::failure::LookupFailure;

const NANOSECONDS: i64 = 1_000_000_000;

/// Returns the time of `source` in seconds since 1970, `None` where it has none. `log_name` is its name in the progress.
///
/// # Errors
/// [`LookupFailure::Daemon`], [`LookupFailure::Encoding`].
pub(crate) async fn source_time(
    gateway: &Gateway,
    source: &RemoteSource,
    log_name: &str,
    platform: &Platform,
) -> Result<Option<i64>, LookupFailure> {
    let op = source_op(source);
    let message = pb::SourceOp { identifier: op.identifier().into_owned(), attrs: op.attrs("") };
    let is_git = matches!(source, RemoteSource::Git { .. });
    let request = frontend::ResolveSourceMetaRequest {
        source: Some(message),
        log_name: log_name.to_owned(),
        git: is_git.then_some(frontend::ResolveSourceGitRequest { return_object: true }),
        ..Default::default()
    };
    let reply = gateway.resolve_source_meta(request).await?;
    if let Some(git) = reply.git.filter(|git| !git.commit_object.is_empty()) {
        return Ok(committer_time(&git.commit_object));
    }
    if let Some(time) = reply.http.and_then(|http| http.last_modified) {
        return Ok(Some(time.seconds));
    }
    match source {
        RemoteSource::Http { filename, .. } => archive_time(gateway, source, filename, platform).await,
        RemoteSource::Git { .. } => Ok(None),
    }
}

/// Returns when a commit was made, in seconds since 1970 (BuildKit: util/gitutil/gitobject).
fn committer_time(commit: &[u8]) -> Option<i64> {
    let mut headers = commit.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    let committer = headers.find_map(|line| line.strip_prefix(b"committer "))?;
    let end_of_address = committer.iter().rposition(|byte| *byte == b'>')?;
    let times = str::from_utf8(&committer[end_of_address + 1..]).ok()?;
    times.split_whitespace().next()?.parse().ok()
}

/// Returns the time of the newest file of the archive at a web address; `None` where it is no archive. buildkitd unpacks
/// it, as it does for the build.
async fn archive_time(
    gateway: &Gateway,
    source: &RemoteSource,
    filename: &str,
    platform: &Platform,
) -> Result<Option<i64>, LookupFailure> {
    let mut graph = Graph::new();
    let file = graph.source(source_op(source), Constraints::default());
    let files = unpacked(&mut graph, file, filename);
    let solve = async |root| {
        let options = MarshalOptions::new(llb_platform(platform), String::new());
        let definition = graph.clone().marshal(root, &options)?;
        Ok::<_, LookupFailure>(gateway.solve(definition.encode(), SolveOptions::default()).await?)
    };
    let Some(file) = solve(file).await? else { return Ok(None) };
    let range = FileRange { offset: 0, length: HEADER_BYTES as u64 };
    let header = gateway.read_file(&file, filename, Some(range)).await?.unwrap_or_default();
    if !is_archive(&header) && !is_zstd(&header) {
        return Ok(None);
    }
    let length = gateway.stat_file(&file, filename).await?.map(|stat| stat.size);
    let Some(files) = solve(files).await? else { return Ok(None) };
    newest(gateway, &files, (filename, length)).await
}

/// Returns the time of the newest regular file. What buildkitd could not unpack lies there as it was: `packed` has its
/// name and length.
async fn newest(
    gateway: &Gateway,
    files: &ResultReference,
    packed: (&str, Option<i64>),
) -> Result<Option<i64>, LookupFailure> {
    let mut newest: Option<i64> = None;
    let mut folders = vec![String::from("/")];
    while let Some(folder) = folders.pop() {
        let entries = gateway.read_dir(files, &folder, "").await?.unwrap_or_default();
        if let ("/", [only]) = (folder.as_str(), entries.as_slice())
            && (only.path.as_str(), Some(only.size)) == packed
        {
            return Ok(None);
        }
        for entry in entries {
            if entry.mode & file_mode::DIR != 0 {
                folders.push(format!("{folder}{}/", entry.path));
            } else if entry.mode & file_mode::TYPE == 0 {
                newest = newest.max(Some(entry.mod_time.div_euclid(NANOSECONDS)));
            }
        }
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_commit_is_its_committers() {
        let commit = b"tree 1\nparent 2\nauthor A <a@x> 1 +0000\ncommitter B > C <b@x> 981173106 +0100\n\ncommitter D <d@x> 5 +0000\n";
        assert_eq!(committer_time(commit), Some(981_173_106));
        for other in
            [&b""[..], b"tree 1\n\ncommitter D <d@x> 5 +0000", b"committer B", b"committer B <b> x +0"]
        {
            assert_eq!(committer_time(other), None);
        }
    }
}
