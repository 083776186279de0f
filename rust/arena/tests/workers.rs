//! One region in several workers: limits that hold for the sum, and what is left of a worker that was killed. Workers are
//! mappings of one memory in this process, and processes of their own, which are this test's binary run again.

#![allow(clippy::disallowed_macros, clippy::disallowed_methods)] // of the core; children are told and tell

use std::env;
use std::fmt::Display;
use std::hash::Hasher;
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use ostiary_arena::{Acquired, Arena, Hold, Key, Layout, Lockout, Quota, Verdict};
use proptest::prelude::*;
use rustix::fs::{MemfdFlags, memfd_create};

const SECRET: [u8; 16] = [7; 16];
/// How many meters there are: one for each key of the hammering processes.
const KEYS: u32 = 3;
const LIMIT: u32 = 3;

fn layout(workers: usize) -> Layout {
    Layout {
        buckets: 64,
        counters: 64,
        failures: 64,
        refusals: 64,
        meters: KEYS as usize,
        counts: 1,
        gauges: 2,
        workers,
    }
}

/// Memory that children inherit.
fn memory() -> OwnedFd {
    memfd_create("test", MemfdFlags::ALLOW_SEALING).unwrap()
}

fn map(memory: &OwnedFd, workers: usize, worker: usize) -> Arena {
    Arena::map(memory.as_raw_fd(), SECRET, layout(workers), worker).unwrap()
}

fn key(arena: &Arena, number: u32) -> Key {
    let mut hasher = arena.hasher();
    hasher.write(&number.to_be_bytes());
    hasher.key()
}

/// Takes all that a key still has, and tells how many those were.
fn left(arena: &Arena, key: Key, limit: u32) -> usize {
    let mut held = Vec::new();
    while let Acquired::Held(hold) = arena.acquire(key, limit) {
        held.push(hold);
    }
    let count = held.len();
    for hold in held {
        arena.release(hold);
    }
    count
}

#[derive(Debug, Clone)]
enum Step {
    Acquire { worker: usize, key: u32 },
    Release { worker: usize, key: u32 },
    Die { worker: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..3_usize, 0..4_u32).prop_map(|(worker, key)| Step::Acquire { worker, key }),
        4 => (0..3_usize, 0..4_u32).prop_map(|(worker, key)| Step::Release { worker, key }),
        1 => (0..3_usize).prop_map(|worker| Step::Die { worker }),
    ]
}

proptest! {
    #[test]
    fn counters_of_workers_do_what_one_list_does(limit in 1_u32..6, steps in prop::collection::vec(step(), 1..300)) {
        let memory = memory();
        let arenas: Vec<_> = (0..3).map(|worker| map(&memory, 3, worker)).collect();
        let mut held: Vec<Vec<Vec<Hold>>> = (0..3).map(|_| (0..4).map(|_| Vec::new()).collect()).collect();
        for step in steps {
            match step {
                Step::Acquire { worker, key: which } => {
                    let in_use: usize = held.iter().map(|holds| holds[which as usize].len()).sum();
                    let arena = &arenas[worker];
                    match arena.acquire(key(arena, which), limit) {
                        Acquired::Held(hold) => {
                            prop_assert!(in_use < limit as usize);
                            held[worker][which as usize].push(hold);
                        }
                        refused => {
                            prop_assert_eq!(refused, Acquired::Full);
                            prop_assert_eq!(in_use, limit as usize);
                        }
                    }
                }
                Step::Release { worker, key: which } => {
                    if let Some(hold) = held[worker][which as usize].pop() {
                        arenas[worker].release(hold);
                    }
                }
                Step::Die { worker } => {
                    held[worker].iter_mut().for_each(Vec::clear);
                    arenas[(worker + 1) % 3].forget_worker(worker);
                }
            }
        }
    }
}

