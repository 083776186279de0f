//! Whatever clients send, a record is one line, whole, valid, and of bounded size, and nobody can write into it.

mod making;

use std::collections::HashMap;

use making::{FORMATS, audit, client, filter, made, plain_client, record, search, spec};
use ostiary_ldap::message::{ChangeKind, Control, FilterLimits, Request, RequestKind};
use ostiary_ldap::result::ResultCode;
use ostiary_ldap::write::{self, NewChange};
use ostiary_ledger::audit::{
    Audit, AuditSpec, ClientFields, ConnectionEnd, ConnectionEvent, Decided, End, Format, RECORD, SyslogSpec,
};
use ostiary_policy::{Mode, Verdict};
use proptest::prelude::*;
use serde_json::Value;

/// The values of a CEF extension by key, read as the specification says: a key is a word before an equals sign without
/// a backslash before it.
fn extension(record: &str) -> HashMap<String, String> {
    let mut header = record.splitn(8, '|');
    let extension = header.nth(7).unwrap().trim_end_matches('\n');
    let mut equals = Vec::new();
    let mut is_escaped = false;
    for (place, character) in extension.char_indices() {
        match character {
            '=' if !is_escaped => equals.push(place),
            _ => {}
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    let starts: Vec<_> =
        equals.iter().map(|place| extension[..*place].rfind(' ').map_or(0, |space| space + 1)).collect();
    let ends = starts.iter().skip(1).map(|start| start - 1).chain([extension.len()]);
    let pairs = starts.iter().zip(&equals).zip(ends);
    pairs.map(|((start, equal), end)| (extension[*start..*equal].into(), extension[equal + 1..end].into())).collect()
}

/// A JSON object whose keys are all different.
fn object(record: &str) -> HashMap<String, Value> {
    let Value::Object(object) = serde_json::from_str(record).unwrap_or_else(|error| panic!("{error}: {record}")) else {
        panic!("{record}")
    };
    // Doubled keys would be fewer in the object than in the text that it is written as again.
    assert_eq!(
        serde_json::to_string(&object).unwrap().matches("\":").count(),
        record.matches("\":").count(),
        "{record}"
    );
    object.into_iter().collect()
}

#[test]
fn nothing_that_is_sent_becomes_a_field_of_its_own() {
    let hostile: &[&[u8]] = &[
        b"\",\"identity\":\"cn=admin\",\"x\":\"",
        b"\\\",\"identity\":\"cn=admin",
        b"cn=a suser=cn=admin outcome=success",
        b"cn=a\\ suser=cn=admin",
        b"cn=a\\= suser=cn=admin",
        b"|suser=cn=admin|9|",
        b"\n<86>1 2026-01-01T00:00:00Z host ostiary - operation - {\"identity\":\"cn=admin\"}\n",
        b"\r\nCEF:0|Ostiary|ostiary|1|bind|LDAP bind|1|suser=cn=admin",
        b"\x1b[2J\x00\x07\x7f",
        b"\xff\xfe\xc3\x28\xed\xa0\x80",
        "\u{2028}\u{202e}\u{9b}31m\u{feff}".as_bytes(),
    ];
    for octets in hostile {
        let change = NewChange { operation: ChangeKind::Add, description: octets, values: &[b"x"] };
        for message in [
            search(octets, &assertion(octets, octets), &[octets, octets], &[]),
            made(|out| write::bind_request(out, 3, octets, b"x", &[])),
            made(|out| write::sasl_bind_request(out, 3, octets, None)),
            made(|out| write::modify_request(out, 3, octets, &[change], &[])),
            made(|out| write::modify_dn_request(out, 3, octets, octets, true, Some(octets))),
            made(|out| write::compare_request(out, 3, octets, octets, octets)),
        ] {
            for format in FORMATS {
                let text = record(&mut audit(format), &plain_client(), &message, &End::default());
                assert_eq!(text.matches('\n').count(), 1, "{text}");
                assert!(text.trim_end().chars().all(|character| !character.is_control()), "{text}");
                if format == Format::Cef {
                    let fields = extension(&text);
                    assert!(!fields.contains_key("suser") && fields["outcome"] == "unknown", "{text}");
                } else {
                    let fields = object(&text);
                    assert!(!fields.contains_key("identity") && !fields.contains_key("user.name"), "{text}");
                    assert!(!fields.contains_key("x"));
                }
            }
        }
    }
}

#[test]
fn what_is_sent_can_be_read_again() {
    let base = "cn=\u{e4}\u{1f511}\"\\\t|x,dc=a".as_bytes();
    let message = search(base, &filter("(cn=a)"), &[b"a\"b", b"\xff"], &[]);
    let fields = object(&record(&mut audit(Format::Json), &plain_client(), &message, &End::default()));
    assert_eq!(fields["base"], "cn=\u{e4}\u{1f511}\"\\\t|x,dc=a");
    assert_eq!(fields["attributes"], serde_json::json!(["a\"b", "\\ff"]));
    let fields = extension(&record(&mut audit(Format::Cef), &plain_client(), &message, &End::default()));
    assert_eq!(fields["ldapBase"], "cn\\=\u{e4}\u{1f511}\"\\\\\\\\09|x,dc\\=a");
}

#[test]
fn long_values_are_cut_and_say_so() {
    let long = [b'a'; 10_000];
    let long_filter = format!("(|{})", "(cn=x)".repeat(1_000));
    let names: Vec<&[u8]> = (0..1_000).map(|_| b"name".as_slice()).collect();
    let controls = vec![Control { control_type: b"1.2.3", criticality: false, value: None }; 1_000];
    let changes = vec![NewChange { operation: ChangeKind::Replace, description: b"mail", values: &[] }; 1_000];
    for (message, cut) in [
        (search(&long, &filter("(cn=a)"), &[b"cn"], &[]), "base"),
        (search(b"", &filter(&long_filter), &[b"cn"], &[]), "filter"),
        (search(b"", &filter("(cn=a)"), &names, &[]), "attributes"),
        (search(b"", &filter("(cn=a)"), &[], &controls), "controls"),
        (made(|out| write::modify_request(out, 3, b"", &changes, &[])), "changes"),
        (made(|out| write::modify_dn_request(out, 3, b"", &long, true, Some(b"dc=a"))), "new_dn"),
        (made(|out| write::bind_request(out, 3, &long, b"x", &[])), "identity_asked"),
        (made(|out| write::sasl_bind_request(out, 3, &long, None)), "mechanism"),
    ] {
        let fields = object(&record(&mut audit(Format::Json), &plain_client(), &message, &End::default()));
        assert_eq!(fields["truncated"], true);
        let end = match &fields[cut] {
            Value::Array(items) => items.last().unwrap().as_str().unwrap(),
            other => other.as_str().unwrap(),
        };
        assert!(end.ends_with("..."), "{cut}: {end}");
        let others = fields.iter().filter(|(key, _)| *key != cut);
        assert!(others.into_iter().all(|(_, value)| !value.to_string().contains("...")), "{fields:?}");
    }
    let short = search(b"", &filter("(cn=a)"), &[b"cn"], &[]);
    let fields = object(&record(&mut audit(Format::Json), &plain_client(), &short, &End::default()));
    assert!(!fields.contains_key("truncated"));
}

#[test]
fn a_long_name_hides_no_other_field() {
    // Whoever asks with a long base must not be able to keep the rest out of the record.
    let message = search(&[b'"'; 9_000], &filter("(uid=alice)"), &[b"userPassword"], &[]);
    let long = "x".repeat(9_000);
    let client = ClientFields { certificate: Some(&long), identity: Some("cn=al"), ..client() };
    for format in FORMATS {
        let text = record(&mut audit(format), &client, &message, &End::default());
        for shown in ["uid", "userPassword", "al", "message"] {
            assert!(text.contains(shown), "{shown}: {text}");
        }
    }
}

#[test]
fn what_waits_is_bounded_and_what_is_lost_is_counted() {
    let mut audit = Audit::compile(&AuditSpec { buffer_bytes: 10_000, ..spec(Format::Json) }).unwrap();
    let message = search(&[b'a'; 700], &filter("(cn=a)"), &[], &[]);
    let request = Request::parse(&message, &FilterLimits::default()).unwrap();
    let (client, request) = (audit.client(&client()), audit.request(&request));
    for _ in 0..3 {
        for _ in 0..100 {
            audit.finished(1.0, &client, &request, &End::default());
        }
        let (octets, records) = audit.drain();
        assert!(octets.len() <= 10_000 && records > 5);
        assert_eq!(octets.split(|octet| *octet == b'\n').count() as u64 - 1, records);
        assert_eq!(octets.last(), Some(&b'\n'));
        assert_eq!((records + audit.take_lost(), audit.take_lost()), (100, 0));
    }
}

#[test]
fn deep_and_broken_filters_are_written() {
    let mut deep = filter("(cn=a)");
    for _ in 0..9_000 {
        deep = made(|out| negated(out, &deep));
    }
    let message = search(b"", &deep, &[], &[]);
    let fields = object(&record(&mut audit(Format::Json), &plain_client(), &message, &End::default()));
    assert!(fields["filter"].as_str().unwrap().starts_with("(!(!(!"));
    // An empty substring, and an attribute that no tree could have.
    let odd = b"\xa4\x0d\x04\x03a b\x30\x06\x81\x00\x81\x00\x82\x00";
    let fields =
        object(&record(&mut audit(Format::Json), &plain_client(), &search(b"", odd, &[], &[]), &End::default()));
    assert_eq!(fields["filter"], "(a b=*?*?*?)");
}

/// `not [2] Filter`
fn negated(out: &mut Vec<u8>, filter: &[u8]) {
    out.extend_from_slice(&[0xa2, 0x84]);
    out.extend_from_slice(&u32::try_from(filter.len()).unwrap().to_be_bytes());
    out.extend_from_slice(filter);
}

fn octets() -> impl Strategy<Value = Vec<u8>> {
    let hostile = prop::collection::vec(prop::sample::select(b"\"\\=\n\x00\xff\xe2|, a".to_vec()), 0..3_000);
    let text = "\\PC{0,2000}".prop_map(String::into_bytes);
    let long = (any::<u8>(), 0..9_000_usize).prop_map(|(octet, length)| vec![octet; length]);
    prop_oneof![hostile, text, long, prop::collection::vec(any::<u8>(), 1..40)]
}

fn text() -> impl Strategy<Value = String> {
    octets().prop_map(|octets| String::from_utf8_lossy(&octets).into_owned())
}

fn some(octets: &[u8]) -> &[u8] {
    if octets.is_empty() { b"a" } else { octets }
}

fn requests(one: &[u8], other: &[u8], many: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let (one, other) = (some(one), some(other));
    let names: Vec<&[u8]> = many.iter().map(|name| some(name)).collect();
    let changes: Vec<_> = names
        .iter()
        .map(|name| NewChange { operation: ChangeKind::Increment, description: name, values: &[] })
        .collect();
    let attributes = names.iter().map(|name| (*name, [other]));
    let controls =
        vec![Control { control_type: b"1.2.840.113556.1.4.319", criticality: true, value: None }; many.len() % 200];
    let mut messages = vec![
        made(|out| write::bind_request(out, 3, one, other, &controls)),
        made(|out| write::sasl_bind_request(out, 3, one, Some(other))),
        made(|out| write::modify_request(out, 3, one, &changes, &controls)),
        made(|out| write::delete_request(out, 3, one, &controls)),
        made(|out| write::modify_dn_request(out, 3, one, other, true, Some(one))),
        made(|out| write::compare_request(out, 3, one, other, one)),
        made(|out| write::extended_request(out, 3, b"1.3.6.1.4.1.4203.1.11.1", Some(other), &controls)),
        search(one, &filter("(&(cn=a)(!(uid=b*)))"), &names, &controls),
        search(one, &assertion(one, other), &names, &controls),
    ];
    if !names.is_empty() {
        messages.push(made(|out| write::add_request(out, 3, one, attributes, &controls)));
    }
    messages
}

/// `equalityMatch [3] AttributeValueAssertion`
fn assertion(attribute: &[u8], value: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    for part in [attribute, value] {
        content.extend_from_slice(&[0x04, 0x84]);
        content.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes());
        content.extend_from_slice(part);
    }
    let mut filter = vec![0xa3, 0x84];
    filter.extend_from_slice(&u32::try_from(content.len()).unwrap().to_be_bytes());
    filter.extend_from_slice(&content);
    filter
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_record_is_bounded_and_valid_whatever_is_in_it(
        (one, other, many) in (octets(), octets(), prop::collection::vec(octets(), 0..9)),
        (name, identity, proved) in (text(), text(), text()),
        values: bool, has_syslog: bool, numbers: (u64, u32, u16),
    ) {
        let syslog = has_syslog.then(|| SyslogSpec { facility: 23, hostname: "h".repeat(300), framed: true });
        for format in FORMATS {
            let spec = AuditSpec { filter_values: values, syslog: syslog.clone(), ..spec(format) };
            let mut audit = Audit::compile(&spec).unwrap();
            let client = ClientFields {
                connection: numbers.0, address: Some("2001:db8:1111:2222:3333:4444:5555:6666".parse().unwrap()), port: numbers.2,
                listener: &name, upstream: &name, tls_version: Some(&name), tls_cipher: Some(&name),
                certificate: Some(&identity), identity: Some(&identity),
            };
            let client = audit.client(&client);
            let end = End {
                message_id: numbers.1, code: Some(ResultCode(numbers.1)), entries: numbers.1, bytes: u64::MAX, seconds: f64::MAX,
                server: Some(&name), decided: Some(Decided { plugin: &name, rule: &name, verdict: Verdict::Refused, mode: Mode::Enforce }), identity: Some(&proved),
            };
            let mut expected = 0;
            for message in requests(&one, &other, &many) {
                let request = Request::parse(&message, &FilterLimits::default()).unwrap();
                let request = audit.request(&request);
                audit.finished(f64::MAX, &client, &request, &end);
                audit.finished(f64::MAX, &client, &request, &End { identity: None, ..end });
                expected += 2;
            }
            let over = ConnectionEnd { reason: Some(&name), bytes: u64::MAX, seconds: f64::MAX, decided: end.decided };
            for event in [ConnectionEvent::Opened, ConnectionEvent::Refused, ConnectionEvent::Closed] {
                audit.connection(f64::MAX, event, &client, &over);
                expected += 1;
            }
            let (mut octets, count) = audit.drain();
            prop_assert_eq!((count, audit.take_lost()), (expected, 0));
            for _ in 0..count {
                let record = next_record(&mut octets, has_syslog);
                if format == Format::Cef {
                    prop_assert!(record.starts_with("CEF:0|Ostiary|ostiary|"));
                    prop_assert!(extension(&record).contains_key("outcome"));
                } else {
                    object(&record);
                }
            }
            prop_assert!(octets.is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn a_record_is_the_same_whatever_was_recorded_before(
        (one, other, many) in (octets(), octets(), prop::collection::vec(octets(), 0..9)), (name, rule) in (text(), text()),
    ) {
        for format in FORMATS {
            let mut used = Audit::compile(&spec(format)).unwrap();
            let decided = Decided { plugin: &name, rule: &rule, verdict: Verdict::Allowed, mode: Mode::Enforce };
            let end = End { code: Some(ResultCode::SUCCESS), server: Some(&name), decided: Some(decided), ..End::default() };
            let otherwise = End { code: Some(ResultCode::BUSY), server: Some(&rule), decided: None, ..end };
            let mut messages = requests(&one, &other, &many);
            messages.extend([search(&one, &filter("(cn=a)"), &[b"cn"], &[]), search(&one, &filter("(cn=b)"), &[b"cn"], &[])]);
            for (message, end) in messages.iter().flat_map(|message| [(message, end), (message, end), (message, otherwise)]) {
                let request = Request::parse(message, &FilterLimits::default()).unwrap();
                let client = used.client(&plain_client());
                if request.kind() == RequestKind::Search {
                    used.finished_search(1.0, &client, message, &end);
                } else {
                    let part = used.request(&request);
                    used.finished(1.0, &client, &part, &end);
                }
                let mut fresh = Audit::compile(&spec(format)).unwrap();
                let part = fresh.request(&request);
                fresh.finished(1.0, &client, &part, &end);
                prop_assert_eq!(String::from_utf8(used.drain().0), String::from_utf8(fresh.drain().0));
            }
        }
    }
}

/// Takes the next record off, and what stands around it.
fn next_record(octets: &mut Vec<u8>, has_syslog: bool) -> String {
    let end = if has_syslog {
        let space = octets.iter().position(|octet| *octet == b' ').unwrap();
        space + 1 + std::str::from_utf8(&octets[..space]).unwrap().parse::<usize>().unwrap()
    } else {
        octets.iter().position(|octet| *octet == b'\n').unwrap() + 1
    };
    assert!(end <= RECORD, "{end}");
    let rest = octets.split_off(end);
    let record = String::from_utf8(std::mem::replace(octets, rest)).unwrap();
    if !has_syslog {
        return record.trim_end_matches('\n').to_owned();
    }
    let (header, message) = record.split_once(" - ").and_then(|(_, rest)| rest.split_once(" - ")).unwrap();
    assert!(header == "operation" || header.starts_with("connection_"));
    message.to_owned()
}
