//! What each criterion lets through and what it does not, one table for each.

use std::sync::Arc;

use ostiary_ldap::dn::Dn;
use ostiary_ldap::message::{ChangeKind, Scope};
use ostiary_ldap::result::ResultCode;
use ostiary_policy::{Certificate, ClientFacts, Decision, Who};
use serde_json::{Value, json};

use crate::stage::{
    Search, add, bind, client, compare, delete, equality, extended, extensible, from, initial, judge, list, modify,
    modify_dn, passes, password_modify, present, sasl, selection, set, sort_by, who,
};

/// A list of one rule.
fn rule(mut rule: Value) -> ostiary_policy::AllowList {
    rule["name"] = json!("only");
    list(json!({ "rules": [rule] }))
}

fn allows(criteria: Value, message: &[u8]) -> bool {
    passes(&rule(criteria), &who("cn=app,dc=corp,dc=example"), message)
}

#[test]
fn the_example_of_the_documentation_works_as_printed() {
    let wiki = list(json!({ "default": "deny", "rules": [{
        "name": "wiki-login",
        "from": ["10.20.0.0/16"],
        "identity": "cn=wiki,ou=services,dc=corp,dc=example",
        "operations": ["bind", "search"],
        "base": "ou=people,dc=corp,dc=example",
        "scope": ["one", "sub"],
        "filter": "(&(objectClass=person)(uid=?))",
        "attributes": ["uid", "cn", "mail"],
    }]}));
    let known = who("cn=wiki,ou=services,dc=corp,dc=example");
    assert!(passes(&wiki, &Who::Anonymous, &bind("CN=Wiki, OU=services, DC=corp, DC=example", b"hunter2")));
    assert!(!passes(&wiki, &Who::Anonymous, &bind("cn=other,ou=services,dc=corp,dc=example", b"hunter2")));
    assert!(!passes(&wiki, &Who::Anonymous, &bind("", b"")));
    let (decision, outcome) = judge(&wiki, &client(), &known, &Search::default().message());
    assert_eq!(decision, Decision::Allow { rule: Some(0) });
    assert!(outcome.edit.never_deref_aliases);
    let elsewhere = judge(&wiki, &from("10.21.0.5"), &known, &Search::default().message()).0;
    let Decision::Refuse { rule: None, code, text } = elsewhere else { panic!("{elsewhere:?}") };
    assert_eq!((code, &*text), (ResultCode::INSUFFICIENT_ACCESS_RIGHTS, "not allowed here"));
    for search in [
        Search { scope: Scope::BaseObject, ..Search::default() },
        Search { base: b"dc=corp,dc=example", ..Search::default() },
        Search { filter: present("objectClass"), ..Search::default() },
        Search { attributes: vec![b"userPassword"], ..Search::default() },
        Search { attributes: vec![], ..Search::default() },
        Search { controls: vec![("1.2.3", None)], ..Search::default() },
    ] {
        assert!(!passes(&wiki, &known, &search.message()));
    }
    assert!(!passes(&wiki, &Who::Anonymous, &Search::default().message()));
    assert!(!passes(&wiki, &known, &delete("uid=a,ou=people,dc=corp,dc=example", &[])));
}

#[test]
fn from_listener_and_tls_are_of_the_client() {
    let message = Search::default().message();
    let holds =
        |criteria: Value, client: &ClientFacts| judge(&rule(criteria), client, &Who::Anonymous, &message).0.lets_pass();
    for (networks, address, expected) in [
        (json!("10.20.0.0/16"), "10.20.255.255", true),
        (json!("10.20.0.0/16"), "10.21.0.0", false),
        (json!(["192.0.2.1", "fd00::/8"]), "192.0.2.1", true),
        (json!(["192.0.2.1", "fd00::/8"]), "192.0.2.2", false),
        (json!(["192.0.2.1", "fd00::/8"]), "fdff::1", true),
        (json!("0.0.0.0/0"), "fd00::1", false),
        (json!("::/0"), "fd00::1", true),
        (json!("0.0.0.0/0"), "a unix socket", false),
    ] {
        assert_eq!(holds(json!({ "from": networks }), &from(address)), expected, "{networks} {address}");
    }
    assert!(holds(json!({ "listener": ["other", "ldaps"] }), &client()));
    assert!(!holds(json!({ "listener": "LDAPS" }), &client()));
    assert!(holds(json!({ "tls": true }), &client()));
    assert!(!holds(json!({ "tls": true }), &ClientFacts { tls: false, ..client() }));
    assert!(holds(json!({ "tls": false }), &ClientFacts { tls: false, ..client() }));
}

