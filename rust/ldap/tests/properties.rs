//! Properties that hold for all input: nothing panics, splits do not matter, normal forms are fixed points.

use ostiary_ldap::attribute::AttributeDescription;
use ostiary_ldap::dn::Dn;
use ostiary_ldap::filter::{Filter, FilterLimits};
use ostiary_ldap::frame::Frame;
use ostiary_ldap::message::{Request, ResponseHead};
use ostiary_ldap::prepare::prepare;
use ostiary_ldap::result::{BindResponse, ExtendedResponse, LdapResult};
use ostiary_ldap::write;
use proptest::prelude::*;

/// Feeds `stream` in pieces and gives the frames that come out, up to the first fault.
fn frames(stream: &[u8], cuts: &[usize]) -> Vec<Result<Vec<u8>, String>> {
    let (mut buffer, mut fed, mut found) = (Vec::new(), 0, Vec::new());
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
    ends.push(stream.len());
    ends.sort_unstable();
    for end in ends {
        buffer.extend_from_slice(&stream[fed..end]);
        fed = end;
        loop {
            match Frame::peek(&buffer) {
                Ok(Some(frame)) if frame.length <= buffer.len() => {
                    found.push(Ok(buffer.drain(..frame.length).collect()));
                }
                Ok(_) => break,
                Err(error) => {
                    found.push(Err(error.to_string()));
                    return found;
                }
            }
        }
    }
    found
}

/// Every octet of `text` as two hex digits behind `prefix`.
fn hex_digits(text: &str, prefix: &str) -> String {
    text.bytes().fold(String::new(), |digits, octet| format!("{digits}{prefix}{octet:02x}"))
}

/// Octets that look like BER more often than chance would have it.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let telling = prop::sample::select(vec![
        0x30, 0x31, 0x02, 0x04, 0x0a, 0x01, 0x00, 0x05, 0x60, 0x63, 0x77, 0x80, 0x81, 0x82, 0x84, 0x87, 0xa0, 0xa1,
        0xa2, 0xa3, 0xa4, 0xa9, 0x64, 0x65, 0x78, 0xff,
    ]);
    prop::collection::vec(prop_oneof![telling, any::<u8>()], 0..120)
}

/// Text that looks like a DN more often than chance would have it.
fn dn_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zA-Z]{1,3} ?= ?",
        Just("2.5.4.3=".to_owned()),
        Just("OID.2.5.4.11=".to_owned()),
        "[a-zA-Z0-9 ]{0,6}",
        prop::sample::select(vec![
            ",", ";", "+", "\"", "#", "#0c0161", "\\2C", "\\,", "\\ ", "\\C4\\8D", " ", "=", "<", "\u{df}", "\u{308}",
            "\u{ff21}", "\u{3000}", "\u{ad}", "\u{1e9e}", "\u{130}",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,3}",
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

/// The text of a filter.
fn filter_text() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["cn", "2.5.4.3", "userPassword;x-a", "sn", "member"]);
    let value =
        prop::collection::vec(prop_oneof!["[a-z A-Z0-9=:&|!~<>]", "\\\\[0-9a-f]{2}", Just("\u{e9}".to_owned())], 1..5)
            .prop_map(|parts| parts.concat());
    let item = prop_oneof![
        (name.clone(), prop::sample::select(vec!["=", ">=", "<=", "~="]), value.clone())
            .prop_map(|(name, operator, value)| format!("({name}{operator}{value})")),
        name.clone().prop_map(|name| format!("({name}=*)")),
        (name.clone(), prop::collection::vec(value.clone(), 1..4))
            .prop_map(|(name, parts)| format!("({name}=*{}*)", parts.join("*"))),
        (name, any::<bool>(), value).prop_map(|(name, dn, value)| {
            format!("({name}{}:caseIgnoreMatch:={value})", if dn { ":dn" } else { "" })
        }),
    ];
    item.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            (prop::sample::select(vec!["&", "|"]), prop::collection::vec(inner.clone(), 0..4))
                .prop_map(|(set, members)| format!("({set}{})", members.concat())),
            inner.prop_map(|member| format!("(!{member})")),
        ]
    })
}

