//! What is wrong with a list: faults, which stop it, and warnings, which do not.

use ostiary_policy::{AllowList, AllowListSpec, Faults};
use serde_json::{Value, json};

use crate::stage::list;

fn faults(rule: Value) -> Vec<(String, String)> {
    let spec: AllowListSpec = serde_json::from_value(json!({ "rules": [{ "name": "a" }, rule] })).unwrap();
    let mut faults = Faults::default();
    assert!(AllowList::compile(&spec, &mut faults).is_none(), "{spec:?}");
    faults.into_vec().into_iter().map(|fault| (fault.path, fault.message)).collect()
}

#[test]
fn every_fault_is_named_by_its_key_with_the_remedy() {
    for (rule, path, part) in [
        (json!({ "name": "" }), "rules[1].name", "empty"),
        (json!({ "name": "a" }), "rules[1].name", "taken by a rule above"),
        (json!({ "name": "default" }), "rules[1].name", "choose another"),
        (json!({ "name": "b", "from": ["10.0.0.0/33"] }), "rules[1].from[0]", "not a network"),
        (json!({ "name": "b", "from": "10.0.0.1/8" }), "rules[1].from", "write \"10.0.0.0/8\""),
        (json!({ "name": "b", "from": "::ffff:10.0.0.0/104" }), "rules[1].from", "write it as IPv4"),
        (json!({ "name": "b", "from": [] }), "rules[1].from", "empty list"),
        (json!({ "name": "b", "identity": "alice" }), "rules[1].identity", "not an identity"),
        (json!({ "name": "b", "identity": "" }), "rules[1].identity", "write \"anonymous\""),
        (json!({ "name": "b", "identity": [{ "within": "x" }] }), "rules[1].identity[0].within", "not a DN"),
        (json!({ "name": "b", "identity": { "upn_domain": "a@b" } }), "rules[1].identity.upn_domain", "at sign"),
        (json!({ "name": "b", "certificate": { "subject": "" } }), "rules[1].certificate.subject", "empty"),
        (json!({ "name": "b", "operations": ["read"] }), "rules[1].operations[0]", "bind, search, compare"),
        (json!({ "name": "b", "base": "" }), "rules[1].base", "write \"rootDSE\""),
        (json!({ "name": "b", "base": ["dc=x", "dc"] }), "rules[1].base[1]", "not a DN"),
        (json!({ "name": "b", "scope": "subtree" }), "rules[1].scope", "base, one, sub, children"),
        (json!({ "name": "b", "filter": "(uid=a?b)" }), "rules[1].filter", "\\3f"),
        (json!({ "name": "b", "filter": ["(uid=?)", "uid"] }), "rules[1].filter[1]", "not a filter"),
        (json!({ "name": "b", "filter": "(a=?)", "filter_attributes": "a" }), "rules[1].filter_attributes", "instead"),
        (json!({ "name": "b", "filter_attributes": "*" }), "rules[1].filter_attributes", "name an attribute"),
        (json!({ "name": "b", "attributes": ["@person"] }), "rules[1].attributes[0]", "name an attribute"),
        (json!({ "name": "b", "controls": "sorting" }), "rules[1].controls", "object identifier"),
        (json!({ "name": "b", "extended": "sort" }), "rules[1].extended", "password_modify"),
        (json!({ "name": "b", "size_limit": 0 }), "rules[1].size_limit", "no limit"),
        (json!({ "name": "b", "code": 50 }), "rules[1].code", "effect = \"deny\""),
        (json!({ "name": "b", "effect": "deny", "code": "success" }), "rules[1].code", "not a code that refuses"),
        (json!({ "name": "b", "effect": "deny", "code": "nonsense" }), "rules[1].code", "not a result code"),
        (json!({ "name": "b", "effect": "deny", "narrow": true }), "rules[1].narrow", "effect = \"allow\""),
        (json!({ "name": "b", "effect": "deny", "text": "a\nb" }), "rules[1].text", "not one line"),
        (json!({ "name": "b", "changes": "set" }), "rules[1].changes", "add, delete, replace, increment"),
    ] {
        let found = faults(rule);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, path, "{found:?}");
        assert!(found[0].1.contains(part), "{found:?}");
    }
    let many = faults(json!({ "name": "", "from": ["x", "y"], "base": "", "scope": "z" }));
    assert_eq!(many.len(), 5, "all at once: {many:?}");
    assert!(
        serde_json::from_value::<AllowListSpec>(json!({ "rules": [{ "name": "b", "filters": "(a=?)" }] })).is_err()
    );
}

