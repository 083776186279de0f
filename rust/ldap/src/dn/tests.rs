//! DNs: spellings that are one name, names that are not, and text that is none.

use super::*;

fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn spellings_of_one_name_are_equal() {
    for (one, other) in [
        ("cn=a,dc=example", "CN=A, DC=Example"),
        ("cn=a,dc=example", "cn = a ; dc = example"),
        ("CN=a\\2C b", "cn=a\\, b"),
        ("CN=a\\2C b", "cn=\"a, b\""),
        ("2.5.4.3=a", "cn=a"),
        ("OID.2.5.4.3=a", "commonName=a"),
        ("cn=#0C0161", "cn=a"),
        ("cn=#0c0161", "cn=a"),
        ("cn=#13810161", "cn=A"),
        ("cn=#1e020061", "cn=a"),
        ("cn=#1c0400000061", "cn=a"),
        ("cn=#04024869", "cn=hi"),
        ("cn=a+sn=b,dc=c", "SN=B + CN=A,DC=C"),
        ("cn=a   b", "cn= a b "),
        ("cn=\\20a\\20", "cn=a"),
        ("cn=\\ a\\ ", "cn=a"),
        ("cn=Lu\\C4\\8Di\\C4\\87", "cn=lu\u{10d}i\u{107}"),
        ("cn=a\\=b", "cn=a=b"),
        ("cn=\"say \\\"hi\\\"\"", "cn=say \\22hi\\22"),
        ("cn=stra\u{df}e", "cn=STRASSE"),
        ("cn=", "cn=\\20"),
        ("cn=,dc=a", "cn=\"\",dc=a"),
        ("street=a", "streetAddress=a"),
    ] {
        assert_eq!(dn(one), dn(other), "{one} | {other}");
        assert_eq!(dn(&dn(one).to_string()), dn(one), "{one}");
    }
}

#[test]
fn different_names_differ() {
    for (one, other) in [
        ("cn=a", "sn=a"),
        ("cn=a", "cn=a b"),
        ("cn=ab", "cn=a b"),
        ("cn=a,dc=b", "cn=a+dc=b"),
        ("cn=a\\,dc=b", "cn=a,dc=b"),
        ("cn=\\#0c0161", "cn=#0c0161"),
        ("cn=#0500", "cn="),
        ("", "cn="),
        ("cn=a", "cn=\u{430}"),
    ] {
        assert_ne!(dn(one), dn(other), "{one} | {other}");
    }
}

#[test]
fn text_is_canonical() {
    for (text, canonical) in [
        ("", ""),
        ("CN=Smith\\2c John + OU=X ;DC=Example", "cn=smith\\, john+ou=x,dc=example"),
        ("cn=\\#a", "cn=\\#a"),
        ("cn=a#", "cn=a#"),
        ("cn=#0500", "cn=#0500"),
        ("cn=#05810100", "cn=#050100"),
        ("cn=\\<\\>\\;\\\\", "cn=\\<\\>\\;\\\\"),
    ] {
        assert_eq!(dn(text).to_string(), canonical);
    }
}

#[test]
fn subtrees_are_told_by_rdn() {
    let apps = dn("ou=apps,dc=example");
    assert!(dn("OU=Apps,DC=Example").is_within(&apps));
    assert!(dn("cn=a,ou=apps,dc=example").is_within(&apps));
    assert!(!dn("ou=xapps,dc=example").is_within(&apps));
    assert!(!dn("cn=x\\,ou=apps,dc=example").is_within(&apps));
    assert!(!dn("dc=example").is_within(&apps));
    assert!(apps.is_within(&Dn::default()));
    assert!(!Dn::default().is_within(&apps));
    assert_eq!(apps.parent(), Some(dn("dc=example")));
    assert_eq!(dn("dc=example").parent(), Some(Dn::default()));
    assert_eq!(Dn::default().parent(), None);
}

#[test]
fn refuses_text_that_is_no_dn() {
    for text in [
        " ",
        ",",
        "a",
        "cn",
        "=a",
        "cn=a,",
        "cn=a,,dc=b",
        "cn=a+",
        "cn=a;",
        "cn=a\"b",
        "cn=\"a",
        "cn=\"a\"b",
        "cn=a<b",
        "cn=a>b",
        "cn=a\0",
        "cn=a\\",
        "cn=a\\x",
        "cn=a\\4",
        "cn=#",
        "cn=#0",
        "cn=#0c0161x",
        "cn=#0c0261",
        "cn=#0c8061",
        "cn=#0c016162",
        "cn=#1e0161",
        "cn=#1c0400110000",
        "c n=a",
        "cn;lang-de=a",
        "2.5.04.3=a",
        "<GUID=00>",
        "<WKGUID=ab,dc=example>",
        "DOMAIN\\user",
        "user@example.com",
    ] {
        assert!(Dn::parse(text).is_err(), "{text}");
    }
}

#[test]
fn refuses_values_that_servers_do_not_compare_alike() {
    for text in ["cn=a\u{ad}", "cn=a\\00", "cn=\\C2\\AD", "cn=#0c02c2ad", "cn=\u{1f600}", "cn=\u{e000}"] {
        assert!(matches!(Dn::parse(text), Err(DnError::Value { offset: 3, .. })), "{text}");
    }
    assert_eq!(Dn::parse("cn=\\ff"), Err(DnError::NotUtf8 { offset: 3 }));
    assert_eq!(Dn::from_bytes(b"cn=\xff"), Err(DnError::NotUtf8 { offset: 3 }));
}

#[test]
fn errors_say_what_and_where() {
    let text = |dn: &str| Dn::parse(dn).unwrap_err().to_string();
    assert_eq!(text("cn=a,b"), "attribute type and = expected (offset 5)");
    assert_eq!(text("cn=a,*=b"), "not an attribute type (offset 5)");
    assert_eq!(text("cn=a\\zz"), "special character or two hex digits expected (offset 5)");
    assert_eq!(text("cn=\u{ad}"), "character that is ignored in comparisons: U+00AD (offset 3)");
}
