//! The table of names against a slow one that forgets nobody.

use std::collections::HashMap;

use ostiary_ledger::top::{NAMES, Place, Top};
use proptest::prelude::*;

fn bump(top: &mut Top, place: &mut Option<Place>, name: &str) {
    if !place.is_some_and(|place| top.bump(place)) {
        let taken = top.take(name);
        assert!(top.bump(taken));
        *place = Some(taken);
    }
}

#[test]
fn names_come_in_the_order_of_their_counts() {
    let mut top = Top::new();
    for (name, count) in [("a", 1), ("b", 3), ("c", 2), ("never", 0), ("d", 2)] {
        let place = top.take(name);
        assert_eq!(top.take(name), place);
        assert!((0..count).all(|_| top.bump(place)));
    }
    assert_eq!(top.most(9), [("b", 3), ("c", 2), ("d", 2), ("a", 1)]);
    assert_eq!(top.most(1), [("b", 3)]);
    assert_eq!(top.most(0), []);
}

#[test]
fn who_lost_its_place_is_told_and_counts_nothing_for_another() {
    let mut top = Top::new();
    let first = top.take("first");
    for name in 0..NAMES {
        let place = top.take(&name.to_string());
        assert!(top.bump(place) && top.bump(place));
    }
    assert!(!top.bump(first));
    assert!(top.most(NAMES).iter().all(|(name, count)| *name != "first" && *count == 2));
    // It comes back with what the one had whose place it took: it may have had as much itself.
    let again = top.take("first");
    assert!(top.bump(again));
    assert_eq!(top.most(1), [("first", 3)]);
}

#[test]
fn a_flood_of_names_that_ask_once_does_not_push_out_who_asks_often() {
    let mut top = Top::new();
    let often = top.take("often");
    for round in 0..100_000 {
        let place = top.take(&format!("once {round}"));
        assert!(top.bump(place));
        if round % 20 == 0 {
            assert!(top.bump(often));
        }
    }
    assert_eq!(top.most(1), [("often", 5_000)]);
    assert_eq!(top.most(usize::MAX).len(), NAMES);
}

#[test]
fn long_names_are_kept_short_between_characters() {
    let mut top = Top::new();
    let long = format!("{}\u{fc}{}", "x".repeat(255), "y".repeat(9_000));
    let place = top.take(&long);
    assert!(top.bump(place));
    assert_eq!(top.most(1), [("x".repeat(255).as_str(), 1)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn counts_are_never_too_low_and_whoever_has_a_share_is_there(
        asked in prop::collection::vec((0_u32..1_000, 0_u32..4), 1..6_000),
    ) {
        let mut top = Top::new();
        let mut exact: HashMap<String, u64> = HashMap::new();
        let mut places: HashMap<String, Option<Place>> = HashMap::new();
        for (name, frequent) in &asked {
            // A few names come often, the others now and then.
            let name = if *frequent == 0 { name % 7 } else { *name }.to_string();
            bump(&mut top, places.entry(name.clone()).or_default(), &name);
            *exact.entry(name).or_default() += 1;
        }
        let all = asked.len() as u64;
        let most: HashMap<_, _> = top.most(usize::MAX).into_iter().collect();
        prop_assert!(most.len() <= NAMES);
        // What is counted is counted once.
        prop_assert_eq!(most.values().sum::<u64>(), all);
        for (name, count) in &most {
            prop_assert!(*count >= exact[*name]);
            prop_assert!(exact.len() > NAMES || *count == exact[*name]);
            prop_assert!(*count - exact[*name] <= all / NAMES as u64);
        }
        for (name, count) in &exact {
            prop_assert!(*count <= all / NAMES as u64 || most.contains_key(name.as_str()));
        }
    }
}
