//! Failures of the programs that a step runs.

use super::{Failure, failure};

pub(super) fn of_programs() -> Vec<Failure> {
    [ends(), files_and_users(), networks(), logs()].into_iter().flatten().collect()
}

/// Programs that do not start, that end badly or are ended.
fn ends() -> Vec<Failure> {
    vec![
        failure(
            "exit code",
            "RUN echo the reason; exit 9",
            "build failed: RUN failed (exit code: 9): the reason",
            &[],
        ),
        failure(
            "missing program",
            "RUN nope --now",
            "the image has no program nope (exit code: 127)",
            &["install nope"],
        ),
        failure(
            "missing program without a shell",
            "RUN [\"nope\"]",
            "the image has no program nope in its PATH",
            &[],
        ),
        failure(
            "not executable",
            "RUN touch /x; /x",
            "/x cannot be executed (exit code: 126)",
            &["chmod +x"],
        ),
        failure(
            "wrong architecture",
            "COPY --chmod=755 arm /arm\nRUN [\"/arm\"]",
            "wrong architecture: ",
            &["exec format error", "binfmt"],
        ),
        failure(
            "interpreter that is missing",
            "COPY --chmod=755 bash.sh /s\nRUN /s",
            "/s cannot be started: it is not there, or what has to start it is not (exit code: 127)",
            &["bash, say"],
        ),
        failure(
            "interpreter that is missing, without a shell",
            "COPY --chmod=755 bash.sh /s\nRUN [\"/s\"]",
            "/s cannot be started: it is not there, or what has to start it is not (exit code: 1): exec /s",
            &["bash, say"],
        ),
        failure(
            "line ends of Windows",
            "COPY crlf.sh /s\nRUN sh /s",
            "a script has the line ends of Windows (CR LF) (exit code: 127)",
            &["eol=lf"],
        ),
        failure(
            "shell syntax",
            "RUN if then",
            "syntax error in a script (exit code: 2): /bin/sh: syntax error",
            &[],
        ),
        failure(
            "command too long",
            format!("RUN <<EOF\n{}EOF", "echo a line of a long script\n".repeat(5000)),
            "a command is longer than the kernel takes (exit code: 1)",
            &["128 KiB", "5003 | EOF"],
        ),
        failure(
            "time limit",
            "RUN busybox timeout 1 sleep 60; exit $(( $? == 143 ? 124 : $? ))",
            "the command took longer than its time limit (exit code: 124)",
            &[],
        ),
        failure(
            "killed",
            "RUN sh -c 'kill -9 $$'; exit $?",
            "killed by SIGKILL, most likely because there was not enough memory (exit code: 137)",
            &["more memory"],
        ),
        failure(
            "killed process",
            "RUN sh -c 'kill -9 $$'; exit 3",
            "a process of the step was killed (SIGKILL), most likely because there was not enough memory (exit code: 3)",
            &["more memory"],
        ),
        failure(
            "out of memory",
            "RUN ulimit -v 20000; busybox tail /dev/zero",
            "out of memory (exit code: 1): tail: out of memory",
            &[],
        ),
        failure(
            "memory fault",
            "RUN sh -c 'kill -11 $$'; exit $?",
            "ended by SIGSEGV (a memory fault) (exit code: 139)",
            &[],
        ),
    ]
}

/// Files, users and disks that are not as a program needs them.
fn files_and_users() -> Vec<Failure> {
    vec![
        failure(
            "missing file",
            "RUN cat /absent",
            "there is no file or folder /absent (exit code: 1)",
            &["COPY"],
        ),
        failure(
            "read-only mount",
            "RUN --mount=type=bind,target=/c touch /c/x",
            "the file system is read-only (exit code: 1)",
            &[],
        ),
        failure(
            "disk full",
            "RUN --mount=type=tmpfs,target=/t,size=1m cat /dev/zero > /t/x",
            "the disk is full (exit code: 1): cat: write error: No space left on device",
            &["bob prune"],
        ),
        failure(
            "folder in use",
            "RUN --mount=type=cache,target=/c rm -r /c",
            "a file or folder is in use, most likely as a mount of this step (exit code: 1)",
            &[],
        ),
        failure(
            "open files",
            "RUN ulimit -n 3; cat /etc/passwd",
            "the step has too many open files (exit code: 1): cat: can't open '/etc/passwd': Too many open files",
            &["--ulimit nofile="],
        ),
        failure(
            "checksum of a program",
            "RUN echo '0  /bin/sh' > /s; busybox md5sum -c /s",
            "a checksum does not match (exit code: 1)",
            &[],
        ),
        failure(
            "unknown user of chown",
            "RUN chown app9 /tmp",
            "the image has no user app9 (exit code: 1)",
            &["useradd"],
        ),
        failure(
            "wrong user",
            "USER app\nRUN mkdir /x",
            "permission denied (exit code: 1): mkdir: can't create directory '/x': Permission denied",
            &["USER root"],
        ),
        failure(
            "secret that may be missing",
            "RUN --mount=type=secret,id=token cat /run/secrets/token",
            "the step needs the secret token, which this build was not given (exit code: 1)",
            &["--secret id=token"],
        ),
    ]
}

/// Hosts that a program does not reach.
fn networks() -> Vec<Failure> {
    vec![
        failure(
            "name look-up",
            "RUN busybox wget http://x.invalid/a",
            "the name of the host x.invalid could not be looked up (DNS)",
            &["resolv.conf"],
        ),
        failure(
            "connection refused",
            "RUN busybox wget http://127.0.0.1:1/a",
            "network: nothing listens at that address",
            &["Connection refused"],
        ),
        failure(
            "no network",
            "RUN --network=none busybox wget http://192.0.2.1/a",
            "network: there is no network to it (exit code: 1)",
            &[],
        ),
    ]
}

/// Commands and logs of which only a part is shown.
fn logs() -> Vec<Failure> {
    let chain = "busybox true && ".repeat(110);
    let script = "echo a line of a long script\n".repeat(150);
    vec![
        failure(
            "long chain",
            format!("RUN {chain}cat /absent && {chain}true"),
            "there is no file or folder /absent",
            &["cat /absent &&", " … "],
        ),
        failure(
            "long here-document",
            format!("RUN <<EOF\nset -e\n{script}cat /absent\n{script}EOF"),
            "there is no file or folder /absent",
            &["| cat /absent\n", "/absent\n", "^^^^^^^ this failed", "... (1"],
        ),
        failure(
            "traced chain",
            "RUN set -x && \\\n  true && \\\n  sh -c 'exit 7' && \\\n  true",
            "RUN failed (exit code: 7)",
            &["^ this failed", "Dockerfile:4"],
        ),
        failure(
            "long log",
            "RUN i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo line $i; [ $i = 700 ] && echo 'E: the reason is here'; done; exit 3",
            "RUN failed (exit code: 3): E: the reason is here",
            &["line 2000", "\n  ...\n"],
        ),
        failure(
            "progress bar",
            "RUN i=0; while [ $i -lt 99 ]; do i=$((i+1)); printf \"$i%% of it\\r\"; done; echo; for i in 1 2 3; do echo same; done; exit 4",
            "RUN failed (exit code: 4): same",
            &["99% of it", "same [3 times]"],
        ),
        failure(
            "binary log",
            "RUN busybox head -c 9000 /bin/busybox; echo; echo error: the end; exit 5",
            "RUN failed (exit code: 5): error: the end",
            &["(binary data)"],
        ),
    ]
}
