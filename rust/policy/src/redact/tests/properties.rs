//! What holds for all entries.

use ostiary_ldap::attribute::AttributeDescription;
use ostiary_ldap::message::SearchResultEntry;
use proptest::prelude::*;

use super::*;

/// An element whose length has as many octets as `form` says, or as it needs.
fn element(tag: u8, form: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let needed = if content.len() < 0x80 { 0 } else { length.iter().skip_while(|octet| **octet == 0).count() };
    let octets = needed.max(form.into());
    let mut element = vec![tag];
    if octets == 0 {
        element.push(length[3]);
    } else {
        element.push(0x80 | u8::try_from(octets).unwrap());
        element.extend_from_slice(&length[4 - octets..]);
    }
    element.extend_from_slice(content);
    element
}

fn attribute(form: u8, name: &str, value: &[u8]) -> Vec<u8> {
    element(0x30, form, &[element(4, form, name.as_bytes()), element(0x31, form, &element(4, form, value))].concat())
}

prop_compose! {
    fn name()(
        base in prop::sample::select(vec![
            "cn", "CN", "2.5.4.3", "oid.2.5.4.3", "commonName", "sn", "name", "mail", "uid", "description", "mailx", "c",
            "member", "memberOf", "x y", "", "0.9.2342.19200300.100.1.3", "1.2.3.4", "rfc822Mailbox", "seeAlso",
        ]),
        options in prop::sample::select(vec!["", ";binary", ";lang-de;x-a", ";range=0-9", ";"]),
    ) -> String {
        format!("{base}{options}")
    }
}

fn is_hidden(name: &str) -> bool {
    let hidden = ["mail", "name", "distinguishedname"];
    AttributeDescription::parse(name.as_bytes()).map_or(true, |description| {
        let attribute_type = description.attribute_type();
        hidden.iter().any(|hidden| {
            let hidden = AttributeDescription::parse(hidden.as_bytes()).unwrap();
            attribute_type.is_kind_of(hidden.attribute_type())
        })
    })
}

proptest! {
    #[test]
    fn only_what_is_hidden_is_cut_and_the_rest_keeps_its_bytes_and_order(
        attributes in prop::collection::vec((name(), prop::collection::vec(any::<u8>(), 0..200)), 0..12),
        form in 0u8..5,
    ) {
        let attributes: Vec<_> =
            attributes.iter().map(|(name, value)| (name, attribute(form, name, value))).collect();
        let message = |list: &[u8], body_len: usize| {
            // Headers keep the form that the whole message needed.
            let width = |length: usize| if length < 0x80 { 0 } else if length < 0x100 { 1 } else { 2 };
            let list_form = form.max(width(body_len));
            let body = [element(4, form, b"cn=a,dc=x"), element(0x30, list_form, list)].concat();
            let full = element(4, form, b"cn=a,dc=x").len() + element(0x30, form, &vec![0; body_len]).len();
            let operation = element(0x64, form.max(width(full)), &body);
            let whole = 3 + element(0x64, form, &vec![0; full]).len();
            element(0x30, form.max(width(whole)), &[b"\x02\x01\x07", &operation[..]].concat())
        };
        let all: Vec<u8> = attributes.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        let left: Vec<u8> =
            attributes.iter().filter(|(name, _)| !is_hidden(name)).flat_map(|(_, bytes)| bytes.clone()).collect();
        let (before, expected) = (message(&all, all.len()), message(&left, all.len()));
        let redact = hiding(&["mail", "name", "distinguishedName"], &["ou=hr"]);
        let after = shown(&view(&redact), &before).unwrap();
        prop_assert_eq!(&after, &expected);
        let head = ResponseHead::peek(&before).unwrap().unwrap();
        let attributes_alone = hiding(&["mail", "name", "distinguishedName"], &[]);
        let mut known = LastNames::default();
        let shows = view(&attributes_alone).surely_shows(&head, &before, &mut known);
        prop_assert!(!shows || before == expected);
        // What is known of other entries, and learnt where other attributes are hidden, changes nothing.
        prop_assert_eq!(view(&attributes_alone).surely_shows(&head, &before, &mut known), shows);
        view(&hiding(&["x-none"], &[])).surely_shows(&head, &before, &mut known);
        prop_assert_eq!(view(&attributes_alone).surely_shows(&head, &before, &mut known), shows);
        let count = SearchResultEntry::parse(&after).unwrap().attributes.count();
        prop_assert_eq!(count, attributes.iter().filter(|(name, _)| !is_hidden(name)).count());
    }

    #[test]
    fn arbitrary_bodies_end_in_a_fate_or_an_error(
        tag in prop::sample::select(vec![0x61u8, 0x64, 0x65, 0x73, 0x67, 0x78, 0x79]),
        bytes in prop::collection::vec(prop::sample::select(vec![0u8, 1, 2, 4, 5, 0x0a, 0x30, 0x31, 0x64, 0xa0, 0xa3, b'c', b'=']), 0..40),
        body in 0u8..40,
    ) {
        let length = u8::try_from(bytes.len()).unwrap();
        let message = [&[0x30, length + 5, 2, 1, 1, tag, body.min(length)], &bytes[..]].concat();
        let redact = compile(serde_json::json!({
            "rules": [{ "name": "r", "attributes": ["c"], "hide": "c=c" }],
            "referrals": "rewrite", "root_dse": "rewrite", "referral_url": "ldap://x",
        })).unwrap();
        let attributes_alone = hiding(&["c"], &[]);
        if let Ok(Some(head)) = ResponseHead::peek(&message) {
            let mut out = Vec::new();
            for redact in [&redact, &attributes_alone] {
                if view(redact).surely_shows(&head, &message, &mut LastNames::default()) {
                    prop_assert_eq!(view(redact).response(&head, &message, &mut out), Ok(Fate::Untouched));
                }
            }
            let fate = view(&redact).response(&head, &message, &mut out);
            if let Ok(Fate::Rewritten { .. }) = fate {
                let head = ResponseHead::peek(&out).unwrap().unwrap();
                prop_assert_eq!(head.length, out.len());
            } else {
                prop_assert!(out.is_empty());
            }
        }
    }
}
