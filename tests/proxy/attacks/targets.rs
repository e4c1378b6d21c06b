//! Targets of requests that lead nowhere.

use crate::harness::DIGEST;

/// Method, target and status.
type Case = (&'static str, String, u16);

/// All of them.
pub(super) fn targets() -> Vec<Case> {
    let groups =
        [other_repositories(), encodings(), rest_of_the_api(), forged_uploads(), queries(), mirrors()];
    groups.into_iter().flatten().collect()
}

/// Other repositories, in their own names and in the proxy's.
fn other_repositories() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in
        ["team/base", "team/target", "other", "base/x", "x/base", "library/alpine", "base2", "team", "targe"]
    {
        cases.push(("GET", format!("/v2/{name}/manifests/latest"), 403));
        cases.push(("PUT", format!("/v2/{name}/manifests/latest"), 403));
        cases.push(("POST", format!("/v2/{name}/blobs/uploads/"), 403));
        cases.push(("GET", format!("/v2/{name}/blobs/{DIGEST}"), 403));
    }
    cases
}

/// Path encodings and segments.
fn encodings() -> Vec<Case> {
    let mut cases = Vec::new();
    for path in [
        "base%2Fmanifests/latest",
        "base/manifests%2Flatest",
        "%62ase/manifests/latest",
        "base/%6danifests/latest",
        "base/../other/manifests/latest",
        "base/./manifests/latest",
        "./base/manifests/latest",
        "base//manifests/latest",
        "/base/manifests/latest",
        "base/%2e%2e/other/manifests/latest",
        "base/..%2fother/manifests/latest",
        "base/..;/other/manifests/latest",
        "base/manifests/..",
        "base/manifests/%2e%2e",
        "base/manifests/latest%00",
        "base/manifests/latest%0d%0aX:%20y",
        "base/manifests/latest;x",
        "base/manifests/a@b",
        "BASE/manifests/latest",
        "base\\manifests\\latest",
        "base/manifests/latest%23",
        "base/manifests/%3f",
        "base/manifests/%252e%252e",
        "base/manifests/latest%c0%af",
        "base /manifests/latest%20",
        "base/manifests/-x",
        "base/manifests/.x",
    ] {
        if !path.contains([' ', '\\']) {
            cases.push(("GET", format!("/v2/{path}"), 400));
        }
    }
    cases
}

/// The rest of the API.
fn rest_of_the_api() -> Vec<Case> {
    let mut cases = Vec::new();
    for (method, path, status) in [
        ("GET", "/v2/_catalog", 403),
        ("GET", "/v2/_catalog?n=1000", 403),
        ("GET", "/v2/base/tags/list", 403),
        ("GET", &format!("/v2/base/referrers/{DIGEST}"), 403),
        ("DELETE", "/v2/base/manifests/latest", 403),
        ("DELETE", &format!("/v2/target/manifests/{DIGEST}"), 403),
        ("DELETE", &format!("/v2/target/blobs/{DIGEST}"), 403),
        ("POST", "/v2/target/manifests/latest", 405),
        ("PATCH", "/v2/target/manifests/latest", 405),
        ("PUT", &format!("/v2/target/blobs/{DIGEST}"), 405),
        ("GET", "/v2/target/blobs/uploads/", 405),
        ("OPTIONS", "/v2/", 405),
        ("TRACE", "/v2/base/manifests/latest", 405),
        ("GET", "/", 404),
        ("GET", "/v1/_ping", 404),
        ("GET", "/metrics", 404),
        ("GET", "/debug/pprof/", 404),
        ("GET", "/v2/base", 404),
        ("GET", "/v2/base/other/x", 404),
        ("GET", "/v2/token?service=x", 404),
    ] {
        cases.push((method, path.to_owned(), status));
    }
    cases
}

