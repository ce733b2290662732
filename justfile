# The tasks of this repository; `just` alone lists them.

set shell := ["bash", "-euo", "pipefail", "-c"]

harness := "target/release/mcp-harness"

# List the tasks
[private]
default:
    @just --list --unsorted

# Build every server and the harness as they are measured
build:
    cargo build --release --locked --package server --package workloads --bins
    cargo build --release --locked --package harness

# Run every test; the last line counts them
test *ARGS:
    scripts/test {{ ARGS }}

# Check formatting, lints, docs, dependencies and spelling
check:
    scripts/install-tools
    cargo fmt --all --check
    cargo clippy --locked --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items
    cargo deny --log-level error check bans licenses sources
    typos

# Check the dependencies against the RustSec advisory database (fetched from GitHub)
advisories:
    scripts/install-tools
    cargo deny --log-level error check advisories

# Ask every tool of every server and check the answers
verify *ARGS: build
    {{ harness }} verify {{ ARGS }}

# Check every answer of every server, then measure and rank them on every workload
bench-all *ARGS: build
    {{ harness }} verify
    {{ harness }} measure {{ ARGS }}

# The same in less than three minutes: fewer and shorter trials, rougher figures
bench-quick *ARGS: build
    {{ harness }} measure --trials 1 --warmup-s 0.5 --duration-s 2 {{ ARGS }}

# Is this machine fit to measure, and is the load client fast enough
doctor *ARGS: build
    {{ harness }} doctor {{ ARGS }}

# Run one server, for instance `just serve http-json tokio --listen 127.0.0.1:8080`
serve TRANSPORT RUNTIME *FLAGS:
    cargo run --release --locked --package server --bin mcp-{{ TRANSPORT }}-{{ RUNTIME }} -- {{ FLAGS }}

# Run the upstream API on 127.0.0.1:8090; give servers `--upstream-url http://127.0.0.1:8090`
upstream *FLAGS:
    cargo run --release --locked --package workloads --bin upstream -- --listen 127.0.0.1:8090 {{ FLAGS }}

# Print the tables of the latest run, or of RUN, again
report *RUN: build
    {{ harness }} report {{ RUN }}

# Delete the recorded runs (not results/README.md)
clean-results:
    find results -mindepth 1 -maxdepth 1 -type d -exec rm -r {} +