#[test]
fn what_one_worker_counts_all_know() {
    let memory = memory();
    let (one, other) = (map(&memory, 2, 0), map(&memory, 2, 1));
    let quota = Quota::new(1, 1, 3);
    for (place, arena) in [&one, &other, &one, &other, &one].into_iter().enumerate() {
        let allowed = arena.take(key(arena, 1), quota, 5.0) == Verdict::Allowed;
        assert_eq!(allowed, place < 3);
    }
    let lockout = Lockout::new(3, 300.0, 5.0, 900.0);
    for arena in [&one, &other, &one] {
        arena.failed(key(arena, 2), &lockout, 5.0);
    }
    for arena in [&one, &other] {
        assert!(arena.standing(key(arena, 2), &lockout, 6.0).locked_seconds > 3.0);
    }
    let wrong = one.fingerprint(key(&one, 2), b"wrong");
    one.remember(wrong, 60.0, 5.0);
    assert!(other.is_refused(other.fingerprint(key(&other, 2), b"wrong"), 6.0));
    one.add(1, 2);
    other.add(1, 3);
    assert_eq!((one.read(1), other.read(1)), (5, 5));
}

#[test]
fn a_dead_worker_gives_back_what_it_had_and_nothing_else() {
    let memory = memory();
    let (one, other) = (map(&memory, 2, 0), map(&memory, 2, 1));
    let shared = key(&one, 1);
    let _lost: Vec<_> = (0..2).map(|_| one.acquire(shared, 4)).collect();
    let kept: Vec<_> = (0..2).map(|_| other.acquire(shared, 4)).collect();
    assert_eq!(other.acquire(shared, 4), Acquired::Full);
    one.add(0, 5);
    one.move_gauge(0, 2);
    other.move_gauge(0, 2);
    one.forget_worker(0);
    one.forget_worker(2);
    assert_eq!(left(&other, shared, 4), 2);
    assert_eq!(one.read(0), 5);
    assert_eq!(one.read_gauge(0).collect::<Vec<_>>(), [0, 2]);
    for hold in kept {
        let Acquired::Held(hold) = hold else { panic!() };
        other.release(hold);
    }
    assert_eq!(left(&other, shared, 4), 4);
    assert_eq!(left(&one, shared, 4), 4);
}

#[test]
fn a_region_is_for_one_layout_one_secret_and_so_many_workers() {
    let memory = memory();
    let map = |secret, layout, worker| Arena::map(memory.as_raw_fd(), secret, layout, worker);
    map(SECRET, layout(2), 0).unwrap();
    let moved = Layout { buckets: 128, failures: 32, ..layout(2) };
    for (secret, layout, worker) in [
        ([8; 16], layout(2), 0),
        (SECRET, layout(3), 0),
        (SECRET, Layout { meters: 2, gauges: 2, ..layout(2) }, 0),
        (SECRET, moved, 0),
        (SECRET, layout(2), 2),
    ] {
        assert!(map(secret, layout, worker).is_err(), "{layout:?} {worker}");
    }
    map(SECRET, layout(2), 1).unwrap();
}

#[test]
fn threads_as_workers_never_hold_more_than_the_limit_and_one_always_gets_the_last() {
    for limit in [1, 3] {
        let memory = memory();
        let (inside, most, refused) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
        let probe = map(&memory, 4, 0);
        thread::scope(|scope| {
            for worker in 0..4 {
                let arena = map(&memory, 4, worker);
                let (inside, most, refused) = (&inside, &most, &refused);
                scope.spawn(move || {
                    for turn in 0..20_000_u32 {
                        match arena.acquire(key(&arena, 1), limit) {
                            Acquired::Held(hold) => {
                                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                                if turn % 64 == 0 {
                                    thread::yield_now();
                                }
                                inside.fetch_sub(1, Ordering::SeqCst);
                                arena.release(hold);
                            }
                            Acquired::Full => _ = refused.fetch_add(1, Ordering::Relaxed),
                            Acquired::Crowded => panic!("one key has room"),
                        }
                    }
                });
            }
        });
        assert!(most.into_inner() <= limit);
        assert!(refused.into_inner() < 80_000);
        assert_eq!(left(&probe, key(&probe, 1), limit), limit as usize);
    }
}

// Processes of their own.

