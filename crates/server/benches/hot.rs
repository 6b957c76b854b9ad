//! The hot path in pieces: an answer is encoded, its topic is told, a watcher takes it.
//! It measures no socket and no store; `scripts/bench` measures the whole.

#![expect(clippy::expect_used, reason = "what cannot be measured says why")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fleetwire_server::bench::Bench;
use serde_json::json;
use serde_json::value::to_raw_value;
use std::hint::black_box;

/// Bytes of what a vehicle says.
const PAYLOAD: usize = 256;
const TOPICS: usize = 1000;
const BEHIND: u64 = 64;

fn hot(criterion: &mut Criterion) {
    let payload = to_raw_value(&json!({ "data": "x".repeat(PAYLOAD) })).expect("it is JSON");
    let mut group = criterion.benchmark_group("hot");
    group.throughput(Throughput::Elements(1));
    let bench = Bench::new(1, &payload);
    group.bench_function("encode", |it| it.iter(|| black_box(bench.encode(&payload))));
    let mut bench = Bench::new(TOPICS, &payload);
    let mut topic = 0;
    group.bench_function("publish to one of 1,000 topics", |it| {
        it.iter(|| {
            topic += 1;
            bench.publish(topic);
        });
    });
    let mut bench = Bench::new(1, &payload);
    (0..2 * BEHIND).for_each(|_| bench.publish(0));
    group.throughput(Throughput::Elements(BEHIND));
    group.bench_function("take 64 events", |it| it.iter(|| black_box(bench.take(BEHIND))));
    group.finish();
}

criterion_group!(benches, hot);
criterion_main!(benches);
