# Shorter names for what CI runs. `just` alone lists them.

default:
    @just --list

# Everything CI runs, in the same order.
ci:
    .ci/run

# All tests that this machine can run.
test *ARGS:
    cargo test --workspace {{ARGS}}

# Formatting and lints, as strict as CI.
lint:
    cargo fmt --check
    cargo clippy --workspace --all-targets -- -D warnings

fmt:
    cargo fmt

# API documentation, warnings denied.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Licences, banned crates and sources.
deny:
    cargo deny --offline check licenses bans sources

# Relative links and anchors of all Markdown files.
links:
    python3 .ci/check_links.py .

# Every command block of the README, in a copy of the sources.
readme:
    python3 .ci/run_readme.py README.md

# Short fuzzing of every target.
fuzz SECONDS="30":
    .ci/fuzz {{SECONDS}}

bench:
    cargo bench

# The example on an embedded server that keeps its state.
dev:
    cargo run --release -- dev -f examples/topology.yaml