/// This binary as another worker, which does what `task` of `child` does.
fn spawn(memory: &OwnedFd, worker: usize, task: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--quiet"])
        .env("ARENA_TEST", format!("{} {worker} {task}", memory.as_raw_fd()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What a child says in a line that begins with `=`.
fn said(child: &mut Child) -> String {
    // Its end stays open: a child that cannot write any more fails.
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let told = lines.map(io::Result::unwrap).find_map(|line| line.strip_prefix('=').map(str::to_owned));
    told.unwrap_or_default()
}

fn say(what: impl Display) {
    // On a line of its own among those of the harness.
    println!("\n={what}");
}

#[test]
fn child() {
    let Ok(asked) = env::var("ARENA_TEST") else { return };
    let [memory, worker, task] = asked.split(' ').collect::<Vec<_>>()[..] else { panic!("{asked}") };
    let arena = Arena::map(memory.parse().unwrap(), SECRET, layout(3), worker.parse().unwrap()).unwrap();
    match task {
        "take" => say(take(&arena)),
        "hold" => say(hold(&arena, 20_000)),
        _ => {
            say("begun");
            loop {
                hold(&arena, 100);
                take(&arena);
            }
        }
    }
}

/// Takes tokens and counts failures; how many tokens there were.
fn take(arena: &Arena) -> u32 {
    let (quota, lockout) = (Quota::new(1, 3_600, 5_000), Lockout::new(10_000, 86_400.0, 5.0, 900.0));
    let mut taken = 0;
    for _ in 0..4_000 {
        taken += u32::from(arena.take(key(arena, 1), quota, 7.0) == Verdict::Allowed);
        arena.failed(key(arena, 2), &lockout, 100.0);
    }
    taken
}

/// Holds and gives back, and counts what is held in meters; the most that were held of any key at a time.
fn hold(arena: &Arena, turns: u32) -> u64 {
    let mut most = 0;
    for turn in 0..turns {
        let which = turn % KEYS;
        if let Acquired::Held(hold) = arena.acquire(key(arena, which), LIMIT) {
            arena.add(which as usize, 1);
            most = most.max(arena.read(which as usize));
            arena.move_gauge(0, 1);
            if turn % 64 == 0 {
                thread::yield_now();
            }
            arena.move_gauge(0, -1);
            arena.add(which as usize, u64::MAX);
            arena.release(hold);
        }
    }
    most
}

#[test]
fn processes_that_hammer_one_bucket_get_its_tokens_and_no_more() {
    let memory = memory();
    let arena = map(&memory, 3, 0);
    let mut children = [spawn(&memory, 1, "take"), spawn(&memory, 2, "take")];
    let own = take(&arena);
    let others = children.each_mut().map(|child| said(child).parse::<u32>().unwrap());
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(own + others.iter().sum::<u32>(), 5_000);
    let lockout = Lockout::new(10_000, 86_400.0, 5.0, 900.0);
    // More than a lockout begins with; each of them made it longer, up to the longest.
    assert!(arena.standing(key(&arena, 2), &lockout, 100.0).locked_seconds > 60.0);
}

#[test]
fn processes_never_hold_more_than_the_limit_and_give_everything_back() {
    let memory = memory();
    let arena = map(&memory, 3, 0);
    let mut children = [spawn(&memory, 1, "hold"), spawn(&memory, 2, "hold")];
    let own = hold(&arena, 20_000);
    let others = children.each_mut().map(|child| said(child).parse::<u64>().unwrap());
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert!(own.max(others[0]).max(others[1]) <= u64::from(LIMIT));
    for which in 0..KEYS {
        assert_eq!((arena.read(which as usize), left(&arena, key(&arena, which), LIMIT)), (0, LIMIT as usize));
    }
    assert_eq!(arena.read_gauge(0).sum::<u64>(), 0);
}

#[test]
fn a_process_killed_in_the_middle_of_anything_leaves_limits_that_hold() {
    let memory = memory();
    let arena = map(&memory, 3, 0);
    for round in 0..60_u32 {
        let mut child = spawn(&memory, 1, "both");
        assert_eq!(said(&mut child), "begun");
        // Another moment each time, while this process is at the same words.
        hold(&arena, 50 + 37 * round);
        child.kill().unwrap();
        child.wait().unwrap();
        arena.forget_worker(1);
        for which in 0..KEYS {
            assert_eq!(left(&arena, key(&arena, which), LIMIT), LIMIT as usize, "round {round}");
        }
        assert_eq!(arena.read_gauge(0).collect::<Vec<_>>(), [0, 0, 0]);
        // Those who were killed while they took tokens took no more than there were, and nobody takes one now.
        let quota = Quota::new(1, 3_600, 5_000);
        (0..5_000).for_each(|_| _ = arena.take(key(&arena, 1), quota, 7.0));
        assert!(matches!(arena.take(key(&arena, 1), quota, 7.0), Verdict::Wait(_)));
    }
}