#[test]
fn certificates_are_compared_as_names() {
    let message = Search::default().message();
    let subject = |name: &str| Dn::parse(name).ok();
    let with = |subject: Option<Dn>| {
        let names = vec!["app.corp.example".into(), "spiffe://corp/app".into()];
        ClientFacts { certificate: Some(Arc::new(Certificate { subject, names })), ..client() }
    };
    let app = with(subject("cn=app,o=corp"));
    let odd = with(None);
    let decide = |test: Value, client: &ClientFacts| match judge(
        &rule(json!({ "certificate": test })),
        client,
        &Who::Anonymous,
        &message,
    )
    .0
    {
        Decision::Allow { rule: Some(0) } => Some(true),
        Decision::Refuse { rule: None, .. } => Some(false),
        other => {
            assert!(format!("{other:?}").contains("cannot be normalised"), "{other:?}");
            None
        }
    };
    for (test, by_app, by_odd) in [
        (json!({ "subject": "O=Corp+cn=x" }), Some(false), None),
        (json!({ "subject": "CN=App,O=Corp" }), Some(true), None),
        (json!({ "within": "o=corp" }), Some(true), None),
        (json!({ "within": "cn=app,o=corp" }), Some(false), None),
        (json!({ "san": "APP.corp.example" }), Some(true), Some(true)),
        (json!({ "san": "corp.example" }), Some(false), Some(false)),
        (json!([{ "subject": "cn=x" }, { "san": "spiffe://corp/app" }]), Some(true), Some(true)),
    ] {
        assert_eq!(decide(test.clone(), &app), by_app, "{test}");
        assert_eq!(decide(test.clone(), &odd), by_odd, "{test}");
        assert_eq!(decide(test.clone(), &client()), Some(false), "{test}");
    }
}

#[test]
fn identities_are_names_or_words() {
    let message = Search::default().message();
    let people = [
        who(""),
        who("cn=app,ou=services,dc=corp"),
        who("ou=services,dc=corp"),
        who("alice@corp.example"),
        who("CORP\\alice"),
        Who::Unnamed,
        who("alice"),
    ];
    // y: matches, n: does not, u: refused as unreadable.
    for (identity, expected) in [
        (json!("any"), "yyyyyyy"),
        (json!("authenticated"), "nyyyyyy"),
        (json!("anonymous"), "ynnnnnn"),
        (json!("CN=App, OU=Services, DC=corp"), "nynnnnu"),
        (json!({ "within": "ou=services,dc=corp" }), "nynnnnu"),
        (json!({ "within": "dc=corp" }), "nyynnnu"),
        (json!("ALICE@corp.example"), "nnnynnu"),
        (json!({ "upn_domain": "Corp.Example" }), "nnnynnu"),
        (json!({ "upn_domain": "example" }), "nnnnnnu"),
        (json!("corp\\alice"), "nnnnynu"),
        (json!(["anonymous", "corp\\alice", { "within": "dc=x" }]), "ynnnynu"),
        (json!(["authenticated", "corp\\alice"]), "nyyyyyy"),
    ] {
        let found: String = people
            .iter()
            .map(|who| match judge(&rule(json!({ "identity": identity })), &client(), who, &message).0 {
                Decision::Allow { rule: Some(0) } => 'y',
                Decision::Refuse { rule: None, .. } => 'n',
                _ => 'u',
            })
            .collect();
        assert_eq!(found, expected, "{identity}");
    }
}

#[test]
fn a_bind_is_judged_by_who_is_asked_for_and_how() {
    let app = json!({ "identity": "cn=app,dc=corp", "base": "dc=x", "scope": "base", "attributes": "cn" });
    assert!(allows(app.clone(), &bind("CN=app,DC=corp", b"hunter2")));
    assert!(!allows(app.clone(), &bind("cn=app2,dc=corp", b"hunter2")));
    assert!(!allows(app.clone(), &bind("app", b"hunter2")), "a name that is none is refused");
    assert!(!allows(app, &sasl("GSSAPI")));
    assert!(allows(json!({ "mechanisms": ["gssapi"] }), &sasl("GSSAPI")));
    assert!(!allows(json!({ "mechanisms": ["gssapi"] }), &sasl("PLAIN")));
    assert!(!allows(json!({ "mechanisms": ["gssapi"] }), &bind("cn=app", b"hunter2")));
    assert!(!allows(json!({}), &sasl("GSSAPI")), "simple is the default");
    assert!(allows(json!({ "mechanisms": ["external"], "identity": "authenticated" }), &sasl("EXTERNAL")));
    assert!(allows(json!({ "identity": "anonymous", "operations": "bind" }), &bind("", b"")));
    assert!(!allows(json!({ "identity": "anonymous" }), &bind("cn=app", b"hunter2")));
    assert!(!allows(json!({ "identity": "authenticated" }), &bind("", b"")));
}