proptest! {
    #[test]
    fn any_split_of_a_stream_frames_alike(
        ids in prop::collection::vec(1..100_000_u32, 0..6),
        rest in octets(),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let mut stream = Vec::new();
        for id in ids {
            write::bind_request(&mut stream, id, b"cn=a", &vec![b'x'; id as usize % 300], &[]);
        }
        stream.extend_from_slice(&rest);
        prop_assert_eq!(frames(&stream, &cuts), frames(&stream, &[]));
    }

    #[test]
    fn arbitrary_octets_never_panic(octets in octets()) {
        let limits = FilterLimits { depth: 4, nodes: 20 };
        if let Ok(request) = Request::parse(&octets, &limits) {
            let again = Request::parse_again(&octets).map(|again| format!("{again:?}"));
            prop_assert_eq!(again, Ok(format!("{request:?}")));
            let _ = request.never_ends();
        }
        if let Ok(Some(head)) = ResponseHead::peek(&octets) {
            let _ = (head.body(&octets), head.controls(&octets).count());
        }
        let _ = (LdapResult::parse(&octets).is_ok(), BindResponse::parse(&octets).is_ok());
        let _ = ExtendedResponse::parse(&octets).is_ok();
        let _ = (Dn::from_bytes(&octets).is_ok(), AttributeDescription::parse(&octets).is_ok());
        let _ = Filter::from_ber(&octets, &limits).is_ok();
    }

    #[test]
    fn a_normalised_dn_is_a_fixed_point(text in dn_text()) {
        if let Ok(dn) = Dn::parse(&text) {
            let canonical = dn.to_string();
            let again = Dn::parse(&canonical);
            prop_assert_eq!(again.as_ref(), Ok(&dn), "{}", canonical);
            prop_assert_eq!(again.unwrap().to_string(), canonical);
            prop_assert!(dn.is_within(&dn) && dn.is_within(&Dn::default()));
            if let Some(parent) = dn.parent() {
                prop_assert!(dn.is_within(&parent) && !parent.is_within(&dn));
            }
        }
    }

    #[test]
    fn spellings_of_a_dn_are_equal(values in prop::collection::vec("[a-zA-Z0-9,+;=#\" \u{e9}\u{df}]{1,6}", 1..4)) {
        let hex = |value: &str| hex_digits(value, "\\");
        let quoted = |value: &str| format!("\"{}\"", value.replace('"', "\\\""));
        let ber = |value: &str| {
            format!("#0c{:02x}{}", value.len(), hex_digits(value, ""))
        };
        let spell = |name: &str, comma: &str, value: &dyn Fn(&str) -> String| {
            let rdns: Vec<_> = values.iter().map(|text| format!("{name}={}", value(text))).collect();
            Dn::parse(&rdns.join(comma)).unwrap()
        };
        let dn = spell("cn", ",", &hex);
        prop_assert_eq!(&dn, &spell("2.5.4.3", " ; ", &quoted));
        prop_assert_eq!(&dn, &spell("OID.2.5.4.3 ", ", ", &ber));
        prop_assert_eq!(&dn, &spell("CommonName", ",", &|value| hex(&value.to_lowercase())));
    }

    #[test]
    fn prepared_text_is_a_fixed_point(text in "\\PC{0,12}") {
        if let Ok(prepared) = prepare(&text) {
            prop_assert_eq!(prepare(&prepared), Ok(prepared));
        }
    }

    #[test]
    fn filters_survive_encoding_and_text(text in filter_text()) {
        let limits = FilterLimits::default();
        let filter = Filter::parse(&text, &limits).unwrap();
        prop_assert!(Filter::from_ber(&filter.to_ber(), &limits).as_ref() == Ok(&filter));
        let shown = filter.to_string();
        let again = Filter::parse(&shown, &limits).unwrap();
        prop_assert!(again == filter, "{}", shown);
        prop_assert_eq!(again.to_string(), shown);
    }
}
