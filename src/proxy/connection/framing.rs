//! Message framing: where each request begins and ends. What two readers could read differently is refused.
//!
//! hyper is lenient where RFC 9112 allows it (bare line feeds, a length beside chunks). This reader sees the same bytes
//! first and accepts only unambiguous requests, which prevents request smuggling.
//! (<https://www.rfc-editor.org/rfc/rfc9112#section-11.2>)

/// Why the head of a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FramingError {
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

impl FramingError {
    const ALL: [Self; 6] =
        [Self::TooLarge, Self::Line, Self::RequestLine, Self::Header, Self::Length, Self::Host];

    /// The method of the placeholder of a refused request. A client that sends it itself gets the same response.
    pub(crate) const PLACEHOLDER_METHOD: &'static str = "REFUSED";

    /// The path of the placeholder.
    fn placeholder_path(self) -> &'static str {
        match self {
            Self::TooLarge => "/head-too-large",
            Self::Line => "/line",
            Self::RequestLine => "/request-line",
            Self::Header => "/header",
            Self::Length => "/length",
            Self::Host => "/host",
        }
    }

    /// The error whose placeholder has this path.
    pub(crate) fn from_placeholder_path(path: &str) -> Self {
        Self::ALL.into_iter().find(|error| error.placeholder_path() == path).unwrap_or(Self::RequestLine)
    }

    /// What is wrong, in the words that the client reads.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::TooLarge => "the request's line and headers are too large",
            Self::Line => "a line of the request's head has control bytes or does not end in CR LF",
            Self::RequestLine => "the request does not begin with METHOD TARGET HTTP/1.1",
            Self::Header => "a header has no proper name",
            Self::Length => "the lengths of the request's body conflict or cannot be read",
            Self::Host => "the request needs exactly one Host header",
        }
    }

    /// A well-formed request that takes the place of the refused one, so that the error is answered in the right order
    /// behind the requests before it.
    pub(crate) fn placeholder_request(self) -> Vec<u8> {
        format!(
            "{} {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
            Self::PLACEHOLDER_METHOD,
            self.placeholder_path()
        )
        .into()
    }
}

/// The error for chunks that do not follow the chunked coding.
/// (<https://www.rfc-editor.org/rfc/rfc9112#section-7.1>)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MalformedChunks;

/// The framing of the requests of one connection, which are read one after the other.
#[derive(Debug)]
pub(crate) struct Framing {
    state: FramingState,
    /// How many bytes of an incomplete head have been searched for its end.
    searched: usize,
    head_limit: usize,
}

/// What comes next on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FramingState {
    Head,
    /// So many further bytes of a body of known length.
    Body(u64),
    /// The digits of a chunk's size so far, and how many there are.
    ChunkSize(u64, u8),
    /// After the digits' CR.
    ChunkSizeEnd(u64),
    /// So many further bytes of a chunk.
    Chunk(u64),
    ChunkEnd,
    ChunkEndLf,
    /// After the last chunk: trailers are not accepted.
    LastEnd,
    LastEndLf,
}

impl Framing {
    pub(crate) const fn new(head_limit: usize) -> Self {
        Self { state: FramingState::Head, searched: 0, head_limit }
    }

    /// Whether bytes of a body come next.
    pub(crate) fn is_in_body(&self) -> bool {
        self.state != FramingState::Head
    }

    /// The length of the head that `input` begins with; none while it is incomplete. The next call has to pass the same
    /// bytes and more.
    ///
    /// # Errors
    /// [`FramingError`] if the head is refused.
    pub(crate) fn head(&mut self, input: &[u8]) -> Option<Result<usize, FramingError>> {
        let end = head_end(input, self.searched);
        self.searched = input.len();
        if end.unwrap_or(input.len()) > self.head_limit {
            return Some(Err(FramingError::TooLarge));
        }
        let end = end?;
        self.searched = 0;
        Some(state_after_head(&input[..end]).map(|state| {
            self.state = state;
            end
        }))
    }

    /// How many of the next `bytes` belong to the current body: fewer than all once it is over.
    ///
    /// # Errors
    /// [`MalformedChunks`] if they are no valid chunks.
    pub(crate) fn body(&mut self, bytes: &[u8]) -> Result<usize, MalformedChunks> {
        let mut at = 0;
        while at < bytes.len() && self.is_in_body() {
            at += self.part_of_body(&bytes[at..]).ok_or(MalformedChunks)?;
        }
        Ok(at)
    }

