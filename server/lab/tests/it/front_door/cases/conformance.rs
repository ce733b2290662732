//! The official conformance suite against programs as they ship: the scenarios that need no fixture.
//! `server/conformance` runs the others.

use std::process::Command;

use crate::common::{Subject, server::command};

/// `scripts/conformance/suite.py` says which scenarios these are.
pub(crate) fn the_official_suite_finds_nothing_wrong(subject: &Subject) {
    let server = command(subject, &[]);
    let suite = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../scripts/conformance/suite.py"
    );
    let mut run = Command::new("python3");
    run.args([suite, "--ordinary"])
        .arg(server.get_program())
        .args(server.get_args());
    for (name, value) in server.get_envs() {
        match value {
            Some(value) => run.env(name, value),
            None => run.env_remove(name),
        };
    }
    let output = run.output().unwrap();
    let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{}", said.join("\n"));
}
