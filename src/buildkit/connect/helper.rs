//! A program whose standard input and output are the connection to a daemon.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{oneshot, watch};
use tower::Service;

use crate::buildkit::address::HelperAddress;
use crate::buildkit::error::Error;
use crate::buildkit::recent_lines::RecentLines;
use crate::diag::visible;
use crate::search_path;

/// How long a program may go on after its connection has ended.
const GRACE: Duration = Duration::from_secs(2);
/// How long a program may take to end, and to say why, once its connection is lost.
const END_TIMEOUT: Duration = Duration::from_secs(2);
/// How long what a program wrote is awaited after it has ended: processes that it left may keep the pipe.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_millis(500);

/// How a program ended, and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelperEnd {
    /// Its status; `None` where it still runs.
    pub status: Option<String>,
    /// The last lines that it wrote on standard error, harmless to a terminal.
    pub log: Vec<String>,
}

impl fmt::Display for HelperEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.status {
            Some(status) => write!(f, "ended ({status})")?,
            None => f.write_str("does not connect")?,
        }
        if let [first, rest @ ..] = self.log.as_slice() {
            write!(f, " and said: {first}")?;
            rest.iter().try_for_each(|line| write!(f, "\n{line}"))?;
        }
        Ok(())
    }
}

/// What is known of the program that a connection goes through: of the last one, where it was started again.
#[derive(Debug, Clone, Default)]
pub(in crate::buildkit) struct HelperRecord(Arc<Mutex<Option<Watched>>>);

/// A program that was started.
#[derive(Debug, Clone)]
struct Watched {
    recent: RecentLines,
    status: watch::Receiver<Option<String>>,
}

impl HelperRecord {
    /// Returns how the program ended, which it may do only now; `None` if it was not started, or runs and is silent.
    pub(in crate::buildkit) async fn end(&self) -> Option<HelperEnd> {
        let watched = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Watched { recent, mut status } = watched?;
        let ended = tokio::time::timeout(END_TIMEOUT, status.wait_for(Option::is_some)).await;
        let status = ended.ok().and_then(Result::ok).and_then(|status| status.clone());
        let log = folded(recent.lines().iter().map(|line| visible(line)));
        (status.is_some() || !log.is_empty()).then_some(HelperEnd { status, log })
    }

    fn set(&self, watched: Watched) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(watched);
    }
}

/// Returns lines without what the logs of Kubernetes' programs put before each (severity, time, place in the program), and
/// those that say the same once, with how often.
fn folded<L: AsRef<str>>(lines: impl IntoIterator<Item = L>) -> Vec<String> {
    let mut counted: Vec<(String, usize)> = Vec::new();
    for line in lines {
        let line = without_log_header(line.as_ref());
        match counted.iter_mut().find(|(known, _)| known == line) {
            Some((_, times)) => *times += 1,
            None => counted.push((line.to_owned(), 1)),
        }
    }
    let text = |(line, times)| if times == 1 { line } else { format!("{line} ({times} times)") };
    counted.into_iter().map(text).collect()
}

/// Returns a line without the header `Lmmdd hh:mm:ss.uuuuuu process file:line] `.
///
/// Source: `formatHeader` in `internal/buffer/buffer.go` of k8s.io/klog.
fn without_log_header(line: &str) -> &str {
    let Some((header, message)) = line.split_once("] ") else { return line };
    let mut words = header.split_ascii_whitespace();
    let mut next_is = |is_it: fn(&str) -> bool| words.next().is_some_and(is_it);
    let is_digits: fn(&str) -> bool = |text| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_header = next_is(|date| date.len() == 5 && date.starts_with(['I', 'W', 'E', 'F']))
        && next_is(|time| time.matches(':').count() == 2)
        && next_is(is_digits)
        && words.next().and_then(|place| place.split_once(':')).is_some_and(|(_, line)| is_digits(line))
        && words.next().is_none();
    if is_header { message } else { line }
}

/// Returns what starts the program of `address` for each connection.
///
/// # Errors
///
/// [`Error::NoHelper`].
pub(super) fn connector(
    address: &HelperAddress,
    record: HelperRecord,
) -> Result<
    impl Service<Uri, Response = TokioIo<HelperConnection>, Error = io::Error, Future: Send> + Send + 'static,
    Error,
> {
    let search_path = std::env::var_os("PATH");
    let program = search_path::find_program(address.program(), search_path.as_deref());
    let missing = || Error::NoHelper { address: address.to_string(), program: address.program() };
    let program = program.ok_or_else(missing)?;
    let search_path = search_path.as_deref().and_then(search_path::absolute).unwrap_or_default();
    let arguments = address.arguments().to_vec();
    Ok(tower::service_fn(move |_: Uri| {
        let started = start(&program, &arguments, &search_path, &record);
        async move { started.map(TokioIo::new) }
    }))
}

/// Starts the program, in a process group of its own: a signal of the terminal is for the build, which then ends the
/// connection in order.
fn start(
    program: &PathBuf,
    arguments: &[String],
    search_path: &OsString,
    record: &HelperRecord,
) -> io::Result<HelperConnection> {
    let mut child = Command::new(program)
        .args(arguments)
        .env("PATH", search_path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(input), Some(output), Some(errors)) = pipes else {
        return Err(io::Error::other("the program has no pipes"));
    };
    let (ended, status) = watch::channel(None);
    let (open, closed) = oneshot::channel();
    let recent = RecentLines::default();
    record.set(Watched { recent: recent.clone(), status });
    tokio::spawn(supervise(child, errors, recent, closed, ended));
    Ok(HelperConnection { input, output, _open: open })
}

/// Reads what the program says and waits for its end, which is made once the connection is dropped. Dropping the future
/// kills the program.
async fn supervise(
    mut child: Child,
    errors: ChildStderr,
    recent: RecentLines,
    closed: oneshot::Receiver<()>,
    ended: watch::Sender<Option<String>>,
) {
    let words = tokio::spawn(recent.fill(errors));
    let status = tokio::select! {
        status = child.wait() => status,
        _ = closed => if let Ok(status) = tokio::time::timeout(GRACE, child.wait()).await {
            status
        } else {
            let _ = child.start_kill();
            child.wait().await
        },
    };
    let _ = tokio::time::timeout(LAST_WORDS_TIMEOUT, words).await;
    ended.send_replace(Some(status.map_or_else(|error| error.to_string(), |status| status.to_string())));
}

/// The connection through a running program. Dropping it ends the program.
#[derive(Debug)]
pub(super) struct HelperConnection {
    input: ChildStdin,
    output: ChildStdout,
    _open: oneshot::Sender<()>,
}

impl AsyncRead for HelperConnection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().output).poll_read(context, buffer)
    }
}

impl AsyncWrite for HelperConnection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().input).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().input).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().input).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_say_the_same_are_said_once() {
        let line = |time: &str, words: &str| {
            format!("E1127 02:53:{time}   41 memcache.go:265] \"Unhandled\" {words}")
        };
        let lines = [
            line("16.000001", "refused"),
            line("16.200000", "refused"),
            "please check".to_owned(),
            line("17.300000", "refused"),
            line("17.300000", "other"),
        ];
        assert_eq!(folded(lines), ["\"Unhandled\" refused (3 times)", "please check", "\"Unhandled\" other"]);
        for line in ["[a] b", "Error: x] y", "E1127 02:53:16 x y:1] z", ""] {
            assert_eq!(without_log_header(line), line);
        }
    }
}
