//! A program carries the runtime of its name and none of the others, and no service that it was
//! built without: what is linked is measured, as size, as memory, and as sqlx running where it
//! should.

use std::{collections::BTreeMap, process::Command};

/// Crates that belong to a runtime other than tokio.
const FOREIGN: [&str; 8] = [
    "async-executor",
    "async-global-executor",
    "async-io",
    "async-std",
    "blocking",
    "polling",
    "smol",
    "smol-hyper",
];

/// The normal dependencies of the programs of `runtime`, with the features of each.
fn dependencies(runtime: &str) -> BTreeMap<String, Vec<String>> {
    let cargo = std::env::var_os("CARGO").expect("cargo runs the tests");
    let output = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--locked", "--offline", "--package", "lab"])
        .args(["--no-default-features", "--features", runtime])
        .args(["--edges", "normal,no-proc-macro", "--prefix", "none"])
        .args(["--format", "{p}|{f}"])
        .output()
        .expect("cargo tree runs");
    assert!(output.status.success(), "{output:?}");
    let tree = String::from_utf8(output.stdout).expect("names are UTF-8");
    let mut found = BTreeMap::new();
    for line in tree.lines() {
        let (package, features) = line.split_once('|').expect("the format has a bar");
        let name = package.split(' ').next().expect("a name");
        let features = features.trim_end_matches(" (*)").split(',');
        found.insert(name.to_owned(), features.map(Into::into).collect());
    }
    found
}

/// The crates of [`FOREIGN`] in the programs of `runtime`, and the runtimes that sqlx knows there.
fn carried(runtime: &str) -> (Vec<&'static str>, Vec<String>) {
    let dependencies = dependencies(runtime);
    assert!(dependencies.contains_key("rmcp"), "{dependencies:?}");
    let foreign = FOREIGN.into_iter();
    let foreign = foreign.filter(|&name| dependencies.contains_key(name));
    let sqlx = dependencies["sqlx-core"].iter();
    let sqlx = sqlx.filter(|feature| feature.starts_with("_rt-")).cloned();
    (foreign.collect(), sqlx.collect())
}

#[test]
fn tokio_and_percore_carry_no_other_runtime() {
    for runtime in ["tokio", "percore"] {
        let (foreign, sqlx) = carried(runtime);
        assert_eq!(foreign, [""; 0], "{runtime}");
        assert_eq!(sqlx, ["_rt-tokio"], "{runtime}");
    }
}

#[test]
fn async_std_carries_no_smol_and_its_database_no_tokio() {
    let (foreign, sqlx) = carried("async-std");
    let own = FOREIGN.into_iter().filter(|&name| name != "smol");
    assert_eq!(foreign, own.collect::<Vec<_>>());
    assert_eq!(sqlx, ["_rt-async-io", "_rt-async-std"]);
}

#[test]
fn smol_carries_no_async_std_and_its_database_no_tokio() {
    let (foreign, sqlx) = carried("smol");
    let not_own = ["async-std", "async-global-executor"];
    let own = FOREIGN.into_iter().filter(|name| !not_own.contains(name));
    assert_eq!(foreign, own.collect::<Vec<_>>());
    assert_eq!(sqlx, ["_rt-async-io", "_rt-async-task", "_rt-smol"]);
}

#[test]
fn postgresql_redis_and_experiments_are_left_out_unless_asked_for() {
    let dependencies = dependencies("tokio");
    for left_out in ["sqlx-postgres", "redis", "experiments"] {
        assert!(!dependencies.contains_key(left_out), "{left_out}");
    }
}