#[test]
fn operations_are_told_apart() {
    let messages = [
        ("bind", bind("cn=a", b"hunter2")),
        ("search", Search::default().message()),
        ("compare", compare("dc=x", "cn")),
        ("add", add("dc=x", &["cn"])),
        ("modify", modify("dc=x", &[(ChangeKind::Add, "cn")], &[])),
        ("delete", delete("dc=x", &[])),
        ("modify_dn", modify_dn("cn=a,dc=x", "cn=b", true, None)),
        ("extended", extended("1.3.6.1.4.1.4203.1.11.3", None)),
    ];
    for (word, _) in &messages {
        for (name, message) in &messages {
            assert_eq!(allows(json!({ "operations": word }), message), word == name, "{word} {name}");
        }
    }
    assert!(messages.iter().all(|(_, message)| allows(json!({}), message)));
    let nothing = list(json!({}));
    let mut unbind = Vec::new();
    ostiary_ldap::write::unbind_request(&mut unbind, 7);
    let mut abandon = Vec::new();
    ostiary_ldap::write::abandon_request(&mut abandon, 7, 6);
    for message in [unbind, abandon, extended("1.3.6.1.4.1.1466.20037", None), extended("1.3.6.1.1.8", None)] {
        assert!(passes(&nothing, &Who::Anonymous, &message), "never judged");
    }
}

#[test]
fn a_base_is_an_entry_and_all_below_it_by_rdn() {
    let within = |base: Value, entry: &str| allows(json!({ "base": base }), &delete(entry, &[]));
    for (entry, expected) in [
        ("ou=apps,dc=corp", true),
        ("cn=a,OU=Apps, DC=corp", true),
        ("ou=xapps,dc=corp", false),
        ("cn=a\\,ou\\=apps\\,dc\\=corp", false),
        ("dc=corp", false),
        ("", false),
        ("ou=apps", false),
        ("<GUID=3f>,ou=apps,dc=corp", false),
    ] {
        assert_eq!(within(json!(["dc=y", "ou=apps,dc=corp"]), entry), expected, "{entry}");
    }
    let root = |base: &str, scope| {
        let search = Search { base: base.as_bytes(), scope, ..Search::default() };
        allows(json!({ "base": "rootDSE" }), &search.message())
    };
    assert!(root("", Scope::BaseObject));
    assert!(!root("", Scope::WholeSubtree));
    assert!(!root("", Scope::SingleLevel));
    assert!(!root("dc=x", Scope::BaseObject));
    assert!(!within(json!("rootDSE"), ""));
}

#[test]
fn a_move_must_start_and_end_within_the_base() {
    let base = json!({ "base": "ou=a,dc=x" });
    for (entry, new_rdn, superior, expected) in [
        ("cn=b,ou=a,dc=x", "cn=c", None, true),
        ("cn=b,ou=a,dc=x", "cn=c", Some("ou=d,ou=a,dc=x"), true),
        ("cn=b,ou=a,dc=x", "cn=c", Some("dc=x"), false),
        ("cn=b,dc=x", "cn=c", Some("ou=a,dc=x"), false),
        ("cn=b,ou=a,dc=x", "cn=c", Some(""), false),
        ("ou=a,dc=x", "ou=z", None, false),
        ("cn=b,ou=a,dc=x", "cn=c,ou=a", None, false),
        ("cn=b,ou=a,dc=x", "", None, false),
    ] {
        assert_eq!(allows(base.clone(), &modify_dn(entry, new_rdn, false, superior)), expected, "{entry} {new_rdn}");
    }
}

