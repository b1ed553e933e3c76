//! The pure core, by criterion: parse, resolve, plan, guard, render as JSON; and the parsing of a CSV file of WABAs.
//!
//! `cargo bench --bench core`

mod support;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::time::Duration;
use support::{Shape, case, core, table};
use wabacl::manifest::parse;

fn bench(criterion: &mut Criterion) {
    for (shape, sizes) in [
        (Shape::Factored, &[1_000, 10_000, 100_000, 1_000_000][..]),
        (Shape::Explicit, &[1_000, 10_000, 100_000][..]),
    ] {
        let mut group = criterion.benchmark_group(format!("{shape:?}").to_lowercase());
        group
            .sample_size(10)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(3));
        for &size in sizes {
            let case = case(shape, size);
            group.throughput(Throughput::Elements(size));
            group.bench_with_input(BenchmarkId::from_parameter(size), &case, |bencher, case| {
                bencher.iter(|| core(case));
            });
        }
        group.finish();
    }
}

/// Parses a manifest whose WABAs are in a CSV file.
fn bench_table(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("table");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    for rows in [10_000, 100_000] {
        let sources = table(rows);
        group.throughput(Throughput::Elements(rows));
        group.bench_with_input(BenchmarkId::from_parameter(rows), &sources, |bencher, sources| {
            bencher.iter(|| {
                let (manifest, found) = parse(sources);
                assert_eq!(manifest.map(|manifest| manifest.wabas.len() as u64), Some(rows), "{found:?}");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench, bench_table);
criterion_main!(benches);
