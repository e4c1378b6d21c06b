use super::*;

/// Everything that passes of `input`, given to the reader in pieces of `piece` bytes, and how it ends.
fn pass(input: &[u8], piece: usize) -> (Vec<u8>, Option<Vetted>) {
    let mut framing = Framing::new(256);
    let mut passed = Vec::new();
    for bytes in input.chunks(piece) {
        let held = framing.take_held();
        match framing.vet(bytes, &held) {
            Vetted::Pass(count) => {
                if count > 0 {
                    passed.extend_from_slice(&held);
                }
                passed.extend_from_slice(&bytes[..count]);
            }
            Vetted::Refuse(count, refusal) => {
                if count > 0 {
                    passed.extend_from_slice(&held);
                }
                passed.extend_from_slice(&bytes[..count]);
                return (passed, Some(Vetted::Refuse(0, refusal)));
            }
            Vetted::BadBody => return (passed, Some(Vetted::BadBody)),
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
    let heads: &[(&str, Refusal)] = &[
        ("GET / HTTP/1.1\nHost: x\n\n", Refusal::Line),
        ("GET / HTTP/1.1\r\nHost: x\n\r\n", Refusal::Line),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n", Refusal::Line),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", Refusal::Line),
        ("GET / HTTP/1.1\r\nHost: x\r\nA: \x7f\r\n\r\n", Refusal::Line),
        ("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", Refusal::Line),
        ("GET / HTTP/1.1\r\nHost: x\r\n A: b\r\n\r\n", Refusal::Header),
        ("GET / HTTP/1.1\r\nHost : x\r\n\r\n", Refusal::Header),
        ("GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", Refusal::Header),
        ("GET / HTTP/1.1\r\nHost: x\r\n: x\r\n\r\n", Refusal::Header),
        ("GET / HTTP/1.1\r\n\r\n", Refusal::Host),
        ("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", Refusal::Host),
        ("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", Refusal::RequestLine),
        ("GET / x HTTP/1.1\r\nHost: x\r\n\r\n", Refusal::RequestLine),
        ("GET /\tx HTTP/1.1\r\nHost: x\r\n\r\n", Refusal::RequestLine),
        ("GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", Refusal::RequestLine),
        ("GET /a\\b HTTP/1.1\r\nHost: x\r\n\r\n", Refusal::RequestLine),
        ("get / HTTP/1.1\r\nHost: x\r\n\r\n", Refusal::RequestLine),
        ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", Refusal::RequestLine),
        ("GET /\r\n\r\n", Refusal::RequestLine),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refusal::RequestLine),
        ("GET /\u{e9} HTTP/1.1\r\nHost: x\r\n\r\n", Refusal::RequestLine),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", Refusal::Length),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", Refusal::Length),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n", Refusal::Length),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n", Refusal::Length),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", Refusal::Length),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\n", Refusal::Length),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\n", Refusal::Length),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", Refusal::Length),
        (
            "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            Refusal::Length,
        ),
        ("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", Refusal::Length),
        ("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", Refusal::Length),
        (
            "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            Refusal::Length,
        ),
        ("PUT / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", Refusal::Length),
        ("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\x0bchunked\r\n\r\n", Refusal::Line),
    ];
    for (head, refusal) in heads {
        for piece in [1, 7, 10_000] {
            let input = [GET, head].concat();
            let (passed, end) = pass(input.as_bytes(), piece);
            assert_eq!(end, Some(Vetted::Refuse(0, *refusal)), "{head:?} in pieces of {piece}");
            assert_eq!(passed, GET.as_bytes(), "{head:?} in pieces of {piece}");
        }
    }
}

#[test]
fn heads_are_bounded() {
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "b".repeat(300));
    for piece in [1, 100, 10_000] {
        assert_eq!(pass(long.as_bytes(), piece).1, Some(Vetted::Refuse(0, Refusal::TooLarge)));
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
        assert_eq!(pass(input.as_bytes(), 10_000).1, Some(Vetted::BadBody), "{body:?}");
    }
}

#[test]
fn a_refusal_is_told_by_its_request() {
    for refusal in Refusal::ALL {
        let request = String::from_utf8(refusal.request()).unwrap();
        assert_eq!(Refusal::from_path(request.split(' ').nth(1).unwrap()), refusal);
        assert_eq!(pass(request.as_bytes(), 1_000), (request.clone().into_bytes(), None));
    }
}
