use super::*;

/// Why reading ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Refused(FramingError),
    MalformedChunks,
}

/// Everything that passes of `input`, given to the reader in pieces of `piece` bytes, and how it ends.
fn pass(input: &[u8], piece: usize) -> (Vec<u8>, Option<End>) {
    let mut framing = Framing::new(256);
    let (mut passed, mut waiting) = (Vec::new(), Vec::new());
    for bytes in input.chunks(piece) {
        waiting.extend_from_slice(bytes);
        while !waiting.is_empty() {
            let count = if framing.is_in_body() {
                match framing.body(&waiting) {
                    Ok(count) => count,
                    Err(MalformedChunks) => return (passed, Some(End::MalformedChunks)),
                }
            } else {
                match framing.head(&waiting) {
                    Some(Ok(count)) => count,
                    Some(Err(refusal)) => return (passed, Some(End::Refused(refusal))),
                    None => break,
                }
            };
            passed.extend(waiting.drain(..count));
        }
    }
    (passed, None)
}

const GET: &str = "GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n";

#[test]
fn good_requests_pass_unchanged_in_pieces_of_any_size() {
    let input = [
        GET,
        "PUT /a?b=%20 HTTP/1.1\r\nhost:x\r\nContent-Length: 5\r\n\r\n\r\n\n\r\n",
        GET,
        "PATCH /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\na\nb\r\nA\r\n0123456789\r\n0\r\n\r\n",
        "PATCH /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n0123456789abcdefgh\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nX: \r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        GET,
    ]
    .concat();
    for piece in 1..=input.len() {
        let (passed, end) = pass(input.as_bytes(), piece);
        assert_eq!(String::from_utf8(passed).unwrap(), input, "pieces of {piece}");
        assert_eq!(end, None);
    }
}

#[test]
fn ambiguous_heads_are_refused_and_what_came_before_passes() {
    let heads: &[(&str, FramingError)] = &[
        ("GET / HTTP/1.1\nHost: x\n\n", FramingError::Line),
        ("GET / HTTP/1.1\r\nHost: x\n\r\n", FramingError::Line),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n", FramingError::Line),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", FramingError::Line),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: \x7f\r\n\r\n", FramingError::Line),
        ("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", FramingError::Line),
        ("GET / HTTP/1.1\r\nHost: x\r\n A: b\r\n\r\n", FramingError::Header),
        ("GET / HTTP/1.1\r\nHost : x\r\n\r\n", FramingError::Header),
        ("GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", FramingError::Header),
        ("GET / HTTP/1.1\r\nHost: x\r\n: x\r\n\r\n", FramingError::Header),
        ("GET / HTTP/1.1\r\n\r\n", FramingError::Host),
        ("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", FramingError::Host),
        ("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", FramingError::RequestLine),
        ("GET / x HTTP/1.1\r\nHost: x\r\n\r\n", FramingError::RequestLine),
        ("GET /\tx HTTP/1.1\r\nHost: x\r\n\r\n", FramingError::RequestLine),
        ("GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", FramingError::RequestLine),
        ("GET /a\\b HTTP/1.1\r\nHost: x\r\n\r\n", FramingError::RequestLine),
        ("get / HTTP/1.1\r\nHost: x\r\n\r\n", FramingError::RequestLine),
        ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", FramingError::RequestLine),
        ("GET /\r\n\r\n", FramingError::RequestLine),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", FramingError::RequestLine),
        ("GET /\u{e9} HTTP/1.1\r\nHost: x\r\n\r\n", FramingError::RequestLine),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", FramingError::Length),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", FramingError::Length),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n", FramingError::Length),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n", FramingError::Length),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", FramingError::Length),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\n", FramingError::Length),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\n", FramingError::Length),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", FramingError::Length),
        (
            "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            FramingError::Length,
        ),
        ("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", FramingError::Length),
        ("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", FramingError::Length),
        (
            "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            FramingError::Length,
        ),
        ("PUT / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", FramingError::Length),
        ("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\x0bchunked\r\n\r\n", FramingError::Line),
    ];
    for (head, refusal) in heads {
        for piece in [1, 7, 10_000] {
            let input = [GET, head].concat();
            let (passed, end) = pass(input.as_bytes(), piece);
            assert_eq!(end, Some(End::Refused(*refusal)), "{head:?} in pieces of {piece}");
            assert_eq!(passed, GET.as_bytes(), "{head:?} in pieces of {piece}");
        }
    }
}

