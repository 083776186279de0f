//! Filters: text and encodings that are one tree, and those that are none.

use super::*;

const LIMITS: FilterLimits = FilterLimits { depth: 64, nodes: 4_096 };

fn parse(text: &str) -> Filter {
    Filter::parse(text, &LIMITS).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn text_and_encoding_lead_to_each_other() {
    for (text, canonical) in [
        ("(cn=Babs Jensen)", "(cn=Babs Jensen)"),
        ("(!(cn=Tim Howes))", "(!(cn=Tim Howes))"),
        ("(&(objectClass=Person)(|(sn=Jensen)(cn=Babs J*)))", "(&(objectclass=Person)(|(sn=Jensen)(cn=Babs J*)))"),
        ("(o=univ*of*mich*)", "(o=univ*of*mich*)"),
        ("(seeAlso=)", "(seealso=)"),
        ("(cn:caseExactMatch:=Fred)", "(cn:caseexactmatch:=Fred)"),
        ("(cn:=Betty)", "(cn:=Betty)"),
        ("(sn:dn:2.4.6.8.10:=Barney)", "(sn:dn:2.4.6.8.10:=Barney)"),
        ("(o:dn:=Ace Industry)", "(o:dn:=Ace Industry)"),
        ("(:1.2.3:=Wilma)", "(:1.2.3:=Wilma)"),
        ("(:DN:2.4.6.8.10:=Dino)", "(:dn:2.4.6.8.10:=Dino)"),
        ("(o=Parens R Us \\28for all\\29)", "(o=Parens R Us \\28for all\\29)"),
        ("(cn=*\\2A*)", "(cn=*\\2a*)"),
        ("(filename=C:\\5cMyFile)", "(filename=C:\\5cMyFile)"),
        ("(bin=\\00\\00\\00\\04)", "(bin=\\00\\00\\00\\04)"),
        ("(sn=Lu\\c4\\8di\\c4\\87)", "(sn=Lu\u{10d}i\u{107})"),
        ("(bin=\\ff\\c4)", "(bin=\\ff\\c4)"),
        ("(1.3.6.1.4.1.1466.0=\\04\\02\\48\\69)", "(1.3.6.1.4.1.1466.0=\\04\\02Hi)"),
        ("(&)", "(&)"),
        ("(|)", "(|)"),
        ("(!(&))", "(!(&))"),
        ("(2.5.4.3=a)", "(cn=a)"),
        ("(userPassword;lang-DE=*)", "(userpassword;lang-de=*)"),
        (" ( & ( a>=1 ) (b<=2) (c~=3) ) ", "(&(a>=1 )(b<=2)(c~=3))"),
        ("(cn=*a**b*)", "(cn=*a*b*)"),
        ("(cn=*a)", "(cn=*a)"),
        ("(a=b=c)", "(a=b=c)"),
    ] {
        let filter = parse(text);
        assert_eq!(filter.to_string(), canonical);
        assert!(filter == parse(canonical));
        assert!(Filter::from_ber(&filter.to_ber(), &LIMITS) == Ok(filter), "{text}");
    }
}

#[test]
fn rejects_text_that_is_no_filter() {
    for text in [
        "",
        " ",
        "cn=a",
        "(",
        "()",
        "(cn)",
        "(cn=a",
        "(cn=a))",
        "(cn=a)(cn=b)",
        "(=a)",
        "(cn=(a)",
        "(cn=a\\)",
        "(cn=a\\4)",
        "(cn=a\\zz)",
        "(cn=\0)",
        "(cn=**)",
        "(cn>=a*)",
        "(cn:=a*)",
        "(!)",
        "(!(a=b)(c=d))",
        "(&(a=b)",
        "(&a=b)",
        "(*=a)",
        "(c n=a)",
        "(:=a)",
        "(:dn:=a)",
        "(cn:dn:rule:more:=a)",
        "(cn::=a)",
        "(cn;=a)",
    ] {
        assert!(Filter::parse(text, &LIMITS).is_err(), "{text:?}");
    }
}

#[test]
fn depth_and_nodes_are_limited_alike_in_text_and_encoding() {
    let nested = |depth: usize| format!("{}(a=b){}", "(!".repeat(depth - 1), ")".repeat(depth - 1));
    let wide = |nodes: usize| format!("(|{})", "(a=b)".repeat(nodes - 1));
    let lax = FilterLimits { depth: 100_000, nodes: 100_000 };
    let both = |text: &str, limits: &FilterLimits| {
        let encoded = Filter::parse(text, &lax).unwrap().to_ber();
        let result = Filter::parse(text, limits).err();
        assert_eq!(Filter::from_ber(&encoded, limits).err(), result);
        result
    };
    assert_eq!(both(&nested(64), &LIMITS), None);
    assert_eq!(both(&nested(65), &LIMITS), Some(FilterError::TooDeep));
    assert_eq!(both(&wide(4_096), &LIMITS), None);
    assert_eq!(both(&wide(4_097), &LIMITS), Some(FilterError::TooWide));
    let shallow = FilterLimits { depth: 1, nodes: 4 };
    assert_eq!(both("(a=b)", &shallow), None);
    assert_eq!(both("(&)", &shallow), None);
    assert_eq!(both("(!(a=b))", &shallow), Some(FilterError::TooDeep));
    assert_eq!(both("(a=b*c*d)", &shallow), None);
    assert_eq!(both("(a=b*c*d*e)", &shallow), Some(FilterError::TooWide));
}

#[test]
fn nesting_without_bound_costs_no_stack() {
    let lax = FilterLimits { depth: usize::MAX, nodes: usize::MAX };
    let text = format!("{}(a=b){}", "(!".repeat(200_000), ")".repeat(200_000));
    let filter = Filter::parse(&text, &lax).unwrap();
    assert!(Filter::from_ber(&filter.to_ber(), &lax) == Ok(filter.clone()));
    assert_eq!(filter.to_string(), text);
    assert_eq!(format!("{filter:?}").len(), text.len());
}

#[test]
fn trees_are_walked_set_by_set() {
    let filter = parse("(&(a=1)(|(b=2)(!(c=3)))(d=4))");
    let View::And(members) = filter.root().view() else { panic!("an and") };
    let members: Vec<_> = members.collect();
    assert_eq!(members.len(), 3);
    let View::Or(mut inner) = members[1].view() else { panic!("an or") };
    assert!(matches!(inner.next().unwrap().view(), View::Item(Item::Equality(_))));
    let View::Not(last) = inner.next().unwrap().view() else { panic!("a not") };
    let View::Item(item) = last.view() else { panic!("an item") };
    assert_eq!(item.to_string(), "(c=3)");
    assert!(inner.next().is_none());
    let names: Vec<_> = filter.items().map(|item| item.attribute().unwrap().to_string()).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
}

#[test]
fn debug_shows_the_shape_and_no_value() {
    let filter = parse("(&(userPassword=secret)(cn=se*cr*et)(cn:dn:=secret)(sn=*))");
    assert_eq!(format!("{filter:?}"), "(&(userpassword=?)(cn=?*?*?)(cn:dn:=?)(sn=*))");
}

#[test]
fn encodings_that_cannot_be_normalised_are_errors() {
    let error = |encoded: &[u8]| Filter::from_ber(encoded, &LIMITS).unwrap_err();
    assert_eq!(error(b"\xa4\x09\x04\x01a\x30\x04\x80\x00\x81\x00"), FilterError::EmptySubstring);
    assert!(matches!(error(b"\x87\x03a)b"), FilterError::Attribute { .. }));
    assert!(matches!(error(b"\x87\x01a\x00"), FilterError::Malformed(_)));
    assert!(matches!(error(b"\xa9\x08\x81\x03a b\x83\x01c"), FilterError::Attribute { .. }));
}