    /// Takes the next part of a body and returns its length; none if it is malformed.
    fn part_of_body(&mut self, rest: &[u8]) -> Option<usize> {
        let (state, taken) = match (self.state, rest[0]) {
            (FramingState::Body(left), _) => {
                let taken = clamp(left, rest.len());
                let left = left - taken as u64;
                (if left == 0 { FramingState::Head } else { FramingState::Body(left) }, taken)
            }
            (FramingState::ChunkSize(size, digits @ 0..15), c) if c.is_ascii_hexdigit() => {
                let digit = u64::from(char::from(c).to_digit(16)?);
                (FramingState::ChunkSize(size * 16 + digit, digits + 1), 1)
            }
            (FramingState::ChunkSize(size, 1..), b'\r') => (FramingState::ChunkSizeEnd(size), 1),
            (FramingState::ChunkSizeEnd(0), b'\n') => (FramingState::LastEnd, 1),
            (FramingState::ChunkSizeEnd(size), b'\n') => (FramingState::Chunk(size), 1),
            (FramingState::Chunk(left), _) => {
                let taken = clamp(left, rest.len());
                let left = left - taken as u64;
                (if left == 0 { FramingState::ChunkEnd } else { FramingState::Chunk(left) }, taken)
            }
            (FramingState::ChunkEnd, b'\r') => (FramingState::ChunkEndLf, 1),
            (FramingState::ChunkEndLf, b'\n') => (FramingState::ChunkSize(0, 0), 1),
            (FramingState::LastEnd, b'\r') => (FramingState::LastEndLf, 1),
            (FramingState::LastEndLf, b'\n') => (FramingState::Head, 1),
            _ => return None,
        };
        self.state = state;
        Some(taken)
    }
}

/// `left` bytes, or as many as there are.
fn clamp(left: u64, available: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(available)
}

/// The end of the head that `input` begins with; its first `searched` bytes hold none. The end is after CR LF CR LF, or
/// after the first line end that is not CR LF, so that such a head is refused at once.
fn head_end(input: &[u8], searched: usize) -> Option<usize> {
    for at in memchr::memchr_iter(b'\n', &input[searched..]).map(|at| searched + at) {
        let bare = at == 0 || input[at - 1] != b'\r';
        let empty_line = at == 1 || (at >= 3 && input[at - 2] == b'\n');
        if bare || empty_line {
            return Some(at + 1);
        }
    }
    None
}

/// What follows a complete head: a body of known length, chunks, or the next head.
/// (<https://www.rfc-editor.org/rfc/rfc9112#section-6.3>)
fn state_after_head(head: &[u8]) -> Result<FramingState, FramingError> {
    let head = head.strip_suffix(b"\r\n\r\n").ok_or(FramingError::Line)?;
    let text = |byte: u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
    let mut lines: Vec<&[u8]> = head.split(|byte| *byte == b'\n').collect();
    let last = lines.len() - 1;
    for (index, line) in lines.iter_mut().enumerate() {
        if index < last {
            *line = line.strip_suffix(b"\r").ok_or(FramingError::Line)?;
        }
        if !line.iter().all(|byte| text(*byte)) {
            return Err(FramingError::Line);
        }
    }
    let (request_line, headers) = lines.split_first().ok_or(FramingError::RequestLine)?;
    let http_11 = is_http_11(request_line).ok_or(FramingError::RequestLine)?;
    let (mut hosts, mut length, mut chunked) = (0, None, false);
    for line in headers {
        let colon = line.iter().position(|byte| *byte == b':').ok_or(FramingError::Header)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return Err(FramingError::Header);
        }
        match name.to_ascii_lowercase().as_slice() {
            b"host" => hosts += 1,
            b"content-length" => {
                let digits = (1..=18).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
                if length.is_some() || !digits {
                    return Err(FramingError::Length);
                }
                length = std::str::from_utf8(value).ok().and_then(|text| text.parse::<u64>().ok());
            }
            b"transfer-encoding" => {
                if chunked || !http_11 || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(FramingError::Length);
                }
                chunked = true;
            }
            _ => {}
        }
    }
    if hosts > 1 || (http_11 && hosts == 0) {
        return Err(FramingError::Host);
    }
    match (length, chunked) {
        (Some(_), true) => Err(FramingError::Length),
        (Some(0) | None, false) => Ok(FramingState::Head),
        (Some(length), false) => Ok(FramingState::Body(length)),
        (None, true) => Ok(FramingState::ChunkSize(0, 0)),
    }
}

/// Visible characters that no URI contains, and `#`, since a fragment is never sent.
/// (<https://www.rfc-editor.org/rfc/rfc3986#appendix-A>)
const NOT_IN_URI: &[u8] = b"\"#<>\\^`{|}";

/// Whether the version in a request line is 1.1 and not 1.0; none if the line is malformed.
/// (<https://www.rfc-editor.org/rfc/rfc9112#section-3>)
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

/// Whether a byte may be part of a header's name.
/// (<https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2>)
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
