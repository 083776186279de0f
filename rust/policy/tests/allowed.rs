//! Who let a request pass: which of several lists a walk names, and that an explanation names the same.

use std::sync::Arc;

use ostiary_ldap::message::{DerefAliases, FilterLimits, Request, Scope};
use ostiary_ldap::write;
use ostiary_policy::{Asked, ClientFacts, Judgement, Mode, Policy, Subject, Verdict, Walk, Who};
use serde_json::{Value, json};

fn search() -> Vec<u8> {
    let search = write::NewSearch {
        base_object: b"dc=corp",
        scope: Scope::WholeSubtree,
        deref_aliases: DerefAliases::NeverDerefAliases,
        size_limit: 0,
        time_limit: 0,
        types_only: false,
        filter: b"\x87\x02cn",
        attributes: &[b"cn"],
    };
    let mut message = Vec::new();
    write::search_request(&mut message, 1, &search, &[]);
    message
}

/// A list of this name with one rule, which is about searches or about others.
fn list(plugin: &str, default: &str, operations: &str, mode: &str) -> Value {
    let rule = json!({ "name": format!("{plugin}-rule"), "operations": [operations] });
    json!({ "plugin": plugin, "mode": mode, "rules": { "allow_list": { "default": default, "rules": [rule] } } })
}

/// Plugin, rule and mode that a walk names for letting a search pass.
fn let_pass_by(stages: &[Value]) -> Option<(String, String, Mode)> {
    let spec = serde_json::from_value(json!({ "stages": stages })).unwrap();
    let policy = Policy::compile(&spec, [1; 16]).unwrap();
    let facts = ClientFacts { address: None, listener: Arc::from("ldaps"), tls: true, certificate: None };
    let (who, message) = (Who::Anonymous, search());
    let request = Request::parse(&message, &FilterLimits::default()).unwrap();
    let standing = policy.standing(&facts, &who);
    let subject = Subject { facts: &facts, who: &who, standing: &standing };
    let mut walk = Walk::default();
    assert_eq!(policy.judge(&subject, &Asked::new(&request), 0.0, &mut walk), Judgement::Pass);
    let named = walk.allowed.map(|told| {
        assert_eq!((told.verdict, told.code), (Verdict::Allowed, None));
        assert_eq!(policy.number(&told), None, "what is let pass is no refusal to be counted");
        let (plugin, rule) = policy.names(&told);
        (plugin.to_owned(), rule.to_owned(), told.mode)
    });
    let explained: Value = serde_json::from_str(&policy.explain(&facts, &who, &request)).unwrap();
    let told = |key: &str| explained[key].as_str().map(ToOwned::to_owned);
    let expected = named.clone().map(|(plugin, rule, _)| (plugin, rule));
    assert_eq!(told("plugin").zip(told("rule")), expected, "{explained}");
    named
}

#[test]
fn the_rule_that_lets_pass_is_named() {
    for (stages, expected) in [
        (vec![list("a", "deny", "search", "enforce")], ("a", "a-rule", Mode::Enforce)),
        (vec![list("a", "allow", "delete", "enforce")], ("a", "default", Mode::Enforce)),
        // The last rule that decided, of several.
        (
            vec![list("a", "deny", "search", "enforce"), list("b", "deny", "search", "enforce")],
            ("b", "b-rule", Mode::Enforce),
        ),
        // A list that has no rule for it says less than one that has, before or behind it.
        (
            vec![list("a", "deny", "search", "enforce"), list("b", "allow", "delete", "enforce")],
            ("a", "a-rule", Mode::Enforce),
        ),
        (
            vec![list("a", "allow", "delete", "enforce"), list("b", "deny", "search", "enforce")],
            ("b", "b-rule", Mode::Enforce),
        ),
        (
            vec![list("a", "allow", "delete", "enforce"), list("b", "allow", "delete", "enforce")],
            ("b", "default", Mode::Enforce),
        ),
        // What is tried says less than what is in force.
        (
            vec![list("a", "allow", "delete", "enforce"), list("b", "deny", "search", "monitor")],
            ("a", "default", Mode::Enforce),
        ),
        (vec![list("a", "deny", "search", "monitor")], ("a", "a-rule", Mode::Monitor)),
        (
            vec![list("a", "deny", "search", "monitor"), list("b", "allow", "delete", "enforce")],
            ("b", "default", Mode::Enforce),
        ),
    ] {
        let (plugin, rule, mode) = expected;
        assert_eq!(let_pass_by(&stages), Some((plugin.to_owned(), rule.to_owned(), mode)), "{stages:?}");
    }
}

#[test]
fn where_no_list_is_asked_nobody_is_named() {
    let rate = json!({ "name": "few", "key": ["client"], "rate": "1/s" });
    let stages = [
        json!({ "plugin": "rate", "rules": { "rate_limit": { "limits": [rate] } } }),
        json!({ "plugin": "hidden", "rules": { "redact": { "rules": [{ "name": "r", "attributes": ["sn"] }] } } }),
    ];
    assert_eq!(let_pass_by(&stages), None);
    // What it lets pass is named although others that have nothing to say are asked behind it.
    let [rate, hidden] = stages;
    let named = let_pass_by(&[list("a", "deny", "search", "enforce"), rate, hidden]);
    assert_eq!(named, Some(("a".to_owned(), "a-rule".to_owned(), Mode::Enforce)));
}
