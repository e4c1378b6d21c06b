//! The archive of an image on its way into an engine.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio_util::sync::PollSender;
use tokio_util::task::AbortOnDropHandle;

use super::address::EngineAddress;
use super::connection::{self, Answer, refusal};
use super::error::EngineError;
use super::messages::Messages;
use crate::http::body::BoxError;
use crate::job::progress_link::ProgressLink;
use crate::progress::{Step, StepTransfer};

/// Pieces of the archive that may wait for the engine. buildkitd sends pieces of at most 3 MiB.
const WAITING_PIECES: usize = 4;
/// The longest message of an engine, in bytes.
const MAX_MESSAGE_BYTES: usize = 1 << 20;
/// What is kept of what podman says, in bytes.
const MAX_PODMAN_WORDS: usize = 4096;

/// Why an archive did not get into its engine; empty where it did, or was never sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct LoadFailure(Arc<Mutex<Option<EngineError>>>);

impl LoadFailure {
    /// Takes the reason.
    pub(crate) fn take(&self) -> Option<EngineError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, error: EngineError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}

/// A part of the archive.
enum Piece {
    Data(Bytes),
    End,
}

/// Where the archive for an engine is written to. Shutting it down waits until the image is loaded; dropping it before
/// makes the engine forget what came.
#[derive(Debug)]
pub(crate) struct EngineWriter {
    state: State,
}

enum State {
    /// Nothing was written yet.
    Idle { address: EngineAddress, progress: ProgressLink, failure: LoadFailure },
    /// The archive is on its way.
    Loading { pieces: PollSender<Piece>, load: AbortOnDropHandle<Result<(), String>> },
    /// The image is loaded, or never will be.
    Over,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Idle { .. } => "Idle",
            Self::Loading { .. } => "Loading",
            Self::Over => "Over",
        })
    }
}

impl EngineWriter {
    pub(super) const fn new(address: EngineAddress, progress: ProgressLink, failure: LoadFailure) -> Self {
        Self { state: State::Idle { address, progress, failure } }
    }

    /// Begins the load at the first piece.
    fn begin(&mut self) {
        if let State::Idle { address, progress, failure } = std::mem::replace(&mut self.state, State::Over) {
            let (pieces, received) = mpsc::channel(WAITING_PIECES);
            let load = tokio::spawn(async move {
                load(&address, &progress, received).await.map_err(|error| {
                    let words = crate::diag::with_causes(&error);
                    // That it broke off is no reason: whoever broke it off has one.
                    if !matches!(error, EngineError::BrokenOff) {
                        failure.set(error);
                    }
                    words
                })
            });
            self.state =
                State::Loading { pieces: PollSender::new(pieces), load: AbortOnDropHandle::new(load) };
        }
    }

    /// Waits for the engine, whose answer is the last word.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let State::Loading { load, .. } = &mut self.state else { return Poll::Ready(Ok(())) };
        let ended = ready!(Pin::new(load).poll(cx));
        self.state = State::Over;
        Poll::Ready(match ended {
            Ok(loaded) => loaded.map_err(io::Error::other),
            Err(panicked) => Err(io::Error::other(panicked)),
        })
    }
}

impl AsyncWrite for EngineWriter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if matches!(self.state, State::Idle { .. }) {
            self.begin();
        }
        let State::Loading { pieces, .. } = &mut self.state else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        if ready!(pieces.poll_reserve(cx)).is_ok() {
            let sent = pieces.send_item(Piece::Data(Bytes::copy_from_slice(data)));
            if sent.is_ok() {
                return Poll::Ready(Ok(data.len()));
            }
        }
        // The engine takes no more: it says why.
        ready!(self.poll_answer(cx))?;
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.state, State::Idle { .. }) {
            self.begin();
        }
        if let State::Loading { pieces, .. } = &mut self.state
            && !pieces.is_closed()
            && ready!(pieces.poll_reserve(cx)).is_ok()
        {
            let _ = pieces.send_item(Piece::End);
            pieces.close();
        }
        self.poll_answer(cx)
    }
}

/// Loads the archive that comes as `pieces`, as a step of the build.
async fn load(
    address: &EngineAddress,
    progress: &ProgressLink,
    pieces: mpsc::Receiver<Piece>,
) -> Result<(), EngineError> {
    let updates = progress.updates();
    let step = match updates {
        Some(updates) => {
            let id = format!("load-{:032x}", rand::random::<u128>());
            let engine = if matches!(address, EngineAddress::Podman(_)) { "podman" } else { "docker" };
            Some(Step::begin(updates, &id, &format!("loading into {engine}")).await)
        }
        None => None,
    };
    let loaded = match address {
        EngineAddress::Podman(program) => by_podman(program, step.as_ref(), pieces).await,
        _ => by_http(address, step.as_ref(), pieces).await,
    };
    if let Some(step) = step {
        let error = loaded.as_ref().err().map(|error| crate::diag::with_causes(error)).unwrap_or_default();
        step.end(&error).await;
    }
    loaded
}

