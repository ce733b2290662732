//! The benchmark of the layers, as short as it can be: every layer of every tool answers right and
//! gets a figure.

#[path = "../../benches/suite/mod.rs"]
mod suite;

use std::{fs, time::Duration};

use criterion::Criterion;
use serde_json::Value;

#[test]
fn every_layer_is_measured_verified_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(1))
        .measurement_time(Duration::from_millis(20))
        .nresamples(1_001)
        .output_directory(folder.path());
    suite::measure(&mut criterion).unwrap();
    let figures = suite::Figures::read(folder.path()).unwrap();

    let path = folder.path().join("layers.json");
    figures.write(&path).unwrap();
    let written: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let rows = written["layers"].as_array().unwrap();
    assert_eq!(rows.len(), 8 * 3);
    for row in rows {
        let [low, median, high] = ["low_ns", "median_ns", "high_ns"].map(|key| &row[key]);
        let ordered = low.as_u64() <= median.as_u64() && median.as_u64() <= high.as_u64();
        assert!(ordered && low.as_u64() > Some(0), "{row}");
        assert_eq!(row["over"].is_null(), row["added_ns"].is_null(), "{row}");
    }

    let table = figures.to_string();
    let rows: Vec<&str> = table.lines().take(9).collect();
    assert!(
        rows[1].starts_with("direct call") && rows[1].ends_with(" 100"),
        "{table}"
    );
    assert!(rows[8].starts_with("SSE over loopback"), "{table}");
    assert!(table.contains("120 of 170 us are 71%"), "{table}");
}
