//! Finds where requests begin and end, and refuses everything that two readers could read differently.
//!
//! hyper is lenient where RFC 9112 lets it be (bare line feeds, a length beside chunks). This reader sees
//! the same bytes first and lets only unambiguous requests through.
//! (<https://www.rfc-editor.org/rfc/rfc9112#section-11.2>)

/// Why a request's head is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// More bytes than allowed.
    TooLarge,
    /// A line that does not end in CR LF, or holds control bytes.
    Line,
    /// No `METHOD TARGET HTTP/1.x`.
    RequestLine,
    /// A header without a proper name, or folded over lines.
    Header,
    /// Body lengths that conflict or cannot be read.
    Length,
    /// None or several `Host`.
    Host,
}

impl Refusal {
    const ALL: [Self; 6] =
        [Self::TooLarge, Self::Line, Self::RequestLine, Self::Header, Self::Length, Self::Host];

    /// The method of the request that stands for a refused one. A client that sends it itself gets the
    /// same answer.
    pub(crate) const METHOD: &'static str = "REFUSED";

    fn path(self) -> &'static str {
        match self {
            Self::TooLarge => "/head-too-large",
            Self::Line => "/line",
            Self::RequestLine => "/request-line",
            Self::Header => "/header",
            Self::Length => "/length",
            Self::Host => "/host",
        }
    }

    /// The refusal that [`Refusal::request`] wrote this path for.
    pub(crate) fn from_path(path: &str) -> Self {
        Self::ALL.into_iter().find(|refusal| refusal.path() == path).unwrap_or(Self::RequestLine)
    }

    /// What is wrong, for the client.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::TooLarge => "the request's line and headers are too large",
            Self::Line => "a line of the request's head has control bytes or does not end in CR LF",
            Self::RequestLine => "the request does not begin with METHOD TARGET HTTP/1.1",
            Self::Header => "a header has no proper name",
            Self::Length => "the lengths of the request's body conflict or cannot be read",
            Self::Host => "the request needs exactly one Host header",
        }
    }

    /// A well-formed request that takes the place of the refused one, so that it is answered in its turn.
    pub(crate) fn request(self) -> Vec<u8> {
        format!("{} {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", Self::METHOD, self.path())
            .into()
    }
}

/// The chunks of a body are malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadBody;

/// Reads one connection's bytes, one request after the other.
#[derive(Debug)]
pub(crate) struct Framing {
    state: State,
    /// How many bytes of a head that is not complete have been looked at.
    looked: usize,
    head_limit: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Body(u64),
    /// The digits of a chunk's size so far, and how many there are.
    ChunkSize(u64, u8),
    /// After the digits' CR.
    ChunkSizeEnd(u64),
    Chunk(u64),
    ChunkEnd,
    ChunkEndLf,
    /// After the last chunk: trailers are not accepted.
    LastEnd,
    LastEndLf,
}

impl Framing {
    pub(crate) const fn new(head_limit: usize) -> Self {
        Self { state: State::Head, looked: 0, head_limit }
    }

    /// Whether bytes of a body come next.
    pub(crate) fn is_in_body(&self) -> bool {
        self.state != State::Head
    }

    /// The length of the head that `input` begins with; none while it is not complete. To be called again with the
    /// same bytes and more.
    ///
    /// # Errors
    /// Why the head is refused.
    pub(crate) fn head(&mut self, input: &[u8]) -> Option<Result<usize, Refusal>> {
        let end = head_end(input, self.looked);
        self.looked = input.len();
        if end.unwrap_or(input.len()) > self.head_limit {
            return Some(Err(Refusal::TooLarge));
        }
        let end = end?;
        self.looked = 0;
        Some(body_of(&input[..end]).map(|state| {
            self.state = state;
            end
        }))
    }

    /// How many of `bytes`, the next ones, belong to the body that has begun: fewer than all once it is over.
    ///
    /// # Errors
    /// [`BadBody`] if they are no body.
    pub(crate) fn body(&mut self, bytes: &[u8]) -> Result<usize, BadBody> {
        let mut at = 0;
        while at < bytes.len() && self.is_in_body() {
            at += self.part_of_body(&bytes[at..]).ok_or(BadBody)?;
        }
        Ok(at)
    }

