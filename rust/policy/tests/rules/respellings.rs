//! Ways around an allow-list: every other spelling of what it refuses is refused, and of what it allows is allowed or
//! refused, never mistaken for something else.

use ostiary_ldap::message::{ChangeKind, Scope};
use ostiary_policy::{AllowList, Who};
use serde_json::json;

use crate::stage::{
    Search, add, assertion, bind, compare, delete, equality, extended, extensible, initial, list, modify, modify_dn,
    passes, password_modify, present, sasl, selection, set, sort_by, who,
};

/// People may be looked up by uid, below `ou=people`, and changed a little.
fn address_book() -> AllowList {
    list(json!({ "rules": [
        { "name": "look-up", "identity": "cn=wiki,dc=corp", "operations": ["bind", "search"],
          "base": "ou=people,dc=corp", "scope": ["one", "sub"], "filter": "(&(objectClass=person)(uid=?))",
          "attributes": ["uid", "cn", "mail"] },
        { "name": "write", "identity": "cn=wiki,dc=corp", "base": "ou=people,dc=corp",
          "operations": ["compare", "add", "modify", "modify_dn"], "attributes": ["cn", "mail"] },
    ]}))
}

fn refused(message: &[u8]) -> bool {
    !passes(&address_book(), &who("cn=wiki,dc=corp"), message)
}

fn look_up() -> Search<'static> {
    Search { base: b"ou=people,dc=corp", ..Search::default() }
}

#[test]
fn what_is_allowed_is_allowed_in_every_spelling_that_means_the_same() {
    for base in [
        "ou=people,dc=corp",
        "OU=People, DC=Corp",
        "2.5.4.11=people,0.9.2342.19200300.100.1.25=corp",
        "OID.2.5.4.11=people;dc=corp",
        "ou=\\70eople,dc=corp",
        "ou=#0c0670656f706c65,dc=corp",
        "ou=\"people\",dc=corp",
        "uid=x+cn=y,ou=people,dc=corp",
    ] {
        assert!(!refused(&Search { base: base.as_bytes(), ..look_up() }.message()), "{base}");
    }
    for attributes in
        [vec![&b"UID"[..], b"2.5.4.3"], vec![b"cn;lang-de"], vec![b"rfc822Mailbox", b"userid"], vec![b"1.1"]]
    {
        assert!(!refused(&Search { attributes, ..look_up() }.message()));
    }
    let filter = set(0xa0, &[equality("USERID", b"x"), equality("2.5.4.0", b" Person ")]);
    assert!(!refused(&Search { filter, ..look_up() }.message()));
}

#[test]
fn other_targets_are_refused_however_they_are_spelt() {
    for base in [
        // T31 and T32: what ends alike, what contains it, what is above it, and what only some servers read.
        "",
        "dc=corp",
        "ou=xpeople,dc=corp",
        "ou=people",
        "ou=people,dc=corp,dc=example",
        "ou=people+cn=x,dc=corp",
        "cn=a\\,ou\\=people\\,dc\\=corp",
        "cn=\"a,ou=people,dc=corp\"",
        "ou=people\\,dc=corp",
        "cn=x,ou=peop\\6ce2,dc=corp",
        "cn=#0c1161,ou=people,dc=corp",
        "ou=people,dc=corp\0",
        "ou=people,,dc=corp",
        "ou=people,dc=corp,",
        "ou=pe\u{200b}ople,dc=corp",
        "ou=p\u{435}ople,dc=corp",
        "ou=people\u{ad},dc=corp",
        "<GUID=0102030405060708090a0b0c0d0e0f10>",
        "<SID=S-1-5-21-1-2-3-500>",
        "<WKGUID=a9d1ca15768811d1aded00c04fd8d5cd,dc=corp>",
        "cn=x,<GUID=01>,ou=people,dc=corp",
        "corp.example/people",
        "people@corp",
    ] {
        assert!(refused(&Search { base: base.as_bytes(), ..look_up() }.message()), "{base}");
    }
    for base in [&b"ou=people\xff,dc=corp"[..], b"cn=\xc0\xaf,ou=people,dc=corp"] {
        assert!(refused(&Search { base, ..look_up() }.message()));
    }
    for scope in [Scope::BaseObject, Scope::SubordinateSubtree] {
        assert!(refused(&Search { scope, ..look_up() }.message()));
    }
}

