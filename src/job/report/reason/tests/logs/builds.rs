//! Compilers, linkers and what starts them.

use super::Log;

pub(super) const LOGS: [Log; 17] = [
    (
        "npm lifecycle tsc",
        "npm warn deprecated inflight@1.0.6: This module is not supported, and leaks memory. It throws errors.
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
",
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
        "go build",
        "go: downloading example.com/x v1.0.0
# example.com/app
./main.go:5:2: undefined: foo
",
        1,
        "RUN failed",
        "./main.go:5:2: undefined: foo",
    ),
    (
        "make missing gcc",
        "gcc -c a.c
make: gcc: No such file or directory
make: *** [Makefile:2: a.o] Error 127
",
        2,
        "the image has no program gcc",
        "make: gcc: No such file or directory",
    ),
    (
        "git harmless then gcc",
        "fatal: not a git repository (or any of the parent directories): .git
cat: /etc/timezone: No such file or directory
gcc -Werror -c src/error.c
src/error.c:3:5: error: expected ';' before '}' token
make: *** [Makefile:7: error.o] Error 1
",
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
        "[INFO] Scanning for projects...
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
",
        1,
        "RUN failed",
        "[ERROR] /app/src/main/java/A.java:[3,5] cannot find symbol",
    ),
    (
        "gradle",
        "Starting a Gradle Daemon (subsequent builds will be faster)

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
",
        1,
        "RUN failed",
        "> Could not find method foo() for arguments [x] on root project 'app'",
    ),
    (
        "gradle compile",
        "> Task :compileJava FAILED
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
",
        1,
        "RUN failed",
        "/app/src/main/java/A.java:3: error: cannot find symbol",
    ),
    (
        "ld lfs",
        "/usr/bin/ld: lib/libfoo.a: file format not recognized; treating as linker script
/usr/bin/ld: lib/libfoo.a:1: syntax error
collect2: error: ld returned 1 exit status
",
        1,
        "the linker does not know a library or object file",
        "file format not recognized",
    ),
    (
        "rustc",
        "error: couldn't read `src/main.rs`: No such file or directory (os error 2)",
        1,
        "there is no file or folder src/main.rs",
        "couldn't read",
    ),
    ("function of C", "fopen: No such file or directory", 1, "a file or folder is missing", "fopen"),
    (
        "dotnet",
        "  Determining projects to restore...
/src/a.csproj : error NU1101: Unable to find package Foo. No packages exist with this id in source(s): nuget.org",
        1,
        "RUN failed",
        "error NU1101",
    ),
    (
        "linker",
        "/usr/bin/ld: main.o: in function `main':
main.c:(.text+0xa): undefined reference to `foo'
collect2: error: ld returned 1 exit status
make: *** [Makefile:3: app] Error 1",
        2,
        "RUN failed",
        "undefined reference to `foo'",
    ),
    (
        "webpack",
        "ERROR in ./src/index.js 1:0-20
Module not found: Error: Can't resolve './x' in '/app/src'

webpack 5.88.0 compiled with 1 error in 1203 ms",
        1,
        "RUN failed",
        "Can't resolve './x'",
    ),
    (
        "Kotlin",
        "> Task :compileKotlin FAILED
e: file:///app/A.kt:3:5 Unresolved reference: x

FAILURE: Build failed with an exception.

* What went wrong:
Execution failed for task ':compileKotlin'.
> Compilation error. See log for more details

* Try:
> Run with --stacktrace option to get the stack trace.

BUILD FAILED in 3s",
        1,
        "RUN failed",
        "Unresolved reference: x",
    ),
    (
        "sbt",
        "[info] compiling 3 Scala sources to /app/target ...
[error] /app/A.scala:3:5: not found: value x
[error]     x
[error]     ^
[error] one error found
[error] (Compile / compileIncremental) Compilation failed",
        1,
        "RUN failed",
        "not found: value x",
    ),
];