    /// Takes the next part of a body; none if it is malformed.
    fn part_of_body(&mut self, rest: &[u8]) -> Option<usize> {
        let (state, taken) = match (self.state, rest[0]) {
            (State::Body(left), _) => {
                let taken = clamp(left, rest.len());
                let left = left - taken as u64;
                (if left == 0 { State::Head } else { State::Body(left) }, taken)
            }
            (State::ChunkSize(size, digits @ 0..15), c) if c.is_ascii_hexdigit() => {
                let digit = u64::from(char::from(c).to_digit(16)?);
                (State::ChunkSize(size * 16 + digit, digits + 1), 1)
            }
            (State::ChunkSize(size, 1..), b'\r') => (State::ChunkSizeEnd(size), 1),
            (State::ChunkSizeEnd(0), b'\n') => (State::LastEnd, 1),
            (State::ChunkSizeEnd(size), b'\n') => (State::Chunk(size), 1),
            (State::Chunk(left), _) => {
                let taken = clamp(left, rest.len());
                let left = left - taken as u64;
                (if left == 0 { State::ChunkEnd } else { State::Chunk(left) }, taken)
            }
            (State::ChunkEnd, b'\r') => (State::ChunkEndLf, 1),
            (State::ChunkEndLf, b'\n') => (State::ChunkSize(0, 0), 1),
            (State::LastEnd, b'\r') => (State::LastEndLf, 1),
            (State::LastEndLf, b'\n') => (State::Head, 1),
            _ => return None,
        };
        self.state = state;
        Some(taken)
    }
}

fn clamp(left: u64, available: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(available)
}

/// Where the head ends that `input` begins with, whose first `looked` bytes hold no end: after CR LF CR LF, or at the
/// first line end that is not CR LF, so that it is refused at once.
fn head_end(input: &[u8], looked: usize) -> Option<usize> {
    for at in memchr::memchr_iter(b'\n', &input[looked..]).map(|at| looked + at) {
        let bare = at == 0 || input[at - 1] != b'\r';
        let empty_line = at == 1 || (at >= 3 && input[at - 2] == b'\n');
        if bare || empty_line {
            return Some(at + 1);
        }
    }
    None
}

/// What follows a complete head.
fn body_of(head: &[u8]) -> Result<State, Refusal> {
    let head = head.strip_suffix(b"\r\n\r\n").ok_or(Refusal::Line)?;
    let text = |byte: u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
    let mut lines: Vec<&[u8]> = head.split(|byte| *byte == b'\n').collect();
    let last = lines.len() - 1;
    for (index, line) in lines.iter_mut().enumerate() {
        if index < last {
            *line = line.strip_suffix(b"\r").ok_or(Refusal::Line)?;
        }
        if !line.iter().all(|byte| text(*byte)) {
            return Err(Refusal::Line);
        }
    }
    let (request_line, headers) = lines.split_first().ok_or(Refusal::RequestLine)?;
    let http_11 = is_http_11(request_line).ok_or(Refusal::RequestLine)?;
    let (mut hosts, mut length, mut chunked) = (0, None, false);
    for line in headers {
        let colon = line.iter().position(|byte| *byte == b':').ok_or(Refusal::Header)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return Err(Refusal::Header);
        }
        match name.to_ascii_lowercase().as_slice() {
            b"host" => hosts += 1,
            b"content-length" => {
                let digits = (1..=18).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
                if length.is_some() || !digits {
                    return Err(Refusal::Length);
                }
                length = std::str::from_utf8(value).ok().and_then(|text| text.parse::<u64>().ok());
            }
            b"transfer-encoding" => {
                if chunked || !http_11 || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Refusal::Length);
                }
                chunked = true;
            }
            _ => {}
        }
    }
    if hosts > 1 || (http_11 && hosts == 0) {
        return Err(Refusal::Host);
    }
    match (length, chunked) {
        (Some(_), true) => Err(Refusal::Length),
        (Some(0) | None, false) => Ok(State::Head),
        (Some(length), false) => Ok(State::Body(length)),
        (None, true) => Ok(State::ChunkSize(0, 0)),
    }
}

/// Visible characters that no URI has; a fragment is never sent.
/// (<https://www.rfc-editor.org/rfc/rfc3986#appendix-A>)
const NOT_IN_URI: &[u8] = b"\"#<>\\^`{|}";

/// Whether a request line is of HTTP/1.1, not 1.0; none if it is neither.
fn is_http_11(line: &[u8]) -> Option<bool> {
    let mut words = line.split(|byte| *byte == b' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let valid = words.next().is_none()
        && !method.is_empty()
        && method.iter().all(u8::is_ascii_uppercase)
        && !target.is_empty()
        && target.iter().all(|byte| (b'!'..=b'~').contains(byte) && !NOT_IN_URI.contains(byte));
    match version {
        b"HTTP/1.1" if valid => Some(true),
        b"HTTP/1.0" if valid => Some(false),
        _ => None,
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
