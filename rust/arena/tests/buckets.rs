//! Buckets and counters against simple models, under a virtual clock, from many keys and from many threads.

#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // of a virtual clock

use std::hash::Hasher;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use ostiary_arena::{Acquired, Arena, Hold, Key, Layout, Quota, Verdict};
use proptest::prelude::*;

const NANOSECONDS: f64 = 1e9;
// Miri is thorough, and slow.
const TURNS: u32 = if cfg!(miri) { 200 } else { 20_000 };

fn arena(entries: usize) -> Arena {
    Arena::new([7; 16], Layout { buckets: entries, counters: entries, ..Layout::default() })
}

fn key(arena: &Arena, octets: &[u8]) -> Key {
    let mut hasher = arena.hasher();
    hasher.write(octets);
    hasher.key()
}

fn number(arena: &Arena, number: u32) -> Key {
    key(arena, &number.to_be_bytes())
}

fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / NANOSECONDS
}

/// A bucket as one would describe it: tokens, in units of which one token is `period` many, that drip in.
struct Model {
    period: u64,
    most: u64,
    tokens: u64,
    then: u64,
}

impl Model {
    fn new(count: u32, per_seconds: u32, burst: u32) -> Self {
        let period = (u64::from(per_seconds) * 1_000_000_000).div_ceil(u64::from(count));
        let most = period * u64::from(burst);
        Self { period, most, tokens: most, then: 0 }
    }

    fn take(&mut self, now: u64) -> bool {
        self.tokens = (self.tokens + (now - self.then)).min(self.most);
        self.then = now;
        let there = self.tokens >= self.period;
        if there {
            self.tokens -= self.period;
        }
        there
    }
}

proptest! {
    #[test]
    fn buckets_do_what_the_model_does(
        count in 1_u32..2_000,
        per_seconds in prop::sample::select(vec![1_u32, 60, 3_600]),
        burst in 1_u32..50,
        steps in prop::collection::vec((0_u64..3_000_000_000, 0_u32..4), 1..300),
    ) {
        let arena = arena(64);
        let quota = Quota::new(count, per_seconds, burst);
        let mut models: Vec<_> = (0..4).map(|_| Model::new(count, per_seconds, burst)).collect();
        let mut now = 1_000_000;
        let mut allowed: Vec<Vec<u64>> = vec![Vec::new(); 4];
        for (pause, which) in steps {
            now += pause / u64::from(count);
            let expected = models[which as usize].take(now);
            let given = arena.take(number(&arena, which), quota, seconds(now));
            prop_assert_eq!(given == Verdict::Allowed, expected, "at {}", now);
            if expected {
                allowed[which as usize].push(now);
            }
        }
        // In no window is there more than the burst and what the rate brings.
        for times in allowed {
            for (place, from) in times.iter().enumerate() {
                for (more, until) in times[place..].iter().enumerate() {
                    let most = u64::from(burst) as f64
                        + seconds(until - from) * f64::from(count) / f64::from(per_seconds);
                    prop_assert!((more + 1) as f64 <= most + 1e-6);
                }
            }
        }
    }

    #[test]
    fn waiting_as_long_as_told_is_long_enough(count in 1_u32..500, burst in 1_u32..20, start in 0_u64..1_000_000_000_000) {
        let arena = arena(8);
        let quota = Quota::new(count, 1, burst);
        let mut now = start;
        for _ in 0..burst * 3 {
            if let Verdict::Wait(wait) = arena.take(number(&arena, 1), quota, seconds(now)) {
                prop_assert!(wait > 0.0);
                now += (wait * NANOSECONDS).ceil() as u64 + 1_000;
                prop_assert_eq!(arena.take(number(&arena, 1), quota, seconds(now)), Verdict::Allowed);
            }
        }
    }

    #[test]
    fn reserved_tokens_come_one_period_after_the_other(count in 1_u32..100, burst in 1_u32..10) {
        let arena = arena(8);
        let quota = Quota::new(count, 1, burst);
        let period = 1.0 / f64::from(count);
        for place in 0..burst + 20 {
            let due = f64::from((place + 1).saturating_sub(burst)) * period;
            let given = arena.reserve(number(&arena, 1), quota, 10.5 * period, 100.0);
            if due <= 10.5 * period {
                prop_assert!((given.unwrap() - due).abs() < 1e-6);
            } else {
                prop_assert_eq!(given, None);
            }
        }
    }

    #[test]
    fn counters_do_what_a_list_does(limit in 1_u32..5, steps in prop::collection::vec((any::<bool>(), 0_u32..6), 1..200)) {
        let arena = arena(64);
        let mut held: Vec<Vec<Hold>> = (0..6).map(|_| Vec::new()).collect();
        for (acquires, which) in steps {
            let own = &mut held[which as usize];
            if acquires {
                match arena.acquire(number(&arena, which), limit) {
                    Acquired::Held(hold) => {
                        own.push(hold);
                        prop_assert!(own.len() <= limit as usize);
                    }
                    refused => {
                        prop_assert_eq!(refused, Acquired::Full);
                        prop_assert_eq!(own.len(), limit as usize);
                    }
                }
            } else if let Some(hold) = own.pop() {
                arena.release(hold);
            }
        }
    }
}

