//! Golden files: what the verbs over recorded runs print of two runs that lie in
//! `tests/golden/runs`.
//!
//! `UPDATE_GOLDEN=1 cargo test -p harness --test it golden` writes the expected outputs anew; a
//! change of them has to be one that was meant.

use std::path::PathBuf;
use std::process::Command;

use super::support::{Done, own};

/// Name of the expected file, exit code, verb and flags.
const CASES: [(&str, i32, &[&str]); 10] = [
    ("report", 0, &["report", "before"]),
    ("rank", 0, &["rank", "before"]),
    ("rank-p99", 0, &["rank", "before", "--by", "p99"]),
    (
        "recommend",
        0,
        &["recommend", "before", "--workload", "cpu"],
    ),
    ("compare", 0, &["compare", "before", "after"]),
    (
        "compare-subjects",
        0,
        &["compare", "--run", "before", "quick", "slow"],
    ),
    ("gate", 1, &["gate", "after", "--baseline", "before"]),
    ("gate-targets", 1, &["gate", "before"]),
    (
        "gate-cpu",
        1,
        &["gate", "after", "--baseline", "before", "--by", "cpu"],
    ),
    ("report-after", 0, &["report", "after"]),
];

fn golden(path: &str) -> PathBuf {
    own("tests/golden").join(path)
}

#[test]
fn the_outputs_of_recorded_runs_are_the_golden_ones() {
    let mut differ = Vec::new();
    let pages = tempfile::tempdir().unwrap();
    for (name, code, flags) in CASES {
        for format in ["text", "markdown", "csv", "json"] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-harness"));
            command
                .arg("--root")
                .arg(golden(""))
                .args(flags)
                .arg("--out")
                .arg(golden("runs"))
                .args(["--format", format]);
            if flags.first() == Some(&"report") {
                command.arg("--into").arg(pages.path());
            }
            let output = command.output().unwrap();
            let printed = Done::from(output).exits(code).stdout;
            let file = golden(&format!("{name}.{format}"));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                std::fs::write(&file, &printed).unwrap();
            } else if std::fs::read_to_string(&file).unwrap_or_default() != printed {
                differ.push(format!("{}:\n{printed}", file.display()));
            }
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
