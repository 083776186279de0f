//! What limits refuse, by which of them, and with which code.

use ostiary_ldap::message::{FilterLimits, Request, Scope};
use ostiary_policy::{Asked, ClientFacts, Decision, Faults, Limits, LimitsSpec, Outcome, Who};
use serde_json::{Value, json};

use crate::stage::{Search, client, delete, encoded, equality, extensible, from, initial, present, set, who};

fn limits(spec: Value) -> Limits {
    let spec: LimitsSpec = serde_json::from_value(spec).unwrap();
    let mut faults = Faults::default();
    Limits::compile(&spec, &mut faults).unwrap_or_else(|| panic!("{:?}", faults.into_vec()))
}

fn judge(limits: &Limits, client: &ClientFacts, who: &Who, message: &[u8]) -> Option<(String, u32)> {
    let request = Request::parse(message, &FilterLimits::default()).unwrap();
    match limits.judge(client, who, &Asked::new(&request), &mut Outcome::default()) {
        Decision::Pass => None,
        Decision::Refuse { rule, code, .. } => Some((limits.rule_name(rule).to_owned(), code.0)),
        other => panic!("{other:?}"),
    }
}

fn refused(spec: Value, search: &Search<'_>) -> Option<(String, u32)> {
    judge(&limits(spec), &client(), &Who::Anonymous, &search.message())
}

fn by(rule: &str, code: u32) -> (String, u32) {
    (rule.to_owned(), code)
}

#[test]
fn nothing_is_limited_unless_a_key_says_so() {
    for filter in [present("objectClass"), initial("cn", b"a"), set(0xa0, &[]), equality("c n", b"a")] {
        assert_eq!(refused(json!({}), &Search { filter, ..Search::default() }), None);
    }
}

#[test]
fn the_longest_part_of_a_substring_must_be_long_enough() {
    let spec = || json!({ "substring_length": 3 });
    let search = |filter| Search { filter, scope: Scope::BaseObject, ..Search::default() };
    for (filter, expected) in [
        (initial("cn", b"abc"), None),
        (initial("cn", b"ab"), Some(by("substring_length", 53))),
        (set(0xa0, &[equality("uid", b"a"), set(0xa2, &[initial("cn", b"a")])]), Some(by("substring_length", 53))),
        (equality("cn", b"a"), None),
        (equality("c n", b"a"), Some(by("substring_length", 53))),
    ] {
        assert_eq!(refused(spec(), &search(filter)), expected);
    }
}

#[test]
fn a_search_below_its_base_must_ask_for_some_value() {
    let spec = || json!({ "presence_only": false });
    for (filter, expected) in [
        (present("objectClass"), Some(by("presence_only", 53))),
        (present("CN"), Some(by("presence_only", 53))),
        (set(0xa0, &[]), Some(by("presence_only", 53))),
        (set(0xa1, &[]), Some(by("presence_only", 53))),
        (set(0xa1, &[present("cn"), equality("uid", b"a")]), Some(by("presence_only", 53))),
        (set(0xa2, &[present("cn")]), Some(by("presence_only", 53))),
        (set(0xa0, &[present("cn"), equality("uid", b"a")]), None),
        (extensible(None, Some("cn"), b"a"), None),
    ] {
        for scope in [Scope::SingleLevel, Scope::WholeSubtree, Scope::SubordinateSubtree] {
            assert_eq!(refused(spec(), &Search { scope, filter: filter.clone(), ..Search::default() }), expected);
        }
        assert_eq!(refused(spec(), &Search { scope: Scope::BaseObject, filter, ..Search::default() }), None);
    }
}

#[test]
fn filters_selectors_and_pages_have_a_size() {
    let three = || Search { filter: set(0xa0, &[equality("a", b"1"), equality("b", b"2")]), ..Search::default() };
    assert_eq!(refused(json!({ "filter_nodes": 3 }), &three()), None);
    assert_eq!(refused(json!({ "filter_nodes": 2 }), &three()), Some(by("filter_nodes", 11)));
    assert_eq!(refused(json!({ "attributes": 2 }), &three()), None);
    assert_eq!(refused(json!({ "attributes": 1 }), &three()), Some(by("attributes", 11)));
    let page = |size: i64| {
        let value = encoded(|writer| {
            writer.sequence(0x30, |fields| {
                fields.integer(size);
                fields.octet_string(0x04, b"");
            });
        });
        Search { controls: vec![("1.2.840.113556.1.4.319", Some(value))], ..Search::default() }
    };
    assert_eq!(refused(json!({ "page_size": 100 }), &page(100)), None);
    assert_eq!(refused(json!({ "page_size": 100 }), &page(101)), Some(by("page_size", 11)));
    assert_eq!(refused(json!({ "page_size": 100 }), &page(-1)), Some(by("page_size", 11)));
    let broken = Search { controls: vec![("1.2.840.113556.1.4.0319", None)], ..Search::default() };
    assert_eq!(refused(json!({ "page_size": 100 }), &broken), Some(by("page_size", 11)));
    assert_eq!(
        refused(json!({ "attributes": 1, "code": "busy", "text": "less" }), &three()),
        Some(by("attributes", 51))
    );
}

#[test]
fn only_searches_of_those_meant_are_limited() {
    let limits = limits(json!({ "attributes": 1, "from": "10.20.0.0/16", "identity": ["anonymous", "cn=app,dc=x"] }));
    let message = Search::default().message();
    for (address, who, limited) in [
        ("10.20.0.5", Who::Anonymous, true),
        ("10.20.0.5", who("CN=app,DC=x"), true),
        ("10.20.0.5", Who::Unreadable, true),
        ("10.20.0.5", who("cn=other,dc=x"), false),
        ("10.21.0.5", Who::Anonymous, false),
    ] {
        assert_eq!(judge(&limits, &from(address), &who, &message).is_some(), limited, "{address} {who:?}");
    }
    assert_eq!(judge(&limits, &client(), &Who::Anonymous, &delete("dc=x", &[])), None);
    assert_eq!(limits.rules().count(), 5);
}

#[test]
fn a_fault_is_named_by_its_key() {
    let spec: LimitsSpec = serde_json::from_value(json!({ "filter_nodes": 0, "code": 0, "from": ["x"] })).unwrap();
    let mut faults = Faults::default();
    assert!(Limits::compile(&spec, &mut faults).is_none());
    let paths: Vec<String> = faults.into_vec().into_iter().map(|fault| fault.path).collect();
    assert_eq!(paths, ["filter_nodes", "code", "from[0]"]);
}
