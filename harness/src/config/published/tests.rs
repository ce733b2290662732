use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Claims, Measure, Other, Shape};
use crate::analysis::metric::Metric;

const SOURCE: &str = r#"
name = "somebody"

[shape.P1]
says = "ten users that sleep"
clients = 10
think_time_ms = 100
counted_per_iteration = 20

[caveat]
few = "Ten users are few."

[claim."T1.a"]
says = "100 calls/s"
shape = "P1"
kind = ["rust"]
read = "recomputed"
caveats = ["few"]
values = [{ of = "Rust", metric = "calls_per_s", value = 100, up_to = 120 }]

[claim."T1.b"]
says = "2 ms"
shape = "P1"
load = { clients = 50 }
kind = ["reference"]
read = "at_the_source"
"#;

fn read(text: &str) -> Result<Claims, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("somebody.toml"), text).unwrap();
    Claims::read_folder(folder.path()).map_err(|error| error.to_string())
}

#[test]
fn an_error_names_the_file_the_claim_and_the_key() {
    for (from, to, told) in [
        (
            "says = \"2 ms\"",
            "",
            ["claim T1.b: ", "missing field `says`"],
        ),
        (
            "says = \"2 ms\"",
            "says = \"2 ms\"\nfast = 1",
            ["claim T1.b: ", "unknown field `fast`"],
        ),
        (
            "calls_per_s",
            "calls",
            [
                "claim T1.a: ",
                "unknown metric \"calls\"; known: cpu_us_per_call",
            ],
        ),
        (
            "\"recomputed\"",
            "\"guessed\"",
            ["claim T1.a: ", "unknown variant `guessed`"],
        ),
        (
            "[\"few\"]",
            "[\"many\"]",
            ["claim T1.a: ", "caveats: there is no \"many\""],
        ),
        (
            "up_to = 120",
            "up_to = 90",
            ["claim T1.a: ", "up_to is not above value = 100"],
        ),
        (
            "value = 100",
            "value = -1",
            ["claim T1.a: ", "value = -1 is not a number"],
        ),
        ("[\"reference\"]", "[]", ["claim T1.b: ", "kind = []"]),
        ("\"T1.b\"", "\"b\"", ["claim b: ", "like S8 or S8.pool"]),
        (
            "says = \"2 ms\"\nshape = \"P1\"",
            "says = \"2 ms\"\nshape = \"P9\"",
            ["claim T1.b: ", "shape = \"P9\""],
        ),
        (
            "says = \"ten users that sleep\"",
            "",
            ["shape P1: ", "says is missing"],
        ),
        (
            "think_time_ms",
            "sleep_ms",
            ["shape P1: ", "unknown field `sleep_ms`"],
        ),
    ] {
        assert!(SOURCE.contains(from), "{from}");
        let error = read(&SOURCE.replacen(from, to, 1)).unwrap_err();
        for part in told.iter().chain(&["somebody.toml"]) {
            assert!(error.contains(part), "{part} in {error}");
        }
    }
}

#[test]
fn two_sources_may_not_have_one_claim() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.toml", "b.toml"] {
        std::fs::write(folder.path().join(name), SOURCE).unwrap();
    }
    let error = Claims::read_folder(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("b.toml: shape P1: another source has it already"),
        "{error}"
    );
    let other = SOURCE.replace("[shape.P1]", "[shape.P2]");
    std::fs::write(folder.path().join("b.toml"), other).unwrap();
    let error = Claims::read_folder(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("b.toml: claim T1.a: another source"),
        "{error}"
    );
}

#[test]
fn an_id_stands_for_its_parts_and_a_claim_changes_its_shape() {
    let claims = read(SOURCE).unwrap();
    assert_eq!(claims.resolve("T1").unwrap(), ["T1.a", "T1.b"]);
    assert_eq!(claims.quote("T1").unwrap(), "100 calls/s; 2 ms");
    assert_eq!(claims.quote("T1.b").unwrap(), "2 ms");
    for unknown in ["T", "T1.", "T1.c", "T10"] {
        let error = claims.quote(unknown).unwrap_err();
        assert!(error.contains("known: T1.a, T1.b"), "{error}");
    }
    assert_eq!(claims.caveats("T1.a"), ["Ten users are few."]);
    let ceilings = ["T1.a", "T1.b"].map(|id| claims.load(id).ceiling_per_s());
    assert_eq!(ceilings, [Some(2_000.0), Some(10_000.0)]);
    assert_eq!(Shape::default().ceiling_per_s(), None);
    let only = claims.only(&BTreeSet::from(["T1.b"]));
    assert_eq!(only.iter().map(|(id, _)| id).collect::<Vec<_>>(), ["T1.b"]);
    let again: Claims = toml::from_str(&toml::to_string_pretty(&claims).unwrap()).unwrap();
    assert_eq!(again.load("T1.b"), claims.load("T1.b"));
}

#[test]
fn a_measure_is_a_metric_of_runs_wherever_there_is_one() {
    let read = |key: &str| Measure::try_from(key.to_owned());
    assert_eq!(read("p99_ms"), Ok(Measure::Metric(Metric::P99Ms)));
    assert_eq!(read("p95_ms"), Ok(Measure::Other(Other::P95Ms)));
    assert_eq!(Measure::Other(Other::RightPercent).key(), "right_percent");
    assert_eq!(Measure::Other(Other::MeanMs).name(), "mean ms");
}

/// The project's own sources have every published number that the project answers to.
#[test]
fn the_projects_own_claims_are_all_there() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("published");
    let claims = Claims::read_folder(&folder).unwrap();
    let mut parts: BTreeMap<&str, usize> = BTreeMap::new();
    for (id, claim) in claims.iter() {
        *parts.entry(id.split('.').next().unwrap()).or_default() += 1;
        assert!(!claim.values.is_empty(), "{id} has no figure");
        let is_target_or_scan = id.starts_with("C6.") || id == "T2i" || id == "T2j";
        assert_eq!(claim.shape.is_none(), is_target_or_scan, "{id}");
    }
    let wanted = "C1 C2 C3 C4 C6 D1 G1 G2 G3 G4 G5 G6 I1 S1 S2 S3 S4 S5 S6 S7 S8 \
        T1a T1b T1c T1d T1g T1h T2a T2b T2c T2d T2e T2i T2j T2k W1 W2 W3 W4";
    let found: Vec<&str> = parts.into_keys().collect();
    assert_eq!(
        found.join(" "),
        wanted.split_whitespace().collect::<Vec<_>>().join(" ")
    );
    assert_eq!(claims.load("T2a").ceiling_per_s(), Some(8_000.0));
}
