//! The pure core, by criterion: parse, resolve, plan, guard, render as JSON; the parsing of a CSV file of WABAs; and
//! questions about access.
//!
//! `cargo bench --bench core`

mod support;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::time::Duration;
use support::{Shape, case, core, desired, table};
use wabacl::manifest::parse;
use wabacl::model::{Task, TaskSet};
use wabacl::query::{Evidence, Question, When, who_can};

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

/// Answers who can send, from states that are in memory.
fn bench_who_can(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("who-can");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    for size in [20_000, 200_000] {
        let case = case(Shape::Factored, size);
        let desired = desired(&case);
        let plan = wabacl::plan::plan(&desired, &case.observed);
        let evidence = Evidence { desired: &desired, observed: &case.observed, plan: &plan };
        for (name, when) in [("live", When::Live), ("after", When::After)] {
            let question = Question::about(TaskSet::from([Task::Messaging]), when);
            group.throughput(Throughput::Elements(size));
            group.bench_with_input(BenchmarkId::new(name, size), &question, |bencher, question| {
                bencher.iter(|| {
                    let answer = who_can(evidence, question);
                    // Half of the users send; one pair of 20 differs.
                    assert!(answer.holders.len() as u64 >= size * 9 / 20, "{}", answer.holders.len());
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, bench, bench_table, bench_who_can);
criterion_main!(benches);
