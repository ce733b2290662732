//! The cost of reading and writing 10 MB of JSON with each parser of `experiment_json`, without a server.
//!
//! `cargo bench -p experiments --bench json --features simd-json,sonic`

#![expect(
    clippy::expect_used,
    reason = "clippy takes a benchmark for code that ships"
)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use experiments::json::{Document, Parser};

const BYTES: usize = 10_000_000;

fn parsers(criterion: &mut Criterion) {
    let document = Document::new(BYTES);
    let mut group = criterion.benchmark_group("read and write 10 MB");
    group.throughput(Throughput::Bytes(document.json().len() as u64));
    group.sample_size(20);
    for parser in Parser::ALL {
        let id = BenchmarkId::from_parameter(format!("{parser:?}"));
        group.bench_with_input(id, parser, |bencher, parser| {
            bencher.iter(|| black_box(&document).read(*parser).expect("valid JSON"));
        });
    }
    group.finish();
}

criterion_group!(benches, parsers);
criterion_main!(benches);