#[test]
fn a_password_modify_is_about_the_one_it_names_or_who_sends_it() {
    let help_desk = rule(json!({ "base": "ou=people,dc=x", "operations": "extended", "extended": "password_modify" }));
    let passes = |who: &Who, whose| passes(&help_desk, who, &password_modify(whose));
    assert!(passes(&who("cn=desk,dc=x"), Some("uid=a,ou=people,dc=x")));
    assert!(!passes(&who("cn=desk,dc=x"), Some("cn=service,dc=x")));
    assert!(!passes(&who("cn=desk,dc=x"), None));
    assert!(!passes(&who("uid=b,ou=people,dc=x"), Some("u:alice")));
    assert!(!passes(&who("uid=b,ou=people,dc=x"), Some("")));
    assert!(passes(&who("uid=b,ou=people,dc=x"), None));
    assert!(!passes(&who("a@x"), None));
    assert!(!allows(json!({ "extended": "who_am_i" }), &password_modify(None)), "not harmless, not listed");
}

#[test]
fn scopes_are_told_apart() {
    let scopes = [
        ("base", Scope::BaseObject),
        ("one", Scope::SingleLevel),
        ("sub", Scope::WholeSubtree),
        ("children", Scope::SubordinateSubtree),
    ];
    for (word, _) in scopes {
        for (name, scope) in scopes {
            let search = Search { scope, ..Search::default() };
            assert_eq!(allows(json!({ "scope": word }), &search.message()), word == name);
        }
        assert!(allows(json!({ "scope": word }), &delete("dc=x", &[])), "a delete has no scope");
    }
}

#[test]
fn filter_attributes_are_all_that_a_filter_may_test() {
    let criteria = json!({ "filter_attributes": ["cn", "objectClass", "mail;lang-de"] });
    for (filter, expected) in [
        (equality("CN", b"a"), true),
        (equality("cn;lang-de", b"a"), true),
        (equality("mail", b"a"), false),
        (equality("userPassword", b"hunter2"), false),
        (set(0xa0, &[equality("cn", b"a"), set(0xa2, &[present("userPassword")])]), false),
        (set(0xa0, &[]), true),
        (extensible(Some("caseIgnoreMatch"), Some("cn"), b"a"), true),
        (extensible(Some("caseIgnoreMatch"), None, b"hunter2"), false),
        (initial("2.5.4.35", b"s"), false),
        (equality("c n", b"a"), false),
    ] {
        let search = Search { filter, ..Search::default() };
        assert_eq!(allows(criteria.clone(), &search.message()), expected, "{:?}", search.filter);
    }
}

#[test]
fn attributes_are_all_that_may_be_asked_for_or_touched() {
    let listed = json!({ "attributes": ["cn", "mail;lang-de", "1.1"] });
    for (attributes, expected) in [
        (vec![&b"CN"[..]], true),
        (vec![b"cn;lang-de", b"2.5.4.3"], true),
        (vec![b"1.1"], true),
        (vec![b"mail"], false),
        (vec![b"mail;lang-DE;x"], true),
        (vec![b"cn", b"name"], false),
        (vec![b"cn", b"*"], false),
        (vec![b"+"], false),
        (vec![b"@person"], false),
        (vec![b"c\xffn"], false),
        (vec![], false),
    ] {
        let search = Search { attributes, ..Search::default() };
        assert_eq!(allows(listed.clone(), &search.message()), expected, "{:?}", search.attributes);
    }
    let stars = json!({ "attributes": ["*"] });
    for (attributes, expected) in [
        (vec![], true),
        (vec![&b"*"[..], b"cn"], true),
        (vec![b"pwdHistory"], false),
        (vec![b"1.3.6.1.4.1.42.2.27.8.1.20"], false),
        (vec![b"1.2.3.4.5"], false),
        (vec![b"*", b"+"], false),
    ] {
        let search = Search { attributes, ..Search::default() };
        assert_eq!(allows(stars.clone(), &search.message()), expected, "{:?}", search.attributes);
    }
    for (message, expected) in [
        (compare("dc=x", "CN;x"), true),
        (compare("dc=x", "mail"), false),
        (add("cn=a,dc=x", &["cn"]), true),
        (add("cn=a,dc=x", &["cn", "sn"]), false),
        (add("uid=a,dc=x", &["cn"]), false),
        (modify("dc=x", &[(ChangeKind::Add, "cn"), (ChangeKind::Delete, "mail")], &[]), false),
        (modify("dc=x", &[(ChangeKind::Add, "cn"), (ChangeKind::Delete, "2.5.4.3")], &[]), true),
        (modify_dn("cn=a,dc=x", "cn=b", true, None), true),
        (modify_dn("cn=a,dc=x", "cn=b+uid=c", false, None), false),
        (modify_dn("cn=a+uid=c,dc=x", "cn=b", true, None), false),
        (delete("dc=x", &[]), true),
    ] {
        assert_eq!(allows(listed.clone(), &message), expected);
    }
}

