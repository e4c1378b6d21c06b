//! Shells, servers and other programs.

use super::Log;

pub(super) const LOGS: [Log; 34] = [
    (
        "python fnf",
        r#"Traceback (most recent call last):
  File "/app/x.py", line 3, in <module>
    open("data.csv")
FileNotFoundError: [Errno 2] No such file or directory: 'data.csv'
"#,
        1,
        "there is no file or folder data.csv",
        "FileNotFoundError",
    ),
    (
        "tar",
        "tar (child): x.tgz: Cannot open: No such file or directory
tar (child): Error is not recoverable: exiting now
tar: Child returned status 2
tar: Error is not recoverable: exiting now
",
        2,
        "there is no file or folder x.tgz",
        "Cannot open",
    ),
    (
        "sed",
        "sed: can't read /etc/foo.conf: No such file or directory
",
        2,
        "there is no file or folder /etc/foo.conf",
        "sed: can't read",
    ),
    (
        "env busybox",
        "env: can't execute 'python3': No such file or directory
",
        127,
        "the image has no program python3",
        "env: can't execute",
    ),
    (
        "timeout prog",
        "timeout: failed to run command 'nope': No such file or directory
",
        127,
        "the image has no program nope",
        "timeout: failed to run",
    ),
    (
        "psql auth",
        r#"psql: error: connection to server at "db" (10.0.0.1), port 5432 failed: FATAL:  password authentication failed for user "app"
"#,
        2,
        "a database or server does not take the login",
        "password authentication failed",
    ),
    (
        "busybox cd",
        "/bin/sh: cd: line 0: can't cd to /srv/app: No such file or directory",
        2,
        "there is no file or folder /srv/app",
        "can't cd to",
    ),
    (
        "dash cd",
        "/bin/sh: 1: cd: can't cd to /srv/app",
        2,
        "there is no file or folder /srv/app",
        "can't cd to",
    ),
    (
        "touch",
        "touch: cannot touch '/a/b/c': No such file or directory",
        1,
        "there is no folder /a/b",
        "touch",
    ),
    (
        "redirection",
        "/bin/sh: 1: cannot create /a/b/c: Directory nonexistent",
        2,
        "there is no folder /a/b",
        "Directory nonexistent",
    ),
    (
        "busybox redirection",
        "/bin/sh: can't create /a/b/c: nonexistent directory",
        1,
        "there is no folder /a/b",
        "nonexistent directory",
    ),
    (
        "Go program",
        "open /etc/app.yaml: no such file or directory",
        1,
        "there is no file or folder /etc/app.yaml",
        "open /etc",
    ),
    (
        "python script",
        "python3: can't open file '/app/x.py': [Errno 2] No such file or directory",
        2,
        "there is no file or folder /app/x.py",
        "can't open file",
    ),
    ("zsh", "zsh:1: command not found: nope", 127, "the image has no program nope", "zsh:1"),
    (
        "bash -u",
        "/bin/bash: line 1: NOPE: unbound variable",
        127,
        "a variable that the script uses is not set",
        "NOPE",
    ),
    (
        "dash -u",
        "/bin/sh: 1: NOPE: parameter not set",
        2,
        "a variable that the script uses is not set",
        "NOPE",
    ),
    (
        "shm",
        "dd: error writing '/dev/shm/x': No space left on device",
        1,
        "/dev/shm is full",
        "/dev/shm/x",
    ),
    (
        "script without #!",
        "exec /run.sh: exec format error",
        1,
        "/run.sh cannot be started: most likely it is a script without a first line #!",
        "exec /run.sh",
    ),
    (
        "other name",
        "curl: (60) SSL: no alternative certificate subject name matches target host name 'a.example'",
        60,
        "a TLS certificate is for another host name",
        "a.example",
    ),
    (
        "expired",
        "curl: (60) SSL certificate problem: certificate has expired",
        60,
        "a TLS certificate has expired",
        "expired",
    ),
    (
        "harmless cat",
        "cat: /etc/timezone: No such file or directory
ok
Error: the config has no section main",
        1,
        "RUN failed",
        "Error: the config has no section main",
    ),
    (
        "harmless chown",
        "chown: changing ownership of '/x': Operation not permitted
ok
FATAL: no license",
        1,
        "RUN failed",
        "FATAL: no license",
    ),
    (
        "tar without xz",
        "tar (child): xz: Cannot exec: No such file or directory
tar (child): Error is not recoverable: exiting now
tar: Child returned status 2
tar: Error is not recoverable: exiting now",
        2,
        "the image has no program xz",
        "Cannot exec",
    ),
    (
        "systemctl",
        "System has not been booted with systemd as init system (PID 1). Can't operate.
Failed to connect to bus: Host is down",
        1,
        "no systemd runs in a build",
        "connect to bus",
    ),
    (
        "docker",
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        1,
        "no docker runs in a build",
        "docker.sock",
    ),
    (
        "mount",
        "mount: /mnt: permission denied.
       dmesg(1) may have more information after failed mount system call.",
        32,
        "the step may not do this",
        "mount: /mnt",
    ),
    (
        "sysctl",
        r#"sysctl: setting key "vm.max_map_count": Read-only file system"#,
        255,
        "the step may not change settings of the kernel",
        "vm.max_map_count",
    ),
    (
        "a traced command that says nothing",
        "+ echo a
a
+ false",
        1,
        "RUN failed",
        "the last command was: false",
    ),
    (
        "a server without TLS",
        "curl: (35) error:0A00010B:SSL routines::wrong version number",
        35,
        "the server does not speak TLS at this address",
        "wrong version number",
    ),
    (
        "a browser without a sandbox",
        "[0101/000000.1:FATAL:zygote_host_impl_linux.cc(117)] No usable sandbox!\nTrace/breakpoint trap (core dumped)",
        133,
        "ended by SIGTRAP",
        "No usable sandbox!",
    ),
    (
        "Perl",
        "Can't locate JSON/XS.pm in @INC (you may need to install the JSON::XS module) (@INC entries checked: /etc/perl) at /x.pl line 1.
BEGIN failed--compilation aborted at /x.pl line 1.",
        2,
        "there is no Perl module JSON/XS.pm",
        "JSON/XS.pm",
    ),
    (
        "an optional module",
        r#"WARNING: no speedups: ModuleNotFoundError: No module named 'ujson'
Traceback (most recent call last):
  File "/app/x.py", line 3, in <module>
ValueError: bad config"#,
        1,
        "RUN failed",
        "ValueError: bad config",
    ),
    (
        "nginx",
        r#"nginx: [emerg] unknown directive "x" in /etc/nginx/nginx.conf:3
nginx: configuration file /etc/nginx/nginx.conf test failed"#,
        1,
        "RUN failed",
        "unknown directive",
    ),
    (
        "GNU timeout",
        "timeout: failed to run command ‘nope’: No such file or directory",
        127,
        "the image has no program nope",
        "timeout",
    ),
];
