//! What a denial meets beside what its words say: searches for whole kinds of attributes, and searches from above.

use ostiary_ldap::message::{ChangeKind, FilterLimits, Request, Scope};
use ostiary_policy::{AllowList, Asked, Decision, Who};
use serde_json::{Value, json};

use crate::stage::{Search, client, delete, equality, judge, list, modify, modify_dn, passes, selection, sort_by};

/// A list that denies this, and allows the rest.
fn denying(mut rule: Value) -> AllowList {
    rule["name"] = json!("denied");
    rule["effect"] = json!("deny");
    list(json!({ "default": "allow", "rules": [rule] }))
}

fn denies(list: &AllowList, message: &[u8]) -> bool {
    match judge(list, &client(), &Who::Anonymous, message).0 {
        Decision::Allow { .. } => false,
        Decision::Refuse { rule: Some(0), text, .. } if &*text == "not allowed here" => true,
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_alias_leads_round_a_denial() {
    let elsewhere = Search { base: b"uid=link,ou=people,dc=x", ..Search::default() }.message();
    for (list, follows) in [
        (denying(json!({ "base": "ou=secret,dc=x" })), false),
        (denying(json!({ "base": "ou=secret,dc=x", "mode": "monitor" })), true),
        (super::stage::list(json!({ "default": "allow", "rules": [] })), true),
    ] {
        let (decision, outcome) = judge(&list, &client(), &Who::Anonymous, &elsewhere);
        assert!(decision.lets_pass());
        assert_eq!(outcome.edit.never_deref_aliases, !follows);
    }
}

#[test]
fn no_control_that_shows_other_entries_leads_round_a_denial() {
    for oid in [
        "1.3.6.1.4.1.4203.666.5.16",
        "1.2.840.113556.1.4.1504",
        "1.3.6.1.4.1.30221.2.5.9",
        "1.3.6.1.4.1.4203.666.05.16",
    ] {
        for value in [None, selection(&["manager"])] {
            let asked = |controls| Search { controls, ..Search::default() }.message();
            let (with, without) = (asked(vec![(oid, value)]), asked(Vec::new()));
            for rule in [json!({ "attributes": ["homePhone"] }), json!({ "base": "ou=secret,dc=x" })] {
                let mut rules: Vec<_> = (0..20)
                    .map(|number| json!({ "name": format!("r{number}"), "identity": "cn=nobody,dc=x", "base": format!("ou={number},dc=x") }))
                    .collect();
                let mut denied = rule.clone();
                denied["name"] = json!("denied");
                denied["effect"] = json!("deny");
                rules.insert(0, denied);
                for list in [denying(rule), super::stage::list(json!({ "default": "allow", "rules": rules }))] {
                    assert!(denies(&list, &with), "{oid}");
                    assert!(!denies(&list, &without));
                }
            }
        }
    }
}

#[test]
fn an_extended_operation_is_exempt_where_the_session_knows_it() {
    let nothing = super::stage::list(json!({ "rules": [] }));
    let passes = |oid| passes(&nothing, &Who::Anonymous, &super::stage::extended(oid, None));
    for known in ["1.3.6.1.4.1.1466.20037", "1.3.6.1.4.1.1466.020037", "01.3.6.1.4.1.1466.20037", "1.3.6.1.1.8"] {
        assert!(passes(known), "{known}");
    }
    assert!(!passes("1.3.6.1.1.08"));
}

#[test]
fn all_attributes_of_a_kind_are_asked_for_with_those_that_may_be_of_it() {
    let nothing: [&[u8]; 0] = [];
    for (listed, star, plus) in [
        (json!("userPassword"), true, true),
        (json!("2.5.4.35"), true, true),
        (json!("examMark"), true, true),
        (json!("1.3.6.1.4.1.99999.1"), true, true),
        (json!("userPassword;x-a"), true, true),
        (json!("pwdHistory"), false, true),
        (json!("1.3.6.1.4.1.42.2.27.8.1.20"), false, true),
        (json!(["createTimestamp;x-a", "entryUUID"]), false, true),
        (json!(["createTimestamp", "cn"]), true, true),
        (json!("*"), true, false),
        (json!("+"), false, true),
        (json!(["*", "pwdHistory"]), true, true),
        (json!(["+", "mail"]), true, true),
    ] {
        let list = denying(json!({ "attributes": listed }));
        let asking = |attributes: &[&'static [u8]]| {
            let search = Search { attributes: attributes.to_vec(), ..Search::default() };
            denies(&list, &search.message())
        };
        assert_eq!(asking(&nothing), star, "nothing: {listed}");
        assert_eq!(asking(&[b"*"]), star, "{listed}");
        assert_eq!(asking(&[b"sn", b"*", b"1.1"]), star, "{listed}");
        assert_eq!(asking(&[b"+"]), plus, "{listed}");
        assert_eq!(asking(&[b"*", b"+"]), star || plus, "{listed}");
        assert!(!asking(&[b"1.1"]) && !asking(&[b"sn", b"1.1"]), "{listed}");
    }
}

#[test]
fn controls_that_read_all_attributes_are_denied_alike() {
    let list = denying(json!({ "attributes": "userPassword" }));
    for oid in ["1.3.6.1.1.13.1", "1.3.6.1.1.13.2"] {
        let searches = |selectors: &[&str]| {
            let search = Search { controls: vec![(oid, selection(selectors))], ..Search::default() };
            denies(&list, &search.message())
        };
        assert!(searches(&[]) && searches(&["*"]) && searches(&["cn", "+"]) && searches(&["userPassword"]));
        assert!(!searches(&["1.1"]) && !searches(&["cn"]));
    }
    // To be allowed to write is not to be allowed to read.
    let writing = list_of_writes();
    let changes = [(ChangeKind::Replace, "mail")];
    let reads = |selectors: &[&str]| {
        let message = modify("cn=a,dc=x", &changes, &[("1.3.6.1.1.13.2", selection(selectors))]);
        passes(&writing, &Who::Anonymous, &message)
    };
    assert!(reads(&["cn"]) && reads(&["1.1"]));
    assert!(!reads(&["userPassword"]) && !reads(&["*"]) && !reads(&[]) && !reads(&["+"]));
}

fn list_of_writes() -> AllowList {
    list(json!({ "rules": [
        { "name": "no-passwords", "effect": "deny", "operations": "search", "attributes": "userPassword" },
        { "name": "rest", "controls": ["pre_read", "post_read"] },
    ]}))
}

#[test]
fn a_default_that_allows_reads_back_nothing_that_a_search_is_denied() {
    let list = list(json!({ "default": "allow", "rules": [
        { "name": "no-passwords", "effect": "deny", "operations": "search", "attributes": "userPassword" },
        { "name": "no-vault", "effect": "deny", "operations": "search", "base": "ou=vault,dc=x" },
    ]}));
    let (pre_read, assertion, sort) = ("1.3.6.1.1.13.1", "1.3.6.1.1.12", "1.2.840.113556.1.4.473");
    for (entry, oid, value, expected) in [
        ("cn=a,dc=x", pre_read, selection(&["cn"]), true),
        ("cn=a,dc=x", pre_read, selection(&["cn", "2.5.4.35"]), false),
        ("cn=a,dc=x", pre_read, selection(&[]), false),
        ("cn=a,dc=x", pre_read, None, false),
        ("cn=a,ou=vault,dc=x", pre_read, selection(&["cn"]), false),
        ("cn=a,dc=x", assertion, Some(equality("cn", b"a")), true),
        ("cn=a,dc=x", assertion, Some(equality("userPassword", b"hunter2")), false),
        ("cn=a,ou=vault,dc=x", assertion, Some(equality("cn", b"a")), false),
        ("cn=a,ou=vault,dc=x", "1.2.3.4", None, true),
        ("cn=a,dc=x", sort, sort_by(&["cn"]), true),
    ] {
        let message = delete(entry, &[(oid, value)]);
        assert_eq!(passes(&list, &Who::Anonymous, &message), expected, "{entry} {oid}");
    }
}

#[test]
fn a_default_that_allows_looks_at_nothing_where_nothing_is_denied() {
    let watched = json!({ "name": "watched", "effect": "deny", "attributes": "*", "mode": "monitor" });
    let list = list(json!({ "default": "allow", "rules": [watched] }));
    for value in [None, selection(&["userPassword"])] {
        assert!(passes(&list, &Who::Anonymous, &delete("cn=a,dc=x", &[("1.3.6.1.1.13.1", value)])));
    }
}

const SCOPES: [(&str, Scope); 4] = [
    ("base", Scope::BaseObject),
    ("one", Scope::SingleLevel),
    ("sub", Scope::WholeSubtree),
    ("children", Scope::SubordinateSubtree),
];

#[test]
fn a_denied_place_is_not_reached_from_above() {
    let list = denying(json!({ "base": ["ou=vault,ou=people,dc=x", "dc=y"] }));
    // Which scopes are denied, in the order of the table.
    for (base, expected) in [
        ("ou=vault,ou=people,dc=x", [true, true, true, true]),
        ("cn=a,OU=Vault,ou=people,dc=x", [true, true, true, true]),
        ("OU=People, DC=x", [false, true, true, true]),
        ("dc=x", [false, false, true, true]),
        ("", [false, true, true, true]),
        ("ou=services,dc=x", [false; 4]),
        ("ou=vaults,ou=people,dc=x", [false; 4]),
        ("ou=people,dc=z", [false; 4]),
    ] {
        for ((word, scope), expected) in SCOPES.into_iter().zip(expected) {
            let search = Search { base: base.as_bytes(), scope, ..Search::default() };
            assert_eq!(denies(&list, &search.message()), expected, "{word} {base}");
        }
    }
    let deep = denying(json!({ "base": "ou=a,dc=b,dc=c" }));
    let from_root = |scope| denies(&deep, &Search { base: b"", scope, ..Search::default() }.message());
    assert_eq!(SCOPES.map(|(_, scope)| from_root(scope)), [false, false, true, true]);
    // A subtree of everything has no root DSE in it (RFC 4512 section 5.1).
    let root_dse = denying(json!({ "base": "rootDSE" }));
    let of_root = |scope| denies(&root_dse, &Search { base: b"", scope, ..Search::default() }.message());
    assert_eq!(SCOPES.map(|(_, scope)| of_root(scope)), [true, false, false, false]);
}

#[test]
fn what_is_no_search_or_is_allowed_stays_below_its_base() {
    let denial = denying(json!({ "base": "ou=vault,dc=x" }));
    assert!(!denies(&denial, &delete("dc=x", &[])));
    assert!(!denies(&denial, &modify("dc=x", &[(ChangeKind::Add, "cn")], &[])));
    assert!(!denies(&denial, &modify_dn("cn=a,dc=x", "cn=b", true, None)));
    let vault = list(json!({ "rules": [{ "name": "vault", "base": "ou=vault,dc=x" }] }));
    for (word, scope) in SCOPES {
        let search = |base| Search { base, scope, ..Search::default() }.message();
        assert!(!passes(&vault, &Who::Anonymous, &search(b"dc=x")), "{word}");
        assert!(passes(&vault, &Who::Anonymous, &search(b"ou=vault,dc=x")), "{word}");
    }
    let scoped = denying(json!({ "base": "ou=vault,dc=x", "scope": ["base", "one"] }));
    let above = |scope| denies(&scoped, &Search { base: b"dc=x", scope, ..Search::default() }.message());
    assert_eq!(SCOPES.map(|(_, scope)| above(scope)), [false, true, false, false], "scope is asked for itself");
}

/// The place is looked up among those of all rules where there are many.
#[test]
fn a_denial_among_many_is_met_from_above_too() {
    let others = (0..40).map(|number| json!({ "name": format!("o{number}"), "base": format!("ou=o{number},dc=z") }));
    let denied = json!({ "name": "vault", "effect": "deny", "base": ["ou=vault,ou=people,dc=x", "cn=b,dc=y"] });
    let rules: Vec<Value> = others.chain([denied, json!({ "name": "rest" })]).collect();
    let list = list(json!({ "rules": rules }));
    let refuses = |base: &[u8], scope| match judge(
        &list,
        &client(),
        &Who::Anonymous,
        &Search { base, scope, ..Search::default() }.message(),
    )
    .0
    {
        Decision::Refuse { rule, .. } => list.rule_name(rule).to_owned(),
        _ => String::new(),
    };
    for (base, expected) in [
        (&b"ou=people,dc=x"[..], ["", "vault", "vault", "vault"]),
        (b"dc=x", ["", "", "vault", "vault"]),
        (b"dc=y", ["", "vault", "vault", "vault"]),
        (b"", ["", "", "vault", "vault"]),
        (b"dc=w", ["", "", "", ""]),
    ] {
        assert_eq!(SCOPES.map(|(_, scope)| refuses(base, scope)), expected);
    }
}

#[test]
fn an_explanation_says_how_far_a_search_reaches() {
    let list = denying(json!({ "base": "ou=vault,ou=people,dc=x" }));
    let told = |scope| {
        let message = Search { base: b"DC=x", scope, ..Search::default() }.message();
        let request = Request::parse(&message, &FilterLimits::default()).unwrap();
        let explanation = list.explain(&client(), &Who::Anonymous, &Asked::new(&request));
        explanation.rules[0].failed.first().map(|failed| failed.asked.clone())
    };
    assert_eq!(told(Scope::SingleLevel).as_deref(), Some("the target is dc=x, the scope one"));
    assert_eq!(told(Scope::WholeSubtree), None, "it matched");
}