#[test]
fn a_narrowed_search_asks_for_what_is_listed_of_what_was_asked() {
    let narrow = |listed: Value, asked: Vec<&[u8]>| {
        let list = rule(json!({ "attributes": listed, "narrow": true }));
        let search = Search { attributes: asked, ..Search::default() };
        let (decision, outcome) = judge(&list, &client(), &Who::Anonymous, &search.message());
        assert_eq!(decision, Decision::Allow { rule: Some(0) });
        outcome.edit.attributes.map(|selectors| selectors.join(" "))
    };
    let list = || json!(["uid", "displayName", "cn;lang-de"]);
    for (listed, asked, expected) in [
        (list(), vec![], Some("uid displayName cn;lang-de")),
        (list(), vec![&b"*"[..], b"+"], Some("uid displayName cn;lang-de")),
        (list(), vec![b"UID", b"userPassword"], Some("UID")),
        (list(), vec![b"uid", b"UserID", b"@person"], Some("uid")),
        (list(), vec![b"cn"], Some("cn;lang-de")),
        (list(), vec![b"userPassword"], Some("1.1")),
        (list(), vec![b"name", b"\xff"], Some("1.1")),
        (list(), vec![b"uid"], None),
        (list(), vec![b"1.1"], None),
        (json!(["*"]), vec![b"*", b"+", b"pwdHistory"], Some("*")),
        (json!(["*", "entryUUID"]), vec![b"+"], Some("entryUUID")),
        (json!(["*"]), vec![], None),
    ] {
        assert_eq!(narrow(listed, asked.clone()).as_deref(), expected, "{asked:?}");
    }
    let sorted = Search {
        attributes: vec![],
        controls: vec![("1.2.840.113556.1.4.473", sort_by(&["userPassword"]))],
        ..Search::default()
    };
    let criteria = json!({ "attributes": "uid", "narrow": true, "controls": "sort" });
    assert!(!allows(criteria, &sorted.message()), "a control is not narrowed");
}

#[test]
fn controls_pass_where_harmless_or_listed_and_count_as_asking() {
    let with = |oid: &str, value: Option<Vec<u8>>, criteria: Value| {
        allows(criteria, &Search { controls: vec![(oid, value)], ..Search::default() }.message())
    };
    for oid in
        ["2.16.840.1.113730.3.4.2", "1.2.840.113556.1.4.319", "1.3.6.1.4.1.42.2.27.8.5.1", "1.2.840.113556.1.4.1339"]
    {
        assert!(with(oid, None, json!({})), "{oid}");
    }
    for oid in ["2.16.840.1.113730.3.4.18", "1.2.840.113556.1.4.805", "1.2.3"] {
        assert!(!with(oid, None, json!({})), "{oid}");
        assert!(with(oid, None, json!({ "controls": ["proxied_authorization", "subtree_delete", "1.2.3"] })), "{oid}");
    }
    let sort = "1.2.840.113556.1.4.473";
    let criteria =
        json!({ "controls": ["sort", "vlv", "assertion", "matched_values", "pre_read"], "attributes": ["uid", "cn"] });
    assert!(with(sort, sort_by(&["CN", "uid"]), criteria.clone()));
    assert!(!with(sort, sort_by(&["cn", "userPassword"]), criteria.clone()));
    assert!(!with(sort, Some(b"\x30\x03\x02".to_vec()), criteria.clone()));
    assert!(!with(sort, None, criteria.clone()));
    let vlv = "2.16.840.1.113730.3.4.9";
    let view = b"\x30\x0e\x02\x01\x00\x02\x01\x09\xa0\x06\x02\x01\x01\x02\x01\x00".to_vec();
    assert!(with(vlv, Some(view.clone()), criteria.clone()));
    assert!(!with(vlv, Some(view[..9].to_vec()), criteria.clone()));
    let assertion = "1.3.6.1.1.12";
    assert!(with(assertion, Some(equality("cn", b"a")), criteria.clone()));
    assert!(!with(assertion, Some(equality("userPassword", b"hunter2")), criteria.clone()));
    let mut values = set(0xa0, &[equality("userPassword", b"hunter2")]);
    values[0] = 0x30;
    assert!(!with("1.2.826.0.1.3344810.2.3", Some(values), criteria.clone()));
    assert!(!with("1.3.6.1.1.13.1", selection(&["mail"]), criteria.clone()));
    assert!(with("1.3.6.1.1.13.1", selection(&["cn"]), criteria));
}