#[test]
fn heads_are_bounded() {
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "b".repeat(300));
    for piece in [1, 100, 10_000] {
        assert_eq!(pass(long.as_bytes(), piece).1, Some(End::Refused(FramingError::TooLarge)));
    }
    // The limit itself is allowed.
    let head = |length: usize| format!("GET / HTTP/1.1\r\nHost: x\r\nA: {:b<1$}\r\n\r\n", "", length - 32);
    for (length, want) in [(256, None), (257, Some(End::Refused(FramingError::TooLarge)))] {
        let head = head(length);
        assert_eq!((head.len(), pass(head.as_bytes(), 10_000).1), (length, want));
    }
}

#[test]
fn malformed_chunks_end_the_body() {
    let head = "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    for body in [
        "3\nabc\r\n",
        "3\r\nabcd\r\n",
        "3\r\nabc\n",
        "x\r\n",
        "\r\n",
        " 3\r\nabc\r\n",
        "3 \r\nabc\r\n",
        "3;ext=1\r\nabc\r\n",
        "0x3\r\nabc\r\n",
        "-1\r\n",
        "fffffffffffffffff\r\n",
        "0\r\nTrailer: x\r\n\r\n",
        "0\r\n\n",
    ] {
        let input = [head, body, "tail"].concat();
        assert_eq!(pass(input.as_bytes(), 10_000).1, Some(End::MalformedChunks), "{body:?}");
    }
}

#[test]
fn a_placeholder_names_the_error_of_the_request_that_it_replaces() {
    for error in FramingError::ALL {
        let request = String::from_utf8(error.placeholder_request()).unwrap();
        assert_eq!(FramingError::from_placeholder_path(request.split(' ').nth(1).unwrap()), error);
        assert_eq!(pass(request.as_bytes(), 1_000), (request.clone().into_bytes(), None));
    }
}

/// What a second reader makes of a request that passed: it is strict about all that this one promises.
fn check_head(head: &[u8]) {
    let text = head.strip_suffix(b"\r\n\r\n").expect("an empty line ends it");
    assert!(text.iter().all(|b| !b.is_ascii_control() || b"\r\n\t".contains(b)));
    let lines: Vec<&[u8]> = text.split(|b| *b == b'\n').collect();
    assert!(lines[..lines.len() - 1].iter().all(|line| line.ends_with(b"\r")));
    assert!(!lines.iter().any(|line| line.strip_suffix(b"\r").unwrap_or(line).contains(&b'\r')));
    let names = lines[1..].iter().map(|line| line.split(|b| *b == b':').next().unwrap().to_ascii_lowercase());
    let lengths = names.filter(|name| name == b"content-length" || name == b"transfer-encoding");
    assert!(lengths.count() <= 1);
}

#[test]
fn fuzz_the_head_reader_passes_the_same_in_pieces_of_any_size_and_only_unambiguous_heads() {
    let seeds: &[&[u8]] = &[
        GET.as_bytes(),
        b"PUT /a?b=%20 HTTP/1.1\r\nhost:x\r\nContent-Length: 5\r\n\r\nabcdeGET / HTTP/1.0\r\n\r\n",
        b"PATCH /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\nGET",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ];
    crate::fuzz::run(seeds, |bytes| {
        let whole = pass(bytes, bytes.len().max(1));
        assert!(bytes.starts_with(&whole.0));
        for piece in [1, 2, 7, 64] {
            let (passed, end) = pass(bytes, piece);
            assert_eq!(end, whole.1, "in pieces of {piece}");
            // What came before malformed chunks may have passed already.
            assert!(bytes.starts_with(&passed) && (end == Some(End::MalformedChunks) || passed == whole.0));
        }
        let mut framing = Framing::new(256);
        if let Some(Ok(end)) = framing.head(bytes) {
            assert!(end <= 256);
            check_head(&bytes[..end]);
        }
    });
}
