//! Faults that programs name in words of their own, and whose usual cause is known.

use super::evidence::holds;
use super::{Evidence, Reason};

/// Words in lower case, what they mean, and what to do.
type Fault = (&'static [&'static str], &'static str, &'static str);

/// How many of the last lines are looked at: a program that goes on after such words says more.
const LAST: usize = 30;

const FAULTS: [Fault; 23] = [
    (
        &["fatal: repository '", "remote: repository not found"],
        "git finds no such repository",
        "check its address; a private one is answered so to whoever has no login for it: for a step --mount=type=secret or --mount=type=ssh, for ADD of an https address --secret id=GIT_AUTH_TOKEN",
    ),
    (
        &[
            "could not read username for",
            "could not read password for",
            "fatal: authentication failed for",
            "terminal prompts disabled",
        ],
        "git wants a login that the step does not have",
        "give it with --mount=type=secret,id=… and a credential helper (or --mount=type=ssh and an address git@…), never with ARG; an address that does not exist is answered so too: check its spelling",
    ),
    (
        &["permission denied (publickey"],
        "the SSH server takes none of the step's keys",
        "give the step your agent: RUN --mount=type=ssh, and bob build --ssh default; see with ssh-add -l that the agent has the key that the server knows",
    ),
    (
        &["host key verification failed"],
        "the SSH server's key is not known in the image",
        "bring it before: RUN mkdir -p -m 700 ~/.ssh && ssh-keyscan HOST >> ~/.ssh/known_hosts, and compare it with the one that HOST publishes",
    ),
    (
        &["password authentication failed", "access denied for user", "authentication failed: login"],
        "a database or server does not take the login of the step",
        "a step reaches no service of your own machine by its name, and gets no login of yours: give it with --mount=type=secret, or do this when the image runs, not when it is built",
    ),
    (
        &["file format not recognized; treating as linker script", "file in wrong format"],
        "the linker does not know a library or object file",
        "it may be for another processor, empty or cut off, or a pointer of Git LFS in place of the file (git lfs pull before the build)",
    ),
    (
        &["unbound variable", "parameter not set"],
        "a variable that the script uses is not set (set -u)",
        "give it a value: ARG or ENV in this stage before the step (an ARG before the first FROM counts for FROM alone), --build-arg NAME=VALUE, or ${NAME:-default} in the script",
    ),
    (
        &["failed to connect to bus", "not been booted with systemd"],
        "no systemd runs in a build",
        "start services when the image runs (CMD, ENTRYPOINT); systemctl enable works without a running systemd, start and restart do not",
    ),
    (
        &["cannot connect to the docker daemon"],
        "no docker runs in a build",
        "a step does not see the machine's docker: build the other image in a stage of its own, or run this command after the build",
    ),
    (
        &[
            "unexpected tls packet",
            "ssl3_get_record:wrong version number",
            "ssl routines::wrong version number",
            "gave http response to https client",
            "does not look like a tls handshake",
        ],
        "the server does not speak TLS at this address",
        "write http:// where that is meant, or the port of https; a proxy on the way may answer so too",
    ),
    (
        &["detected dubious ownership"],
        "git finds no repository that it may use",
        "the folder has another owner: git config --global --add safe.directory FOLDER",
    ),
    (
        &[
            "stopped after 10 redirects",
            "maximum (50) redirects followed",
            "too many redirects",
            "redirections exceeded",
        ],
        "the server redirects in a circle",
        "check the address, with http or https as the server wants it; some servers send who has no login, or no cookies, in a circle",
    ),
    (
        &["not found in upstream", "did not match any file(s) known to git", "couldn't find remote ref"],
        "git finds no such branch, tag or commit",
        "check its name; a clone with --depth 1 has the one branch only",
    ),
    (
        &[
            "no_pubkey",
            "is not signed",
            "the following signatures couldn't be verified",
            "untrusted signature",
        ],
        "a repository of packages is signed by a key that the image does not have",
        "add the repository's key as its makers say (a file below /usr/share/keyrings, and signed-by= in the source), or take a newer base image, whose keys are current",
    ),
    (
        &["is not valid yet", "release file for", "does not have a release file"],
        "the package lists are too old, too new, or not there",
        "the release may have left the servers (then take a newer base image or the archive's address), or the clock of buildkitd's machine is wrong",
    ),
    (
        &["externally-managed-environment"],
        "pip may not change the system's Python",
        "make an environment: python3 -m venv /venv, and put /venv/bin first on PATH; or install the distribution's package (python3-…)",
    ),
    (
        &["do you want to continue? [y/n] abort"],
        "the package manager asked a question that nobody answers in a build",
        "give it -y (apt-get install -y), and DEBIAN_FRONTEND=noninteractive for questions of packages",
    ),
    (
        &[
            "can only install with an existing package-lock",
            "can only install packages when your package.json and package-lock",
        ],
        "npm ci has no package-lock.json that fits package.json",
        "run npm install, commit both files, and see that COPY package*.json stands before this step",
    ),
    (
        &[
            "not in gzip format",
            "does not look like a tar archive",
            "end-of-central-directory signature not found",
            "not in bzip2 format",
            "unrecognized archive format",
            "invalid tar magic",
            "invalid magic",
        ],
        "what is to be unpacked is no archive of that kind",
        "often it is a server's error page: have curl fail with -f (curl -fsSL), check the address, and look at the file's first lines",
    ),
    (&["too many open files"], "the step has too many open files", "raise the limit: --ulimit nofile=65536"),
    (
        &[
            "fork: resource temporarily unavailable",
            "can't fork",
            "fork: retry",
            "unable to create native thread",
            "pthread_create failed",
        ],
        "the step cannot start further processes or threads",
        "run fewer jobs at once, or raise the limit (--ulimit nproc=…; the limit of processes of buildkitd's cgroup)",
    ),
    (
        &["argument list too long"],
        "a command is longer than the kernel takes",
        "one argument has room for 128 KiB, and RUN gives its whole script as one: COPY the script into the image (or --mount=type=bind it) and run the file; a * that stands for very many files: find … -exec, or xargs",
    ),
    (
        &["device or resource busy"],
        "a file or folder is in use, most likely as a mount of this step",
        "a step cannot remove or replace what it mounts, nor /etc/hosts and /etc/resolv.conf: change what lies in it, or leave the mount out",
    ),
];

/// What programs often get over: only where nothing else is named it is why a step ended.
const OFTEN_HARMLESS: Fault = (
    &["fatal: not a git repository"],
    "git finds no repository that it may use",
    "the context of a build often has no .git (see .dockerignore); for ADD of a repository give --keep-git-dir=true",
);

pub(super) fn find(evidence: &Evidence<'_>) -> Option<Reason> {
    let last: Vec<&str> = evidence.lines().iter().copied().rev().take(LAST).collect();
    FAULTS
        .iter()
        .find_map(|(words, what, advice)| {
            let mut texts = std::iter::once(evidence.cause).chain(last.iter().copied());
            let line = texts.find(|text| holds(text, words))?;
            Some(Reason::new(*what).words(line).advice(*advice))
        })
        .or_else(|| {
            let (words, what, advice) = OFTEN_HARMLESS;
            Some(Reason::new(what).words(evidence.ending_with(words)?).advice(advice))
        })
}
