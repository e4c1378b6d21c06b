//! Logs of programs as they write them, with much that is no reason: harmless complaints, warnings, counts of failures.

use super::*;

/// What ran, its log, its exit code, how the reason begins, and what the words have that say so.
type Log = (&'static str, &'static str, u32, &'static str, &'static str);

const LOGS: [Log; 66] = [
    (
        "apt dns",
        r#"Get:1 http://deb.example/debian bookworm InRelease
Ign:1 http://deb.example/debian bookworm InRelease
Err:1 http://deb.example/debian bookworm InRelease
  Temporary failure resolving 'deb.example'
Reading package lists...
W: Failed to fetch http://deb.example/debian/dists/bookworm/InRelease  Temporary failure resolving 'deb.example'
W: Some index files failed to download. They have been ignored, or old ones used instead.
Reading package lists...
Building dependency tree...
E: Unable to locate package jq
"#,
        100,
        "the name of the host deb.example could not be looked up (DNS)",
        "Temporary failure resolving 'deb.example'",
    ),
    (
        "apt dpkg error in postinst",
        r#"Setting up libgpg-error0:amd64 (1.46-1) ...
debconf: unable to initialize frontend: Dialog
debconf: (TERM is not set, so the dialog frontend is not usable.)
invoke-rc.d: could not determine current runlevel
invoke-rc.d: policy-rc.d denied execution of start.
Setting up foo (1.0) ...
chown: invalid user: 'foo:foo'
dpkg: error processing package foo (--configure):
 installed foo package post-installation script subprocess returned error exit status 1
Errors were encountered while processing:
 foo
E: Sub-process /usr/bin/dpkg returned an error code (1)
"#,
        100,
        "the image has no user foo",
        "chown: invalid user: 'foo:foo'",
    ),
    (
        "libgpg-error then silent",
        r#"Unpacking libgpg-error0:amd64 (1.46-1) ...
Setting up libgpg-error0:amd64 (1.46-1) ...
configure: option --with-foo is wanted
"#,
        1,
        "RUN failed",
        "configure: option --with-foo is wanted",
    ),
    (
        "pip retry dns",
        r#"Collecting requests
  WARNING: Retrying (Retry(total=4, connect=None, read=None, redirect=None, status=None)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/requests/
ERROR: Could not find a version that satisfies the requirement requests (from versions: none)
ERROR: No matching distribution found for requests
"#,
        1,
        "the name of a host could not be looked up (DNS)",
        "Temporary failure in name resolution",
    ),
    (
        "pip retry then compile",
        r#"Collecting lxml
  WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError: [Errno 111] Connection refused': /simple/lxml/
  Downloading lxml-4.9.tar.gz (3.6 MB)
     ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 3.6/3.6 MB 5.1 MB/s eta 0:00:00
Building wheels for collected packages: lxml
  error: subprocess-exited-with-error
  × Building wheel for lxml (setup.py) did not run successfully.
  │ exit code: 1
  ╰─> [3 lines of output]
      src/lxml/etree.c:96:10: fatal error: Python.h: No such file or directory
      compilation terminated.
      error: command '/usr/bin/gcc' failed with exit code 1
      [end of output]
  note: This error originates from a subprocess, and is likely not a problem with pip.
  ERROR: Failed building wheel for lxml
ERROR: Could not build wheels for lxml, which is required to install pyproject.toml-based projects
"#,
        1,
        "there is no header Python.h",
        "src/lxml/etree.c:96:10: fatal error: Python.h",
    ),
    (
        "npm enoent",
        r#"npm error code ENOENT
npm error syscall open
npm error path /app/package.json
npm error errno -2
npm error enoent Could not read package.json: Error: ENOENT: no such file or directory, open '/app/package.json'
npm error enoent This is related to npm not being able to find a file.
npm error enoent
npm error A complete log of this run can be found in: /root/.npm/_logs/2026-11-27T00_00_00_000Z-debug-0.log
"#,
        254,
        "there is no file or folder /app/package.json",
        "open '/app/package.json'",
    ),
    (
        "npm lifecycle tsc",
        r#"npm warn deprecated inflight@1.0.6: This module is not supported, and leaks memory. It throws errors.
> app@1.0.0 build
> tsc

src/a.ts(3,5): error TS2322: Type 'string' is not assignable to type 'number'.
npm error Lifecycle script `build` failed with error:
npm error code 2
npm error path /app
npm error workspace app@1.0.0
npm error location /app
npm error command failed
npm error command sh -c tsc
"#,
        2,
        "RUN failed",
        "src/a.ts(3,5): error TS2322",
    ),
    (
        "cargo",
        r#"    Updating crates.io index
   Compiling thiserror v1.0.61
   Compiling failure v0.1.8
warning: unused variable: `error`
 --> src/main.rs:2:9
error[E0425]: cannot find value `x` in this scope
 --> src/main.rs:3:5
  |
3 |     x
  |     ^ not found in this scope

For more information about this error, try `rustc --explain E0425`.
warning: `app` (bin "app") generated 1 warning
error: could not compile `app` (bin "app") due to 1 previous error; 1 warning emitted
"#,
        101,
        "RUN failed",
        "error[E0425]: cannot find value `x` in this scope",
    ),
    (
        "cargo test",
        r#"running 2 tests
test tests::a ... ok
test tests::it ... FAILED

failures:

---- tests::it stdout ----

thread 'tests::it' panicked at src/lib.rs:9:9:
assertion `left == right` failed
  left: 1
 right: 2
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace


failures:
    tests::it

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

error: test failed, to rerun pass `--lib`
"#,
        101,
        "RUN failed",
        "thread 'tests::it' panicked at src/lib.rs:9:9: assertion `left == right` failed",
    ),
    (
        "go build",
        r#"go: downloading example.com/x v1.0.0
# example.com/app
./main.go:5:2: undefined: foo
"#,
        1,
        "RUN failed",
        "./main.go:5:2: undefined: foo",
    ),
    (
        "go test",
        r#"=== RUN   TestX
    x_test.go:5: got 1, want 2
--- FAIL: TestX (0.00s)
FAIL
FAIL	example.com/x	0.002s
FAIL
"#,
        1,
        "RUN failed",
        "--- FAIL: TestX (0.00s)",
    ),
    (
        "make missing gcc",
        r#"gcc -c a.c
make: gcc: No such file or directory
make: *** [Makefile:2: a.o] Error 127
"#,
        2,
        "the image has no program gcc",
        "make: gcc: No such file or directory",
    ),
    (
        "git harmless then gcc",
        r#"fatal: not a git repository (or any of the parent directories): .git
cat: /etc/timezone: No such file or directory
gcc -Werror -c src/error.c
src/error.c:3:5: error: expected ';' before '}' token
make: *** [Makefile:7: error.o] Error 1
"#,
        2,
        "RUN failed",
        "src/error.c:3:5: error: expected ';' before '}' token",
    ),
    (
        "cmake",
        r#"-- The C compiler identification is GNU 12.2.0
-- Performing Test HAVE_X - Failed
-- Looking for pthread_create in pthreads - not found
-- Could NOT find Doxygen (missing: DOXYGEN_EXECUTABLE)
CMake Error at CMakeLists.txt:12 (find_package):
  By not providing "FindFoo.cmake" in CMAKE_MODULE_PATH this project has
  asked CMake to find a package configuration file provided by "Foo", but
  CMake did not find one.

-- Configuring incomplete, errors occurred!
See also "/b/CMakeFiles/CMakeOutput.log".
"#,
        1,
        "RUN failed",
        r#"CMake Error at CMakeLists.txt:12 (find_package): By not providing "FindFoo.cmake""#,
    ),
    (
        "maven",
        r#"[INFO] Scanning for projects...
[WARNING] The POM for x is missing, no dependency information available
[ERROR] COMPILATION ERROR : 
[INFO] -------------------------------------------------------------
[ERROR] /app/src/main/java/A.java:[3,5] cannot find symbol
  symbol:   class Foo
  location: class A
[INFO] 1 error
[INFO] -------------------------------------------------------------
[INFO] BUILD FAILURE
[INFO] Total time:  1.2 s
[ERROR] Failed to execute goal org.apache.maven.plugins:maven-compiler-plugin:3.11.0:compile (default-compile) on project app: Compilation failure
[ERROR] /app/src/main/java/A.java:[3,5] cannot find symbol
[ERROR]   symbol:   class Foo
[ERROR]   location: class A
[ERROR] -> [Help 1]
[ERROR] 
[ERROR] To see the full stack trace of the errors, re-run Maven with the -e switch.
[ERROR] Re-run Maven using the -X switch to enable full debug logging.
[ERROR] 
[ERROR] For more information about the errors and possible solutions, please read the following articles:
[ERROR] [Help 1] http://cwiki.apache.org/confluence/display/MAVEN/MojoFailureException
"#,
        1,
        "RUN failed",
        "[ERROR] /app/src/main/java/A.java:[3,5] cannot find symbol",
    ),
    (
        "maven dep",
        r#"[INFO] BUILD FAILURE
[ERROR] Failed to execute goal on project app: Could not resolve dependencies for project a:app:jar:1: Could not find artifact a:missing:jar:1 in central (https://repo.maven.apache.org/maven2) -> [Help 1]
[ERROR] 
[ERROR] To see the full stack trace of the errors, re-run Maven with the -e switch.
[ERROR] [Help 1] http://cwiki.apache.org/confluence/display/MAVEN/DependencyResolutionException
"#,
        1,
        "there is no package a:missing:jar:1",
        "Could not find artifact a:missing:jar:1",
    ),
    (
        "gradle",
        r#"Starting a Gradle Daemon (subsequent builds will be faster)

FAILURE: Build failed with an exception.

* Where:
Build file '/app/build.gradle' line: 3

* What went wrong:
A problem occurred evaluating root project 'app'.
> Could not find method foo() for arguments [x] on root project 'app'

* Try:
> Run with --stacktrace option to get the stack trace.
> Get more help at https://help.gradle.org.

BUILD FAILED in 2s
"#,
        1,
        "RUN failed",
        "> Could not find method foo() for arguments [x] on root project 'app'",
    ),
    (
        "gradle compile",
        r#"> Task :compileJava FAILED
/app/src/main/java/A.java:3: error: cannot find symbol
    Foo f;
    ^
1 error

FAILURE: Build failed with an exception.

* What went wrong:
Execution failed for task ':compileJava'.
> Compilation failed; see the compiler error output for details.

* Try:
> Run with --info option to get more log output.

BUILD FAILED in 3s
1 actionable task: 1 executed
"#,
        1,
        "RUN failed",
        "/app/src/main/java/A.java:3: error: cannot find symbol",
    ),
    (
        "pytest",
        r#"============================= test session starts ==============================
collected 4 items

tests/test_net.py ..                                                     [ 50%]
tests/test_a.py F.                                                       [100%]

=================================== FAILURES ===================================
____________________________________ test_x ____________________________________

    def test_x():
>       assert f() == 2
E       assert 1 == 2

tests/test_a.py:5: AssertionError
----------------------------- Captured stderr call -----------------------------
dial tcp 127.0.0.1:5432: connect: connection refused (as expected by this test)
=========================== short test summary info ============================
FAILED tests/test_a.py::test_x - assert 1 == 2
========================= 1 failed, 3 passed in 0.12s ==========================
"#,
        1,
        "RUN failed",
        "FAILED tests/test_a.py::test_x - assert 1 == 2",
    ),
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
        r#"tar (child): x.tgz: Cannot open: No such file or directory
tar (child): Error is not recoverable: exiting now
tar: Child returned status 2
tar: Error is not recoverable: exiting now
"#,
        2,
        "there is no file or folder x.tgz",
        "Cannot open",
    ),
    (
        "sed",
        r#"sed: can't read /etc/foo.conf: No such file or directory
"#,
        2,
        "there is no file or folder /etc/foo.conf",
        "sed: can't read",
    ),
    (
        "env busybox",
        r#"env: can't execute 'python3': No such file or directory
"#,
        127,
        "the image has no program python3",
        "env: can't execute",
    ),
    (
        "timeout prog",
        r#"timeout: failed to run command 'nope': No such file or directory
"#,
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
        "ld lfs",
        r#"/usr/bin/ld: lib/libfoo.a: file format not recognized; treating as linker script
/usr/bin/ld: lib/libfoo.a:1: syntax error
collect2: error: ld returned 1 exit status
"#,
        1,
        "the linker does not know a library or object file",
        "file format not recognized",
    ),
    (
        "busybox cd",
        r#"/bin/sh: cd: line 0: can't cd to /srv/app: No such file or directory"#,
        2,
        "there is no file or folder /srv/app",
        "can't cd to",
    ),
    (
        "dash cd",
        r#"/bin/sh: 1: cd: can't cd to /srv/app"#,
        2,
        "there is no file or folder /srv/app",
        "can't cd to",
    ),
    (
        "touch",
        r#"touch: cannot touch '/a/b/c': No such file or directory"#,
        1,
        "there is no folder /a/b",
        "touch",
    ),
    (
        "redirection",
        r#"/bin/sh: 1: cannot create /a/b/c: Directory nonexistent"#,
        2,
        "there is no folder /a/b",
        "Directory nonexistent",
    ),
    (
        "busybox redirection",
        r#"/bin/sh: can't create /a/b/c: nonexistent directory"#,
        1,
        "there is no folder /a/b",
        "nonexistent directory",
    ),
    (
        "Go program",
        r#"open /etc/app.yaml: no such file or directory"#,
        1,
        "there is no file or folder /etc/app.yaml",
        "open /etc",
    ),
    (
        "rustc",
        r#"error: couldn't read `src/main.rs`: No such file or directory (os error 2)"#,
        1,
        "there is no file or folder src/main.rs",
        "couldn't read",
    ),
    ("function of C", r#"fopen: No such file or directory"#, 1, "a file or folder is missing", "fopen"),
    (
        "python script",
        r#"python3: can't open file '/app/x.py': [Errno 2] No such file or directory"#,
        2,
        "there is no file or folder /app/x.py",
        "can't open file",
    ),
    ("zsh", r#"zsh:1: command not found: nope"#, 127, "the image has no program nope", "zsh:1"),
    (
        "bash -u",
        r#"/bin/bash: line 1: NOPE: unbound variable"#,
        127,
        "a variable that the script uses is not set",
        "NOPE",
    ),
    (
        "dash -u",
        r#"/bin/sh: 1: NOPE: parameter not set"#,
        2,
        "a variable that the script uses is not set",
        "NOPE",
    ),
    (
        "shm",
        r#"dd: error writing '/dev/shm/x': No space left on device"#,
        1,
        "/dev/shm is full",
        "/dev/shm/x",
    ),
    (
        "script without #!",
        r#"exec /run.sh: exec format error"#,
        1,
        "/run.sh cannot be started: most likely it is a script without a first line #!",
        "exec /run.sh",
    ),
    (
        "other name",
        r#"curl: (60) SSL: no alternative certificate subject name matches target host name 'a.example'"#,
        60,
        "a TLS certificate is for another host name",
        "a.example",
    ),
    (
        "expired",
        r#"curl: (60) SSL certificate problem: certificate has expired"#,
        60,
        "a TLS certificate has expired",
        "expired",
    ),
    (
        "a test of a server",
        r#"AssertionError: expected status code 200, got status code 500"#,
        1,
        "RUN failed",
        "AssertionError",
    ),
    (
        "retried download",
        r#"curl: (7) Failed to connect to a.example port 443: Connection refused
Trying the mirror
ok
ok
ok
lib/a.c:7:1: error: unknown type name 'foo'
make: *** [a.o] Error 1"#,
        2,
        "RUN failed",
        "lib/a.c:7:1: error",
    ),
    (
        "harmless cat",
        r#"cat: /etc/timezone: No such file or directory
ok
Error: the config has no section main"#,
        1,
        "RUN failed",
        "Error: the config has no section main",
    ),
    (
        "harmless chown",
        r#"chown: changing ownership of '/x': Operation not permitted
ok
FATAL: no license"#,
        1,
        "RUN failed",
        "FATAL: no license",
    ),
    (
        "jest",
        r#"FAIL src/a.test.js
  ● adds

    expect(received).toBe(expected) // Object.is equality

    Expected: 3
    Received: 2

Test Suites: 1 failed, 1 total
Tests:       1 failed, 1 total"#,
        1,
        "RUN failed",
        "FAIL src/a.test.js",
    ),
    (
        "yarn",
        r#"yarn run v1.22.19
$ vite build
error during build:
RollupError: Could not resolve "./x" from "src/main.js"
error Command failed with exit code 1.
info Visit https://yarnpkg.com/en/docs/cli/run for documentation about this command."#,
        1,
        "RUN failed",
        "RollupError: Could not resolve",
    ),
    (
        "bundler",
        r#"Could not find gem 'rails (~> 9)' in rubygems repository https://rubygems.org/ or installed locally."#,
        7,
        "there is no package rails (~> 9)",
        "Could not find gem",
    ),
    (
        "apk",
        r#"ERROR: unable to select packages:
  nope (no such package):
    required by: world[nope]"#,
        1,
        "there is no package nope",
        "nope (no such package)",
    ),
    (
        "dotnet",
        r#"  Determining projects to restore...
/src/a.csproj : error NU1101: Unable to find package Foo. No packages exist with this id in source(s): nuget.org"#,
        1,
        "RUN failed",
        "error NU1101",
    ),
    (
        "composer",
        r#"Your requirements could not be resolved to an installable set of packages.

  Problem 1
    - Root composer.json requires foo/bar ^9, found foo/bar[1.0] but it does not match the constraint."#,
        2,
        "RUN failed",
        "- Root composer.json requires foo/bar ^9",
    ),
    (
        "linker",
        r#"/usr/bin/ld: main.o: in function `main':
main.c:(.text+0xa): undefined reference to `foo'
collect2: error: ld returned 1 exit status
make: *** [Makefile:3: app] Error 1"#,
        2,
        "RUN failed",
        "undefined reference to `foo'",
    ),
    (
        "tar without xz",
        r#"tar (child): xz: Cannot exec: No such file or directory
tar (child): Error is not recoverable: exiting now
tar: Child returned status 2
tar: Error is not recoverable: exiting now"#,
        2,
        "the image has no program xz",
        "Cannot exec",
    ),
    (
        "apk without DNS",
        r#"WARNING: fetching https://dl-cdn.example/alpine/v3.20/main: temporary error (try again later)
ERROR: unable to select packages:
  curl (no such package):
    required by: world[curl]"#,
        1,
        "the name of the host dl-cdn.example could not be looked up (DNS)",
        "temporary error",
    ),
    (
        "npm 404",
        r#"npm error code E404
npm error 404 Not Found - GET https://registry.example/nope-x - Not found
npm error 404
npm error A complete log of this run can be found in: /root/.npm/_logs/x.log"#,
        1,
        "a server refused: 404 Not Found",
        "https://registry.example/nope-x",
    ),
    (
        "npm rights",
        r#"npm error code EACCES
npm error Error: EACCES: permission denied, mkdir '/app/node_modules'
npm error   errno: -13,
npm error   code: 'EACCES',
npm error }
npm error The operation was rejected by your operating system."#,
        243,
        "permission denied",
        "mkdir '/app/node_modules'",
    ),
    (
        "systemctl",
        r#"System has not been booted with systemd as init system (PID 1). Can't operate.
Failed to connect to bus: Host is down"#,
        1,
        "no systemd runs in a build",
        "connect to bus",
    ),
    (
        "docker",
        r#"Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"#,
        1,
        "no docker runs in a build",
        "docker.sock",
    ),
    (
        "mount",
        r#"mount: /mnt: permission denied.
       dmesg(1) may have more information after failed mount system call."#,
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
        "webpack",
        r#"ERROR in ./src/index.js 1:0-20
Module not found: Error: Can't resolve './x' in '/app/src'

webpack 5.88.0 compiled with 1 error in 1203 ms"#,
        1,
        "RUN failed",
        "Can't resolve './x'",
    ),
    (
        "eslint",
        r#"/app/src/a.js
  3:5  error  'x' is not defined  no-undef

✖ 1 problem (1 error, 0 warnings)"#,
        1,
        "RUN failed",
        "'x' is not defined",
    ),
    (
        "a traced command that says nothing",
        r#"+ echo a
a
+ false"#,
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
];

#[test]
fn what_a_program_got_over_is_not_told_as_the_reason() {
    let wrong: Vec<String> = LOGS
        .iter()
        .filter_map(|(name, log, code, what, words)| {
            let cause = format!("exit code: {code}");
            let log = log.lines().collect();
            let reason =
                find(&Evidence { cause: &cause, exit_code: Some(*code), log, ..Evidence::default() })?;
            let is_well = reason.what.starts_with(what)
                && reason.words.as_ref().is_some_and(|found| found.contains(words));
            (!is_well).then(|| format!("{name}: {reason:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
