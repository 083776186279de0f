//! Failures, lockouts, what is in flight and remembered refusals against simple models, under a virtual clock.

#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // of a virtual clock

use std::hash::Hasher;

use ostiary_arena::{Arena, Key, Layout, Lockout};
use proptest::prelude::*;

fn arena(entries: usize) -> Arena {
    Arena::new([7; 16], Layout { failures: entries, refusals: entries, ..Layout::default() })
}

fn key(arena: &Arena, number: u32) -> Key {
    let mut hasher = arena.hasher();
    hasher.write(&number.to_be_bytes());
    hasher.key()
}

/// Milliseconds as seconds, in the middle of one, where rounding decides nothing.
fn at(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1e3 + 2e-4
}

/// Failures as one would describe them: how much of how many is left, and until when the key is locked.
#[derive(Default, Clone)]
struct Model {
    left: u64,
    locked_until: u64,
    then: u64,
}

impl Model {
    const SHARE: u64 = 60_000;

    fn pass(&mut self, now: u64) {
        let since = self.then.max(self.locked_until.min(now));
        self.left = self.left.saturating_sub(now.saturating_sub(since));
        self.then = now;
    }

    fn fail(&mut self, now: u64) {
        self.pass(now);
        let count = (self.left.div_ceil(Self::SHARE) + 1).min(13);
        self.left = (self.left + Self::SHARE).min(count * Self::SHARE);
        self.locked_until = 0;
        if count >= 5 {
            self.left = count * Self::SHARE;
            self.locked_until = now + (5_000 << (count - 5)).min(900_000);
        }
    }
}

proptest! {
    #[test]
    fn lockouts_do_what_the_model_does(
        steps in prop::collection::vec((prop_oneof![0_u64..2_000, 0_u64..100_000, 0_u64..2_000_000], 0_u8..10), 1..200),
    ) {
        let arena = arena(64);
        let (lockout, key) = (Lockout::new(5, 300.0, 5.0, 900.0), key(&arena, 1));
        let (mut model, mut now) = (Model::default(), 1_000);
        for (pause, what) in steps {
            now += pause;
            model.pass(now);
            let standing = arena.standing(key, &lockout, at(now));
            prop_assert_eq!(u64::from(standing.failures), model.left.div_ceil(Model::SHARE), "at {}", now);
            let locked = model.locked_until.saturating_sub(now);
            prop_assert!((standing.locked_seconds - locked as f64 / 1e3).abs() < 1e-6, "at {}: {:?}", now, standing);
            if what == 0 {
                arena.succeeded(key, 30.0, at(now));
                model = Model { then: now, ..Model::default() };
                prop_assert!(arena.standing(key, &lockout, at(now)).trusted);
            } else {
                arena.failed(key, &lockout, at(now));
                model.fail(now);
            }
        }
    }
}

#[test]
fn a_lockout_doubles_with_each_failure_up_to_the_longest() {
    let arena = arena(64);
    let (lockout, key) = (Lockout::new(3, 300.0, 5.0, 60.0), key(&arena, 1));
    let mut now = 100.0;
    for expected in [0.0, 0.0, 5.0, 10.0, 20.0, 40.0, 60.0, 60.0] {
        arena.failed(key, &lockout, now);
        let locked = arena.standing(key, &lockout, now).locked_seconds;
        assert!((locked - expected).abs() < 0.01, "{locked} instead of {expected}");
        now += locked;
        assert!(arena.standing(key, &lockout, now + 0.01).locked_seconds < 1e-9);
    }
    // Everything is forgotten in the end, one share of the window for each.
    assert_eq!(arena.standing(key, &lockout, now + 10_000.0).failures, 0);
}

#[test]
fn a_hundred_thousand_keys_that_fail_once_leave_a_locked_one_locked() {
    let arena = arena(16_384);
    let octets = arena.octets();
    let (lockout, locked) = (Lockout::new(5, 300.0, 5.0, 900.0), key(&arena, u32::MAX));
    for _ in 0..8 {
        arena.failed(locked, &lockout, 50.0);
    }
    for each in 0..100_000 {
        arena.failed(key(&arena, each), &lockout, 51.0);
    }
    assert!(arena.standing(locked, &lockout, 52.0).locked_seconds > 30.0);
    assert_eq!(arena.octets(), octets);
}

#[test]
fn threads_that_fail_on_one_key_are_all_counted() {
    let arena = arena(64);
    let (lockout, key) = (Lockout::new(10_000, 86_400.0, 5.0, 900.0), key(&arena, 1));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1_000).for_each(|_| arena.failed(key, &lockout, 100.0)));
        }
    });
    assert_eq!(arena.standing(key, &lockout, 100.0).failures, 4_000);
}

#[test]
fn what_is_in_flight_is_bounded_and_forgotten_if_it_never_leaves() {
    let arena = arena(64);
    let key = key(&arena, 1);
    assert!(arena.enter(key, 2, 10.0, 100.0));
    assert!(arena.enter(key, 2, 10.0, 101.0));
    assert!(!arena.enter(key, 2, 10.0, 102.0));
    arena.leave(key, 103.0);
    assert!(arena.enter(key, 2, 10.0, 104.0));
    assert!(!arena.enter(key, 2, 10.0, 113.9));
    assert!(arena.enter(key, 2, 10.0, 114.1));
    for _ in 0..5 {
        arena.leave(key, 115.0);
    }
    assert!(arena.enter(key, 1, 10.0, 115.0));
}

#[test]
fn a_refusal_is_remembered_for_its_time_and_only_as_what_it_was() {
    let arena = arena(64);
    let (one, other) = (key(&arena, 1), key(&arena, 2));
    let refused = arena.fingerprint(one, b"wrong");
    arena.remember(refused, 300.0, 10.0);
    assert!(arena.is_refused(arena.fingerprint(one, b"wrong"), 309.0));
    assert!(!arena.is_refused(arena.fingerprint(one, b"wrong"), 310.1));
    assert!(!arena.is_refused(arena.fingerprint(one, b"right"), 11.0));
    assert!(!arena.is_refused(arena.fingerprint(other, b"wrong"), 11.0));
    arena.forgive(arena.fingerprint(one, b"right"));
    assert!(arena.is_refused(refused, 11.0));
    arena.forgive(refused);
    assert!(!arena.is_refused(refused, 11.0));
}

#[test]
fn generations_count_for_their_owner() {
    let arena = arena(64);
    let (one, other) = (key(&arena, 1), key(&arena, 2));
    arena.next_generation(one);
    arena.next_generation(one);
    assert_eq!((arena.generation(one), arena.generation(other)), (2, 0));
}

#[test]
fn refusals_beyond_the_table_push_out_the_oldest() {
    let arena = arena(1_024);
    let owner = key(&arena, 1);
    let fingerprint = |each: u32| arena.fingerprint(owner, &each.to_be_bytes());
    for each in 0..100_000 {
        arena.remember(fingerprint(each), 300.0, f64::from(each) / 1e3);
    }
    let remembered =
        |range: std::ops::Range<u32>| range.filter(|&each| arena.is_refused(fingerprint(each), 100.0)).count();
    assert!(remembered(99_500..100_000) > 450);
    assert!(remembered(0..100_000) <= 1_024);
}