#[test]
fn other_attributes_are_refused_however_they_are_spelt() {
    // T33: identifiers, options, supertypes, stars, object classes, and the empty list.
    for selector in [
        "userPassword",
        "USERPASSWORD",
        "2.5.4.35",
        "OID.2.5.4.35",
        "oid.2.5.4.35",
        "userPassword;lang-en",
        "2.5.4.35;binary",
        "userPassword;binary;x-a",
        "name",
        "2.5.4.41",
        "*",
        "+",
        "@person",
        "@extensibleObject",
        "member;range=0-1499",
        "unicodePwd",
        "1.2.840.113556.1.4.90",
        "c*",
        "cn ",
        " cn",
        "cn;",
        "cn,userPassword",
        "cn\0",
        "2.5.4.03",
        "1.1.1",
        "",
        "**",
        "cn;;x",
        "ntSecurityDescriptor",
        "dBCSPwd",
    ] {
        for attributes in
            [vec![selector.as_bytes()], vec![b"cn", selector.as_bytes()], vec![b"1.1", selector.as_bytes()]]
        {
            assert!(refused(&Search { attributes, ..look_up() }.message()), "{selector}");
        }
        let sort = Search { controls: vec![("1.2.840.113556.1.4.473", sort_by(&[selector]))], ..look_up() };
        assert!(refused(&sort.message()), "{selector}");
        if selector.is_empty() {
            continue; // The grammar has no empty attribute description: such a request is no request.
        }
        assert!(refused(&compare("uid=a,ou=people,dc=corp", selector)), "{selector}");
        assert!(refused(&add("cn=a,ou=people,dc=corp", &["cn", selector])), "{selector}");
        let changes = [(ChangeKind::Replace, "cn"), (ChangeKind::Delete, selector)];
        assert!(refused(&modify("uid=a,ou=people,dc=corp", &changes, &[])), "{selector}");
    }
    assert!(refused(&Search { attributes: vec![], ..look_up() }.message()));
}

#[test]
fn other_filters_are_refused_however_they_are_spelt() {
    let person = || equality("objectClass", b"person");
    let uid = || equality("uid", b"alice");
    // T34: more branches, fewer, others, other operators, other nesting, and what only a server can tell.
    for (number, filter) in [
        person(),
        uid(),
        present("objectClass"),
        set(0xa0, &[]),
        set(0xa0, &[person()]),
        set(0xa0, &[person(), uid(), uid()]),
        set(0xa0, &[person(), uid(), equality("userPassword", b"hunter2")]),
        set(0xa0, &[person(), uid(), initial("2.5.4.35", b"h")]),
        set(0xa0, &[person(), present("uid")]),
        set(0xa0, &[person(), initial("uid", b"a")]),
        set(0xa0, &[person(), assertion(0xa5, "uid", b"a")]),
        set(0xa0, &[person(), assertion(0xa6, "uid", b"a")]),
        set(0xa0, &[person(), assertion(0xa8, "uid", b"a")]),
        set(0xa0, &[person(), set(0xa2, &[uid()])]),
        set(0xa0, &[person(), set(0xa0, &[uid()])]),
        set(0xa0, &[set(0xa0, &[person(), uid()])]),
        set(0xa1, &[person(), uid()]),
        set(0xa1, &[set(0xa0, &[person(), uid()]), present("uid")]),
        set(0xa2, &[set(0xa0, &[person(), uid()])]),
        set(0xa0, &[equality("objectClass", b"top"), uid()]),
        set(0xa0, &[equality("objectClass", b"per\xe2\x80\x8bson"), uid()]),
        set(0xa0, &[equality("objectClass", b"person\x00"), uid()]),
        set(0xa0, &[equality("objectClass", b"2.5.6.6"), uid()]),
        set(0xa0, &[person(), equality("uid;x-a", b"alice")]),
        set(0xa0, &[person(), equality("name", b"alice")]),
        set(0xa0, &[person(), equality("u id", b"alice")]),
        set(0xa0, &[person(), extensible(None, Some("uid"), b"alice")]),
        set(0xa0, &[person(), extensible(Some("2.5.13.2"), None, b"alice")]),
        set(0xa0, &[person(), extensible(Some("1.2.840.113556.1.4.803"), Some("uid"), b"1")]),
    ]
    .into_iter()
    .enumerate()
    {
        assert!(refused(&Search { filter, ..look_up() }.message()), "{number}");
    }
}