/// The archive as it passes, with its progress.
struct Archive {
    pieces: mpsc::Receiver<Piece>,
    sent: u64,
    progress: Option<StepTransfer>,
}

impl Archive {
    fn new(pieces: mpsc::Receiver<Piece>, step: Option<&Step>) -> Self {
        Self { pieces, sent: 0, progress: step.map(|step| step.begin_transfer("sending the image")) }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`EngineError::BrokenOff`] where there is no end.
    async fn next(&mut self) -> Result<Option<Bytes>, EngineError> {
        let piece = self.pieces.recv().await;
        let is_last = !matches!(piece, Some(Piece::Data(_)));
        if let Some(Piece::Data(data)) = &piece {
            self.sent += data.len() as u64;
        }
        if let Some(progress) = &mut self.progress {
            progress.reach(self.sent, if is_last { self.sent } else { 0 }).await;
        }
        match piece {
            Some(Piece::Data(data)) => Ok(Some(data)),
            Some(Piece::End) => Ok(None),
            None => Err(EngineError::BrokenOff),
        }
    }
}

/// Loads by `POST /images/load`.
async fn by_http(
    address: &EngineAddress,
    step: Option<&Step>,
    pieces: mpsc::Receiver<Piece>,
) -> Result<(), EngineError> {
    let frames = stream::try_unfold(Archive::new(pieces, step), async |mut archive| {
        let data = archive.next().await?;
        Ok::<_, BoxError>(data.map(|data| (Frame::data(data), archive)))
    });
    let request = Request::post("/images/load?quiet=0")
        .header(header::CONTENT_TYPE, "application/x-tar")
        .body(StreamBody::new(frames).boxed_unsync())
        .expect("a plain request");
    let sent = connection::send(address, request).await.map_err(|error| match error {
        EngineError::Broken { source, .. } if broke_off(source.as_ref()) => EngineError::BrokenOff,
        error => error,
    });
    let Answer { response, connection: _connection } = sent?;
    let status = response.status();
    let mut messages = Messages::default();
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|source| EngineError::Broken { address: address.to_string(), source })?;
        let Ok(data) = frame.into_data() else { continue };
        messages.bytes.extend_from_slice(&data);
        if status == StatusCode::OK {
            messages.take(address, step).await?;
        }
        if messages.bytes.len() > MAX_MESSAGE_BYTES {
            let source = format!("a message of more than {MAX_MESSAGE_BYTES} bytes").into();
            return Err(EngineError::Broken { address: address.to_string(), source });
        }
    }
    if status == StatusCode::OK { Ok(()) } else { Err(refusal(address, status, &messages.bytes)) }
}

/// Whether a request failed because the archive broke off.
fn broke_off(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if matches!(error.downcast_ref(), Some(EngineError::BrokenOff)) {
            return true;
        }
        next = error.source();
    }
    false
}

/// Loads by `podman load`.
async fn by_podman(
    program: &std::path::Path,
    step: Option<&Step>,
    pieces: mpsc::Receiver<Piece>,
) -> Result<(), EngineError> {
    let address = program.display().to_string();
    let failed = |source| EngineError::Connect { address: address.clone(), source };
    let mut child = tokio::process::Command::new(program)
        .arg("load")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(input), Some(output), Some(errors)) = (input, output, errors) else {
        return Err(failed(io::ErrorKind::BrokenPipe.into()));
    };
    let mut input = Some(input);
    let send = async {
        let mut archive = Archive::new(pieces, step);
        while let Some(data) = archive.next().await? {
            // One that ends early says why; its words come below.
            if let Some(input) = &mut input
                && input.write_all(&data).await.is_err()
            {
                break;
            }
        }
        input = None;
        Ok::<_, EngineError>(())
    };
    let heard = async { Ok(tokio::join!(words(output), words(errors))) };
    let ((), (said, complained)) = match tokio::try_join!(send, heard) {
        Ok(ended) => ended,
        Err(broken_off) => {
            // Before it sees an end of its input.
            let _ = child.start_kill();
            return Err(broken_off);
        }
    };
    let status = child.wait().await.map_err(failed)?;
    if !status.success() {
        return Err(EngineError::Podman { status, message: complained });
    }
    if let Some(step) = step {
        step.log(&said).await;
    }
    Ok(())
}

/// The last words of a program.
async fn words(mut output: impl tokio::io::AsyncRead + Unpin) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = output.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..count]);
        let excess = kept.len().saturating_sub(MAX_PODMAN_WORDS);
        kept.drain(..excess);
    }
    let text = String::from_utf8_lossy(&kept);
    crate::diag::visible_lines(&crate::diag::redact(text.trim())).into_owned()
}

#[cfg(test)]
mod tests;
