# The commands of this project. Each installs what it needs and is safe to repeat.

.PHONY: demo test docs coverage deny fuzz fuzz-bytes bench bench-build bench-proxy report-browser setup

# Modules that a macro declares: cargo fmt does not find them by itself.
LISTED_BY_MACRO = $(wildcard src/converter/lint/rules/*.rs)

# Plays a workspace: a registry with a password, `bob proxy` with the credentials, `bob build` without.
demo: setup
	cargo build --release --locked
	tools/demo target/release/bob

# The gate: formatting, lints, documentation, unit, snapshot and integration tests. Most tests wait for other programs, so
# twice as many run at once as there are cores.
test: setup
	cargo fmt --all --check -- $(LISTED_BY_MACRO)
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	RUST_TEST_THREADS=$$((2 * $$(nproc))) cargo test --workspace --locked

# Writes the documents that are made from the sources: docs/checks.md.
docs:
	BOB_UPDATE_DOCS=1 cargo test --locked --lib -- the_document_is_what_the_rules_say the_recordings_of_the_documentation_are_true

# Line coverage of the pure core, a folder at a time, and the lines that no test reaches. Runs only the tests that
# exercise the core: unit tests of both crates, snapshots, fuzzing against BuildKit, robustness, LLB against Go.
# Installs cargo-tarpaulin where it is missing: minutes.
coverage: setup
	tools/coverage

# Licences, bans and sources of the dependencies. Installs cargo-deny where it is missing: minutes.
deny:
	command -v cargo-deny >/dev/null || cargo install cargo-deny --locked
	cargo deny check licenses bans sources

setup:
	tools/setup

# Bob's converter against BuildKit's on CASES mutated Dockerfiles.
fuzz: setup
	BOB_FUZZ_CASES=$(or $(CASES),1000000) cargo test --release --locked --test differential -- --nocapture

# Everything that reads bytes of others (registries, clients, buildkitd) on CASES hostile inputs each.
fuzz-bytes: setup
	BOB_FUZZ_CASES=$(or $(CASES),1000000) BOB_FUZZ_SEED=$(or $(SEED),$$(date +%s)) \
		cargo test --release --locked --lib -- fuzz_

# The pages of `bob build --report` in headless Chromium: screenshots in target/report-browser. Installs Chromium where it
# is missing.
report-browser:
	tools/report-browser

# How long Bob's converter and BuildKit's take for the same cases, and how Bob's time grows with a Dockerfile.
bench: setup
	cargo bench --locked --bench convert

# How long bob takes beside buildctl on the same buildkitd, in turn; ONLY=version,rebuild,cold,unchanged,record runs some parts
# (the head of benches/build/main.rs names them). The workspace image of a base of 1 GiB is a part of bench-proxy.
bench-build: setup
	BOB_BENCH_ONLY=$(ONLY) cargo bench --locked --bench build

# Throughput, latency and memory of the proxy beside direct requests; GIB=20 also streams such blobs, and
# ONLY=tls,latency,… runs some parts (the head of benches/proxy/main.rs names them).
bench-proxy: setup
	BOB_BENCH_ONLY=$(ONLY) BOB_BENCH_GIB=$(GIB) cargo bench --locked --bench proxy
