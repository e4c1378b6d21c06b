//! Tests and checks of sources.

use super::Log;

pub(super) const LOGS: [Log; 10] = [
    (
        "cargo test",
        "running 2 tests
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
",
        101,
        "RUN failed",
        "thread 'tests::it' panicked at src/lib.rs:9:9: assertion `left == right` failed",
    ),
    (
        "go test",
        "=== RUN   TestX
    x_test.go:5: got 1, want 2
--- FAIL: TestX (0.00s)
FAIL
FAIL	example.com/x	0.002s
FAIL
",
        1,
        "RUN failed",
        "--- FAIL: TestX (0.00s)",
    ),
    (
        "pytest",
        "============================= test session starts ==============================
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
",
        1,
        "RUN failed",
        "FAILED tests/test_a.py::test_x - assert 1 == 2",
    ),
    (
        "a test of a server",
        "AssertionError: expected status code 200, got status code 500",
        1,
        "RUN failed",
        "AssertionError",
    ),
    (
        "jest",
        "FAIL src/a.test.js
  ● adds

    expect(received).toBe(expected) // Object.is equality

    Expected: 3
    Received: 2

Test Suites: 1 failed, 1 total
Tests:       1 failed, 1 total",
        1,
        "RUN failed",
        "FAIL src/a.test.js",
    ),
    (
        "eslint",
        "/app/src/a.js
  3:5  error  'x' is not defined  no-undef

✖ 1 problem (1 error, 0 warnings)",
        1,
        "RUN failed",
        "'x' is not defined",
    ),
    (
        "RSpec",
        "Failures:

  1) adds
     Failure/Error: expect(1).to eq(2)

       expected: 2
            got: 1

1 example, 1 failure",
        1,
        "RUN failed",
        "Failure/Error: expect(1).to eq(2)",
    ),
    (
        "PHPUnit",
        "There was 1 failure:

1) AppTest::testX
Failed asserting that 1 matches expected 2.

/app/AppTest.php:9

FAILURES!
Tests: 3, Assertions: 5, Failures: 1.",
        1,
        "RUN failed",
        "Failed asserting that 1 matches expected 2.",
    ),
    (
        "ctest",
        "67% tests passed, 1 tests failed out of 3

The following tests FAILED:
	  3 - parser (Failed)
Errors while running CTest",
        8,
        "RUN failed",
        "parser (Failed)",
    ),
    (
        "Mocha",
        "  1 passing (5ms)
  1 failing

  1) adds:

      AssertionError [ERR_ASSERTION]: 1 == 2
      + expected - actual",
        1,
        "RUN failed",
        "AssertionError [ERR_ASSERTION]: 1 == 2",
    ),
];