fn warnings(rules: Value) -> Vec<(String, String)> {
    let warnings = list(json!({ "rules": rules })).warnings();
    warnings.into_iter().map(|warning| (warning.rule, warning.message)).collect()
}

#[test]
fn rules_that_never_match_and_keys_without_effect_are_told() {
    for (rule, part) in [
        (json!({ "certificate": { "san": "a" }, "tls": false }), "never matches, a client without TLS"),
        (json!({ "operations": "search", "base": "rootDSE", "scope": "sub" }), "needs the scope \"base\""),
        (json!({ "operations": "delete", "base": "rootDSE" }), "speaks of searches alone"),
        (json!({ "operations": "bind", "identity": "cn=a", "mechanisms": "plain" }), "lacks \"simple\""),
        (json!({ "effect": "deny", "operations": "bind", "scope": "sub" }), "never matches, none of its operations"),
        (json!({ "operations": "bind", "filter": "(uid=?)" }), "filter has no effect"),
        (json!({ "operations": "delete", "attributes": "cn" }), "attributes has no effect"),
        (json!({ "operations": "search", "mechanisms": "plain" }), "mechanisms has no effect"),
        (json!({ "operations": "search", "extended": "password_modify" }), "extended has no effect"),
        (json!({ "operations": "add", "size_limit": 5 }), "size_limit has no effect"),
        (json!({ "operations": "search", "narrow": true }), "narrow has no effect without attributes"),
    ] {
        let mut rule = rule;
        rule["name"] = json!("odd");
        let found = warnings(json!([rule]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].1.contains(part), "{found:?}");
    }
    assert_eq!(
        warnings(json!([{ "name": "fine", "operations": ["bind", "search"], "base": "dc=x", "scope": "sub" }])),
        []
    );
}

#[test]
fn rules_that_an_earlier_one_forestalls_are_told_and_no_others() {
    for (earlier, later, forestalled) in [
        (json!({}), json!({ "base": "dc=x", "attributes": "cn", "operations": "search" }), true),
        (json!({ "from": "10.0.0.0/8" }), json!({ "from": ["10.1.0.0/16", "10.2.0.1"] }), true),
        (json!({ "from": "10.0.0.0/8" }), json!({ "from": ["10.1.0.0/16", "192.0.2.1"] }), false),
        (json!({ "from": "10.0.0.0/8" }), json!({}), false),
        (json!({ "identity": "authenticated" }), json!({ "identity": { "within": "dc=x" } }), true),
        (json!({ "identity": { "within": "dc=x" } }), json!({ "identity": "cn=a,dc=x" }), true),
        (json!({ "identity": { "within": "cn=a,dc=x" } }), json!({ "identity": "cn=a,dc=x" }), false),
        (json!({ "identity": "authenticated" }), json!({ "identity": "any" }), false),
        (json!({ "base": "dc=x" }), json!({ "base": "ou=a,dc=x" }), true),
        (json!({ "base": "ou=a,dc=x" }), json!({ "base": "dc=x" }), false),
        (json!({ "attributes": ["cn", "*"] }), json!({ "attributes": "cn;lang-de" }), true),
        (json!({ "attributes": "cn;lang-de" }), json!({ "attributes": "cn" }), false),
        (json!({ "filter": "(uid=?)" }), json!({ "filter": "(USERID=?)" }), true),
        (json!({ "filter": "(uid=?)" }), json!({ "filter": "(uid=a)" }), false),
        (json!({}), json!({ "controls": "sort" }), false),
        (json!({ "controls": "sort" }), json!({ "controls": "1.2.840.113556.1.4.473" }), true),
        (json!({}), json!({ "mechanisms": "plain", "operations": "bind" }), false),
        (json!({ "mode": "monitor" }), json!({}), false),
        (json!({ "effect": "deny" }), json!({ "operations": "search" }), true),
        (json!({ "effect": "deny", "base": "dc=x" }), json!({ "base": "dc=x" }), false),
        (json!({}), json!({ "effect": "deny", "operations": "search" }), false),
        (json!({ "base": "dc=x" }), json!({ "effect": "deny", "base": "ou=a,dc=x", "operations": "search" }), false),
        (json!({ "effect": "deny", "attributes": "*" }), json!({ "attributes": "cn", "operations": "search" }), false),
    ] {
        let (mut one, mut other) = (earlier, later);
        one["name"] = json!("one");
        other["name"] = json!("other");
        let found = warnings(json!([one, other]));
        let told = found.iter().any(|(rule, message)| rule == "other" && message.contains("never decides"));
        assert_eq!(told, forestalled, "{one} {other} {found:?}");
    }
}
