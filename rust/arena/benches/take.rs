//! What one question to a table costs.

use std::hash::Hasher;
use std::hint::black_box;
use std::os::fd::AsRawFd;

use criterion::{Criterion, criterion_group, criterion_main};
use ostiary_arena::{Acquired, Arena, Key, Layout, Lockout, Quota};
use rustix::fs::{MemfdFlags, memfd_create};

fn key(arena: &Arena, number: u64) -> Key {
    let mut hasher = arena.hasher();
    hasher.write(&number.to_be_bytes());
    hasher.key()
}

fn benches(criterion: &mut Criterion) {
    let layout = Layout { buckets: 65_536, counters: 65_536, failures: 65_536, refusals: 65_536, ..Layout::default() };
    let arena = Arena::new([7; 16], layout);
    let quota = Quota::new(1_000_000, 1, 1_000);
    criterion.bench_function("key_of_8_octets", |bench| bench.iter(|| key(&arena, black_box(1))));
    let one = key(&arena, 1);
    let mut now = 1.0;
    criterion.bench_function("take_from_one_bucket", |bench| {
        bench.iter(|| {
            now += 1e-6;
            arena.take(black_box(one), quota, now)
        });
    });
    let mut each = 0;
    criterion.bench_function("hash_and_take_from_a_new_bucket_each", |bench| {
        bench.iter(|| {
            now += 1e-6;
            each += 1;
            arena.take(key(&arena, each), Quota::new(1, 3_600, 1), now)
        });
    });
    criterion.bench_function("acquire_and_release", |bench| {
        bench.iter(|| {
            if let Acquired::Held(hold) = arena.acquire(black_box(one), 10) {
                arena.release(hold);
            }
        });
    });
    for workers in [2, 9] {
        let memory = memfd_create("bench", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).expect("memory");
        let shared = Arena::map(memory.as_raw_fd(), [7; 16], Layout { workers, ..layout }, 0).expect("a mapping");
        criterion.bench_function(&format!("acquire_and_release_among_{workers}"), |bench| {
            bench.iter(|| {
                if let Acquired::Held(hold) = shared.acquire(black_box(one), 10) {
                    shared.release(hold);
                }
            });
        });
        criterion.bench_function(&format!("take_from_one_bucket_among_{workers}"), |bench| {
            bench.iter(|| {
                now += 1e-6;
                shared.take(black_box(one), quota, now)
            });
        });
    }
    let lockout = Lockout::new(5, 300.0, 5.0, 900.0);
    criterion.bench_function("standing", |bench| bench.iter(|| arena.standing(black_box(one), &lockout, now)));
    criterion.bench_function("fingerprint_of_16_octets", |bench| {
        bench.iter(|| arena.is_refused(arena.fingerprint(one, black_box(b"a password of 16")), now));
    });
}

criterion_group!(all, benches);
criterion_main!(all);
