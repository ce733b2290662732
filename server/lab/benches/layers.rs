//! The lab's benchmark: what each layer of a call costs, and what each JSON parser costs.
//!
//! `just bench-layers` times the layers, prints one table and leaves its figures in
//! `results/layers.json` (harness/FORMAT.md, "Layers"). The parsers of `experiment_json` need their
//! features: `cargo bench -p lab --features experiments,simd-json,sonic --bench layers -- parsers`.

#![expect(
    clippy::expect_used,
    reason = "clippy takes a benchmark for code that ships"
)]

#[cfg(feature = "experiments")]
mod parsers;
mod suite;

use std::{env, path::Path, time::Duration};

use criterion::Criterion;

fn main() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // Named here, because the figures are read from there.
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let estimates = target.join("criterion");
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .nresamples(10_000)
        .output_directory(&estimates)
        .configure_from_args();
    #[cfg(feature = "experiments")]
    parsers::measure(&mut criterion);
    suite::measure(&mut criterion)?;
    criterion.final_summary();
    // Not all are there when a filter chose some of them, or without cargo's `--bench`.
    if env::args().skip(1).eq(["--bench".to_owned()]) {
        let figures = suite::Figures::read(&estimates)?;
        let path = root.join("results/layers.json");
        figures.write(&path)?;
        println!("\n{figures}\nwritten to results/layers.json");
    }
    Ok(())
}
