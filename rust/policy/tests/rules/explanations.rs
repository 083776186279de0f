//! What an explanation tells: the deciding rule, and of every rule before it what it asked that was not so.

use ostiary_ldap::message::{ChangeKind, FilterLimits, Request};
use ostiary_policy::{Asked, Explanation, Who};
use serde_json::{Value, json};

use crate::stage::{Search, bind, client, equality, from, list, modify, set, sort_by, who};

fn explain(rules: Value, who: &Who, message: &[u8]) -> Explanation {
    let request = Request::parse(message, &FilterLimits::default()).unwrap();
    list(json!({ "rules": rules })).explain(&client(), who, &Asked::new(&request))
}

#[test]
fn a_refusal_names_the_criterion_that_was_in_the_way() {
    let rules = json!([
        { "name": "elsewhere", "from": "192.0.2.0/24", "identity": "cn=b,dc=x" },
        { "name": "wiki", "identity": "cn=wiki,dc=corp", "operations": ["bind", "search"], "base": "dc=corp",
          "filter": "(uid=?)", "attributes": ["cn"] },
    ]);
    let search = Search {
        controls: vec![("1.2.840.113556.1.4.473", sort_by(&["userPassword"]))],
        filter: set(0xa0, &[equality("userPassword", b"hunter2"), equality("uid", b"alice")]),
        ..Search::default()
    };
    let told = explain(rules, &who("CN=Wiki,DC=corp"), &search.message());
    assert!(!told.allowed);
    assert_eq!((told.rule.as_deref(), told.code), (Some("default"), Some(50)));
    assert_eq!(told.code_name.as_deref(), Some("insufficientAccessRights"));
    let failed = |rule: usize| -> Vec<(&str, &str)> {
        told.rules[rule].failed.iter().map(|failed| (failed.criterion, failed.asked.as_str())).collect()
    };
    assert_eq!(
        failed(0),
        [
            ("from", "the client's address is 10.20.0.5"),
            ("identity", "the identity proved is cn=wiki,dc=corp"),
            ("controls", "the controls are: sort"),
        ]
    );
    assert_eq!(
        failed(1),
        [
            ("base", "the target is ou=people,dc=corp,dc=example"),
            ("filter", "the filter is (&(userpassword=?)(uid=?))"),
            ("attributes", "asked for: uid, cn; sorted by: userpassword"),
            ("controls", "the controls are: sort"),
        ]
    );
}

#[test]
fn the_deciding_rule_is_the_last_one_told_of() {
    let rules = || {
        json!([
            { "name": "watched", "effect": "deny", "mode": "monitor" },
            { "name": "reading", "operations": "search", "attributes": "uid", "narrow": true, "size_limit": 5 },
            { "name": "rest", "effect": "deny", "code": "busy", "text": "later" },
            { "name": "never", "base": "dc=x" },
        ])
    };
    let passed = explain(rules(), &Who::Anonymous, &Search::default().message());
    assert!(passed.allowed);
    assert_eq!(passed.rule.as_deref(), Some("reading"));
    let names: Vec<_> = passed.rules.iter().map(|rule| (rule.rule.as_str(), rule.monitor, rule.matched)).collect();
    assert_eq!(names, [("watched", true, true), ("reading", false, true)]);
    let changed = passed.changed.unwrap();
    assert_eq!((changed.attributes, changed.size_limit), (Some(vec!["uid".to_owned()]), Some(5)));
    assert!(changed.never_deref_aliases);

    let refused = explain(rules(), &Who::Anonymous, &modify("dc=x", &[(ChangeKind::Add, "cn")], &[]));
    assert_eq!((refused.rule.as_deref(), refused.text.as_deref()), (Some("rest"), Some("later")));
    assert_eq!(refused.rules[1].failed[0].asked, "the operation is modify");
    let json = serde_json::to_value(&refused).unwrap();
    assert_eq!(json["rules"][1]["failed"][0]["criterion"], "operations");
}

#[test]
fn what_cannot_be_normalised_is_told_as_such() {
    let rules = json!([{ "name": "people", "base": "ou=people,dc=x" }]);
    let told = explain(rules, &Who::Anonymous, &Search { base: b"<GUID=3f>", ..Search::default() }.message());
    assert_eq!((told.rule.as_deref(), told.text.as_deref()), (Some("people"), Some("cannot be normalised")));
    assert!(told.rules[0].failed[0].unreadable && !told.rules[0].matched);

    let rules = json!([{ "name": "app", "identity": "cn=app,dc=x", "mechanisms": "gssapi" }]);
    let told = explain(rules, &Who::Anonymous, &bind("cn=other,dc=x", b"hunter2"));
    let asked: Vec<&str> = told.rules[0].failed.iter().map(|failed| failed.asked.as_str()).collect();
    assert_eq!(asked, ["the identity asked for is cn=other,dc=x", "the mechanism is simple"]);
}

#[test]
fn what_is_never_judged_has_no_rule() {
    let mut unbind = Vec::new();
    ostiary_ldap::write::unbind_request(&mut unbind, 7);
    let told = explain(json!([]), &Who::Anonymous, &unbind);
    assert_eq!((told.allowed, told.rule, told.rules.len()), (true, None, 0));
    assert!(from("unix").address.is_none());
}
