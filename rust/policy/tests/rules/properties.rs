//! Rules and requests by chance: the compiled list and the obvious model decide alike, and warnings tell the truth.

use ostiary_ldap::message::{FilterLimits, Operation, Request};
use ostiary_ldap::result::ResultCode;
use ostiary_policy::Decision;
use proptest::prelude::*;

use crate::generator::Dice;
use crate::model::{self, List, Verdict};
use crate::stage::{self, Search};

fn rules_named(list: &List, decision: &Decision, notes: &[ostiary_policy::Note]) -> Verdict {
    let notes = notes.iter().map(|note| (usize::from(note.rule.unwrap()), note.code.is_some())).collect();
    match decision {
        Decision::Refuse { rule, .. } => Verdict { rule: rule.map(usize::from), allowed: false, notes },
        Decision::Allow { rule } => Verdict { rule: rule.map(usize::from), allowed: true, notes },
        other => panic!("{} rules gave {other:?}", list.rules.len()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_list_decides_as_the_model_does(seed in 1_u64..) {
        let mut dice = Dice(seed);
        let list = dice.list();
        let spec = dice.spec(&list);
        let compiled = stage::list(spec.clone());
        let idle: Vec<String> = compiled
            .warnings()
            .into_iter()
            .filter(|warning| warning.message.starts_with("never"))
            .map(|warning| warning.rule)
            .collect();
        for _ in 0..12 {
            let (client, facts) = dice.client();
            let (who, proved) = dice.proved();
            let (ask, controls) = dice.ask(&list);
            let message = dice.message(&ask, &controls);
            let (decision, outcome) = stage::judge(&compiled, &facts, &proved, &message);

            let expected = model::decide(&list, &client, &who, &ask, &controls);
            let found = rules_named(&list, &decision, &outcome.notes);
            let explained = explained_rule(&compiled, &facts, &proved, &message);
            prop_assert_eq!(&found, &expected, "{:?} {:?} {:?}\n{:#}", ask, controls, who, spec);

            let deciding = expected.rule.map(|rule| format!("r{rule}"));
            prop_assert!(deciding.is_none_or(|rule| !idle.contains(&rule)), "{:?} decided {:?}\n{:#}", expected, compiled.warnings(), spec);

            let allowing = expected.rule.filter(|_| expected.allowed).map(|rule| &list.rules[rule]);
            let is_search = ask.kind() == "search";
            prop_assert_eq!(outcome.edit.size_limit, allowing.filter(|_| is_search).and_then(|rule| rule.size_limit));
            let denies = list.rules.iter().any(|rule| rule.deny && !rule.monitor);
            let is_default = expected.allowed && expected.rule.is_none() && denies;
            prop_assert_eq!(outcome.edit.never_deref_aliases, is_search && (allowing.is_some() || is_default));
            if let Some(selectors) = outcome.edit.attributes {
                prop_assert!(allowing.is_some_and(|rule| rule.narrow));
                let narrowed = with_selectors(&message, &selectors);
                // Another rule may be the first for it: one that denies a name, and not all names together.
                if explained_rule(&compiled, &facts, &proved, &narrowed) == explained {
                    let (again, after) = stage::judge(&compiled, &facts, &proved, &narrowed);
                    prop_assert_eq!(again, decision);
                    prop_assert_eq!(after.edit.attributes, None, "what is cut down to is allowed as it is");
                }
            }
        }
    }
}

fn explained_rule(
    list: &ostiary_policy::AllowList,
    client: &ostiary_policy::ClientFacts,
    who: &ostiary_policy::Who,
    message: &[u8],
) -> Option<usize> {
    let request = Request::parse(message, &FilterLimits::default()).unwrap();
    let explanation = list.explain(client, who, &ostiary_policy::Asked::new(&request));
    let rule = explanation.rule.unwrap();
    rule.strip_prefix('r').map(|number| number.parse().unwrap())
}

/// The same search without controls, asking for `selectors`.
fn with_selectors(message: &[u8], selectors: &[Box<str>]) -> Vec<u8> {
    let request = Request::parse(message, &FilterLimits::default()).unwrap();
    let Operation::Search(search) = request.operation else { panic!("not a search") };
    let controls: Vec<(String, Option<Vec<u8>>)> = request
        .controls
        .map(|control| (String::from_utf8(control.control_type.to_vec()).unwrap(), control.value.map(<[u8]>::to_vec)))
        .collect();
    Search {
        base: search.base_object,
        scope: search.scope,
        filter: search.filter.to_vec(),
        attributes: selectors.iter().map(|selector| selector.as_bytes()).collect(),
        controls: controls.iter().map(|(oid, value)| (oid.as_str(), value.clone())).collect(),
    }
    .message()
}

#[test]
fn no_chance_makes_requests_that_nobody_allows_or_refuses() {
    let mut dice = Dice(7);
    let (mut allowed, mut refused, mut unreadable, mut by_rule) = (0, 0, 0, 0);
    for _ in 0..2_000 {
        let list = dice.list();
        let compiled = stage::list(dice.spec(&list));
        let (_, facts) = dice.client();
        let (_, proved) = dice.proved();
        let (ask, controls) = dice.ask(&list);
        let message = dice.message(&ask, &controls);
        match stage::judge(&compiled, &facts, &proved, &message).0 {
            Decision::Refuse { text, .. } if &*text == "cannot be normalised" => unreadable += 1,
            Decision::Refuse { rule, code, .. } => {
                assert_eq!(code, ResultCode::INSUFFICIENT_ACCESS_RIGHTS);
                by_rule += usize::from(rule.is_some());
                refused += 1;
            }
            _ => allowed += 1,
        }
    }
    assert!(
        allowed > 300 && refused > 300 && unreadable > 30 && by_rule > 40,
        "{allowed} {refused} {unreadable} {by_rule}"
    );
}