#[test]
fn controls_other_operations_and_other_identities_are_refused() {
    let allowed = "uid=a,ou=people,dc=corp";
    let change = [(ChangeKind::Replace, "mail")];
    // T34 and T36.
    for (oid, value) in [
        ("1.3.6.1.1.13.1", selection(&["userPassword"])),
        ("1.3.6.1.1.13.2", selection(&["*"])),
        ("1.3.6.1.1.13.2", selection(&["cn"])),
        ("1.3.6.1.1.12", Some(equality("userPassword", b"hunter2"))),
        ("2.16.840.1.113730.3.4.18", Some(b"dn:cn=admin".to_vec())),
        ("1.2.840.113556.1.4.805", None),
        ("1.2.840.113556.1.4.0805", None),
        ("1.3.6.1.4.1.4203.666.5.12", None),
        ("1.2.840.113556.1.4.1340", Some(b"\x30\x03\x02\x01\x02".to_vec())),
    ] {
        assert!(refused(&modify(allowed, &change, &[(oid, value.clone())])), "{oid}");
        assert!(refused(&delete(allowed, &[(oid, value.clone())])), "{oid}");
        assert!(refused(&Search { controls: vec![(oid, value)], ..look_up() }.message()), "{oid}");
    }
    assert!(!refused(&modify(allowed, &change, &[])));
    for message in [
        delete(allowed, &[]),
        modify_dn(allowed, "cn=a", true, Some("dc=corp")),
        modify_dn(allowed, "cn=a", false, Some("ou=xpeople,dc=corp")),
        modify_dn("cn=admin,dc=corp", "cn=a", false, Some("ou=people,dc=corp")),
        modify_dn(allowed, "uid=root", false, None),
        modify_dn(allowed, "cn=a,ou=x", false, None),
        modify_dn(allowed, "cn=a\\", false, None),
        password_modify(Some(allowed)),
        password_modify(None),
        extended("1.3.6.1.4.1.4203.1.11.1", None),
        extended("1.3.6.1.4.1.4203.1.11.01", None),
        extended("1.2.840.113556.1.4.1781", None),
        extended("1.3.6.1.1.21.1", None),
        bind("", b""),
        bind("cn=wiki,dc=corp", b""),
        bind("cn=admin,dc=corp", b"hunter2"),
        bind("cn=wiki", b"hunter2"),
        bind("wiki@corp", b"hunter2"),
        bind("CORP\\wiki", b"hunter2"),
        bind("cn=wi\u{200b}ki,dc=corp", b"hunter2"),
        bind("<GUID=01>", b"hunter2"),
        sasl("PLAIN"),
        sasl("EXTERNAL"),
        sasl("ANONYMOUS"),
    ] {
        assert!(refused(&message));
    }
    for other in
        [Who::Anonymous, Who::Unnamed, Who::Unreadable, who("cn=wiki"), who("cn=wiki,dc=corp,dc=x"), who("wiki@corp")]
    {
        assert!(!passes(&address_book(), &other, &look_up().message()), "{other:?}");
    }
}
