//! Options for a Dockerfile, many of them about names that it has.

use rand::RngExt as _;
use rand::rngs::StdRng;

use crate::case::Case;
use crate::grammar::Grammar;

const PLATFORMS: &[&str] = &[
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/arm/v6",
    "linux/386",
    "linux/riscv64",
    "linux/s390x",
    "windows/amd64",
    "darwin/arm64",
    "linux/amd64/v3",
    "linux/arm",
    "linux/arm64/v9",
    "windows/arm64",
    "linux/mips64le",
    "freebsd/amd64",
];

/// Values that build arguments may have, apart from those of [`SPECIAL_ARGS`].
const VALUES: &[&str] = &[
    "",
    "x",
    "1",
    "0",
    "false",
    "alpine",
    "scratch",
    "a b",
    "a\"b",
    "a'b",
    "$A",
    "${A:-x}",
    "/p",
    "../q",
    "base",
    "linux/arm64",
    "example.org/img/base:2",
    "\u{e9}",
    "a\\b",
];

const SPECIAL_ARGS: &[(&str, &[&str])] = &[
    (
        "SOURCE_DATE_EPOCH",
        &[
            "",
            "0",
            "1700000000",
            "-1",
            "x",
            "1.5",
            "context",
            "base",
            "a",
            "ctx",
            "99999999999999999999",
            "253402300799",
            "253402300800",
            "-62167219200",
            "-62167219201",
            "9223372036854775807",
            "-9223372036854775808",
            "+5",
            " 1",
            "1_0",
            "0x10",
            "00",
            "CONTEXT",
            "Base",
        ],
    ),
    ("BUILDKIT_MULTI_PLATFORM", &["", "1", "true", "false", "x"]),
    ("BUILDKIT_CACHE_MOUNT_NS", &["", "ns"]),
    ("BUILDKIT_SANDBOX_HOSTNAME", &["", "host"]),
    ("BUILDKIT_CONTEXT_KEEP_GIT_DIR", &["1"]),
    ("BUILDKIT_INLINE_CACHE", &["1"]),
    ("BUILDKIT_SYNTAX", &["docker/dockerfile:1"]),
    ("BUILDKIT_DISABLE_FILEOP", &["", "1", "x"]),
    ("BUILDKIT_BUILD_NAME", &["n"]),
    (
        "BUILDKIT_DOCKERFILE_CHECK",
        &[
            "",
            "skip=all",
            "error=true",
            "skip=StageNameCasing,FromAsCasing;error=true",
            "skip=all;error=x",
            "experimental=all",
        ],
    ),
    ("HTTP_PROXY", &["http://p:1"]),
    ("http_proxy", &["http://q"]),
    ("no_proxy", &["h"]),
    ("ALL_PROXY", &["a"]),
    ("TARGETPLATFORM", &["linux/arm64", "x"]),
    ("TARGETARCH", &["z", ""]),
    ("BUILDPLATFORM", &["linux/arm64", ""]),
    ("TARGETSTAGE", &["s"]),
    ("TARGETOS", &["windows", ""]),
    ("TARGETVARIANT", &["v7", ""]),
    ("BUILDKIT_SBOM_SCAN_CONTEXT", &["true"]),
    ("BUILDKIT_SBOM_SCAN_STAGE", &["true", "a"]),
    ("HTTPS_PROXY", &[""]),
    ("Http_Proxy", &["mixed"]),
    ("ftp_proxy", &["f"]),
    ("1", &["digit"]),
    ("", &["empty"]),
    ("PATH", &["/only"]),
];

const CONTEXTS: &[&str] = &[
    "./dir",
    "docker-image://alpine:3",
    "docker-image://scratch",
    "docker-image://example.org/img/base:1",
    "docker-image://example.org/img/missing",
    "docker-image://example.org/img/onbuild-52554e2078",
    "docker-image://example.org/img/config-7b22636f6e666967223a6e756c6c7d",
    "docker-image://Bad",
    "https://g.example/a.git",
    "https://g.example/a.git#v1:sub",
    "https://g.example/a.git?ref=x&submodules=0",
    "https://g.example/a.git?x=1",
    "https://e.example/f.tgz",
    "oci-layout://store@sha256:1111111111111111111111111111111111111111111111111111111111111111",
    "oci-layout://store:tag",
    "oci-layout://store:tag@sha256:1111111111111111111111111111111111111111111111111111111111111111",
    "oci-layout://Store@sha256:1111111111111111111111111111111111111111111111111111111111111111",
    "oci-layout://example.org/onbuild-52554e2078@sha256:1111111111111111111111111111111111111111111111111111111111111111",
    "ftp://x",
    "docker-image://",
    "docker-image://alpine@sha256:1111111111111111111111111111111111111111111111111111111111111111",
    "docker-image://example.org/img/config-7b226f73223a2277696e646f7773227d",
    "docker-image://example.org/img/config-7b22636f6e666967223a7b22576f726b696e67446972223a2272656c227d7d",
    "docker-image://example.org/img/config-7b22617263686974656374757265223a2261726d3634227d",
    "git@g.example:a/b.git#x",
    "git://g.example/a",
    "ssh://git@g.example/a.git#v:s",
    "https://g.example/a.git?keep-git-dir=1&submodules=false#v",
    "https://g.example/a.git#%ff",
    "http://e.example/a b",
    "https://e.example/%zz.git",
    "input:x",
    "target:base",
    "../dir",
    "github.com/a/b",
];

const CONTEXT_NAMES: &[&str] = &[
    "base",
    "alpine",
    "alpine:3",
    "context",
    "dockerfile",
    "example.org/img/base",
    "example.org/img/base:1",
    "ctx",
    "a",
    "b",
    "x-y",
    "busybox",
    "alpine:3.20",
    "scratch",
    "0",
    "example.org/img/base:3",
];