#[test]
fn a_write_reads_back_only_what_a_search_would_give() {
    let rules = list(json!({ "rules": [
        { "name": "write", "operations": ["modify", "delete"], "controls": ["pre_read", "post_read", "assertion"] },
        { "name": "read", "operations": "search", "base": "ou=people,dc=x", "scope": "base",
          "filter": ["(cn=?)", "(objectClass=*)"], "attributes": ["cn", "mail"], "narrow": true },
    ]}));
    let pre_read = "1.3.6.1.1.13.1";
    let assertion = "1.3.6.1.1.12";
    let deletes = |entry: &str, oid: &str, value| passes(&rules, &Who::Anonymous, &delete(entry, &[(oid, value)]));
    let entry = "uid=a,ou=people,dc=x";
    assert!(deletes(entry, pre_read, selection(&["cn", "MAIL"])));
    assert!(!deletes(entry, pre_read, selection(&["userPassword"])));
    assert!(!deletes(entry, pre_read, selection(&[])), "all attributes, and nothing narrows them");
    assert!(!deletes("cn=a,dc=x", pre_read, selection(&["cn"])));
    assert!(!deletes(entry, pre_read, None));
    assert!(deletes(entry, assertion, Some(equality("cn", b"a"))));
    assert!(!deletes(entry, assertion, Some(equality("mail", b"a"))), "the filter is asked about");
    assert!(!deletes(entry, assertion, Some(equality("userPassword", b"hunter2"))));
    assert!(!deletes(entry, assertion, Some(extensible(Some("2.5.13.2"), None, b"a"))));
    let both = modify(
        entry,
        &[(ChangeKind::Replace, "userPassword")],
        &[(pre_read, selection(&["cn"])), ("1.3.6.1.1.13.2", selection(&["userPassword"]))],
    );
    assert!(!passes(&rules, &Who::Anonymous, &both));
}

#[test]
fn changes_are_told_apart() {
    let message = modify("dc=x", &[(ChangeKind::Add, "cn"), (ChangeKind::Replace, "cn")], &[]);
    assert!(allows(json!({ "changes": ["replace", "add"] }), &message));
    assert!(!allows(json!({ "changes": ["replace"] }), &message));
    assert!(!allows(json!({ "changes": ["increment", "delete"] }), &message));
    assert!(allows(json!({ "changes": ["replace"] }), &delete("dc=x", &[])));
}