#[test]
fn a_million_keys_take_no_more_room_than_one() {
    let arena = arena(65_536);
    let octets = arena.octets();
    let quota = Quota::new(1, 1, 10);
    for each in 0..1_000_000 {
        assert_eq!(arena.take(number(&arena, each), quota, 5.0), Verdict::Allowed, "a new key has its burst: {each}");
    }
    assert_eq!(arena.octets(), octets);
    assert!(octets < 2_000_000, "{octets}");
}

#[test]
fn a_key_in_debt_outlives_a_million_that_come_once() {
    let arena = arena(65_536);
    let quota = Quota::new(1, 1, 10);
    let hot = key(&arena, b"hot");
    let allowed = |now: f64| (0..100).filter(|_| arena.take(hot, quota, now) == Verdict::Allowed).count();
    assert_eq!(allowed(1.0), 10);
    for each in 0..1_000_000 {
        arena.take(number(&arena, each), quota, 1.0);
    }
    assert_eq!(allowed(1.0), 0);
    assert_eq!(allowed(3.0), 2);
}

#[test]
fn keys_whose_bucket_is_full_again_give_way_first() {
    let arena = arena(8);
    let quota = Quota::new(1, 1, 4);
    for each in 0..7 {
        for _ in 0..4 {
            arena.take(number(&arena, each), quota, 100.0);
        }
    }
    arena.take(number(&arena, 7), quota, 100.0);
    // The eighth is paid off at 101, so others, each a second later than the last, use its slot in turn.
    for each in 0..3 {
        arena.take(number(&arena, 1_000 + each), quota, 101.0 + f64::from(each));
        for old in 0..7 {
            let wait = arena.reserve(number(&arena, old), Quota::new(1, 1, 4), 0.0, 100.5);
            assert_eq!(wait, None, "{old} still in debt");
        }
    }
}

#[test]
fn threads_that_hammer_one_bucket_get_its_tokens_and_no_more() {
    for round in 0..20 {
        let arena = arena(64);
        let quota = Quota::new(1_000, 1, 5_000);
        let total = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        if arena.take(number(&arena, round), quota, 7.0) == Verdict::Allowed {
                            total.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(total.into_inner(), 5_000);
    }
}

#[test]
fn threads_that_meet_in_one_set_lose_no_key_and_share_no_bucket() {
    for round in 0..200 {
        let arena = arena(8);
        let quota = Quota::new(1, 1, 100);
        let totals: Vec<AtomicU32> = (0..8).map(|_| AtomicU32::new(0)).collect();
        thread::scope(|scope| {
            for thread in 0..4_usize {
                let (arena, totals) = (&arena, &totals);
                scope.spawn(move || {
                    for turn in 0..8 * 60 {
                        let which = (turn + thread) % 8;
                        let key = number(arena, round * 8 + which as u32);
                        if arena.take(key, quota, 7.0) == Verdict::Allowed {
                            totals[which].fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        for total in totals {
            assert_eq!(total.into_inner(), 100);
        }
    }
}

#[test]
fn threads_never_hold_more_than_the_limit_and_give_everything_back() {
    let arena = arena(16);
    let (inside, most) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for turn in 0..TURNS {
                    if let Acquired::Held(hold) = arena.acquire(key(&arena, b"shared"), 3) {
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        if turn % 64 == 0 {
                            thread::yield_now();
                        }
                        inside.fetch_sub(1, Ordering::SeqCst);
                        arena.release(hold);
                    }
                }
            });
        }
    });
    assert!(most.into_inner() <= 3);
    let again: Vec<_> = (0..4).map(|_| arena.acquire(key(&arena, b"shared"), 3)).collect();
    assert!(matches!(again[..], [Acquired::Held(_), Acquired::Held(_), Acquired::Held(_), Acquired::Full]));
}

#[test]
fn counters_in_use_never_give_way() {
    let arena = arena(16);
    let mut held: Vec<_> = (0..16)
        .map(|each| match arena.acquire(number(&arena, each), 1) {
            Acquired::Held(hold) => hold,
            other => panic!("{each}: {other:?}"),
        })
        .collect();
    assert_eq!(arena.acquire(number(&arena, 100), 1), Acquired::Crowded);
    for each in 0..16 {
        assert_eq!(arena.acquire(number(&arena, each), 1), Acquired::Full);
    }
    arena.release(held.pop().unwrap());
    let Acquired::Held(newcomer) = arena.acquire(number(&arena, 100), 1) else { panic!() };
    assert_eq!(arena.acquire(number(&arena, 15), 1), Acquired::Crowded);
    arena.release(newcomer);
}

#[test]
fn ten_thousand_in_use_at_a_time_find_room_among_sixty_five_thousand() {
    let arena = arena(65_536);
    let held: Vec<_> = (0..10_000).map(|each| arena.acquire(number(&arena, each), 1)).collect();
    assert!(held.iter().all(|each| matches!(each, Acquired::Held(_))));
}

#[test]
fn clocks_that_make_no_sense_do_no_harm() {
    let arena = arena(8);
    let quota = Quota::new(0, 0, 0);
    for now in [f64::NAN, -5.0, f64::INFINITY, 0.0, f64::MAX] {
        let _ = arena.take(number(&arena, 1), quota, now);
        let _ = arena.reserve(number(&arena, 1), quota, now, now);
    }
}
