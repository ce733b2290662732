//! `mcp-harness`: see `mcp-harness --help`.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    harness::cli::run(&harness::cli::Cli::parse())
}