const IGNORES: &[&str] = &[
    "*",
    "**",
    "*\n!a",
    "a\nb\n# c\n",
    "/a/../b\n",
    "**/*.md\n!README.md\n",
    "[",
    "src\n",
    ".",
    "!",
    "*.go\n\n  x  \n",
    "?\n",
    "a/b/**\n",
    "\\",
    "# c\n#\n\n \n",
    "\u{feff}a\n",
    "a\r\nb\r\n",
    "!a\n*\n",
    "a*\n?b\n[a-c]\n",
    "[^a]\n",
    "[a-]\n",
    "[]a]\n",
    "a\\*b\n",
    "**/a/**\n",
    "a/**/b\n",
    "**a\n",
    "a**\n",
    "/\n",
    "./a\n",
    "../a\n",
    "a/\n",
    "//a\n",
    " !a \n",
    "! a\n",
    "!/a\n",
    "\u{e9}\n",
    "a\0b\n",
    "{a,b}\n(x)\n$^+.\n",
];

const ADDED_HOSTS: &[&str] = &[
    "h:1.2.3.4",
    "h:::1",
    "g.example:10.0.0.1",
    "H=1.2.3.4,::1",
    "h=[::1]",
    "h:::ffff:1.2.3.4",
    "h:fe80::1",
];

const SHM_SIZES: &[&str] = &["64m", "1", "0", "2g", "1.5k", "1 MiB", "10kb"];

/// Several in one text have spaces between them.
const ULIMITS: &[&str] =
    &["nofile=1024:2048 nproc=1:-1", "core=0", "nofile=1", "cpu=1 data=2:3 cpu=5:6", "memlock=-1"];

/// Gives `case` some options.
pub(crate) fn add(random: &mut StdRng, case: &mut Case) {
    for _ in 0..=below(random, 3) {
        add_one(random, case);
    }
}

fn add_one(random: &mut StdRng, case: &mut Case) {
    let word = |random: &mut StdRng, case: &Case, after: &[&str]| name_after(random, &case.text, after);
    match below(random, 20) {
        18 => case.all_stages = true,
        19 => {
            let image = format!("docker-image://{}", Grammar::new(random).onbuild_image());
            let name = pick(random, CONTEXT_NAMES);
            case.contexts.insert(name.into(), image);
        }
        0 | 1 => case.target = word(random, case, &["AS", "as"]).unwrap_or_else(|| "x".into()),
        2 => case.platform = pick(random, PLATFORMS).into(),
        3 => case.build_platform = pick(random, PLATFORMS).into(),
        17 => {
            // Several stages by name, some in the other case or not there at all.
            for name in ["a", "base", "Build", "0", ""].into_iter().take(1 + below(random, 5)) {
                if !case.no_cache {
                    case.no_cache_filter.push(name.into());
                }
            }
        }
        4 | 5 => {
            let name = word(random, case, &["ARG", "arg", "ENV"]).unwrap_or_else(|| "A".into());
            let name = name.split('=').next().unwrap_or_default().to_owned();
            case.build_args.insert(name, pick(random, VALUES).into());
        }
        6 | 7 => {
            let (name, values) = SPECIAL_ARGS[below(random, SPECIAL_ARGS.len())];
            case.build_args.insert(name.into(), pick(random, values).into());
        }
        8 => {
            let name = ["a", "maintainer", "\u{e9}", "a.b", " "][below(random, 5)];
            case.labels.insert(name.into(), pick(random, VALUES).into());
        }
        9 if case.no_cache_filter.is_empty() => case.no_cache = true,
        9 | 10 if !case.no_cache => {
            let name = word(random, case, &["AS", "as"]).unwrap_or_else(|| "base".into());
            case.no_cache_filter.push(name);
        }
        11 => case.add_host.push(pick(random, ADDED_HOSTS).into()),
        12 => case.network = pick(random, &["host", "none", "default"]).into(),
        13 => add_limit_or_pull(random, case),
        14 | 15 => {
            let written =
                word(random, case, &["AS", "as", "FROM", "from"]).filter(|name| is_plain_name(name));
            let name = written.filter(|_| below(random, 2) == 0);
            let name = name.unwrap_or_else(|| pick(random, CONTEXT_NAMES).into());
            case.contexts.insert(name, pick(random, CONTEXTS).into());
        }
        _ => case.ignore = pick(random, IGNORES).into(),
    }
}

fn add_limit_or_pull(random: &mut StdRng, case: &mut Case) {
    match below(random, 4) {
        0 => case.shm_size = pick(random, SHM_SIZES).into(),
        1 => case.ulimit = pick(random, ULIMITS).split(' ').map(Into::into).collect(),
        2 => case.cgroup_parent = "p".into(),
        _ => case.pull = true,
    }
}

fn below(random: &mut StdRng, end: usize) -> usize {
    random.random_range(0..end)
}

fn pick<'a>(random: &mut StdRng, from: &[&'a str]) -> &'a str {
    from[below(random, from.len())]
}

/// One of the words of `text` that follow one of `after`; words that are not UTF-8 cannot be options.
fn name_after(random: &mut StdRng, text: &[u8], after: &[&str]) -> Option<String> {
    let text = str::from_utf8(text).ok()?;
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let names: Vec<&str> =
        words.windows(2).filter(|pair| after.contains(&pair[0])).map(|pair| pair[1]).collect();
    (!names.is_empty()).then(|| names[below(random, names.len())].to_owned())
}

/// Whether both sides read a context's name as it is.
fn is_plain_name(name: &str) -> bool {
    // 64 hexadecimal digits are no name.
    name.len() < 40 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}
