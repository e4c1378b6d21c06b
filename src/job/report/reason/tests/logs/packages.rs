//! Package managers.

use super::Log;

pub(super) const LOGS: [Log; 16] = [
    (
        "apt dns",
        "Get:1 http://deb.example/debian bookworm InRelease
Ign:1 http://deb.example/debian bookworm InRelease
Err:1 http://deb.example/debian bookworm InRelease
  Temporary failure resolving 'deb.example'
Reading package lists...
W: Failed to fetch http://deb.example/debian/dists/bookworm/InRelease  Temporary failure resolving 'deb.example'
W: Some index files failed to download. They have been ignored, or old ones used instead.
Reading package lists...
Building dependency tree...
E: Unable to locate package jq
",
        100,
        "the name of the host deb.example could not be looked up (DNS)",
        "Temporary failure resolving 'deb.example'",
    ),
    (
        "apt dpkg error in postinst",
        "Setting up libgpg-error0:amd64 (1.46-1) ...
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
",
        100,
        "the image has no user foo",
        "chown: invalid user: 'foo:foo'",
    ),
    (
        "libgpg-error then silent",
        "Unpacking libgpg-error0:amd64 (1.46-1) ...
Setting up libgpg-error0:amd64 (1.46-1) ...
configure: option --with-foo is wanted
",
        1,
        "RUN failed",
        "configure: option --with-foo is wanted",
    ),
    (
        "pip retry dns",
        "Collecting requests
  WARNING: Retrying (Retry(total=4, connect=None, read=None, redirect=None, status=None)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/requests/
ERROR: Could not find a version that satisfies the requirement requests (from versions: none)
ERROR: No matching distribution found for requests
",
        1,
        "the name of a host could not be looked up (DNS)",
        "Temporary failure in name resolution",
    ),
    (
        "pip retry then compile",
        "Collecting lxml
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
",
        1,
        "there is no header Python.h",
        "src/lxml/etree.c:96:10: fatal error: Python.h",
    ),
    (
        "npm enoent",
        "npm error code ENOENT
npm error syscall open
npm error path /app/package.json
npm error errno -2
npm error enoent Could not read package.json: Error: ENOENT: no such file or directory, open '/app/package.json'
npm error enoent This is related to npm not being able to find a file.
npm error enoent
npm error A complete log of this run can be found in: /root/.npm/_logs/2026-11-27T00_00_00_000Z-debug-0.log
",
        254,
        "there is no file or folder /app/package.json",
        "open '/app/package.json'",
    ),
    (
        "maven dep",
        "[INFO] BUILD FAILURE
[ERROR] Failed to execute goal on project app: Could not resolve dependencies for project a:app:jar:1: Could not find artifact a:missing:jar:1 in central (https://repo.maven.apache.org/maven2) -> [Help 1]
[ERROR] 
[ERROR] To see the full stack trace of the errors, re-run Maven with the -e switch.
[ERROR] [Help 1] http://cwiki.apache.org/confluence/display/MAVEN/DependencyResolutionException
",
        1,
        "there is no package a:missing:jar:1",
        "Could not find artifact a:missing:jar:1",
    ),
    (
        "retried download",
        "curl: (7) Failed to connect to a.example port 443: Connection refused
Trying the mirror
ok
ok
ok
lib/a.c:7:1: error: unknown type name 'foo'
make: *** [a.o] Error 1",
        2,
        "RUN failed",
        "lib/a.c:7:1: error",
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
        "Could not find gem 'rails (~> 9)' in rubygems repository https://rubygems.org/ or installed locally.",
        7,
        "there is no package rails (~> 9)",
        "Could not find gem",
    ),
    (
        "apk",
        "ERROR: unable to select packages:
  nope (no such package):
    required by: world[nope]",
        1,
        "there is no package nope",
        "nope (no such package)",
    ),
    (
        "composer",
        "Your requirements could not be resolved to an installable set of packages.

  Problem 1
    - Root composer.json requires foo/bar ^9, found foo/bar[1.0] but it does not match the constraint.",
        2,
        "RUN failed",
        "- Root composer.json requires foo/bar ^9",
    ),
    (
        "apk without DNS",
        "WARNING: fetching https://dl-cdn.example/alpine/v3.20/main: temporary error (try again later)
ERROR: unable to select packages:
  curl (no such package):
    required by: world[curl]",
        1,
        "the name of the host dl-cdn.example could not be looked up (DNS)",
        "temporary error",
    ),
    (
        "npm 404",
        "npm error code E404
npm error 404 Not Found - GET https://registry.example/nope-x - Not found
npm error 404
npm error A complete log of this run can be found in: /root/.npm/_logs/x.log",
        1,
        "a server refused: 404 Not Found",
        "https://registry.example/nope-x",
    ),
    (
        "npm rights",
        "npm error code EACCES
npm error Error: EACCES: permission denied, mkdir '/app/node_modules'
npm error   errno: -13,
npm error   code: 'EACCES',
npm error }
npm error The operation was rejected by your operating system.",
        243,
        "permission denied",
        "mkdir '/app/node_modules'",
    ),
    (
        "debconf, then a script",
        "debconf: unable to initialize frontend: Readline
debconf: (Can't locate Term/ReadLine.pm in @INC (you may need to install the Term::ReadLine module).)
Setting up foo (1.0) ...
foo: error: no configuration",
        1,
        "RUN failed",
        "foo: error: no configuration",
    ),
];
