//! Reading and writing 10 MB of JSON with each parser of `experiment_json`, without a server.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use experiments::json::{Document, Parser};

const BYTES: usize = 10_000_000;

/// Times each parser that this build has.
pub(crate) fn measure(criterion: &mut Criterion) {
    let document = Document::new(BYTES);
    let mut group = criterion.benchmark_group("parsers");
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