#[test]
fn a_denial_is_not_escaped_by_asking_for_more_or_by_a_control() {
    let rules = list(json!({ "default": "allow", "rules": [
        { "name": "no-passwords", "effect": "deny", "attributes": ["userPassword"], "code": "unwilling_to_perform",
          "text": "ask the help desk" },
        { "name": "no-tests", "effect": "deny", "filter_attributes": ["userPassword"], "code": 53 },
        { "name": "no-secrets", "effect": "deny", "base": "ou=secret,dc=x" },
        { "name": "no-trees", "effect": "deny", "controls": ["subtree_delete"] },
        { "name": "no-service", "effect": "deny", "operations": "bind", "identity": { "within": "ou=services,dc=x" } },
    ]}));
    let refuses = |message: &[u8]| match judge(&rules, &client(), &Who::Anonymous, message).0 {
        Decision::Refuse { rule, .. } => rules.rule_name(rule).to_owned(),
        _ => String::new(),
    };
    let asking = |attributes| Search { attributes, ..Search::default() }.message();
    assert_eq!(refuses(&asking(vec![b"cn", b"2.5.4.35"])), "no-passwords");
    assert_eq!(refuses(&asking(vec![b"cn", b"userPassword;x"])), "no-passwords");
    assert_eq!(refuses(&asking(vec![b"cn", b"@person"])), "no-passwords", "what cannot be told is refused");
    assert_eq!(refuses(&asking(vec![b"cn"])), "");
    let no_names = list(json!({ "default": "allow", "rules": [
        { "name": "no-cn", "effect": "deny", "attributes": "cn" },
        { "name": "no-cn-tests", "effect": "deny", "filter_attributes": "cn" },
    ]}));
    for (selector, filter, expected) in [("name", "uid", false), ("uid", "2.5.4.41", false), ("sn", "sn", true)] {
        let search =
            Search { attributes: vec![selector.as_bytes()], filter: equality(filter, b"a"), ..Search::default() };
        assert_eq!(passes(&no_names, &Who::Anonymous, &search.message()), expected, "name asks for cn too");
    }
    let no_marks = list(json!({ "default": "allow", "rules": [
        { "name": "no-marks", "effect": "deny", "attributes": ["examMark", "userPassword"] },
        { "name": "no-mark-tests", "effect": "deny", "filter_attributes": ["1.3.6.1.4.1.99999.1"] },
    ]}));
    for (selector, filter, expected) in [
        ("1.3.6.1.4.1.99999.1", "uid", false),
        ("2.5.4.4", "uid", true),
        ("sn", "examMark", false),
        ("sn", "mail", true),
    ] {
        let search =
            Search { attributes: vec![selector.as_bytes()], filter: equality(filter, b"a"), ..Search::default() };
        assert_eq!(
            passes(&no_marks, &Who::Anonymous, &search.message()),
            expected,
            "a number may be any unknown name's"
        );
    }
    assert_eq!(refuses(&asking(vec![])), "no-passwords", "all attributes are asked for");
    assert_eq!(refuses(&asking(vec![b"1.1"])), "");
    let sorted = Search { controls: vec![("1.2.840.113556.1.4.473", sort_by(&["userPassword"]))], ..Search::default() };
    assert_eq!(refuses(&sorted.message()), "no-passwords");
    let tests = set(0xa1, &[equality("cn", b"a"), extensible(Some("2.5.13.17"), None, b"hunter2")]);
    assert_eq!(refuses(&Search { filter: tests, ..Search::default() }.message()), "no-tests");
    assert_eq!(refuses(&delete("cn=a,OU=secret,dc=x", &[("1.2.3", None)])), "no-secrets");
    assert_eq!(refuses(&modify_dn("cn=a,dc=x", "cn=b", false, Some("ou=secret,dc=x"))), "no-secrets");
    assert_eq!(refuses(&delete("<GUID=3f>", &[])), "no-secrets");
    assert_eq!(refuses(&delete("cn=a,dc=x", &[("1.2.840.113556.1.4.805", None)])), "no-trees");
    assert_eq!(refuses(&delete("cn=a,dc=x", &[("1.2.840.113556.1.4.0805", None)])), "no-trees");
    assert_eq!(refuses(&bind("cn=a,ou=people,dc=x", b"hunter2")), "", "a denial of searches is none of binds");
    assert_eq!(refuses(&bind("CN=a, OU=Services, DC=x", b"hunter2")), "no-service");
    let told = judge(&rules, &client(), &Who::Anonymous, &asking(vec![b"userPassword"])).0;
    let Decision::Refuse { code, text, .. } = told else { panic!("{told:?}") };
    assert_eq!((code.0, &*text), (53, "ask the help desk"));
}

#[test]
fn the_first_rule_decides_and_one_that_monitors_only_tells() {
    let rules = list(json!({ "rules": [
        { "name": "watch-deny", "effect": "deny", "code": "busy", "mode": "monitor" },
        { "name": "watch-allow", "mode": "monitor", "size_limit": 1 },
        { "name": "first", "size_limit": 10, "time_limit": 5, "aliases": true },
        { "name": "second", "effect": "deny" },
    ]}));
    let (decision, outcome) = judge(&rules, &client(), &Who::Anonymous, &Search::default().message());
    assert_eq!(decision, Decision::Allow { rule: Some(2) });
    assert_eq!((outcome.edit.size_limit, outcome.edit.time_limit), (Some(10), Some(5)));
    assert!(!outcome.edit.never_deref_aliases);
    let notes: Vec<_> = outcome.notes.iter().map(|note| (rules.rule_name(note.rule), note.code)).collect();
    assert_eq!(notes, [("watch-deny", Some(ResultCode::BUSY)), ("watch-allow", None)]);
    assert_eq!(rules.rules().collect::<Vec<_>>(), ["watch-deny", "watch-allow", "first", "second"]);
    assert_eq!(rules.rule_name(None), "default");
}
