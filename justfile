# The tasks of this repository; `just` alone lists them.

set shell := ["bash", "-euo", "pipefail", "-c"]

harness := "target/release/mcp-harness"

# List the tasks
[private]
default:
    @just --list --unsorted

# Build every server and the harness as they are measured; `--features postgres,redis` adds what they can do
build *ARGS:
    scripts/build --release {{ ARGS }}

# Run every test; the last line counts them
test *ARGS:
    scripts/test {{ ARGS }}

# Check formatting, lints, docs, dependencies and spelling
check:
    scripts/install-tools
    cargo fmt --all --check
    rustfmt --check --edition 2024 workloads/src/tools/*.rs    # the modules of `tools!` are not found by cargo fmt
    scripts/clippy
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --all-features --no-deps --document-private-items
    cargo deny --log-level error check bans licenses sources
    typos

# Fuzz one property (a file of fuzz/targets) for so many seconds, for instance `just fuzz fast_path 900`; needs a nightly toolchain
fuzz TARGET SECONDS *ARGS:
    scripts/fuzz {{ TARGET }} {{ SECONDS }} {{ ARGS }}

# Check the dependencies against the RustSec advisory database (fetched from GitHub)
advisories:
    scripts/install-tools
    cargo deny --log-level error check advisories

# Run the official conformance suite and official clients against every program, and keep the tables in docs/conformance.md
conformance *ARGS:
    scripts/conformance/report.py {{ ARGS }}

# Ask every tool of every server and check the answers
verify *ARGS: build
    {{ harness }} verify {{ ARGS }}

# Check every answer of every server, then measure and rank them all on four kinds of work, in about 25 minutes;
# with eight cores or more also tokio and percore on 1, 2, 4, ... server cores
bench-all *ARGS: build
    {{ harness }} verify
    {{ harness }} measure --processes 5 --slices 5 --warmup-s 0.8 {{ ARGS }}

# A first look: tokio with the fast path on, one short trial each of three kinds of work, in less than a minute after the build
bench-quick *ARGS: (build "--runtime tokio --bin mcp-harness")
    {{ harness }} measure --runtime tokio --fast-path on --suite echo,query_products,fetch_external_data --trials 1 --warmup-s 0.3 --duration-s 1 {{ ARGS }}

# What each layer costs above the one below, held against the bounds of harness/experiments/overhead.toml, in about 11 minutes
bench-overhead *ARGS: build
    {{ harness }} overhead {{ ARGS }}

# What metrics cost on the fast path, on against off, held against 3% of the CPU time of a call: about 4 minutes
bench-metrics *ARGS: (build "--runtime tokio --bin mcp-harness")
    {{ harness }} overhead --bounds harness/experiments/metrics.toml {{ ARGS }}

# Are the published targets met (p50, p99, errors)? For instance `just targets --subject http-json-tokio`
targets *ARGS: build
    {{ harness }} measure --suite targets {{ ARGS }}

# What each layer of a call costs, from the tool's method to a socket: 2 minutes after a build of 6
bench-layers *ARGS:
    cargo bench --locked --package lab --bench layers {{ ARGS }}

# What each switch and size of a server is worth: pools, cache, payload and thirteen more, in under 15 minutes
experiments *ARGS: (build "--runtime tokio --bin mcp-harness --features experiments,postgres,redis,tokens")
    {{ harness }} experiments --no-build {{ ARGS }}

# What servers withstand: overload, 10,000 idle clients, clients that misbehave, kill -9, a soak, a rolling restart; all in 2 h 40 min, `just chaos --quick` in about a minute
chaos *ARGS: (build "--runtime tokio --bin mcp-harness --features redis")
    {{ harness }} chaos --no-build {{ ARGS }}

# Which published claims hold here, and why the others do not; all of them in about 20 minutes, `just replay --quick` in 8
replay *ARGS: (build "--runtime tokio --bin mcp-harness --features experiments,postgres,redis,tokens")
    {{ harness }} replay --no-build {{ ARGS }}

# A lesson of docs/lessons and its experiment of under a minute, for instance `just lesson stdio`; without a name the course
lesson *ARGS: (build "--features experiments,postgres,redis,tokens")
    {{ harness }} lesson --no-build {{ ARGS }}

# One program beside itself must tie, slowed by 5% it must not, in 20 runs of about 8 minutes together: leave the machine alone;
# `just aa --table`: how far do the figures of eight copies of one program lie apart?
aa *ARGS: build
    {{ harness }} aa {{ ARGS }}

# The highest rate that each subject keeps up with, for instance `just capacity --subject http-json-tokio --suite echo --p99-ms 10`
capacity *ARGS: build
    {{ harness }} measure --find-capacity {{ ARGS }}

# The load client's figures beside those of wrk, oha (both have to be installed) and the official SDK, where the server sets the pace
agree *ARGS: build
    scripts/install-sdk-client
    {{ harness }} agree {{ ARGS }}

# The runtimes on two server cores (`--suite cores` has 1, 2, 4, ... where there are as many for the load), by CPU per call: rates hold only where the load has cores of its own
bench-runtimes *ARGS: build
    {{ harness }} measure --server-cores 2 --transport http-json,http-stream,sse --fast-path on \
        --suite echo,query_products --trials 5 --warmup-s 0.5 --duration-s 2.5 {{ ARGS }}

# Size, start-up time and idle memory of every program
size *ARGS: build
    {{ harness }} size {{ ARGS }}

# Sample the stacks of one server under the load of a tool's suite, for instance `just profile http-json tokio echo`
profile TRANSPORT RUNTIME TOOL *ARGS:
    scripts/build-profiling {{ TRANSPORT }} {{ RUNTIME }}
    scripts/build --release --bin mcp-harness
    {{ harness }} profile --no-build --profile profiling \
        --subject {{ TRANSPORT }}-{{ RUNTIME }} --suite {{ TOOL }} {{ ARGS }}

# Is this machine fit to measure, and is the load client fast enough
doctor *ARGS: build
    {{ harness }} doctor {{ ARGS }}

# Run one server, for instance `just serve http-json tokio --listen 127.0.0.1:8080`
serve TRANSPORT RUNTIME *FLAGS:
    scripts/build --release --bin mcp-{{ TRANSPORT }}-{{ RUNTIME }}
    target/release/mcp-{{ TRANSPORT }}-{{ RUNTIME }} {{ FLAGS }}

# Run the upstream API on 127.0.0.1:8090; give servers `--upstream-url http://127.0.0.1:8090`
upstream *FLAGS:
    scripts/build --release --bin upstream
    target/release/upstream --listen 127.0.0.1:8090 {{ FLAGS }}

# Start a private PostgreSQL and Redis: `eval "$(just services-up)"`, and every server started in this shell uses them
services-up *NAMES:
    @scripts/services up {{ NAMES }}

# Stop them; PostgreSQL's data stays in .services
services-down *NAMES:
    @scripts/services down {{ NAMES }}

# Rank the subjects of the latest run, or of RUN, over all its suites
rank *ARGS: build
    {{ harness }} rank {{ ARGS }}

# Compare two runs, for instance `just compare RUN_A latest`, or two subjects of one with `--run RUN A B`
compare *ARGS: build
    {{ harness }} compare {{ ARGS }}

# Does the latest run regress beside a baseline, or miss a target? For instance `just gate --baseline RUN`
gate *ARGS: build
    {{ harness }} gate {{ ARGS }}

# The configuration to use, from the latest run, for instance `just recommend --workload database`
recommend *ARGS: build
    {{ harness }} recommend {{ ARGS }}

# What to use in which situation: a personal tool, a team, production, a crowd, little memory; about 20 minutes
bench-scenarios *ARGS: build
    {{ harness }} measure --scenario all {{ ARGS }}

# Write the figures of the runs in results/reference into README.md and docs; `just readme --check` compares them
readme *ARGS:
    scripts/build --release --bin mcp-harness
    {{ harness }} readme {{ ARGS }}

# Make a server of your own, for instance `just template ../my-server --workload db`
template DIR *ARGS:
    scripts/build --release --bin mcp-harness
    {{ harness }} template {{ DIR }} {{ ARGS }}

# Print the tables of the latest run, or of RUN, again, and write its report.html
report *RUN: build
    {{ harness }} report {{ RUN }}

# Look at a report in headless Chromium, for instance `just check-report results/RUN/report.html screenshots`
check-report *ARGS:
    scripts/check-report {{ ARGS }}

# Delete the recorded runs (not results/README.md and results/reference)
clean-results:
    find results -mindepth 1 -maxdepth 1 -type d ! -name reference -exec rm -r {} +