/// Upload locations that nobody handed out.
fn forged_uploads() -> Vec<Case> {
    let mut cases = Vec::new();
    for id in ["x", "00000000-0000-0000-0000-000000000000", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        for method in ["GET", "PATCH", "PUT", "DELETE", "POST"] {
            cases.push((method, format!("/v2/target/blobs/uploads/{id}?digest={DIGEST}"), 404));
        }
    }
    cases.push(("PUT", "/v2/target/blobs/uploads/https:example.com".into(), 404));
    cases.push(("PUT", "/v2/target/blobs/uploads/x?_state=y".into(), 404));
    cases
}

/// Parameters that two readers could read differently.
fn queries() -> Vec<Case> {
    let mut cases = Vec::new();
    for query in [
        "ns=registry.example&ns=docker.io",
        "ns=%zz",
        "ns=a%00b",
        "ns=http://registry.example",
        "ns=a/b",
        "ns=a@b",
        "ns=",
        "ns=127.1",
        "ns=2130706433",
        "ns=0x7f.0.0.1",
        "ns=0177.0.0.1",
        "ns=[::1",
        "ns=localhost:0",
        "ns=localhost:99999",
        "ns=registry.example.",
        "ns=.",
        "ns=*.example",
        "ns=0",
        "ns=127.0.1",
        "ns=0x7f000001",
        "ns=0X7F.0.0.1",
        "ns=017700000001",
        "ns=127.000.000.001",
        "ns=0127.0.0.1",
        "ns=10.1",
        "ns=0xa9fea9fe",
        "ns=2852039166",
        "ns=169.254.43518",
        "ns=%e2%91%a027.0.0.1",
        "ns=127.0.0.1.",
        "ns=localhost.",
        "ns=[::1]]",
        "ns=[::1%25lo]",
        "ns=[::ffff:127.0.0.1",
        "ns=::1",
        "ns=registry.example%0d%0aHost:%20evil.example",
        "ns=registry.example%3a443%40evil.example",
        "ns=registry.example%2fv2",
        "ns=registry.example%3fx",
        "ns=registry.example%23x",
        "ns=registry.example%5cx",
        "digest=sha256:abc",
        "mount=x&from=base",
        "from=a&from=b",
    ] {
        cases.push(("GET", format!("/v2/library/alpine/manifests/latest?{query}"), 400));
    }
    cases
}

/// Mirror hosts that are not listed, in every spelling of a private address; and writes to mirrors.
fn mirrors() -> Vec<Case> {
    let mut cases = Vec::new();
    for host in [
        "127.0.0.1",
        "127.0.0.1:5000",
        "127.255.255.254",
        "localhost",
        "localhost:5000",
        "LOCALHOST",
        "[::1]",
        "[::1]:5000",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::]",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
        "100.64.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::ffff:10.0.0.1]",
        "[::ffff:a00:1]",
        "[0:0:0:0:0:ffff:c0a8:1]",
        "[0000:0000:0000:0000:0000:0000:0000:0001]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::a00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:a00:1::]",
        "[2002:c0a8:1::1]",
        "[fc00::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[2001::1]",
        "127.0.0.1:80",
        "169.254.170.2",
        "100.100.100.200",
        "192.0.0.192",
        "192.88.99.1",
        "240.0.0.1",
        "%6cocalhost",
        "127%2e0%2e0%2e1",
        "%5b::1%5d",
    ] {
        cases.push(("GET", format!("/v2/library/alpine/manifests/latest?ns={host}"), 403));
    }
    for (method, path) in [
        ("PUT", "/v2/target/manifests/latest?ns=docker.io"),
        ("POST", "/v2/target/blobs/uploads/?ns=docker.io"),
        ("DELETE", "/v2/target/manifests/latest?ns=docker.io"),
        ("GET", "/v2/_catalog?ns=docker.io"),
        ("GET", "/v2/target/tags/list?ns=docker.io"),
    ] {
        cases.push((method, path.to_owned(), 403));
    }
    cases
}
